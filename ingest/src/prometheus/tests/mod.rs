//! Samples in, rows out: from a stand-in for a Prometheus that can also fail, and from a real one by both
//! transports. The binary's own tests meet a real server too.

mod faults;
mod golden;
mod live;
mod once;
#[expect(dead_code, reason = "the tests of the binary use more of it")]
#[path = "../../../../tests/cli/prometheus_server.rs"]
mod prometheus_server;
mod real;
mod stand_in;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use hubtally_rules::timeline::Cadence;
use hubtally_schemas::tables::{COVERAGE, POD_USAGE, TableSpec};
use hubtally_schemas::{ClusterId, Instant, Namespace};
use hubtally_store::{Store, StoreConfig};
use stand_in::{Samples, StandIn};
use tempfile::TempDir;

use super::{
    Access, Begin, PodNaming, PrometheusCluster, PrometheusOptions, PrometheusReport, ingest_prometheus,
};
use crate::progress::Silent;

/// The first instant of the samples.
const START: &str = "2026-06-01T00:00:00Z";
/// The present: well after all samples.
const NOW: &str = "2026-06-01T12:00:00Z";

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// A store that goes when the test ends.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Stores of one bench share their keys, so that their rows can be compared.
    async fn store(&self, name: &str) -> Store {
        let config = StoreConfig {
            url: self.folder.path().join(name).display().to_string(),
            options: BTreeMap::new(),
            keys: self.folder.path().join("keys"),
        };
        Store::create(&config).await.unwrap()
    }
}

fn cluster(id: &str, url: &str) -> PrometheusCluster {
    PrometheusCluster {
        id: ClusterId::new(id).unwrap(),
        access: Access { url: url.to_owned(), ..Access::default() },
        begin: Begin::At(at(START)),
        window_ms: 3_600_000,
        cadence: Cadence::new(60_000),
        hub_label: "2i2c/hub-name".to_owned(),
        naming: PodNaming::default(),
    }
}

fn options(until: &str) -> PrometheusOptions {
    PrometheusOptions { until: Some(at(until)), ..PrometheusOptions::new(at(NOW)) }
}

async fn ingest(store: &Store, clusters: &[PrometheusCluster], until: &str) -> PrometheusReport {
    ingest_prometheus(store, clusters, &options(until), &Silent).await.unwrap()
}

type Row = BTreeMap<String, String>;

/// Rows of a table as text, sorted; where they came from and in which batch is left out.
async fn rows(store: &Store, spec: &'static TableSpec) -> Vec<Row> {
    let table = store.table(spec).await.unwrap();
    let batches: Vec<RecordBatch> = table.read(&[], None).await.unwrap().try_collect().await.unwrap();
    let mut rows: Vec<Row> = batches.iter().flat_map(rows_of).collect();
    rows.sort();
    rows
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| (field.name().clone(), ArrayFormatter::try_new(column, &options).unwrap()))
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            let cell =
                |(name, column): &(String, ArrayFormatter<'_>)| (name.clone(), column.value(row).to_string());
            columns.iter().filter(|(name, _)| !name.starts_with("source_pos")).map(cell).collect()
        })
        .collect()
}

fn number(row: &Row, column: &str) -> i64 {
    row[column].parse().unwrap_or(0)
}

/// Sum of a column over the rows of a pod.
fn sum_of(rows: &[Row], uid: &str, column: &str) -> i64 {
    rows.iter().filter(|row| row["pod_uid"] == uid).map(|row| number(row, column)).sum()
}

