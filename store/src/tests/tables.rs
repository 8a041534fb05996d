//! What tables are in the Delta log, and reading them.

use std::sync::Arc;

use arrow::array::AsArray as _;
use futures::TryStreamExt as _;
use hubtally_schemas::tables::{COVERAGE, POD_USAGE, REJECTS, TABLES, TableSpec};
use object_store::ObjectStoreExt as _;

use super::support::*;
use crate::{
    MaintainOptions, OpenTables, SealLimits, SourceWriter, Store, StoreError, maintain, seal, unsealed_dates,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_of_the_oldest_protocol_and_keep_their_log() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    for spec in TABLES {
        let path = format!("tables/{}/_delta_log/00000000000000000000.json", spec.name);
        let log = String::from_utf8(store.get(&path).await.unwrap().unwrap().to_vec()).unwrap();
        let actions: Vec<serde_json::Value> =
            log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |name: &str| actions.iter().find_map(|action| action.get(name)).unwrap().clone();
        assert_eq!(of("protocol"), serde_json::json!({"minReaderVersion": 1, "minWriterVersion": 2}));
        let configuration = of("metaData")["configuration"].clone();
        assert_eq!(configuration["delta.enableExpiredLogCleanup"], "false");
        assert_eq!(configuration["delta.dataSkippingStatsColumns"], spec.stats.join(","));
        assert_eq!(configuration["delta.checkpointInterval"], "100");
        assert!(configuration.get("delta.setTransactionRetentionDuration").is_none());
        assert_eq!(of("metaData")["partitionColumns"], serde_json::json!(spec.partition));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_gives_the_columns_of_the_spec_or_those_named() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut writer = SourceWriter::open(&store, "file/a").await.unwrap();
    writer.commit(batch("file/a", 0, 5)).await.unwrap();
    let table = store.table(&POD_USAGE).await.unwrap();
    let all = read_all(&table, &[("date", JUNE_TEXT)]).await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0], rows(&POD_USAGE, "file/a", &[1, 2, 3, 4, 5]));
    assert!(read_all(&table, &[("date", "2026-06-02")]).await.is_empty());

    let some = table.read(&[], Some(&["date", "source_position"])).await.unwrap();
    let some: Vec<_> = some.try_collect().await.unwrap();
    assert_eq!(some[0].num_columns(), 2);
    assert_eq!(some[0].column(0).as_primitive::<arrow::datatypes::Date32Type>().value(4), JUNE_DAY);
    let unknown = table.read(&[], Some(&["nothing"])).await;
    assert!(matches!(unknown.err(), Some(StoreError::Rows { .. })));

    let file = &table.files().unwrap()[0];
    assert_eq!((file.rows, file.sealed, file.partition["date"].as_str()), (5, false, JUNE_TEXT));
    assert!(store.get(&file.path).await.unwrap().is_some());
}

/// `coverage` as an older release knew it: without some nullable columns of today, here `query` renamed.
const OLD: TableSpec = TableSpec {
    name: "coverage",
    doc: "An older coverage.",
    columns: &[
        hubtally_schemas::tables::Column { nullable: false, ..COVERAGE.columns[0] },
        COVERAGE.columns[2],
        COVERAGE.columns[6],
        COVERAGE.columns[7],
        COVERAGE.columns[8],
    ],
    key: &["cluster", "hour"],
    order: &["cluster", "hour"],
    partition: &["date"],
    stats: &["cluster"],
    fed_by_sources: true,
    sealed: true,
};

