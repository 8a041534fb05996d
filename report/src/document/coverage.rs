//! What was seen of each cluster (law L4).

use serde::Serialize;

/// The completeness certificate of a cluster, in short.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterCoverage {
    /// Cluster.
    pub cluster: String,
    /// Samples expected.
    pub expected: i64,
    /// Samples seen.
    pub seen: i64,
    /// Percent seen of expected, one decimal; `None` where none was expected.
    pub percent: Option<String>,
    /// Hours that were expected.
    pub hours: i64,
    /// Hours of which nothing was seen.
    pub hours_without_telemetry: i64,
    /// By UTC day.
    pub days: Vec<DayCoverage>,
}

/// A day of a cluster.
#[derive(Debug, Clone, Serialize)]
pub struct DayCoverage {
    /// ISO date, UTC.
    pub date: String,
    /// Samples expected.
    pub expected: i64,
    /// Samples seen.
    pub seen: i64,
    /// Hours of which nothing was seen.
    pub hours_without_telemetry: i64,
}
