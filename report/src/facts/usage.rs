//! What users used: memory and CPU by hub and user, over the hour's max(request, usage).

/// One user (or none) of one hub over the month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageOf {
    /// Community of the hub; empty for none.
    pub community: String,
    /// Cluster.
    pub cluster: String,
    /// Hub; empty where the registry names none.
    pub hub: String,
    /// Namespace.
    pub namespace: String,
    /// User; empty for pods of no user.
    pub user_id: String,
    /// Memory, byte·ms.
    pub memory_byte_ms: i128,
    /// CPU, millicore·ms.
    pub cpu_millicore_ms: i128,
    /// GPU, milliGPU·ms.
    pub gpu_milligpu_ms: i128,
}
