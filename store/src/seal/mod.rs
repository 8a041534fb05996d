//! Sealing a date: sorted by the table's order, free of duplicates, in large files.
//!
//! One commit removes the files that were read and adds the sealed ones. Rows that another worker
//! appends meanwhile stay beside them as files that are not sealed; sealing again merges them.

mod dedupe;
mod load;
mod pack;
mod rejects;
mod spill;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::NaiveDate;
use deltalake::kernel::{Add, LogicalFileView};
use deltalake::protocol::DeltaOperation;
use hubtally_schemas::tables::TableSpec;
use serde::Serialize;

use crate::data_file::{Encoded, FILE_BYTES, Tags, blocking, store_files};
use crate::error::StoreError;
use crate::objects;
use crate::partition::Values;
use crate::store::Store;
use crate::table::{Change, DataFile, Table};

/// How often a date is sealed anew because other workers changed what was read.
const SEAL_TRIES: usize = 5;

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
    /// Rows of the same key and revision with other content: they are in `rejects`.
    pub conflicts: i64,
    /// Files before.
    pub files_before: usize,
    /// Files after.
    pub files_after: usize,
    /// Whether it was sorted in parts on disk.
    pub spilled: bool,
}

/// Seals one date of one table. A date that is sealed already, and one without rows, stay as they are.
pub async fn seal(
    store: &Store,
    spec: &'static TableSpec,
    date: NaiveDate,
    limits: &SealLimits,
) -> Result<SealReport, StoreError> {
    if !spec.sealed {
        return Err(StoreError::Rows {
            table: spec.name,
            why: "it is not a table that is sealed".to_owned(),
        });
    }
    let day = date.to_string();
    for _ in 0..SEAL_TRIES {
        let mut table = Table::open(store, spec).await?;
        let old = table.partition_views(&[("date", &day)])?;
        let report = SealReport { date, files_before: old.len(), ..SealReport::default() };
        if old.iter().all(|(_, file)| file.sealed) {
            let rows = old.iter().map(|(_, file)| file.rows).sum();
            return Ok(SealReport { rows_before: rows, rows_after: rows, files_after: old.len(), ..report });
        }
        let files: Vec<DataFile> = old.iter().map(|(_, file)| file.clone()).collect();
        let sealed = sort(store, spec, files, limits).await?;
        let report = sealed.report(&report);

        let seal_id = format!("seal/{}/{day}", spec.name);
        rejects::keep(store, &seal_id, date, table.version(), &sealed.refused).await?;
        if commit(&mut table, &seal_id, &day, &sealed.add, old).await? {
            return Ok(report);
        }
    }
    Err(StoreError::Contended { table: spec.name, tries: SEAL_TRIES })
}

/// The dates of a table that have files which are not sealed, oldest first.
pub async fn unsealed_dates(store: &Store, spec: &'static TableSpec) -> Result<Vec<NaiveDate>, StoreError> {
    let table = Table::open(store, spec).await?;
    let files = table.files()?;
    let open = files.iter().filter(|file| !file.sealed);
    let mut dates: Vec<NaiveDate> =
        open.filter_map(|file| file.partition.get("date")?.parse().ok()).collect();
    dates.sort_unstable();
    dates.dedup();
    Ok(dates)
}

/// A date's rows, sorted and stored, not yet named by the log.
#[derive(Default)]
struct Sorted {
    add: Vec<Add>,
    refused: Vec<rejects::Refused>,
    rows_before: i64,
    duplicates: i64,
    superseded: i64,
    rows_after: i64,
    spilled: bool,
}

impl Sorted {
    fn report(&self, report: &SealReport) -> SealReport {
        SealReport {
            sealed: true,
            rows_before: self.rows_before,
            rows_after: self.rows_after,
            duplicates: self.duplicates,
            superseded: self.superseded,
            conflicts: i64::try_from(self.refused.len()).unwrap_or(i64::MAX),
            files_after: self.add.len(),
            spilled: self.spilled,
            ..report.clone()
        }
    }
}

async fn sort(
    store: &Store,
    spec: &'static TableSpec,
    files: Vec<DataFile>,
    limits: &SealLimits,
) -> Result<Sorted, StoreError> {
    let rows = files.iter().map(|file| file.rows).sum();
    let bytes = files.iter().map(|file| file.size).sum();
    let memory = memory_of(spec, rows, bytes);
    if memory > limits.memory_bytes {
        return spill::sort(store, spec, files, memory, limits).await;
    }
    let values = files.first().map(|file| file.partition.clone()).unwrap_or_default();
    let inputs = fetch(store, &files).await?;
    let (files, mut sorted) = blocking("sealing a date", move || in_memory(spec, &inputs, &values)).await?;
    sorted.add = store_files(store, spec, files, &Tags { sealed: true, group: None }).await?;
    Ok(sorted)
}

