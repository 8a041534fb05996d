//! Replacing rows: a whole partition of a derived table, or a group (one bill) inside a partition.

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use deltalake::kernel::{Add, LogicalFileView};
use deltalake::protocol::{DeltaOperation, SaveMode};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use hubtally_rules::commit::{Decision, decide};
use hubtally_schemas::tables::TableSpec;

use crate::columns;
use crate::data_file::{Encoded, FILE_BYTES, Tags, add_stats, blocking, columns_of, store_files};
use crate::encode::{Encoder, ROW_GROUP_ROWS};
use crate::error::StoreError;
use crate::partition::{self, Values};
use crate::prepared::PreparedRows;
use crate::source::CommitOutcome;
use crate::stats::FileStats;
use crate::table::{Change, DataFile, Table};

/// Replaces that are tried while other writers keep committing.
const REPLACE_TRIES: usize = 8;

/// What takes the place of a group's rows.
#[derive(Debug, Clone)]
pub struct GroupChange<'a> {
    /// The group, as the tags of its files name it.
    pub group: &'a str,
    /// The partition that it lies in.
    pub partition: &'a [(&'a str, &'a str)],
    /// The source whose position moves with the rows.
    pub source: &'a str,
    /// Where the source stood when what is replaced was looked at.
    pub from: Option<i64>,
    /// Where it goes.
    pub to: i64,
    /// What stands beside the commit in the log, for example the digest of a bill.
    pub metadata: BTreeMap<String, String>,
    /// A file is ended once it has this many bytes: it is held in memory until then.
    pub file_bytes: usize,
}

/// Rows of a group on their way into the table. Each becomes a row group.
#[derive(Debug)]
pub enum GroupRows {
    /// Rows with every column of the table.
    Plain(Vec<RecordBatch>),
    /// Rows that were encoded before, with the columns that were not known then. A column that stands
    /// in both is taken from `fresh`.
    Prepared {
        /// What was encoded.
        rows: PreparedRows,
        /// As many rows of the other columns.
        fresh: RecordBatch,
    },
}

impl Table {
    /// Replaces every row of a partition with the rows of a stream, in one commit. Every row must
    /// belong to the partition. Returns the version that holds them. Where another worker replaces
    /// the same partition at the same time, one replaces the other's rows whole, never a mixture.
    pub async fn replace_partition(
        &mut self,
        partition: &[(&str, &str)],
        rows: BoxStream<'_, Result<RecordBatch, StoreError>>,
    ) -> Result<i64, StoreError> {
        let add = self.write_stream(partition, rows, &Tags::default()).await?;
        let source = format!("replace/{}/{}", self.spec.name, place(partition));
        let mut failure = None;
        for _ in 0..REPLACE_TRIES {
            self.refresh().await?;
            let position = self.position(&source).await?.unwrap_or(0);
            let old = self.partition_views(partition)?;
            if is_done(&old, &add) {
                return Ok(self.version());
            }
            let change =
                self.replacement(&add, old, partition, vec![(source.clone(), position.saturating_add(1))]);
            match self.try_commit(&change).await {
                Ok(()) => return Ok(self.version()),
                Err(error) => failure = Some(error),
            }
        }
        // The last reply may have been lost.
        self.refresh().await?;
        if is_done(&self.partition_views(partition)?, &add) {
            return Ok(self.version());
        }
        Err(match failure {
            Some(source) => StoreError::Commit { table: self.spec.name, source: Box::new(source) },
            None => StoreError::Contended { table: self.spec.name, tries: REPLACE_TRIES },
        })
    }

    /// Replaces the rows of one group inside a partition, in the commit that moves the source's
    /// position from `from` to `to`. A position that is not `from` is a rival, and so is one that
    /// another worker moves meanwhile, though by the same step: whether the commit is ours is told by
    /// the files that it names.
    pub async fn replace_group(
        &mut self,
        change: &GroupChange<'_>,
        rows: BoxStream<'_, Result<GroupRows, StoreError>>,
    ) -> Result<CommitOutcome, StoreError> {
        self.refresh().await?;
        let from = change.from.unwrap_or(0);
        match decide(self.position(change.source).await?, from, change.to) {
            Decision::AlreadyDone => return Ok(CommitOutcome::AlreadyDone),
            Decision::Commit { drop_below } if drop_below == from => {}
            Decision::Commit { .. } | Decision::Rival => return Ok(CommitOutcome::Rival),
        }
        let add = self.write_group(change, rows).await?;
        let mut failure = None;
        for _ in 0..REPLACE_TRIES {
            let old = self.group_views(change)?;
            let mut replacement =
                self.replacement(&add, old, change.partition, vec![(change.source.to_owned(), change.to)]);
            replacement.metadata.clone_from(&change.metadata);
            match self.try_commit(&replacement).await {
                Ok(()) => return Ok(CommitOutcome::Done),
                Err(error) => failure = Some(error),
            }
            self.refresh().await?;
            if is_done(&self.group_views(change)?, &add) {
                return Ok(CommitOutcome::Done);
            }
            if self.position(change.source).await?.unwrap_or(0) != from {
                return Ok(CommitOutcome::Rival);
            }
        }
        Err(match failure {
            Some(source) => StoreError::Commit { table: self.spec.name, source: Box::new(source) },
            None => StoreError::Contended { table: self.spec.name, tries: REPLACE_TRIES },
        })
    }

