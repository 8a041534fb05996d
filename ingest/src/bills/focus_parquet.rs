//! FOCUS as Parquet: text, decimal, integer or double columns, dictionaries, maps for tags.
//!
//! A double is read by its shortest decimal text, the one that reads back as the same double, so
//! `0.1` stays `0.1`; no arithmetic is done on it (law L8).

use std::fs::File;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use bytes::Bytes;
use hubtally_schemas::Instant;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;
use serde_json::{Map, Value};

use super::ahead::ahead;
use super::error::BillError;
use super::focus::{Cell, Field, FocusRow, Header, RowReader};
use super::importer::Reading;
use super::input::{BillFile, Body};
use super::line::Sink;

const BATCH_ROWS: usize = 8_192;

/// Fields that are times, which exporters write as text or as times.
const TIMES: [Field; 4] =
    [Field::BillingPeriodStart, Field::BillingPeriodEnd, Field::ChargePeriodStart, Field::ChargePeriodEnd];

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
    // Where each column of the file stands among those that are read.
    let mut kept = header.used();
    kept.sort_unstable();
    kept.dedup();
    let times: Vec<usize> = TIMES.iter().filter_map(|field| header.place(*field)).collect();
    let mask = ProjectionMask::roots(builder.parquet_schema(), kept.clone());
    let batches = builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| failed(error.into()))?;
    let mut rows = RowReader::default();
    let mut count: u64 = 0;
    ahead(
        |give| {
            for batch in batches {
                let batch = batch.map_err(|error| failed(error.into()))?;
                let columns = kept.iter().zip(batch.columns());
                let columns = columns.map(|(place, column)| Column::of(column, times.contains(place)));
                let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.into()))?;
                if !give((columns, batch.num_rows())) {
                    break;
                }
            }
            Ok(())
        },
        |(columns, length): (Vec<Column>, usize)| {
            for at in 0..length {
                count += 1;
                let row = header.row(|place| match kept.binary_search(&place) {
                    Ok(column) => columns[column].cell(at),
                    Err(_) => Cell::Empty,
                });
                rows.read(count, &row, || shown(&row), sink)?;
            }
            Ok(())
        },
    )?;
    Ok(Reading {
        format_version: header.version.to_owned(),
        rows: count,
        warnings: rows.warnings(),
        view: None,
    })
}

/// The row as JSON, for `rejects`.
fn shown(row: &FocusRow<'_>) -> Vec<u8> {
    let text = |field: Field| match row.cell(field) {
        Cell::Empty => None,
        Cell::Text(text) => Some(text.to_owned()),
        Cell::Time(time) => Some(time.to_string()),
    };
    let shown: Map<String, Value> = Field::ALL
        .iter()
        .filter_map(|field| Some((field.name().to_owned(), Value::String(text(*field)?))))
        .collect();
    Value::Object(shown).to_string().into_bytes()
}

/// A column as cells.
enum Column {
    Text(StringArray),
    Time(TimestampMicrosecondArray),
}

impl Column {
    fn of(column: &ArrayRef, is_time: bool) -> Result<Self, ArrowError> {
        if let (true, DataType::Timestamp(_, zone)) = (is_time, column.data_type()) {
            // Without a zone it is UTC; with one the instants are UTC already.
            let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            return Ok(Self::Time(micros.as_primitive::<TimestampMicrosecondType>().clone()));
        }
        text(column).map(Self::Text)
    }

    fn cell(&self, at: usize) -> Cell<'_> {
        match self {
            Self::Text(texts) if texts.is_valid(at) => Cell::text(texts.value(at)),
            Self::Time(times) if times.is_valid(at) => Cell::Time(Instant(times.value(at))),
            _ => Cell::Empty,
        }
    }
}

fn text(column: &ArrayRef) -> Result<StringArray, ArrowError> {
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

/// A map column as JSON objects, their keys as they come.
fn map_texts(map: &arrow::array::MapArray) -> Result<StringArray, ArrowError> {
    let keys = text(map.keys())?;
    let values = text(map.values())?;
    let quoted = |array: &StringArray, at: usize| {
        let value = if array.is_null(at) { "" } else { array.value(at) };
        serde_json::to_string(value).unwrap_or_default()
    };
    let mut out = StringBuilder::new();
    let mut object = String::new();
    for row in 0..map.len() {
        if map.is_null(row) {
            out.append_null();
            continue;
        }
        let range = &map.value_offsets()[row..=row + 1];
        let at = |offset: i32| usize::try_from(offset).unwrap_or_default();
        object.clear();
        for entry in at(range[0])..at(range[1]) {
            object.push_str(if object.is_empty() { "{" } else { "," });
            object.extend([&*quoted(&keys, entry), ":", &*quoted(&values, entry)]);
        }
        object.push_str(if object.is_empty() { "{}" } else { "}" });
        out.append_value(&object);
    }
    Ok(out.finish())
}
