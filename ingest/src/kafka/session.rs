//! One session on one topic: messages in, commits out, until the end, or until something changed so much that a
//! new session must begin from the tables' positions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hubtally_store::CommitOutcome;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError as Library, RDKafkaErrorCode as Code};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::commit::{InFlight, Part, tries};
use super::error::KafkaError;
use super::listener::Listener;
use super::message;
use super::open::ONE_QUESTION;
use super::partition::Partition;
use super::report::TopicReport;
use super::run::{Stop, Work};
use super::topic_id::{Description, Undescribed};

/// How long is waited for a message before other things are looked at.
const POLL: Duration = Duration::from_millis(100);
/// How many messages are taken between two looks at other things.
const MESSAGES_AT_ONCE: u64 = 1_000;
/// How often the topic is looked at: whether it is there still, and the same.
const LOOK_AT_TOPIC: Duration = Duration::from_secs(3);
/// How soon a look that failed is repeated.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long nothing may come, though something is there.
const STALL: Duration = Duration::from_secs(20);
/// How long the end of a run waits for a broker.
const LAST_PATIENCE: Duration = Duration::from_secs(10);

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Every partition was read up to where it ended.
    CaughtUp,
    /// The run shall end.
    Told,
    /// A new session must begin: partitions came, offsets went, or the topic is another one.
    Again,
}

/// A session.
pub(super) struct Session<'w> {
    work: &'w Work,
    consumer: BaseConsumer<Listener>,
    topic: Description,
    partitions: BTreeMap<i32, Partition<'w>>,
    in_flight: Option<InFlight>,
    waiting_since: Option<Instant>,
    paused: bool,
    look_at_topic: Instant,
    last_message: Instant,
    /// Where binary messages are put together.
    room: Vec<u8>,
}

impl<'w> Session<'w> {
    /// Begins to read.
    pub fn start(
        work: &'w Work,
        consumer: BaseConsumer<Listener>,
        topic: Description,
        partitions: BTreeMap<i32, Partition<'w>>,
    ) -> Result<Self, Stop> {
        let now = Instant::now();
        let session = Self {
            work,
            consumer,
            topic,
            partitions,
            in_flight: None,
            waiting_since: None,
            paused: false,
            look_at_topic: now + LOOK_AT_TOPIC,
            last_message: now,
            room: Vec::new(),
        };
        session.assign()?;
        work.options.metrics.is_ill(&work.topic, None);
        Ok(session)
    }

    /// Reads to the end.
    pub fn run(&mut self, report: &mut TopicReport) -> Result<Ended, Stop> {
        loop {
            self.settle(report, false)?;
            if self.work.shall_end() {
                self.finish(report)?;
                return Ok(Ended::Told);
            }
            if self.work.options.until_caught_up && self.partitions.values().all(|one| one.caught_up) {
                self.finish(report)?;
                return Ok(Ended::CaughtUp);
            }
            if Instant::now() >= self.look_at_topic && !self.is_the_same(report)? {
                return Ok(Ended::Again);
            }
            if self.is_due() && self.in_flight.is_none() && !self.flush(report)? {
                return Ok(Ended::Again);
            }
            self.throttle()?;
            if !self.poll()? {
                self.finish(report)?;
                return Ok(Ended::Again);
            }
            self.watch_health(report)?;
        }
    }

    /// Takes what has come; `false` if offsets are asked for that the broker does not have.
    fn poll(&mut self) -> Result<bool, Stop> {
        let now = (self.work.options.clock)();
        for partition in self.partitions.values_mut() {
            partition.set_now(now);
        }
        let (mut bytes, mut records) = (0, 0);
        let limits = self.work.feed.limits;
        let room_bytes = limits.bytes.saturating_sub(self.waiting_bytes()) as u64;
        let room_rows = limits.rows.saturating_sub(self.waiting_rows());
        while records < MESSAGES_AT_ONCE && (records == 0 || (bytes < room_bytes && records < room_rows)) {
            let message = match self.consumer.poll(if records == 0 { POLL } else { Duration::ZERO }) {
                Some(Ok(message)) => message,
                Some(Err(Library::PartitionEOF(partition))) => {
                    if let Some(partition) = self.partitions.get_mut(&partition) {
                        partition.caught_up = true;
                    }
                    break;
                }
                Some(Err(error)) if error.rdkafka_error_code() == Some(Code::AutoOffsetReset) => {
                    return Ok(false);
                }
                Some(Err(source @ Library::MessageConsumptionFatal(_))) => {
                    let (topic, cause) = (self.work.topic.clone(), self.consumer.context().cause());
                    return Err(KafkaError::Consume { topic, cause, source }.into());
                }
                // The listener has heard it with its cause; the library tries again by itself.
                None | Some(Err(_)) => break,
            };
            let Some(partition) = self.partitions.get_mut(&message.partition()) else { continue };
            bytes += message.payload_len() as u64;
            records += 1;
            partition.take_in(message.offset(), message::record(&message, &mut self.room))?;
        }
        if records > 0 {
            self.last_message = Instant::now();
            self.waiting_since.get_or_insert(self.last_message);
            self.work.options.metrics.came(bytes, records);
            let buffered = self.waiting_bytes() + self.in_flight.as_ref().map_or(0, |flight| flight.bytes);
            self.work.options.metrics.buffered(&self.work.topic, buffered);
        }
        Ok(true)
    }

