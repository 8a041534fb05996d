//! Writing rows in a given order, a row group at a time, each column taken and encoded on one thread.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, PrimitiveArray, UInt32Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;

use super::load::{Column, Ranked, Rows};
use crate::data_file::{Encoded, FILE_BYTES};
use crate::encode::{Encoder, ROW_GROUP_ROWS};
use crate::error::StoreError;
use crate::partition::Values;
use crate::stats::FileStats;

/// Encodes rows in the order given, as sealed files.
pub(super) fn encode(rows: &Rows, order: &[u32], values: &Values) -> Result<Vec<Encoded>, StoreError> {
    let mut files = Vec::new();
    let mut open: Option<(Encoder, FileStats)> = None;
    for group in order.chunks(ROW_GROUP_ROWS) {
        let (mut encoder, mut stats) = match open.take() {
            Some(open) => open,
            None => (Encoder::new(rows.spec, schema(rows), true)?, FileStats::new(rows.spec)),
        };
        let indices = UInt32Array::from(group.to_vec());
        encoder.row_group_of(|index| take(rows, index, &indices))?;
        add_stats(rows, &mut stats, &indices)?;
        if encoder.bytes_written() >= FILE_BYTES {
            files.push(Encoded { values: values.clone(), bytes: encoder.finish()?, stats });
        } else {
            open = Some((encoder, stats));
        }
    }
    if let Some((encoder, stats)) = open {
        files.push(Encoded { values: values.clone(), bytes: encoder.finish()?, stats });
    }
    Ok(files)
}

fn schema(rows: &Rows) -> SchemaRef {
    let fields: Vec<Field> = rows
        .columns
        .iter()
        .map(|(spec, column)| {
            let kind = match column {
                Column::Ranked(_) => {
                    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
                }
                Column::Plain(_) => spec.kind.arrow(),
            };
            Field::new(spec.name, kind, spec.nullable)
        })
        .collect();
    Arc::new(Schema::new(fields))
}

fn take(rows: &Rows, index: usize, indices: &UInt32Array) -> Result<ArrayRef, StoreError> {
    match &rows.columns[index].1 {
        Column::Ranked(ranked) => take_ranked(rows, ranked, indices),
        Column::Plain(array) => arrow::compute::take(array, indices, None)
            .map_err(StoreError::arrow(rows.spec.name, "ordering the rows of a date")),
    }
}

fn take_ranked(rows: &Rows, ranked: &Ranked, indices: &UInt32Array) -> Result<ArrayRef, StoreError> {
    let ids: Vec<u32> = indices.values().iter().map(|row| ranked.ids[*row as usize]).collect();
    let nulls = ids.contains(&0).then(|| ids.iter().map(|id| *id > 0).collect::<NullBuffer>());
    // Fewer values than rows, and a seal never holds 2^31 of those.
    let keys: ScalarBuffer<i32> =
        ids.iter().map(|id| i32::try_from(id.saturating_sub(1)).unwrap_or(i32::MAX)).collect();
    DictionaryArray::try_new(PrimitiveArray::<Int32Type>::new(keys, nulls), ranked.values.clone())
        .map(|array| Arc::new(array) as ArrayRef)
        .map_err(StoreError::arrow(rows.spec.name, "ordering the rows of a date"))
}

fn add_stats(rows: &Rows, stats: &mut FileStats, indices: &UInt32Array) -> Result<(), StoreError> {
    stats.add_rows(indices.len());
    for name in rows.spec.stats {
        match rows.column(name) {
            Some(Column::Ranked(ranked)) => {
                let ids = || indices.values().iter().map(|row| ranked.ids[*row as usize]);
                let nulls = ids().filter(|id| *id == 0).count();
                let text = |id: u32| ranked.values.value(id as usize - 1);
                let range = ids().filter(|id| *id > 0).min().zip(ids().max());
                stats.add_text_range(name, nulls, range.map(|(low, high)| (text(low), text(high))));
            }
            Some(Column::Plain(array)) => {
                let taken = arrow::compute::take(array, indices, None)
                    .map_err(StoreError::arrow(rows.spec.name, "statistics of a date"))?;
                stats.add(name, &taken);
            }
            None => {}
        }
    }
    Ok(())
}

/// Rows in the order given, as plain columns.
pub(super) fn plain(rows: &Rows, order: &[u32]) -> Result<RecordBatch, StoreError> {
    let indices = UInt32Array::from(order.to_vec());
    let columns = (0..rows.columns.len())
        .map(|index| {
            let array = take(rows, index, &indices)?;
            let kind = rows.columns[index].0.kind.arrow();
            if *array.data_type() == kind {
                return Ok(array);
            }
            arrow::compute::cast(&array, &kind)
                .map_err(StoreError::arrow(rows.spec.name, "ordering the rows of a date"))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    RecordBatch::try_new(rows.spec.file_schema(), columns)
        .map_err(StoreError::arrow(rows.spec.name, "ordering the rows of a date"))
}
