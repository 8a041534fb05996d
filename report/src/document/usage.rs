//! What hubs and users used: quantities, exact, as integers in text.

use serde::{Serialize, Serializer};

/// A user: a login on one hub.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct UserKey {
    /// Cluster.
    pub cluster: String,
    /// Hub.
    pub hub: String,
    /// Namespace.
    pub namespace: String,
    /// Keyed id.
    pub user_id: String,
}

/// What a user of a hub used.
#[derive(Debug, Clone, Serialize)]
pub struct UserUse {
    /// Who.
    #[serde(flatten)]
    pub user: UserKey,
    /// Memory and CPU.
    #[serde(flatten)]
    pub quantity: Quantity,
    /// Home directory at the last scan, bytes; `None` where it was not seen.
    pub home_bytes: Option<String>,
}

/// What a hub was used for.
#[derive(Debug, Clone, Serialize)]
pub struct HubUse {
    /// Cluster.
    pub cluster: String,
    /// Hub id; empty where the registry names none.
    pub hub: String,
    /// Name on documents.
    pub name: String,
    /// Users with a pod in the month.
    pub users: i64,
    /// Visitors: launches through Binder, without a login.
    pub visitors: i64,
    /// Memory and CPU of all its pods.
    #[serde(flatten)]
    pub quantity: Quantity,
}

/// The larger of requested and used, hour by hour, over the month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Quantity {
    /// Memory, byte·ms.
    #[serde(serialize_with = "integer")]
    pub memory_byte_ms: i128,
    /// CPU, millicore·ms.
    #[serde(serialize_with = "integer")]
    pub cpu_millicore_ms: i128,
    /// GPU, milliGPU·ms.
    #[serde(serialize_with = "integer")]
    pub gpu_milligpu_ms: i128,
}

/// Home directories of a hub.
#[derive(Debug, Clone, Serialize)]
pub struct HomeLine {
    /// Cluster.
    pub cluster: String,
    /// Hub id; empty for none.
    pub hub: String,
    /// Name on documents.
    pub name: String,
    /// Day of the last scan.
    pub last_scan: String,
    /// Users' directories.
    pub users: DirectoryGroup,
    /// Directories of the hub.
    pub shared: DirectoryGroup,
    /// Directories that belong to nobody.
    pub orphans: DirectoryGroup,
}

/// Directories shown as one.
#[derive(Debug, Clone, Serialize)]
pub struct DirectoryGroup {
    /// How many.
    pub directories: i64,
    /// Bytes.
    #[serde(serialize_with = "integer")]
    pub bytes: i128,
    /// Bytes in directories where nothing was modified for 90 days.
    #[serde(serialize_with = "integer")]
    pub untouched_bytes: i128,
}

fn integer<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
