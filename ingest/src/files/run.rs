//! One run over many files: each is read from where the tables stand, and small ones are committed
//! together, since a commit costs the same for one row as for a million.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hubtally_store::{CommitOutcome, OpenTables, SourceBatch, Store};
use rayon::ThreadPool;
use tokio::sync::mpsc;

use super::FileOptions;
use super::finished::{self, Finished};
use super::inputs::{Input, Place};
use super::pass::{Ended, Handed, Pass};
use super::raw::{CutOff, Identity, identify};
use super::report::{FileReport, IngestReport};
use super::table::{self, Form};
use crate::error::IngestError;
use crate::events::{Counts, Decoded};
use crate::progress::Progress;

/// How often a file is tried again while its position does not move.
const MAX_ATTEMPTS: u32 = 10;
/// The wait before the n-th attempt is n times this.
const PAUSE: Duration = Duration::from_millis(50);
/// How often progress is told between batches.
const TELL_EVERY: Duration = Duration::from_millis(100);
/// How many files are committed together at most.
const MAX_TOGETHER: usize = 500;
/// From this size on, the pass that computes the digest is worth a bar of its own.
const LONG_CHECK_BYTES: u64 = 256 << 20;

/// One run.
pub struct Run<'a> {
    store: &'a Store,
    options: &'a FileOptions,
    pool: Option<Arc<ThreadPool>>,
    progress: &'a dyn Progress,
    tables: OpenTables,
    report: IngestReport,
    /// Files read to their end, whose last batch is not committed yet.
    waiting: Vec<Waiting>,
    /// Files that met another process, to be read on from where it brought them.
    again: Vec<Reading>,
    /// Files that were cut off and did not come whole yet.
    cut_off: Vec<CutOff>,
}

/// A file that is being read.
struct Reading {
    input: Input,
    identity: Identity,
    report: FileReport,
    last_position: Option<i64>,
    attempts: u32,
}

struct Waiting {
    file: Reading,
    batch: Decoded,
    records: i64,
}

/// How one pass over a file went.
enum Passed {
    /// To the end of the file; the last batch, if there is one, is not committed.
    ToEnd { last: Option<Decoded>, records: i64 },
    /// Into another process that reads the same file.
    IntoRival,
}

