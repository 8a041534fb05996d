//! A table's shape in the Delta log: made from its spec, and widened when a release adds columns.

use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, DataType, MetadataExt as _, PrimitiveType, StructField, StructType};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::DeltaOperation;
use deltalake::{DeltaTable, DeltaTableError};
use hubtally_schemas::paths;
use hubtally_schemas::tables::{Column, ColumnType, TableSpec};

use crate::error::StoreError;
use crate::store::Store;

/// Checkpoints every so many commits.
const CHECKPOINT_INTERVAL: u32 = 100;

/// Opens a table; makes it where it is missing.
pub(crate) async fn ensure(store: &Store, spec: &'static TableSpec) -> Result<DeltaTable, StoreError> {
    make_folder(store, spec)?;
    if let Some(table) = load(store, spec).await? {
        return Ok(table);
    }
    let made = create(store, spec).await;
    // Another worker may have made it first, or the reply was lost: what stands there decides.
    match (load(store, spec).await, made) {
        (Ok(Some(table)), _) => Ok(table),
        (Err(error), _) => Err(error),
        (Ok(None), Err(source)) => {
            Err(StoreError::CreateTable { table: spec.name, source: Box::new(source) })
        }
        (Ok(None), Ok(())) => {
            Err(StoreError::Log { table: spec.name, why: "it was made and is not there".to_owned() })
        }
    }
}

/// A local table's folder must be there before its log can be looked for.
fn make_folder(store: &Store, spec: &'static TableSpec) -> Result<(), StoreError> {
    let Some(folder) = store.local_folder() else { return Ok(()) };
    let path = folder.join(paths::table(spec.name));
    if path.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(&path).map_err(|source| StoreError::Folder { path, source })
}

async fn load(store: &Store, spec: &'static TableSpec) -> Result<Option<DeltaTable>, StoreError> {
    let mut table = DeltaTable::new(store.log_store(spec));
    match table.load().await {
        Ok(()) => Ok(Some(table)),
        Err(DeltaTableError::NotATable(_)) => Ok(None),
        Err(source) => Err(StoreError::OpenTable { table: spec.name, source: Box::new(source) }),
    }
}

async fn create(store: &Store, spec: &'static TableSpec) -> Result<(), DeltaTableError> {
    let fields = spec.columns.iter().map(field).collect::<Result<Vec<_>, _>>()?;
    let configuration = [
        // Closed periods are read by version: nothing may expire behind our back.
        ("delta.enableExpiredLogCleanup", "false".to_owned()),
        ("delta.checkpointInterval", CHECKPOINT_INTERVAL.to_string()),
        ("delta.dataSkippingStatsColumns", spec.stats.join(",")),
    ];
    CreateBuilder::new()
        .with_log_store(store.log_store(spec))
        .with_table_name(spec.name)
        .with_comment(spec.doc)
        .with_columns(fields)
        .with_partition_columns(spec.partition.iter().copied())
        .with_configuration(configuration.map(|(key, value)| (key, Some(value))))
        .await
        .map(drop)
}

/// Adds the columns that the table was made without. Columns are only ever added, nullable.
pub(crate) async fn widen(spec: &'static TableSpec, table: &mut DeltaTable) -> Result<(), StoreError> {
    let failed = |source| StoreError::Commit { table: spec.name, source: Box::new(source) };
    let log = |why: String| StoreError::Log { table: spec.name, why };
    for _ in 0..3 {
        let state = table.snapshot().map_err(failed)?;
        let schema = state.schema();
        let missing: Vec<&Column> =
            spec.columns.iter().filter(|column| schema.field(column.name).is_none()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if let Some(column) = missing.iter().find(|column| !column.nullable) {
            return Err(log(format!("column {} is missing and may not be NULL", column.name)));
        }
        let added =
            missing.iter().map(|column| field(column)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let wider = StructType::try_new(schema.fields().cloned().chain(added.clone()))
            .map_err(|e| log(e.to_string()))?;
        let metadata = state.metadata().clone().with_schema(&wider).map_err(|e| log(e.to_string()))?;
        let commit = CommitBuilder::from(CommitProperties::default())
            .with_actions(vec![Action::Metadata(metadata)])
            .build(Some(state), table.log_store(), DeltaOperation::AddColumn { fields: added })
            .await;
        // A conflict or a lost reply: the next round looks at what stands there.
        let loaded = table.update_state().await;
        if let (Err(source), Err(_)) = (commit, loaded) {
            return Err(failed(source));
        }
    }
    Err(StoreError::Contended { table: spec.name, tries: 3 })
}

fn field(column: &Column) -> Result<StructField, DeltaTableError> {
    let kind = match column.kind {
        ColumnType::Text => PrimitiveType::String,
        ColumnType::Int => PrimitiveType::Long,
        ColumnType::Bool => PrimitiveType::Boolean,
        ColumnType::Time => PrimitiveType::Timestamp,
        ColumnType::Day => PrimitiveType::Date,
        ColumnType::Money => PrimitiveType::decimal(38, 12)?,
        ColumnType::Quantity => PrimitiveType::decimal(38, 0)?,
    };
    let field = StructField::new(column.name, DataType::Primitive(kind), column.nullable);
    Ok(field.with_metadata([("comment", column.doc)]))
}