/// The same with a column that was added since.
const NEW: TableSpec = TableSpec {
    columns: &[
        OLD.columns[0],
        OLD.columns[1],
        OLD.columns[2],
        OLD.columns[3],
        OLD.columns[4],
        hubtally_schemas::tables::Column {
            name: "note",
            kind: hubtally_schemas::tables::ColumnType::Text,
            nullable: true,
            doc: "Added later.",
        },
    ],
    ..OLD
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_release_reads_old_files_and_widens_the_table() {
    static OLD_TABLE: TableSpec = OLD;
    static NEW_TABLE: TableSpec = NEW;
    let keys = tempfile::tempdir().unwrap();
    let (store, memory) = memory_store(keys.path()).await;
    // The table as an older release made it.
    for path in store.list("tables/coverage").await.unwrap() {
        memory.delete(&object_store::path::Path::from(format!("store/{path}"))).await.unwrap();
    }
    let old = OpenTables::open_specs(&store, &[&OLD_TABLE]).await.unwrap();
    let batch = |spec: &'static TableSpec, from: i64, to: i64| {
        let positions: Vec<i64> = (from + 1..=to).collect();
        crate::SourceBatch { from, to, rows: [("coverage", vec![rows(spec, "file/a", &positions)])].into() }
    };
    old.commit(vec![("file/a".to_owned(), batch(&OLD_TABLE, 0, 3))]).await.unwrap();

    // The newer one reads the old file before the table is widened, and after.
    let table = store.table(&NEW_TABLE).await.unwrap();
    let before = read_all(&table, &[]).await;
    assert_eq!(texts(&before[0], "note"), [None, None, None]);
    let new = OpenTables::open_specs(&store, &[&NEW_TABLE]).await.unwrap();
    new.commit(vec![("file/a".to_owned(), batch(&NEW_TABLE, 3, 5))]).await.unwrap();
    let table = store.table(&NEW_TABLE).await.unwrap();
    let after: Vec<Option<String>> =
        read_all(&table, &[]).await.iter().flat_map(|batch| texts(batch, "note")).collect();
    assert_eq!(after.iter().flatten().count(), 2);
    assert_eq!(after.len(), 5);
    let sealed = seal(&store, &NEW_TABLE, JUNE_TEXT.parse().unwrap(), &SealLimits::default()).await.unwrap();
    assert_eq!(sealed.rows_after, 5);
    let table = store.table(&NEW_TABLE).await.unwrap();
    let after: Vec<Option<String>> =
        read_all(&table, &[]).await.iter().flat_map(|batch| texts(batch, "note")).collect();
    assert_eq!((after.len(), after.iter().flatten().count()), (5, 2));

    // The older one, still running, meets the widened table: it starts again from the position, and
    // goes on with NULL in what it does not know.
    let met = old.commit(vec![("file/a".to_owned(), batch(&OLD_TABLE, 3, 6))]).await.unwrap();
    assert_eq!(met, [crate::CommitOutcome::Rival]);
    let old = OpenTables::open_specs(&store, &[&OLD_TABLE]).await.unwrap();
    old.commit(vec![("file/a".to_owned(), batch(&OLD_TABLE, 5, 6))]).await.unwrap();
    assert_eq!(positions_in(&store, &NEW_TABLE, "file/a").await, [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tags_and_positions_live_on_in_a_checkpoint() {
    let keys = tempfile::tempdir().unwrap();
    let (store, memory) = memory_store(keys.path()).await;
    let mut writer = SourceWriter::open(&store, "file/a").await.unwrap();
    writer.commit(batch("file/a", 0, 5)).await.unwrap();
    let options = MaintainOptions { before: None, limits: SealLimits::default(), expiry: None };
    let report = maintain(&store, &options, &|_| {}).await.unwrap();
    assert_eq!(report.sealed["pod_usage"].len(), 1);
    let version = report.checkpoints["pod_usage"];
    assert!(maintain(&store, &options, &|_| {}).await.unwrap().sealed.is_empty());

    // Without the entries before it, everything must come from the checkpoint.
    for spec in [&POD_USAGE, &REJECTS] {
        let last = store.table(spec).await.unwrap().version();
        for old in 0..=last.min(report.checkpoints[spec.name] - 1) {
            let path = format!("store/tables/{}/_delta_log/{old:020}.json", spec.name);
            memory.delete(&object_store::path::Path::from(path)).await.unwrap();
        }
    }
    let table = store.table(&POD_USAGE).await.unwrap();
    assert_eq!(table.version(), version);
    let files = table.files().unwrap();
    assert!(files.iter().all(|file| file.sealed), "{files:?}");
    assert_eq!(table.row_count().unwrap(), 5);
    assert_eq!(table.position("file/a").await.unwrap(), Some(5));
    let tables = OpenTables::open_specs(&store, &[&REJECTS, &POD_USAGE]).await.unwrap();
    assert_eq!(tables.position("file/a").await.unwrap(), 5);
    assert!(unsealed_dates(&store, &POD_USAGE).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_shows_nothing_half() {
    let keys = tempfile::tempdir().unwrap();
    let (_, memory) = memory_store(keys.path()).await;
    let faulty = Faulty::full(memory);
    let location = crate::Location::with_client(faulty.clone(), memory_url()).unwrap();
    let store = Store::open_at(location, keys.path()).await.unwrap();
    let mut writer = SourceWriter::open(&store, "file/a").await.unwrap();
    faulty.pause(false);
    let error = writer.commit(batch("file/a", 0, 5)).await.unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(error.to_string().contains("tables/"), "{error}");
    assert!(cause.contains("No space left"), "{cause}");
    faulty.pause(true);
    assert_eq!(store.table(&POD_USAGE).await.unwrap().row_count().unwrap(), 0);
    assert_eq!(writer.commit(batch("file/a", 0, 5)).await.unwrap(), crate::CommitOutcome::Done);
    assert_eq!(positions_in(&store, &POD_USAGE, "file/a").await, [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_finds_the_disk_full_leaves_nothing_there() {
    let folder = tempfile::tempdir().unwrap();
    let local = Arc::new(object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let faulty = Faulty::full(local);
    let large = bytes::Bytes::from(vec![7_u8; 45 << 20]);
    crate::data_file::put(faulty.clone(), "whole", large.clone()).await.unwrap();
    assert_eq!(std::fs::read(folder.path().join("whole")).unwrap(), large);
    faulty.pause(false);
    let error = crate::data_file::put(faulty, "half", large).await.unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the whole one is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_commits_than_a_checkpoint_interval_lose_no_position() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let tables = OpenTables::open_specs(&store, &[&REJECTS]).await.unwrap();
    for i in 0..230_i64 {
        let rows = [(REJECTS.name, vec![rows(&REJECTS, "file/a", &[i + 1])])].into();
        let batch = crate::SourceBatch { from: i, to: i + 1, rows };
        tables.commit(vec![("file/a".to_owned(), batch)]).await.unwrap();
        if i == 50 {
            let batch = crate::SourceBatch { from: 0, to: 9, rows: std::collections::BTreeMap::new() };
            tables.commit(vec![("file/early".to_owned(), batch)]).await.unwrap();
        }
    }
    let fresh = OpenTables::open_specs(&store, &[&REJECTS]).await.unwrap();
    assert_eq!(fresh.position("file/a").await.unwrap(), 230);
    assert_eq!(fresh.position("file/early").await.unwrap(), 9);
    assert_eq!(positions_in(&store, &REJECTS, "file/a").await, (1..=230).collect::<Vec<i64>>());
    let log = store.list("tables/rejects/_delta_log").await.unwrap();
    assert!(log.iter().any(|path| path.contains("checkpoint")), "{log:?}");
}