impl<'a> Run<'a> {
    /// Opens the tables.
    pub async fn open(
        store: &'a Store,
        options: &'a FileOptions,
        progress: &'a dyn Progress,
        report: IngestReport,
    ) -> Result<Self, IngestError> {
        let pool = if options.threads > 1 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads).build();
            Some(Arc::new(pool.map_err(|_| IngestError::Worker { doing: "reads lines in parallel" })?))
        } else {
            None
        };
        let tables = OpenTables::open(store).await.map_err(|source| IngestError::Store {
            doing: "opening the tables".to_owned(),
            source: Box::new(source),
        })?;
        let cut_off = finished::cut_off(store).await?;
        let (waiting, again) = (Vec::new(), Vec::new());
        Ok(Self { store, options, pool, progress, tables, report, waiting, again, cut_off })
    }

    /// Reads one file; its last batch may wait for others.
    pub async fn read(&mut self, input: Input) -> Result<(), IngestError> {
        let mut report = FileReport { file: input.name.clone(), ..FileReport::default() };
        match self.unused_columns(&input).await {
            Ok(unused) => report.unused_columns = unused,
            // A table in a folder may be anything; a bill, for example.
            Err(IngestError::NoEventTable { .. }) if !input.is_named => {
                self.report.ignored.push(input.name);
                return Ok(());
            }
            Err(error) => {
                self.report.add_failed(report, &error);
                return Ok(());
            }
        }
        let identity = match self.identify(&input).await {
            Ok(identity) => identity,
            Err(error) => {
                self.report.add_failed(report, &error);
                return Ok(());
            }
        };
        report.bytes = identity.bytes;
        report.source = format!("file/{}", identity.sha256);
        if self.waiting.iter().any(|waiting| waiting.file.report.source == report.source) {
            self.commit_waiting().await?;
        }
        if let Some(finished) = Finished::find(self.store, &identity).await? {
            report.already_read = finished.records;
            report.truncated = finished.truncated;
            self.compare_beginnings(&report, &identity).await?;
            self.report.add(report);
            return Ok(());
        }
        self.go_on(Reading { input, identity, report, last_position: None, attempts: 0 }).await
    }

    /// Commits what waits, and reads on what others brought further.
    pub async fn finish(mut self) -> Result<IngestReport, IngestError> {
        loop {
            self.commit_waiting().await?;
            let Some(file) = self.again.pop() else { return Ok(self.report) };
            self.refresh().await?;
            self.go_on(file).await?;
        }
    }

    async fn unused_columns(&self, input: &Input) -> Result<Vec<String>, IngestError> {
        if Form::of(&input.name) == Form::Lines {
            return Ok(Vec::new());
        }
        let (input, spill) = (input.clone(), self.options.spill_folder.clone());
        let looked = tokio::task::spawn_blocking(move || table::unused_columns(&input, spill.as_deref()));
        looked.await.map_err(|_| IngestError::Worker { doing: "reads a table's columns" })?
    }

    async fn identify(&self, input: &Input) -> Result<Identity, IngestError> {
        let size = match &input.place {
            Place::Local(path) => std::fs::metadata(path).ok().map(|meta| meta.len()),
            Place::Object { .. } => None,
        };
        let long = size.is_none_or(|bytes| bytes >= LONG_CHECK_BYTES);
        if !long {
            return identify(input, &self.cut_off, &crate::progress::Silent).await;
        }
        self.progress.start(&format!("checking {}", input.name), size);
        let identity = identify(input, &self.cut_off, self.progress).await;
        self.progress.finish();
        identity
    }

    /// Reads a file to its end, from where the tables say, however often another process is met.
    async fn go_on(&mut self, mut file: Reading) -> Result<(), IngestError> {
        loop {
            self.progress.start(&format!("reading {}", file.input.name), Some(file.identity.bytes));
            let passed = self.pass(&mut file).await;
            self.progress.finish();
            match passed {
                Ok(Passed::ToEnd { last: None, records }) => return self.done(file, records).await,
                Ok(Passed::ToEnd { last: Some(batch), records }) => {
                    self.waiting.push(Waiting { file, batch, records });
                    return if self.is_full() { self.commit_waiting().await } else { Ok(()) };
                }
                Ok(Passed::IntoRival) => {
                    file.report.rivals += 1;
                    self.refresh().await?;
                }
                Err(error) if stops_all(&error) => return Err(error),
                Err(error) => {
                    self.report.add_failed(file.report, &error);
                    return Ok(());
                }
            }
        }
    }

    async fn pass(&self, file: &mut Reading) -> Result<Passed, IngestError> {
        let name = file.input.name.clone();
        let position = self.tables.position(&file.report.source).await.map_err(|source| {
            IngestError::Store { doing: format!("asking how far {name} was read"), source: Box::new(source) }
        })?;
        file.attempt_from(position)?;
        tokio::time::sleep(PAUSE * file.attempts).await;

        let bytes_read = Arc::new(AtomicU64::new(0));
        let (give, mut batches) = mpsc::channel(1);
        let pass = Pass {
            store: self.store.clone(),
            input: file.input.clone(),
            identity: file.identity.clone(),
            source: file.report.source.clone(),
            position,
            options: self.options.clone(),
            pool: self.pool.clone(),
            bytes_read: Arc::clone(&bytes_read),
            batches: give,
        };
        let worker = tokio::task::spawn_blocking(move || pass.run());
        let mut told = Told { progress: self.progress, bytes_read, bytes: 0 };
        let mut last = None;
        loop {
            match tokio::time::timeout(TELL_EVERY, batches.recv()).await {
                Err(_) => told.tell(0),
                Ok(None) => break,
                Ok(Some(Handed { batch, last: true })) => last = Some(batch),
                Ok(Some(Handed { batch, last: false })) => {
                    let records = batch.counts.records;
                    if !self.commit_one(file, batch).await? {
                        return Ok(Passed::IntoRival);
                    }
                    told.tell(records);
                }
            }
        }
        let ended = worker.await.map_err(|_| IngestError::Worker { doing: "reads a file's lines" })??;
        told.tell(last.as_ref().map_or(0, |batch| batch.counts.records));
        match ended {
            Ended::AtEnd { records, packing, truncated } => {
                file.report.packing = packing.words();
                file.report.truncated = truncated;
                Ok(Passed::ToEnd { last, records })
            }
            Ended::Abandoned => Err(IngestError::Worker { doing: "reads a file's lines" }),
        }
    }

    /// Commits a batch out of the middle of a file; `false` if another process owns the source.
    async fn commit_one(&self, file: &mut Reading, batch: Decoded) -> Result<bool, IngestError> {
        let doing = format!("committing lines {} to {} of {}", batch.from + 1, batch.to, file.input.name);
        let Decoded { from, to, rows, counts, .. } = batch;
        let source = file.report.source.clone();
        let outcomes = self.tables.commit(vec![(source, SourceBatch { from, to, rows })]).await;
        let outcomes = outcomes.map_err(|source| IngestError::Store { doing, source: Box::new(source) })?;
        Ok(file.report.take_in(outcomes.first().copied(), &counts))
    }

    /// Commits the last batches of all files that wait for it, together.
    async fn commit_waiting(&mut self) -> Result<(), IngestError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let doing = match waiting.as_slice() {
            [one] => format!(
                "committing lines {} to {} of {}",
                one.batch.from + 1,
                one.batch.to,
                one.file.input.name
            ),
            many => format!(
                "committing {} files, {} to {}",
                many.len(),
                many[0].file.input.name,
                many[many.len() - 1].file.input.name
            ),
        };
        let mut batches = Vec::with_capacity(waiting.len());
        let mut files = Vec::with_capacity(waiting.len());
        for Waiting { file, batch, records } in waiting {
            let Decoded { from, to, rows, counts, .. } = batch;
            batches.push((file.report.source.clone(), SourceBatch { from, to, rows }));
            files.push((file, counts, records));
        }
        let outcomes = self
            .tables
            .commit(batches)
            .await
            .map_err(|source| IngestError::Store { doing, source: Box::new(source) })?;
        let mut outcomes = outcomes.into_iter();
        for (mut file, counts, records) in files {
            if file.report.take_in(outcomes.next(), &counts) {
                self.done(file, records).await?;
            } else {
                file.report.rivals += 1;
                self.again.push(file);
            }
        }
        Ok(())
    }

    async fn done(&mut self, file: Reading, records: i64) -> Result<(), IngestError> {
        let note = Finished {
            records: u64::try_from(records).unwrap_or(0),
            truncated: file.report.truncated.clone(),
            name: file.input.name,
        };
        note.note(self.store, &file.identity).await?;
        self.compare_beginnings(&file.report, &file.identity).await?;
        self.report.add(file.report);
        Ok(())
    }

    /// Of a file that is read: notes that it was cut off, or which of those it completes.
    async fn compare_beginnings(
        &mut self,
        report: &FileReport,
        identity: &Identity,
    ) -> Result<(), IngestError> {
        if report.truncated.is_some() && !self.cut_off.iter().any(|(_, known)| *known == identity.sha256) {
            finished::note_cut_off(self.store, identity, &report.file).await?;
            self.cut_off.push((identity.bytes, identity.sha256.clone()));
        }
        for cut in &identity.begins_with {
            finished::note_whole(self.store, cut, identity, &report.file).await?;
            self.cut_off.retain(|(_, known)| known != cut);
        }
        Ok(())
    }

    async fn refresh(&self) -> Result<(), IngestError> {
        let refreshed = self.tables.refresh().await;
        refreshed.map_err(|source| IngestError::Store {
            doing: "reading what others committed".to_owned(),
            source: Box::new(source),
        })
    }

    fn is_full(&self) -> bool {
        let rows: u64 = self.waiting.iter().map(|waiting| waiting.batch.counts.all_rows()).sum();
        let bytes: usize = self.waiting.iter().map(|waiting| waiting.batch.bytes).sum();
        self.waiting.len() >= MAX_TOGETHER
            || rows >= self.options.batch_rows
            || bytes >= self.options.batch_bytes
    }
}

