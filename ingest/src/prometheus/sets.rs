//! What is asked: one set of queries for each kind of thing, each a source of its own.

use std::fmt::Write as _;

/// A set of queries whose rows are committed together, `prometheus/<cluster>/<name>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QuerySet {
    /// Pods: what they request and use, on which node, whose they are.
    Pods,
    /// Nodes: what they can give.
    Nodes,
    /// Directories and their sizes.
    Homes,
    /// Volumes: what is used of what was provisioned.
    Volumes,
    /// What hubs tell of themselves.
    Hubs,
}

/// One query of a set: series of a metric, by their labels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query {
    /// The metric.
    pub metric: &'static str,
    /// What the labels of its series must be.
    pub matchers: &'static [Matcher],
    /// Values are multiplied by 10 to this power, and rounded down.
    pub scale: u32,
}

/// What a label must be; a label that is absent is empty.
#[derive(Debug, Clone, Copy)]
pub(super) enum Matcher {
    /// This value.
    Is(&'static str, &'static str),
    /// Another value.
    IsNot(&'static str, &'static str),
    /// What this regular expression matches from end to end.
    Matches(&'static str, &'static str),
}

impl Query {
    /// As PromQL writes it.
    pub fn selector(&self) -> String {
        let mut out = self.metric.to_owned();
        for (index, matcher) in self.matchers.iter().enumerate() {
            let (label, operator, value) = match matcher {
                Matcher::Is(label, value) => (label, "=", value),
                Matcher::IsNot(label, value) => (label, "!=", value),
                Matcher::Matches(label, value) => (label, "=~", value),
            };
            let before = if index == 0 { '{' } else { ',' };
            // No value that is asked for has a character that PromQL escapes.
            let _ = write!(out, "{before}{label}{operator}\"{value}\"");
        }
        if !self.matchers.is_empty() {
            out.push('}');
        }
        out
    }
}

/// All series of a metric.
pub(super) const fn all(metric: &'static str, scale: u32) -> Query {
    Query { metric, matchers: &[], scale }
}

const fn some(metric: &'static str, matchers: &'static [Matcher], scale: u32) -> Query {
    Query { metric, matchers, scale }
}

/// Without a container's name these are sums over containers: they would count twice.
const CONTAINERS: &[Matcher] = &[Matcher::IsNot("container", ""), Matcher::IsNot("container", "POD")];

/// Queries of [`QuerySet::Pods`], in the order in which `pods` takes the answers. Instants are seconds, read in
/// milliseconds.
const PODS: &[Query] = &[
    some("kube_pod_status_phase", &[Matcher::Matches("phase", "Running|Unknown")], 0),
    all("kube_pod_info", 0),
    all("kube_pod_container_resource_requests", 6),
    all("kube_pod_init_container_resource_requests", 6),
    some("kube_pod_init_container_info", &[Matcher::Is("restart_policy", "Always")], 0),
    all("kube_pod_labels", 0),
    some("kube_pod_annotations", &[Matcher::IsNot("annotation_hub_jupyter_org_username", "")], 0),
    all("kube_pod_container_info", 0),
    all("kube_pod_start_time", 3),
    all("kube_pod_completion_time", 3),
    all("kube_pod_container_state_started", 3),
    some("container_cpu_usage_seconds_total", CONTAINERS, 6),
    some("container_memory_working_set_bytes", CONTAINERS, 0),
    some("container_start_time_seconds", CONTAINERS, 3),
];

/// Queries of [`QuerySet::Nodes`], in the order in which `nodes` takes the answers.
const NODES: &[Query] = &[
    all("kube_node_info", 0),
    all("kube_node_labels", 0),
    all("kube_node_status_capacity", 3),
    all("kube_node_status_allocatable", 3),
];

/// Queries of [`QuerySet::Homes`], in the order in which `homes` takes the answers.
const HOMES: &[Query] = &[
    all("dirsize_total_size_bytes", 0),
    all("dirsize_hard_limit_bytes", 0),
    // Seconds, whatever its name says.
    all("dirsize_last_updated_ns", 3),
    all("dirsize_latest_mtime", 3),
];

/// Queries of [`QuerySet::Volumes`], in the order in which `volumes` takes the answers.
const VOLUMES: &[Query] =
    &[all("kubelet_volume_stats_used_bytes", 0), all("kubelet_volume_stats_capacity_bytes", 0)];

/// Queries of [`QuerySet::Hubs`].
const HUBS: &[Query] = &[
    all("jupyterhub_active_users", 0),
    all("jupyterhub_running_servers", 0),
    all("jupyterhub_total_users", 0),
];

impl QuerySet {
    /// All, in the order of reading: names met with pods answer the slugs of directories.
    pub const ALL: [Self; 5] = [Self::Pods, Self::Nodes, Self::Homes, Self::Volumes, Self::Hubs];

    /// As source ids and `coverage.query` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Nodes => "nodes",
            Self::Homes => "homes",
            Self::Volumes => "volumes",
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
            Self::Volumes => "kubelet_volume_stats_used_bytes",
            Self::Hubs => "jupyterhub_running_servers",
        }
    }

    pub(super) fn queries(self) -> &'static [Query] {
        match self {
            Self::Pods => PODS,
            Self::Nodes => NODES,
            Self::Homes => HOMES,
            Self::Volumes => VOLUMES,
            Self::Hubs => HUBS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_written_as_promql_writes_it() {
        let written: Vec<String> =
            QuerySet::ALL.iter().flat_map(|set| set.queries()).map(Query::selector).collect();
        for expected in [
            "kube_pod_info",
            "kube_pod_status_phase{phase=~\"Running|Unknown\"}",
            "container_cpu_usage_seconds_total{container!=\"\",container!=\"POD\"}",
        ] {
            assert!(written.iter().any(|one| one == expected), "{expected} {written:?}");
        }
        for set in QuerySet::ALL {
            assert!(set.queries().iter().any(|query| query.metric == set.telling()), "{set:?}");
        }
    }
}