    /// The files of a group.
    fn group_views(&self, change: &GroupChange<'_>) -> Result<Vec<(LogicalFileView, DataFile)>, StoreError> {
        let mut views = self.partition_views(change.partition)?;
        views.retain(|(_, file)| file.group.as_deref() == Some(change.group));
        Ok(views)
    }

    fn replacement(
        &self,
        add: &[Add],
        old: Vec<(LogicalFileView, DataFile)>,
        partition: &[(&str, &str)],
        positions: Vec<(String, i64)>,
    ) -> Change {
        let conditions: Vec<String> = partition
            .iter()
            .map(|(name, value)| format!("{name} = '{}'", value.replace('\'', "''")))
            .collect();
        Change {
            add: add.to_vec(),
            remove: old.into_iter().map(|(view, _)| view).collect(),
            positions,
            operation: DeltaOperation::Write {
                mode: SaveMode::Overwrite,
                partition_by: Some(self.spec.partition.iter().map(|name| (*name).to_owned()).collect()),
                predicate: (!conditions.is_empty()).then(|| conditions.join(" AND ")),
            },
            metadata: BTreeMap::new(),
        }
    }

    /// Writes a stream of rows of one partition, a row group at a time.
    async fn write_stream(
        &self,
        partition: &[(&str, &str)],
        mut rows: BoxStream<'_, Result<RecordBatch, StoreError>>,
        tags: &Tags,
    ) -> Result<Vec<Add>, StoreError> {
        let mut files = OpenFiles::new(self.spec, partition, FILE_BYTES);
        let mut add = Vec::new();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            files.take(&batch)?;
            if files.rows >= ROW_GROUP_ROWS {
                let (next, ended) = files.apart(OpenFiles::row_group).await?;
                files = next;
                add.extend(store_files(&self.store, self.spec, ended, tags).await?);
            }
        }
        let (_, ended) = files.apart(OpenFiles::finish).await?;
        add.extend(store_files(&self.store, self.spec, ended, tags).await?);
        Ok(add)
    }

    /// Writes the rows of a group, each as a row group of its own.
    async fn write_group(
        &self,
        change: &GroupChange<'_>,
        mut rows: BoxStream<'_, Result<GroupRows, StoreError>>,
    ) -> Result<Vec<Add>, StoreError> {
        let tags = Tags { sealed: false, group: Some(change.group.to_owned()) };
        let mut files = OpenFiles::new(self.spec, change.partition, change.file_bytes.min(FILE_BYTES));
        let mut add = Vec::new();
        while let Some(next) = rows.next().await {
            let next = next?;
            let (back, ended) = files.apart(move |files| files.row_group_of(next)).await?;
            files = back;
            add.extend(store_files(&self.store, self.spec, ended, &tags).await?);
        }
        let (_, ended) = files.apart(OpenFiles::finish).await?;
        add.extend(store_files(&self.store, self.spec, ended, &tags).await?);
        Ok(add)
    }
}

/// Whether a partition holds the files already: our own commit, whose reply was lost.
fn is_done(there: &[(LogicalFileView, DataFile)], add: &[Add]) -> bool {
    let ours = |(_, file): &(LogicalFileView, DataFile)| add.iter().any(|add| file.path.ends_with(&add.path));
    !add.is_empty() && there.len() == add.len() && there.iter().all(ours)
}

fn place(partition: &[(&str, &str)]) -> String {
    let parts: Vec<String> = partition.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join("/")
}

/// A file that grows, with rows that wait for a whole row group.
struct OpenFiles {
    spec: &'static TableSpec,
    wanted: Values,
    values: Option<Values>,
    waiting: Vec<RecordBatch>,
    rows: usize,
    file_bytes: usize,
    open: Option<(Encoder, FileStats)>,
}

