//! Rows that a seal refuses: kept in `rejects` before they leave their table (law L10).
//!
//! The rejects commit before the sealed date does. After a crash in between, or when two workers seal
//! one date, the same rows are refused again: what `rejects` holds already is left out, and the commit
//! moves a position of the seal, so that two workers cannot both add them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use chrono::{DateTime, NaiveDate};
use deltalake::protocol::{DeltaOperation, SaveMode};
use futures::TryStreamExt as _;
use hubtally_schemas::paths;
use hubtally_schemas::reject::{DatedBy, RejectReason};
use hubtally_schemas::tables::{Fact, KeyValue, REJECTS, key_digest};
use serde_json::{Map, Value};

use super::load::{Column, Rows};
use crate::columns;
use crate::data_file::{Tags, encode_parts, now_ms, store_files};
use crate::error::StoreError;
use crate::keys::Keys;
use crate::partition;
use crate::store::Store;
use crate::table::{Change, Table};

const TRIES: usize = 8;
const REASON: RejectReason = RejectReason::ConflictingDuplicate;
/// Longer rows are cut, as every reject is.
const MOST_BYTES: usize = 64 << 10;

/// A refused row.
#[derive(Debug, Clone)]
pub(super) struct Refused {
    source: String,
    source_position: i64,
    detail: String,
    bytes: Vec<u8>,
    cluster: Option<String>,
    table: &'static str,
    key: Option<u128>,
    revision: Option<i64>,
}

/// Describes rows that lost against another.
pub(super) fn describe(rows: &Rows, conflicts: &[(u32, u32)]) -> Vec<Refused> {
    conflicts.iter().map(|(winner, loser)| refused(rows, *winner as usize, *loser as usize)).collect()
}

fn refused(rows: &Rows, winner: usize, loser: usize) -> Refused {
    let (kept, lost) = (object(rows, winner), object(rows, loser));
    let ours = |name: &&String| !matches!(name.as_str(), "source" | "source_position" | "event_id");
    let other: Vec<&str> = lost
        .keys()
        .filter(ours)
        .filter(|name| kept.get(*name) != lost.get(*name))
        .map(String::as_str)
        .collect();
    let of = |object: &Map<String, Value>, name: &str| object.get(name).cloned().unwrap_or_default();
    let text = |object: &Map<String, Value>, name: &str| Some(object.get(name)?.as_str()?.to_owned());
    let detail = format!(
        "{}: record {} of {} has the same key and revision and other {}; that one stays",
        rows.spec.name,
        of(&kept, "source_position"),
        of(&kept, "source").as_str().unwrap_or_default(),
        other.join(", ")
    );
    Refused {
        source: text(&lost, "source").unwrap_or_default(),
        source_position: of(&lost, "source_position").as_i64().unwrap_or_default(),
        detail,
        cluster: text(&lost, "cluster"),
        table: rows.spec.name,
        key: key_digest(rows.spec, |name| match rows.column(name)? {
            Column::Ranked(ranked) => Some(ranked.text(loser).map_or(KeyValue::Null, KeyValue::Text)),
            Column::Plain(array) => columns::key_value(array, loser),
        }),
        revision: of(&lost, "revision").as_i64(),
        bytes: Value::Object(lost).to_string().into_bytes(),
    }
}

/// A row as a JSON object; what is NULL is left out.
fn object(rows: &Rows, row: usize) -> Map<String, Value> {
    let values = rows.columns.iter().filter_map(|(spec, column)| {
        let value = match column {
            Column::Ranked(ranked) => ranked.text(row).map(Value::from)?,
            Column::Plain(array) => value(array, row)?,
        };
        Some((spec.name.to_owned(), value))
    });
    values.collect()
}

fn value(array: &ArrayRef, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Date32 => partition::date_text(array.as_primitive::<Date32Type>().value(row)).into(),
        DataType::Timestamp(_, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            DateTime::from_timestamp_micros(micros)?.to_rfc3339().into()
        }
        _ => return None,
    })
}

/// Adds refused rows to `rejects`, those that are not there yet.
pub(super) async fn keep(
    store: &Store,
    seal_id: &str,
    date: NaiveDate,
    version: i64,
    refused: &[Refused],
) -> Result<(), StoreError> {
    if refused.is_empty() {
        return Ok(());
    }
    let mut failure = None;
    for _ in 0..TRIES {
        let mut table = Table::open(store, &REJECTS).await?;
        let there = already_there(&table, date).await?;
        let fresh: Vec<&Refused> = refused
            .iter()
            .filter(|row| !there.contains(&(row.source.clone(), row.source_position)))
            .collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let rows = batch(store.keys(), date, &fresh, &names(store, &fresh).await?)?;
        let files = encode_parts(&REJECTS, partition::split(&REJECTS, [rows])?).await?;
        let add = store_files(store, &REJECTS, files, &Tags::default()).await?;
        let change = Change {
            add,
            remove: Vec::new(),
            positions: vec![(seal_id.to_owned(), version)],
            operation: DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None },
            metadata: BTreeMap::new(),
        };
        match table.try_commit(&change).await {
            Ok(()) => return Ok(()),
            Err(error) => failure = Some(error),
        }
    }
    Err(match failure {
        Some(source) => StoreError::Commit { table: REJECTS.name, source: Box::new(source) },
        None => StoreError::Contended { table: REJECTS.name, tries: TRIES },
    })
}