/// Minutes 0 to `minutes` of one pod that runs on node n1 and requests half a core and 1 GiB.
fn one_pod(samples: &mut Samples, uid: &str, name: &str, user: Option<&str>, minutes: std::ops::Range<i64>) {
    let pod = [("namespace", "reef"), ("pod", name), ("uid", uid), ("instance", "10.0.0.1:8080")];
    let every =
        |value: &'static str| minutes.clone().map(move |minute| (minute * 60_000 + 7_000, value.to_owned()));
    let with = |more: &[(&'static str, &'static str)]| -> Vec<(String, String)> {
        pod.iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .chain(more.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
            .collect()
    };
    samples.add("kube_pod_info", with(&[("node", "n1")]), every("1"));
    samples.add(
        "kube_pod_status_phase",
        with(&[("phase", "Running"), ("node", "where-ksm-runs")]),
        every("1"),
    );
    for (resource, value) in [("cpu", "0.5"), ("memory", "1.073741824e+09")] {
        let labels = with(&[("node", "n1"), ("container", "notebook"), ("resource", resource)]);
        samples.add("kube_pod_container_resource_requests", labels, every(value));
    }
    samples.add("kube_pod_labels", with(&[("label_component", "singleuser-server")]), every("1"));
    if let Some(user) = user {
        let mut labels = with(&[]);
        labels.push(("annotation_hub_jupyter_org_username".to_owned(), user.to_owned()));
        samples.add("kube_pod_annotations", labels, every("1"));
    }
}

/// One pod and its node over three hours.
fn three_hours() -> Samples {
    let mut samples = Samples::starting(at(START));
    one_pod(&mut samples, "u1", "jupyter-ada", Some("Ada"), 0..180);
    let node = |more: &[(&str, &str)]| -> Vec<(String, String)> {
        [("node", "n1")].iter().chain(more).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    };
    let every = |value: &'static str| (0..180).map(move |minute| (minute * 60_000 + 7_000, value.to_owned()));
    samples.add("kube_node_info", node(&[("provider_id", "aws:///us-west-2a/i-0abc")]), every("1"));
    let labels = [
        ("label_node_kubernetes_io_instance_type", "r5.xlarge"),
        ("label_topology_kubernetes_io_zone", "us-west-2a"),
        ("label_hub_jupyter_org_node_purpose", "user"),
        ("label_k8s_dask_org_node_purpose", "scheduler"),
        ("label_2i2c_hub_name", "reef"),
        ("label_node_lifecycle", "spot"),
    ];
    samples.add("kube_node_labels", node(&labels), every("1"));
    samples.add("kube_node_status_capacity", node(&[("resource", "cpu")]), every("4"));
    samples.add("kube_node_status_capacity", node(&[("resource", "memory")]), every("3.4359738368e+10"));
    samples.add("kube_node_status_allocatable", node(&[("resource", "cpu")]), every("3.92"));
    let container = [
        ("namespace", "reef"),
        ("pod", "jupyter-ada"),
        ("container", "notebook"),
        ("id", "/kubepods/c5ab"),
        ("instance", "n1"),
    ];
    let container: Vec<(String, String)> =
        container.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let used = (0..180_i64).map(|minute| (minute * 60_000 + 3_456, format!("{}.5", minute * 6)));
    samples.add("container_cpu_usage_seconds_total", container.clone(), used);
    samples.add("container_memory_working_set_bytes", container, every("2e+08"));
    samples
}

#[tokio::test]
async fn samples_become_rows_with_everything_that_is_told() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    let report = ingest(&store, &[cluster("tides", &server.url)], "2026-06-01T02:00:00Z").await;
    assert_eq!(report.gaps(), Vec::<String>::new(), "{report:#?}");

    let pods = rows(&store, &POD_USAGE).await;
    assert_eq!(pods.len(), 24, "a row for each five minutes");
    for row in &pods {
        assert_eq!(
            (row["node"].as_str(), row["role"].as_str(), row["server"].as_str()),
            ("n1", "singleuser", "")
        );
        assert_eq!((row["source_class"].as_str(), row["event_id"].as_str()), ("prometheus", "NULL"));
        assert_eq!(row["source"], "prometheus/tides/pods");
    }
    let covered_ms = 7_200_000 - 7_000;
    assert_eq!(sum_of(&pods, "u1", "cpu_request_millicore_ms"), covered_ms * 500);
    assert_eq!(sum_of(&pods, "u1", "memory_request_byte_ms"), covered_ms << 30);
    // a tenth of a core; the share of the first seven seconds belongs to no row
    let used = 120 * 6_000_000 - 3_456 * 100 - (7_000 - 3_456) * 100;
    assert_eq!(sum_of(&pods, "u1", "cpu_usage_millicore_ms"), used);

    let nodes = rows(&store, &hubtally_schemas::tables::NODE_USAGE).await;
    let node = &nodes[0];
    let told: Vec<&str> = [
        "instance_id",
        "instance_type",
        "zone",
        "spot",
        "purpose",
        "hub_label",
        "cpu_capacity_millicore",
        "memory_capacity_byte",
        "cpu_allocatable_millicore",
        "memory_allocatable_byte",
    ]
    .iter()
    .map(|column| node[*column].as_str())
    .collect();
    assert_eq!(
        told,
        ["i-0abc", "r5.xlarge", "us-west-2a", "true", "user", "reef", "4000", "34359738368", "3920", "NULL"]
    );

    let coverage = rows(&store, &COVERAGE).await;
    let told: Vec<_> = coverage
        .iter()
        .map(|row| (row["query"].as_str(), number(row, "expected"), number(row, "seen")))
        .collect();
    let hour = [("kubelets", 60, 60), ("nodes", 60, 60), ("pods", 60, 60)];
    assert_eq!(told, [hour, hour].concat());
}

