//! The start of a session: who the cluster and the topic are, and where each partition goes on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hubtally_schemas::reject::{DatedBy, RejectReason};
use hubtally_schemas::tables::REJECTS;
use hubtally_store::{SourceBatch, StoreError};
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::Begin;
use super::begin::{Resume, resume};
use super::error::KafkaError;
use super::listener::Listener;
use super::partition::Partition;
use super::report::TopicReport;
use super::run::{Stop, Work};
use super::session::Session;
use super::topic_id::{Description, Undescribed};
use crate::error::IngestError;
use crate::events::rows::{RejectRow, RejectRows};
use crate::events::{Judgement, NameKeys};

/// How long brokers may take to answer at the start.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one question may take.
pub(super) const ONE_QUESTION: Duration = Duration::from_secs(4);
/// How long is waited between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Opens a session on a topic.
pub(super) fn open<'w>(work: &'w Work, report: &mut TopicReport) -> Result<Session<'w>, Stop> {
    let config = work.feed.brokers.consumer(work.feed.limits.bytes / 2);
    let consumer: BaseConsumer<Listener> = config
        .create_with_context(Listener::default())
        .map_err(|source| KafkaError::Client { brokers: work.feed.brokers.bootstrap.clone(), source })?;
    let cluster = cluster_id(work, &consumer)?;
    let topic = describe(work, &consumer)?;
    let source = |partition: i32| format!("kafka/{cluster}/{}@{}/{partition}", work.topic, topic.id);
    let sources: Vec<String> = (0..topic.partitions).map(source).collect();
    work.block_on(work.tables.refresh())
        .map_err(|source| work.failed("reading what others committed", source))?;
    let begun = begin(work, &consumer, &sources)?;
    let mut partitions = BTreeMap::new();
    for (partition, source) in
        (0..).zip(sources).filter(|(partition, _)| work.options.share.holds(*partition))
    {
        let (oldest, end) = watermarks(work, &consumer, partition)?;
        let mut position = work.position(&source)?;
        let told = report.partition(partition, &source);
        if told.to == 0 && told.end == 0 {
            told.from = position;
            told.begun_at = begun.get(&source).copied();
        }
        told.end = end;
        match resume(position, oldest, end) {
            Resume::Here => {}
            Resume::Gap { to } => {
                declare_gap(work, &source, partition, (position, to))?;
                told.gaps.push((position, to));
                position = work.position(&source)?;
            }
            Resume::Past => {
                let topic = work.topic.clone();
                return Err(KafkaError::Past { topic, partition, end, position }.into());
            }
        }
        told.to = position;
        work.options.metrics.stands(&work.topic, partition, position, Some(end));
        let name = format!("{}/{partition}", work.topic);
        let keys: &dyn NameKeys = work.store.keys();
        partitions.insert(partition, Partition::new(keys, judgement(work), source, &name, position, end));
    }
    Session::start(work, consumer, topic, partitions)
}

fn judgement(work: &Work) -> Judgement {
    Judgement { now: (work.options.clock)(), clusters: Some(work.feed.clusters.clone()) }
}

/// Waits for the cluster's id. What is wrong with the connection is known by then.
fn cluster_id(work: &Work, consumer: &BaseConsumer<Listener>) -> Result<String, Stop> {
    let begun = Instant::now();
    loop {
        if let Some(id) = consumer.client().fetch_cluster_id(LOOK) {
            consumer.context().all_well();
            return Ok(id);
        }
        // Errors come to who polls.
        drop(consumer.poll(Duration::ZERO));
        give_up(work, consumer, begun)?;
    }
}

/// Ends the waiting where the credentials are refused, the time is over, or the run shall end.
fn give_up(work: &Work, consumer: &BaseConsumer<Listener>, begun: Instant) -> Result<(), Stop> {
    let (brokers, cause) = (work.feed.brokers.bootstrap.clone(), consumer.context().cause());
    if consumer.context().is_refused() {
        return Err(KafkaError::Refused { brokers, cause }.into());
    }
    if begun.elapsed() > PATIENCE || work.shall_end() {
        let within = format!("within {} s", begun.elapsed().as_secs());
        return Err(KafkaError::Unreachable { brokers, within, cause }.into());
    }
    Ok(())
}

