//! One run over many logs: each is known by its beginning, and read on from where the tables stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use hubtally_schemas::paths;
use hubtally_store::{CommitOutcome, OpenTables, PutOutcome, SourceBatch, Store, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::HubLogOptions;
use super::pass::{Handed, Pass};
use super::scan;
use crate::error::IngestError;
use crate::events::{Counts, Decoded};
use crate::files::inputs::{Input, Place};
use crate::files::{FileReport, IngestReport};
use crate::progress::Progress;

/// How often a log is tried again without getting on.
const MAX_ATTEMPTS: u32 = 10;
/// The wait before the n-th attempt is n times this.
const PAUSE: Duration = Duration::from_millis(50);
/// How many logs are committed together at most.
const MAX_TOGETHER: usize = 200;
/// Logs with the same first line that are told apart.
const MAX_SERIES: u32 = 1_000;

/// One run.
pub struct Run<'a> {
    store: &'a Store,
    options: &'a HubLogOptions,
    progress: &'a dyn Progress,
    tables: OpenTables,
    report: IngestReport,
    /// Logs read to their end, whose last batch is not committed yet.
    waiting: Vec<Waiting>,
    /// Logs that met another worker, to be read on from where it brought them.
    again: Vec<Reading>,
}

/// A log that is being read.
struct Reading {
    input: Input,
    report: FileReport,
    head: String,
    series: u32,
    /// Series whose notes are of another log.
    others: BTreeSet<u32>,
    attempts: u32,
}

struct Waiting {
    log: Reading,
    batch: Decoded,
}

/// The note of a beginning.
#[derive(Debug, Serialize, Deserialize)]
struct Noted {
    sha256: String,
}

/// Where a log is read on, and the digest of what was read.
struct Chosen {
    series: u32,
    position: i64,
    known: Option<String>,
}

/// How one pass over a log went.
enum Passed {
    /// To its end; the last batch, if there is one, is not committed.
    ToEnd(Option<Decoded>),
    /// Into another worker, or another log with the same beginning: choose again.
    Again,
}

impl<'a> Run<'a> {
    /// Opens the tables.
    pub async fn open(
        store: &'a Store,
        options: &'a HubLogOptions,
        progress: &'a dyn Progress,
        report: IngestReport,
    ) -> Result<Self, IngestError> {
        let tables = OpenTables::open(store).await.map_err(failed("opening the tables"))?;
        Ok(Self { store, options, progress, tables, report, waiting: Vec::new(), again: Vec::new() })
    }

    /// Reads one log; its last batch may wait for others.
    pub async fn read(&mut self, input: Input) -> Result<(), IngestError> {
        let mut report = FileReport { file: input.name.clone(), ..FileReport::default() };
        if let Place::Local(path) = &input.place {
            report.bytes = std::fs::metadata(path).map_or(0, |meta| meta.len());
        }
        let head = match self.head(&input).await {
            Ok(Some(head)) => head,
            Ok(None) => {
                report.unfinished_bytes = Some(report.bytes).filter(|bytes| *bytes > 0);
                self.report.add(report);
                return Ok(());
            }
            Err(error) => {
                self.report.add_failed(report, &error);
                return Ok(());
            }
        };
        // A copy of a log that waits is read on from where the log itself ends.
        if self.waiting.iter().any(|waiting| waiting.log.head == head) {
            self.commit_waiting().await?;
        }
        self.go_on(Reading { input, report, head, series: 0, others: BTreeSet::new(), attempts: 0 }).await
    }

    /// Commits what waits, and reads on what others brought further.
    pub async fn finish(mut self) -> Result<IngestReport, IngestError> {
        loop {
            self.commit_waiting().await?;
            let Some(log) = self.again.pop() else { return Ok(self.report) };
            self.refresh().await?;
            self.go_on(log).await?;
        }
    }

    async fn head(&self, input: &Input) -> Result<Option<String>, IngestError> {
        let (input, place) = (input.clone(), self.options.place.clone());
        in_thread("reads a log's first line", move || scan::head(&input, &place)).await
    }

