//! Expiry keeps what a close has pinned and what anybody may still read, and stops where anything does not fit.

use std::path::{Path, PathBuf};

use hubtally_schemas::tables::{POD_USAGE, TABLES};
use hubtally_schemas::{Instant, paths};

use super::support::*;
use crate::{
    Expiry, MaintainOptions, MaintainReport, OpenTables, SealLimits, SourceWriter, Store, StoreConfig,
    StoreError, maintain, seal,
};

async fn local_store(folder: &Path) -> Store {
    let url = folder.join("store").display().to_string();
    let config = StoreConfig { url, keys: folder.join("keys"), ..StoreConfig::default() };
    Store::create(&config).await.unwrap()
}

/// The clock so many days ahead: everything that lies there is as old.
fn in_days(days: i64) -> Expiry {
    let now = chrono::DateTime::from(std::fs::metadata("/proc/self/stat").unwrap().modified().unwrap());
    let now: chrono::DateTime<chrono::Utc> = now;
    Expiry { now: Instant(now.timestamp_micros() + days * 86_400_000_000), keep_days: 7 }
}

async fn upkeep(store: &Store, expiry: Expiry) -> Result<MaintainReport, StoreError> {
    let options = MaintainOptions { before: None, limits: SealLimits::default(), expiry: Some(expiry) };
    maintain(store, &options, &|_| {}).await
}

async fn write(store: &Store, from: i64, to: i64) {
    let tables = OpenTables::open_specs(store, FEW).await.unwrap();
    let mut writer = SourceWriter::open_with(&tables, "file/a").await.unwrap();
    for at in from..to {
        writer.commit(batch("file/a", at, at + 1)).await.unwrap();
    }
}

/// The record of a close, as `close` writes it, of the tables as they are.
async fn pin(store: &Store, sequence: u32) -> i64 {
    let mut tables = serde_json::Map::new();
    for spec in TABLES {
        tables.insert(spec.name.to_owned(), store.table(spec).await.unwrap().version().into());
    }
    let record = serde_json::json!({ "period": "2026-06", "sequence": sequence, "tables": tables });
    let path = paths::close_record("2026-06".parse().unwrap(), sequence);
    store.put_if_absent(&path, record.to_string().into()).await.unwrap();
    store.table(&POD_USAGE).await.unwrap().version()
}

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.join("store/tables/pod_usage")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("_delta_log") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "parquet") {
                found.push(path);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_close_has_pinned_stays_readable_and_the_rest_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = local_store(folder.path()).await;
    write(&store, 0, 6).await;
    // Six small files become one sealed: the six are not current any more.
    upkeep(&store, in_days(0)).await.unwrap();
    assert_eq!(data_files(folder.path()).len(), 7, "young files stay");
    let pinned = pin(&store, 1).await;
    write(&store, 6, 9).await;
    pin(&store, 2).await;

    let report = upkeep(&store, in_days(400)).await.unwrap();
    let expired = &report.expired["pod_usage"];
    assert_eq!(expired.files, 6, "{report:?}");
    assert!(expired.log_entries >= 6 && expired.oldest_version <= pinned, "{report:?}");
    let table = store.table(&POD_USAGE).await.unwrap();
    let at = table.at_version(pinned).await.unwrap();
    assert_eq!(read_all(&at, &[]).await.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 6);
    assert!(table.at_version(1).await.is_err(), "what is below the oldest pin is gone");
    assert_eq!(positions_in(&store, &POD_USAGE, "file/a").await, (1..=9).collect::<Vec<i64>>());
    // Workers go on from their positions, and there is nothing more to do.
    write(&store, 9, 11).await;
    assert_eq!(positions_in(&store, &POD_USAGE, "file/a").await, (1..=11).collect::<Vec<i64>>());
    let again = upkeep(&store, in_days(400)).await.unwrap();
    assert!(
        again.expired.get("pod_usage").is_none_or(|expired| expired.oldest_version <= pinned),
        "{again:?}"
    );
    assert!(table.at_version(pinned).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_nobody_committed_go_when_they_are_old() {
    let folder = tempfile::tempdir().unwrap();
    let store = local_store(folder.path()).await;
    write(&store, 0, 2).await;
    let left = folder.path().join("store/tables/pod_usage/date=2026-06-01/part-left-over.parquet");
    std::fs::copy(&data_files(folder.path())[0], &left).unwrap();
    upkeep(&store, in_days(0)).await.unwrap();
    assert!(left.exists(), "it may be on its way into a commit");
    upkeep(&store, in_days(30)).await.unwrap();
    assert!(!left.exists());
    assert_eq!(positions_in(&store, &POD_USAGE, "file/a").await, [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anything_that_does_not_fit_stops_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = local_store(folder.path()).await;
    write(&store, 0, 4).await;
    pin(&store, 1).await;
    upkeep(&store, in_days(0)).await.unwrap();
    let before = data_files(folder.path());
    let refused = async |words: &str| {
        let error = upkeep(&store, in_days(400)).await.unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("nothing was removed"), "{error}");
        assert!(folder.path().join("store/tables/pod_usage/_delta_log/00000000000000000000.json").exists());
    };

    // A record of a newer release, and one that names more than there is.
    let second = folder.path().join("store/periods/2026-06/0002.json");
    std::fs::write(&second, "{\"versions\": 3}").unwrap();
    refused("0002.json cannot be understood").await;
    std::fs::write(&second, "{\"tables\": {\"pod_usage\": 4000}}").unwrap();
    refused("pinned version 4000").await;
    std::fs::write(&second, "{\"tables\": {\"of_the_future\": 1}}").unwrap();
    refused("of_the_future").await;
    std::fs::remove_file(&second).unwrap();

    // A file that a pinned version has is gone.
    let aside = folder.path().join("aside");
    std::fs::rename(&before[0], &aside).unwrap();
    refused("is missing").await;
    std::fs::write(&before[0], "short").unwrap();
    refused("another size").await;
    std::fs::rename(&aside, &before[0]).unwrap();
    upkeep(&store, in_days(400)).await.unwrap();
    assert_eq!(positions_in(&store, &POD_USAGE, "file/a").await, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn l2_sealing_and_expiry_beside_a_writer_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = local_store(folder.path()).await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move { write(&store, 0, 40).await }
    });
    let date = JUNE_TEXT.parse().unwrap();
    let mut sealed = 0;
    while !writer.is_finished() {
        // A seal that meets a commit tries again or gives up; what it had read stays as it was.
        if let Ok(report) = seal(&store, &POD_USAGE, date, &SealLimits::default()).await {
            sealed += u64::from(report.rows_after > 0);
        }
        upkeep(&store, in_days(0)).await.unwrap();
    }
    writer.await.unwrap();
    assert!(sealed > 1, "the writer was alone");
    upkeep(&store, in_days(400)).await.unwrap();
    assert_eq!(positions_in(&store, &POD_USAGE, "file/a").await, (1..=40).collect::<Vec<i64>>());
}
