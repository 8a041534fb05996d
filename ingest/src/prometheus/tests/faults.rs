//! What a server can do wrong: each is told, and none stores half a window.

use super::*;
use crate::prometheus::Credentials;

const UNTIL: &str = "2026-06-01T03:00:00Z";

/// Rows of pods with these faults, against those without.
async fn same_rows_with(change: impl FnOnce(&mut stand_in::Faults)) {
    let bench = Bench::new();
    let (good, faulty) = (bench.store("good").await, bench.store("faulty").await);
    let server = StandIn::start(three_hours()).await;
    ingest(&good, &[cluster("tides", &server.url)], UNTIL).await;
    server.set(change);
    let report = ingest(&faulty, &[cluster("tides", &server.url)], UNTIL).await;
    assert_eq!(report.gaps(), Vec::<String>::new());
    for spec in [&POD_USAGE, &COVERAGE] {
        assert_eq!(rows(&good, spec).await, rows(&faulty, spec).await, "{}", spec.name);
    }
}

#[tokio::test]
async fn both_ways_of_edges_give_the_same_rows() {
    same_rows_with(|faults| faults.left_edge = true).await;
}

#[tokio::test]
async fn a_query_that_is_too_much_is_halved() {
    for status in [422, 503, 413] {
        same_rows_with(|faults| faults.too_much = Some((status, 20 * 60_000))).await;
    }
}

#[tokio::test]
async fn an_answer_that_broke_off_is_asked_for_again() {
    same_rows_with(|faults| faults.truncate = 3).await;
}

#[tokio::test]
async fn a_query_that_stays_too_much_is_told_with_what_to_raise() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    server.set(|faults| faults.too_much = Some((422, 0)));
    let report = ingest(&store, &[cluster("tides", &server.url)], UNTIL).await;
    assert!(report.gaps()[0].contains("--query.max-samples"), "{report:#?}");
}

#[tokio::test]
async fn a_warning_fails_its_window_and_no_other_set() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    ingest(&store, &[cluster("tides", &server.url)], "2026-06-01T01:00:00Z").await;
    server.set(|faults| faults.warn = Some("container_memory_working_set_bytes".to_owned()));
    let report = ingest(&store, &[cluster("tides", &server.url)], UNTIL).await;
    assert!(report.gaps()[0].contains("half is missing"), "{report:#?}");
    let until: Vec<_> =
        report.clusters[0].sets.iter().map(|set| (set.query_set, set.until.unwrap().to_string())).collect();
    assert_eq!(until[0], ("pods", "2026-06-01T01:00:00Z".to_owned()));
    assert_eq!(until[1], ("nodes", "2026-06-01T03:00:00Z".to_owned()));

    // and once the server is whole again, nothing is missing or doubled
    server.set(|faults| faults.warn = None);
    let report = ingest(&store, &[cluster("tides", &server.url)], UNTIL).await;
    assert_eq!(report.gaps(), Vec::<String>::new());
    let once = bench.store("once").await;
    ingest(&once, &[cluster("tides", &server.url)], UNTIL).await;
    assert_eq!(rows(&store, &POD_USAGE).await, rows(&once, &POD_USAGE).await);
}

#[tokio::test]
async fn a_cluster_that_is_down_is_named_and_holds_up_no_other() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    // a port that nobody listens on
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let clusters = [cluster("dunes", &format!("http://{nobody}")), cluster("tides", &server.url)];
    let report = ingest(&store, &clusters, UNTIL).await;
    let gaps = report.gaps();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].contains("dunes") && gaps[0].contains("does not answer"), "{gaps:?}");
    assert_eq!(rows(&store, &POD_USAGE).await.len(), 36);
    assert!(!report.nothing_read());
}

#[tokio::test]
async fn credentials_are_sent_and_their_refusal_is_told() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    server.set(|faults| faults.authorization = Some("Bearer hush".to_owned()));
    let report = ingest(&store, &[cluster("tides", &server.url)], UNTIL).await;
    assert!(report.gaps()[0].contains("refuses the credentials"), "{report:#?}");
    let mut known = cluster("tides", &server.url);
    known.access.credentials = Credentials::Bearer("hush".to_owned());
    let report = ingest(&store, std::slice::from_ref(&known), UNTIL).await;
    assert_eq!(report.gaps(), Vec::<String>::new());
    assert!(!format!("{known:?}").contains("hush"));

    server.set(|faults| faults.authorization = Some("Basic YWxpY2U6aHVzaA==".to_owned()));
    known.access.credentials = Credentials::Basic("alice".to_owned(), "hush".to_owned());
    let report = ingest(&bench.store("basic").await, &[known], UNTIL).await;
    assert_eq!(report.gaps(), Vec::<String>::new());
}

#[test]
fn certificates_and_addresses_that_are_none_are_told_before_anything_is_asked() {
    let told = |change: &dyn Fn(&mut Access)| {
        let mut access = Access { url: "https://127.0.0.1:1".to_owned(), ..Access::default() };
        change(&mut access);
        crate::prometheus::PrometheusClient::new(access).unwrap_err().to_string()
    };
    assert!(told(&|access| access.ca = Some(b"no certificate".to_vec())).contains("CA certificate"));
    let client = told(&|access| access.client_certificate = Some(b"no key".to_vec()));
    assert!(client.contains("client certificate"), "{client}");
    assert!(told(&|access| access.url = "prometheus:9090".to_owned()).contains("http://"));
    assert!(told(&|access| access.headers = vec![("a b".to_owned(), String::new())]).contains("a b"));
}

#[tokio::test]
async fn an_error_of_the_server_is_told_in_its_words() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    server.set(|faults| faults.status = Some(400));
    let report = ingest(&store, &[cluster("tides", &server.url)], UNTIL).await;
    assert!(report.gaps()[0].contains("HTTP 400") && report.gaps()[0].contains("as asked"), "{report:#?}");
}
