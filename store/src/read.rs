//! Reading a table's rows: file after file, with the columns that its spec says.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use hubtally_schemas::tables::{Column, TableSpec};
use object_store::ObjectStore;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::ParquetRecordBatchStream;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};

use crate::error::StoreError;
use crate::partition;
use crate::ranges::RangeReader;
use crate::store::Store;
use crate::table::DataFile;

/// Rows that come at a time.
const BATCH_ROWS: usize = 65_536;

struct Reading {
    store: Store,
    spec: &'static TableSpec,
    columns: Vec<&'static Column>,
    schema: SchemaRef,
    files: VecDeque<DataFile>,
    batch_rows: usize,
    open: Option<(DataFile, ParquetRecordBatchStream<RangeReader>)>,
}

/// The rows of some files.
pub(crate) fn stream(
    store: &Store,
    spec: &'static TableSpec,
    files: Vec<DataFile>,
    names: Option<&[&str]>,
) -> Result<BoxStream<'static, Result<RecordBatch, StoreError>>, StoreError> {
    stream_of(store, spec, files, names, BATCH_ROWS)
}

/// The same, so many rows at a time.
pub(crate) fn stream_of(
    store: &Store,
    spec: &'static TableSpec,
    files: Vec<DataFile>,
    names: Option<&[&str]>,
    batch_rows: usize,
) -> Result<BoxStream<'static, Result<RecordBatch, StoreError>>, StoreError> {
    let columns = chosen(spec, names)?;
    let fields: Vec<_> = columns
        .iter()
        .map(|column| arrow::datatypes::Field::new(column.name, column.kind.arrow(), column.nullable))
        .collect();
    let reading = Reading {
        store: store.clone(),
        spec,
        columns,
        schema: Arc::new(Schema::new(fields)),
        files: files.into(),
        batch_rows,
        open: None,
    };
    let batches = futures::stream::unfold(Some(reading), |reading| async {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Some(batch)) => Some((Ok(batch), Some(reading))),
            Ok(None) => None,
            // An error ends the stream: what follows would be rows after a hole.
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(batches.boxed())
}

fn chosen(spec: &'static TableSpec, names: Option<&[&str]>) -> Result<Vec<&'static Column>, StoreError> {
    let Some(names) = names else { return Ok(spec.columns.iter().collect()) };
    let find = |name: &&str| {
        spec.column(name)
            .ok_or_else(|| StoreError::Rows { table: spec.name, why: format!("there is no column {name}") })
    };
    names.iter().map(find).collect()
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        loop {
            if let Some((file, batches)) = &mut self.open {
                match batches.next().await {
                    Some(Ok(batch)) => {
                        let file = file.clone();
                        return self.complete(&file, &batch).map(Some);
                    }
                    Some(Err(source)) => {
                        return Err(StoreError::ReadFile { path: file.path.clone(), source });
                    }
                    None => self.open = None,
                }
            }
            let Some(file) = self.files.pop_front() else { return Ok(None) };
            let opened = open_file(self.store.object_store(), &self.columns, &file, self.batch_rows).await?;
            self.open = Some((file, opened));
        }
    }

    /// Adds what the file does not hold: partition columns, and columns that are newer than it.
    fn complete(&self, file: &DataFile, batch: &RecordBatch) -> Result<RecordBatch, StoreError> {
        complete(self.spec, &self.columns, &self.schema, file, batch)
    }
}

async fn open_file(
    objects: Arc<dyn ObjectStore>,
    columns: &[&'static Column],
    file: &DataFile,
    batch_rows: usize,
) -> Result<ParquetRecordBatchStream<RangeReader>, StoreError> {
    let failed = |source| StoreError::ReadFile { path: file.path.clone(), source };
    let reader = RangeReader::new(objects, &file.path, file.size);
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let builder = ParquetRecordBatchStreamBuilder::new_with_options(reader, options).await.map_err(failed)?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().map(|column| column.name));
    builder.with_projection(mask).with_batch_size(batch_rows).build().map_err(failed)
}

fn complete(
    spec: &'static TableSpec,
    columns: &[&'static Column],
    schema: &SchemaRef,
    file: &DataFile,
    batch: &RecordBatch,
) -> Result<RecordBatch, StoreError> {
    let rows = batch.num_rows();
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
    for column in columns {
        let array = if spec.partition.contains(&column.name) {
            partition::filled(spec, column, file.partition.get(column.name), rows)?
        } else {
            match batch.column_by_name(column.name) {
                Some(array) if *array.data_type() == column.kind.arrow() => array.clone(),
                // A file of another writer may hold the same values in another type.
                Some(array) => arrow::compute::cast(array, &column.kind.arrow())
                    .map_err(StoreError::arrow(spec.name, "reading a column of another type"))?,
                None => new_null_array(&column.kind.arrow(), rows),
            }
        };
        arrays.push(array);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
        .map_err(StoreError::arrow(spec.name, "reading rows"))
}