impl Reading {
    /// Notes from where this attempt starts. A rival that moves the position does our work; one that
    /// does not is waited for, but not for ever.
    fn attempt_from(&mut self, position: i64) -> Result<(), IngestError> {
        self.attempts = if self.last_position == Some(position) { self.attempts + 1 } else { 0 };
        self.last_position = Some(position);
        // What is committed, and not by this run, was read by an earlier one or by a rival.
        let committed = u64::try_from(position).unwrap_or(0);
        self.report.already_read = committed.saturating_sub(self.report.counts.records);
        if self.attempts >= MAX_ATTEMPTS {
            return Err(IngestError::Rival { path: self.input.name.clone(), attempts: self.attempts });
        }
        if self.report.rivals > 0 {
            tracing::warn!(file = %self.input.name, position, "another process reads the same file; going on from the store's position");
        }
        Ok(())
    }
}

impl FileReport {
    /// Notes what became of a batch; `false` if another process owns the source.
    fn take_in(&mut self, outcome: Option<CommitOutcome>, counts: &Counts) -> bool {
        match outcome {
            Some(CommitOutcome::Done) => {
                self.batches += 1;
                self.counts.merge(counts);
                true
            }
            Some(CommitOutcome::AlreadyDone) => {
                self.already_read += counts.records;
                true
            }
            Some(CommitOutcome::Rival) | None => false,
        }
    }
}

/// A store, keys or rows that fail would fail for the next file too.
pub(crate) fn stops_all(error: &IngestError) -> bool {
    matches!(error, IngestError::Store { .. } | IngestError::Keys { .. } | IngestError::Rows { .. })
}

/// Progress of a pass: bytes come from the thread that reads, records from the commits.
struct Told<'p> {
    progress: &'p dyn Progress,
    bytes_read: Arc<AtomicU64>,
    bytes: u64,
}

impl Told<'_> {
    fn tell(&mut self, records: u64) {
        let read = self.bytes_read.load(Ordering::Relaxed);
        self.progress.advance(read.saturating_sub(self.bytes), records);
        self.bytes = read;
    }
}
