//! Law L2 on a store that fails on purpose: lost replies, refusals with nothing stored, errors before
//! and after the work. Each seed is one history; a failing one is printed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt as _;
use hubtally_schemas::tables::POD_USAGE;
use object_store::memory::InMemory;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use super::support::*;
use crate::{CommitOutcome, Location, OpenTables, SealLimits, SourceWriter, Store, seal};

const SEEDS: u64 = 240;
const RECORDS: i64 = 24;

/// One worker that starts again after every error, as a process would.
async fn work(store: Store, source: &'static str, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut last = String::new();
    for _ in 0..400 {
        let tables = match OpenTables::open_specs(&store, FEW).await {
            Ok(tables) => tables,
            Err(error) => {
                last = format!("{error:?}");
                continue;
            }
        };
        let Ok(mut writer) = SourceWriter::open_with(&tables, source).await else { continue };
        loop {
            let from = writer.position();
            if from >= RECORDS {
                return;
            }
            let to = (from + 1 + i64::from(random.next_u32() % 9)).min(RECORDS);
            match writer.commit(batch(source, from, to)).await {
                Ok(CommitOutcome::Done | CommitOutcome::AlreadyDone) => {}
                failed => {
                    last = format!("{failed:?}");
                    break;
                }
            }
        }
    }
    panic!("seed {seed}: {source} never came to its end: {last}");
}

async fn one_history(template: &InMemory, keys: &std::path::Path, seed: u64) -> u64 {
    let memory = Arc::new(template.fork());
    let faulty = Faulty::new(memory.clone(), seed, 100);
    let store = loop {
        let location = Location::with_client(faulty.clone(), memory_url()).unwrap();
        if let Ok(store) = Store::open_at(location, keys).await {
            break store;
        }
    };
    let rival = if seed.is_multiple_of(2) { "file/a" } else { "file/c" };
    let workers = [("file/a", seed), ("file/b", seed + 1_000_000), (rival, seed + 2_000_000)];
    let workers = workers.map(|(source, seed)| tokio::spawn(work(store.clone(), source, seed)));
    // A seal in the middle of it may fail; it may not lose a row.
    let _ = seal(&store, &POD_USAGE, JUNE_TEXT.parse().unwrap(), &SealLimits::default()).await;
    futures::future::try_join_all(workers).await.unwrap();
    faulty.heal();

    let location = Location::with_client(memory, memory_url()).unwrap();
    let healed = Store::open_at(location, keys).await.unwrap();
    seal(&healed, &POD_USAGE, JUNE_TEXT.parse().unwrap(), &SealLimits::default()).await.unwrap();
    for source in ["file/a", "file/b", rival] {
        for spec in FEW {
            let found = positions_in(&healed, spec, source).await;
            assert_eq!(found, (1..=RECORDS).collect::<Vec<i64>>(), "seed {seed}, {source} in {}", spec.name);
        }
    }
    faulty.faults.load(Ordering::SeqCst)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_nothing_is_missing_or_doubled_on_a_failing_store() {
    let keys = tempfile::tempdir().unwrap();
    let (_, template) = memory_store(keys.path()).await;
    // Several at a time: each spends most of its time waiting before it tries again.
    let histories = (0..SEEDS).map(|seed| one_history(&template, keys.path(), seed));
    let faults: Vec<u64> = futures::stream::iter(histories).buffer_unordered(8).collect().await;
    let faults: u64 = faults.iter().sum();
    assert!(faults > SEEDS * 5, "only {faults} faults in {SEEDS} histories: nothing was tested");
}
