//! What an ingest of Prometheus did, for a person and for `--json`.

use hubtally_schemas::Instant;
use serde::Serialize;

use crate::events::Counts;

/// What became of all clusters.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PrometheusReport {
    /// Each cluster, in the order of the configuration.
    pub clusters: Vec<ClusterReport>,
}

/// What became of one cluster.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterReport {
    /// Cluster id.
    pub cluster: String,
    /// Address of its Prometheus.
    pub url: String,
    /// Its query sets, as far as they were read.
    pub sets: Vec<SetReport>,
    /// Why it was not read to its end; what is in `sets` is committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What a person should look at.
    pub warnings: Vec<String>,
}

/// What became of one query set of a cluster.
#[derive(Debug, Clone, Serialize)]
pub struct SetReport {
    /// `pods`, `nodes`, `homes`, `hubs`.
    pub query_set: &'static str,
    /// Source id.
    pub source: String,
    /// Set where this run began the source: the start that the configuration asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<Instant>,
    /// Where this run went on from.
    pub from: Option<Instant>,
    /// How far the source is committed now.
    pub until: Option<Instant>,
    /// Windows read and committed.
    pub windows: u64,
    /// Bytes of answers.
    pub bytes: u64,
    /// Scrapes expected in the hours whose coverage was stored.
    pub expected: i64,
    /// Scrapes seen in them.
    pub seen: i64,
    /// Rows and refusals.
    #[serde(flatten)]
    pub counts: Counts,
    /// Commits made.
    pub batches: u64,
    /// How often another process was met that reads the same source.
    pub rivals: u32,
    /// Set where the newest hours hold nothing: they are read again until something comes after them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_since: Option<Instant>,
}

impl PrometheusReport {
    /// What could not be read, a sentence each: the data is incomplete, and a person must look.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for cluster in &self.clusters {
            if let Some(error) = &cluster.error {
                gaps.push(format!("cluster {}: {error}", cluster.cluster));
            }
            for set in &cluster.sets {
                if let Some(since) = set.silent_since {
                    gaps.push(format!(
                        "cluster {}: its Prometheus has nothing about {} since {since}: look at kube-state-metrics there",
                        cluster.cluster, set.query_set
                    ));
                }
            }
        }
        gaps
    }

    /// Records refused.
    pub fn rejected(&self) -> u64 {
        self.clusters.iter().flat_map(|cluster| &cluster.sets).map(|set| set.counts.rejected()).sum()
    }

    /// Whether no cluster could be read at all.
    pub fn nothing_read(&self) -> bool {
        !self.clusters.is_empty()
            && self
                .clusters
                .iter()
                .all(|cluster| cluster.error.is_some() && cluster.sets.iter().all(|set| set.windows == 0))
    }
}
