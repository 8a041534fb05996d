//! What the client library says by itself: errors, log lines, offsets.
//!
//! Much of what goes wrong between a client and its brokers comes in no reply, only here: bad credentials, a
//! deleted topic, a leader that hangs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError as Library;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::statistics::Statistics;

use super::error::Cause;

/// The same complaint is logged again after so long.
const REPEAT: Duration = Duration::from_secs(30);

/// Listens to one client.
#[derive(Debug, Default)]
pub struct Listener(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    /// The last complaint, and when it was first said in a row.
    complaint: Option<(String, Instant)>,
    refused: bool,
    ends: HashMap<i32, i64>,
}

impl Listener {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was complained of last.
    pub fn cause(&self) -> Cause {
        Cause(self.heard().complaint.as_ref().map(|(text, _)| text.clone()))
    }

    /// Whether the brokers refused us, or we their certificate.
    pub fn is_refused(&self) -> bool {
        self.heard().refused
    }

    /// Forgets complaints: something came through.
    pub fn all_well(&self) {
        let mut heard = self.heard();
        heard.complaint = None;
        heard.refused = false;
    }

    /// The first offset that readers may not read yet, by partition, as far as it was told.
    pub fn ends(&self) -> HashMap<i32, i64> {
        self.heard().ends.clone()
    }

    /// Notes what is wrong, and logs it where it is new.
    pub fn complain(&self, text: String) {
        let mut heard = self.heard();
        let known = heard.complaint.as_ref();
        if known.is_none_or(|(said, at)| *said != text || at.elapsed() > REPEAT) {
            tracing::warn!("Kafka: {text}");
            heard.complaint = Some((text, Instant::now()));
        }
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
                tracing::debug!(facility, "{message}");
            }
            // What matters comes as an error too; a line here names the broker or the request.
            _ => tracing::info!(facility, "{message}"),
        }
    }

    fn error(&self, error: Library, reason: &str) {
        let code = error.rdkafka_error_code();
        if matches!(code, Some(Code::PartitionEOF)) {
            return;
        }
        let refused = matches!(
            code,
            Some(
                Code::Authentication
                    | Code::SaslAuthenticationFailed
                    | Code::SSL
                    | Code::ClusterAuthorizationFailed
                    | Code::TopicAuthorizationFailed
            )
        );
        // "all brokers down" says less than what was said before it.
        if matches!(code, Some(Code::AllBrokersDown)) && self.cause().0.is_some() {
            return;
        }
        self.complain(if reason.is_empty() { error.to_string() } else { reason.to_owned() });
        if refused {
            self.heard().refused = true;
        }
    }

    fn stats(&self, statistics: Statistics) {
        let mut heard = self.heard();
        for topic in statistics.topics.values() {
            for (partition, figures) in &topic.partitions {
                if figures.ls_offset >= 0 {
                    heard.ends.insert(*partition, figures.ls_offset);
                }
            }
        }
    }
}

impl ConsumerContext for Listener {}
