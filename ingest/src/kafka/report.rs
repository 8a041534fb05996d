//! What an ingest of topics did, for a person and for `--json`.

use serde::Serialize;

use crate::events::Counts;

/// What became of all topics.
#[derive(Debug, Clone, Default, Serialize)]
pub struct KafkaReport {
    /// Each topic.
    pub topics: Vec<TopicReport>,
}

/// What became of one topic.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TopicReport {
    /// Its name.
    pub topic: String,
    /// The brokers that were asked.
    pub brokers: String,
    /// The partitions that were read.
    pub partitions: Vec<PartitionReport>,
    /// What became of the messages.
    #[serde(flatten)]
    pub counts: Counts,
    /// Messages that another process had committed by then.
    pub already_read: u64,
    /// Commits made.
    pub batches: u64,
    /// How often another process was met that read the same partitions.
    pub rivals: u64,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Why it was not read to its end, if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What became of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PartitionReport {
    /// Its number.
    pub partition: i32,
    /// Source id.
    pub source: String,
    /// Where it began, if it was never read before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<i64>,
    /// The offset where this run went on.
    pub from: i64,
    /// The offset that is read next.
    pub to: i64,
    /// Where it ended when it was looked at last.
    pub end: i64,
    /// Offsets that the broker had deleted before they were read: the first, and the one after the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<(i64, i64)>,
}

impl KafkaReport {
    /// What is missing: the data is incomplete, and a person must look.
    pub fn gaps(&self) -> Vec<String> {
        let mut all = Vec::new();
        for topic in &self.topics {
            for partition in &topic.partitions {
                all.extend(partition.gaps.iter().map(|(from, to)| {
                    format!(
                        "{}/{}: the broker deleted the offsets {from} to {} before they were read",
                        topic.topic,
                        partition.partition,
                        to - 1
                    )
                }));
            }
            all.extend(topic.error.iter().map(|why| format!("{}: {why}", topic.topic)));
        }
        all
    }

    /// Messages refused.
    pub fn rejected(&self) -> u64 {
        self.topics.iter().map(|topic| topic.counts.rejected()).sum()
    }

    /// Whether no topic could be read.
    pub fn nothing_read(&self) -> bool {
        !self.topics.is_empty()
            && self.topics.iter().all(|topic| topic.error.is_some() && topic.partitions.is_empty())
    }
}

impl TopicReport {
    /// The entry of a source, made where it is missing.
    pub(super) fn partition(&mut self, partition: i32, source: &str) -> &mut PartitionReport {
        let known = self.partitions.iter().position(|one| one.source == source);
        let index = known.unwrap_or_else(|| {
            let one = PartitionReport { partition, source: source.to_owned(), ..PartitionReport::default() };
            self.partitions.push(one);
            self.partitions.len() - 1
        });
        &mut self.partitions[index]
    }
}
