//! Columns of a batch as the types that the agreement gives them.

use arrow::array::{Array, Date32Array, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use hubtally_schemas::tables::TableSpec;

use crate::error::ReportError;

/// The columns of one batch of a table.
pub struct Columns<'a> {
    spec: &'static TableSpec,
    batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    pub fn new(spec: &'static TableSpec, batch: &'a RecordBatch) -> Self {
        Self { spec, batch }
    }

    pub fn text(&self, name: &str) -> Result<&'a StringArray, ReportError> {
        self.column(name)
    }

    pub fn int(&self, name: &str) -> Result<&'a Int64Array, ReportError> {
        self.column(name)
    }

    pub fn decimal(&self, name: &str) -> Result<&'a Decimal128Array, ReportError> {
        self.column(name)
    }

    pub fn time(&self, name: &str) -> Result<&'a TimestampMicrosecondArray, ReportError> {
        self.column(name)
    }

    pub fn day(&self, name: &str) -> Result<&'a Date32Array, ReportError> {
        self.column(name)
    }

    fn column<T: Array + 'static>(&self, name: &str) -> Result<&'a T, ReportError> {
        self.batch
            .column_by_name(name)
            .and_then(|column| column.as_any().downcast_ref())
            .ok_or_else(|| ReportError::Column { table: self.spec.name, column: name.to_owned() })
    }
}