    fn waiting_bytes(&self) -> usize {
        self.partitions.values().map(Partition::waiting_bytes).sum()
    }

    fn waiting_rows(&self) -> u64 {
        self.partitions.values().map(Partition::waiting_rows).sum()
    }

    fn is_full(&self) -> bool {
        let limits = self.work.feed.limits;
        self.waiting_bytes() >= limits.bytes || self.waiting_rows() >= limits.rows
    }

    fn is_due(&self) -> bool {
        self.is_full() || self.waiting_since.is_some_and(|since| since.elapsed() >= self.work.feed.limits.age)
    }

    /// Takes no more while one batch is full and the one before it is not in yet.
    fn throttle(&mut self) -> Result<(), Stop> {
        let full = self.is_full();
        if full != self.paused {
            let list = self.list();
            let done = if full { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
            done.map_err(|source| self.failed(source))?;
            self.paused = full;
            self.last_message = Instant::now();
        }
        Ok(())
    }

    fn list(&self) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for partition in self.partitions.keys() {
            list.add_partition(&self.work.topic, *partition);
        }
        list
    }

    /// Reads every partition from where its decoder stands.
    fn assign(&self) -> Result<(), Stop> {
        let mut list = TopicPartitionList::new();
        for (partition, one) in &self.partitions {
            list.add_partition_offset(&self.work.topic, *partition, Offset::Offset(one.position()))
                .map_err(|source| self.failed(source))?;
        }
        self.consumer.assign(&list).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: Library) -> Stop {
        let (topic, cause) = (self.work.topic.clone(), self.consumer.context().cause());
        KafkaError::Consume { topic, cause, source }.into()
    }

    /// Whether the topic is still the one that was opened, with as many partitions. If not, what certainly came
    /// from it is committed. A look that gets no answer decides nothing.
    fn is_the_same(&mut self, report: &mut TopicReport) -> Result<bool, Stop> {
        let (brokers, topic) = (self.work.feed.brokers.bootstrap.clone(), self.work.topic.clone());
        match (self.work.describe)(self.consumer.client(), &topic, ONE_QUESTION) {
            Ok(found) if found == self.topic => {
                self.consumer.context().all_well();
                self.look_at_topic = Instant::now() + LOOK_AT_TOPIC;
                let ends = self.consumer.context().ends();
                for (number, one) in &mut self.partitions {
                    one.certain_to = one.position();
                    self.work.options.metrics.stands(
                        &topic,
                        *number,
                        one.committed,
                        ends.get(number).copied(),
                    );
                }
                Ok(true)
            }
            Ok(found) if found.id == self.topic.id => {
                tracing::info!(
                    topic,
                    partitions = found.partitions,
                    "the topic has another number of partitions"
                );
                for partition in self.partitions.values_mut() {
                    partition.certain_to = partition.position();
                }
                self.flush_certain(report)?;
                Ok(false)
            }
            Ok(_) => {
                tracing::warn!(topic, "the topic was deleted and made anew: it is read from its beginning");
                self.flush_certain(report)?;
                Ok(false)
            }
            Err(Undescribed::NoTopic) => {
                self.flush_certain(report)?;
                Err(KafkaError::NoTopic { brokers, topic }.into())
            }
            Err(Undescribed::NoId) => Err(KafkaError::NoTopicId { brokers }.into()),
            Err(Undescribed::Failed(why)) => {
                self.consumer.context().complain(format!("the topic {topic} cannot be described: {why}"));
                self.look_at_topic = Instant::now() + LOOK_AGAIN;
                Ok(true)
            }
        }
    }

    /// Commits what waits, once it is sure that it came from this topic. `false` if it is another one.
    fn flush(&mut self, report: &mut TopicReport) -> Result<bool, Stop> {
        // The id is asked for after the last message: if it is the same, every message before came from it.
        if !self.is_the_same(report)? {
            return Ok(false);
        }
        if self.partitions.values().any(|one| one.certain_to < one.position()) {
            return Ok(true);
        }
        let mut parts = Vec::new();
        for (partition, one) in self.partitions.iter_mut().filter(|(_, one)| one.is_waiting()) {
            parts.push(Part { partition: *partition, source: one.source.clone(), decoded: one.take()? });
        }
        self.send(parts);
        Ok(true)
    }

