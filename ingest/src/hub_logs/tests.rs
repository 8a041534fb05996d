//! Law L2 for logs that grow, are rotated, are packed, and are read at once.

use std::collections::BTreeSet;
use std::io::Write as _;

use hubtally_schemas::tables::{HUB_EVENTS, REJECTS};
use hubtally_schemas::{ClusterId, Instant, Namespace};
use hubtally_store::Store;

use super::{HubLogOptions, ingest_hub_logs};
use crate::events::HubLogPlace;
use crate::events::tests::NOW;
use crate::files::IngestReport;
use crate::files::tests::{Bench, gzip, rows};
use crate::progress::Silent;

fn options() -> HubLogOptions {
    let place =
        HubLogPlace { cluster: ClusterId::new("tides").unwrap(), namespace: Namespace::new("reef").unwrap() };
    HubLogOptions::new(place, Instant::parse(NOW).unwrap())
}

/// Batches of a few rows, so that a small log has many.
fn small_batches() -> HubLogOptions {
    let mut options = options();
    options.files.batch_rows = 7;
    options
}

async fn ingest(store: &Store, path: &str, options: &HubLogOptions) -> IngestReport {
    let report = ingest_hub_logs(store, &[path.to_owned()], options, &Silent).await.unwrap();
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    report
}

/// Server actions, and now and then the line of another program.
fn lines(range: std::ops::Range<usize>) -> String {
    range
        .map(|n| {
            if n % 10 == 3 {
                return format!("12:{n:04} [ConfigProxy] info: 200 GET /api/routes\n");
            }
            let action = if n % 2 == 0 { "start" } else { "stop" };
            format!(
                "{{\"__timestamp__\": \"2026-06-01T{:02}:{:02}:07.482113+00:00Z\", \
                 \"__schema__\": \"https://schema.jupyter.org/jupyterhub/events/server-action\", \
                 \"__schema_version__\": \"1\", \"__metadata_version__\": 1, \"action\": \"{action}\", \
                 \"username\": \"user-{}\", \"servername\": \"\"}}\n",
                n / 60,
                n % 60,
                n % 7
            )
        })
        .collect::<Vec<String>>()
        .concat()
}

/// The events and refusals that a store has: how many rows, and how many keys.
async fn held(store: &Store) -> (usize, usize, usize) {
    let events = rows(store, &HUB_EVENTS).await;
    let keys: BTreeSet<&str> = events.iter().map(|row| row.split(" | ").nth(2).unwrap()).collect();
    (events.len(), keys.len(), rows(store, &REJECTS).await.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_grows_is_read_on_and_its_unfinished_line_waits() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let all = lines(0..40);
    for end in [1, 200, 201, 2_000, all.len() - 30, all.len()] {
        let path = bench.write("events.log", &all[..end]);
        let report = ingest(&store, &path, &options()).await;
        let whole = all[..end].matches('\n').count() as u64;
        let counted = report.files[0].already_read + report.total.counts.records;
        // A line that only lacks its line end is whole.
        let lacks_its_end = all[..end].ends_with('}');
        assert_eq!(counted, whole + u64::from(lacks_its_end), "after {end} bytes");
        assert_eq!(report.files[0].unfinished_bytes.is_some(), !all[..end].ends_with(['\n', '}']), "{end}");
    }
    assert_eq!(held(&store).await, (36, 36, 4));
    let path = bench.path("events.log").display().to_string();
    let again = ingest(&store, &path, &options()).await;
    assert_eq!((again.total.counts.records, again.total.already_read), (0, 40));
    assert_eq!(held(&store).await, (36, 36, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_rotated_and_packed_is_known_again() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    bench.write("logs/events.log", lines(0..25));
    let folder = bench.path("logs").display().to_string();
    ingest(&store, &folder, &small_batches()).await;
    // Ten lines more, then renamed; the new one begins.
    bench.write("logs/events.log.1", lines(0..35));
    bench.write("logs/events.log", lines(35..50));
    let second = ingest(&store, &folder, &small_batches()).await;
    assert_eq!((second.total.already_read, second.total.counts.records), (25, 25), "{second:?}");
    // Packed, renamed again, and a copy beside it under another name.
    bench.write("logs/events.log.2.gz", gzip(lines(0..35).as_bytes()));
    bench.write("logs/events.log.1", lines(35..50));
    bench.write("logs/copy.log", lines(0..35));
    bench.write("logs/events.log", lines(50..60));
    let third = ingest(&store, &folder, &small_batches()).await;
    assert_eq!((third.total.already_read, third.total.counts.records), (85, 10), "{third:?}");
    assert_eq!(held(&store).await, (54, 54, 6));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l2_two_at_once_on_a_growing_log_neither_lose_nor_double() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    for round in 0..6 {
        let path = bench.write("events.log", lines(0..20 + round * 30));
        let options = small_batches();
        futures::future::join_all((0..3).map(|_| ingest(&store, &path, &options))).await;
        let lines = 20 + round * 30;
        assert_eq!(held(&store).await, (lines * 9 / 10, lines * 9 / 10, lines / 10), "{lines} lines");
    }
    assert_eq!(held(&store).await, (153, 153, 17));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_that_only_begin_alike_are_told_apart() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    // The first line and some more are the same, as after a start of the same program.
    let banner = "Running JupyterHub version 5.5.4\n";
    let first = bench.write("a.log", format!("{banner}{}", lines(0..20)));
    let second = bench.write("b.log", format!("{banner}{}{}", lines(0..5), lines(100..150)));
    let short = bench.write("c.log", format!("{banner}{}", lines(0..5)));
    for path in [&first, &second, &short, &first, &second] {
        ingest(&store, path, &small_batches()).await;
    }
    let events: BTreeSet<String> = rows(&store, &HUB_EVENTS)
        .await
        .iter()
        .map(|row| row.split(" | ").nth(2).unwrap().to_owned())
        .collect();
    assert_eq!(events.len(), 18 + 45, "every line of both, and what both hold once");
    let again = ingest(&store, &second, &small_batches()).await;
    assert_eq!(again.total.counts.records, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identical_lines_of_one_day_are_so_many_events_in_whatever_file() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let launch = "{\"timestamp\": \"2026-06-01T09:15:00Z\", \"schema\": \"binderhub.jupyter.org/launch\", \"version\": 6, \"provider\": \"GitHub\", \"spec\": \"coast/tides/HEAD\", \"status\": \"success\"}\n";
    let path = bench.write("events-2026-06-01.jsonl", launch.repeat(3));
    ingest(&store, &path, &options()).await;
    assert_eq!(held(&store).await, (3, 3, 0));
    // The same day, published again with a line before it: another log, the same events.
    let path = bench.write("again.jsonl", format!("{}{}", lines(0..1), launch.repeat(3)));
    ingest(&store, &path, &options()).await;
    assert_eq!(held(&store).await.1, 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packed_log_that_is_cut_off_is_read_as_far_as_it_goes_and_read_on_when_it_is_whole() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(lines(0..40).as_bytes()).unwrap();
    let whole = packed.finish().unwrap();
    let path = bench.write("events.log.1.gz", &whole[..whole.len() / 2]);
    let report = ingest(&store, &path, &options()).await;
    assert!(report.files[0].truncated.is_some() && !report.is_clean(), "{report:?}");
    let read = report.total.counts.records;
    assert!((10..30).contains(&read), "{read}");
    let path = bench.write("events.log.1.gz", &whole);
    let report = ingest(&store, &path, &options()).await;
    assert_eq!((report.total.already_read, report.total.counts.records), (read, 40 - read));
    assert_eq!(held(&store).await, (36, 36, 4));
}
