//! Upkeep: seals dates, writes checkpoints, and takes away what is older than anybody can ask for. What a close has
//! pinned can always be read.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use deltalake::checkpoints::create_checkpoint;
use futures::{StreamExt as _, TryStreamExt as _};
use hubtally_schemas::paths;
use hubtally_schemas::tables::{TABLES, TableSpec};
use serde::Serialize;

use crate::error::StoreError;
use crate::expire::{Expired, Expiry, expire};
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
    /// What may be removed; nothing if absent.
    pub expiry: Option<Expiry>,
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MaintainReport {
    /// Dates that were sealed, by table.
    pub sealed: BTreeMap<String, Vec<SealReport>>,
    /// Tables that have a new checkpoint, with its version.
    pub checkpoints: BTreeMap<String, i64>,
    /// What was removed, by table.
    pub expired: BTreeMap<String, Expired>,
}

/// Seals every unsealed date before the given one, and writes a checkpoint for each table that has
/// grown since its last. Then removes what may be removed; where anything does not fit together, nothing is.
pub async fn maintain(
    store: &Store,
    options: &MaintainOptions,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<MaintainReport, StoreError> {
    let mut report = MaintainReport::default();
    for spec in TABLES.iter().copied() {
        if spec.sealed {
            let done = seal_dates(store, spec, options.before, &options.limits, progress).await?;
            if !done.is_empty() {
                report.sealed.insert(spec.name.to_owned(), done);
            }
        }
        if let Some(version) = checkpoint(store, spec).await? {
            report.checkpoints.insert(spec.name.to_owned(), version);
        }
    }
    if let Some(expiry) = options.expiry {
        report.expired = expire(store, expiry, progress).await?;
    }
    Ok(report)
}

/// Seals every unsealed date of a table (before the one given), two at a time, each with half of the
/// memory: while one waits for its commit, the other computes.
pub async fn seal_dates(
    store: &Store,
    spec: &'static TableSpec,
    before: Option<NaiveDate>,
    limits: &SealLimits,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Vec<SealReport>, StoreError> {
    let limits = &SealLimits { memory_bytes: limits.memory_bytes / 2, ..limits.clone() };
    let dates = unsealed_dates(store, spec).await?;
    let due = dates.into_iter().filter(|date| before.is_none_or(|before| *date < before));
    let seals = due.map(|date| async move {
        progress(&format!("seal {} {date}", spec.name));
        seal(store, spec, date, limits).await
    });
    futures::stream::iter(seals).buffered(2).try_collect().await
}

async fn checkpoint(store: &Store, spec: &'static TableSpec) -> Result<Option<i64>, StoreError> {
    let table = Table::open(store, spec).await?;
    let version = table.version();
    let log = format!("{}/_delta_log", paths::table(spec.name));
    let name = format!("{log}/{version:020}.checkpoint.parquet");
    if version <= 0 || store.list(&log).await?.contains(&name) {
        return Ok(None);
    }
    create_checkpoint(&table.delta, None)
        .await
        .map_err(|source| StoreError::Checkpoint { table: spec.name, source: Box::new(source) })?;
    Ok(Some(version))
}
