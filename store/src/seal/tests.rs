//! Sealing against a naive model, in memory and in parts on disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use hubtally_schemas::tables::{POD_USAGE, REJECTS};
use proptest::prelude::*;

use super::*;
use crate::tests::support::*;
use crate::{OpenTables, SourceBatch};

/// One row, reduced to what decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    cluster: u8,
    user: Option<u8>,
    pod: u8,
    hour: u8,
    revision: i64,
    usage: Option<i64>,
}

fn row() -> impl Strategy<Value = Row> {
    let parts =
        (0_u8..3, proptest::option::of(0_u8..3), 0_u8..6, 0_u8..4, 0_i64..2, proptest::option::of(0_i64..2));
    parts.prop_map(|(cluster, user, pod, hour, revision, usage)| Row {
        cluster,
        user,
        pod,
        hour,
        revision,
        usage,
    })
}

type Text<'a> = &'a dyn Fn(&Row) -> Option<String>;

fn batch_of(source: &str, first: i64, given: &[Row]) -> RecordBatch {
    let positions: Vec<i64> = (first..).take(given.len()).collect();
    let template = rows(&POD_USAGE, source, &positions);
    let text = |of: Text<'_>| -> ArrayRef { Arc::new(given.iter().map(of).collect::<StringArray>()) };
    let columns = POD_USAGE.columns.iter().zip(template.columns()).map(|(spec, array)| match spec.name {
        "cluster" => text(&|row| Some(format!("c{}", row.cluster))),
        "user_id" => text(&|row| row.user.map(|user| format!("u{user}"))),
        "pod" | "pod_uid" => text(&|row| Some(format!("{}{}", spec.name, row.pod))),
        "start" => {
            let starts = given.iter().map(|row| JUNE + i64::from(row.hour) * 3_600_000_000);
            Arc::new(TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC"))
        }
        "revision" => Arc::new(Int64Array::from_iter_values(given.iter().map(|row| row.revision))),
        "cpu_usage_millicore_ms" => Arc::new(given.iter().map(|row| row.usage).collect::<Int64Array>()),
        "source" | "source_position" | "date" => array.clone(),
        _ if spec.kind == hubtally_schemas::tables::ColumnType::Text => text(&|_| Some("same".to_owned())),
        _ => Arc::new(
            arrow::compute::cast(&Int64Array::from_value(JUNE, given.len()), &spec.kind.arrow()).unwrap(),
        ),
    });
    RecordBatch::try_new(POD_USAGE.arrow_schema(), columns.collect()).unwrap()
}

/// (cluster, pod, hour)
type Key = (u8, u8, u8);

/// Key → the row that stays, with its position; and how many are refused.
fn naive(rows: &[Row]) -> (BTreeMap<Key, (i64, Row)>, usize) {
    let mut groups: BTreeMap<Key, Vec<(i64, Row)>> = BTreeMap::new();
    for (position, row) in (1..).zip(rows) {
        groups.entry((row.cluster, row.pod, row.hour)).or_default().push((position, row.clone()));
    }
    let mut kept = BTreeMap::new();
    let mut refused = 0;
    for (key, mut group) in groups {
        group.sort_by_key(|(position, row)| (row.revision, *position));
        let winner = group.pop().unwrap();
        let mut others: Vec<&Row> = group
            .iter()
            .map(|(_, row)| row)
            .filter(|row| {
                row.revision == winner.1.revision && (row.user, row.usage) != (winner.1.user, winner.1.usage)
            })
            .collect();
        others.sort_unstable();
        others.dedup();
        refused += others.len();
        kept.insert(key, winner);
    }
    (kept, refused)
}

async fn check(rows: &[Row], cuts: usize, memory_bytes: usize) {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let tables = OpenTables::open_specs(&store, FEW).await.unwrap();
    let mut from = 0;
    for part in rows.chunks(rows.len().div_ceil(cuts).max(1)) {
        let to = from + i64::try_from(part.len()).unwrap();
        let given = [(POD_USAGE.name, vec![batch_of("file/a", from + 1, part)])].into();
        tables.commit(vec![("file/a".to_owned(), SourceBatch { from, to, rows: given })]).await.unwrap();
        from = to;
    }
    let date = JUNE_TEXT.parse().unwrap();
    let limits = SealLimits { memory_bytes, ..SealLimits::default() };
    let report = seal(&store, &POD_USAGE, date, &limits).await.unwrap();
    let (kept, refused) = naive(rows);
    assert_eq!(report.rows_before, i64::try_from(rows.len()).unwrap());
    assert_eq!(report.rows_after, i64::try_from(kept.len()).unwrap());
    assert_eq!(report.conflicts, i64::try_from(refused).unwrap());
    assert_eq!(report.spilled, memory_bytes < 1000);
    let gone = report.rows_before - report.rows_after;
    assert_eq!(gone, report.conflicts + report.duplicates + report.superseded);

    let table = store.table(&POD_USAGE).await.unwrap();
    assert!(table.files().unwrap().iter().all(|file| file.sealed));
    let read = read_all(&table, &[("date", JUNE_TEXT)]).await;
    let sealed = arrow::compute::concat_batches(&POD_USAGE.arrow_schema(), &read).unwrap();
    let positions = sealed.column_by_name("source_position").unwrap().as_primitive::<Int64Type>();
    let mut found: Vec<i64> = positions.values().to_vec();
    found.sort_unstable();
    let mut expected: Vec<i64> = kept.values().map(|(position, _)| *position).collect();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_sorted(&sealed);

    let refused_rows = store.table(&REJECTS).await.unwrap().row_count().unwrap();
    assert_eq!(refused_rows, report.conflicts);
    let again = seal(&store, &POD_USAGE, date, &limits).await.unwrap();
    assert!(!again.sealed);
    assert_eq!(again.rows_after, report.rows_after);
}

fn assert_sorted(batch: &RecordBatch) {
    let columns: Vec<ArrayRef> =
        POD_USAGE.order.iter().map(|name| batch.column_by_name(name).unwrap().clone()).collect();
    let fields = columns.iter().map(|array| arrow::row::SortField::new(array.data_type().clone())).collect();
    let keys = arrow::row::RowConverter::new(fields).unwrap().convert_columns(&columns).unwrap();
    for row in 1..keys.num_rows() {
        assert!(keys.row(row - 1) < keys.row(row), "row {row} is out of order or doubled");
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Law L2, producer duplicates: what stays is what a naive reading of the rule keeps.
    #[test]
    fn l2_a_seal_keeps_what_the_rule_keeps(rows in proptest::collection::vec(row(), 1..80), cuts in 1_usize..4) {
        run(check(&rows, cuts, 1 << 30));
    }

    /// The same in parts on disk.
    #[test]
    fn l2_a_seal_on_disk_is_the_same(rows in proptest::collection::vec(row(), 1..80), cuts in 1_usize..3) {
        run(check(&rows, cuts, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l10_a_conflicting_duplicate_is_kept_once_with_its_bytes() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let tables = OpenTables::open_specs(&store, FEW).await.unwrap();
    let one = Row { cluster: 0, user: Some(1), pod: 1, hour: 1, revision: 0, usage: Some(1) };
    let other = Row { usage: Some(2), ..one.clone() };
    let given = [(POD_USAGE.name, vec![batch_of("file/a", 1, &[one, other])])].into();
    tables.commit(vec![("file/a".to_owned(), SourceBatch { from: 0, to: 2, rows: given })]).await.unwrap();

    // A crash after the rejects were kept and before the date was sealed: they are kept once.
    let date: NaiveDate = JUNE_TEXT.parse().unwrap();
    let table = store.table(&POD_USAGE).await.unwrap();
    let sorted = sort(&store, &POD_USAGE, table.files().unwrap(), &SealLimits::default()).await.unwrap();
    rejects::keep(&store, "seal/x", date, table.version(), &sorted.refused).await.unwrap();
    let report = seal(&store, &POD_USAGE, date, &SealLimits::default()).await.unwrap();
    assert_eq!((report.rows_after, report.conflicts), (1, 1));

    let kept = read_all(&store.table(&REJECTS).await.unwrap(), &[]).await;
    assert_eq!(kept.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    let reject = &kept[0];
    assert_eq!(texts(reject, "reason"), [Some("conflicting_duplicate".to_owned())]);
    let detail = texts(reject, "detail")[0].clone().unwrap();
    assert!(detail.contains("cpu_usage_millicore_ms") && detail.contains("record 2 of file/a"), "{detail}");
    let bytes = store.keys().decrypt_reject(texts(reject, "bytes_encrypted")[0].as_deref().unwrap()).unwrap();
    let lost: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (lost["cpu_usage_millicore_ms"].as_i64(), lost["source_position"].as_i64()),
        (Some(1), Some(1))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_row_unseals_its_date_and_a_second_seal_merges_it() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let tables = OpenTables::open_specs(&store, FEW).await.unwrap();
    let row = |pod: u8, revision: i64| Row { cluster: 0, user: None, pod, hour: 0, revision, usage: None };
    let date: NaiveDate = JUNE_TEXT.parse().unwrap();
    for (from, given) in [(0, vec![row(1, 0), row(2, 0)]), (2, vec![row(1, 1), row(3, 0)])] {
        let rows = [(POD_USAGE.name, vec![batch_of("file/a", from + 1, &given)])].into();
        tables.commit(vec![("file/a".to_owned(), SourceBatch { from, to: from + 2, rows })]).await.unwrap();
        assert_eq!(unsealed_dates(&store, &POD_USAGE).await.unwrap(), [date]);
        seal(&store, &POD_USAGE, date, &SealLimits::default()).await.unwrap();
        assert!(unsealed_dates(&store, &POD_USAGE).await.unwrap().is_empty());
    }
    assert_eq!(positions_in(&store, &POD_USAGE, "file/a").await, [2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_that_seal_one_date_do_it_once() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let tables = OpenTables::open_specs(&store, FEW).await.unwrap();
    tables.commit(vec![("file/a".to_owned(), batch("file/a", 0, 50))]).await.unwrap();
    let date: NaiveDate = JUNE_TEXT.parse().unwrap();
    let seals = (0..4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { seal(&store, &POD_USAGE, date, &SealLimits::default()).await.unwrap() })
    });
    futures::future::try_join_all(seals).await.unwrap();
    assert_eq!(positions_in(&store, &POD_USAGE, "file/a").await, (1..=50).collect::<Vec<i64>>());
    assert_eq!(store.table(&POD_USAGE).await.unwrap().files().unwrap().len(), 1);
}

#[test]
fn wide_keys_are_packed_by_rank() {
    let columns = (0..5).map(|n| {
        let ints: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, n, i64::MAX, 0]));
        (&POD_USAGE.columns[14], load::Column::Plain(ints))
    });
    let rows = load::Rows { spec: &POD_USAGE, columns: columns.collect(), len: 4 };
    let packed = pack::pack(&rows, &[POD_USAGE.columns[14].name; 5]).unwrap();
    assert!(packed.bits <= 128);
    assert_eq!(pack::sorted(&packed, 0..4), [0, 1, 3, 2]);
}
