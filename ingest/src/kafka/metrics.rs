//! Figures of a running ingest, in the text format of Prometheus, and whether all is well.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::events::Counts;

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTopic {
    topic: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTable {
    topic: String,
    table: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfReason {
    topic: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPartition {
    topic: String,
    partition: i32,
}

/// Figures of all topics that one process reads.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    records: Family<OfTopic, Counter>,
    rows: Family<OfTable, Counter>,
    rejects: Family<OfReason, Counter>,
    commits: Family<OfTopic, Counter>,
    rivals: Family<OfTopic, Counter>,
    buffered: Family<OfTopic, Gauge>,
    position: Family<OfPartition, Gauge>,
    lag: Family<OfPartition, Gauge>,
    /// Topics that are ill, and why; those that are well are not named.
    ill: Mutex<BTreeMap<String, String>>,
    bytes_seen: AtomicU64,
    records_seen: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut new = Self {
            registry: Registry::with_prefix("hubtally_kafka"),
            records: Family::default(),
            rows: Family::default(),
            rejects: Family::default(),
            commits: Family::default(),
            rivals: Family::default(),
            buffered: Family::default(),
            position: Family::default(),
            lag: Family::default(),
            ill: Mutex::default(),
            bytes_seen: AtomicU64::default(),
            records_seen: AtomicU64::default(),
        };
        let registry = &mut new.registry;
        registry.register("records", "Messages whose rows are committed", new.records.clone());
        registry.register("rows", "Rows committed, by table", new.rows.clone());
        registry.register("rejects", "Messages refused, by reason", new.rejects.clone());
        registry.register("commits", "Commits", new.commits.clone());
        registry.register("rivals", "Commits that another process was ahead of", new.rivals.clone());
        registry.register("buffered_bytes", "Bytes that wait for their commit", new.buffered.clone());
        registry.register("position", "Offset that is read next, as committed", new.position.clone());
        registry.register("lag", "Messages that are there and not committed", new.lag.clone());
        new
    }
}

impl Metrics {
    /// All figures, as Prometheus reads them.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// What is wrong with topics; empty if all is well.
    pub fn ills(&self) -> Vec<String> {
        let ill = self.ill.lock().unwrap_or_else(PoisonError::into_inner);
        ill.iter().map(|(topic, why)| format!("{topic}: {why}")).collect()
    }

    /// Bytes and messages that came so far.
    pub(super) fn seen(&self) -> (u64, u64) {
        (self.bytes_seen.load(Ordering::Relaxed), self.records_seen.load(Ordering::Relaxed))
    }

    pub(super) fn came(&self, bytes: u64, records: u64) {
        self.bytes_seen.fetch_add(bytes, Ordering::Relaxed);
        self.records_seen.fetch_add(records, Ordering::Relaxed);
    }

    pub(super) fn is_ill(&self, topic: &str, why: Option<String>) {
        let mut ill = self.ill.lock().unwrap_or_else(PoisonError::into_inner);
        match why {
            Some(why) => drop(ill.insert(topic.to_owned(), why)),
            None => drop(ill.remove(topic)),
        }
    }

    pub(super) fn committed(&self, topic: &str, counts: &Counts) {
        let topic = || topic.to_owned();
        self.records.get_or_create(&OfTopic { topic: topic() }).inc_by(counts.records);
        for (table, rows) in &counts.rows {
            self.rows.get_or_create(&OfTable { topic: topic(), table }).inc_by(*rows);
        }
        for (reason, refused) in &counts.rejects {
            self.rejects.get_or_create(&OfReason { topic: topic(), reason }).inc_by(refused.count);
        }
    }

    pub(super) fn commit(&self, topic: &str, rivals: u64) {
        self.commits.get_or_create(&OfTopic { topic: topic.to_owned() }).inc();
        self.rivals.get_or_create(&OfTopic { topic: topic.to_owned() }).inc_by(rivals);
    }

    pub(super) fn buffered(&self, topic: &str, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.buffered.get_or_create(&OfTopic { topic: topic.to_owned() }).set(bytes);
    }

    pub(super) fn stands(&self, topic: &str, partition: i32, position: i64, end: Option<i64>) {
        let of = OfPartition { topic: topic.to_owned(), partition };
        self.position.get_or_create(&of).set(position);
        if let Some(end) = end {
            self.lag.get_or_create(&of).set((end - position).max(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_text_that_prometheus_reads() {
        let metrics = Metrics::default();
        let mut counts = Counts { records: 3, ..Counts::default() };
        counts.add_rows("pod_usage", 4);
        metrics.committed("usage", &counts);
        metrics.commit("usage", 0);
        metrics.stands("usage", 2, 40, Some(45));
        let text = metrics.text();
        for line in [
            "hubtally_kafka_rows_total{topic=\"usage\",table=\"pod_usage\"} 4",
            "hubtally_kafka_records_total{topic=\"usage\"} 3",
            "hubtally_kafka_lag{topic=\"usage\",partition=\"2\"} 5",
            "# TYPE hubtally_kafka_commits counter",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(metrics.ills().is_empty());
        metrics.is_ill("usage", Some("gone".to_owned()));
        assert_eq!(metrics.ills(), ["usage: gone"]);
        metrics.is_ill("usage", None);
        assert!(metrics.ills().is_empty());
    }
}
