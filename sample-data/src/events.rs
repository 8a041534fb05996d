//! Usage events as CloudEvents 1.0, the shapes that `hubtally_schemas::event` reads.

use std::io::{self, Write};

use hubtally_schemas::event;
use serde::Serialize;

/// A pod over one interval.
#[derive(Debug, Serialize)]
pub struct Pod<'a> {
    /// Uid.
    pub pod_uid: &'a str,
    /// Namespace.
    pub namespace: &'a str,
    /// Name.
    pub pod: &'a str,
    /// Node.
    pub node: &'a str,
    /// Raw user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// Server name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<&'a str>,
    /// Role.
    pub role: &'a str,
    /// Component label.
    pub component: &'a str,
    /// Image.
    pub image: &'a str,
    /// Digest of the image.
    pub image_digest: &'a str,
    /// Profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<&'a str>,
    /// First instant.
    pub start: &'a str,
    /// First instant after.
    pub end: &'a str,
    /// millicore·ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_request_millicore_ms: Option<i64>,
    /// millicore·ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_usage_millicore_ms: Option<i64>,
    /// byte·ms.
    pub memory_request_byte_ms: i64,
    /// byte·ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_usage_byte_ms: Option<i64>,
    /// milliGPU·ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_request_milligpu_ms: Option<i64>,
    /// milliGPU·ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_usage_milligpu_ms: Option<i64>,
    /// Quality, where it is not `observed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<&'a str>,
}

/// A node over one interval.
#[derive(Debug, Serialize)]
pub struct Node<'a> {
    /// Name.
    pub node: &'a str,
    /// Uid.
    pub node_uid: &'a str,
    /// Provider id.
    pub provider_id: &'a str,
    /// Instance type.
    pub instance_type: &'a str,
    /// Zone.
    pub zone: &'a str,
    /// Spot.
    pub spot: bool,
    /// Purpose.
    pub purpose: &'a str,
    /// Hub label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hub: Option<&'a str>,
    /// First instant.
    pub start: &'a str,
    /// First instant after.
    pub end: &'a str,
    /// Millicores.
    pub cpu_capacity_millicore: i64,
    /// Bytes.
    pub memory_capacity_byte: i64,
    /// MilliGPU.
    pub gpu_capacity_milligpu: i64,
    /// Millicores.
    pub cpu_allocatable_millicore: i64,
    /// Bytes.
    pub memory_allocatable_byte: i64,
}

/// A directory or a volume at one time.
#[derive(Debug, Serialize)]
pub struct Storage<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// Exporter.
    pub exporter: &'a str,
    /// Kind.
    pub kind: &'a str,
    /// Path.
    pub path: &'a str,
    /// Raw user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// When.
    pub time: &'a str,
    /// Bytes.
    pub bytes: i64,
    /// Quota.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_bytes: Option<i64>,
    /// Provisioned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned_bytes: Option<i64>,
    /// Latest modification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_modification: Option<&'a str>,
}

/// Something that happened at a hub.
#[derive(Debug, Serialize)]
pub struct Hub<'a> {
    /// Namespace.
    pub namespace: &'a str,
    /// `start`, `stop`, `launch`.
    pub action: &'a str,
    /// When.
    pub time: &'a str,
    /// Raw user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// Server name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<&'a str>,
    /// `success`, `failure`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<&'a str>,
    /// Launch provider and spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<&'a str>,
}

/// Samples expected and seen in an hour.
#[derive(Debug, Serialize)]
pub struct Coverage<'a> {
    /// Query.
    pub query: &'a str,
    /// UTC hour.
    pub hour: &'a str,
    /// Expected.
    pub expected: i64,
    /// Seen.
    pub seen: i64,
}

/// A payload with its event type.
pub trait Payload: Serialize {
    /// Its type.
    const KIND: &'static str;
}

impl Payload for Pod<'_> {
    const KIND: &'static str = event::POD_V1;
}
impl Payload for Node<'_> {
    const KIND: &'static str = event::NODE_V1;
}
impl Payload for Storage<'_> {
    const KIND: &'static str = event::STORAGE_V1;
}
impl Payload for Hub<'_> {
    const KIND: &'static str = event::HUB_V1;
}
impl Payload for Coverage<'_> {
    const KIND: &'static str = event::COVERAGE_V1;
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    time: &'a str,
    datacontenttype: &'a str,
    data: &'a T,
}

/// Appends an event as a line.
pub fn append<T: Payload>(
    line: &mut impl Write,
    source: &str,
    id: &str,
    time: &str,
    data: &T,
) -> io::Result<()> {
    let datacontenttype = "application/json";
    let envelope = Envelope { specversion: "1.0", id, source, kind: T::KIND, time, datacontenttype, data };
    serde_json::to_writer(&mut *line, &envelope)?;
    line.write_all(b"\n")
}
