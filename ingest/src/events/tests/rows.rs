//! What rows are made of good events.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use hubtally_schemas::tables::{COVERAGE, HUB_EVENTS, NODE_USAGE, POD_USAGE, STORAGE_USAGE, TABLES};
use serde_json::{Value, json};

use super::{decode, event};

fn texts<'b>(batch: &'b RecordBatch, column: &str) -> Vec<Option<&'b str>> {
    batch.column_by_name(column).unwrap().as_string::<i32>().iter().collect()
}

fn ints(batch: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    batch.column_by_name(column).unwrap().as_primitive::<Int64Type>().iter().collect()
}

#[test]
fn each_kind_goes_to_its_table_with_all_columns() {
    for (kind, table) in [
        ("pod", &POD_USAGE),
        ("node", &NODE_USAGE),
        ("storage", &STORAGE_USAGE),
        ("hub", &HUB_EVENTS),
        ("coverage", &COVERAGE),
    ] {
        let decoded = decode(event(kind, &[]));
        assert!(decoded.counts.rejects.is_empty(), "{kind}: {:?}", decoded.counts.rejects);
        let rows = &decoded.rows[table.name][0];
        assert_eq!(rows.schema(), table.arrow_schema(), "{kind}");
        assert_eq!(texts(rows, "cluster"), [Some("tides")]);
        assert_eq!(texts(rows, "source"), [Some("file/abc")]);
        assert_eq!(ints(rows, "source_position"), [Some(1)]);
        assert_eq!(decoded.rows.contains_key("users"), ["pod", "storage", "hub"].contains(&kind));
        for name in decoded.rows.keys() {
            assert!(TABLES.iter().any(|spec| spec.name == *name && spec.fed_by_sources));
        }
    }
}

/// L3: an interval over several hours is cut, and its hours sum to it.
#[test]
fn an_interval_over_hours_is_cut() {
    let long = event(
        "pod",
        &[
            ("/data/start", json!("2026-06-01T22:40:00Z")),
            ("/data/end", json!("2026-06-02T01:10:00Z")),
            ("/data/cpu_usage_millicore_ms", json!(1_000_001)),
            ("-/data/cpu_request_millicore_ms", Value::Null),
            ("/data/memory_usage_byte_ms", json!(7)),
        ],
    );
    let decoded = decode(long);
    let rows = &decoded.rows["pod_usage"][0];
    assert_eq!(rows.num_rows(), 4);
    let cpu: Vec<i64> = ints(rows, "cpu_usage_millicore_ms").into_iter().map(Option::unwrap).collect();
    assert_eq!(cpu.iter().sum::<i64>(), 1_000_001);
    assert_eq!(ints(rows, "memory_usage_byte_ms").into_iter().flatten().sum::<i64>(), 7);
    assert_eq!(ints(rows, "cpu_request_millicore_ms"), [None; 4], "unknown is not zero (L4)");
    let starts = rows.column_by_name("start").unwrap().as_primitive::<TimestampMicrosecondType>().clone();
    let ends = rows.column_by_name("end").unwrap().as_primitive::<TimestampMicrosecondType>().clone();
    assert!((1..4).all(|i| starts.value(i) == ends.value(i - 1)));
    assert_eq!(decoded.counts.rows["pod_usage"], 4);
    assert_eq!(decoded.counts.rows["users"], 1);
}

#[test]
fn names_that_differ_in_case_are_two_people() {
    let user = |name: &str| event("pod", &[("/data/user", json!(name))]);
    let decoded = decode([user("Capital"), user("capital"), user("Capital"), user("")].join("\n"));
    let people = &decoded.rows["users"][0];
    assert_eq!(texts(people, "user_id"), [Some("tides/prod/Capital"), Some("tides/prod/capital")]);
    assert_eq!(texts(people, "name_encrypted"), [Some("hidden Capital"), Some("hidden capital")]);
    let pods = texts(&decoded.rows["pod_usage"][0], "user_id");
    assert_eq!(
        pods,
        [Some("tides/prod/Capital"), Some("tides/prod/capital"), Some("tides/prod/Capital"), None]
    );
}

#[test]
fn one_name_in_two_hubs_is_two_people() {
    let at = |uid: &str, cluster: &str, namespace: &str| {
        let source = format!("/clusters/{cluster}");
        event(
            "pod",
            &[
                ("/source", json!(source)),
                ("/data/namespace", json!(namespace)),
                ("/data/pod_uid", json!(uid)),
            ],
        )
    };
    let decoded =
        decode([at("a", "tides", "prod"), at("b", "tides", "staging"), at("c", "dunes", "prod")].join("\n"));
    assert_eq!(decoded.counts.rows["users"], 3);
}

#[test]
fn marks_line_ends_and_blanks_are_no_fault() {
    let text = format!("\u{feff}{}\r\n\r\n  \n{}", event("pod", &[]), event("node", &[]));
    let decoded = decode(text);
    assert_eq!((decoded.counts.records, decoded.counts.blank, decoded.counts.rejected()), (4, 2, 0));
    assert_eq!(ints(&decoded.rows["node_usage"][0], "source_position"), [Some(4)]);
    assert_eq!((decoded.from, decoded.to), (0, 4));
}

#[test]
fn the_instance_is_the_last_part_of_the_provider_id() {
    for (provider, instance) in [
        ("aws:///us-west-2a/i-0abc", Some("i-0abc")),
        ("gce://project/zone/gke-node-1", Some("gke-node-1")),
        ("i-0abc", Some("i-0abc")),
        ("aws:///us-west-2a/", None),
        ("", None),
    ] {
        let decoded = decode(event("node", &[("/data/provider_id", json!(provider))]));
        assert_eq!(texts(&decoded.rows["node_usage"][0], "instance_id"), [instance], "{provider}");
    }
}

#[test]
fn quantities_at_the_limit_fit_an_hour() {
    let most = json!((i128::from(hubtally_schemas::units::MAX_POD_MEMORY_BYTE) * 3_600_000).to_string());
    let decoded = decode(event("pod", &[("/data/memory_usage_byte_ms", most)]));
    assert!(decoded.counts.rejects.is_empty());
}

#[test]
fn an_empty_text_is_absent_except_for_the_default_server() {
    let decoded = decode(event(
        "pod",
        &[("/data/node", json!("")), ("/data/server", json!("")), ("/data/image", Value::Null)],
    ));
    let rows = &decoded.rows["pod_usage"][0];
    assert!(rows.column_by_name("node").unwrap().is_null(0));
    assert_eq!(texts(rows, "server"), [Some("")]);
    assert!(rows.column_by_name("image").unwrap().is_null(0));
}
