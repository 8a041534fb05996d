//! One date's rows in memory, column by column, text as ranks.
//!
//! A text column becomes the sorted list of its distinct values and a number a row. Sorting, finding
//! duplicates and comparing then work on small integers, and no text is copied until it is written.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, DictionaryArray, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use bytes::Bytes;
use hubtally_schemas::tables::{Column as ColumnSpec, ColumnType, TableSpec};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;

use crate::encode::UNIQUE_TEXT;
use crate::error::StoreError;

/// A file's bytes.
pub(super) struct Input {
    pub(super) path: String,
    pub(super) bytes: Bytes,
}

/// Rows in memory.
pub(super) struct Rows {
    pub(super) spec: &'static TableSpec,
    /// Columns of the file schema, in its order.
    pub(super) columns: Vec<(&'static ColumnSpec, Column)>,
    pub(super) len: usize,
}

/// One column.
pub(super) enum Column {
    /// Text as ranks.
    Ranked(Ranked),
    /// Anything else, as it is.
    Plain(ArrayRef),
}

/// Text as ranks: 0 is NULL, `n` is the n-th of the sorted distinct values.
pub(super) struct Ranked {
    pub(super) ids: Vec<u32>,
    pub(super) values: Arc<StringArray>,
}

impl Ranked {
    /// The text of a row.
    pub(super) fn text(&self, row: usize) -> Option<&str> {
        let id = self.ids[row] as usize;
        (id > 0).then(|| self.values.value(id - 1))
    }
}

impl Rows {
    /// A column by name.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|(spec, _)| spec.name == name).map(|(_, column)| column)
    }
}

struct OpenFile<'a> {
    input: &'a Input,
    metadata: ArrowReaderMetadata,
    rows: usize,
}

/// Decodes files, one column at a time on each thread.
pub(super) fn load(spec: &'static TableSpec, inputs: &[Input]) -> Result<Rows, StoreError> {
    let files = inputs.iter().map(|input| open(spec, input)).collect::<Result<Vec<_>, _>>()?;
    let len = files.iter().map(|file| file.rows).sum();
    let wanted: Vec<&'static ColumnSpec> =
        spec.columns.iter().filter(|column| !spec.partition.contains(&column.name)).collect();
    let columns = wanted
        .into_par_iter()
        .with_max_len(1)
        .map(|column| Ok((column, load_column(spec, column, &files)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Rows { spec, columns, len })
}

/// Whether a text column is ranked: all but those whose every value is new and that order nothing.
fn is_ranked(spec: &TableSpec, column: &ColumnSpec) -> bool {
    let orders = spec.key.contains(&column.name) || spec.order.contains(&column.name);
    column.kind == ColumnType::Text && (orders || !UNIQUE_TEXT.contains(&column.name))
}

fn open<'a>(spec: &'static TableSpec, input: &'a Input) -> Result<OpenFile<'a>, StoreError> {
    let failed = |source| StoreError::ReadFile { path: input.path.clone(), source };
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::load(&input.bytes, plain).map_err(failed)?;
    // Text is asked for as dictionaries, which is how the file holds it.
    let fields: Vec<Arc<Field>> = metadata
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let ranked = spec.column(field.name()).is_some_and(|column| is_ranked(spec, column));
            if ranked && *field.data_type() == DataType::Utf8 {
                let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
                Arc::new(field.as_ref().clone().with_data_type(kind))
            } else {
                field.clone()
            }
        })
        .collect();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(failed)?;
    let rows = metadata.metadata().file_metadata().num_rows();
    Ok(OpenFile { input, metadata, rows: usize::try_from(rows).unwrap_or_default() })
}

