//! What is asked: one set of queries for each kind of thing, each a source of its own.

/// A set of queries whose rows are committed together, `prometheus/<cluster>/<name>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuerySet {
    /// Pods: what they request and use, on which node, whose they are.
    Pods,
    /// Nodes: what they can give.
    Nodes,
    /// Directories and their sizes.
    Homes,
    /// What hubs tell of themselves.
    Hubs,
}

/// One query of a set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    /// The selector.
    pub selector: &'static str,
    /// Values are multiplied by 10 to this power, and rounded down.
    pub scale: u32,
}

const fn query(selector: &'static str, scale: u32) -> Query {
    Query { selector, scale }
}

/// Queries of [`QuerySet::Pods`], in the order in which `pods` takes the answers.
const PODS: &[Query] = &[
    query("kube_pod_status_phase{phase=~\"Running|Unknown\"}", 0),
    query("kube_pod_info", 0),
    query("kube_pod_container_resource_requests", 6),
    query("kube_pod_init_container_resource_requests", 6),
    query("kube_pod_init_container_info{restart_policy=\"Always\"}", 0),
    query("kube_pod_labels", 0),
    query("kube_pod_annotations{annotation_hub_jupyter_org_username!=\"\"}", 0),
    query("kube_pod_container_info", 0),
    // Without a container's name these are sums over containers: they would count twice.
    query("container_cpu_usage_seconds_total{container!=\"\",container!=\"POD\"}", 6),
    query("container_memory_working_set_bytes{container!=\"\",container!=\"POD\"}", 0),
];

/// Queries of [`QuerySet::Nodes`], in the order in which `nodes` takes the answers.
const NODES: &[Query] = &[
    query("kube_node_info", 0),
    query("kube_node_labels", 0),
    query("kube_node_status_capacity", 3),
    query("kube_node_status_allocatable", 3),
];

/// Queries of [`QuerySet::Homes`], in the order in which `homes` takes the answers.
const HOMES: &[Query] = &[
    query("dirsize_total_size_bytes", 0),
    query("dirsize_hard_limit_bytes", 0),
    // Seconds, whatever its name says.
    query("dirsize_last_updated_ns", 3),
    query("dirsize_latest_mtime", 3),
];

/// Queries of [`QuerySet::Hubs`].
const HUBS: &[Query] = &[
    query("jupyterhub_active_users", 0),
    query("jupyterhub_running_servers", 0),
    query("jupyterhub_total_users", 0),
];

impl QuerySet {
    /// All, in the order of reading: names met with pods answer the slugs of directories.
    pub const ALL: [Self; 4] = [Self::Pods, Self::Nodes, Self::Homes, Self::Hubs];

    /// As source ids and `coverage.query` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Nodes => "nodes",
            Self::Homes => "homes",
            Self::Hubs => "hubs",
        }
    }

    /// The source id of a cluster's set.
    pub fn source(self, cluster: &str) -> String {
        format!("prometheus/{cluster}/{}", self.name())
    }

    /// Whether a cluster without it is incomplete: not every cluster has directories or hubs that tell.
    pub fn needed(self) -> bool {
        matches!(self, Self::Pods | Self::Nodes)
    }

    /// The metric without which the set has nothing to tell.
    pub(super) fn telling(self) -> &'static str {
        match self {
            Self::Pods => "kube_pod_container_resource_requests",
            Self::Nodes => "kube_node_status_capacity",
            Self::Homes => "dirsize_total_size_bytes",
            Self::Hubs => "jupyterhub_running_servers",
        }
    }

    pub(super) fn queries(self) -> &'static [Query] {
        match self {
            Self::Pods => PODS,
            Self::Nodes => NODES,
            Self::Homes => HOMES,
            Self::Hubs => HUBS,
        }
    }
}
