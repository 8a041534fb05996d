//! Arrow builders, one group of columns per table, in the order of `schemas::tables`.
//!
//! Values go from the borrowed event straight into columns; no row exists in between.

mod node;
mod places;
mod pod;
mod records;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use hubtally_schemas::tables::TableSpec;
pub use node::NodeRows;
pub use places::{CoverageRows, HubRows, StorageRows};
pub use pod::PodRows;
pub use records::{RejectRow, RejectRows, UserRows};

use crate::error::IngestError;

/// `source_class` of rows that come from events.
pub const EVENT: &str = "event";

/// What every row of a usage table carries.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Cluster.
    pub cluster: &'a str,
    /// CloudEvents `id`.
    pub event_id: &'a str,
    /// Record number in the source.
    pub position: i64,
}

/// Text as an option: empty means absent.
fn given(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty())
}

fn texts(builder: &mut StringBuilder) -> ArrayRef {
    Arc::new(builder.finish())
}

fn ints(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(std::mem::take(values)))
}

fn times(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(std::mem::take(values)).with_timezone("UTC"))
}

fn days(values: &mut Vec<i32>) -> ArrayRef {
    Arc::new(Date32Array::from(std::mem::take(values)))
}

fn same(text: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)))
}

fn batch(spec: &'static TableSpec, columns: Vec<ArrayRef>) -> Result<Option<RecordBatch>, IngestError> {
    let batch = RecordBatch::try_new(spec.arrow_schema(), columns)
        .map_err(|source| IngestError::Rows { table: spec.name, source })?;
    Ok(Some(batch))
}