#[tokio::test]
async fn without_the_annotation_a_user_is_known_by_the_slug_and_says_so() {
    let mut samples = Samples::starting(at(START));
    one_pod(&mut samples, "u1", "jupyter-bo-b---8caffbcc--gpu", None, 0..30);
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(samples).await;
    ingest(&store, &[cluster("tides", &server.url)], "2026-06-01T01:00:00Z").await;
    assert_eq!(rows(&store, &POD_USAGE).await[0]["server"], "gpu");
    let people = rows(&store, &hubtally_schemas::tables::USERS).await;
    let (cluster, namespace) = (ClusterId::new("tides").unwrap(), Namespace::new("reef").unwrap());
    let name = store.keys().decrypt_name(&cluster, &namespace, &people[0]["name_encrypted"]);
    assert_eq!(name.as_deref(), Some("slug_only:bo-b---8caffbcc"));
}

#[tokio::test]
async fn names_that_a_scrape_moved_aside_are_found() {
    let mut samples = Samples::starting(at(START));
    one_pod(&mut samples, "u1", "jupyter-ada", Some("ada"), 0..30);
    let moved = samples.renamed(&["namespace", "pod", "container", "node"], "exported_");
    let bench = Bench::new();
    let (plain, renamed) = (bench.store("plain").await, bench.store("renamed").await);
    let server = StandIn::start(samples).await;
    ingest(&plain, &[cluster("tides", &server.url)], "2026-06-01T01:00:00Z").await;
    let server = StandIn::start(moved).await;
    ingest(&renamed, &[cluster("tides", &server.url)], "2026-06-01T01:00:00Z").await;
    assert_eq!(rows(&plain, &POD_USAGE).await, rows(&renamed, &POD_USAGE).await);
}

