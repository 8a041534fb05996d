//! Law L2 for Prometheus: whatever is read twice, broken off or read by two at once counts once; and L4:
//! what was not there is known.

use super::*;

const UNTIL: &str = "2026-06-01T03:00:00Z";

#[tokio::test]
async fn any_tiling_of_windows_stores_the_same_rows() {
    let bench = Bench::new();
    let (whole, tiled) = (bench.store("whole").await, bench.store("tiled").await);
    let server = StandIn::start(three_hours()).await;
    let mut large = cluster("tides", &server.url);
    large.window_ms = 24 * 3_600_000;
    ingest(&whole, &[large], UNTIL).await;
    for (until, window_minutes) in
        [("2026-06-01T00:25:00Z", 5), ("2026-06-01T01:07:00Z", 35), ("2026-06-01T02:10:00Z", 10), (UNTIL, 60)]
    {
        let mut small = cluster("tides", &server.url);
        small.window_ms = window_minutes * 60_000;
        ingest(&tiled, &[small], until).await;
    }
    for spec in [&POD_USAGE, &hubtally_schemas::tables::NODE_USAGE] {
        assert_eq!(rows(&whole, spec).await, rows(&tiled, spec).await, "{}", spec.name);
    }
    // of the readings of an hour the last has the highest revision, and says what one reading says
    let last = |rows: Vec<Row>| -> BTreeMap<(String, String), (i64, i64)> {
        let mut hours = BTreeMap::new();
        for row in rows {
            let key = (row["query"].clone(), row["hour"].clone());
            let told = (number(&row, "revision"), number(&row, "seen"));
            let known = hours.entry(key).or_insert(told);
            *known = (*known).max(told);
        }
        hours
    };
    assert_eq!(last(rows(&whole, &COVERAGE).await), last(rows(&tiled, &COVERAGE).await));
}

#[tokio::test]
async fn a_second_run_reads_nothing_twice() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    ingest(&store, &[cluster("tides", &server.url)], UNTIL).await;
    let (pods, people) =
        (rows(&store, &POD_USAGE).await, rows(&store, &hubtally_schemas::tables::USERS).await);
    let report = ingest(&store, &[cluster("tides", &server.url)], UNTIL).await;
    assert!(report.clusters[0].sets.iter().all(|set| set.windows == 0 && set.batches == 0), "{report:#?}");
    assert_eq!(rows(&store, &POD_USAGE).await, pods);
    assert_eq!(people.len(), 1);
}

#[tokio::test]
async fn two_at_once_on_one_cluster_read_it_once() {
    let bench = Bench::new();
    let (store, once) = (bench.store("store").await, bench.store("once").await);
    let server = StandIn::start(three_hours()).await;
    ingest(&once, &[cluster("tides", &server.url)], UNTIL).await;
    let small = [PrometheusCluster { window_ms: 15 * 60_000, ..cluster("tides", &server.url) }];
    // a commit for each window, and each of the three with its own view of the tables
    let options = PrometheusOptions { batch_rows: 2, ..options(UNTIL) };
    let readers = (0..3).map(|_| ingest_prometheus(&store, &small, &options, &Silent));
    for report in futures::future::join_all(readers).await {
        assert_eq!(report.unwrap().gaps(), Vec::<String>::new());
    }
    assert_eq!(rows(&store, &POD_USAGE).await, rows(&once, &POD_USAGE).await);
}

#[tokio::test]
async fn the_first_start_is_the_configurations_and_is_kept() {
    let bench = Bench::new();
    let server = StandIn::start(three_hours()).await;
    let begin = |begin: Begin| PrometheusCluster { begin, ..cluster("tides", &server.url) };

    let store = bench.store("earliest").await;
    let report = ingest(&store, &[begin(Begin::Earliest)], UNTIL).await;
    assert_eq!(report.clusters[0].sets[0].begun_at, Some(at(START)), "{report:#?}");
    assert_eq!(rows(&store, &POD_USAGE).await.len(), 36);

    let store = bench.store("latest").await;
    let report = ingest(&store, &[begin(Begin::Latest)], "2026-06-01T01:30:00Z").await;
    assert_eq!(report.clusters[0].sets[0].begun_at, Some(at("2026-06-01T01:30:00Z")));
    // what the configuration says later does not move it
    let report = ingest(&store, &[begin(Begin::Earliest)], UNTIL).await;
    assert_eq!(report.clusters[0].sets[0].begun_at, None);
    assert_eq!(rows(&store, &POD_USAGE).await.len(), 18);

    let empty = StandIn::start(Samples::starting(at(START))).await;
    let nothing = PrometheusCluster { begin: Begin::Earliest, ..cluster("tides", &empty.url) };
    let report = ingest(&bench.store("empty").await, &[nothing], UNTIL).await;
    assert!(report.gaps()[0].contains("no series of"), "{report:#?}");
}

#[tokio::test]
async fn hours_before_the_first_sample_are_a_declared_gap() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    let early =
        PrometheusCluster { begin: Begin::At(at("2026-05-31T22:00:00Z")), ..cluster("tides", &server.url) };
    ingest(&store, &[early], "2026-06-01T01:00:00Z").await;
    let seen: Vec<_> = rows(&store, &COVERAGE)
        .await
        .into_iter()
        .filter(|row| row["query"] == "pods")
        .map(|row| (row["hour"][11..13].to_owned(), number(&row, "expected"), number(&row, "seen")))
        .collect();
    let hour = |hour: &str, seen: i64| (hour.to_owned(), 60, seen);
    assert_eq!(seen.len(), 3);
    for expected in [hour("22", 0), hour("23", 0), hour("00", 60)] {
        assert!(seen.contains(&expected), "{seen:?}");
    }
}

#[tokio::test]
async fn silence_at_the_end_is_told_and_read_again_until_something_follows() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(three_hours()).await;
    let report = ingest(&store, &[cluster("tides", &server.url)], "2026-06-01T06:00:00Z").await;
    let silent = report.clusters[0].sets[0].silent_since;
    assert_eq!(silent, Some(at("2026-06-01T03:00:00Z")), "{report:#?}");
    assert!(report.gaps()[0].contains("has nothing about pods since 2026-06-01T03:00:00Z"), "{report:#?}");
}
