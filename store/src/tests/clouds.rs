//! Against real servers of each kind of object store, where they are given, as `make test` does: S3 by
//! `HUBTALLY_TEST_S3_ENDPOINT`, `_BUCKET`, `_ACCESS_KEY`, `_SECRET_KEY`; Google Cloud Storage by
//! `HUBTALLY_TEST_GCS_BUCKET`, `_ACCOUNT`; Azure by `HUBTALLY_TEST_AZURE_CONTAINER` and `AZURITE_BLOB_STORAGE_URL`.

use std::collections::BTreeMap;
use std::path::Path;

use hubtally_schemas::tables::POD_USAGE;

use super::support::*;
use crate::{CommitOutcome, PutOutcome, SealLimits, SourceWriter, Store, StoreConfig, seal};

#[derive(Debug, Clone, Copy)]
enum Kind {
    S3,
    Gcs,
    Azure,
}

/// Runs each test on a kind of store.
macro_rules! on {
    ($module:ident, $kind:ident) => {
        mod $module {
            use super::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sixteen_tasks_create_fifty_keys_and_each_has_one_winner() {
                super::sixteen_tasks_create_fifty_keys_and_each_has_one_winner(Kind::$kind).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn l2_workers_lose_and_double_nothing() {
                super::l2_workers_lose_and_double_nothing(Kind::$kind).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_store_comes_back_with_its_documents() {
                super::a_store_comes_back_with_its_documents(Kind::$kind).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn objects_are_listed_replaced_never_and_removed() {
                super::objects_are_listed_replaced_never_and_removed(Kind::$kind).await;
            }
        }
    };
}

on!(s3, S3);
on!(gcs, Gcs);
on!(azure, Azure);

#[expect(clippy::disallowed_methods, reason = "tests learn from the environment where their servers are")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A folder of its own in the test bucket, or `None` where there is no server.
fn server(kind: Kind, test: &str, keys: &Path) -> Option<StoreConfig> {
    let (scheme, names): (&str, &[(&str, &str)]) = match kind {
        Kind::S3 => (
            "s3",
            &[
                ("", "HUBTALLY_TEST_S3_BUCKET"),
                ("aws_endpoint", "HUBTALLY_TEST_S3_ENDPOINT"),
                ("aws_access_key_id", "HUBTALLY_TEST_S3_ACCESS_KEY"),
                ("aws_secret_access_key", "HUBTALLY_TEST_S3_SECRET_KEY"),
            ],
        ),
        Kind::Gcs => (
            "gs",
            &[("", "HUBTALLY_TEST_GCS_BUCKET"), ("google_service_account", "HUBTALLY_TEST_GCS_ACCOUNT")],
        ),
        Kind::Azure => ("az", &[("", "HUBTALLY_TEST_AZURE_CONTAINER")]),
    };
    let mut options = BTreeMap::new();
    for (option, name) in names {
        let Some(value) = variable(name) else {
            let required = variable("CI_REQUIRE_SERVERS").as_deref() == Some("1");
            assert!(!required, "CI_REQUIRE_SERVERS=1 and {name} is not set");
            println!("skipped: no server of the kind {kind:?}, {name} is not set (make test starts one)");
            return None;
        };
        options.insert((*option).to_owned(), value);
    }
    let bucket = options.remove("")?;
    let fixed: &[(&str, &str)] = match kind {
        Kind::S3 => &[("aws_region", "us-east-1"), ("aws_allow_http", "true")],
        Kind::Gcs => &[("allow_http", "true")],
        Kind::Azure => &[("azure_storage_use_emulator", "true"), ("allow_http", "true")],
    };
    options.extend(fixed.iter().map(|(option, value)| ((*option).to_owned(), (*value).to_owned())));
    let url = format!("{scheme}://{bucket}/{test}-{}", crate::mark::random_name());
    Some(StoreConfig { url, options, keys: keys.to_owned() })
}

async fn sixteen_tasks_create_fifty_keys_and_each_has_one_winner(kind: Kind) {
    let keys = tempfile::tempdir().unwrap();
    let Some(config) = server(kind, "race", keys.path()) else { return };
    let store = Store::create(&config).await.unwrap();
    // A marker keeps the folder from being empty, which some servers answer with a 409.
    store.put_if_absent("race/.keep", "x".into()).await.unwrap();
    for key in 0..50 {
        let path = format!("race/{key}");
        let tasks = (0..16).map(|task| {
            let (store, path) = (store.clone(), path.clone());
            tokio::spawn(
                async move { store.put_if_absent(&path, format!("task {task}").into()).await.unwrap() },
            )
        });
        let outcomes = futures::future::try_join_all(tasks).await.unwrap();
        let stands = store.get(&path).await.unwrap().unwrap();
        let winners: Vec<usize> = outcomes
            .iter()
            .enumerate()
            .filter(|(_, outcome)| {
                matches!(outcome, PutOutcome::Created | PutOutcome::AlreadyThere { same_bytes: true })
            })
            .map(|(task, _)| task)
            .collect();
        assert_eq!(winners.len(), 1, "{path} has winners {winners:?}");
        assert_eq!(stands, format!("task {}", winners[0]), "{path}");
    }
}

async fn l2_workers_lose_and_double_nothing(kind: Kind) {
    let keys = tempfile::tempdir().unwrap();
    let Some(config) = server(kind, "workers", keys.path()) else { return };
    let store = Store::create(&config).await.unwrap();
    let workers = (0..4_i64).map(|worker| {
        let config = config.clone();
        tokio::spawn(async move {
            let store = Store::open(&config).await.unwrap();
            let source = format!("file/{}", worker % 2);
            loop {
                let tables = crate::OpenTables::open_specs(&store, FEW).await.unwrap();
                let mut writer = SourceWriter::open_with(&tables, &source).await.unwrap();
                let from = writer.position();
                if from >= 20 {
                    return;
                }
                writer.commit(batch(&source, from, (from + 4 + worker).min(20))).await.unwrap();
            }
        })
    });
    futures::future::try_join_all(workers).await.unwrap();
    let sealed = seal(&store, &POD_USAGE, JUNE_TEXT.parse().unwrap(), &SealLimits::default()).await.unwrap();
    assert_eq!(sealed.rows_after, 40);
    for source in ["file/0", "file/1"] {
        for spec in FEW {
            assert_eq!(positions_in(&store, spec, source).await, (1..=20).collect::<Vec<i64>>());
        }
    }
}

async fn a_store_comes_back_with_its_documents(kind: Kind) {
    let keys = tempfile::tempdir().unwrap();
    let Some(config) = server(kind, "documents", keys.path()) else { return };
    let store = Store::create(&config).await.unwrap();
    let sha256 = store.put_config("policy", b"{}").await.unwrap();
    let mut writer = SourceWriter::open(&store, "file/a").await.unwrap();
    assert_eq!(writer.commit(batch("file/a", 0, 8)).await.unwrap(), CommitOutcome::Done);
    let again = Store::open(&config).await.unwrap();
    assert_eq!(again.config_head("policy").await.unwrap(), Some((1, sha256)));
    assert_eq!(SourceWriter::open(&again, "file/a").await.unwrap().position(), 8);
    assert_eq!(Store::create(&config).await.unwrap().url(), again.url());
}

async fn objects_are_listed_replaced_never_and_removed(kind: Kind) {
    let keys = tempfile::tempdir().unwrap();
    let Some(config) = server(kind, "objects", keys.path()) else { return };
    let store = Store::create(&config).await.unwrap();
    let paths: Vec<String> = (0..30).map(|n| format!("documents/a b/{n:06}.json")).collect();
    for path in &paths {
        assert_eq!(store.put_if_absent(path, "first".into()).await.unwrap(), PutOutcome::Created);
        let again = store.put_if_absent(path, "second".into()).await.unwrap();
        assert_eq!(again, PutOutcome::AlreadyThere { same_bytes: false });
        assert_eq!(store.get(path).await.unwrap().unwrap(), "first");
    }
    assert_eq!(store.list("documents/a b").await.unwrap(), paths);
    assert!(store.get("documents/nothing").await.unwrap().is_none());
    // Larger than one part, so that it goes up in several.
    let mut upload = store.upload("bills/raw/large");
    for part in 0..5_u8 {
        upload.write(vec![part; 5 << 20].into()).await.unwrap();
    }
    upload.finish().await.unwrap();
    let large = store.get("bills/raw/large").await.unwrap().unwrap();
    assert_eq!((large.len(), large[0], large[large.len() - 1]), (25 << 20, 0, 4));
    let race = store.race(6, 8).await.unwrap();
    assert_eq!((race.lost, race.stored_at.is_some()), (0, true), "{race:?}");
    assert!(store.list("_probe").await.unwrap().is_empty(), "what the race made is gone");
}
