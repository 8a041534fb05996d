//! Partition values: from rows to the text of the Delta log and back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, Date32Array, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Date32Type};
use arrow::record_batch::RecordBatch;
use chrono::{Days, NaiveDate};
use hubtally_schemas::tables::{Column, ColumnType, TableSpec};

use crate::error::StoreError;

/// The partition values of a file, by column.
pub(crate) type Values = BTreeMap<String, String>;

/// Rows by partition, in the order of their values.
pub(crate) type Parts = BTreeMap<Values, Vec<RecordBatch>>;

/// Splits rows of all columns into partitions, without the partition columns.
pub(crate) fn split(
    spec: &'static TableSpec,
    batches: impl IntoIterator<Item = RecordBatch>,
) -> Result<Parts, StoreError> {
    let mut parts = Parts::new();
    for batch in batches {
        if batch.num_rows() > 0 {
            split_batch(spec, &batch, &mut parts)?;
        }
    }
    Ok(parts)
}

fn split_batch(spec: &'static TableSpec, batch: &RecordBatch, parts: &mut Parts) -> Result<(), StoreError> {
    let columns = partition_columns(spec, batch)?;
    let rows_of = rows_by_value(spec, batch.num_rows(), &columns)?;
    let inner = without_partition(spec, batch)?;
    let whole = rows_of.len() == 1;
    for rows in rows_of {
        let first = rows.first().copied().unwrap_or_default() as usize;
        let values = columns.iter().map(|column| (column.name.to_owned(), column.text(first))).collect();
        let taken = if whole {
            inner.clone()
        } else {
            arrow::compute::take_record_batch(&inner, &UInt32Array::from(rows))
                .map_err(StoreError::arrow(spec.name, "splitting rows by partition"))?
        };
        parts.entry(values).or_default().push(taken);
    }
    Ok(())
}

/// The rows of each combination of values, in the order in which the combinations come.
fn rows_by_value(
    spec: &'static TableSpec,
    rows: usize,
    columns: &[PartitionColumn<'_>],
) -> Result<Vec<Vec<u32>>, StoreError> {
    let rows = u32::try_from(rows).map_err(|_| StoreError::Rows {
        table: spec.name,
        why: "a batch has more than 2^32 rows".to_owned(),
    })?;
    let mut groups: Vec<Vec<u32>> = vec![(0..rows).collect()];
    for column in columns {
        let mut finer: Vec<Vec<u32>> = Vec::new();
        for group in groups {
            let mut known: HashMap<i64, usize> = HashMap::new();
            let mut last: Option<(i64, usize)> = None;
            for row in group {
                let id = column.ids[row as usize];
                // Rows of one value mostly come together.
                let place = match last {
                    Some((value, place)) if value == id => place,
                    _ => *known.entry(id).or_insert_with(|| {
                        finer.push(Vec::new());
                        finer.len() - 1
                    }),
                };
                last = Some((id, place));
                finer[place].push(row);
            }
        }
        groups = finer;
    }
    Ok(groups)
}

/// A batch without the partition columns.
pub(crate) fn without_partition(
    spec: &'static TableSpec,
    batch: &RecordBatch,
) -> Result<RecordBatch, StoreError> {
    let keep: Vec<usize> = (0..batch.num_columns())
        .filter(|index| !spec.partition.contains(&batch.schema_ref().field(*index).name().as_str()))
        .collect();
    batch.project(&keep).map_err(StoreError::arrow(spec.name, "leaving partition columns out"))
}

struct PartitionColumn<'a> {
    name: &'static str,
    array: &'a ArrayRef,
    /// Equal numbers mean equal values.
    ids: Vec<i64>,
}

impl PartitionColumn<'_> {
    fn text(&self, row: usize) -> String {
        match self.array.data_type() {
            DataType::Date32 => date_text(self.array.as_primitive::<Date32Type>().value(row)),
            _ => self.array.as_string::<i32>().value(row).to_owned(),
        }
    }
}

