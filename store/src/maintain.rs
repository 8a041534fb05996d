//! Upkeep: seals dates and writes checkpoints. Deletes nothing: files and log entries that are no
//! longer current stay, so every version that a close has pinned can be read. Removing them below the
//! oldest pin is a later release's work.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use deltalake::checkpoints::create_checkpoint;
use hubtally_schemas::tables::{TABLES, TableSpec};
use serde::Serialize;

use crate::error::StoreError;
use crate::seal::{SealLimits, SealReport, seal, unsealed_dates};
use crate::store::Store;
use crate::table::Table;

/// What to look after.
#[derive(Debug, Clone)]
pub struct MaintainOptions {
    /// Dates before this one are sealed; all of them if absent.
    pub before: Option<NaiveDate>,
    /// Memory and disk that sealing may use.
    pub limits: SealLimits,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MaintainReport {
    /// Dates that were sealed, by table.
    pub sealed: BTreeMap<String, Vec<SealReport>>,
    /// Tables that have a new checkpoint, with its version.
    pub checkpoints: BTreeMap<String, i64>,
}

/// Seals every unsealed date before the given one, and writes a checkpoint for each table that has
/// grown since its last.
pub async fn maintain(
    store: &Store,
    options: &MaintainOptions,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<MaintainReport, StoreError> {
    let mut report = MaintainReport::default();
    for spec in TABLES.iter().copied() {
        if spec.sealed {
            let mut done = Vec::new();
            for date in unsealed_dates(store, spec).await? {
                if options.before.is_none_or(|before| date < before) {
                    progress(&format!("seal {} {date}", spec.name));
                    done.push(seal(store, spec, date, &options.limits).await?);
                }
            }
            if !done.is_empty() {
                report.sealed.insert(spec.name.to_owned(), done);
            }
        }
        if let Some(version) = checkpoint(store, spec).await? {
            report.checkpoints.insert(spec.name.to_owned(), version);
        }
    }
    Ok(report)
}

async fn checkpoint(store: &Store, spec: &'static TableSpec) -> Result<Option<i64>, StoreError> {
    let table = Table::open(store, spec).await?;
    let version = table.version();
    let name = format!("_delta_log/{version:020}.checkpoint.parquet");
    let path = format!("{}/{name}", hubtally_schemas::paths::table(spec.name));
    if version <= 0 || store.list(&hubtally_schemas::paths::table(spec.name)).await?.contains(&path) {
        return Ok(None);
    }
    create_checkpoint(&table.delta, None)
        .await
        .map_err(|source| StoreError::Checkpoint { table: spec.name, source: Box::new(source) })?;
    Ok(Some(version))
}