impl OpenFiles {
    fn new(spec: &'static TableSpec, partition: &[(&str, &str)], file_bytes: usize) -> Self {
        let wanted =
            partition.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { spec, wanted, values: None, waiting: Vec::new(), rows: 0, file_bytes, open: None }
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        columns::check(self.spec, batch)?;
        for (values, batches) in partition::split(self.spec, [batch.clone()])? {
            self.is_in(values)?;
            self.rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
            self.waiting.extend(batches);
        }
        Ok(())
    }

    /// Checks that rows lie in the partition.
    fn is_in(&mut self, values: Values) -> Result<(), StoreError> {
        let fits = self.wanted.iter().all(|(name, value)| values.get(name) == Some(value));
        if !fits || self.values.as_ref().is_some_and(|known| *known != values) {
            let why = format!("a row of {values:?} came for the partition {:?}", self.wanted);
            return Err(StoreError::Rows { table: self.spec.name, why });
        }
        self.values = Some(values);
        Ok(())
    }

    /// Does what needs the processor away from the threads that wait for storage.
    async fn apart(
        mut self,
        work: impl FnOnce(&mut Self) -> Result<Vec<Encoded>, StoreError> + Send + 'static,
    ) -> Result<(Self, Vec<Encoded>), StoreError> {
        blocking("encoding rows", move || work(&mut self).map(|ended| (self, ended))).await
    }

    /// Encodes what waits; a file that is large enough is ended.
    fn row_group(&mut self) -> Result<Vec<Encoded>, StoreError> {
        if self.waiting.is_empty() {
            return Ok(Vec::new());
        }
        let batches = std::mem::take(&mut self.waiting);
        self.rows = 0;
        let (mut encoder, mut stats) = if let Some(open) = self.open.take() {
            open
        } else {
            let schema = columns::schema_of(self.spec, &batches[0]);
            (Encoder::new(self.spec, schema, false)?, FileStats::new(self.spec))
        };
        encoder.row_group(columns_of(&batches))?;
        add_stats(self.spec, &mut stats, &batches);
        self.grown(encoder, stats)
    }

    /// Encodes a row group, or copies what was encoded before.
    fn row_group_of(&mut self, rows: GroupRows) -> Result<Vec<Encoded>, StoreError> {
        if self.open.is_none() {
            let encoder = Encoder::for_copies(self.spec, self.spec.file_schema())?;
            self.open = Some((encoder, FileStats::new(self.spec)));
        }
        match rows {
            GroupRows::Plain(batches) => {
                batches.iter().try_for_each(|batch| self.take(batch))?;
                self.row_group()
            }
            GroupRows::Prepared { rows, fresh } => self.copy(&rows, &fresh),
        }
    }

    fn copy(&mut self, rows: &PreparedRows, fresh: &RecordBatch) -> Result<Vec<Encoded>, StoreError> {
        columns::check_some(self.spec, fresh)?;
        self.is_in(self.wanted.clone())?;
        let Some((mut encoder, mut stats)) = self.open.take() else { return Ok(Vec::new()) };
        encoder.row_group_from(rows.bytes(), fresh)?;
        let is_prepared =
            |name: &&str| fresh.column_by_name(name).is_none() && !self.spec.partition.contains(name);
        let names: Vec<&str> = self.spec.stats.iter().copied().filter(is_prepared).collect();
        let prepared = rows.decode(self.spec, &names)?;
        stats.add_rows(fresh.num_rows());
        for batch in [fresh, &prepared] {
            for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
                stats.add(field.name(), array);
            }
        }
        self.grown(encoder, stats)
    }

    /// Goes on with a file, or ends it.
    fn grown(&mut self, encoder: Encoder, stats: FileStats) -> Result<Vec<Encoded>, StoreError> {
        if encoder.bytes_written() < self.file_bytes {
            self.open = Some((encoder, stats));
            return Ok(Vec::new());
        }
        let values = self.values.clone().unwrap_or_default();
        Ok(vec![Encoded { values, bytes: encoder.finish()?, stats }])
    }

    fn finish(&mut self) -> Result<Vec<Encoded>, StoreError> {
        let mut ended = self.row_group()?;
        if let Some((encoder, stats)) = self.open.take() {
            let values = self.values.clone().unwrap_or_default();
            ended.push(Encoded { values, bytes: encoder.finish()?, stats });
        }
        Ok(ended)
    }
}
