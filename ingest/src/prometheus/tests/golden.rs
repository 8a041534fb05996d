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

/// The series of one source that is no pod's, under the metric's and the labels' names of a cluster.
fn add_as(
    samples: &mut Samples,
    folder: &std::path::Path,
    source: &str,
    metric: &str,
    more: &[(&str, &str)],
) {
    let mut series: BTreeMap<Vec<(String, String)>, BTreeMap<i64, String>> = BTreeMap::new();
    for sample in read(folder, &format!("datasources/{source}.json")) {
        let labels = sample["labels"].as_object().unwrap().iter();
        let labels = labels.filter(|(name, _)| *name != "__name__");
        let labels = labels.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        let at_ms = at(sample["timestamp"].as_str().unwrap()).ms() - samples_start().ms();
        series.entry(labels).or_default().insert(at_ms, sample["amount"].to_string());
    }
    for (mut labels, values) in series {
        labels.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        // The period is half-open: the sample at its end is out.
        samples.add(metric, labels, values.into_iter().filter(|(at_ms, _)| *at_ms < 300_000));
    }
}

/// A double as it is printed, in 10^-15.
fn femto(value: &Value) -> i128 {
    i128::from(super::super::number::scaled(&value.to_string(), 15).unwrap())
}

#[tokio::test]
async fn the_reports_of_nodes_and_claims_come_out_of_the_rows() {
    let Some(folder) = folder() else { return };
    let mut samples = Samples::starting(samples_start());
    for source in ["pod-request-cpu-cores", "pod-request-memory-bytes"] {
        add(&mut samples, &folder, source);
    }
    for kind in ["capacity", "allocatable"] {
        let metric = format!("kube_node_status_{kind}");
        for (source, resource) in [("cpu-cores", "cpu"), ("memory-bytes", "memory")] {
            let source = format!("node-{kind}-{source}");
            add_as(&mut samples, &folder, &source, &metric, &[("resource", resource)]);
        }
    }
    for (kind, metric) in [("usage", "used"), ("capacity", "capacity")] {
        let source = format!("persistentvolumeclaim-{kind}-bytes");
        add_as(&mut samples, &folder, &source, &format!("kubelet_volume_stats_{metric}_bytes"), &[]);
    }
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(samples).await;
    let begin = Begin::At(samples_start());
    ingest(&store, &[PrometheusCluster { begin, ..cluster("tides", &server.url) }], "2019-03-18T17:00:00Z")
        .await;

    // Two reports of all nodes: what pods requested of what they could. Ours are levels over time; theirs are
    // the same products, and a quotient.
    let pods = rows(&store, &POD_USAGE).await;
    let nodes = rows(&store, &hubtally_schemas::tables::NODE_USAGE).await;
    let names: std::collections::BTreeSet<&String> = nodes.iter().map(|row| &row["node"]).collect();
    assert_eq!(names.len(), 7);
    for (report, requested, level) in [
        ("cpu", "cpu_request_millicore_ms", "cpu_allocatable_millicore"),
        ("memory", "memory_request_byte_ms", "memory_allocatable_byte"),
    ] {
        let theirs = &read(&folder, &format!("reports/node-{report}-utilization.json"))[0];
        let unit = if report == "cpu" { "core" } else { "byte" };
        let asked: i128 = pods.iter().map(|row| i128::from(number(row, requested))).sum();
        let could: i128 = nodes
            .iter()
            .map(|row| {
                i128::from(number(row, level)) * i128::from(at(&row["end"]).ms() - at(&row["start"]).ms())
            })
            .sum();
        let told = |name: String| match report {
            "cpu" => i128::from(millionths(&theirs[name])),
            _ => i128::from(theirs[name].as_i64().unwrap()) * 1_000,
        };
        assert_eq!(asked, told(format!("pod_request_{report}_{unit}_seconds")), "{report}");
        assert_eq!(could, told(format!("node_allocatable_{report}_{unit}_seconds")), "{report}");
        // Their quotients are doubles: 15 decimals, one unit of noise.
        let used = asked * 1_000_000_000_000_000 / could;
        let noise = |ours: i128, name: String| (ours - femto(&theirs[name])).abs();
        assert!(noise(used, format!("{report}_used_percent")) <= 1, "{report} {used}");
        let unused = 1_000_000_000_000_000 - used;
        assert!(noise(unused, format!("{report}_unused_percent")) <= 1, "{report} {unused}");
    }

    // Three reports of claims. Theirs add up the five samples of a level, though the column says bytes: at each
    // of the five minutes ours is the last row until then, for a row stands until the next one.
    let volumes = rows(&store, &hubtally_schemas::tables::STORAGE_USAGE).await;
    assert!(volumes.iter().all(|row| row["kind"] == "volume" && row["exporter"] == "kubelet"));
    let level = |namespace: &str, claim: &str, column: &str, minute: i64| {
        let until = samples_start().ms() + minute * 60_000;
        let of = volumes.iter().filter(|row| row["namespace"] == namespace && row["path"] == claim);
        let last = of.filter(|row| at(&row["time"]).ms() <= until).max_by_key(|row| at(&row["time"]).ms());
        number(last.unwrap(), column)
    };
    let claims: std::collections::BTreeSet<(String, String)> =
        volumes.iter().map(|row| (row["namespace"].clone(), row["path"].clone())).collect();
    let mut by_namespace: BTreeMap<String, i64> = BTreeMap::new();
    for (report, column) in [("usage", "bytes"), ("capacity", "provisioned_bytes")] {
        let theirs: BTreeMap<(String, String), i64> =
            read(&folder, &format!("reports/persistentvolumeclaim-{report}.json"))
                .iter()
                .map(|row| {
                    let value = row[format!("persistentvolumeclaim_{report}_bytes")].as_i64().unwrap();
                    ((text(row, "namespace"), text(row, "persistentvolumeclaim")), value)
                })
                .collect();
        assert_eq!(theirs.keys().cloned().collect::<std::collections::BTreeSet<_>>(), claims);
        for ((namespace, claim), sum) in &theirs {
            let ours: i64 = (0..5).map(|minute| level(namespace, claim, column, minute)).sum();
            assert_eq!(ours, *sum, "{report} {namespace}/{claim}");
            if report == "usage" {
                *by_namespace.entry(namespace.clone()).or_default() += ours;
            }
        }
    }
    // That of namespaces is a mean, truncated.
    let theirs: BTreeMap<String, i64> = read(&folder, "reports/namespace-persistentvolumeclaim-usage.json")
        .iter()
        .map(|row| (text(row, "namespace"), row["persistentvolumeclaim_usage_bytes"].as_i64().unwrap()))
        .collect();
    let ours: BTreeMap<String, i64> = by_namespace.into_iter().map(|(name, sum)| (name, sum / 5)).collect();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 5);
}
