//! Rows that are encoded before everything about them is known.
//!
//! Encoding is what is dear about a row. A bill's rows are encoded while the rest of it is still read,
//! though their status and revision are known only at its end. The encoded columns are put aside as a
//! small Parquet file; later they are copied into a data file as they are, and only what was missing is
//! encoded beside them.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use hubtally_schemas::tables::TableSpec;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

use crate::columns;
use crate::encode::Encoder;
use crate::error::StoreError;

/// The rows of one row group in the table's encoding, without some of the columns.
#[derive(Debug, Clone)]
pub struct PreparedRows(Bytes);

impl PreparedRows {
    /// Encodes rows of some of a table's columns, in their order. Uses all threads.
    pub fn encode(spec: &'static TableSpec, rows: &RecordBatch) -> Result<Self, StoreError> {
        let known = columns::check_some(spec, rows)?;
        let fields: Vec<Field> = known
            .iter()
            .map(|column| Field::new(column.name, column.kind.arrow(), column.nullable))
            .collect();
        let mut encoder = Encoder::for_copies(spec, Arc::new(Schema::new(fields)))?;
        encoder.row_group(rows.columns().iter().map(|array| vec![array.clone()]).collect())?;
        encoder.finish().map(Self)
    }

    /// What [`PreparedRows::bytes`] gave, read back.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes, to put aside.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Some columns of the rows, in the order of the table.
    pub fn decode(&self, spec: &'static TableSpec, names: &[&str]) -> Result<RecordBatch, StoreError> {
        let failed = |source| StoreError::Encode { table: spec.name, source };
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder =
            ParquetRecordBatchReaderBuilder::try_new_with_options(self.0.clone(), options).map_err(failed)?;
        let rows = builder.metadata().file_metadata().num_rows();
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
        let mut reader = builder
            .with_projection(mask)
            .with_batch_size(usize::try_from(rows).unwrap_or(usize::MAX).max(1))
            .build()
            .map_err(failed)?;
        let missing = || StoreError::Rows { table: spec.name, why: "prepared rows are empty".to_owned() };
        let found = reader
            .next()
            .ok_or_else(missing)?
            .map_err(StoreError::arrow(spec.name, "reading prepared rows"))?;
        let arrays = names
            .iter()
            .map(|name| {
                let array = found.column_by_name(name).cloned();
                array.map(|array| (*name, array)).ok_or_else(|| StoreError::Rows {
                    table: spec.name,
                    why: format!("column {name} was not prepared"),
                })
            })
            .collect::<Result<Vec<(&str, ArrayRef)>, _>>()?;
        RecordBatch::try_from_iter(arrays).map_err(StoreError::arrow(spec.name, "reading prepared rows"))
    }
}
