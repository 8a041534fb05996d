//! Replacing a partition of a derived table, and a group inside a partition.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use futures::StreamExt as _;
use hubtally_schemas::tables::{CHARGES, COMPLETENESS, TableSpec};

use super::support::*;
use crate::{CommitOutcome, GroupChange, GroupRows, PreparedRows, Store, StoreError};

/// Rows of a table whose partition column has one value.
fn rows_of(spec: &'static TableSpec, value: &str, numbers: &[i64]) -> RecordBatch {
    let arrays = spec.columns.iter().map(|column| -> ArrayRef {
        use arrow::array::{BooleanArray, Decimal128Array, TimestampMicrosecondArray};
        use hubtally_schemas::tables::ColumnType;
        match column.kind {
            ColumnType::Text if spec.partition.contains(&column.name) => {
                Arc::new(StringArray::from(vec![value; numbers.len()]))
            }
            ColumnType::Text => Arc::new(StringArray::from_iter_values(
                numbers.iter().map(|n| format!("{}-{n}", column.name)),
            )),
            ColumnType::Int => Arc::new(Int64Array::from(numbers.to_vec())),
            ColumnType::Bool => Arc::new(BooleanArray::from(vec![false; numbers.len()])),
            ColumnType::Time => Arc::new(
                TimestampMicrosecondArray::from_iter_values(numbers.iter().map(|n| JUNE + n))
                    .with_timezone("UTC"),
            ),
            ColumnType::Day => Arc::new(arrow::array::Date32Array::from_value(JUNE_DAY, numbers.len())),
            ColumnType::Money | ColumnType::Quantity => Arc::new(
                Decimal128Array::from_iter_values(numbers.iter().map(|n| i128::from(*n)))
                    .with_data_type(column.kind.arrow()),
            ),
        }
    });
    RecordBatch::try_new(spec.arrow_schema(), arrays.collect()).unwrap()
}

/// Replaces a bill in June.
async fn replace(
    table: &mut crate::Table,
    group: &str,
    numbers: &[i64],
    source: &str,
    (from, to): (Option<i64>, i64),
) -> Result<CommitOutcome, StoreError> {
    let partition = &[("billing_period", "2026-06")];
    let metadata = no_metadata();
    let change = GroupChange { group, partition, source, from, to, metadata, file_bytes: 1 << 20 };
    let rows = GroupRows::Plain(vec![rows_of(&CHARGES, "2026-06", numbers)]);
    let rows = futures::stream::iter(vec![Ok(rows)]).boxed();
    table.replace_group(&change, rows).await
}