fn load_column(
    spec: &'static TableSpec,
    column: &'static ColumnSpec,
    files: &[OpenFile<'_>],
) -> Result<Column, StoreError> {
    let mut chunks = Vec::new();
    for file in files {
        decode(spec, column, file, &mut chunks)?;
    }
    if is_ranked(spec, column) {
        return rank(spec, column, &chunks).map(Column::Ranked);
    }
    if chunks.is_empty() {
        return Ok(Column::Plain(new_null_array(&column.kind.arrow(), 0)));
    }
    let chunks: Vec<&dyn Array> = chunks.iter().map(AsRef::as_ref).collect();
    arrow::compute::concat(&chunks)
        .map(Column::Plain)
        .map_err(StoreError::arrow(spec.name, "joining the rows of a date"))
}

/// A column's arrays, one a row group, so that an array's text shares one dictionary.
fn decode(
    spec: &'static TableSpec,
    column: &'static ColumnSpec,
    file: &OpenFile<'_>,
    chunks: &mut Vec<ArrayRef>,
) -> Result<(), StoreError> {
    let failed = |source| StoreError::ReadFile { path: file.input.path.clone(), source };
    let Ok(field) = file.metadata.schema().index_of(column.name) else {
        chunks.push(new_null_array(&column.kind.arrow(), file.rows));
        return Ok(());
    };
    for (index, group) in file.metadata.metadata().row_groups().iter().enumerate() {
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(
            file.input.bytes.clone(),
            file.metadata.clone(),
        );
        let mask = ProjectionMask::roots(builder.parquet_schema(), [field]);
        let reader = builder
            .with_projection(mask)
            .with_row_groups(vec![index])
            .with_batch_size(rows.max(1))
            .build()
            .map_err(failed)?;
        for batch in reader {
            let batch = batch.map_err(StoreError::arrow(spec.name, "reading the rows of a date"))?;
            chunks.push(typed(spec, column, batch.column(0))?);
        }
    }
    Ok(())
}

/// An array in the column's own type; a dictionary of text stays one.
fn typed(
    spec: &'static TableSpec,
    column: &'static ColumnSpec,
    array: &ArrayRef,
) -> Result<ArrayRef, StoreError> {
    let wanted = column.kind.arrow();
    if *array.data_type() == wanted || array.as_dictionary_opt::<Int32Type>().is_some() {
        return Ok(array.clone());
    }
    arrow::compute::cast(array, &wanted)
        .map_err(StoreError::arrow(spec.name, "reading a column of another type"))
}

fn rank(spec: &'static TableSpec, column: &ColumnSpec, chunks: &[ArrayRef]) -> Result<Ranked, StoreError> {
    let refuse = || StoreError::Rows {
        table: spec.name,
        why: format!("column {} cannot be read as text", column.name),
    };
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut texts: Vec<&str> = Vec::new();
    let mut ids: Vec<u32> = Vec::with_capacity(chunks.iter().map(Array::len).sum());
    for chunk in chunks {
        let mut number = |text| {
            *known.entry(text).or_insert_with(|| {
                texts.push(text);
                u32::try_from(texts.len()).unwrap_or(u32::MAX)
            })
        };
        if let Some(dictionary) = chunk.as_dictionary_opt::<Int32Type>() {
            let values = dictionary.values().as_string_opt::<i32>().ok_or_else(refuse)?;
            let local: Vec<u32> = values.iter().map(|text| text.map_or(0, &mut number)).collect();
            add_keys(dictionary, &local, &mut ids);
        } else {
            let text = chunk.as_string_opt::<i32>().ok_or_else(refuse)?;
            ids.extend(text.iter().map(|text| text.map_or(0, &mut number)));
        }
    }

    let mut order: Vec<u32> = (0..u32::try_from(texts.len()).map_err(|_| refuse())?).collect();
    order.sort_unstable_by_key(|index| texts[*index as usize]);
    let values = Arc::new(StringArray::from_iter_values(order.iter().map(|index| texts[*index as usize])));
    let mut ranks = vec![0_u32; texts.len() + 1];
    for (rank, index) in (1_u32..).zip(&order) {
        ranks[*index as usize + 1] = rank;
    }
    for id in &mut ids {
        *id = ranks[*id as usize];
    }
    Ok(Ranked { ids, values })
}

fn add_keys(dictionary: &DictionaryArray<Int32Type>, local: &[u32], ids: &mut Vec<u32>) {
    let keys = dictionary.keys();
    let number = |key: i32| usize::try_from(key).ok().and_then(|key| local.get(key)).copied().unwrap_or(0);
    if keys.null_count() == 0 {
        ids.extend(keys.values().iter().map(|key| number(*key)));
    } else {
        ids.extend(keys.iter().map(|key| key.map_or(0, number)));
    }
}
