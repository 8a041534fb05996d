//! Files into a real store: once, whatever crashes, restarts or runs twice (law L2), and nothing
//! vanishes (law L10).

mod damage;
mod once;
mod table;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::TryStreamExt;
use hubtally_schemas::Instant;
use hubtally_schemas::tables::{TABLES, TableSpec};
use hubtally_store::{Store, StoreConfig};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::{FileOptions, IngestReport, ingest_files};
use crate::events::tests::{NOW, event};
use crate::progress::{Progress, Silent};

/// A folder with stores that share their keys, so that their rows can be compared.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) async fn store(&self, name: &str) -> Store {
        let config = StoreConfig {
            url: self.folder.path().join(name).display().to_string(),
            options: BTreeMap::new(),
            keys: self.folder.path().join("keys"),
        };
        Store::create(&config).await.unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }
}

fn options() -> FileOptions {
    FileOptions::new(Instant::parse(NOW).unwrap())
}

/// Batches of a few rows, so that a small file has many.
fn small_batches() -> FileOptions {
    FileOptions { batch_rows: 8, ..options() }
}

async fn ingest(store: &Store, paths: &[&String], options: &FileOptions) -> IngestReport {
    let paths: Vec<String> = paths.iter().map(|path| (*path).clone()).collect();
    ingest_files(store, &paths, options, &Silent).await.unwrap()
}

/// A day's worth of events of all kinds, with some that are refused.
fn lines(count: usize) -> Vec<String> {
    (0..count)
        .map(|n| {
            let uid = json!(format!("pod-{}", n / 4));
            let user = json!(format!("user-{}", n % 5));
            let start = json!(format!("2026-06-01T{:02}:{:02}:00Z", n / 60 % 20, n % 60));
            let end = json!(format!("2026-06-01T{:02}:{:02}:30Z", n / 60 % 20 + n % 2, n % 60));
            let id = ("/id", json!(format!("event-{n}")));
            match n % 7 {
                0 => event("node", &[id, ("/data/start", start), ("/data/end", end)]),
                1 => event("storage", &[id, ("/data/time", start), ("/data/user", user)]),
                2 => event("hub", &[id, ("/data/time", start), ("/data/user", user)]),
                3 => event("pod", &[id, ("/data/pod_uid", uid), ("/data/role", json!("robot"))]),
                4 => String::new(),
                _ => event(
                    "pod",
                    &[
                        id,
                        ("/data/pod_uid", uid),
                        ("/data/user", user),
                        ("/data/start", start),
                        ("/data/end", end),
                    ],
                ),
            }
        })
        .collect()
}

pub(crate) fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

/// Every row of a table as text, sorted; `recorded_at` and the like follow from `now`.
pub(crate) async fn rows(store: &Store, table: &'static TableSpec) -> Vec<String> {
    let table = store.table(table).await.unwrap();
    let batches: Vec<RecordBatch> = table.read(&[], None).await.unwrap().try_collect().await.unwrap();
    let options = FormatOptions::default().with_null("∅");
    let mut rows = Vec::new();
    for batch in &batches {
        let columns: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
            rows.push(values.join(" | "));
        }
    }
    rows.sort();
    rows
}

/// Two stores hold the same rows in every table that files feed. People may stand in more than one
/// row, since each run that meets them says so; they are compared as a set.
async fn assert_same(left: &Store, right: &Store) {
    for table in TABLES.iter().filter(|table| table.fed_by_sources) {
        let (mut left, mut right) = (rows(left, table).await, rows(right, table).await);
        if table.name == "users" {
            let person = |row: &String| row.split(" | ").take(4).collect::<Vec<_>>().join(" | ");
            left = left.iter().map(person).collect();
            right = right.iter().map(person).collect();
            left.dedup();
            right.dedup();
        }
        assert_eq!(left, right, "{}", table.name);
    }
}

/// Breaks a run off once so many batches are committed.
struct BreakAfter {
    batches: usize,
    seen: AtomicUsize,
    reached: Notify,
}

impl BreakAfter {
    fn new(batches: usize) -> Self {
        Self { batches, seen: AtomicUsize::new(0), reached: Notify::new() }
    }
}

impl Progress for BreakAfter {
    fn start(&self, _what: &str, _total_bytes: Option<u64>) {}

    fn advance(&self, _bytes: u64, records: u64) {
        if records > 0 && self.seen.fetch_add(1, Ordering::SeqCst) + 1 == self.batches {
            self.reached.notify_one();
        }
    }

    fn finish(&self) {}
}