    /// Reads a log to its end, from where the tables say, however often another worker is met.
    async fn go_on(&mut self, mut log: Reading) -> Result<(), IngestError> {
        loop {
            if log.attempts >= MAX_ATTEMPTS {
                let error = IngestError::Rival { path: log.input.name.clone(), attempts: log.attempts };
                self.report.add_failed(log.report, &error);
                return Ok(());
            }
            tokio::time::sleep(PAUSE * log.attempts).await;
            log.attempts += 1;
            self.progress.start(&format!("reading {}", log.input.name), Some(log.report.bytes));
            let passed = self.pass(&mut log).await;
            self.progress.finish();
            match passed {
                Ok(Passed::ToEnd(None)) => {
                    self.report.add(log.report);
                    return Ok(());
                }
                Ok(Passed::ToEnd(Some(batch))) => {
                    self.waiting.push(Waiting { log, batch });
                    return if self.is_full() { self.commit_waiting().await } else { Ok(()) };
                }
                Ok(Passed::Again) => {
                    log.report.rivals += 1;
                    self.refresh().await?;
                }
                Err(error) if crate::files::stops_all(&error) => return Err(error),
                Err(error) => {
                    self.report.add_failed(log.report, &error);
                    return Ok(());
                }
            }
        }
    }

    async fn pass(&self, log: &mut Reading) -> Result<Passed, IngestError> {
        let chosen = self.choose(log).await?;
        log.series = chosen.series;
        log.report.source = self.source(&log.head, log.series);
        let committed = u64::try_from(chosen.position).unwrap_or(0);
        log.report.already_read = committed.saturating_sub(log.report.counts.records);
        let (give, mut batches) = mpsc::channel(1);
        let pass = Pass {
            store: self.store.clone(),
            input: log.input.clone(),
            source: log.report.source.clone(),
            position: chosen.position,
            known: chosen.known,
            options: self.options.clone(),
            bytes_read: Arc::new(AtomicU64::new(0)),
            batches: give,
        };
        let worker = tokio::task::spawn_blocking(move || pass.run());
        let mut last = None;
        while let Some(Handed { batch, sha256, last: is_last }) = batches.recv().await {
            if !self.note(log, batch.to, &sha256).await? {
                return Ok(Passed::Again);
            }
            self.progress.advance(0, batch.counts.records);
            if is_last {
                last = Some(batch);
            } else if !self.commit_one(log, batch).await? {
                return Ok(Passed::Again);
            }
        }
        let ended = worker.await.map_err(|_| IngestError::Worker { doing: "reads a log's lines" })??;
        if ended.abandoned {
            return Err(IngestError::Worker { doing: "reads a log's lines" });
        }
        log.report.packing = ended.packing.words();
        log.report.truncated = ended.truncated;
        log.report.unfinished_bytes = ended.unfinished;
        Ok(Passed::ToEnd(last))
    }

    /// Finds the source that is this log: the one that was read furthest of those whose noted beginnings are
    /// this log's own, else a new one.
    async fn choose(&self, log: &Reading) -> Result<Chosen, IngestError> {
        let mut read_before = Vec::new();
        let mut wanted = BTreeSet::new();
        let mut fresh = None;
        for series in (1..=MAX_SERIES).filter(|series| !log.others.contains(series)) {
            let source = self.source(&log.head, series);
            let positions =
                self.tables.positions(&source).await.map_err(failed("asking how far a log was read"))?;
            let Some(most) = positions.last().copied().filter(|most| *most > 0) else {
                fresh = Some(series);
                break;
            };
            // Tables stand apart where a run broke off between them: the log must be the same up to each.
            let marks: Vec<i64> = positions.iter().copied().filter(|lines| *lines > 0).collect();
            let least =
                if marks.len() < positions.len() { 0 } else { marks.first().copied().unwrap_or(most) };
            wanted.extend(marks.iter().copied());
            read_before.push((series, least, marks));
        }
        let (input, place) = (log.input.clone(), self.options.place.clone());
        let own =
            in_thread("compares a log's beginning", move || scan::digests(&input, &place, &wanted)).await?;
        let mut best: Option<Chosen> = None;
        for (series, least, marks) in read_before {
            if self.is_ours(log, series, &marks, &own).await?
                && best.as_ref().is_none_or(|best| best.position < least)
            {
                best = Some(Chosen { series, position: least, known: own.get(&least).cloned() });
            }
        }
        let new = fresh.map(|series| Chosen { series, position: 0, known: None });
        best.or(new)
            .ok_or_else(|| IngestError::TooManyAlike { path: log.input.name.clone(), limit: MAX_SERIES })
    }

