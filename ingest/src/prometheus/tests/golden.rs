//! Samples of a real cluster with the reports that must come out (operator-metering's end-to-end data).

use std::path::PathBuf;

use serde_json::Value;

use super::*;

const FOLDER: &str = "../../shared/golden/operator-metering-e2e";

fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there, its samples are not part of this repository", folder.display());
    None
}

fn read(folder: &std::path::Path, name: &str) -> Vec<Value> {
    serde_json::from_str(&std::fs::read_to_string(folder.join(name)).unwrap()).unwrap()
}

/// A JSON number in millionths, exactly as it is written.
fn millionths(value: &Value) -> i64 {
    super::super::number::scaled(&value.to_string(), 6).unwrap()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// The samples of one source as the series that a cluster would have: CPU usage as the counter whose
/// rate they are. The period is half-open, so the sample at its end is out; a counter needs it to close.
fn add(samples: &mut Samples, folder: &std::path::Path, source: &str) {
    let mut series: BTreeMap<Vec<(String, String)>, BTreeMap<i64, Value>> = BTreeMap::new();
    for sample in read(folder, &format!("datasources/{source}.json")) {
        let labels = ["namespace", "pod", "node"];
        let labels = labels.map(|name| (name.to_owned(), text(&sample["labels"], name))).to_vec();
        let at_ms = at(sample["timestamp"].as_str().unwrap()).ms() - samples_start().ms();
        series.entry(labels).or_default().insert(at_ms, sample["amount"].clone());
    }
    for (mut labels, values) in series {
        labels.push(("container".to_owned(), "all".to_owned()));
        let inside = values.iter().filter(|(at_ms, _)| **at_ms < 300_000);
        let as_written = |(at_ms, value): (&i64, &Value)| (*at_ms, value.to_string());
        match source {
            "pod-usage-cpu-cores" => {
                let mut sum = 0_i64;
                let counter: Vec<(i64, String)> = values
                    .iter()
                    .map(|(at_ms, value)| {
                        let now = (*at_ms, format!("{}.{:06}", sum / 1_000_000, sum % 1_000_000));
                        sum += millionths(value) * 60;
                        now
                    })
                    .collect();
                samples.add("container_cpu_usage_seconds_total", labels, counter.into_iter());
            }
            "pod-usage-memory-bytes" => {
                samples.add("container_memory_working_set_bytes", labels, inside.map(as_written));
            }
            _ => {
                let resource = if source.contains("cpu") { "cpu" } else { "memory" };
                labels.push(("resource".to_owned(), resource.to_owned()));
                samples.add("kube_pod_container_resource_requests", labels, inside.map(as_written));
            }
        }
    }
}

fn samples_start() -> Instant {
    at("2019-03-18T16:00:00Z")
}

#[tokio::test]
async fn the_reports_of_operator_metering_come_out() {
    let Some(folder) = folder() else { return };
    let mut samples = Samples::starting(samples_start());
    for source in
        ["pod-request-cpu-cores", "pod-request-memory-bytes", "pod-usage-cpu-cores", "pod-usage-memory-bytes"]
    {
        add(&mut samples, &folder, source);
    }
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(samples).await;
    let begin = Begin::At(samples_start());
    ingest(&store, &[PrometheusCluster { begin, ..cluster("tides", &server.url) }], "2019-03-18T17:00:00Z")
        .await;
    let pods = rows(&store, &POD_USAGE).await;
    assert!(pods.iter().all(|row| row["pod_uid"].starts_with("name:")), "no uid: identities say so");

    let mut compared = 0;
    for (report, column, value, per_unit) in [
        ("cpu-request", "cpu_request_millicore_ms", "pod_request_cpu_core_seconds", 1),
        ("cpu-usage", "cpu_usage_millicore_ms", "pod_usage_cpu_core_seconds", 1),
        ("memory-request", "memory_request_byte_ms", "pod_request_memory_byte_seconds", 1_000),
        ("memory-usage", "memory_usage_byte_ms", "pod_usage_memory_byte_seconds", 1_000),
    ] {
        for by_namespace in [false, true] {
            let key = |namespace: &str, pod: &str, node: &str| {
                if by_namespace { namespace.to_owned() } else { format!("{namespace}/{pod}@{node}") }
            };
            let mut ours: BTreeMap<String, i128> = BTreeMap::new();
            for row in pods.iter().filter(|row| row[column] != "NULL") {
                *ours.entry(key(&row["namespace"], &row["pod"], &row["node"])).or_default() +=
                    i128::from(number(row, column));
            }
            let name = format!("reports/{}-{report}.json", if by_namespace { "namespace" } else { "pod" });
            let mut theirs: BTreeMap<String, i128> = BTreeMap::new();
            for row in read(&folder, &name) {
                let printed = row[value].to_string();
                // Printed doubles carry noise of 3e-14: nine decimals of them, rounded, are exact.
                let nano = if per_unit == 1 {
                    rounded_nano(&printed)
                } else {
                    i128::from(millionths(&row[value])) / 1_000_000 * 1_000_000_000
                };
                theirs.insert(key(&text(&row, "namespace"), &text(&row, "pod"), &text(&row, "node")), nano);
            }
            // millicore·ms are 10⁻⁶ core-seconds, byte·ms 10⁻³ byte-seconds
            let unit = if per_unit == 1 { 1_000 } else { 1_000_000 };
            let ours: BTreeMap<String, i128> = ours.into_iter().map(|(key, sum)| (key, sum * unit)).collect();
            assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{name}");
            assert_eq!(ours, theirs, "{name}");
            compared += theirs.len();
        }
    }
    assert_eq!(compared, 319);
}

/// A printed double in 10⁻⁹, rounded half up at the tenth decimal.
fn rounded_nano(printed: &str) -> i128 {
    let tenth = super::super::number::scaled(printed, 10).unwrap();
    i128::from(tenth + 5) / 10
}