fn describe(work: &Work, consumer: &BaseConsumer<Listener>) -> Result<Description, Stop> {
    let begun = Instant::now();
    loop {
        let why = match (work.describe)(consumer.client(), &work.topic, ONE_QUESTION) {
            Ok(description) => return Ok(description),
            Err(undescribed) => undescribed,
        };
        drop(consumer.poll(Duration::ZERO));
        let (brokers, topic) = (work.feed.brokers.bootstrap.clone(), work.topic.clone());
        match why {
            Undescribed::NoTopic => return Err(KafkaError::NoTopic { brokers, topic }.into()),
            Undescribed::NoId => return Err(KafkaError::NoTopicId { brokers }.into()),
            Undescribed::Failed(why) => {
                if begun.elapsed() > PATIENCE || work.shall_end() {
                    let cause = consumer.context().cause();
                    return Err(KafkaError::Describe { topic, why, cause }.into());
                }
            }
        }
    }
}

fn watermarks(work: &Work, consumer: &BaseConsumer<Listener>, partition: i32) -> Result<(i64, i64), Stop> {
    consumer.fetch_watermarks(&work.topic, partition, ONE_QUESTION).map_err(|source| {
        let (topic, cause) = (work.topic.clone(), consumer.context().cause());
        KafkaError::Offsets { topic, partition, cause, source }.into()
    })
}

/// Notes where the partitions begin that were never read, of all workers, before anything else; gives those that
/// were chosen now. Partitions that a known topic got later begin at their first message.
fn begin(
    work: &Work,
    consumer: &BaseConsumer<Listener>,
    sources: &[String],
) -> Result<BTreeMap<String, i64>, Stop> {
    let mut new = Vec::new();
    for (partition, source) in (0..).zip(sources) {
        let begun = work.block_on(work.tables.has_begun(source));
        if !begun.map_err(|error| work.failed(&format!("asking whether {source} was read"), error))? {
            new.push((partition, source));
        }
    }
    let known_topic = new.len() < sources.len();
    let begin = if known_topic { Begin::Earliest } else { work.feed.begin };
    let mut choices = Vec::with_capacity(new.len());
    for (partition, source) in new {
        let (oldest, end) = watermarks(work, consumer, partition)?;
        let choice = match begin {
            Begin::Earliest => oldest,
            Begin::Latest => end,
            Begin::At(time) => at_time(work, consumer, partition, time.ms())?.unwrap_or(end),
        };
        choices.push((source.clone(), choice));
    }
    work.block_on(work.tables.begin(&choices))
        .map_err(|error| work.failed(&format!("noting where {} begins", work.topic), error))?;
    Ok(choices.into_iter().collect())
}

/// The first offset at or after a time; `None` if there is none.
fn at_time(
    work: &Work,
    consumer: &BaseConsumer<Listener>,
    partition: i32,
    time_ms: i64,
) -> Result<Option<i64>, Stop> {
    let failed = |source| {
        let (topic, cause) = (work.topic.clone(), consumer.context().cause());
        Stop::from(KafkaError::Offsets { topic, partition, cause, source })
    };
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&work.topic, partition, Offset::Offset(time_ms.max(0))).map_err(failed)?;
    let found = consumer.offsets_for_times(list, ONE_QUESTION).map_err(failed)?;
    Ok(found.elements().first().and_then(|element| match element.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }))
}

/// Says in the store which offsets were deleted before they were read (laws L4 and L10), and moves on.
fn declare_gap(work: &Work, source: &str, partition: i32, (from, to): (i64, i64)) -> Result<(), Stop> {
    let detail = format!("the broker deleted the offsets {from} to {} before they were read", to - 1);
    tracing::warn!(topic = work.topic, partition, "{detail}");
    let origin = format!("{}/{partition}:{from}", work.topic);
    let now = (work.options.clock)();
    // There are no bytes; the sentence with its place tells two gaps apart.
    let encrypted = work
        .store
        .keys()
        .encrypt_reject(format!("{origin}: {detail}").as_bytes())
        .map_err(|source| IngestError::Keys { what: "rejected record", source: source.into() })?;
    let mut rejects = RejectRows::default();
    rejects.push(&RejectRow {
        dated: Some((now.day(), DatedBy::Reading)),
        position: to,
        reason: RejectReason::RetentionGap.code(),
        detail: &detail,
        origin: &origin,
        encrypted: &encrypted,
        byte_count: 0,
        recorded_at: now,
        cluster: None,
        fact: None,
        revision: None,
    });
    let rows = rejects.take(source)?.map(|batch| (REJECTS.name, vec![batch]));
    let batch = SourceBatch { from, to, rows: rows.into_iter().collect() };
    let failed = |error: StoreError| work.failed(&format!("declaring a gap of {source}"), error);
    // Where another worker was first, the gap is declared by it.
    work.block_on(work.tables.commit(vec![(source.to_owned(), batch)])).map_err(failed)?;
    Ok(())
}
