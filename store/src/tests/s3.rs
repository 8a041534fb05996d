//! Against a real S3-compatible server, where one is given:
//! `HUBTALLY_TEST_S3_ENDPOINT`, `_BUCKET`, `_ACCESS_KEY`, `_SECRET_KEY`.

use std::collections::BTreeMap;

use hubtally_schemas::tables::POD_USAGE;

use super::support::*;
use crate::{CommitOutcome, PutOutcome, SealLimits, SourceWriter, Store, StoreConfig, seal};

#[expect(clippy::disallowed_methods, reason = "tests learn from the environment where their servers are")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A folder of its own in the test bucket, or `None` where there is no server.
fn server(test: &str, keys: &std::path::Path) -> Option<StoreConfig> {
    let Some(endpoint) = variable("HUBTALLY_TEST_S3_ENDPOINT") else {
        assert!(
            variable("CI_REQUIRE_SERVERS").as_deref() != Some("1"),
            "CI_REQUIRE_SERVERS=1 and HUBTALLY_TEST_S3_ENDPOINT is not set"
        );
        println!("skipped: no S3 server (make test starts one)");
        return None;
    };
    let bucket = variable("HUBTALLY_TEST_S3_BUCKET").expect("HUBTALLY_TEST_S3_BUCKET");
    let options = [
        ("aws_endpoint", endpoint),
        ("aws_access_key_id", variable("HUBTALLY_TEST_S3_ACCESS_KEY").expect("HUBTALLY_TEST_S3_ACCESS_KEY")),
        (
            "aws_secret_access_key",
            variable("HUBTALLY_TEST_S3_SECRET_KEY").expect("HUBTALLY_TEST_S3_SECRET_KEY"),
        ),
        ("aws_region", "us-east-1".to_owned()),
        ("aws_allow_http", "true".to_owned()),
    ];
    Some(StoreConfig {
        url: format!("s3://{bucket}/{test}-{}", crate::mark::random_name()),
        options: options.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<BTreeMap<_, _>>(),
        keys: keys.to_owned(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_sixteen_tasks_create_fifty_keys_and_each_has_one_winner() {
    let keys = tempfile::tempdir().unwrap();
    let Some(config) = server("race", keys.path()) else { return };
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_l2_workers_lose_and_double_nothing() {
    let keys = tempfile::tempdir().unwrap();
    let Some(config) = server("workers", keys.path()) else { return };
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_a_store_comes_back_with_its_documents() {
    let keys = tempfile::tempdir().unwrap();
    let Some(config) = server("documents", keys.path()) else { return };
    let store = Store::create(&config).await.unwrap();
    let sha256 = store.put_config("policy", b"{}").await.unwrap();
    let mut writer = SourceWriter::open(&store, "file/a").await.unwrap();
    assert_eq!(writer.commit(batch("file/a", 0, 8)).await.unwrap(), CommitOutcome::Done);
    let again = Store::open(&config).await.unwrap();
    assert_eq!(again.config_head("policy").await.unwrap(), Some((1, sha256)));
    assert_eq!(SourceWriter::open(&again, "file/a").await.unwrap().position(), 8);
    assert_eq!(Store::create(&config).await.unwrap().url(), again.url());
}
