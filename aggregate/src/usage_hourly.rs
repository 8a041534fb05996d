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

/// Computes one day of `usage_hourly` from sealed `pod_usage` and replaces that day's partition.
pub async fn compute_day(
    store: &Store,
    limits: &Limits,
    pods: &Table,
    hourly: &mut Table,
    day: NaiveDate,
) -> Result<(), AggregateError> {
    let files = files_of_day(pods, day)?;
    let date = day.to_string();
    let partition = [("date", date.as_str())];
    let existing = files_of_day(hourly, day)?;
    if files.is_empty() && existing.is_empty() {
        return Ok(());
    }
    let stream = query_day(store, limits, files).await?;
    let schema = USAGE_HOURLY.arrow_schema();
    let batches: Vec<RecordBatch> = stream
        .map(|batch| {
            let batch = batch.map_err(|source| query_failed(day, source))?;
            check_overlap(&batch)?;
            conform(&batch, &schema, day)
        })
        .try_collect()
        .await?;
    let rows = futures::stream::iter(batches.into_iter().map(Ok::<_, StoreError>)).boxed();
    hourly.replace_partition(&partition, rows).await.map(drop).map_err(|source| AggregateError::Table {
        table: USAGE_HOURLY.name,
        operation: "written",
        source: Box::new(source),
    })
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
