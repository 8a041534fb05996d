//! Kafka topics of usage events: CloudEvents, one a message, structured or binary.
//!
//! A source is one partition of one topic, `kafka/<Kafka cluster id>/<topic>@<topic id>/<partition>`, and its
//! position the offset that is read next. Positions live in the tables, not in Kafka: the commit that makes rows
//! visible moves them (law L2), and what is published to the consumer group is a hint for programs that watch the
//! lag. A topic that was made anew under its name is another source.
//!
//! Each topic has a thread of its own: `run` (again and again, until it is read) → `open` (who and where: `connect`,
//! `topic_id`, `begin`) → `session` (messages in, commits out: `message`, `partition`, `commit`). What the client
//! library says by itself is heard by `listener`.

mod begin;
mod commit;
mod connect;
mod error;
mod listener;
mod message;
mod metrics;
mod open;
mod partition;
mod report;
mod run;
mod session;
#[cfg(test)]
mod tests;
mod topic_id;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use hubtally_schemas::{ClusterId, Instant};
use hubtally_store::{OpenTables, Store};
use tokio::sync::watch;

pub use crate::prometheus::Begin;
pub use begin::Share;
pub use connect::{Brokers, Sasl};
pub use error::KafkaError;
pub use metrics::{MEDIA_TYPE, Metrics};
pub use report::{KafkaReport, PartitionReport, TopicReport};

use crate::error::IngestError;
use crate::progress::Progress;
use run::Work;

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Topics of one Kafka cluster that are read alike.
#[derive(Debug, Clone)]
pub struct Feed {
    /// How the cluster is reached.
    pub brokers: Brokers,
    /// The topics.
    pub topics: Vec<String>,
    /// The hub clusters that they may speak for.
    pub clusters: BTreeSet<ClusterId>,
    /// Where a topic begins that was never read.
    pub begin: Begin,
    /// When a batch is committed.
    pub limits: Limits,
}

/// A batch is committed at the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// About this many bytes of one topic wait.
    pub bytes: usize,
    /// This many rows of one topic wait.
    pub rows: u64,
    /// The oldest row waits so long.
    pub age: Duration,
}

impl Default for Limits {
    /// 64 MiB, a million rows, five minutes.
    fn default() -> Self {
        Self { bytes: 64 << 20, rows: 1_000_000, age: Duration::from_mins(5) }
    }
}

/// How topics are read.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// The present; events more than five minutes after it are refused.
    pub clock: fn() -> Instant,
    /// Which partitions are this worker's.
    pub share: Share,
    /// Whether to end where the topics ended at the start, or never.
    pub until_caught_up: bool,
    /// Turns true when the work shall end: what is buffered is committed.
    pub stop: watch::Receiver<bool>,
    /// Where the work is counted.
    pub metrics: Arc<Metrics>,
}

impl KafkaOptions {
    /// All partitions, until they are caught up with.
    pub fn until_caught_up(clock: fn() -> Instant) -> Self {
        let (_, stop) = watch::channel(false);
        Self { clock, share: Share::ALL, until_caught_up: true, stop, metrics: Arc::default() }
    }
}

/// Reads topics into the store.
///
/// A topic that cannot be read is named in the report and holds up no other; a store that fails stops the run,
/// and what was committed is not read again.
pub async fn ingest_kafka(
    store: &Store,
    feeds: &[Feed],
    options: &KafkaOptions,
    progress: &dyn Progress,
) -> Result<KafkaReport, IngestError> {
    let mut report = KafkaReport::default();
    let names: Vec<&str> = feeds.iter().flat_map(|feed| &feed.topics).map(String::as_str).collect();
    if names.is_empty() {
        return Ok(report);
    }
    let tables = OpenTables::open(store).await.map_err(|source| IngestError::Store {
        doing: "opening the tables".to_owned(),
        source: Box::new(source),
    })?;
    progress.start(&format!("Kafka topics {}", names.join(", ")), None);
    let mut readers = FuturesUnordered::new();
    for feed in feeds {
        for topic in &feed.topics {
            let (number, work) = (readers.len(), Work::new(store, &tables, feed, topic, options));
            let reader = tokio::task::spawn_blocking(move || run::read(&work));
            readers.push(reader.map(move |ended| (number, ended)));
        }
    }
    let (mut told, mut ended) = ((0, 0), BTreeMap::new());
    // Whichever ends first is heard first: a store that fails stops the run, whoever met it.
    loop {
        tokio::select! {
            reader = readers.next() => {
                let Some((number, reader)) = reader else { break };
                ended.insert(number, reader.map_err(|_| IngestError::Worker { doing: "reads a Kafka topic" })??);
            }
            () = tokio::time::sleep(TELL_EVERY) => {
                let seen = options.metrics.seen();
                progress.advance(seen.0 - told.0, seen.1 - told.1);
                told = seen;
            }
        }
    }
    report.topics = ended.into_values().collect();
    progress.finish();
    Ok(report)
}
