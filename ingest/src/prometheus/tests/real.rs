//! A real Prometheus by both transports: the rows are the same.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use hubtally_schemas::tables::{HUB_GAUGES, NODE_USAGE, REJECTS, STORAGE_USAGE, USERS};

use super::prometheus_server::{Server, script};
use super::*;
use crate::prometheus::Transport;

/// Labels that the server adds to all that leaves it by remote read, and only there: one before, one between
/// and one after those of the series.
const CONFIG: &str =
    "global:\n  external_labels:\n    a_region: west\n    monitor: tides\n    zone_of_all: b\n";

/// A server with these samples, and the folder of its files.
fn server(text: &str) -> Option<(Server, TempDir)> {
    let script = script()?;
    let files = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = files.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let (samples, config) = (write("samples.openmetrics", text), write("prometheus.yml", CONFIG));
    let server = Server::with(&script, &samples, &[("PROMETHEUS_CONFIG", config.to_str().unwrap())]);
    Some((server, files))
}

/// What a row says, without what is encrypted anew each time, or tells labels as they came.
fn told(rows: Vec<Row>) -> Vec<Row> {
    let anew = ["bytes_encrypted", "byte_count"];
    let same = |row: Row| row.into_iter().filter(|(name, _)| !anew.contains(&name.as_str())).collect();
    let mut told: Vec<Row> = rows.into_iter().map(same).collect();
    told.sort();
    told
}

/// Reads a cluster by both transports; asserts that all rows are the same, and gives the pods'.
pub async fn same_rows(of: PrometheusCluster, options: &PrometheusOptions) -> Vec<Row> {
    let bench = Bench::new();
    let by = async |transport: Transport, name: &str| {
        let store = bench.store(name).await;
        let access = Access { transport, ..of.access.clone() };
        let cluster = PrometheusCluster { access, ..of.clone() };
        let report = ingest_prometheus(&store, &[cluster], options, &Silent).await.unwrap();
        assert!(report.clusters[0].error.is_none(), "{report:#?}");
        let bytes: u64 = report.clusters[0].sets.iter().map(|set| set.bytes).sum();
        (store, bytes)
    };
    let (query, query_bytes) = by(Transport::Query, "query").await;
    let (remote, remote_bytes) = by(Transport::RemoteRead, "remote").await;
    let (auto, auto_bytes) = by(Transport::Auto, "auto").await;
    for spec in [&POD_USAGE, &NODE_USAGE, &STORAGE_USAGE, &HUB_GAUGES, &COVERAGE, &REJECTS, &USERS] {
        let expected = told(rows(&query, spec).await);
        assert_eq!(expected, told(rows(&remote, spec).await), "{}", spec.name);
        assert_eq!(expected, told(rows(&auto, spec).await), "{}", spec.name);
    }
    assert_eq!(auto_bytes, remote_bytes, "a server that offers remote read is read by it");
    assert!(remote_bytes < query_bytes, "{remote_bytes} bytes instead of {query_bytes}");
    // Each bench has keys of its own: ids of users are the same within one only.
    let without_users = |row: Row| row.into_iter().filter(|(name, _)| name != "user_id").collect();
    let mut pods: Vec<Row> = rows(&query, &POD_USAGE).await.into_iter().map(without_users).collect();
    pods.sort();
    pods
}

#[tokio::test]
async fn both_transports_give_the_same_rows() {
    let mut samples = once::busy_hours();
    let labels = |name: &str| -> Vec<(String, String)> {
        [
            ("namespace", "reef"),
            ("pod", name),
            ("uid", name),
            ("node", "n1"),
            ("container", "c"),
            ("resource", "cpu"),
        ]
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect()
    };
    // Values that are none, and values at the edges of what doubles hold.
    let odd =
        ["NaN", "+Inf", "-Inf", "-5", "-2.5e-7", "1e21", "1e-9", "0.1", "0.30000000000000004", "123456.789"];
    for (index, value) in odd.iter().enumerate() {
        let every = (0..120_i64).map(|minute| (minute * 60_000 + 7_000, (*value).to_owned()));
        samples.add("kube_pod_container_resource_requests", labels(&format!("odd-{index}")), every);
    }
    // Times that jump about, and a counter that any double may step by.
    let jumping = (1..3_000_i64).map(|step| {
        (step * 3_571 + (step * step) % 977, format!("{}", f64::from(i32::try_from(step).unwrap()).sqrt()))
    });
    samples.add("container_cpu_usage_seconds_total", labels("u1"), jumping);
    let Some((server, _files)) = server(&samples.open_metrics()) else { return };
    let pods = same_rows(cluster("tides", &server.url), &options("2026-06-01T03:00:00Z")).await;
    assert!(pods.len() > 50, "{}", pods.len());
    // Another cut of time reads the same by the other way.
    let small = PrometheusCluster { window_ms: 25 * 60_000, ..cluster("tides", &server.url) };
    assert_eq!(same_rows(small, &options("2026-06-01T03:00:00Z")).await, pods);
}

#[tokio::test]
async fn both_transports_give_the_same_rows_of_a_recorded_cluster() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/recordings/prometheus/second-record");
    if !folder.is_dir() {
        println!(
            "skipped: {} is not there; the recordings are not part of this repository",
            folder.display()
        );
        return;
    }
    let mut text = String::new();
    let packed = std::fs::File::open(folder.join("series.openmetrics.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let Some((server, _files)) = server(&text) else { return };
    let of = PrometheusCluster {
        begin: Begin::At(at("2026-11-22T19:00:00Z")),
        cadence: Cadence::new(15_000),
        ..cluster("examplecluster", &server.url)
    };
    let options = PrometheusOptions::new(at("2026-11-22T20:00:00Z"));
    let pods = same_rows(of, &options).await;
    let uids: std::collections::BTreeSet<&String> = pods.iter().map(|row| &row["pod_uid"]).collect();
    assert_eq!(uids.len(), 28, "the pods of the ledger that run");
}
