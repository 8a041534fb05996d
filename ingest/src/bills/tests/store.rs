//! Bills in a store: loaded once, replaced as a whole, refused before anything is written.

use std::path::Path;

use futures::TryStreamExt;
use hubtally_rules::RegistryView;
use hubtally_schemas::registry::Registry;
use hubtally_schemas::tables::{CHARGES, REJECTS};
use hubtally_store::{Store, StoreConfig};

use super::super::{BillReport, Outcome, ingest_bills};
use super::*;
use crate::IngestError;

struct Place {
    folder: tempfile::TempDir,
    store: Store,
    registry: RegistryView,
    options: BillOptions,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            url: folder.path().join("store").display().to_string(),
            keys: folder.path().join("keys"),
            ..StoreConfig::default()
        };
        let store = Store::create(&config).await.unwrap();
        let registry: Registry = toml::from_str(
            "[organisation]\nname = \"o\"\n[[community]]\nid = \"c\"\nname = \"c\"\n\
             [[account]]\nid = \"1111\"\nprovider = \"aws\"\n[[account.owner]]\nowner = \"community:c\"\n\
             [[account]]\nid = \"111122223333\"\nprovider = \"aws\"\n[[account.owner]]\nowner = \"organisation\"\n\
             [[account]]\nid = \"444455556666\"\nprovider = \"aws\"\n[[account.owner]]\nowner = \"organisation\"\n",
        )
        .unwrap();
        Self {
            folder,
            store,
            registry: RegistryView::new(registry).unwrap(),
            options: BillOptions::new(now()),
        }
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    async fn ingest(&self, paths: &[String]) -> Result<BillReport, IngestError> {
        ingest_bills(&self.store, &self.registry, paths, &self.options, &Silent).await
    }

    async fn billed(&self) -> String {
        let table = self.store.table(&CHARGES).await.unwrap();
        let batches: Vec<RecordBatch> = table.read(&[], None).await.unwrap().try_collect().await.unwrap();
        let sum: i128 = batches
            .iter()
            .flat_map(|batch| {
                let column = batch.column_by_name("billed_cost").unwrap();
                column.as_primitive::<Decimal128Type>().values().to_vec()
            })
            .sum();
        money::pico_text(sum)
    }

    async fn version(&self) -> i64 {
        self.store.table(&CHARGES).await.unwrap().version()
    }
}

fn whole_month(cost: &str) -> String {
    focus(&[focus_row("1111", 1, "i-1", cost), focus_row("1111", 30, "i-1", "1")])
}

#[tokio::test]
async fn l2_the_same_bill_twice_changes_nothing() {
    let place = Place::new().await;
    let path = place.write("june.csv", &whole_month("2"));
    let report = place.ingest(std::slice::from_ref(&path)).await.unwrap();
    assert_eq!(report.groups[0].outcome, Outcome::Loaded);
    assert!(report.changed());
    let version = place.version().await;
    for _ in 0..2 {
        let again = place.ingest(std::slice::from_ref(&path)).await.unwrap();
        assert!(again.files[0].unchanged && !again.changed());
        assert_eq!(again.files[0].billed, report.files[0].billed);
    }
    let copy = place.write("copy.csv", &whole_month("2"));
    let both = place.ingest(&[path, copy]).await.unwrap();
    says(&both.warnings[0], &["copy.csv", "same bytes"]);
    assert_eq!((place.version().await, place.billed().await.as_str()), (version, "3.000000000000"));
    let raw = format!("bills/raw/{}", report.files[0].sha256);
    assert_eq!(place.store.get(&raw).await.unwrap().unwrap(), whole_month("2").as_bytes());
}

#[tokio::test]
async fn a_lost_receipt_costs_a_second_reading_and_nothing_else() {
    let place = Place::new().await;
    let path = place.write("june.csv", &whole_month("2"));
    place.ingest(std::slice::from_ref(&path)).await.unwrap();
    std::fs::remove_dir_all(place.folder.path().join("store/bills/receipts")).unwrap();
    let again = place.ingest(&[path]).await.unwrap();
    assert_eq!(again.groups[0].outcome, Outcome::Unchanged);
    assert_eq!(place.billed().await, "3.000000000000");
}

