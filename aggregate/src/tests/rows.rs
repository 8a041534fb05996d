//! Rows of any table from JSON and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use futures::TryStreamExt;
use hubtally_schemas::tables::{ColumnType, TableSpec};
use hubtally_schemas::{Instant, money, period};
use hubtally_store::Store;
use serde_json::{Map, Value, json};

/// A batch of a table from JSON objects; absent columns are NULL, or empty where a value must stand.
pub fn batch(spec: &'static TableSpec, rows: &[Value]) -> RecordBatch {
    let columns: Vec<ArrayRef> = spec
        .columns
        .iter()
        .map(|column| {
            let text = |row: &Value| row[column.name].as_str().map(ToOwned::to_owned);
            let or_empty = |value: Option<String>| value.or_else(|| (!column.nullable).then(String::new));
            let array: ArrayRef = match column.kind {
                ColumnType::Text => {
                    Arc::new(rows.iter().map(|row| or_empty(text(row))).collect::<StringArray>())
                }
                ColumnType::Int => Arc::new(
                    rows.iter()
                        .map(|row| row[column.name].as_i64().or((!column.nullable).then_some(0)))
                        .collect::<Int64Array>(),
                ),
                ColumnType::Bool => Arc::new(
                    rows.iter()
                        .map(|row| row[column.name].as_bool().or((!column.nullable).then_some(false)))
                        .collect::<BooleanArray>(),
                ),
                ColumnType::Time => Arc::new(
                    rows.iter()
                        .map(|row| text(row).map(|t| Instant::parse(&t).unwrap().0))
                        .collect::<TimestampMicrosecondArray>()
                        .with_timezone("UTC"),
                ),
                ColumnType::Day => Arc::new(
                    rows.iter()
                        .map(|row| text(row).map(|t| period::date_to_day(t.parse().unwrap())))
                        .collect::<Date32Array>(),
                ),
                ColumnType::Money => Arc::new(
                    rows.iter()
                        .map(|row| text(row).map(|t| money::parse_pico(&t).unwrap().pico))
                        .collect::<Decimal128Array>()
                        .with_precision_and_scale(38, 12)
                        .unwrap(),
                ),
                ColumnType::Quantity => Arc::new(
                    rows.iter()
                        .map(|row| text(row).map(|t| t.parse::<i128>().unwrap()))
                        .collect::<Decimal128Array>()
                        .with_precision_and_scale(38, 0)
                        .unwrap(),
                ),
            };
            array
        })
        .collect();
    RecordBatch::try_new(spec.arrow_schema(), columns).unwrap()
}

/// Every row of a table.
pub async fn read_all(store: &Store, spec: &'static TableSpec) -> Vec<Value> {
    let table = store.table(spec).await.unwrap();
    let batches: Vec<RecordBatch> = table.read(&[], None).await.unwrap().try_collect().await.unwrap();
    batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| object(spec, batch, row)).collect::<Vec<_>>())
        .collect()
}

fn object(spec: &'static TableSpec, batch: &RecordBatch, row: usize) -> Value {
    let mut out = Map::new();
    for column in spec.columns {
        let array = batch.column_by_name(column.name).unwrap();
        let value = if array.is_null(row) {
            Value::Null
        } else {
            match column.kind {
                ColumnType::Text => json!(array.as_string::<i32>().value(row)),
                ColumnType::Int => json!(array.as_primitive::<Int64Type>().value(row)),
                ColumnType::Bool => json!(array.as_boolean().value(row)),
                ColumnType::Time => {
                    json!(Instant(array.as_primitive::<TimestampMicrosecondType>().value(row)).to_string())
                }
                ColumnType::Day => {
                    json!(period::day_to_date(array.as_primitive::<Date32Type>().value(row)).to_string())
                }
                ColumnType::Money => {
                    json!(money::pico_text(array.as_primitive::<Decimal128Type>().value(row)))
                }
                ColumnType::Quantity => json!(array.as_primitive::<Decimal128Type>().value(row).to_string()),
            }
        };
        out.insert(column.name.to_owned(), value);
    }
    Value::Object(out)
}

/// A pod over one hour, with memory in GiB and CPU in cores, requested and not used.
pub fn pod(
    cluster: &str,
    namespace: &str,
    user: &str,
    node: &str,
    hour: &str,
    gib: i64,
    cores: i64,
) -> Value {
    let start = Instant::parse(hour).unwrap();
    let end = Instant(start.0 + 3_600_000_000);
    json!({
        "cluster": cluster, "namespace": namespace, "user_id": user, "pod": format!("jupyter-{user}"),
        "pod_uid": format!("{namespace}-{user}"), "node": node, "role": "singleuser",
        "start": start.to_string(), "end": end.to_string(), "date": start.date().to_string(),
        "cpu_request_millicore_ms": cores * 1000 * 3_600_000, "memory_request_byte_ms": gib * (1 << 30) * 3_600_000,
        "quality": "observed", "source_class": "event", "source": "test", "source_position": 1,
    })
}

/// A node over one hour.
pub fn node(cluster: &str, name: &str, hour: &str, gib: i64, cores: i64) -> Value {
    let start = Instant::parse(hour).unwrap();
    let end = Instant(start.0 + 3_600_000_000);
    json!({
        "cluster": cluster, "node": name, "instance_id": format!("i-{name}"), "purpose": "user",
        "start": start.to_string(), "end": end.to_string(), "date": start.date().to_string(),
        "cpu_capacity_millicore": cores * 1000, "memory_capacity_byte": gib * (1 << 30), "gpu_capacity_milligpu": 0,
        "quality": "observed", "source_class": "event", "source": "test", "source_position": 1,
    })
}

/// A bill line of one account; `more` overrides.
pub fn charge(id: &str, service: &str, amount: &str, start: &str, end: &str, more: &Value) -> Value {
    let mut row = json!({
        "charge_id": id, "importer": "focus", "format_version": "1.0", "account": "acc", "provider": "aws",
        "grade": "instance", "status": "final", "billed_cost": amount, "effective_cost": amount,
        "billing_currency": "USD", "billed_cost_text": amount, "charge_period_start": start,
        "charge_period_end": end, "billing_period_start": "2026-06-01T00:00:00Z",
        "billing_period_end": "2026-07-01T00:00:00Z", "charge_category": "Usage", "service_name": service,
        "tags": "{}", "source_file": "f", "source_row": 1, "billing_period": "2026-06",
    });
    for (key, value) in more.as_object().unwrap() {
        row[key] = value.clone();
    }
    row
}
