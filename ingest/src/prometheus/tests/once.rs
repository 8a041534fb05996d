//! Law L2 for Prometheus: whatever is read twice, broken off or read by two at once counts once; and L4:
//! what was not there is known.

use hubtally_schemas::tables::{HUB_GAUGES, NODE_USAGE, STORAGE_USAGE};

use super::*;

const UNTIL: &str = "2026-06-01T03:00:00Z";

/// Three hours with pods that begin and end between scrapes, directories, volumes and a hub.
pub fn busy_hours() -> Samples {
    let mut samples = three_hours();
    let start_s = at(START).ms() / 1_000;
    // scraped from minute 34 on, begun 40 s before; across the border of two cells
    one_pod(&mut samples, "u2", "jupyter-bo", Some("bo"), 35..62);
    let of = |uid: &str, name: &str| -> Vec<(String, String)> {
        [("namespace", "reef"), ("pod", name), ("uid", uid), ("instance", "10.0.0.1:8080")]
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect()
    };
    let told = |minutes: std::ops::Range<i64>, second: i64| {
        minutes.map(move |minute| (minute * 60_000 + 7_000, format!("{}", start_s + second)))
    };
    samples.add("kube_pod_start_time", of("u2", "jupyter-bo"), told(35..62, 35 * 60 - 60));
    let container = |mut labels: Vec<(String, String)>| {
        labels.push(("container".to_owned(), "notebook".to_owned()));
        labels
    };
    let begun = told(35..62, 35 * 60 - 33);
    samples.add("kube_pod_container_state_started", container(of("u2", "jupyter-bo")), begun);
    // a build that no scrape saw run: 81:20 to 81:55, and its pod stays
    let build = || of("u3", "build-x");
    let every =
        |value: &'static str| (82..120).map(move |minute| (minute * 60_000 + 7_000, value.to_owned()));
    let mut phase = build();
    phase.push(("phase".to_owned(), "Running".to_owned()));
    samples.add("kube_pod_status_phase", phase, every("0"));
    let mut info = build();
    info.push(("node".to_owned(), "n1".to_owned()));
    samples.add("kube_pod_info", info.clone(), every("1"));
    info.push(("resource".to_owned(), "memory".to_owned()));
    samples.add("kube_pod_container_resource_requests", container(info), every("1e+09"));
    samples.add("kube_pod_start_time", build(), told(82..120, 81 * 60 + 20));
    samples.add("kube_pod_completion_time", build(), told(82..120, 81 * 60 + 55));

    let always = |value: &str| {
        let value = value.to_owned();
        (0..180).map(move |minute| (minute * 60_000 + 7_000, value.clone()))
    };
    let named = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    };
    let home = named(&[("namespace", "reef"), ("directory", "ada"), ("pod", "dirsize-1")]);
    samples.add("dirsize_total_size_bytes", home, always("4096"));
    let claim = named(&[("namespace", "reef"), ("persistentvolumeclaim", "home-nfs"), ("instance", "n1")]);
    let used = (0..180_i64).map(|minute| (minute * 60_000 + 9_000, format!("{}", minute / 7)));
    samples.add("kubelet_volume_stats_used_bytes", claim.clone(), used);
    samples.add("kubelet_volume_stats_capacity_bytes", claim, always("100"));
    samples.add("jupyterhub_running_servers", named(&[("namespace", "reef")]), always("2"));
    samples
}

#[tokio::test]
async fn pods_begin_and_end_where_it_is_told() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let server = StandIn::start(busy_hours()).await;
    ingest(&store, &[cluster("tides", &server.url)], UNTIL).await;
    let pods = rows(&store, &POD_USAGE).await;
    let spans = |uid: &str| {
        let of: Vec<&Row> = pods.iter().filter(|row| row["pod_uid"] == uid).collect();
        let first = of.iter().map(|row| row["start"].clone()).min().unwrap();
        let last = of.iter().map(|row| row["end"].clone()).max().unwrap();
        (first, last)
    };
    let at = |first: &str, last: &str| (format!("2026-06-01T{first}Z"), format!("2026-06-01T{last}Z"));
    assert_eq!(spans("u2"), at("00:34:27", "01:02:07"));
    assert_eq!(spans("u3"), at("01:21:20", "01:21:55"));
    assert_eq!(sum_of(&pods, "u3", "memory_request_byte_ms"), 35_000 * 1_000_000_000);
    let build = pods.iter().find(|row| row["pod_uid"] == "u3").unwrap();
    assert_eq!((build["quality"].as_str(), build["node"].as_str()), ("single_sample", "n1"));

    let volumes = rows(&store, &hubtally_schemas::tables::STORAGE_USAGE).await;
    let volume: Vec<&Row> = volumes.iter().filter(|row| row["kind"] == "volume").collect();
    assert_eq!(volume[0]["path"], "home-nfs");
    assert!(volume.iter().all(|row| row["provisioned_bytes"] == "100"), "{volume:?}");
    // two hours of the five queries and of what kubelets tell; each wholly seen, but for pods of one node
    let coverage = rows(&store, &COVERAGE).await;
    let seen = |query: &str| -> Vec<(i64, i64)> {
        let of = coverage.iter().filter(|row| row["query"] == query);
        of.map(|row| (number(row, "expected"), number(row, "seen"))).collect()
    };
    for query in ["pods", "nodes", "kubelets", "homes", "volumes", "hubs"] {
        assert_eq!(seen(query), [(60, 60); 3], "{query}");
    }
}

#[tokio::test]
async fn any_tiling_of_windows_stores_the_same_rows() {
    let bench = Bench::new();
    let (whole, tiled) = (bench.store("whole").await, bench.store("tiled").await);
    let server = StandIn::start(busy_hours()).await;
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
    for spec in [&POD_USAGE, &NODE_USAGE, &STORAGE_USAGE, &HUB_GAUGES] {
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
