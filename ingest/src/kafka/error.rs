//! What can go wrong between us and one topic. It stops that topic only.

use std::fmt;

use thiserror::Error;

/// An operation on one topic that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// The configuration is refused by the client library.
    #[error("a Kafka client for {brokers} cannot be set up: check the keys of this [[kafka]]")]
    Client {
        /// The brokers.
        brokers: String,
        /// Why.
        source: rdkafka::error::KafkaError,
    },
    /// No broker answers in time.
    #[error("no broker of {brokers} answers {within}: check the address, the network and `tls`{cause}")]
    Unreachable {
        /// The brokers.
        brokers: String,
        /// For how long it was tried, `within 10 s`.
        within: String,
        /// What the client complained of last.
        cause: Cause,
    },
    /// The brokers refuse the credentials, or their certificate is refused.
    #[error(
        "{brokers} refuses the credentials: check `user`, `password`, `mechanism`, `ca` and the client certificate of this [[kafka]]{cause}"
    )]
    Refused {
        /// The brokers.
        brokers: String,
        /// What the client complained of.
        cause: Cause,
    },
    /// There is no topic of that name.
    #[error("{brokers} has no topic {topic:?}: it was deleted, or never made, or this user may not see it")]
    NoTopic {
        /// The brokers.
        brokers: String,
        /// The topic.
        topic: String,
    },
    /// The topic cannot be described.
    #[error("the topic {topic:?} cannot be described: {why}{cause}")]
    Describe {
        /// The topic.
        topic: String,
        /// What the broker said.
        why: String,
        /// What the client complained of last.
        cause: Cause,
    },
    /// The broker knows no topic ids, by which alone a topic that was made anew is told from the old one.
    #[error("{brokers} gives topics no id: Apache Kafka 2.8 or newer is needed")]
    NoTopicId {
        /// The brokers.
        brokers: String,
    },
    /// An offset could not be asked for.
    #[error("the offsets of {topic}/{partition} cannot be asked for{cause}")]
    Offsets {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What the client complained of last.
        cause: Cause,
        /// Why.
        source: rdkafka::error::KafkaError,
    },
    /// The store has read further than the partition goes.
    #[error(
        "{topic}/{partition} ends at offset {end}, and the store has read it up to {position}: the topic lost records. Make it anew under another name, or restore it"
    )]
    Past {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Where it ends.
        end: i64,
        /// Where the store stands.
        position: i64,
    },
    /// The client cannot be told what to read.
    #[error("{topic} cannot be read{cause}")]
    Consume {
        /// The topic.
        topic: String,
        /// What the client complained of last.
        cause: Cause,
        /// Why.
        source: rdkafka::error::KafkaError,
    },
    /// Nothing comes though there is something.
    #[error("{topic} gives nothing for {seconds} s though records are there: its leader may hang{cause}")]
    Stalled {
        /// The topic.
        topic: String,
        /// For how long.
        seconds: u64,
        /// What the client complained of last.
        cause: Cause,
    },
}

impl KafkaError {
    /// Whether waiting helps nobody: a person must mend the configuration.
    pub fn is_permanent(&self) -> bool {
        matches!(self, Self::Client { .. } | Self::Refused { .. } | Self::NoTopicId { .. })
    }
}

/// What the client library complained of, as the end of a sentence; empty if of nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cause(pub Option<String>);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |cause| write!(f, "; the last complaint: {cause}"))
    }
}
