//! Five minutes of real software, as a real Prometheus recorded them, against the ledger of what was really done.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::prometheus_server::{Server, script};
use super::run::Place;

fn recordings() -> Option<PathBuf> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/recordings/prometheus/second-record");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is not there; the recordings are not part of this repository", folder.display());
    None
}

/// The record scrapes every 15 s: nothing is known more exactly than that.
const STEP_MS: i64 = 15_000;
/// The first and the last scrape of kube-state-metrics, 19:25:38.941 and 19:30:23.941.
const FIRST_MS: i64 = 1_795_375_538_941;
const LAST_MS: i64 = 1_795_375_823_941;

#[test]
fn the_recordings_hours_are_those_of_its_ledger() {
    let (Some(folder), Some(script)) = (recordings(), script()) else { return };
    let samples = tempfile::tempdir().unwrap();
    let file = samples.path().join("series.openmetrics");
    let mut text = String::new();
    let packed = std::fs::File::open(folder.join("series.openmetrics.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text).unwrap();
    std::fs::write(&file, text).unwrap();
    let server = Server::with(&script, &file, &[]);

    let place = Place::initialised();
    let registry = "[organisation]\nname = \"Hubs for Science\"\n[[cluster]]\nid = \"examplecluster\"\nprovider = \"aws\"\n";
    place.write("registry.toml", registry);
    let section = format!(
        "\n[[prometheus]]\ncluster = \"examplecluster\"\nurl = \"{}\"\nfrom = \"2026-11-22T19:00:00Z\"\nscrape_interval_seconds = 15\nbinder_namespaces = [\"binder\"]\n",
        server.url
    );
    place.write("hubtally.toml", &(place.read("hubtally.toml") + &section));
    // The record has no series of nodes, which is said, and the exit code with it.
    place
        .run(&["ingest", "prometheus", "--until", "2026-11-22T20:00:00Z"])
        .exits(3)
        .prints("nothing about nodes since");

    let sql = "SELECT pod_uid, namespace, pod, max(node) AS node, max(role) AS role, min(start) AS first, max(\"end\") AS last, \
               CAST(sum((CAST(\"end\" AS BIGINT) - CAST(start AS BIGINT)) / 1000) AS BIGINT) AS ms, \
               sum(cpu_request_millicore_ms) AS cpu, sum(memory_request_byte_ms) AS memory, sum(gpu_request_milligpu_ms) AS gpu, \
               sum(cpu_usage_millicore_ms) AS used, sum(memory_usage_byte_ms) AS memory_used, count(DISTINCT user_id) AS users \
               FROM pod_usage GROUP BY pod_uid, namespace, pod ORDER BY pod_uid";
    let rows = place.run(&["sql", sql, "--format", "json"]).exits(0).json();
    let ours: BTreeMap<String, Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["pod_uid"].as_str().unwrap().to_owned(), row.clone()))
        .collect();

    let truth: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("truth-second-record.json")).unwrap())
            .unwrap();
    let pods = ledger(&truth);
    let expected: BTreeSet<&String> = pods.iter().filter(|(_, pod)| pod.runs).map(|(uid, _)| uid).collect();
    // Difference 1: jupyter-cmd-x had Succeeded before the record began; its requests are still exported, and
    // it counts for nothing. All other pods of the ledger are there, and no other.
    assert_eq!(ours.keys().collect::<BTreeSet<_>>(), expected);

    for (uid, row) in &ours {
        let pod = &pods[uid];
        assert_eq!(row["namespace"], pod.namespace, "{row}");
        assert_eq!(row["pod"], pod.name, "{row}");
        assert_eq!(row["node"], pod.node, "not the node of kube-state-metrics: {row}");
        // Difference 2: a scrape sees a pod up to a step after it began, and its last sample holds for a step,
        // up to a step after it ended.
        let begun = pod.begun_ms.max(FIRST_MS);
        let first = ms(&row["first"]);
        assert!((begun..begun + STEP_MS).contains(&first), "{first} {begun} {row}");
        // Difference 3: nothing is known after the last scrape but what its samples hold: one step.
        let ended = pod.ended_ms.unwrap_or(LAST_MS + STEP_MS);
        let last = ms(&row["last"]);
        assert!((ended - STEP_MS..=ended + STEP_MS).contains(&last), "{last} {ended} {row}");
        // No gap in between.
        assert_eq!(number(&row["ms"]), last - first, "{row}");
        let role = match (pod.namespace.as_str(), pod.name.as_str()) {
            ("binder", _) => "binder",
            (_, name) if name.starts_with("jupyter-") => "singleuser",
            (_, name) if name.starts_with("dask-") => "dask",
            (_, name) if name.starts_with("user-placeholder-") => "placeholder",
            _ => "system",
        };
        assert_eq!(row["role"], role, "{row}");
        // What it requested, as the manifests say; NULL where it requested nothing of the kind.
        let (cpu, memory, gpu) = requested(&pod.namespace, &pod.name);
        let times = |level: Option<i64>| level.map(|level| level * (last - first));
        assert_eq!(maybe(&row["cpu"]), times(cpu), "{row}");
        assert_eq!(maybe(&row["memory"]), times(memory), "{row}");
        assert_eq!(maybe(&row["gpu"]), times(gpu), "{row}");
        // Difference 4: usage is simulated, so only its being there, once, is compared: under the request of
        // no pod would three times the pod's own fit.
        assert!(maybe(&row["used"]).is_some_and(|used| used >= 0), "{row}");
        let user = pod.name.starts_with("jupyter-") || pod.name.starts_with("dask-");
        assert_eq!(number(&row["users"]), i64::from(user), "{row}");
    }
    // Ada used half a core's worth less than asked, then 1.5 cores from 19:27:27 on: counted once, and not
    // again for its pod's control group or the second job that exports the same counter.
    let ada = ours.values().find(|row| row["pod"] == "jupyter-ada").unwrap();
    let seconds = (ms(&ada["last"]) - ms(&ada["first"])) / 1_000;
    assert!(maybe(&ada["used"]).unwrap() < seconds * 1_500_000, "{ada}");
    assert!(maybe(&ada["used"]).unwrap() > 100 * 1_400_000, "{ada}");
}

