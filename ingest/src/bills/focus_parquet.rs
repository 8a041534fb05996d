//! FOCUS as Parquet: text, decimal, integer or double columns, dictionaries, maps for tags.
//!
//! A double is read by its shortest decimal text, the one that reads back as the same double, so
//! `0.1` stays `0.1`; no arithmetic is done on it (law L8).

use std::fs::File;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use serde_json::{Map, Value};

use super::error::BillError;
use super::focus::{Field, FocusRow, Header, RowReader, present};
use super::importer::Reading;
use super::input::{BillFile, Body};
use super::line::Sink;

const BATCH_ROWS: usize = 8_192;

pub(crate) fn read(file: &BillFile, sink: &mut dyn Sink) -> Result<Reading, BillError> {
    match &file.body {
        Body::Local(path) => {
            let opened = File::open(path).map_err(|source| file.failed(source))?;
            read_from(file, opened, sink)
        }
        Body::Memory(bytes) => read_from::<Bytes>(file, bytes.clone(), sink),
    }
}

fn read_from<R: ChunkReader + 'static>(
    file: &BillFile,
    reader: R,
    sink: &mut dyn Sink,
) -> Result<Reading, BillError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| BillError::Container {
        file: file.name.clone(),
        format: "Parquet",
        source,
    };
    let builder = ParquetRecordBatchReaderBuilder::try_new(reader).map_err(|error| failed(error.into()))?;
    let found: Vec<String> = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let header = Header::read(&file.name, &found)?;
    let used = header.used();
    let mask = ProjectionMask::roots(builder.parquet_schema(), used.clone());
    let batches = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| failed(error.into()))?;
    let mut kept = used;
    kept.sort_unstable();
    kept.dedup();
    let mut rows = RowReader::default();
    let mut count: u64 = 0;
    for batch in batches {
        let batch = batch.map_err(|error| failed(error.into()))?;
        let columns = texts(&batch).map_err(|error| failed(error.into()))?;
        for at in 0..batch.num_rows() {
            count += 1;
            let row = ParquetRow { header: &header, kept: &kept, columns: &columns, at };
            rows.read(count, &row, || row.bytes(), sink)?;
        }
    }
    Ok(Reading {
        format_version: header.version.to_owned(),
        rows: count,
        warnings: rows.warnings(),
        view: None,
    })
}

struct ParquetRow<'a> {
    header: &'a Header,
    kept: &'a [usize],
    columns: &'a [StringArray],
    at: usize,
}

impl FocusRow for ParquetRow<'_> {
    fn get(&self, field: Field) -> Option<&str> {
        let place = self.kept.binary_search(&self.header.place(field)?).ok()?;
        let column = &self.columns[place];
        if column.is_null(self.at) { None } else { present(column.value(self.at)) }
    }
}

impl ParquetRow<'_> {
    /// The row as JSON, for `rejects`.
    fn bytes(&self) -> Vec<u8> {
        let shown: Map<String, Value> = Field::ALL
            .iter()
            .filter_map(|field| Some((field.name().to_owned(), Value::String(self.get(*field)?.to_owned()))))
            .collect();
        Value::Object(shown).to_string().into_bytes()
    }
}

/// Each column as text.
fn texts(batch: &RecordBatch) -> Result<Vec<StringArray>, arrow::error::ArrowError> {
    batch.columns().iter().map(text).collect()
}

fn text(column: &arrow::array::ArrayRef) -> Result<StringArray, arrow::error::ArrowError> {
    match column.data_type() {
        DataType::Float64 => {
            Ok(column.as_primitive::<Float64Type>().iter().map(|v| v.map(|v| v.to_string())).collect())
        }
        DataType::Float32 => {
            Ok(column.as_primitive::<Float32Type>().iter().map(|v| v.map(|v| v.to_string())).collect())
        }
        DataType::Map(_, _) => map_texts(column.as_map()),
        DataType::Dictionary(_, values) if **values != DataType::Utf8 => {
            let plain = cast(column, values)?;
            text(&plain)
        }
        _ => Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone()),
    }
}

/// A map column as JSON objects.
fn map_texts(map: &arrow::array::MapArray) -> Result<StringArray, arrow::error::ArrowError> {
    let keys = text(map.keys())?;
    let values = text(map.values())?;
    let mut out = StringBuilder::new();
    for row in 0..map.len() {
        if map.is_null(row) {
            out.append_null();
            continue;
        }
        let range = &map.value_offsets()[row..=row + 1];
        let (Ok(from), Ok(to)) = (usize::try_from(range[0]), usize::try_from(range[1])) else { continue };
        let object: Map<String, Value> = (from..to)
            .map(|at| {
                let value = if values.is_null(at) { String::new() } else { values.value(at).to_owned() };
                (keys.value(at).to_owned(), Value::String(value))
            })
            .collect();
        out.append_value(Value::Object(object).to_string());
    }
    Ok(out.finish())
}
