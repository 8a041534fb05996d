//! The door for rows of sources (law L2).
//!
//! A batch `[from, to)` of a source commits to `rejects` first, then to each table that sources feed in
//! the order of `TABLES`, and moves the source's position in each, rows or none. A crash in between
//! leaves tables at different positions: the source resumes at the least of them, and a table that is
//! ahead drops what it has. Batches of many sources share one commit a table, so that a folder of small
//! files costs as little as one large file.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use deltalake::kernel::Add;
use deltalake::protocol::{DeltaOperation, SaveMode};
use futures::future::try_join_all;
use hubtally_rules::commit::{Decision, after_conflict, decide};
use hubtally_schemas::tables::{TABLES, TableSpec};
use tokio::sync::Mutex;

use crate::columns;
use crate::data_file::{Tags, encode_parts, store_files};
use crate::error::StoreError;
use crate::partition;
use crate::positions::Positions;
use crate::store::Store;
use crate::table::{Change, Table};

/// Commits that are tried on one table before the batch is given back with an error.
const COMMIT_TRIES: usize = 8;

/// Rows of one source between two positions.
#[derive(Debug, Clone, Default)]
pub struct SourceBatch {
    /// Records consumed before it.
    pub from: i64,
    /// Records consumed after it: rows have `source_position` of `from + 1 ..= to`.
    pub to: i64,
    /// Rows by table, with exactly the table's columns.
    pub rows: BTreeMap<&'static str, Vec<RecordBatch>>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitOutcome {
    /// It is in every table.
    Done,
    /// It was in every table before.
    AlreadyDone,
    /// Another worker owns the source, or the batch does not follow on what is there: drop it, and
    /// start again from the position.
    Rival,
}

/// The tables that sources feed, opened once for any number of sources. Cheap to clone; commits of
/// clones wait for each other.
#[derive(Clone)]
pub struct OpenTables(Arc<Mutex<Vec<Fed>>>);

impl std::fmt::Debug for OpenTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenTables").finish_non_exhaustive()
    }
}

/// A table with the positions at its version; `None` when they must be read again.
struct Fed {
    table: Table,
    positions: Option<Positions>,
}

/// One worker's door for one source.
#[derive(Debug)]
pub struct SourceWriter {
    tables: OpenTables,
    source: String,
    position: i64,
}

impl SourceWriter {
    /// Opens the tables for one source. For many sources, share [`OpenTables`].
    pub async fn open(store: &Store, source: &str) -> Result<Self, StoreError> {
        let tables = OpenTables::open(store).await?;
        Self::open_with(&tables, source).await
    }

    /// The same on tables that are open.
    pub async fn open_with(tables: &OpenTables, source: &str) -> Result<Self, StoreError> {
        let position = tables.position(source).await?;
        Ok(Self { tables: tables.clone(), source: source.to_owned(), position })
    }

    /// Where the source goes on: the least position of all tables that it feeds, 0 if it is new.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Commits a batch to every table. After an error the same batch may be given again: tables that
    /// have it drop it.
    pub async fn commit(&mut self, batch: SourceBatch) -> Result<CommitOutcome, StoreError> {
        let committed = self.tables.commit(vec![(self.source.clone(), batch)]).await;
        self.position = self.tables.position(&self.source).await?;
        Ok(committed?.first().copied().unwrap_or(CommitOutcome::AlreadyDone))
    }
}

