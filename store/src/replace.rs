//! Replacing rows: a whole partition of a derived table, or a group (one bill) inside a partition.

use std::collections::{BTreeMap, HashMap};

use arrow::record_batch::RecordBatch;
use deltalake::kernel::{Add, LogicalFileView};
use deltalake::protocol::{DeltaOperation, SaveMode};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use hubtally_rules::commit::{Decision, after_conflict, decide};
use hubtally_schemas::tables::TableSpec;

use crate::columns;
use crate::data_file::{Encoded, FILE_BYTES, Tags, add_stats, blocking, columns_of, store_files};
use crate::encode::{Encoder, ROW_GROUP_ROWS};
use crate::error::StoreError;
use crate::partition::{self, Values};
use crate::source::CommitOutcome;
use crate::stats::FileStats;
use crate::table::{Change, DataFile, Table};

/// Replaces that are tried while other writers keep committing.
const REPLACE_TRIES: usize = 8;

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
    /// position from `from` to `to`. `metadata` stands beside it in the log, for example the digest of
    /// a bill. A position that is not `from` is a rival.
    #[expect(clippy::too_many_arguments, reason = "one call says all that one commit does")]
    pub async fn replace_group(
        &mut self,
        group: &str,
        partition: &[(&str, &str)],
        rows: Vec<RecordBatch>,
        source: &str,
        from: Option<i64>,
        to: i64,
        metadata: BTreeMap<String, String>,
    ) -> Result<CommitOutcome, StoreError> {
        self.refresh().await?;
        let known = self.position(source).await?;
        match decide(known, from.unwrap_or(0), to) {
            Decision::AlreadyDone => return Ok(CommitOutcome::AlreadyDone),
            Decision::Rival => return Ok(CommitOutcome::Rival),
            Decision::Commit { .. } if known.unwrap_or(0) != from.unwrap_or(0) => {
                return Ok(CommitOutcome::Rival);
            }
            Decision::Commit { .. } => {}
        }
        let tags = Tags { sealed: false, group: Some(group.to_owned()) };
        let rows = futures::stream::iter(rows.into_iter().map(Ok)).boxed();
        let add = self.write_stream(partition, rows, &tags).await?;
        let mut failure = None;
        for _ in 0..REPLACE_TRIES {
            let mut old = self.partition_views(partition)?;
            old.retain(|(_, file)| file.group.as_deref() == Some(group));
            let mut change = self.replacement(&add, old, partition, vec![(source.to_owned(), to)]);
            change.metadata.clone_from(&metadata);
            match self.try_commit(&change).await {
                Ok(()) => return Ok(CommitOutcome::Done),
                Err(error) => failure = Some(error),
            }
            self.refresh().await?;
            let position = self.position(source).await?;
            if position != known {
                return Ok(match after_conflict(position, to) {
                    Decision::Rival => CommitOutcome::Rival,
                    _ => CommitOutcome::Done,
                });
            }
        }
        Err(match failure {
            Some(source) => StoreError::Commit { table: self.spec.name, source: Box::new(source) },
            None => StoreError::Contended { table: self.spec.name, tries: REPLACE_TRIES },
        })
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
        let mut files = OpenFiles::new(self.spec, partition);
        let mut add = Vec::new();
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            columns::check(self.spec, &batch)?;
            files.take(&batch)?;
            if files.rows >= ROW_GROUP_ROWS {
                let (next, ended) = files.row_group().await?;
                files = next;
                add.extend(store_files(&self.store, self.spec, ended, tags).await?);
            }
        }
        add.extend(store_files(&self.store, self.spec, files.finish().await?, tags).await?);
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
    wanted: HashMap<String, String>,
    values: Option<Values>,
    waiting: Vec<RecordBatch>,
    rows: usize,
    open: Option<(Encoder, FileStats)>,
}

impl OpenFiles {
    fn new(spec: &'static TableSpec, partition: &[(&str, &str)]) -> Self {
        let wanted =
            partition.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { spec, wanted, values: None, waiting: Vec::new(), rows: 0, open: None }
    }

    fn take(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let parts = partition::split(self.spec, [batch.clone()])?;
        for (values, batches) in parts {
            let fits = self.wanted.iter().all(|(name, value)| values.get(name) == Some(value));
            if !fits || self.values.as_ref().is_some_and(|known| *known != values) {
                let why = format!("a row of {values:?} came for the partition {:?}", self.wanted);
                return Err(StoreError::Rows { table: self.spec.name, why });
            }
            self.values = Some(values);
            self.rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
            self.waiting.extend(batches);
        }
        Ok(())
    }

    /// Encodes what waits; a file that is large enough is ended.
    async fn row_group(mut self) -> Result<(Self, Vec<Encoded>), StoreError> {
        blocking("encoding rows", move || {
            if self.waiting.is_empty() {
                return Ok((self, Vec::new()));
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
            let mut ended = Vec::new();
            if encoder.bytes_written() >= FILE_BYTES {
                let values = self.values.clone().unwrap_or_default();
                ended.push(Encoded { values, bytes: encoder.finish()?, stats });
            } else {
                self.open = Some((encoder, stats));
            }
            Ok((self, ended))
        })
        .await
    }

    async fn finish(self) -> Result<Vec<Encoded>, StoreError> {
        let (last, mut ended) = self.row_group().await?;
        if let Some((encoder, stats)) = last.open {
            let values = last.values.unwrap_or_default();
            ended.push(Encoded { values, bytes: encoder.finish()?, stats });
        }
        Ok(ended)
    }
}
