//! One topic, session after session, until it is read or the run shall end.

use std::time::{Duration, Instant};

use hubtally_store::{OpenTables, Store, StoreError};
use rdkafka::client::Client;
use tokio::runtime::Handle;

use super::error::KafkaError;
use super::listener::Listener;
use super::open::open;
use super::report::TopicReport;
use super::session::Ended;
use super::topic_id::{self, Description, Undescribed};
use super::{Feed, KafkaOptions};
use crate::error::IngestError;
use crate::files::FileProblem;

/// The longest wait before a topic that failed is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often it is looked during a wait whether the run shall end.
const LOOK: Duration = Duration::from_millis(100);

/// How a topic's description is asked for.
pub(super) type Describe = fn(&Client<Listener>, &str, Duration) -> Result<Description, Undescribed>;

/// What reading one topic needs; owned, since it moves to a thread.
pub(super) struct Work {
    pub store: Store,
    pub tables: OpenTables,
    pub feed: Feed,
    pub topic: String,
    pub options: KafkaOptions,
    pub handle: Handle,
    pub describe: Describe,
}

/// Why a topic was not read to its end.
pub(super) enum Stop {
    /// The topic or its brokers: other topics go on.
    Topic(Box<KafkaError>),
    /// The store or the keys: nothing can go on.
    All(Box<IngestError>),
}

impl From<KafkaError> for Stop {
    fn from(error: KafkaError) -> Self {
        Self::Topic(Box::new(error))
    }
}

impl From<IngestError> for Stop {
    fn from(error: IngestError) -> Self {
        Self::All(Box::new(error))
    }
}

impl Work {
    pub fn new(store: &Store, tables: &OpenTables, feed: &Feed, topic: &str, options: &KafkaOptions) -> Self {
        Self {
            store: store.clone(),
            tables: tables.clone(),
            feed: feed.clone(),
            topic: topic.to_owned(),
            options: options.clone(),
            handle: Handle::current(),
            describe: topic_id::describe,
        }
    }

    /// Waits on the thread that reads for work of the store.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }

    /// Whether the run shall end.
    pub fn shall_end(&self) -> bool {
        *self.options.stop.borrow()
    }

    /// Where the store stands.
    pub fn position(&self, source: &str) -> Result<i64, IngestError> {
        self.block_on(self.tables.position(source))
            .map_err(|error| self.failed(&format!("reading the position of {source}"), error))
    }

    #[expect(clippy::unused_self, reason = "reads as the work that failed")]
    pub fn failed(&self, doing: &str, source: StoreError) -> IngestError {
        IngestError::Store { doing: doing.to_owned(), source: Box::new(source) }
    }
}

/// Reads a topic. What is wrong with it stands in the report; an error is one of the store.
pub(super) fn read(work: &Work) -> Result<TopicReport, IngestError> {
    let brokers = work.feed.brokers.bootstrap.clone();
    let mut report = TopicReport { topic: work.topic.clone(), brokers, ..TopicReport::default() };
    let mut failures = 0_u32;
    loop {
        let ended = open(work, &mut report).and_then(|mut session| {
            failures = 0;
            session.run(&mut report)
        });
        match ended {
            Ok(Ended::CaughtUp | Ended::Told) => return Ok(report),
            Ok(Ended::Again) => {}
            Err(Stop::All(error)) => return Err(*error),
            Err(Stop::Topic(error)) => {
                let said = FileProblem::new(&work.topic, &*error).message;
                work.options.metrics.is_ill(&work.topic, Some(said.clone()));
                if work.options.until_caught_up || work.shall_end() {
                    report.error = Some(said);
                    return Ok(report);
                }
                tracing::error!(topic = work.topic, "{said}");
                if error.is_permanent() {
                    report.error = Some(said);
                    return Ok(report);
                }
                failures += 1;
                wait(work, Duration::from_secs(1 << failures.min(5)).min(LONGEST_PAUSE));
            }
        }
    }
}

fn wait(work: &Work, pause: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < pause && !work.shall_end() {
        std::thread::sleep(LOOK);
    }
}