async fn numbers(store: &Store, spec: &'static TableSpec, partition: &str) -> Vec<i64> {
    let table = store.table(spec).await.unwrap();
    let name =
        spec.columns.iter().find(|column| column.kind == hubtally_schemas::tables::ColumnType::Int).unwrap();
    let mut found = Vec::new();
    for batch in read_all(&table, &[(spec.partition[0], partition)]).await {
        use arrow::array::AsArray as _;
        assert_eq!(batch.schema(), spec.arrow_schema());
        let column = batch.column_by_name(name.name).unwrap();
        found.extend(column.as_primitive::<arrow::datatypes::Int64Type>().values().iter().copied());
    }
    found.sort_unstable();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_is_replaced_whole_and_others_stay() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut table = store.table(&COMPLETENESS).await.unwrap();
    let stream =
        |value: &str, n: &[i64]| futures::stream::iter(vec![Ok(rows_of(&COMPLETENESS, value, n))]).boxed();
    table.replace_partition(&[("period", "2026-05")], stream("2026-05", &[1, 2])).await.unwrap();
    let first = table.replace_partition(&[("period", "2026-06")], stream("2026-06", &[3])).await.unwrap();
    let second = table.replace_partition(&[("period", "2026-06")], stream("2026-06", &[4, 5])).await.unwrap();
    assert!(second > first);
    assert_eq!(numbers(&store, &COMPLETENESS, "2026-05").await, [1, 2]);
    assert_eq!(numbers(&store, &COMPLETENESS, "2026-06").await, [4, 5]);
    // The older version is still there, for whoever pinned it.
    let old = table.at_version(first).await.unwrap();
    assert_eq!(old.row_count().unwrap(), 3);
    assert!(matches!(table.at_version(99).await, Err(StoreError::Version { version: 99, .. })));

    // Nothing, and rows of another partition.
    table.replace_partition(&[("period", "2026-06")], futures::stream::empty().boxed()).await.unwrap();
    assert_eq!(numbers(&store, &COMPLETENESS, "2026-06").await, [0_i64; 0]);
    let wrong = table.replace_partition(&[("period", "2026-06")], stream("2026-07", &[1])).await;
    assert!(matches!(wrong, Err(StoreError::Rows { .. })), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_replacement_leaves_the_old_rows() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut table = store.table(&COMPLETENESS).await.unwrap();
    let june = [("period", "2026-06")];
    let good = futures::stream::iter(vec![Ok(rows_of(&COMPLETENESS, "2026-06", &[1]))]).boxed();
    table.replace_partition(&june, good).await.unwrap();
    let cut =
        vec![Ok(rows_of(&COMPLETENESS, "2026-06", &[2])), Err(StoreError::interrupted("the task died"))];
    assert!(table.replace_partition(&june, futures::stream::iter(cut).boxed()).await.is_err());
    assert_eq!(numbers(&store, &COMPLETENESS, "2026-06").await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replacements_at_once_never_mix() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let replace = |n: i64| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut table = store.table(&COMPLETENESS).await.unwrap();
            let rows = vec![Ok(rows_of(&COMPLETENESS, "2026-06", &[n, n]))];
            table.replace_partition(&[("period", "2026-06")], futures::stream::iter(rows).boxed()).await
        })
    };
    for done in futures::future::join_all((0..6).map(replace)).await {
        done.unwrap().unwrap();
    }
    let left = numbers(&store, &COMPLETENESS, "2026-06").await;
    assert!(left.len() == 2 && left[0] == left[1], "{left:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bill_is_replaced_in_its_group_with_its_position() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut table = store.table(&CHARGES).await.unwrap();
    let (aws, gcp) = ("bill/1/2026-06", "bill/2/2026-06");
    let done = replace(&mut table, "aws/1", &[1, 2], aws, (None, 1)).await.unwrap();
    assert_eq!(done, CommitOutcome::Done);
    replace(&mut table, "gcp/2", &[7], gcp, (None, 1)).await.unwrap();
    let done = replace(&mut table, "aws/1", &[3], aws, (Some(1), 2)).await.unwrap();
    assert_eq!(done, CommitOutcome::Done);
    assert_eq!(numbers(&store, &CHARGES, "2026-06").await, [3, 7]);

    let again = replace(&mut table, "aws/1", &[3], aws, (Some(1), 2)).await.unwrap();
    assert_eq!(again, CommitOutcome::AlreadyDone);
    let rival = replace(&mut table, "aws/1", &[9], aws, (Some(1), 3)).await.unwrap();
    assert_eq!(rival, CommitOutcome::Rival);
    assert_eq!(numbers(&store, &CHARGES, "2026-06").await, [3, 7]);
    let groups: Vec<_> = table.files().unwrap().into_iter().map(|file| file.group.unwrap()).collect();
    assert!(groups.contains(&"aws/1".to_owned()) && groups.contains(&"gcp/2".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_were_encoded_before_are_read_as_if_they_came_whole() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut table = store.table(&CHARGES).await.unwrap();
    let fresh = ["revision", "status", "usage_type"];
    let parts: Vec<RecordBatch> =
        (0..5).map(|at| rows_of(&CHARGES, "2026-06", &[at, at + 100, at + 50])).collect();
    let rows = parts.iter().map(|whole| {
        let place = |name: &&str| whole.schema_ref().index_of(name).unwrap();
        let later = whole.project(&fresh.iter().map(place).collect::<Vec<_>>()).unwrap();
        // `usage_type` is known early, and wrong: what comes later counts.
        let early: Vec<usize> =
            (0..whole.num_columns() - 1).filter(|at| ![1, place(&"status")].contains(at)).collect();
        let mut early = whole.project(&early).unwrap();
        let wrong = early.schema_ref().index_of("usage_type").unwrap();
        let mut columns = early.columns().to_vec();
        columns[wrong] = Arc::new(StringArray::from(vec![None::<&str>; 3]));
        early = RecordBatch::try_new(early.schema(), columns).unwrap();
        let rows = PreparedRows::encode(&CHARGES, &early).unwrap();
        Ok(GroupRows::Prepared { rows: PreparedRows::from_bytes(rows.bytes().clone()), fresh: later })
    });
    // A whole one between them, and files that end after a row group or two.
    let mut rows: Vec<_> = rows.collect();
    rows.insert(2, Ok(GroupRows::Plain(vec![rows_of(&CHARGES, "2026-06", &[77])])));
    let change = GroupChange {
        group: "g",
        partition: &[("billing_period", "2026-06")],
        source: "bill/x",
        from: None,
        to: 1,
        metadata: no_metadata(),
        file_bytes: 6_000,
    };
    let done = table.replace_group(&change, futures::stream::iter(rows).boxed()).await.unwrap();
    assert_eq!(done, CommitOutcome::Done);
    let files = table.files().unwrap();
    assert!((2..6).contains(&files.len()), "{}", files.len());
    assert_eq!(files.iter().map(|file| file.rows).sum::<i64>(), 16);

    let mut expected = parts;
    expected.insert(2, rows_of(&CHARGES, "2026-06", &[77]));
    let schema = CHARGES.arrow_schema();
    let found = arrow::compute::concat_batches(&schema, &read_all(&table, &[]).await).unwrap();
    let sorted = |batch: RecordBatch| {
        let by =
            arrow::compute::sort_to_indices(batch.column_by_name("charge_id").unwrap(), None, None).unwrap();
        arrow::compute::take_record_batch(&batch, &by).unwrap()
    };
    let expected = arrow::compute::concat_batches(&schema, &expected).unwrap();
    assert_eq!(sorted(found), sorted(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepared_rows_that_do_not_fit_are_refused() {
    let keys = tempfile::tempdir().unwrap();
    let (store, _) = memory_store(keys.path()).await;
    let mut table = store.table(&CHARGES).await.unwrap();
    let whole = rows_of(&CHARGES, "2026-06", &[1, 2]);
    let early: Vec<usize> = (0..whole.num_columns() - 1).filter(|at| *at != 1).collect();
    let rows = PreparedRows::encode(&CHARGES, &whole.project(&early).unwrap()).unwrap();
    for (fresh, word) in [
        (whole.project(&[1]).unwrap().slice(0, 1), "1 values came for 2"),
        (whole.project(&[5]).unwrap(), "column revision is missing"),
        (whole.project(&[5, 1]).unwrap(), "out of order"),
    ] {
        let change = GroupChange {
            group: "g",
            partition: &[("billing_period", "2026-06")],
            source: "bill/x",
            from: None,
            to: 1,
            metadata: no_metadata(),
            file_bytes: 1 << 20,
        };
        let rows = vec![Ok(GroupRows::Prepared { rows: rows.clone(), fresh })];
        let refused = table.replace_group(&change, futures::stream::iter(rows).boxed()).await.unwrap_err();
        assert!(refused.to_string().contains(word), "{refused}");
    }
    let twice = whole.project(&[5, 1]).unwrap();
    assert!(matches!(PreparedRows::encode(&CHARGES, &twice), Err(StoreError::Rows { .. })));
    assert_eq!(store.table(&CHARGES).await.unwrap().version(), 0);
}

/// A store that fails by a seed, over a copy of what the template holds.
async fn failing(
    template: &object_store::memory::InMemory,
    keys: &std::path::Path,
    seed: u64,
) -> (Arc<Faulty>, Store) {
    let faulty = Faulty::new(Arc::new(template.fork()), seed, 120);
    faulty.pause(true);
    let location = crate::Location::with_client(faulty.clone(), memory_url()).unwrap();
    let store = Store::open_at(location, keys).await.unwrap();
    faulty.pause(false);
    (faulty, store)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_a_bill_on_a_failing_store_is_done_once_or_not_at_all() {
    let keys = tempfile::tempdir().unwrap();
    let (_, template) = memory_store(keys.path()).await;
    for seed in 0..60 {
        let (faulty, store) = failing(&template, keys.path(), seed).await;
        let mut done = Vec::new();
        for n in 1..=4_i64 {
            let from = (n > 1).then(|| n - 1);
            for _ in 0..50 {
                let Ok(mut table) = store.table(&CHARGES).await else { continue };
                let put = replace(&mut table, "g", &[n, 10 + n], "bill/x", (from, n)).await;
                if matches!(put, Ok(CommitOutcome::Done | CommitOutcome::AlreadyDone)) {
                    done.push(n);
                    break;
                }
            }
        }
        faulty.heal();
        assert_eq!(done, [1, 2, 3, 4], "seed {seed}");
        assert_eq!(numbers(&store, &CHARGES, "2026-06").await, [4, 14], "seed {seed}");
    }
}

/// One importer, which gives way where another has the month; `true` if its own rows stand.
async fn import(store: Store, importer: &'static str, number: i64) -> bool {
    for _ in 0..200 {
        let Ok(mut table) = store.table(&CHARGES).await else { continue };
        let (Ok(files), Ok(from)) = (table.files(), table.position("bill/1/2026-06").await) else { continue };
        if let Some(file) = files.first() {
            return file.group.as_deref() == Some(importer);
        }
        let to = from.unwrap_or(0) + 1;
        // Whatever came of it: the next look decides.
        let _ = replace(&mut table, importer, &[number, number], "bill/1/2026-06", (from, to)).await;
    }
    panic!("{importer} never came to its end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l2_of_two_importers_at_once_one_has_the_month_and_the_other_sees_it() {
    let keys = tempfile::tempdir().unwrap();
    let (_, template) = memory_store(keys.path()).await;
    let mut won = [0, 0];
    for seed in 0..60 {
        let (faulty, store) = failing(&template, keys.path(), seed).await;
        let one = tokio::spawn(import(store.clone(), "focus/1", 1));
        let two = tokio::spawn(import(store.clone(), "aws-console/1", 2));
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        faulty.heal();
        assert!(one != two, "seed {seed}: {one} {two}");
        won[usize::from(two)] += 1;
        let left = numbers(&store, &CHARGES, "2026-06").await;
        assert_eq!(left, if one { [1, 1] } else { [2, 2] }, "seed {seed}");
        let groups: std::collections::BTreeSet<_> = store
            .table(&CHARGES)
            .await
            .unwrap()
            .files()
            .unwrap()
            .into_iter()
            .map(|file| file.group)
            .collect();
        assert_eq!(groups.len(), 1, "seed {seed}");
    }
    assert!(won.iter().all(|wins| *wins > 0), "one was always first, nothing was tested: {won:?}");
}