fn partition_columns<'a>(
    spec: &'static TableSpec,
    batch: &'a RecordBatch,
) -> Result<Vec<PartitionColumn<'a>>, StoreError> {
    let mut columns = Vec::with_capacity(spec.partition.len());
    for name in spec.partition.iter().copied() {
        let refuse = |why: &str| StoreError::Rows { table: spec.name, why: format!("column {name} {why}") };
        let array = batch.column_by_name(name).ok_or_else(|| refuse("is missing"))?;
        if array.null_count() > 0 {
            return Err(refuse("is a partition and may not be NULL"));
        }
        let ids = match array.data_type() {
            DataType::Date32 => {
                array.as_primitive::<Date32Type>().values().iter().map(|day| i64::from(*day)).collect()
            }
            DataType::Utf8 => {
                let mut known: HashMap<&str, i64> = HashMap::new();
                let text = array.as_string::<i32>();
                (0..text.len())
                    .map(|row| {
                        let next = i64::try_from(known.len()).unwrap_or(i64::MAX);
                        *known.entry(text.value(row)).or_insert(next)
                    })
                    .collect()
            }
            other => return Err(refuse(&format!("has type {other}"))),
        };
        columns.push(PartitionColumn { name, array, ids });
    }
    Ok(columns)
}

/// The folder of a partition inside its table, Hive style. Readers take the values from the log, so a
/// character that a path cannot hold is only replaced.
pub(crate) fn folder(spec: &TableSpec, values: &Values) -> String {
    let mut folder = String::new();
    for name in spec.partition {
        let value = values.get(*name).map_or("", String::as_str);
        let safe: String = value
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '_' })
            .collect();
        folder.extend([name, "=", &safe, "/"]);
    }
    folder
}

/// A column filled with one partition value.
pub(crate) fn filled(
    spec: &'static TableSpec,
    column: &Column,
    value: Option<&String>,
    rows: usize,
) -> Result<ArrayRef, StoreError> {
    let Some(value) = value else { return Ok(arrow::array::new_null_array(&column.kind.arrow(), rows)) };
    match column.kind {
        ColumnType::Day => {
            let day = parse_date(value).ok_or_else(|| StoreError::Log {
                table: spec.name,
                why: format!("partition {} is {value:?}, not a date", column.name),
            })?;
            Ok(Arc::new(Date32Array::from_value(day, rows)))
        }
        ColumnType::Text => Ok(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows)))),
        other => Err(StoreError::Log {
            table: spec.name,
            why: format!("partition {} has type {}", column.name, other.delta()),
        }),
    }
}

/// Days since 1970 as `YYYY-MM-DD`.
pub(crate) fn date_text(day: i32) -> String {
    let magnitude = Days::new(u64::from(day.unsigned_abs()));
    let date = if day >= 0 {
        NaiveDate::default().checked_add_days(magnitude)
    } else {
        NaiveDate::default().checked_sub_days(magnitude)
    };
    date.unwrap_or_default().to_string()
}

/// `YYYY-MM-DD` as days since 1970.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    let date: NaiveDate = text.parse().ok()?;
    i32::try_from((date - NaiveDate::default()).num_days()).ok()
}

/// Whether a file's values are those that were asked for.
pub(crate) fn matches(values: &Values, wanted: &[(&str, &str)]) -> bool {
    wanted.iter().all(|(name, value)| values.get(*name).map(String::as_str) == Some(*value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_back() {
        for day in [-719_162, -1, 0, 1, 20_000] {
            assert_eq!(parse_date(&date_text(day)), Some(day));
        }
        assert_eq!(date_text(20_605), "2026-06-01");
    }

    #[test]
    fn a_folder_holds_no_path_of_its_own() {
        let spec = &hubtally_schemas::tables::LEDGER;
        let values = Values::from([("period".to_owned(), "../2026 06".to_owned())]);
        assert_eq!(folder(spec, &values), "period=.._2026_06/");
    }
}
