//! Two loads at the same moment, and loads that break off: law L2 for bills.

use std::sync::Arc;

use futures::TryStreamExt as _;
use hubtally_rules::RegistryView;
use hubtally_store::{Location, Store};
use object_store::memory::InMemory;

use super::super::{BillReport, Outcome, ingest_bills};
use super::wavering::Wavering;
use super::*;
use crate::IngestError;

const ACCOUNT: &str = "111122223333";
const SEEDS: u64 = 60;

fn address() -> url::Url {
    url::Url::parse("memory:///store").unwrap()
}

/// A store in memory as `init` leaves it, and bills on disk.
struct Template {
    folder: tempfile::TempDir,
    memory: Arc<InMemory>,
}

impl Template {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let memory = Arc::new(InMemory::new());
        let location = Location::with_client(memory.clone(), address()).unwrap();
        Store::create_at(location, &folder.path().join("keys")).await.unwrap();
        Self { folder, memory }
    }

    fn write(&self, name: &str, text: &str) -> [String; 1] {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        [path.display().to_string()]
    }

    /// A copy of it on which tasks overtake each other.
    async fn copy(&self, seed: u64) -> (Arc<Wavering>, Store) {
        let wavering = Wavering::new(Arc::new(self.memory.fork()), seed);
        let location = Location::with_client(wavering.clone(), address()).unwrap();
        (wavering, Store::open_at(location, &self.folder.path().join("keys")).await.unwrap())
    }
}

async fn ingest(store: &Store, paths: &[String], memory_bytes: usize) -> Result<BillReport, IngestError> {
    let registry = toml::from_str("[organisation]\nname = \"o\"\n").unwrap();
    let mut options = BillOptions::new(now());
    options.allow_unknown_accounts = true;
    options.limits.memory_bytes = memory_bytes;
    ingest_bills(store, &RegistryView::new(registry).unwrap(), paths, &options, &Silent).await
}

/// Importers, amounts and count of the rows that stand.
async fn standing(store: &Store) -> (Vec<String>, String, usize) {
    let table = store.table(&CHARGES).await.unwrap();
    let rows: Vec<RecordBatch> = table.read(&[], None).await.unwrap().try_collect().await.unwrap();
    let mut importers: Vec<String> = Vec::new();
    let (mut sum, mut count) = (0, 0);
    for batch in &rows {
        let words = batch.column_by_name("importer").unwrap().as_string::<i32>();
        importers.extend(words.iter().map(|word| word.unwrap().to_owned()));
        sum += batch
            .column_by_name("billed_cost")
            .unwrap()
            .as_primitive::<Decimal128Type>()
            .values()
            .iter()
            .sum::<i128>();
        count += batch.num_rows();
    }
    importers.sort();
    importers.dedup();
    (importers, money::pico_text(sum), count)
}

fn month(cost: &str) -> String {
    focus(&[focus_row(ACCOUNT, 1, "i-1", cost), focus_row(ACCOUNT, 30, "i-1", "1")])
}

const CONSOLE: &str = "Linked account,111122223333,\nLinked account name,a ($),Total costs($)\nLinked account total,9,9\n2026-06-01,9,9\n";

#[tokio::test]
async fn l2_of_two_importers_at_once_one_has_the_month_and_the_other_names_both() {
    let template = Template::new().await;
    let focus = template.write("focus.csv", &month("2"));
    let console = template.write("costs.csv", CONSOLE);
    let mut won = [0, 0];
    for seed in 0..SEEDS {
        let (_, store) = template.copy(seed).await;
        let (one, two) = futures::join!(ingest(&store, &focus, 1 << 30), ingest(&store, &console, 1 << 30));
        let (importers, billed, rows) = standing(&store).await;
        let refused = match (one, two) {
            (Ok(_), Err(refused)) => {
                assert_eq!(
                    (importers, billed.as_str(), rows),
                    (vec!["focus".to_owned()], "3.000000000000", 2),
                    "seed {seed}"
                );
                won[0] += 1;
                refused
            }
            (Err(refused), Ok(_)) => {
                assert_eq!(
                    (importers, billed.as_str(), rows),
                    (vec!["aws-console".to_owned()], "9.000000000000", 1),
                    "seed {seed}"
                );
                won[1] += 1;
                refused
            }
            both => panic!("seed {seed}: {both:?}"),
        };
        says(&refused.to_string(), &[ACCOUNT, "2026-06", "focus", "aws-console", "One importer per account"]);
    }
    assert!(won.iter().all(|wins| *wins > 0), "one was always first, nothing was tested: {won:?}");
}

