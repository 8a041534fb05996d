//! Rows of a Parquet file.

use std::fs::File;
use std::io;

use arrow::array::{Array as _, ArrayRef, AsArray as _, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use hubtally_schemas::Instant;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::line::Columns;
use crate::error::IngestError;
use crate::files::lines::{Chunk, Filled};

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 4_096;

/// The rows of a Parquet file, one after another.
pub struct ParquetRows {
    batches: ParquetRecordBatchReader,
    /// Its columns.
    pub columns: Columns,
    /// The columns of the batch that is being handed over, in the order of `columns.known`.
    texts: Vec<StringArray>,
    row: usize,
    rows: usize,
}

impl ParquetRows {
    /// Reads the schema.
    pub fn open(name: &str, file: File) -> Result<Self, IngestError> {
        let failed = |source| IngestError::NoParquet { path: name.to_owned(), source };
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(failed)?;
        let found: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
        let columns = super::columns_of(name, &found)?;
        let places = columns.known.iter().map(|column| column.place);
        let mask = ProjectionMask::roots(builder.parquet_schema(), places);
        let batches = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build().map_err(failed)?;
        Ok(Self { batches, columns, texts: Vec::new(), row: 0, rows: 0 })
    }

    /// Fills a chunk anew with the lines of rows.
    pub fn fill(&mut self, chunk: &mut Chunk) -> io::Result<Filled> {
        chunk.clear();
        while !chunk.is_full() {
            if self.row == self.rows && !self.next_batch().map_err(io::Error::other)? {
                return Ok(Filled::End);
            }
            let (texts, row) = (&self.texts, self.row);
            let known = &self.columns.known;
            let line = self.columns.line(|column| {
                let at = known.iter().position(|one| one.place == column.place)?;
                let text = texts.get(at).filter(|text| text.is_valid(row))?;
                Some(text.value(row).as_bytes())
            });
            chunk.push(&line);
            self.row += 1;
        }
        Ok(Filled::More)
    }

    fn next_batch(&mut self) -> Result<bool, ArrowError> {
        for batch in self.batches.by_ref() {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            // A projection keeps the order of the file, whatever the order of our fields: known columns are in it.
            self.texts = batch.columns().iter().map(texts).collect::<Result<_, _>>()?;
            (self.row, self.rows) = (0, batch.num_rows());
            return Ok(true);
        }
        Ok(false)
    }
}

/// A column as texts: times as RFC 3339 in UTC, also those without a zone; everything else as Arrow writes it.
fn texts(column: &ArrayRef) -> Result<StringArray, ArrowError> {
    if !matches!(column.data_type(), DataType::Timestamp(_, _)) {
        return Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone());
    }
    let utc = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
    let times = utc.as_primitive::<TimestampMicrosecondType>();
    let mut written = StringBuilder::with_capacity(times.len(), times.len() * 28);
    for time in times {
        written.append_option(time.map(|micros| Instant(micros).to_string()));
    }
    Ok(written.finish())
}
