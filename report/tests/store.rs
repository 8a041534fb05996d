//! The documents of a month from a real store: written by hand, read back, drawn.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use hubtally_rules::RegistryView;
use hubtally_schemas::policy::Policy;
use hubtally_schemas::tables::{self, TableSpec};
use hubtally_schemas::{ClusterId, Namespace, Period};
use hubtally_store::{GroupChange, GroupRows, SourceBatch, SourceWriter, Store, StoreConfig};
use serde_json::{Value, json};

/// 2026-06-14T00:00:00Z in microseconds, and as a day number.
const MIDNIGHT_US: i64 = 1_781_395_200_000_000;
const DAY: i64 = 20_618;

/// Rows of a table from JSON: what a row does not name is NULL, or the least value where the column needs one.
fn batch(spec: &'static TableSpec, rows: &[Value]) -> RecordBatch {
    use tables::ColumnType;
    let columns = spec.columns.iter().map(|column| -> ArrayRef {
        let values = || rows.iter().map(|row| &row[column.name]);
        let int = |value: &Value| value.as_i64().or_else(|| (!column.nullable).then_some(0));
        let text = |value: &Value| match value {
            Value::Null => (!column.nullable).then(String::new),
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let decimal = |value: &Value, scale| {
            let wide = value.as_str().map_or_else(|| int(value).map(i128::from), |text| text.parse().ok());
            (wide, scale)
        };
        match column.kind {
            ColumnType::Text => Arc::new(values().map(text).collect::<StringArray>()),
            ColumnType::Int => Arc::new(values().map(int).collect::<Int64Array>()),
            ColumnType::Bool => Arc::new(
                values()
                    .map(|v| v.as_bool().or((!column.nullable).then_some(false)))
                    .collect::<BooleanArray>(),
            ),
            ColumnType::Time => {
                Arc::new(values().map(int).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            ColumnType::Day => Arc::new(
                values().map(|v| int(v).map(|day| i32::try_from(day).unwrap())).collect::<Date32Array>(),
            ),
            ColumnType::Money | ColumnType::Quantity => {
                let scale = if column.kind == ColumnType::Money { 12 } else { 0 };
                let array: Decimal128Array = values().map(|value| decimal(value, scale).0).collect();
                Arc::new(array.with_precision_and_scale(38, scale).unwrap())
            }
        }
    });
    RecordBatch::try_new(spec.arrow_schema(), columns.collect()).unwrap()
}

async fn replace(store: &Store, spec: &'static TableSpec, partition: (&str, &str), rows: &[Value]) {
    let mut table = store.table(spec).await.unwrap();
    let rows = futures::stream::iter([Ok(batch(spec, rows))]).boxed();
    table.replace_partition(&[partition], rows).await.unwrap();
}

fn registry() -> RegistryView {
    let registry = json!({
        "organisation": {"name": "Hub Commons"},
        "community": [{"id": "ocean-lab", "name": "Ocean Lab"}],
        "account": [{"id": "1111", "provider": "aws", "owner": [{"owner": "community:ocean-lab"}]}],
        "cluster": [{"id": "tides", "provider": "aws", "account": "1111"}],
        "hub": [{"id": "tides-prod", "name": "Tides", "cluster": "tides", "namespace": "prod", "community": "ocean-lab"}],
    });
    RegistryView::new(serde_json::from_value(registry).unwrap()).unwrap()
}

fn policy(user_names: &str) -> Policy {
    serde_json::from_value(json!({
        "id": "default-2026", "period_basis": "invoice_month", "cost_basis": "billed", "compute": "aws_scad",
        "idle": "separate", "shared": "equal", "user_names": user_names, "gap_fill": "none",
    }))
    .unwrap()
}

/// A store with one charge of $3.335, half of it a user's, half idle.
async fn store(folder: &Path) -> Store {
    let config = StoreConfig {
        url: folder.join("store").display().to_string(),
        options: BTreeMap::new(),
        keys: folder.join("keys"),
    };
    let store = Store::create(&config).await.unwrap();
    let (cluster, namespace) = (ClusterId::new("tides").unwrap(), Namespace::new("prod").unwrap());
    let raw = "=ada@ocean.example";
    let user = store.keys().user_id(&cluster, &namespace, raw).unwrap();
    let name = store.keys().encrypt_name(&cluster, &namespace, raw).unwrap();

    let of_charge = json!({
        "charge_id": "focus/1111/1", "account": "1111", "basis": "billed", "component": "compute",
        "community": "ocean-lab", "payer": "community:ocean-lab", "cluster": "tides", "namespace": "prod",
        "hub": "tides-prod", "currency": "USD", "policy_id": "default-2026", "service_start": MIDNIGHT_US,
        "service_day": DAY, "quality": "observed", "period": "2026-06",
    });
    let with = |more: Value| {
        let mut row = of_charge.clone();
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    let direct = with(json!({"kind": "direct", "user_id": user.as_str(), "amount": "1667500000000"}));
    let idle = with(json!({"kind": "idle", "reason": "unused", "amount": "1667500000000"}));
    let effective = with(json!({"kind": "direct", "basis": "effective", "amount": "9000000000000"}));
    replace(&store, &tables::LEDGER, ("period", "2026-06"), &[direct, idle, effective]).await;

    let certificate = |scope: &str, id: &str| {
        json!({
            "scope": scope, "scope_id": id, "basis": "billed", "currency": "USD", "charges": 1,
            "billed": "3335000000000", "posted": "3335000000000", "text_difference": "0",
            "policy_id": "default-2026", "inputs_digest": "3b3b", "period": "2026-06",
        })
    };
    let certificates = [certificate("account", "1111"), certificate("total", "all")];
    replace(&store, &tables::CONSERVATION, ("period", "2026-06"), &certificates).await;
    let hour = |n: i64, seen: i64| json!({"cluster": "tides", "hour": MIDNIGHT_US + n * 3_600_000_000, "expected": 60, "seen": seen, "period": "2026-06"});
    replace(&store, &tables::COMPLETENESS, ("period", "2026-06"), &[hour(0, 60), hour(1, 0)]).await;
    let used = json!({
        "cluster": "tides", "hour": MIDNIGHT_US, "namespace": "prod", "user_id": user.as_str(), "pod_uid": "p1",
        "role": "singleuser", "observed_ms": 3_600_000, "cpu_millicore_ms": 3_600_000_000_i64,
        "memory_byte_ms": 7_730_941_132_800_000_i64, "quality": "observed", "date": DAY,
    });
    replace(&store, &tables::USAGE_HOURLY, ("date", "2026-06-14"), &[used]).await;

    let mut charges = store.table(&tables::CHARGES).await.unwrap();
    let charge = json!({
        "charge_id": "focus/1111/1", "importer": "focus", "format_version": "1.0", "account": "1111",
        "provider": "aws", "grade": "instance", "status": "final", "billed_cost": "3335000000000",
        "effective_cost": "9000000000000", "billing_currency": "USD", "billed_cost_text": "3.335",
        "charge_period_start": MIDNIGHT_US, "charge_period_end": MIDNIGHT_US + 1, "charge_category": "Usage",
        "service_name": "EC2", "tags": "{}", "source_file": "abcd", "billing_period": "2026-06",
    });
    let change = GroupChange {
        group: "focus/1111/2026-06",
        partition: &[("billing_period", "2026-06")],
        source: "bill/1111/2026-06",
        from: None,
        to: 1,
        metadata: BTreeMap::new(),
        file_bytes: 1 << 20,
    };
    let rows = vec![Ok(GroupRows::Plain(vec![batch(&tables::CHARGES, &[charge])]))];
    charges.replace_group(&change, futures::stream::iter(rows).boxed()).await.unwrap();

    let scan = |position: i64, path: &str, user: Option<&str>, hour: i64| {
        json!({
            "cluster": "tides", "namespace": "prod", "exporter": "dirsize", "kind": "directory", "path": path,
            "time": MIDNIGHT_US + hour * 3_600_000_000, "user_id": user, "bytes": 1_i64 << 31, "quality": "observed",
            "source": "file/1", "source_position": position, "date": DAY,
        })
    };
    let scans =
        [scan(1, "ada", Some(user.as_str()), 2), scan(2, "_shared", None, 2), scan(3, "gone - old", None, 2)];
    let known = json!({
        "cluster": "tides", "namespace": "prod", "user_id": user.as_str(), "name_encrypted": name,
        "source": "file/1", "source_position": 1,
    });
    let rows = BTreeMap::from([
        ("storage_usage", vec![batch(&tables::STORAGE_USAGE, &scans)]),
        ("users", vec![batch(&tables::USERS, &[known])]),
    ]);
    let mut writer = SourceWriter::open(&store, "file/1").await.unwrap();
    writer.commit(SourceBatch { from: 0, to: 3, rows }).await.unwrap();
    store
}

fn read(folder: &Path, file: &str) -> String {
    std::fs::read_to_string(folder.join("out/2026-06").join(file)).unwrap()
}

#[tokio::test]
async fn a_month_in_a_store_becomes_documents_twice_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let (registry, period, out): (_, Period, _) =
        (registry(), "2026-06".parse().unwrap(), folder.path().join("out"));
    let stale = out.join("2026-06/communities/gone");
    std::fs::create_dir_all(&stale).unwrap();
    std::fs::write(stale.join("cost-report.json"), "{}").unwrap();

    let shown = policy("shown");
    let closed =
        hubtally_report::write_statements(&store, &registry, &shown, period, &[], &out, None).await.unwrap();
    // 3.335 is half-way: to the even cent.
    assert_eq!(closed.communities[0].total, "3.34");
    assert_eq!(closed.communities[0].idle, "1.67");
    assert_eq!(closed.communities[0].coverage_percent.as_deref(), Some("50.0"));
    assert_eq!(closed.conservation[0].difference, "0.000000000000");
    assert_eq!((closed.completeness.expected, closed.completeness.seen), (120, 60));
    assert!(
        closed.incomplete[0].contains("1 hour on 14\u{a0}June has no telemetry"),
        "{:?}",
        closed.incomplete
    );
    assert!(!stale.exists(), "a community that is gone leaves no draft");

    let name = "communities/ocean-lab/cost-report";
    let first = read(folder.path(), &format!("{name}.json"));
    let report: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(report["costs"][0]["users"][0]["amount"], "1.67");
    assert_eq!(report["costs"][0]["accounts"][0]["grades"], json!(["instance"]));
    assert_eq!(report["user_use"][0]["memory_byte_ms"], "7730941132800000");
    assert_eq!(report["user_use"][0]["home_bytes"], "2147483648");
    assert_eq!(report["home_directories"][0]["shared"]["directories"], 1);
    assert_eq!(report["home_directories"][0]["orphans"]["directories"], 1);
    assert!(!first.contains("ada@"));
    assert!(read(folder.path(), &format!("{name}.csv")).contains(",'=ada@ocean.example,"));
    assert!(read(folder.path(), &format!("{name}.html")).contains("=ada@ocean.example"));
    assert!(read(folder.path(), "finance/summary.html").contains("Hub Commons"));
    assert!(read(folder.path(), "totals/totals.json").contains("\"communities_total\":null"));

    // The record is kept by content: a second run finds its own bytes.
    let digest = hubtally_schemas::canonical::sha256_hex(first.as_bytes());
    let kept = store.get(&hubtally_schemas::paths::output(&digest)).await.unwrap().unwrap();
    assert_eq!(kept, first.as_bytes());
    hubtally_report::write_statements(&store, &registry, &shown, period, &[], &out, None).await.unwrap();
    assert_eq!(read(folder.path(), &format!("{name}.json")), first);

    // Hidden: no form of the document has the name.
    let hidden = policy("hidden");
    hubtally_report::write_statements(&store, &registry, &hidden, period, &[], &out, None).await.unwrap();
    for ending in ["json", "csv", "html"] {
        assert!(!read(folder.path(), &format!("{name}.{ending}")).contains("ada@"));
    }
}
