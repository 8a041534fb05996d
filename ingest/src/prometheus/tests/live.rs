//! A real Prometheus that scrapes a small exporter: what it marks as ended, the query API hides and remote read
//! delivers, and the rows are the same.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::prometheus_server::{Server, script};
use super::real::same_rows;
use super::*;
use crate::prometheus::range::Range;
use crate::prometheus::remote_read::{markers_in, request};
use crate::prometheus::sets::QuerySet;

/// How often it is scraped.
const STEP_MS: i64 = 1_000;

#[expect(clippy::disallowed_methods, reason = "a server that scrapes lives in the present")]
fn now() -> Instant {
    Instant::from_ms(chrono::Utc::now().timestamp_millis())
}

/// What kube-state-metrics would say of one pod that runs on n1.
fn exposition(uid: &str) -> String {
    let pod = format!("namespace=\"reef\",pod=\"jupyter-{uid}\",uid=\"{uid}\"");
    let mut text = String::new();
    for line in [
        format!("kube_pod_info{{{pod},node=\"n1\"}} 1"),
        format!("kube_pod_status_phase{{{pod},phase=\"Running\"}} 1"),
        format!(
            "kube_pod_container_resource_requests{{{pod},node=\"n1\",container=\"notebook\",resource=\"memory\"}} 1e+09"
        ),
    ] {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// An exporter of two pods, the second of which goes when it was scraped often enough; then the exporter fails.
struct Exporter {
    address: String,
    scraped: Arc<AtomicI64>,
    /// When each pod was told first and last.
    told: Arc<Mutex<BTreeMap<&'static str, (Instant, Instant)>>>,
}

const GOES_AFTER: i64 = 4;
const SCRAPES: i64 = 9;

impl Exporter {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (scraped, told) = (Arc::new(AtomicI64::new(0)), Arc::new(Mutex::new(BTreeMap::new())));
        let exporter = Self { address, scraped: Arc::clone(&scraped), told: Arc::clone(&told) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = scraped.fetch_add(1, Ordering::SeqCst);
                answer(stream, count, &told);
            }
        });
        exporter
    }
}

fn answer(mut stream: TcpStream, count: i64, told: &Mutex<BTreeMap<&'static str, (Instant, Instant)>>) {
    let mut head = [0_u8; 4_096];
    let Ok(1..) = stream.read(&mut head) else { return };
    let status = if count < SCRAPES { "200 OK" } else { "503 Service Unavailable" };
    let mut body = String::new();
    for uid in ["stays", "goes"] {
        let goes_after = if uid == "stays" { SCRAPES } else { GOES_AFTER };
        if count < goes_after {
            body += &exposition(uid);
            let at = now();
            told.lock().unwrap().entry(uid).or_insert((at, at)).1 = at;
        }
    }
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all((head + &body).as_bytes());
}

#[tokio::test]
async fn a_series_that_ended_is_marked_and_both_transports_give_the_same_rows() {
    let Some(script) = script() else { return };
    let exporter = Exporter::start();
    let files = tempfile::tempdir().unwrap();
    let config = files.path().join("prometheus.yml");
    let text = format!(
        "global:\n  scrape_interval: {STEP_MS}ms\n  scrape_timeout: {STEP_MS}ms\nscrape_configs:\n- job_name: ksm\n  honor_labels: true\n  static_configs:\n  - targets: [\"{}\"]\n",
        exporter.address
    );
    std::fs::write(&config, text).unwrap();
    let begun = now();
    let server = Server::start(&script, None, &[("PROMETHEUS_CONFIG", config.to_str().unwrap())]);
    // The second failed scrape comes when what the first one changed is stored.
    let enough = || exporter.scraped.load(Ordering::SeqCst) > SCRAPES + 1;
    for _ in 0..600 {
        if enough() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(enough(), "Prometheus scrapes");
    let ended = now();

    // Both pods are marked as ended, and remote read delivers it.
    let range = Range { from_ms: begun.ms(), to_ms: ended.ms() };
    let infos = &QuerySet::Pods.queries()[1];
    let answer = reqwest::Client::new()
        .post(format!("{}/api/v1/read", server.url))
        .header("content-encoding", "snappy")
        .header("content-type", "application/x-protobuf")
        .body(request(infos, range).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(markers_in(&answer.bytes().await.unwrap()), 2);

    let of = PrometheusCluster {
        begin: Begin::At(begun),
        cadence: Cadence::new(STEP_MS),
        ..cluster("tides", &server.url)
    };
    // As seen when all of it is settled.
    let options = PrometheusOptions::new(Instant::from_ms(ended.ms() + 15 * 60_000));
    let pods = same_rows(of, &options).await;
    let told = exporter.told.lock().unwrap().clone();
    for (uid, (first, last)) in told {
        let of: Vec<&Row> = pods.iter().filter(|row| row["pod_uid"] == uid).collect();
        let start = of.iter().map(|row| at(&row["start"]).ms()).min().unwrap();
        let end = of.iter().map(|row| at(&row["end"]).ms()).max().unwrap();
        // A sample carries the time at which its scrape began, and the last one holds for a step.
        assert!((0..STEP_MS).contains(&(first.ms() - start)), "{uid}: told at {first}, from {start}");
        assert!((0..=STEP_MS).contains(&(end - last.ms())), "{uid}: told last at {last}, until {end}");
    }
}