async fn already_there(table: &Table, date: NaiveDate) -> Result<HashSet<(String, i64)>, StoreError> {
    let columns = ["source", "source_position", "reason"];
    let batches: Vec<RecordBatch> =
        table.read(&[("date", &date.to_string())], Some(&columns)).await?.try_collect().await?;
    let mut there = HashSet::new();
    for batch in &batches {
        let source = batch.column(0).as_string::<i32>();
        let position = batch.column(1).as_primitive::<Int64Type>();
        let reason = batch.column(2).as_string::<i32>();
        for row in (0..batch.num_rows()).filter(|row| reason.value(*row) == REASON.code()) {
            there.insert((source.value(row).to_owned(), position.value(row)));
        }
    }
    Ok(there)
}

/// What a person calls the sources: the names under which their files were read, where notes say them.
async fn names(store: &Store, refused: &[&Refused]) -> Result<HashMap<String, String>, StoreError> {
    let sources: HashSet<&str> = refused.iter().map(|row| row.source.as_str()).collect();
    let mut names = HashMap::new();
    for source in sources {
        let Some(sha256) = source.strip_prefix("file/") else { continue };
        let note = store.get(&paths::file_read(sha256)).await?;
        let note: Option<Value> = note.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(name) =
            note.as_ref().and_then(|note| note["name"].as_str()).filter(|name| !name.is_empty())
        {
            names.insert(source.to_owned(), name.to_owned());
        }
    }
    Ok(names)
}

fn batch(
    keys: &Keys,
    date: NaiveDate,
    refused: &[&Refused],
    names: &HashMap<String, String>,
) -> Result<RecordBatch, StoreError> {
    let count = refused.len();
    let text = |of: &dyn Fn(&Refused) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(refused.iter().map(|row| of(row))))
    };
    let maybe = |of: &dyn Fn(&Refused) -> Option<String>| -> ArrayRef {
        Arc::new(refused.iter().map(|row| of(row)).collect::<StringArray>())
    };
    let number = |of: &dyn Fn(&Refused) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(refused.iter().map(|row| of(row))))
    };
    let sealed = refused
        .iter()
        .map(|row| keys.encrypt_reject(&row.bytes[..row.bytes.len().min(MOST_BYTES)]))
        .collect::<Result<Vec<_>, _>>()?;
    let day = partition::parse_date(&date.to_string()).unwrap_or_default();
    let now = now_ms().saturating_mul(hubtally_schemas::units::US_PER_MS);
    let column = |name: &str| -> ArrayRef {
        match name {
            "date" => Arc::new(Date32Array::from_value(day, count)),
            "source" => text(&|row| row.source.clone()),
            "source_position" => number(&|row| row.source_position),
            "reason" => text(&|_| REASON.code().to_owned()),
            "detail" => text(&|row| row.detail.clone()),
            "origin" => text(&|row| match names.get(&row.source) {
                Some(name) => format!("{name}:{}", row.source_position),
                None => format!("{} record {}", row.source, row.source_position),
            }),
            "bytes_encrypted" => Arc::new(StringArray::from_iter_values(&sealed)),
            "byte_count" => number(&|row| i64::try_from(row.bytes.len()).unwrap_or(i64::MAX)),
            "recorded_at" => Arc::new(TimestampMicrosecondArray::from_value(now, count).with_timezone("UTC")),
            "dated_by" => text(&|_| DatedBy::Record.code().to_owned()),
            "cluster" => maybe(&|row| row.cluster.clone()),
            "fact" => maybe(&|row| Some(Fact { table: row.table, date, key: row.key? }.to_string())),
            "revision" => Arc::new(refused.iter().map(|row| row.revision).collect::<Int64Array>()),
            // A column that was added later, nullable as all of those are.
            name => arrow::array::new_null_array(
                &REJECTS.column(name).map_or(DataType::Utf8, |column| column.kind.arrow()),
                count,
            ),
        }
    };
    let arrays = REJECTS.columns.iter().map(|spec| column(spec.name)).collect();
    RecordBatch::try_new(REJECTS.arrow_schema(), arrays)
        .map_err(StoreError::arrow(REJECTS.name, "writing rejects of a seal"))
}