impl OpenTables {
    /// Opens every table that sources feed, and reads their positions.
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let fed: Vec<&'static TableSpec> =
            TABLES.iter().copied().filter(|spec| spec.fed_by_sources).collect();
        Self::open_specs(store, &fed).await
    }

    /// Opens some of them, in the order given.
    pub(crate) async fn open_specs(store: &Store, specs: &[&'static TableSpec]) -> Result<Self, StoreError> {
        let tables = try_join_all(specs.iter().map(|spec| Fed::open(store, spec))).await?;
        Ok(Self(Arc::new(Mutex::new(tables))))
    }

    /// The least position of all tables for a source, 0 if it is new.
    pub async fn position(&self, source: &str) -> Result<i64, StoreError> {
        let mut tables = self.0.lock().await;
        let mut least = i64::MAX;
        for fed in tables.iter_mut() {
            least = least.min(fed.positions().await?.get(source).unwrap_or(0));
        }
        Ok(if least == i64::MAX { 0 } else { least })
    }

    /// The positions that the tables have of a source, each once, the least first; 0 where it is new.
    pub async fn positions(&self, source: &str) -> Result<Vec<i64>, StoreError> {
        let mut tables = self.0.lock().await;
        let mut positions = std::collections::BTreeSet::new();
        for fed in tables.iter_mut() {
            positions.insert(fed.positions().await?.get(source).unwrap_or(0));
        }
        Ok(positions.into_iter().collect())
    }

    /// Whether any table has a position of a source: where it began is decided then, for good.
    pub async fn has_begun(&self, source: &str) -> Result<bool, StoreError> {
        let mut tables = self.0.lock().await;
        for fed in tables.iter_mut() {
            if fed.positions().await?.get(source).is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes where sources begin that were never read, all in one commit a table. The first choice stands: a
    /// source that some table knows begins where that table says, also in the others.
    pub async fn begin(&self, sources: &[(String, i64)]) -> Result<(), StoreError> {
        let mut tables = self.0.lock().await;
        let mut batches = Vec::new();
        for (source, choice) in sources {
            let mut known = Vec::with_capacity(tables.len());
            for fed in tables.iter_mut() {
                known.push(fed.positions().await?.get(source));
            }
            if known.iter().any(Option::is_none) {
                let to = known.into_iter().flatten().max().unwrap_or(*choice);
                batches.push((source.clone(), SourceBatch { from: 0, to, ..SourceBatch::default() }));
            }
        }
        if batches.is_empty() { Ok(()) } else { commit(&mut tables, batches).await.map(drop) }
    }

    /// Reads what others committed since. Needed only to see their sources: a commit on older tables
    /// is refused, never wrong.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let mut tables = self.0.lock().await;
        try_join_all(tables.iter_mut().map(Fed::refresh)).await.map(drop)
    }

    /// Commits batches of different sources together; one outcome for each, in their order. A batch
    /// that meets a rival is left out, the others go on.
    pub async fn commit(
        &self,
        batches: Vec<(String, SourceBatch)>,
    ) -> Result<Vec<CommitOutcome>, StoreError> {
        commit(&mut self.0.lock().await, batches).await
    }
}

async fn commit(
    tables: &mut [Fed],
    batches: Vec<(String, SourceBatch)>,
) -> Result<Vec<CommitOutcome>, StoreError> {
    for fed in tables.iter_mut() {
        fed.positions().await?;
    }
    let mut group = Group::new(tables, batches)?;
    let mut written = Vec::with_capacity(tables.len());
    for fed in tables.iter() {
        written.push(group.part_of(fed));
    }
    // All files first, on all threads; then the commits in their order.
    let files = tables.iter().zip(&written).map(|(fed, part)| group.write(fed, part));
    let files = try_join_all(files).await?;
    for ((fed, part), add) in tables.iter_mut().zip(written).zip(files) {
        group.commit_to(fed, part, add).await?;
    }
    if group.outcomes.contains(&CommitOutcome::Rival) {
        // Whoever meets a rival starts again from the position, in every table as it is now.
        try_join_all(tables.iter_mut().map(Fed::refresh)).await?;
    }
    Ok(group.outcomes)
}

/// Batches that are committed together.
struct Group {
    batches: Vec<(String, SourceBatch)>,
    outcomes: Vec<CommitOutcome>,
}

/// What one table takes of a group: index of the batch, and the position below which rows are in.
type Part = Vec<(usize, i64)>;

impl Group {
    /// Decides on every table before anything is written: a batch that one table refuses goes nowhere.
    fn new(tables: &[Fed], batches: Vec<(String, SourceBatch)>) -> Result<Self, StoreError> {
        for (_, batch) in &batches {
            for (name, rows) in &batch.rows {
                let Some(fed) = tables.iter().find(|fed| fed.table.spec.name == *name) else {
                    return Err(StoreError::Rows { table: name, why: "no source feeds it".to_owned() });
                };
                for rows in rows {
                    columns::check(fed.table.spec, rows)?;
                }
            }
        }
        let outcome = |(source, batch): &(String, SourceBatch)| {
            let decisions = tables.iter().map(|fed| fed.decide(source, batch));
            decisions.fold(CommitOutcome::AlreadyDone, |outcome, decision| match decision {
                Decision::Rival => CommitOutcome::Rival,
                Decision::Commit { .. } if outcome == CommitOutcome::AlreadyDone => CommitOutcome::Done,
                _ => outcome,
            })
        };
        let outcomes = batches.iter().map(outcome).collect();
        Ok(Self { batches, outcomes })
    }

    fn part_of(&self, fed: &Fed) -> Part {
        let alive = (0..self.batches.len()).filter(|index| self.outcomes[*index] == CommitOutcome::Done);
        let taken = alive.filter_map(|index| {
            let (source, batch) = &self.batches[index];
            match fed.decide(source, batch) {
                Decision::Commit { drop_below } => Some((index, drop_below)),
                Decision::AlreadyDone | Decision::Rival => None,
            }
        });
        taken.collect()
    }

    /// Writes the files of one table's part.
    async fn write(&self, fed: &Fed, part: &Part) -> Result<Vec<Add>, StoreError> {
        let spec = fed.table.spec;
        let mut rows = Vec::new();
        for (index, drop_below) in part {
            for batch in self.batches[*index].1.rows.get(spec.name).into_iter().flatten() {
                rows.push(columns::above_position(spec, batch, *drop_below)?);
            }
        }
        let files = encode_parts(spec, partition::split(spec, rows)?).await?;
        store_files(&fed.table.store, spec, files, &Tags::default()).await
    }

    /// Commits one table's part. Whatever goes wrong, the log is read again before anything is decided.
    async fn commit_to(
        &mut self,
        fed: &mut Fed,
        mut part: Part,
        mut add: Vec<Add>,
    ) -> Result<(), StoreError> {
        // How many batches the files hold: one that has left the group must leave them too.
        let mut written = part.len();
        for tried in 1.. {
            part.retain(|(index, _)| self.outcomes[*index] == CommitOutcome::Done);
            if part.is_empty() {
                return Ok(());
            }
            if part.len() < written {
                add = self.write(fed, &part).await?;
                written = part.len();
            }
            let moved: Vec<(String, i64)> = part
                .iter()
                .map(|(index, _)| (self.batches[*index].0.clone(), self.batches[*index].1.to))
                .collect();
            let Err(source) = fed.commit(add.clone(), &moved).await? else { return Ok(()) };
            fed.positions = None;
            pause(tried).await;
            let failed = |source| StoreError::Commit { table: fed.table.spec.name, source: Box::new(source) };
            if fed.positions().await.is_err() {
                return Err(failed(source));
            }
            self.settle(fed, &mut part);
            if tried >= COMMIT_TRIES && !part.is_empty() {
                return Err(failed(source));
            }
        }
        Ok(())
    }

    /// Decides again for each batch of a part after a commit that failed or whose reply was lost.
    fn settle(&mut self, fed: &Fed, part: &mut Part) {
        let mut left = Part::new();
        for (index, known) in part.drain(..) {
            let (source, batch) = &self.batches[index];
            let position = fed.position(source);
            if position.unwrap_or(0) == known {
                // Nobody moved it: what refused the commit was another source's, or a seal.
                left.push((index, known));
            } else if after_conflict(position, batch.to) == Decision::Rival {
                self.outcomes[index] = CommitOutcome::Rival;
            }
        }
        *part = left;
    }
}

impl Fed {
    async fn open(store: &Store, spec: &'static TableSpec) -> Result<Self, StoreError> {
        let mut table = Table::open(store, spec).await?;
        crate::table_schema::widen(spec, &mut table.delta).await?;
        let mut fed = Self { table, positions: None };
        fed.positions().await?;
        Ok(fed)
    }

    /// The positions at the table's version; after an error, table and positions are read again.
    async fn positions(&mut self) -> Result<&Positions, StoreError> {
        if self.positions.is_none() {
            self.table.refresh().await?;
            let version = self.table.delta.version().unwrap_or(0);
            let log = self.table.delta.log_store();
            self.positions = Some(Positions::load(self.table.spec, &log, version).await?);
        }
        self.positions.as_ref().ok_or(StoreError::Task { what: "reading positions" })
    }

    async fn refresh(&mut self) -> Result<(), StoreError> {
        let Some(mut positions) = self.positions.take() else {
            return self.positions().await.map(drop);
        };
        self.table.refresh().await?;
        let version = self.table.delta.version().unwrap_or(0);
        positions.advance(&self.table.delta.log_store(), version).await?;
        self.positions = Some(positions);
        Ok(())
    }

    fn position(&self, source: &str) -> Option<i64> {
        self.positions.as_ref().and_then(|positions| positions.get(source))
    }

    fn decide(&self, source: &str, batch: &SourceBatch) -> Decision {
        decide(self.position(source), batch.from, batch.to)
    }

    /// One commit. The outer result is an error after which nothing can be said of the table.
    async fn commit(
        &mut self,
        add: Vec<Add>,
        moved: &[(String, i64)],
    ) -> Result<Result<(), deltalake::DeltaTableError>, StoreError> {
        let partition_by = self.table.spec.partition.iter().map(|name| (*name).to_owned()).collect();
        let change = Change {
            add,
            remove: Vec::new(),
            positions: moved.to_vec(),
            operation: DeltaOperation::Write {
                mode: SaveMode::Append,
                partition_by: Some(partition_by),
                predicate: None,
            },
            metadata: BTreeMap::new(),
        };
        if let Err(error) = self.table.try_commit(&change).await {
            return Ok(Err(error));
        }
        let version = self.table.delta.version().unwrap_or(0);
        let log = self.table.delta.log_store();
        let noted = match self.positions.take() {
            Some(mut positions) => positions.committed(&log, version, moved).await.map(|()| positions),
            None => Positions::load(self.table.spec, &log, version).await,
        };
        // The rows are in. Positions that could not be read now are read before the next decision.
        self.positions = noted.ok();
        Ok(Ok(()))
    }
}

async fn pause(tried: usize) {
    let millis = 10_u64 << tried.min(6);
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
}