struct Pod {
    namespace: String,
    name: String,
    node: String,
    begun_ms: i64,
    ended_ms: Option<i64>,
    runs: bool,
}

/// What the ledger says of each pod: the last word about its node and start, and when it went.
fn ledger(truth: &Value) -> BTreeMap<String, Pod> {
    let mut pods: BTreeMap<String, Pod> = BTreeMap::new();
    for seen in truth["pods"].as_array().unwrap() {
        let text = |key: &str| seen[key].as_str().unwrap_or_default().to_owned();
        let pod = pods.entry(text("uid")).or_insert_with(|| Pod {
            namespace: text("namespace"),
            name: text("pod"),
            node: String::new(),
            begun_ms: 0,
            ended_ms: None,
            runs: false,
        });
        pod.node = text("node");
        if seen["phase"] == "Running" {
            pod.runs = true;
            pod.begun_ms = ms(&seen["startTime"]);
        }
        if seen["type"] == "DELETED" {
            pod.ended_ms = Some(ms(&seen["seen_at"]));
        }
    }
    pods
}

/// Millicores, bytes and milliGPU that the manifests ask for (`expositions/manifests.json`), by hand.
fn requested(namespace: &str, name: &str) -> (Option<i64>, Option<i64>, Option<i64>) {
    let mib = |n: i64| Some(n << 20);
    match (namespace, name) {
        (_, "jupyter-has-hyphen--gpu") => (Some(3_000), mib(12 * 1_024), Some(1_000)),
        ("binder", _) => (Some(50), mib(450), None),
        // no CPU request: no series, and no quantity
        (_, "jupyter-bo-b---8caffbcc") => (None, mib(512), None),
        // two containers; what its init containers ask for is not in this record
        (_, "jupyter-plain") => (Some(750), mib(1_024 + 256), None),
        (_, name) if name.starts_with("dask-scheduler") => (Some(10), Some(128_000_000), None),
        (_, name) if name.starts_with("user-placeholder") => (Some(500), Some(1_000_000_000), None),
        (_, name) if name.starts_with("jupyter-") => (Some(500), mib(1_024), None),
        (_, name) if name.starts_with("hub-") => (Some(10), mib(128), None),
        (_, name) if name.starts_with("proxy-") => (Some(10), mib(64), None),
        (_, name) if name.contains("groups-exporter") => (Some(10), mib(64), None),
        (_, name) if name.contains("dirsize") => (Some(10), mib(128), None),
        (_, name) if name.contains("cryptnono") => (Some(5), mib(32), None),
        (_, name) if name.contains("prometheus-server") => (Some(200), mib(512), None),
        (_, name) if name.contains("kube-state-metrics") => (None, None, None),
        other => panic!("{other:?} is not in the ledger"),
    }
}

fn maybe(value: &Value) -> Option<i64> {
    (!value.is_null()).then(|| number(value))
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// A time of the ledger, or of `hubtally sql`, in milliseconds.
fn ms(value: &Value) -> i64 {
    let text = value.as_str().unwrap().replace(' ', "T");
    let text = if text.ends_with('Z') { text } else { format!("{text}Z") };
    chrono::DateTime::parse_from_rfc3339(&text).unwrap().timestamp_millis()
}
