//! What users used: memory and CPU by hub and user, over the hour's max(request, usage).

use std::collections::BTreeSet;

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
    /// Pods launched through Binder: their user is a visitor without a login.
    pub binder: bool,
    /// Memory, byte·ms.
    pub memory_byte_ms: i128,
    /// CPU, millicore·ms.
    pub cpu_millicore_ms: i128,
    /// GPU, milliGPU·ms.
    pub gpu_milligpu_ms: i128,
}

/// Visitors: users, by cluster, namespace and id, that had no pod but those of Binder.
pub fn visitors(usage: &[UsageOf]) -> BTreeSet<(&str, &str, &str)> {
    let users = |binder: bool| {
        let of = usage.iter().filter(move |usage| usage.binder == binder && !usage.user_id.is_empty());
        of.map(UsageOf::user).collect::<BTreeSet<_>>()
    };
    &users(true) - &users(false)
}

impl UsageOf {
    /// Its user: cluster, namespace and id.
    pub fn user(&self) -> (&str, &str, &str) {
        (&self.cluster, &self.namespace, &self.user_id)
    }
}
