//! What the store holds of an account and month, and whether other files may take its place.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use futures::TryStreamExt;
use hubtally_schemas::period::{Instant, Period, day_to_date};
use hubtally_store::{StoreError, Table};

use super::error::BillError;
use super::group::Group;
use super::lines::Lines;

const COLUMNS: [&str; 6] =
    ["importer", "account", "format_version", "source_file", "status", "charge_period_start"];

/// The current rows of one (importer, account) in one billing period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// Digest and format version of the files that the rows come from.
    pub(crate) files: BTreeSet<(String, String)>,
    /// First and last UTC day on which a line starts.
    days: (i32, i32),
    /// Whether no line may still change.
    all_final: bool,
}

/// The current rows of one billing period, at one version of the table.
#[derive(Debug)]
pub(crate) struct LoadedPeriod {
    table: Table,
    /// By account and importer.
    accounts: BTreeMap<String, BTreeMap<String, Loaded>>,
}

impl LoadedPeriod {
    /// Reads what a partition of `charges` holds.
    pub(crate) async fn read(table: &Table, period: Period) -> Result<Self, StoreError> {
        let partition = period.to_string();
        let mut rows = table.read(&[("billing_period", &partition)], Some(&COLUMNS)).await?;
        let mut found = Self { table: table.clone(), accounts: BTreeMap::new() };
        while let Some(batch) = rows.try_next().await? {
            found.add(&batch);
        }
        Ok(found)
    }

    fn add(&mut self, batch: &RecordBatch) {
        let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let starts = batch
            .column_by_name("charge_period_start")
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let (Some(importer), Some(account), Some(version), Some(file), Some(status), Some(starts)) = (
            text("importer"),
            text("account"),
            text("format_version"),
            text("source_file"),
            text("status"),
            starts,
        ) else {
            return;
        };
        for row in 0..batch.num_rows() {
            let day = Instant(starts.value(row)).day();
            let is_final = status.value(row) == "final";
            let importers = match self.accounts.get_mut(account.value(row)) {
                Some(importers) => importers,
                None => self.accounts.entry(account.value(row).to_owned()).or_default(),
            };
            let Some(loaded) = importers.get_mut(importer.value(row)) else {
                let files = BTreeSet::from([(file.value(row).to_owned(), version.value(row).to_owned())]);
                importers.insert(
                    importer.value(row).to_owned(),
                    Loaded { files, days: (day, day), all_final: is_final },
                );
                continue;
            };
            loaded.days = (loaded.days.0.min(day), loaded.days.1.max(day));
            loaded.all_final &= is_final;
            let is_known = loaded.files.iter().any(|(f, v)| f == file.value(row) && v == version.value(row));
            if !is_known {
                loaded.files.insert((file.value(row).to_owned(), version.value(row).to_owned()));
            }
        }
    }

    /// What stands where a group would go.
    pub(crate) fn of(&self, group: &Group) -> Option<&Loaded> {
        self.accounts.get(&group.key.account)?.get(group.key.format.code())
    }

    /// Where a source stands at the version of these rows.
    pub(crate) async fn position(&self, source: &str) -> Result<Option<i64>, StoreError> {
        self.table.position(source).await
    }

    /// Whether a group may be written: one importer an account and month, and nothing may be lost
    /// that the new files do not speak of, unless that was asked for.
    pub(crate) fn check(&self, group: &Group, lines: &Lines, may_shrink: bool) -> Result<(), BillError> {
        let file = lines.files_of(group).next().map_or_else(String::new, |file| file.name.clone());
        let importers = self.accounts.get(&group.key.account);
        let other = importers.and_then(|importers| {
            importers.iter().find(|(importer, _)| *importer != group.key.format.code())
        });
        let digest = |loaded: &Loaded| {
            loaded.files.first().map_or_else(String::new, |(sha256, _)| sha256.chars().take(12).collect())
        };
        if let Some((importer, loaded)) = other {
            return Err(BillError::TwoImporters {
                account: group.key.account.clone(),
                period: group.key.period,
                first: importer.clone(),
                first_file: format!("loaded before, sha256 {}", digest(loaded)),
                second: group.key.format,
                second_file: file,
            });
        }
        let Some(loaded) = self.of(group) else { return Ok(()) };
        if may_shrink || loaded.files == files_of(group, lines) {
            return Ok(());
        }
        let shrinks = |why: String| {
            Err(BillError::Shrinks {
                account: group.key.account.clone(),
                period: group.key.period,
                file,
                loaded: digest(loaded),
                why,
            })
        };
        if group.days.0 > loaded.days.0 || group.days.1 < loaded.days.1 {
            return shrinks(format!(
                "has lines from {} to {}, while the new files have them only from {} to {}",
                day_to_date(loaded.days.0),
                day_to_date(loaded.days.1),
                day_to_date(group.days.0),
                day_to_date(group.days.1)
            ));
        }
        let versions = |files: &BTreeSet<(String, String)>| -> BTreeSet<String> {
            files
                .iter()
                .filter(|(_, version)| version.contains(" view "))
                .map(|(_, version)| version.clone())
                .collect()
        };
        let missing = &versions(&loaded.files) - &versions(&files_of(group, lines));
        if let Some(view) = missing.first() {
            return shrinks(format!(
                "also holds {} other queries of this account (first: {view}), which the new files do not",
                missing.len()
            ));
        }
        let provisional = lines.provisional_of(group);
        if loaded.all_final && provisional > 0 {
            return shrinks(format!("is final, while {provisional} of the new lines are provisional"));
        }
        Ok(())
    }
}

/// Digest and format version of a group's files.
pub(crate) fn files_of(group: &Group, lines: &Lines) -> BTreeSet<(String, String)> {
    lines.files_of(group).map(|file| (file.sha256.clone(), file.reading.format_version.clone())).collect()
}