/// Memory that a date takes: ranks and numbers of every column, packed keys, the files themselves, and
/// the file that is made.
fn memory_of(spec: &TableSpec, rows: i64, bytes: u64) -> usize {
    let row_bytes = spec.columns.len() * 8 + 96;
    let rows = usize::try_from(rows).unwrap_or(usize::MAX);
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    rows.saturating_mul(row_bytes).saturating_add(bytes).saturating_add(bytes.min(2 * FILE_BYTES))
}

async fn fetch(store: &Store, files: &[DataFile]) -> Result<Vec<load::Input>, StoreError> {
    let objects = store.object_store();
    let gets = files.iter().map(|file| {
        let objects = objects.clone();
        async move {
            let missing = || StoreError::Log {
                table: "data",
                why: format!("file {} is named by the log and is not there", file.path),
            };
            let bytes = objects::get(&objects, &file.path).await?.ok_or_else(missing)?;
            Ok(load::Input { path: file.path.clone(), bytes })
        }
    });
    futures::future::try_join_all(gets).await
}

fn in_memory(
    spec: &'static TableSpec,
    inputs: &[load::Input],
    values: &Values,
) -> Result<(Vec<Encoded>, Sorted), StoreError> {
    let rows = load::load(spec, inputs)?;
    let (order, deduped) = order(&rows)?;
    let files = write::encode(&rows, &order, values)?;
    let sorted = Sorted {
        refused: rejects::describe(&rows, &deduped.conflicts),
        rows_before: i64::try_from(rows.len).unwrap_or(i64::MAX),
        rows_after: i64::try_from(order.len()).unwrap_or(i64::MAX),
        duplicates: deduped.duplicates,
        superseded: deduped.superseded,
        ..Sorted::default()
    };
    Ok((files, sorted))
}

/// The rows that stay, in the table's order.
fn order(rows: &load::Rows) -> Result<(Vec<u32>, dedupe::Deduped), StoreError> {
    let len = u32::try_from(rows.len).map_err(|_| StoreError::Rows {
        table: rows.spec.name,
        why: "a date has more than 2^32 rows in memory".to_owned(),
    })?;
    let deduped = dedupe::dedupe(rows, &pack::pack(rows, rows.spec.key)?.keys);
    let mut dropped = deduped.dropped.iter().copied().peekable();
    let kept = (0..len).filter(move |row| dropped.next_if_eq(row).is_none());
    let order = pack::sorted(&pack::pack(rows, rows.spec.order)?, kept);
    Ok((order, deduped))
}

/// Commits a sealed date; `false` where what was read is no longer what stands there.
async fn commit(
    table: &mut Table,
    seal_id: &str,
    day: &str,
    add: &[Add],
    old: Vec<(LogicalFileView, DataFile)>,
) -> Result<bool, StoreError> {
    let read: Vec<String> = old.iter().map(|(_, file)| file.path.clone()).collect();
    let mut old: Vec<LogicalFileView> = old.into_iter().map(|(view, _)| view).collect();
    let mut failure = None;
    for _ in 0..SEAL_TRIES {
        let change = Change {
            add: add.to_vec(),
            remove: std::mem::take(&mut old),
            positions: vec![(seal_id.to_owned(), table.version())],
            operation: DeltaOperation::Optimize {
                predicate: Some(format!("date = '{day}'")),
                target_size: i64::try_from(FILE_BYTES).unwrap_or(i64::MAX),
            },
            metadata: BTreeMap::new(),
        };
        match table.try_commit(&change).await {
            Ok(()) => return Ok(true),
            Err(error) => failure = Some(error),
        }
        // Lost reply, rival seal, or an append that came first: what stands there decides.
        table.refresh().await?;
        let there = table.partition_views(&[("date", day)])?;
        if add.iter().all(|add| there.iter().any(|(_, file)| file.path.ends_with(&add.path))) {
            return Ok(true);
        }
        if !read.iter().all(|path| there.iter().any(|(_, file)| file.path == *path)) {
            return Ok(false);
        }
        old = there.into_iter().filter(|(_, file)| read.contains(&file.path)).map(|(view, _)| view).collect();
    }
    Err(match failure {
        Some(source) => StoreError::Commit { table: table.spec.name, source: Box::new(source) },
        None => StoreError::Contended { table: table.spec.name, tries: SEAL_TRIES },
    })
}
