//! The mark, keys and configuration documents.

use std::sync::Arc;

use hubtally_schemas::tables::TABLES;
use object_store::memory::InMemory;

use super::support::*;
use crate::{Location, PutOutcome, Store, StoreError};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_made_once_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = local(folder.path());
    assert!(matches!(Store::open(&config).await, Err(StoreError::NotAStore { .. })));
    let made = Store::create(&config).await.unwrap();
    let again = Store::create(&config).await.unwrap();
    let opened = Store::open(&config).await.unwrap();
    assert_eq!(made.url(), again.url());
    for spec in TABLES {
        assert_eq!(opened.table(spec).await.unwrap().version(), 0, "{}", spec.name);
    }
    assert!(opened.table_url("charges").ends_with("a%20store/tables/charges"));
    assert!(opened.list("").await.unwrap().iter().all(|path| !path.starts_with("_probe")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_or_lost_keys_and_newer_formats_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = local(folder.path());
    Store::create(&config).await.unwrap();

    let mut lost = config.clone();
    lost.keys = folder.path().join("nowhere");
    assert!(matches!(Store::open(&lost).await, Err(StoreError::ForeignKeys { .. })));
    assert!(matches!(Store::create(&lost).await, Err(StoreError::ForeignKeys { .. })));

    let mark = folder.path().join("a store/hubtally-store.json");
    let text = std::fs::read_to_string(&mark).unwrap().replace("\"format\": 1", "\"format\": 2");
    std::fs::write(&mark, text).unwrap();
    assert!(matches!(Store::open(&config).await, Err(StoreError::NewerFormat { found: 2, .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_overwrites_is_refused() {
    let keys = tempfile::tempdir().unwrap();
    let memory = Arc::new(InMemory::new());
    let broken = Arc::new(Overwriting(memory.clone()));
    let location = Location::with_client(broken.clone(), memory_url()).unwrap();
    let refused = Store::create_at(location, keys.path()).await;
    assert!(matches!(refused, Err(StoreError::ConditionalPut { .. })), "{refused:?}");

    // The same server in front of a store that was made elsewhere.
    let location = Location::with_client(memory.clone(), memory_url()).unwrap();
    Store::create_at(location, keys.path()).await.unwrap();
    let location = Location::with_client(broken, memory_url()).unwrap();
    let refused = Store::open_at(location, keys.path()).await;
    assert!(matches!(refused, Err(StoreError::ConditionalPut { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_moves_only_with_the_document() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    assert_eq!(store.config_head("policy").await.unwrap(), None);
    let one = store.put_config("policy", b"{\"a\":1}").await.unwrap();
    assert_eq!(store.config_head("policy").await.unwrap(), Some((1, one.clone())));
    assert_eq!(store.put_config("policy", b"{\"a\":1}").await.unwrap(), one);
    assert_eq!(store.config_head("policy").await.unwrap(), Some((1, one.clone())));
    let two = store.put_config("policy", b"{\"a\":2}").await.unwrap();
    assert_eq!(store.config_head("policy").await.unwrap(), Some((2, two)));
    // Back to the first: a new head, the same document.
    store.put_config("policy", b"{\"a\":1}").await.unwrap();
    assert_eq!(store.config_head("policy").await.unwrap(), Some((3, one)));
    assert_eq!(store.config_head("registry").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_refusal_what_stands_there_is_read() {
    let keys = tempfile::tempdir().unwrap();
    let (store, memory) = memory_store(keys.path()).await;
    assert_eq!(store.put_if_absent("x/1", "a".into()).await.unwrap(), PutOutcome::Created);
    let same = PutOutcome::AlreadyThere { same_bytes: true };
    assert_eq!(store.put_if_absent("x/1", "a".into()).await.unwrap(), same);
    let other = PutOutcome::AlreadyThere { same_bytes: false };
    assert_eq!(store.put_if_absent("x/1", "b".into()).await.unwrap(), other);
    assert_eq!(store.get("x/2").await.unwrap(), None);
    assert_eq!(store.list("x").await.unwrap(), ["x/1"]);

    // On a failing store the answer is never wrong: ours, or an error.
    for seed in 0..300 {
        let faulty = Faulty::new(Arc::new(memory.fork()), seed, 400);
        let objects: Arc<dyn object_store::ObjectStore> = faulty.clone();
        let put = crate::objects::put_if_absent(&objects, "y", "mine".into()).await;
        faulty.heal();
        let there = crate::objects::get(&objects, "y").await.unwrap();
        match put {
            Ok(PutOutcome::Created | PutOutcome::AlreadyThere { same_bytes: true }) => {
                assert_eq!(there.as_deref(), Some(&b"mine"[..]), "seed {seed}");
            }
            Ok(PutOutcome::AlreadyThere { same_bytes: false }) => panic!("seed {seed}: nobody else wrote"),
            Err(StoreError::Put { path, .. }) => assert_eq!(path, "y"),
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
}
