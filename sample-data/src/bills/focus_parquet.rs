//! FOCUS 1.0 as Parquet, decimals as decimals.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Builder, RecordBatch, StringBuilder, TimestampMillisecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::focus::{self, COLUMNS, Cell, Issuer, Kind};
use super::line::{BillLine, BillSums};
use crate::error::SampleError;
use crate::output::Folder;

/// A FOCUS Parquet file that is being written.
pub struct FocusParquet {
    path: PathBuf,
    issuer: Issuer,
    schema: SchemaRef,
    writer: ArrowWriter<BufWriter<File>>,
    /// Sums of what was written.
    pub sums: BillSums,
}

impl FocusParquet {
    /// Starts the file.
    pub fn create(folder: &Folder, relative: &str, issuer: Issuer) -> Result<Self, SampleError> {
        let (path, file) = folder.file(relative)?;
        let fields = COLUMNS.iter().map(|(name, kind)| Field::new(*name, data_type(*kind), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let fail = |source| SampleError::WriteParquet { path: path.clone(), source };
        let level = ZstdLevel::try_new(6).map_err(fail)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(100_000))
            .build();
        let writer = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(fail)?;
        Ok(Self { path, issuer, schema, writer, sums: BillSums::default() })
    }

    /// Writes lines.
    pub fn write(&mut self, lines: &[BillLine]) -> Result<(), SampleError> {
        let batch = self
            .batch(lines)
            .map_err(|source| SampleError::BuildColumns { path: self.path.clone(), source })?;
        self.writer
            .write(&batch)
            .map_err(|source| SampleError::WriteParquet { path: self.path.clone(), source })?;
        for line in lines {
            self.sums.add(line.category, line.pico);
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(self) -> Result<BillSums, SampleError> {
        let path = self.path;
        self.writer.close().map_err(|source| SampleError::WriteParquet { path, source })?;
        Ok(self.sums)
    }

    fn batch(&self, lines: &[BillLine]) -> Result<RecordBatch, ArrowError> {
        let rows: Vec<Vec<Cell>> = lines.iter().map(|line| focus::cells(&self.issuer, line)).collect();
        let columns = COLUMNS
            .iter()
            .enumerate()
            .map(|(index, (_, kind))| column(*kind, rows.iter().map(|row| &row[index])))
            .collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Time => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        Kind::Money => DataType::Decimal128(38, 12),
    }
}

fn column<'a>(kind: Kind, cells: impl Iterator<Item = &'a Cell>) -> Result<ArrayRef, ArrowError> {
    match kind {
        Kind::Text => {
            let mut builder = StringBuilder::new();
            for cell in cells {
                builder.append_option(match cell {
                    Cell::Text(text) => Some(text),
                    _ => None,
                });
            }
            Ok(Arc::new(builder.finish()))
        }
        Kind::Time => {
            let mut builder = TimestampMillisecondBuilder::new().with_timezone("UTC");
            for cell in cells {
                builder.append_option(match cell {
                    Cell::Time(ms) => Some(*ms),
                    _ => None,
                });
            }
            Ok(Arc::new(builder.finish()))
        }
        Kind::Money => {
            let mut builder = Decimal128Builder::new().with_precision_and_scale(38, 12)?;
            for cell in cells {
                builder.append_option(match cell {
                    Cell::Money(pico) => Some(*pico),
                    _ => None,
                });
            }
            Ok(Arc::new(builder.finish()))
        }
    }
}
