//! Replacing a partition of a derived table, and a group inside a partition.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use arrow::record_batch::RecordBatch;
use futures::StreamExt as _;
use hubtally_schemas::tables::{CHARGES, COMPLETENESS, TableSpec};

use super::support::*;
use crate::{CommitOutcome, Store, StoreError};

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
    let june = [("billing_period", "2026-06")];
    let bill = |n: &[i64]| vec![rows_of(&CHARGES, "2026-06", n)];
    let (aws, gcp) = ("bill/aws/1/2026-06", "bill/gcp/2/2026-06");
    let done = table.replace_group("aws/1", &june, bill(&[1, 2]), aws, None, 1, no_metadata()).await.unwrap();
    assert_eq!(done, CommitOutcome::Done);
    table.replace_group("gcp/2", &june, bill(&[7]), gcp, None, 1, no_metadata()).await.unwrap();
    let digest = [("digest".to_owned(), "abc".to_owned())].into();
    let done = table.replace_group("aws/1", &june, bill(&[3]), aws, Some(1), 2, digest).await.unwrap();
    assert_eq!(done, CommitOutcome::Done);
    assert_eq!(numbers(&store, &CHARGES, "2026-06").await, [3, 7]);

    let again =
        table.replace_group("aws/1", &june, bill(&[3]), aws, Some(1), 2, no_metadata()).await.unwrap();
    assert_eq!(again, CommitOutcome::AlreadyDone);
    let rival =
        table.replace_group("aws/1", &june, bill(&[9]), aws, Some(1), 3, no_metadata()).await.unwrap();
    assert_eq!(rival, CommitOutcome::Rival);
    assert_eq!(numbers(&store, &CHARGES, "2026-06").await, [3, 7]);
    let groups: Vec<_> = table.files().unwrap().into_iter().map(|file| file.group.unwrap()).collect();
    assert!(groups.contains(&"aws/1".to_owned()) && groups.contains(&"gcp/2".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replacing_a_bill_on_a_failing_store_is_done_once_or_not_at_all() {
    let keys = tempfile::tempdir().unwrap();
    let (_, template) = memory_store(keys.path()).await;
    for seed in 0..60 {
        let faulty = Faulty::new(Arc::new(template.fork()), seed, 120);
        faulty.pause(true);
        let location = crate::Location::with_client(faulty.clone(), memory_url()).unwrap();
        let store = Store::open_at(location, keys.path()).await.unwrap();
        let mut table = store.table(&CHARGES).await.unwrap();
        faulty.pause(false);
        let june = [("billing_period", "2026-06")];
        let mut done = Vec::new();
        for n in 1..=4_i64 {
            let from = (n > 1).then(|| n - 1);
            for _ in 0..50 {
                let rows = vec![rows_of(&CHARGES, "2026-06", &[n, 10 + n])];
                let put = table.replace_group("g", &june, rows, "bill/x", from, n, no_metadata()).await;
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
