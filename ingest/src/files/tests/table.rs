//! The same facts as lines, as CSV and as Parquet make the same rows and the same refusals.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use hubtally_schemas::tables::{REJECTS, TABLES};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use super::*;
use crate::events::{FieldShape, field_shape, payload_fields};
use crate::files::usage_csv_example;

fn columns() -> Vec<String> {
    let mut seen = BTreeSet::new();
    let data = payload_fields().filter(|field| seen.insert(*field)).map(ToOwned::to_owned);
    ["type", "source", "id"].map(ToOwned::to_owned).into_iter().chain(data).collect()
}

fn text_of(event: &Value, column: &str) -> Option<String> {
    let value = match column {
        "type" | "source" | "id" => event.get(column),
        field => event.pointer(&format!("/data/{field}")),
    };
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn csv_of(events: &[Value], delimiter: u8, prefix: &str) -> Vec<u8> {
    let mut csv = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
    let name = |column: &String| match column.as_str() {
        "type" | "source" | "id" => column.clone(),
        field => format!("{prefix}{field}"),
    };
    csv.write_record(columns().iter().map(name).chain(["remark".to_owned()])).unwrap();
    for event in events {
        let cells = columns().into_iter().map(|column| text_of(event, &column).unwrap_or_default());
        csv.write_record(cells.chain(["of no use".to_owned()])).unwrap();
    }
    csv.into_inner().unwrap()
}

/// Times as timestamps, quantities as integers where all of them are, everything else as text.
fn parquet_of(events: &[Value]) -> Vec<u8> {
    let arrays: Vec<(String, ArrayRef)> = columns()
        .into_iter()
        .map(|column| {
            let texts: Vec<Option<String>> = events.iter().map(|event| text_of(event, &column)).collect();
            let whole: Option<Vec<Option<i64>>> = texts
                .iter()
                .map(|text| text.as_ref().map_or(Some(None), |text| text.parse().ok().map(Some)))
                .collect();
            let times: Option<Vec<Option<i64>>> = texts
                .iter()
                .map(|text| {
                    text.as_ref().map_or(Some(None), |text| Instant::parse(text).ok().map(|at| Some(at.0)))
                })
                .collect();
            let array: ArrayRef = match (field_shape(&column), whole, times) {
                (Some(FieldShape::Whole), Some(whole), _) => Arc::new(Int64Array::from(whole)),
                (Some(FieldShape::Text), _, Some(times))
                    if ["start", "end", "time"].contains(&column.as_str()) =>
                {
                    Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
                }
                _ => Arc::new(StringArray::from(texts)),
            };
            (column, array)
        })
        .collect();
    let batch =
        RecordBatch::try_from_iter_with_nullable(arrays.into_iter().map(|(name, array)| (name, array, true)))
            .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Every row without what names its file; of refusals, what they say.
async fn facts(store: &Store) -> Vec<String> {
    let mut all = Vec::new();
    for table in TABLES.iter().filter(|table| table.fed_by_sources) {
        let hidden: &[&str] = if table.name == REJECTS.name {
            &["source", "origin", "bytes_encrypted", "byte_count"]
        } else {
            &["source"]
        };
        for row in rows(store, table).await {
            let kept =
                row.split(" | ").zip(table.columns).filter(|(_, column)| !hidden.contains(&column.name));
            all.push(format!(
                "{}: {}",
                table.name,
                kept.map(|(cell, _)| cell).collect::<Vec<_>>().join(" | ")
            ));
        }
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_make_the_rows_and_refusals_of_the_same_facts_as_lines() {
    let bench = Bench::new();
    let texts: Vec<String> = lines(300).into_iter().filter(|line| !line.is_empty()).collect();
    let events: Vec<Value> = texts.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let files = [
        ("lines.ndjson", texts.join("\n").into_bytes()),
        ("flat.csv", csv_of(&events, b',', "")),
        ("dotted.csv", csv_of(&events, b';', "data.")),
        ("packed.csv.gz", gzip(&csv_of(&events, b'\t', ""))),
        ("table.parquet", parquet_of(&events)),
    ];
    let mut expected = Vec::new();
    for (name, bytes) in files {
        let store = bench.store(&format!("store of {name}")).await;
        let file = bench.write(name, bytes);
        let report = ingest(&store, &[&file], &FileOptions { threads: 2, ..small_batches() }).await;
        assert!(report.errors.is_empty(), "{name}: {:?}", report.errors);
        assert_eq!(report.total.counts.records, texts.len() as u64, "{name}");
        assert!(report.total.counts.rejects["invalid_value"].count > 20, "{name}");
        assert_eq!(
            report.files[0].unused_columns,
            if name.contains(".csv") { vec!["remark"] } else { vec![] },
            "{name}"
        );
        let facts = facts(&store).await;
        if expected.is_empty() {
            assert!(facts.len() > 300, "{}", facts.len());
            expected = facts;
        } else {
            assert_eq!(facts, expected, "{name}");
        }
        // Read again, in any company, nothing is new.
        let again = ingest(&store, &[&file], &options()).await;
        assert_eq!((again.total.counts.records, again.total.already_read), (0, texts.len() as u64), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_are_none_are_refused_and_stop_no_other() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let example = usage_csv_example();
    let mut rows_of: Vec<&str> = example.lines().collect();
    rows_of.insert(2, "too,short");
    let half = rows_of[1].replace("2026", "\u{fe}2026");
    rows_of.push(&half);
    let mut bytes = rows_of.join("\r\n").into_bytes();
    // One byte that is no UTF-8, in the last row.
    let at = bytes.len() - half.len() + 3;
    bytes[at] = 0xff;
    let file = bench.write("usage.csv", bytes);
    let report = ingest(&store, &[&file], &options()).await;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let refused = |reason: &str| report.total.counts.rejects.get(reason).map_or(0, |refused| refused.count);
    assert_eq!(
        (report.total.counts.records, refused("malformed"), refused("invalid_utf8")),
        (7, 1, 1),
        "{report:?}"
    );
    assert!(report.total.counts.rejects["malformed"].examples[0].detail.contains("the row has 2 columns"));
    for table in ["pod_usage", "node_usage", "storage_usage", "hub_events", "coverage"] {
        assert!(report.total.counts.rows[table] > 0, "{table}: the printed example is read");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_of_something_else_is_named_or_in_a_folder_left_out() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let bill = bench.write("in/focus.csv", "BilledCost,ServiceName\n1.5,Compute\n");
    bench.write("in/usage.csv", usage_csv_example());
    let damaged = bench.write("damaged.parquet", "PAR1 and nothing more");
    let folder = bench.path("in").display().to_string();
    let report = ingest(&store, &[&folder], &options()).await;
    assert_eq!((report.files.len(), report.ignored.len(), report.errors.len()), (1, 1, 0), "{report:?}");
    let report = ingest(&store, &[&bill, &damaged], &options()).await;
    assert_eq!(report.errors.len(), 2, "{report:?}");
    assert!(report.errors[0].message.contains("it has no column type, source, id"), "{report:?}");
    assert!(report.errors[1].message.contains("cannot be read as Parquet"), "{report:?}");
    // A quote that is never closed takes no more memory than a row may have.
    let endless = format!("type,source,id\n\"{}", "x,\n".repeat(3_000_000));
    let file = bench.write("endless.csv", endless);
    let report = ingest(&store, &[&file], &options()).await;
    assert!(report.files[0].truncated.as_ref().unwrap().contains("never closed"), "{report:?}");
}