#[tokio::test]
async fn a_restated_month_replaces_and_a_smaller_one_is_refused() {
    let mut place = Place::new().await;
    let first =
        place.write("1.csv", &focus(&[focus_row("1111", 1, "i-1", "5"), focus_row("1111", 9, "i-1", "1")]));
    place.ingest(&[first]).await.unwrap();
    let restated = place.write("2.csv", &whole_month("2"));
    let report = place.ingest(std::slice::from_ref(&restated)).await.unwrap();
    assert_eq!((report.groups[0].outcome, report.groups[0].revision), (Outcome::Replaced, 2));
    assert_eq!(place.billed().await, "3.000000000000");
    let half =
        place.write("3.csv", &focus(&[focus_row("1111", 20, "i-1", "7"), focus_row("1111", 30, "i-2", "7")]));
    let text = place.ingest(std::slice::from_ref(&half)).await.unwrap_err().to_string();
    says(&text, &["1111", "3.csv", "2026-06-01", "--replace"]);
    assert_eq!(place.billed().await, "3.000000000000");
    let both = place.ingest(&[restated, half.clone()]).await.unwrap();
    assert_eq!((both.groups[0].outcome, both.groups[0].revision), (Outcome::Replaced, 3));
    assert_eq!(place.billed().await, "17.000000000000");
    place.options.replace = true;
    place.ingest(&[half]).await.unwrap();
    assert_eq!(place.billed().await, "14.000000000000");
}

#[tokio::test]
async fn a_second_importer_is_an_error_naming_both() {
    let place = Place::new().await;
    let focus = place.write("focus.csv", &focus(&[focus_row("111122223333", 1, "i-1", "1")]));
    place.ingest(&[focus]).await.unwrap();
    let console = place.write(
        "costs.csv",
        "Linked account,111122223333,\nLinked account name,a ($),Total costs($)\nLinked account total,9,9\n2026-06-01,9,9\n",
    );
    let text = place.ingest(&[console]).await.unwrap_err().to_string();
    says(&text, &["111122223333", "2026-06", "aws-console", "costs.csv", "focus", "sha256"]);
    assert_eq!(place.billed().await, "1.000000000000");
}

#[tokio::test]
async fn unknown_accounts_are_refused_with_text_to_paste() {
    let mut place = Place::new().await;
    let path =
        place.write("a.csv", &focus(&[focus_row("9999", 1, "i-1", "1"), focus_row("1111", 1, "i-1", "1")]));
    let text = place.ingest(std::slice::from_ref(&path)).await.unwrap_err().to_string();
    says(&text, &["1 accounts", "9999", "[[account]]\nid = \"9999\"", "[[account.owner]]"]);
    assert_eq!(place.billed().await, "0.000000000000");
    place.options.allow_unknown_accounts = true;
    let report = place.ingest(&[path]).await.unwrap();
    assert_eq!(report.unknown_accounts, ["9999"]);
    let snippet = format!("[organisation]\nname = \"o\"\n{}", report.registry_snippet.unwrap());
    RegistryView::new(toml::from_str(&snippet).unwrap()).unwrap();
    assert_eq!(place.billed().await, "2.000000000000");
}

#[tokio::test]
async fn refused_rows_are_kept_once_and_all_bad_files_are_named() {
    let place = Place::new().await;
    let bad_row = focus_row("1111", 2, "i-1", "much");
    let path = place.write("a.csv", &focus(&[focus_row("1111", 1, "i-1", "1"), bad_row.clone()]));
    for _ in 0..2 {
        let report = place.ingest(std::slice::from_ref(&path)).await.unwrap();
        assert_eq!(report.rejects(), 1);
        says(&report.files[0].rejects.examples[0], &["row 2", "BilledCost", "much"]);
    }
    let table = place.store.table(&REJECTS).await.unwrap();
    let rows: Vec<RecordBatch> = table.read(&[], None).await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    let kept = rows[0].column_by_name("bytes_encrypted").unwrap().as_string::<i32>().value(0).to_owned();
    let bytes = place.store.keys().decrypt_reject(&kept).unwrap();
    assert!(String::from_utf8(bytes).unwrap().starts_with("much,"));

    place.write("bad/1.csv", "a,b\n1,2\n");
    place.write("bad/2.csv", &focus(&[bad_row]));
    place.write("bad/good.csv", &whole_month("50"));
    place.write("bad/README.md", "not a bill");
    let folder = place.folder.path().join("bad").display().to_string();
    let text = place.ingest(&[folder]).await.unwrap_err().to_string();
    says(&text, &["2 bills were refused, nothing was loaded", "1.csv", "2.csv"]);
    assert_eq!(place.billed().await, "1.000000000000");
}

