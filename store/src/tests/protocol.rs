//! Law L2: a source record is counted once, whatever crashes, restarts, or runs twice.

use hubtally_schemas::tables::{POD_USAGE, REJECTS, USERS};

use super::support::*;
use crate::{CommitOutcome, OpenTables, SealLimits, SourceBatch, SourceWriter, StoreError, seal};

const SOURCE: &str = "file/abc";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_a_batch_comes_back_and_a_second_reading_changes_nothing() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut writer = SourceWriter::open(&store, SOURCE).await.unwrap();
    assert_eq!(writer.position(), 0);
    assert_eq!(writer.commit(batch(SOURCE, 0, 10)).await.unwrap(), CommitOutcome::Done);
    assert_eq!(writer.commit(batch(SOURCE, 10, 25)).await.unwrap(), CommitOutcome::Done);
    assert_eq!(writer.position(), 25);

    let mut again = SourceWriter::open(&store, SOURCE).await.unwrap();
    assert_eq!(again.position(), 25);
    assert_eq!(again.commit(batch(SOURCE, 0, 10)).await.unwrap(), CommitOutcome::AlreadyDone);
    assert_eq!(again.commit(batch(SOURCE, 0, 25)).await.unwrap(), CommitOutcome::AlreadyDone);
    for spec in FEW {
        assert_eq!(positions_in(&store, spec, SOURCE).await, (1..=25).collect::<Vec<i64>>(), "{}", spec.name);
        let table = store.table(spec).await.unwrap();
        assert_eq!(table.position(SOURCE).await.unwrap(), Some(25));
        assert_eq!(table.row_count().unwrap(), 25);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_a_batch_without_rows_moves_every_position() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut writer = SourceWriter::open(&store, SOURCE).await.unwrap();
    let empty = SourceBatch { from: 0, to: 7, ..SourceBatch::default() };
    assert_eq!(writer.commit(empty).await.unwrap(), CommitOutcome::Done);
    assert_eq!(SourceWriter::open(&store, SOURCE).await.unwrap().position(), 7);
    assert_eq!(store.table(&POD_USAGE).await.unwrap().row_count().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_a_gap_and_a_second_worker_are_rivals() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut one = SourceWriter::open(&store, SOURCE).await.unwrap();
    let mut two = SourceWriter::open(&store, SOURCE).await.unwrap();
    assert_eq!(one.commit(batch(SOURCE, 3, 9)).await.unwrap(), CommitOutcome::Rival);
    assert_eq!(one.commit(batch(SOURCE, 0, 10)).await.unwrap(), CommitOutcome::Done);
    // The second worker opened before that commit: its longer batch is refused by the log itself.
    assert_eq!(two.commit(batch(SOURCE, 0, 12)).await.unwrap(), CommitOutcome::Rival);
    assert_eq!(two.position(), 10);
    assert_eq!(two.commit(batch(SOURCE, 10, 12)).await.unwrap(), CommitOutcome::Done);
    // A worker that reads the same records finds them done, not doubled.
    assert_eq!(one.commit(batch(SOURCE, 10, 12)).await.unwrap(), CommitOutcome::Done);
    for spec in FEW {
        assert_eq!(positions_in(&store, spec, SOURCE).await, (1..=12).collect::<Vec<i64>>(), "{}", spec.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_a_crash_between_tables_is_resumed_once() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    // The crash: only `rejects` and `users` took the batch.
    let some = OpenTables::open_specs(&store, &[&REJECTS, &USERS]).await.unwrap();
    let mut crashed = batch(SOURCE, 0, 10);
    crashed.rows.remove(POD_USAGE.name);
    assert_eq!(some.commit(vec![(SOURCE.to_owned(), crashed)]).await.unwrap(), [CommitOutcome::Done]);

    let mut writer = SourceWriter::open(&store, SOURCE).await.unwrap();
    assert_eq!(writer.position(), 0);
    // Resumed with other cuts than before.
    assert_eq!(writer.commit(batch(SOURCE, 0, 4)).await.unwrap(), CommitOutcome::Done);
    assert_eq!(writer.commit(batch(SOURCE, 4, 15)).await.unwrap(), CommitOutcome::Done);
    for spec in FEW {
        assert_eq!(positions_in(&store, spec, SOURCE).await, (1..=15).collect::<Vec<i64>>(), "{}", spec.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_sources_share_a_commit_and_a_rival_leaves_alone() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let ours = OpenTables::open(&store).await.unwrap();
    SourceWriter::open(&store, "file/1").await.unwrap().commit(batch("file/1", 0, 5)).await.unwrap();
    let sources: Vec<String> = (0..20).map(|i| format!("file/{i}")).collect();
    let group = sources.iter().map(|source| (source.clone(), batch(source, 0, 9))).collect();
    let outcomes = ours.commit(group).await.unwrap();
    for (source, outcome) in sources.iter().zip(outcomes) {
        let (expected, rows) =
            if source == "file/1" { (CommitOutcome::Rival, 5) } else { (CommitOutcome::Done, 9) };
        assert_eq!(outcome, expected, "{source}");
        for spec in FEW {
            assert_eq!(
                positions_in(&store, spec, source).await,
                (1..=rows).collect::<Vec<i64>>(),
                "{source}"
            );
        }
    }
    let version = store.table(&POD_USAGE).await.unwrap().version();
    assert!(version <= 3, "20 sources took {version} commits");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_that_others_moved_are_seen_before_anything_is_decided_on_them() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let ours = OpenTables::open(&store).await.unwrap();
    // Another worker finishes file/b; then our own commit of file/a moves our tables past it.
    SourceWriter::open(&store, "file/b").await.unwrap().commit(batch("file/b", 0, 5)).await.unwrap();
    let a = vec![("file/a".to_owned(), batch("file/a", 0, 3))];
    assert_eq!(ours.commit(a).await.unwrap(), [CommitOutcome::Done]);
    assert_eq!(ours.position("file/b").await.unwrap(), 5);
    let b = vec![("file/b".to_owned(), batch("file/b", 0, 5))];
    assert_eq!(ours.commit(b).await.unwrap(), [CommitOutcome::AlreadyDone]);
    assert_eq!(positions_in(&store, &POD_USAGE, "file/b").await, [1, 2, 3, 4, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_meets_a_seal_is_neither_lost_nor_a_rival() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut writer = SourceWriter::open(&store, SOURCE).await.unwrap();
    writer.commit(batch(SOURCE, 0, 10)).await.unwrap();
    let report = seal(&store, &POD_USAGE, JUNE_TEXT.parse().unwrap(), &SealLimits::default()).await.unwrap();
    assert_eq!((report.sealed, report.rows_after), (true, 10));
    assert_eq!(writer.commit(batch(SOURCE, 10, 20)).await.unwrap(), CommitOutcome::Done);
    assert_eq!(positions_in(&store, &POD_USAGE, SOURCE).await, (1..=20).collect::<Vec<i64>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_workers_on_one_local_store_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = local(folder.path());
    let store = crate::Store::create(&config).await.unwrap();
    let workers = (0..4).map(|worker| {
        let store = store.clone();
        tokio::spawn(async move {
            // Two workers a source, each going on from wherever the source stands.
            let source = format!("file/{}", worker % 2);
            let tables = OpenTables::open_specs(&store, FEW).await.unwrap();
            loop {
                let mut writer = SourceWriter::open_with(&tables, &source).await.unwrap();
                let from = writer.position();
                if from >= 30 {
                    return;
                }
                let to = (from + 3 + worker).min(30);
                writer.commit(batch(&source, from, to)).await.unwrap();
                tables.refresh().await.unwrap();
            }
        })
    });
    futures::future::try_join_all(workers).await.unwrap();
    for source in ["file/0", "file/1"] {
        for spec in FEW {
            assert_eq!(positions_in(&store, spec, source).await, (1..=30).collect::<Vec<i64>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_do_not_fit_are_refused_before_anything_is_written() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut writer = SourceWriter::open(&store, SOURCE).await.unwrap();
    let mut wrong = batch(SOURCE, 0, 3);
    wrong.rows.insert(POD_USAGE.name, vec![rows(&USERS, SOURCE, &[1])]);
    assert!(matches!(writer.commit(wrong).await, Err(StoreError::Rows { table: "pod_usage", .. })));
    assert_eq!(writer.position(), 0);
    assert_eq!(store.table(&REJECTS).await.unwrap().version(), 0);
}
