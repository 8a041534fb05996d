//! Law L2: a record is counted exactly once.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use hubtally_schemas::tables::{POD_USAGE, REJECTS, USERS};
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;

use super::*;
use crate::files::inputs::{Input, Place};
use crate::files::run::Run;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_twice_under_any_name_changes_nothing() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let text = lines(200).join("\n");
    let (first, second) = (bench.write("a.ndjson", &text), bench.write("b/renamed.jsonl", &text));
    let report = ingest(&store, &[&first, &second], &options()).await;
    assert_eq!((report.total.files, report.total.counts.records, report.total.already_read), (2, 200, 200));
    assert_eq!(report.files[0].source, report.files[1].source);
    let pods = rows(&store, &POD_USAGE).await;
    assert_eq!(pods.len() as u64, report.total.counts.rows["pod_usage"]);
    let version = store.table(&POD_USAGE).await.unwrap().version();

    let folder = bench.path("b").display().to_string();
    let again = ingest(&store, &[&first, &folder], &options()).await;
    assert_eq!((again.total.counts.records, again.total.already_read), (0, 400));
    assert_eq!(store.table(&POD_USAGE).await.unwrap().version(), version);
    assert_eq!(rows(&store, &POD_USAGE).await, pods);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packed_in_any_way_the_rows_are_the_same() {
    let bench = Bench::new();
    let text = lines(100).join("\r\n");
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap();
    for (name, bytes) in
        [("a.ndjson.gz", gzip(text.as_bytes())), ("a.ndjson.zst", zstd), ("a.ndjson", text.into())]
    {
        let store = bench.store(&format!("store of {name}")).await;
        let file = bench.write(name, bytes);
        let report = ingest(&store, &[&file], &FileOptions { threads: 2, ..small_batches() }).await;
        assert_eq!(report.total.counts.records, 100, "{name}");
        assert!(report.files[0].batches > 5, "{name}");
        assert_eq!(report.total.counts.blank, 14, "{name}");
        assert_eq!(report.total.counts.rejects["invalid_value"].count, 14, "{name}");
        assert_eq!(report.total.counts.rejects["invalid_value"].examples.len(), 5, "{name}");
        for (table, count) in &report.total.counts.rows {
            let spec = hubtally_schemas::tables::by_name(table).unwrap();
            assert_eq!(rows(&store, spec).await.len() as u64, *count, "{name}: {table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_breaks_off_is_finished_by_the_next() {
    let bench = Bench::new();
    let (whole, broken) = (bench.store("whole").await, bench.store("broken").await);
    let file = bench.write("a.ndjson.gz", gzip(lines(150).join("\n").as_bytes()));
    ingest(&whole, &[&file], &small_batches()).await;
    for batches in [1, 2, 3] {
        let watch = BreakAfter::new(batches);
        let paths = [file.clone()];
        let options = small_batches();
        tokio::select! {
            biased;
            () = watch.reached.notified() => {}
            _ = ingest_files(&broken, &paths, &options, &watch) => panic!("was not broken off"),
        }
    }
    let report = ingest(&broken, &[&file], &small_batches()).await;
    assert!(report.files[0].already_read >= 24, "{report:?}");
    assert_eq!(report.files[0].already_read + report.total.counts.records, 150);
    assert_same(&whole, &broken).await;
}

/// Puts a table's log out of reach after the first batch.
struct HideLog(PathBuf, PathBuf);
impl Progress for HideLog {
    fn start(&self, _: &str, _: Option<u64>) {}
    fn advance(&self, _: u64, records: u64) {
        if records > 0 && !self.1.exists() {
            std::fs::rename(&self.0, &self.1).unwrap();
            std::fs::write(&self.0, "in the way").unwrap();
        }
    }
    fn finish(&self) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_between_two_tables_is_caught_up() {
    let bench = Bench::new();
    let (whole, broken) = (bench.store("whole").await, bench.store("broken").await);
    let file = bench.write("a.ndjson", lines(150).join("\n"));
    ingest(&whole, &[&file], &small_batches()).await;
    // `rejects` and `users` commit before `pod_usage`, whose log is out of reach now.
    let log = bench.path("broken/tables/pod_usage/_delta_log");
    let aside = bench.path("aside");
    let paths = [file.clone()];
    let before = (rows(&broken, &REJECTS).await.len(), rows(&broken, &POD_USAGE).await.len());
    let hide = HideLog(log.clone(), aside.clone());
    let failed = ingest_files(&broken, &paths, &small_batches(), &hide).await;
    let message = failed.unwrap_err().to_string();
    assert!(message.contains("committing lines"), "{message}");
    std::fs::remove_file(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    assert!(rows(&broken, &REJECTS).await.len() > before.0, "the first table was ahead");

    ingest(&broken, &[&file], &small_batches()).await;
    assert_same(&whole, &broken).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_at_once_on_one_file_read_it_once() {
    let bench = Bench::new();
    let (whole, shared) = (bench.store("whole").await, bench.store("shared").await);
    let file = bench.write("a.ndjson", lines(200).join("\n"));
    ingest(&whole, &[&file], &small_batches()).await;
    let paths = [file.clone()];
    let (one, two) = (small_batches(), FileOptions { batch_rows: 13, ..small_batches() });
    let (one, two) = tokio::join!(
        ingest_files(&shared, &paths, &one, &Silent),
        ingest_files(&shared, &paths, &two, &Silent),
    );
    for report in [one.unwrap(), two.unwrap()] {
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        assert_eq!(report.files[0].already_read + report.total.counts.records, 200, "{report:?}");
    }
    assert_same(&whole, &shared).await;
}

/// Holds a run after its first commit until it is let go.
struct Hold {
    held: Notify,
    go_on: Mutex<Receiver<()>>,
    once: AtomicUsize,
}

impl Progress for Hold {
    fn start(&self, _: &str, _: Option<u64>) {}

    fn advance(&self, _: u64, records: u64) {
        if records > 0 && self.once.fetch_add(1, Ordering::SeqCst) == 0 {
            self.held.notify_one();
            self.go_on.lock().unwrap().recv().unwrap();
        }
    }

    fn finish(&self) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_that_is_overtaken_goes_on_behind_the_other() {
    let bench = Bench::new();
    let (whole, shared) = (bench.store("whole").await, bench.store("shared").await);
    let file = bench.write("a.ndjson", lines(200).join("\n"));
    ingest(&whole, &[&file], &small_batches()).await;

    let (let_go, go_on) = channel();
    let hold = Arc::new(Hold { held: Notify::new(), go_on: Mutex::new(go_on), once: AtomicUsize::new(0) });
    let slow = {
        let (store, file, hold) = (shared.clone(), file.clone(), Arc::clone(&hold));
        tokio::spawn(async move { ingest_files(&store, &[file], &small_batches(), &*hold).await })
    };
    hold.held.notified().await;
    // The other one brings the file some way further, in batches of another size, and breaks off.
    let (watch, paths) = (BreakAfter::new(3), [file.clone()]);
    let options = FileOptions { batch_rows: 13, ..small_batches() };
    tokio::select! {
        biased;
        () = watch.reached.notified() => {}
        _ = ingest_files(&shared, &paths, &options, &watch) => panic!("was not broken off"),
    }
    let_go.send(()).unwrap();
    let report = slow.await.unwrap().unwrap();
    let file = &report.files[0];
    assert!(file.already_read > 0, "{report:?}");
    assert_eq!(file.already_read + file.counts.records, 200, "{report:?}");
    assert_same(&whole, &shared).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_files_are_committed_together() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    for (n, line) in lines(40).chunks(2).enumerate() {
        bench.write(&format!("in/{n:03}.ndjson"), line.join("\n") + "\n");
    }
    let folder = bench.path("in").display().to_string();
    let report = ingest(&store, &[&folder], &options()).await;
    assert_eq!((report.total.files, report.total.counts.records), (20, 40));
    assert!(report.files.windows(2).all(|pair| pair[0].file < pair[1].file));
    assert!(store.table(&POD_USAGE).await.unwrap().version() < 5);
    assert_eq!(rows(&store, &POD_USAGE).await.len() as u64, report.total.counts.rows["pod_usage"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_differ_in_case_get_different_ids_under_real_keys() {
    let bench = Bench::new();
    let store = bench.store("store").await;
    let user = |name: &str| event("pod", &[("/data/user", json!(name)), ("/data/pod_uid", json!(name))]);
    let file = bench.write("a.ndjson", [user("Capital"), user("capital"), user("=cmd()|@x y")].join("\n"));
    ingest(&store, &[&file], &options()).await;
    let people = rows(&store, &USERS).await;
    assert_eq!(people.len(), 3);
    assert!(people.iter().all(|row| !row.contains("apital") && !row.contains("cmd")), "{people:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_read_like_files() {
    let bench = Bench::new();
    let (from_file, from_object) = (bench.store("file").await, bench.store("object").await);
    let packed = gzip(lines(150).join("\n").as_bytes());
    let file = bench.write("a.ndjson.gz", &packed);
    ingest(&from_file, &[&file], &small_batches()).await;

    let memory = InMemory::new();
    let path = object_store::path::Path::from("usage/a.ndjson.gz");
    memory.put(&path, packed.into()).await.unwrap();
    let place = Place::Object { store: Arc::new(memory), path };
    let options = small_batches();
    let mut run = Run::open(&from_object, &options, &Silent, IngestReport::default()).await.unwrap();
    run.read(Input { name: file, place, is_named: true }).await.unwrap();
    let report = run.finish().await.unwrap();
    assert_eq!(report.total.counts.records, 150);
    assert_same(&from_file, &from_object).await;
}