#[tokio::test]
async fn a_part_of_the_cost_explorer_set_does_not_replace_the_set() {
    let place = Place::new().await;
    let answer = |amount: &str| {
        format!(
            r#"{{"GroupDefinitions":[{{"Type":"DIMENSION","Key":"SERVICE"}}],"ResultsByTime":[{{"TimePeriod":{{"Start":"2026-06-01","End":"2026-06-02"}},"Groups":[{{"Keys":["EC2 - Other"],"Metrics":{{"UnblendedCost":{{"Amount":"{amount}","Unit":"USD"}}}}}}]}}]}}"#
        )
    };
    let request = |filter: &str| {
        format!(r#"{{"Account":"1111","Metrics":["UnblendedCost"],"GroupBy":["SERVICE"],"Filter":{filter}}}"#)
    };
    let tax = r#"{"Dimensions":{"Key":"RECORD_TYPE","Values":["Tax"]}}"#;
    let one = place.write("ce/tax.json", &answer("1"));
    place.write("ce/tax.json.request.json", &request(tax));
    place.write("ce/rest.json", &answer("2"));
    place.write("ce/rest.json.request.json", &request(&format!(r#"{{"Not":{tax}}}"#)));
    let folder = place.folder.path().join("ce").display().to_string();
    let report = place.ingest(std::slice::from_ref(&folder)).await.unwrap();
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert_eq!(place.billed().await, "3.000000000000");
    std::fs::write(Path::new(&one), answer("7")).unwrap();
    let text = place.ingest(&[one]).await.unwrap_err().to_string();
    says(&text, &["other queries", "tax.json", "--replace"]);
    place.ingest(&[folder]).await.unwrap();
    assert_eq!(place.billed().await, "9.000000000000");
}

/// The rows of a store in the order in which they stand there.
async fn rows(place: &Place) -> RecordBatch {
    let table = place.store.table(&CHARGES).await.unwrap();
    let batches: Vec<RecordBatch> = table.read(&[], None).await.unwrap().try_collect().await.unwrap();
    arrow::compute::concat_batches(&CHARGES.arrow_schema(), &batches).unwrap()
}

#[tokio::test]
async fn l7_neither_the_order_of_files_nor_memory_changes_the_rows() {
    let bill = |first: u32, count: u32| {
        let row = |at: u32| focus_row("1111", first + at % 9, &format!("i-{}", at % 400), &format!("{at}.5"));
        focus(&(0..count).map(row).collect::<Vec<_>>())
    };
    let bills = [bill(1, 1_500), bill(10, 40), bill(19, 700)];
    let mut known: Option<(RecordBatch, BillReport)> = None;
    for (order, memory_bytes) in [([0, 1, 2], 1 << 30), ([2, 0, 1], 1 << 30), ([1, 2, 0], 128 << 10)] {
        let mut place = Place::new().await;
        place.options.limits.memory_bytes = memory_bytes;
        // Other names too: what the files hold decides.
        let paths = order.map(|at| place.write(&format!("{}-{at}.csv", order[at]), &bills[at]));
        let mut report = place.ingest(&paths).await.unwrap();
        report.files.sort_by(|a, b| a.sha256.cmp(&b.sha256));
        report.files.iter_mut().for_each(|file| file.path.clear());
        let found = (rows(&place).await, report);
        assert_eq!(found.0.num_rows(), 2_240);
        assert_eq!(known.get_or_insert_with(|| found.clone()), &found, "{order:?} {memory_bytes}");
    }
}

#[tokio::test]
async fn a_file_that_is_written_to_while_it_is_loaded_is_not_kept() {
    let place = Place::new().await;
    let path = place.write("june.csv", &whole_month("2"));
    let file = BillFile::from_path(Path::new(&path)).unwrap();
    place.write("june.csv", &whole_month("3"));
    let text = super::super::raw::keep_raw(&place.store, &file).await.unwrap_err().to_string();
    says(&text, &["june.csv", "load it again"]);
    assert!(place.store.list("bills/raw").await.unwrap().is_empty());
}

#[tokio::test]
async fn paths_that_hold_no_bill_say_so() {
    let place = Place::new().await;
    let empty = place.folder.path().join("keys").display().to_string();
    says(&place.ingest(&[empty]).await.unwrap_err().to_string(), &["holds no bill"]);
    says(&place.ingest(&["nowhere.csv".to_owned()]).await.unwrap_err().to_string(), &["does not exist"]);
}