#[tokio::test]
async fn values_that_are_no_quantities_go_to_rejects_and_stop_nothing() {
    let mut samples = Samples::starting(at(START));
    one_pod(&mut samples, "u1", "jupyter-ada", Some("ada"), 0..30);
    let labels = vec![
        ("namespace".to_owned(), "reef".to_owned()),
        ("pod".to_owned(), "jupyter-bo".to_owned()),
        ("uid".to_owned(), "u2".to_owned()),
        ("node".to_owned(), "n1".to_owned()),
        ("container".to_owned(), "notebook".to_owned()),
        ("resource".to_owned(), "memory".to_owned()),
    ];
    let values = ["NaN", "+Inf", "-5"];
    let bad = (0_i64..3)
        .map(|minute| (minute * 60_000 + 7_000, values[usize::try_from(minute).unwrap()].to_owned()));
    samples.add("kube_pod_container_resource_requests", labels, bad);
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(samples).await;
    let report = ingest(&store, &[cluster("tides", &server.url)], "2026-06-01T01:00:00Z").await;
    assert_eq!(report.rejected(), 1, "a line for each series");
    let rejects = rows(&store, &hubtally_schemas::tables::REJECTS).await;
    assert!(
        rejects[0]["detail"].contains("\"NaN\"") && rejects[0]["detail"].contains("2 more"),
        "{rejects:?}"
    );
    let kept = store.keys().decrypt_reject(&rejects[0]["bytes_encrypted"]).unwrap();
    assert!(String::from_utf8(kept).unwrap().contains("jupyter-bo"));
    assert!(!rows(&store, &POD_USAGE).await.is_empty());
}

#[tokio::test]
async fn one_scan_is_one_row_and_two_exporters_are_two() {
    let mut samples = Samples::starting(at(START));
    one_pod(&mut samples, "u1", "jupyter-ada", Some("Ada"), 0..90);
    let directory = |exporter: &str, path: &str| -> Vec<(String, String)> {
        [("namespace", "reef"), ("directory", path), ("pod", exporter), ("job", "kubernetes-pods")]
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    };
    let start = at(START).ms() / 1_000;
    let every = |value: String| (0..90).map(move |minute| (minute * 60_000 + 7_000, value.clone()));
    for path in ["-41da", "_shared", "ada---99a563ab", "zoe---12345678"] {
        samples.add(
            "dirsize_total_size_bytes",
            directory("shared-dirsize-metrics-1", path),
            every("4096".to_owned()),
        );
        // scanned three hours before, and its name says nanoseconds where it means seconds
        samples.add(
            "dirsize_last_updated_ns",
            directory("shared-dirsize-metrics-1", path),
            every(format!("{}", start - 10_800)),
        );
        samples.add(
            "dirsize_latest_mtime",
            directory("shared-dirsize-metrics-1", path),
            every(format!("{}.25", start - 99)),
        );
    }
    samples.add(
        "dirsize_total_size_bytes",
        directory("storage-quota-home-nfs-1", "-41da"),
        every("5000".to_owned()),
    );
    samples.add(
        "dirsize_hard_limit_bytes",
        directory("storage-quota-home-nfs-1", "-41da"),
        every("1e+10".to_owned()),
    );
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(samples).await;
    ingest(&store, &[cluster("tides", &server.url)], "2026-06-01T01:00:00Z").await;
    let homes = rows(&store, &hubtally_schemas::tables::STORAGE_USAGE).await;
    let told: std::collections::BTreeSet<_> = homes
        .iter()
        .map(|row| {
            (
                row["exporter"].as_str(),
                row["path"].as_str(),
                row["time"].as_str(),
                row["bytes"].as_str(),
                row["limit_bytes"].as_str(),
            )
        })
        .collect();
    let scan = "2026-05-31T21:00:00Z";
    assert_eq!(homes.len(), 5, "{told:#?}");
    assert!(told.contains(&("dirsize", "-41da", scan, "4096", "NULL")), "{told:#?}");
    assert!(
        told.contains(&("home-nfs", "-41da", "2026-06-01T00:00:07Z", "5000", "10000000000")),
        "{told:#?}"
    );
    let user = |path: &str| &homes.iter().find(|row| row["path"] == path).unwrap()["user_id"];
    let pods = rows(&store, &POD_USAGE).await;
    // both slugs lead to the name that the annotation told
    assert_eq!(*user("-41da"), pods[0]["user_id"]);
    assert_eq!(user("-41da"), user("ada---99a563ab"));
    assert_eq!(user("_shared"), "NULL");
    assert_ne!(user("zoe---12345678"), "NULL");
    assert!(homes.iter().any(|row| row["latest_modification"] == "2026-05-31T23:58:21.250Z"), "{homes:#?}");
}