    async fn is_ours(
        &self,
        log: &Reading,
        series: u32,
        marks: &[i64],
        own: &BTreeMap<i64, String>,
    ) -> Result<bool, IngestError> {
        for lines in marks {
            let Some(sha256) = own.get(lines) else { return Ok(false) };
            let path = paths::hub_log_read(&log.head, series, *lines);
            let noted = self.store.get(&path).await.map_err(failed("reading the note of a log"))?;
            let noted = noted.and_then(|bytes| serde_json::from_slice::<Noted>(&bytes).ok());
            if noted.is_none_or(|noted| noted.sha256 != *sha256) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Notes what the log's beginning is, before it is committed; `false` if the note is another log's.
    async fn note(&self, log: &mut Reading, lines: i64, sha256: &str) -> Result<bool, IngestError> {
        let path = paths::hub_log_read(&log.head, log.series, lines);
        let text = format!("{{\"sha256\":\"{sha256}\"}}");
        let put = self.store.put_if_absent(&path, Bytes::from(text)).await;
        let is_ours = match put.map_err(failed("noting how a log begins"))? {
            PutOutcome::Created | PutOutcome::AlreadyThere { same_bytes: true } => true,
            PutOutcome::AlreadyThere { same_bytes: false } => false,
        };
        if !is_ours {
            log.others.insert(log.series);
        }
        Ok(is_ours)
    }

    /// Commits a batch out of the middle of a log; `false` if another worker was first.
    async fn commit_one(&self, log: &mut Reading, batch: Decoded) -> Result<bool, IngestError> {
        let doing = format!("committing lines {} to {} of {}", batch.from + 1, batch.to, log.input.name);
        let Decoded { from, to, rows, counts, .. } = batch;
        let source = log.report.source.clone();
        let outcomes = self.tables.commit(vec![(source, SourceBatch { from, to, rows })]).await;
        let outcomes = outcomes.map_err(failed(&doing))?;
        Ok(log.take_in(outcomes.first().copied(), &counts))
    }

    /// Commits the last batches of all logs that wait for it, together.
    async fn commit_waiting(&mut self) -> Result<(), IngestError> {
        let waiting = std::mem::take(&mut self.waiting);
        let Some(first) = waiting.first() else { return Ok(()) };
        let doing = format!("committing {} logs, the first {}", waiting.len(), first.log.input.name);
        let (mut batches, mut logs) = (Vec::new(), Vec::new());
        for Waiting { log, batch } in waiting {
            let Decoded { from, to, rows, counts, .. } = batch;
            batches.push((log.report.source.clone(), SourceBatch { from, to, rows }));
            logs.push((log, counts));
        }
        let mut outcomes = self.tables.commit(batches).await.map_err(failed(&doing))?.into_iter();
        for (mut log, counts) in logs {
            if log.take_in(outcomes.next(), &counts) {
                self.report.add(log.report);
            } else {
                log.report.rivals += 1;
                self.again.push(log);
            }
        }
        Ok(())
    }

    async fn refresh(&self) -> Result<(), IngestError> {
        self.tables.refresh().await.map_err(failed("reading what others committed"))
    }

    fn source(&self, head: &str, series: u32) -> String {
        let place = &self.options.place;
        format!("log/{}/{}/{head}/{series}", place.cluster, place.namespace)
    }

    fn is_full(&self) -> bool {
        let rows: u64 = self.waiting.iter().map(|waiting| waiting.batch.counts.all_rows()).sum();
        let bytes: usize = self.waiting.iter().map(|waiting| waiting.batch.bytes).sum();
        self.waiting.len() >= MAX_TOGETHER
            || rows >= self.options.files.batch_rows
            || bytes >= self.options.files.batch_bytes
    }
}

impl Reading {
    /// Notes what became of a batch; `false` if another worker was first. Where all tables were further already,
    /// it must be asked again whose lines they have: those of a log that only begins alike are not ours.
    fn take_in(&mut self, outcome: Option<CommitOutcome>, counts: &Counts) -> bool {
        if outcome != Some(CommitOutcome::Done) {
            return false;
        }
        self.report.batches += 1;
        self.report.counts.merge(counts);
        self.attempts = 0;
        true
    }
}

fn failed(doing: &str) -> impl FnOnce(StoreError) -> IngestError {
    let doing = doing.to_owned();
    move |source| IngestError::Store { doing, source: Box::new(source) }
}

async fn in_thread<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, IngestError> + Send + 'static,
) -> Result<T, IngestError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| IngestError::Worker { doing })?
}
