//! Clusters' Prometheus servers: raw samples become pods, nodes, directories and coverage.
//!
//! A source is one query set of one cluster, `prometheus/<cluster>/<set>`, and its position the end of
//! the last window in milliseconds; rows and position are one commit (law L2). Windows end at cells of
//! five minutes and are read with a margin, so that any tiling of windows gives the same rows (law L3).
//!
//! One window goes through `sets` (what is asked) → `client`, `range` (raw samples) → `pods`, `nodes`,
//! `homes`, `volumes`, `hubs` (joined by identity; `hubtally_rules` measures) → `sink` (rows) → `run` (commits).

mod client;
mod coverage;
mod error;
mod homes;
mod hubs;
mod labels;
mod nodes;
mod number;
mod people;
mod pod_rows;
mod pods;
mod range;
mod remote_read;
mod reply;
mod report;
mod run;
mod sets;
mod sink;
mod start;
#[cfg(test)]
mod tests;
mod volumes;
mod xor_chunk;

use futures::StreamExt;
use hubtally_rules::timeline::Cadence;
use hubtally_schemas::{ClusterId, Instant};
use hubtally_store::{OpenTables, Store};

pub use client::{Access, Credentials, PrometheusClient, Transport};
pub use error::PrometheusError;
pub use remote_read::StreamError;
pub use report::{ClusterReport, PrometheusReport, SetReport};
pub use sets::QuerySet;

use crate::error::IngestError;
use crate::progress::Progress;

/// Samples may come this late: a window is read only when it ended so long ago, and a margin more.
pub const SETTLE_MS: i64 = 5 * 60 * 1_000;

/// Where a source begins that was never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At the oldest sample that the server holds.
    Earliest,
    /// Now: nothing older is read.
    Latest,
    /// At a time. Where the server's samples begin later, the hours between are a gap.
    At(Instant),
}

/// One cluster and how its Prometheus is read.
#[derive(Debug, Clone)]
pub struct PrometheusCluster {
    /// Cluster id.
    pub id: ClusterId,
    /// How its Prometheus is reached.
    pub access: Access,
    /// Where it begins.
    pub begin: Begin,
    /// How much is read at once, milliseconds; rounded down to cells.
    pub window_ms: i64,
    /// How often it scrapes.
    pub cadence: Cadence,
    /// The Kubernetes label of a node that names its hub.
    pub hub_label: String,
    /// What its pods' labels and namespaces mean.
    pub naming: PodNaming,
}

/// What labels and namespaces of pods mean on a cluster, where nothing general tells.
#[derive(Debug, Clone, Default)]
pub struct PodNaming {
    /// The Kubernetes label or annotation of a user's pod that names the profile that was chosen.
    pub profile_label: Option<String>,
    /// Namespaces of BinderHubs: user pods there are launches.
    pub binder_namespaces: Vec<String>,
}

/// How Prometheus servers are read.
#[derive(Debug, Clone)]
pub struct PrometheusOptions {
    /// The present.
    pub now: Instant,
    /// Nothing at or after it is read, whatever is settled.
    pub until: Option<Instant>,
    /// How many clusters are read at once.
    pub parallel: usize,
    /// A batch is committed at about this many rows.
    pub batch_rows: u64,
}

impl PrometheusOptions {
    /// As far as is settled, four clusters at once, batches of 250,000 rows.
    pub fn new(now: Instant) -> Self {
        Self { now, until: None, parallel: 4, batch_rows: 250_000 }
    }
}

/// Reads what is new of each cluster into the store.
///
/// A cluster that cannot be read is named in the report and holds up no other; a store that fails stops
/// the run, and what was committed is not read again.
pub async fn ingest_prometheus(
    store: &Store,
    clusters: &[PrometheusCluster],
    options: &PrometheusOptions,
    progress: &dyn Progress,
) -> Result<PrometheusReport, IngestError> {
    let mut report = PrometheusReport::default();
    if clusters.is_empty() {
        return Ok(report);
    }
    let tables = OpenTables::open(store).await.map_err(|source| IngestError::Store {
        doing: "opening the tables".to_owned(),
        source: Box::new(source),
    })?;
    let names: Vec<&str> = clusters.iter().map(|cluster| cluster.id.as_str()).collect();
    progress.start(&format!("Prometheus of {}", names.join(", ")), None);
    let mut read = futures::stream::iter(clusters)
        .map(|cluster| run::read(store, &tables, cluster, options, progress))
        .buffered(options.parallel.max(1));
    while let Some(cluster) = read.next().await {
        report.clusters.push(cluster?);
    }
    progress.finish();
    Ok(report)
}
