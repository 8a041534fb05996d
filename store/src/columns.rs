//! Columns of rows: that they are those of their table, and single values of keys.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use hubtally_schemas::tables::{Column, KeyValue, TableSpec};

use crate::error::StoreError;

/// Checks names, order, types and required values. Text may come as a dictionary: files hold text.
pub(crate) fn check(spec: &'static TableSpec, batch: &RecordBatch) -> Result<(), StoreError> {
    let refuse = |why: String| Err(StoreError::Rows { table: spec.name, why });
    if batch.num_columns() != spec.columns.len() {
        return refuse(format!("{} columns came, {} are expected", batch.num_columns(), spec.columns.len()));
    }
    for ((column, field), array) in spec.columns.iter().zip(batch.schema_ref().fields()).zip(batch.columns())
    {
        if field.name() != column.name {
            return refuse(format!("column {} came where {} is expected", field.name(), column.name));
        }
        let fits = match array.data_type() {
            DataType::Dictionary(_, values) => **values == column.kind.arrow(),
            found => *found == column.kind.arrow(),
        };
        if !fits {
            let found = array.data_type();
            return refuse(format!("column {} has type {found}, not {}", column.name, column.kind.arrow()));
        }
        if !column.nullable && array.null_count() > 0 {
            return refuse(format!("column {} is NULL in {} rows", column.name, array.null_count()));
        }
    }
    Ok(())
}

/// Checks rows that have only some of the columns, in the table's order, and says which.
pub(crate) fn check_some(
    spec: &'static TableSpec,
    batch: &RecordBatch,
) -> Result<Vec<&'static Column>, StoreError> {
    let refuse = |why: String| StoreError::Rows { table: spec.name, why };
    let mut columns = spec.columns.iter();
    let mut found = Vec::with_capacity(batch.num_columns());
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let name = field.name();
        let column = columns
            .find(|column| column.name == name)
            .ok_or_else(|| refuse(format!("column {name} is none of the table, or out of order")))?;
        if *array.data_type() != column.kind.arrow() {
            let kind = array.data_type();
            return Err(refuse(format!("column {name} has type {kind}, not {}", column.kind.arrow())));
        }
        if !column.nullable && array.null_count() > 0 {
            return Err(refuse(format!("column {name} is NULL in {} rows", array.null_count())));
        }
        found.push(column);
    }
    Ok(found)
}

/// Only the rows above a source position. Rows at or below it are in the table already.
pub(crate) fn above_position(
    spec: &'static TableSpec,
    batch: &RecordBatch,
    drop_below: i64,
) -> Result<RecordBatch, StoreError> {
    let Some(positions) =
        batch.column_by_name("source_position").and_then(|array| array.as_primitive_opt::<Int64Type>())
    else {
        return Err(StoreError::Rows {
            table: spec.name,
            why: "column source_position is missing".to_owned(),
        });
    };
    if positions.values().iter().all(|position| *position > drop_below) {
        return Ok(batch.clone());
    }
    let keep = positions.values().iter().map(|position| Some(*position > drop_below)).collect();
    arrow::compute::filter_record_batch(batch, &keep)
        .map_err(StoreError::arrow(spec.name, "dropping rows that are in already"))
}

/// The file schema with the types that the first of some batches has.
pub(crate) fn schema_of(spec: &TableSpec, batch: &RecordBatch) -> SchemaRef {
    let fields: Vec<Field> = spec
        .columns
        .iter()
        .filter(|column| !spec.partition.contains(&column.name))
        .zip(batch.columns())
        .map(|(column, array)| Field::new(column.name, array.data_type().clone(), column.nullable))
        .collect();
    Arc::new(Schema::new(fields))
}

/// A value of a key column as the name of a fact takes it; `None` for a type that no key has.
pub fn key_value(array: &ArrayRef, row: usize) -> Option<KeyValue<'_>> {
    if array.is_null(row) {
        return Some(KeyValue::Null);
    }
    match array.data_type() {
        DataType::Utf8 => Some(KeyValue::Text(array.as_string::<i32>().value(row))),
        DataType::Int64 => Some(KeyValue::Int(array.as_primitive::<Int64Type>().value(row))),
        DataType::Timestamp(_, _) => {
            Some(KeyValue::Int(array.as_primitive_opt::<TimestampMicrosecondType>()?.value(row)))
        }
        _ => None,
    }
}
