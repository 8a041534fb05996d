//! Pod intervals to pod-hours, one UTC day at a time: `usage_hourly`.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use chrono::NaiveDate;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::{StreamExt, TryStreamExt};
use hubtally_schemas::Instant;
use hubtally_schemas::tables::{POD_USAGE, USAGE_HOURLY};
use hubtally_schemas::units::HOUR_MS;
use hubtally_store::{DataFile, Store, StoreError, Table};

use crate::columns::Columns;
use crate::error::AggregateError;
use crate::session::{Limits, register, session};

/// The metering query: also what the benchmark runs.
pub const QUERY: &str = include_str!("sql/usage_hourly.sql");

/// Computes days of `usage_hourly` from sealed `pod_usage` and replaces their partitions, one after the other.
///
/// A day's rows lie in one sorted file, which one thread reads best: so many days are computed at a time as there
/// are threads, each within its part of the memory.
pub async fn compute_days(
    store: &Store,
    limits: &Limits,
    pods: &Table,
    hourly: &mut Table,
    days: &[NaiveDate],
    progress: &dyn Fn(&str),
) -> Result<(), AggregateError> {
    let at_once = limits.threads.max(1);
    let share = Limits { threads: 1, memory_bytes: limits.memory_bytes / at_once, ..limits.clone() };
    let mut wanted = Vec::new();
    for &day in days {
        let files = files_of_day(pods, day)?;
        if !files.is_empty() || !files_of_day(hourly, day)?.is_empty() {
            wanted.push((day, files));
        }
    }
    let mut computed = futures::stream::iter(wanted)
        .map(|(day, files)| {
            let (store, share) = (store.clone(), share.clone());
            let hours = tokio::spawn(async move { pod_hours(&store, &share, files, day).await });
            async move { (day, hours.await) }
        })
        .buffered(at_once);
    while let Some((day, hours)) = computed.next().await {
        progress(&format!("pod-hours of {day}"));
        let hours = hours.map_err(|_| AggregateError::Worker)??;
        let rows = futures::stream::iter(hours.into_iter().map(Ok::<_, StoreError>)).boxed();
        hourly.replace_partition(&[("date", &day.to_string())], rows).await.map_err(|source| {
            AggregateError::Table { table: USAGE_HOURLY.name, operation: "written", source: Box::new(source) }
        })?;
    }
    Ok(())
}

/// The pod-hours of one day.
async fn pod_hours(
    store: &Store,
    limits: &Limits,
    files: Vec<DataFile>,
    day: NaiveDate,
) -> Result<Vec<RecordBatch>, AggregateError> {
    let schema = USAGE_HOURLY.arrow_schema();
    query_day(store, limits, files)
        .await?
        .map(|batch| {
            let batch = batch.map_err(|source| query_failed(day, source))?;
            check_overlap(&batch)?;
            conform(&batch, &schema, day)
        })
        .try_collect()
        .await
}

/// The files of one UTC day.
pub fn files_of_day(table: &Table, day: NaiveDate) -> Result<Vec<DataFile>, AggregateError> {
    let date = day.to_string();
    let name = table.spec().name;
    let files = table.files().map_err(|source| AggregateError::Table {
        table: name,
        operation: "read",
        source: Box::new(source),
    })?;
    Ok(files.into_iter().filter(|file| file.partition.get("date") == Some(&date)).collect())
}

async fn query_day(
    store: &Store,
    limits: &Limits,
    files: Vec<DataFile>,
) -> Result<SendableRecordBatchStream, AggregateError> {
    let context = session(store, limits)?;
    register(&context, &POD_USAGE, files, true)?;
    let failed = |source| AggregateError::Query { what: "pod-hours".to_owned(), source: Box::new(source) };
    context.sql(QUERY).await.map_err(failed)?.execute_stream().await.map_err(failed)
}

fn query_failed(day: NaiveDate, source: datafusion::error::DataFusionError) -> AggregateError {
    AggregateError::Query { what: format!("pod-hours of {day}"), source: Box::new(source) }
}

/// More than an hour in an hour: the same time was sent twice, cut in two ways.
fn check_overlap(batch: &RecordBatch) -> Result<(), AggregateError> {
    let columns = Columns::new(USAGE_HOURLY.name, batch);
    let observed = columns.int("observed_ms")?;
    let Some(row) = (0..batch.num_rows()).find(|&row| observed.value(row) > HOUR_MS) else {
        return Ok(());
    };
    let hour = columns.time("hour")?;
    Err(AggregateError::Overlap {
        cluster: columns.text("cluster")?.required(row).to_owned(),
        pod_uid: columns.text("pod_uid")?.required(row).to_owned(),
        hour: Instant(hour.value(row)).to_string(),
        observed_ms: observed.value(row),
    })
}

/// Brings a query's batch into the table's exact types and order, with the partition column.
fn conform(batch: &RecordBatch, schema: &SchemaRef, day: NaiveDate) -> Result<RecordBatch, AggregateError> {
    let failed = |source| AggregateError::Rows { table: USAGE_HOURLY.name, source };
    let rows = batch.num_rows();
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            if field.name() == "date" {
                let days = hubtally_schemas::period::date_to_day(day);
                return Ok(Arc::new(arrow::array::Date32Array::from_value(days, rows)) as Arc<dyn Array>);
            }
            let column = batch.column_by_name(field.name()).ok_or_else(|| AggregateError::Column {
                table: USAGE_HOURLY.name,
                column: field.name().clone(),
            })?;
            if column.data_type() == field.data_type() {
                Ok(Arc::clone(column))
            } else {
                cast(column, plain(field.data_type())).map_err(failed)
            }
        })
        .collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(failed)
}

fn plain(data_type: &DataType) -> &DataType {
    data_type
}