    /// Commits what certainly came from the topic that was opened, and waits for it.
    fn flush_certain(&mut self, report: &mut TopicReport) -> Result<(), Stop> {
        self.settle(report, true)?;
        let (mut parts, mut uncertain) = (Vec::new(), 0);
        for (partition, one) in self.partitions.iter_mut().filter(|(_, one)| one.is_waiting()) {
            let (decoded, dropped) = one.take_certain()?;
            uncertain += dropped;
            if decoded.to > decoded.from {
                parts.push(Part { partition: *partition, source: one.source.clone(), decoded });
            }
        }
        if uncertain > 0 {
            let note = format!(
                "the topic with the id {} is gone; its last {uncertain} messages cannot be told from those of the topic that took its name, and were left out",
                self.topic.id
            );
            tracing::warn!(topic = self.work.topic, "{note}");
            report.notes.push(note);
        }
        self.send(parts);
        self.settle(report, true)
    }

    fn send(&mut self, parts: Vec<Part>) {
        self.waiting_since = None;
        if !parts.is_empty() {
            let Work { handle, tables, options, .. } = self.work;
            let tries = tries(options.until_caught_up);
            self.in_flight = Some(InFlight::start(handle, tables, parts, tries, options.stop.clone()));
        }
    }

    /// Looks at the commit that goes on, if it has ended; or waits for its end.
    fn settle(&mut self, report: &mut TopicReport, wait: bool) -> Result<(), Stop> {
        let Some(in_flight) = self.in_flight.take_if(|one| wait || one.is_done()) else { return Ok(()) };
        let (metrics, topic) = (&self.work.options.metrics, &self.work.topic);
        let mut hint = TopicPartitionList::new();
        let (mut rivals, mut moved) = (0, false);
        let ends = self.consumer.context().ends();
        for part in in_flight.end(&self.work.handle)? {
            match part.outcome {
                CommitOutcome::Done => {
                    report.counts.merge(&part.counts);
                    metrics.committed(topic, &part.counts);
                }
                CommitOutcome::AlreadyDone => report.already_read += part.counts.records,
                CommitOutcome::Rival => {
                    rivals += 1;
                    moved |= self.restart(part.partition, part.position);
                }
            }
            if let Some(one) = self.partitions.get_mut(&part.partition) {
                one.committed = part.position;
            }
            metrics.stands(topic, part.partition, part.position, ends.get(&part.partition).copied());
            report.partition(part.partition, &part.source).to = part.position;
            // Best effort: nobody but programs that watch the lag reads it.
            let _ = hint.add_partition_offset(topic, part.partition, Offset::Offset(part.position));
        }
        report.batches += 1;
        report.rivals += rivals;
        metrics.commit(topic, rivals);
        metrics.buffered(topic, self.waiting_bytes());
        let _ = self.consumer.commit(&hint, CommitMode::Async);
        if moved {
            tracing::warn!(
                topic,
                "another process reads the same partitions; going on from the store's position"
            );
            self.assign()?;
            // A pause outlives an assignment.
            self.consumer.resume(&self.list()).map_err(|source| self.failed(source))?;
            (self.paused, self.last_message) = (false, Instant::now());
        }
        Ok(())
    }

    /// Drops what waits of a partition that another process owns, and goes on where the store stands.
    fn restart(&mut self, partition: i32, position: i64) -> bool {
        let Some(one) = self.partitions.get_mut(&partition) else { return false };
        one.restart(position);
        true
    }

    /// Commits all that waits, before the session ends. What cannot be committed is read again another time.
    fn finish(&mut self, report: &mut TopicReport) -> Result<(), Stop> {
        let begun = Instant::now();
        loop {
            self.settle(report, true)?;
            if !self.partitions.values().any(Partition::is_waiting) || !self.flush(report)? {
                return Ok(());
            }
            if self.in_flight.is_none() {
                if begun.elapsed() > LAST_PATIENCE {
                    tracing::warn!(
                        topic = self.work.topic,
                        "no broker says whether the topic is still the same; what was read last is read again by the next run"
                    );
                    return Ok(());
                }
                std::thread::sleep(LOOK_AGAIN);
            }
        }
    }

    /// Says that nothing comes though something is there; a run that shall end then ends.
    fn watch_health(&mut self, report: &mut TopicReport) -> Result<(), Stop> {
        let metrics = &self.work.options.metrics;
        let ends = self.consumer.context().ends();
        let behind = self.partitions.iter().any(|(partition, one)| {
            !one.caught_up || ends.get(partition).is_some_and(|end| one.position() < *end)
        });
        if self.last_message.elapsed() < STALL || self.paused || !behind {
            let cause = self.consumer.context().cause();
            metrics.is_ill(&self.work.topic, cause.0);
            return Ok(());
        }
        let (topic, cause) = (self.work.topic.clone(), self.consumer.context().cause());
        let stalled = KafkaError::Stalled { topic, seconds: self.last_message.elapsed().as_secs(), cause };
        metrics.is_ill(&self.work.topic, Some(stalled.to_string()));
        if !self.work.options.until_caught_up {
            return Ok(());
        }
        self.finish(report)?;
        Err(stalled.into())
    }
}
