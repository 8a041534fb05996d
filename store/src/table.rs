//! One table at one version: its files and its positions, and the commits that move it on.

use std::collections::{BTreeMap, HashMap};

use arrow::record_batch::RecordBatch;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Add, LogicalFileView, Transaction};
use deltalake::protocol::DeltaOperation;
use deltalake::{DeltaTable, DeltaTableError};
use futures::stream::BoxStream;
use hubtally_schemas::paths;
use hubtally_schemas::tables::TableSpec;

use crate::error::StoreError;
use crate::partition::{self, Values};
use crate::store::Store;
use crate::{read, table_schema};

/// One table at one version. Reading it is reading that version, whatever is committed meanwhile.
#[derive(Clone)]
pub struct Table {
    pub(crate) store: Store,
    pub(crate) spec: &'static TableSpec,
    pub(crate) delta: DeltaTable,
}

/// One data file of a table's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Path from the store's root.
    pub path: String,
    /// Partition values, as the log writes them.
    pub partition: BTreeMap<String, String>,
    /// Rows in it.
    pub rows: i64,
    /// Bytes.
    pub size: u64,
    /// Sorted by the table's order and free of duplicates inside its date.
    pub sealed: bool,
    /// Group that is replaced together: (importer, account) of a bill.
    pub group: Option<String>,
}

/// What one commit changes.
pub(crate) struct Change {
    pub(crate) add: Vec<Add>,
    pub(crate) remove: Vec<LogicalFileView>,
    /// Positions that move with it, by source.
    pub(crate) positions: Vec<(String, i64)>,
    pub(crate) operation: DeltaOperation,
    /// What stands beside it in the log, for people.
    pub(crate) metadata: BTreeMap<String, String>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Table");
        shown.field("name", &self.spec.name).field("version", &self.version()).finish_non_exhaustive()
    }
}

impl Table {
    /// The newest version.
    pub(crate) async fn open(store: &Store, spec: &'static TableSpec) -> Result<Self, StoreError> {
        let delta = table_schema::ensure(store, spec).await?;
        Ok(Self { store: store.clone(), spec, delta })
    }

    /// What the table is.
    pub fn spec(&self) -> &'static TableSpec {
        self.spec
    }

    /// Its version in the Delta log.
    pub fn version(&self) -> i64 {
        self.delta.version().and_then(|version| i64::try_from(version).ok()).unwrap_or(-1)
    }

    /// Rows in all its files.
    pub fn row_count(&self) -> Result<i64, StoreError> {
        let overflow = || StoreError::Log { table: self.spec.name, why: "row counts overflow".to_owned() };
        self.files()?.iter().try_fold(0_i64, |sum, file| sum.checked_add(file.rows)).ok_or_else(overflow)
    }

    /// Goes on to the newest version.
    pub async fn refresh(&mut self) -> Result<(), StoreError> {
        self.delta.update_state().await.map_err(|source| self.unreadable(source))
    }

    /// The same table at a version.
    pub async fn at_version(&self, version: i64) -> Result<Self, StoreError> {
        let failed =
            |source| StoreError::Version { table: self.spec.name, version, source: Box::new(source) };
        let number = u64::try_from(version).map_err(|_| failed(DeltaTableError::InvalidVersion(0)))?;
        let mut delta = DeltaTable::new(self.delta.log_store());
        delta.load_version(number).await.map_err(failed)?;
        // The log's last version is loaded where a later one is asked for.
        if delta.version() != Some(number) {
            return Err(failed(DeltaTableError::InvalidVersion(number)));
        }
        Ok(Self { store: self.store.clone(), spec: self.spec, delta })
    }

    /// How far a source is in this version: `None` if it never came.
    pub async fn position(&self, source: &str) -> Result<Option<i64>, StoreError> {
        let state = self.delta.snapshot().map_err(|e| self.unreadable(e))?;
        let log_store = self.delta.log_store();
        state.transaction_version(log_store.as_ref(), source).await.map_err(|e| self.unreadable(e))
    }

    /// Its data files.
    pub fn files(&self) -> Result<Vec<DataFile>, StoreError> {
        let views = self.views()?;
        views.iter().map(|view| self.data_file(view)).collect()
    }

    /// The rows of a partition (of all, where none is named): the columns of the spec in their order,
    /// or those that are named; columns that a file lacks are NULL. File after file.
    #[expect(clippy::unused_async, reason = "callers wait for it, so that it may read the log later")]
    pub async fn read(
        &self,
        partition: &[(&str, &str)],
        columns: Option<&[&str]>,
    ) -> Result<BoxStream<'static, Result<RecordBatch, StoreError>>, StoreError> {
        let files =
            self.files()?.into_iter().filter(|file| partition::matches(&file.partition, partition)).collect();
        read::stream(&self.store, self.spec, files, columns)
    }

    pub(crate) fn views(&self) -> Result<Vec<LogicalFileView>, StoreError> {
        let state = self.delta.snapshot().map_err(|e| self.unreadable(e))?;
        Ok(state.log_data().iter().collect())
    }

    /// The files of a partition: what the log says, and what we read from it.
    pub(crate) fn partition_views(
        &self,
        wanted: &[(&str, &str)],
    ) -> Result<Vec<(LogicalFileView, DataFile)>, StoreError> {
        let mut found = Vec::new();
        for view in self.views()? {
            let file = self.data_file(&view)?;
            if partition::matches(&file.partition, wanted) {
                found.push((view, file));
            }
        }
        Ok(found)
    }

    fn data_file(&self, view: &LogicalFileView) -> Result<DataFile, StoreError> {
        #[expect(deprecated, reason = "the only way to a file's tags")]
        let add = view.add_action();
        let log = |why: String| StoreError::Log { table: self.spec.name, why };
        let mut tags = add.tags.unwrap_or_default();
        let mut tag = |name: &str| tags.remove(name).flatten();
        let rows = match view.num_records() {
            Some(rows) => i64::try_from(rows).ok(),
            None => tag("rows").and_then(|text| text.parse().ok()),
        };
        Ok(DataFile {
            rows: rows.ok_or_else(|| log(format!("file {} has no row count", add.path)))?,
            size: u64::try_from(add.size).map_err(|_| log(format!("file {} has no size", add.path)))?,
            sealed: tag("sealed").as_deref() == Some("true"),
            group: tag("group"),
            path: format!("{}/{}", paths::table(self.spec.name), add.path),
            partition: add
                .partition_values
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect::<Values>(),
        })
    }

    /// Tries one commit on this version. deltalake looks through what was committed since, and refuses
    /// where a position that this commit moves was moved, or a file that it removes was removed.
    pub(crate) async fn try_commit(&mut self, change: &Change) -> Result<(), DeltaTableError> {
        let mut actions: Vec<Action> =
            change.remove.iter().map(|view| Action::Remove(view.remove_action(true))).collect();
        actions.extend(change.add.iter().cloned().map(Action::Add));
        let metadata: HashMap<String, serde_json::Value> =
            change.metadata.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
        let mut properties = CommitProperties::default().with_metadata(metadata);
        for (source, position) in &change.positions {
            let transaction = Transaction::new(source, *position);
            properties = properties.with_application_transaction(transaction);
        }
        let state = self.delta.snapshot()?;
        let commit = CommitBuilder::from(properties)
            .with_actions(actions)
            .build(Some(state), self.delta.log_store(), change.operation.clone())
            .await?;
        self.delta.state = Some(commit.snapshot);
        Ok(())
    }

    pub(crate) fn unreadable(&self, source: DeltaTableError) -> StoreError {
        StoreError::OpenTable { table: self.spec.name, source: Box::new(source) }
    }
}
