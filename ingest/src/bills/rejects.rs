//! Refused rows of bills, kept with their bytes and their place (law L10).

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use hubtally_schemas::Instant;
use hubtally_schemas::reject::{DatedBy, RejectReason};
use hubtally_schemas::tables::REJECTS;
use hubtally_store::{SourceBatch, SourceWriter, Store};

use super::collect::FileLines;
use super::load::failed;
use crate::error::IngestError;

/// Writes a file's refused rows once (law L10).
pub(super) async fn write_rejects(store: &Store, file: &FileLines, now: Instant) -> Result<(), IngestError> {
    let Some(last) = file.rejects.iter().map(|reject| reject.row).max() else { return Ok(()) };
    let source = format!("file/{}", file.sha256);
    let doing = || format!("writing the refused rows of {}", file.name);
    let mut writer = SourceWriter::open(store, &source).await.map_err(|error| failed(&doing(), error))?;
    let to = i64::try_from(last.max(file.reading.rows)).unwrap_or(i64::MAX);
    let from = writer.position();
    if from >= to {
        return Ok(());
    }
    let rows = reject_rows(store, file, &source, now)?;
    let batch = SourceBatch { from, to, rows: BTreeMap::from([(REJECTS.name, vec![rows])]) };
    writer.commit(batch).await.map(drop).map_err(|error| failed(&doing(), error))
}

fn reject_rows(
    store: &Store,
    file: &FileLines,
    source: &str,
    now: Instant,
) -> Result<RecordBatch, IngestError> {
    let rejects = &file.rejects;
    let count = rejects.len();
    let same = |text: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, count)))
    };
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let encrypted = rejects
        .iter()
        .map(|reject| store.keys().encrypt_reject(&reject.bytes))
        .collect::<Result<Vec<String>, _>>()
        .map_err(|source| IngestError::Keys { what: "rejected bill row", source: source.into() })?;
    let schema = REJECTS.arrow_schema();
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "date" => Arc::new(Date32Array::from_value(now.day(), count)) as ArrayRef,
            "source" => same(source),
            "source_position" => {
                Arc::new(Int64Array::from_iter_values(rejects.iter().map(|reject| number(reject.row))))
            }
            "reason" => same(RejectReason::BillRow.code()),
            "detail" => Arc::new(StringArray::from_iter_values(rejects.iter().map(|reject| &reject.detail))),
            "origin" => Arc::new(StringArray::from_iter_values(
                rejects.iter().map(|reject| format!("{}, row {}", file.name, reject.row)),
            )),
            "bytes_encrypted" => Arc::new(StringArray::from_iter_values(encrypted.iter())),
            "byte_count" => {
                Arc::new(Int64Array::from_iter_values(rejects.iter().map(|reject| number(reject.byte_count))))
            }
            "recorded_at" => {
                Arc::new(TimestampMicrosecondArray::from_value(now.0, count).with_timezone("UTC"))
            }
            // Which months miss the row is told by its file: whichever months its other rows are in.
            "dated_by" => same(DatedBy::Reading.code()),
            _ => new_null_array(field.data_type(), count),
        })
        .collect();
    RecordBatch::try_new(schema, columns).map_err(|source| IngestError::Rows { table: REJECTS.name, source })
}