#[tokio::test]
async fn l2_the_same_bill_twice_at_once_is_one_commit() {
    let template = Template::new().await;
    let bill = template.write("june.csv", &month("2"));
    for seed in 0..SEEDS {
        let (_, store) = template.copy(seed).await;
        let before = store.table(&CHARGES).await.unwrap().version();
        let (one, two) = futures::join!(ingest(&store, &bill, 1 << 30), ingest(&store, &bill, 1 << 30));
        let mut outcomes: Vec<Option<Outcome>> =
            [one, two].map(|report| report.unwrap().groups.first().map(|group| group.outcome)).to_vec();
        // Whoever comes last may find the receipt, and has no group to tell of.
        outcomes.retain(|outcome| !matches!(outcome, None | Some(Outcome::Unchanged)));
        assert_eq!(outcomes, [Some(Outcome::Loaded)], "seed {seed}");
        assert_eq!(standing(&store).await.1, "3.000000000000", "seed {seed}");
        assert_eq!(store.table(&CHARGES).await.unwrap().version(), before + 1, "seed {seed}");
    }
}

#[tokio::test]
async fn l2_two_exports_of_a_month_at_once_leave_one_of_them_whole() {
    let template = Template::new().await;
    let (old, new) = (template.write("old.csv", &month("2")), template.write("new.csv", &month("40")));
    for seed in 0..SEEDS {
        let (_, store) = template.copy(seed).await;
        let (one, two) = futures::join!(ingest(&store, &old, 1 << 30), ingest(&store, &new, 1 << 30));
        let (one, two) = (one.unwrap(), two.unwrap());
        let (_, billed, rows) = standing(&store).await;
        assert!(
            rows == 2 && (billed == "3.000000000000" || billed == "41.000000000000"),
            "seed {seed}: {billed}"
        );
        let outcomes = [one.groups[0].outcome, two.groups[0].outcome];
        assert!(outcomes.contains(&Outcome::Loaded) && outcomes.contains(&Outcome::Replaced), "{outcomes:?}");
        // Whichever came last: each can be loaded again, and the other is then what is replaced.
        assert_eq!(ingest(&store, &new, 1 << 30).await.unwrap().rejects(), 0);
        assert_eq!(standing(&store).await.1, "41.000000000000", "seed {seed}");
    }
}

#[tokio::test]
async fn l2_a_load_that_breaks_off_leaves_the_old_rows_and_the_next_one_finishes() {
    let template = Template::new().await;
    let days = |cost: &str| {
        let row = |at: u32| focus_row(ACCOUNT, 1 + at % 30, &format!("i-{at}"), cost);
        focus(&(0..900).map(row).collect::<Vec<_>>())
    };
    let (old, new) = (template.write("old.csv", &days("1")), template.write("new.csv", &days("3")));
    // Little memory, so that a month is many data files.
    let little = 128 << 10;
    let mut broken = 0;
    for writes in 0..12 {
        let (wavering, store) = template.copy(writes).await;
        ingest(&store, &old, little).await.unwrap();
        wavering.break_after(i64::try_from(writes).unwrap());
        let first = ingest(&store, &new, little).await;
        wavering.break_after(i64::MAX);
        if first.is_err() {
            broken += 1;
            assert_eq!(
                standing(&store).await,
                (vec!["focus".to_owned()], "900.000000000000".to_owned(), 900)
            );
        }
        ingest(&store, &new, little).await.unwrap();
        assert_eq!(standing(&store).await, (vec!["focus".to_owned()], "2700.000000000000".to_owned(), 900));
    }
    assert!((3..12).contains(&broken), "{broken} of 12 loads broke off");
}
