//! Sealing a date that does not fit in memory.
//!
//! 1. Rows are dealt into parts on disk by a hash of their key, so that duplicates meet in one part.
//! 2. Each part is loaded, freed of duplicates and sorted as a whole date is, and written as a run.
//! 3. The runs are merged by the table's order into the sealed files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray as _, UInt32Array};
use arrow::compute::{interleave, take_record_batch};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, Rows as SortKeys, SortField};
use bytes::Bytes;
use futures::StreamExt as _;
use hubtally_schemas::tables::TableSpec;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use super::{Sorted, load, order, rejects, write};
use crate::SealLimits;
use crate::columns;
use crate::data_file::{Encoded, FILE_BYTES, Tags, add_stats, blocking, columns_of, store_files};
use crate::encode::{Encoder, ROW_GROUP_ROWS};
use crate::error::StoreError;
use crate::partition::{self, Values};
use crate::read;
use crate::stats::FileStats;
use crate::store::Store;
use crate::table::DataFile;

/// Rows that are dealt at a time.
const DEALT_ROWS: usize = 16_384;
/// Rows that each run keeps ready during the merge.
const RUN_ROWS: usize = 4_096;
/// Rows that are put out at a time.
const MERGED_ROWS: usize = 16_384;
/// Rows of a row group on disk.
const SPILLED_ROWS: usize = 8_192;
const PAGE_BYTES: usize = 64 << 10;
/// Parts on disk at most: each holds a file and a buffer open.
const MOST_PARTS: usize = 256;

pub(super) async fn sort(
    store: &Store,
    spec: &'static TableSpec,
    files: Vec<DataFile>,
    memory: usize,
    limits: &SealLimits,
) -> Result<Sorted, StoreError> {
    let folder = limits.spill_folder.clone();
    let aside = tempfile::tempdir_in(&folder).map_err(|source| StoreError::Spill {
        path: folder,
        what: "making a folder",
        source,
    })?;
    let values = files.first().map(|file| file.partition.clone()).unwrap_or_default();

    // Three quarters of the memory, since a part is never exactly as large as the others.
    let parts = (memory / (limits.memory_bytes / 4 * 3).max(1) + 1).clamp(2, MOST_PARTS);
    let mut dealt = Dealt::new(spec, aside.path(), parts);
    let mut rows = read::stream_of(store, spec, files, None, DEALT_ROWS)?;
    while let Some(batch) = rows.next().await {
        let batch = partition::without_partition(spec, &batch?)?;
        dealt = blocking("dealing rows into parts", move || dealt.deal(&batch).map(|()| dealt)).await?;
    }

    let (runs, mut sorted) = blocking("sorting parts", move || {
        let parts = dealt.finish()?;
        let mut sorted = Sorted { spilled: true, ..Sorted::default() };
        let mut runs = Vec::new();
        for part in parts {
            runs.push(sort_part(spec, &part, &mut sorted)?);
        }
        Ok((runs, sorted))
    })
    .await?;

    let row_bytes = spec.columns.len() * 32;
    let row_group = (limits.memory_bytes / 2 / row_bytes).clamp(RUN_ROWS, ROW_GROUP_ROWS);
    let mut merge = Merge::open(spec, &runs, values, row_group)?;
    loop {
        let (next, files, ended) = blocking("merging parts", move || {
            let (files, ended) = merge.next_files()?;
            Ok((merge, files, ended))
        })
        .await?;
        merge = next;
        sorted.add.extend(store_files(store, spec, files, &Tags { sealed: true, group: None }).await?);
        if ended {
            return Ok(sorted);
        }
    }
}

fn spill_error(path: &Path, what: &'static str) -> impl Fn(parquet::errors::ParquetError) -> StoreError {
    move |source| StoreError::Spill { path: path.to_owned(), what, source: std::io::Error::other(source) }
}

/// Parts that rows are dealt into.
struct Dealt {
    spec: &'static TableSpec,
    folder: PathBuf,
    parts: Vec<Option<(PathBuf, ArrowWriter<File>)>>,
}

impl Dealt {
    fn new(spec: &'static TableSpec, folder: &Path, parts: usize) -> Self {
        Self { spec, folder: folder.to_owned(), parts: (0..parts).map(|_| None).collect() }
    }

    fn deal(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); self.parts.len()];
        let parts = self.parts.len() as u64;
        for (row, hash) in (0_u32..).zip(hashes(self.spec, batch)?) {
            rows[usize::try_from(hash % parts).unwrap_or_default()].push(row);
        }
        for (part, rows) in rows.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let taken = take_record_batch(batch, &UInt32Array::from(rows))
                .map_err(StoreError::arrow(self.spec.name, "dealing rows into parts"))?;
            self.write(part, &taken)?;
        }
        Ok(())
    }

    fn write(&mut self, part: usize, rows: &RecordBatch) -> Result<(), StoreError> {
        let slot = &mut self.parts[part];
        if slot.is_none() {
            let path = self.folder.join(format!("part-{part}.parquet"));
            *slot = Some((path.clone(), writer(&path, rows, SPILLED_ROWS)?));
        }
        match slot {
            Some((path, writer)) => writer.write(rows).map_err(spill_error(path, "writing")),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<Vec<PathBuf>, StoreError> {
        let mut paths = Vec::new();
        for (path, writer) in self.parts.into_iter().flatten() {
            writer.close().map_err(spill_error(&path, "writing"))?;
            paths.push(path);
        }
        Ok(paths)
    }
}

fn writer(path: &Path, like: &RecordBatch, row_group: usize) -> Result<ArrowWriter<File>, StoreError> {
    let file = File::create(path).map_err(|source| StoreError::Spill {
        path: path.to_owned(),
        what: "making it",
        source,
    })?;
    // Small pages and dictionaries: many of these files are open at once, and each holds some of
    // every column in memory.
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(row_group))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(PAGE_BYTES)
        .set_statistics_enabled(EnabledStatistics::None)
        .build();
    ArrowWriter::try_new(file, like.schema(), Some(properties)).map_err(spill_error(path, "making it"))
}

/// A hash of each row's key.
fn hashes(spec: &'static TableSpec, batch: &RecordBatch) -> Result<Vec<u64>, StoreError> {
    let mut hashers: Vec<DefaultHasher> = (0..batch.num_rows()).map(|_| DefaultHasher::new()).collect();
    for name in spec.key.iter().filter(|name| !spec.partition.contains(name)) {
        let refuse = || StoreError::Rows { table: spec.name, why: format!("cannot hash column {name}") };
        let array = batch.column_by_name(name).ok_or_else(refuse)?;
        match array.data_type() {
            DataType::Utf8 => {
                array.as_string::<i32>().iter().zip(&mut hashers).for_each(|(v, hasher)| v.hash(hasher));
            }
            DataType::Int64 => {
                let values = array.as_primitive::<Int64Type>();
                values.iter().zip(&mut hashers).for_each(|(v, hasher)| v.hash(hasher));
            }
            DataType::Timestamp(_, _) => {
                let values = array.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(refuse)?;
                values.iter().zip(&mut hashers).for_each(|(v, hasher)| v.hash(hasher));
            }
            _ => return Err(refuse()),
        }
    }
    Ok(hashers.into_iter().map(|hasher| hasher.finish()).collect())
}

/// Sorts one part and writes it as a run.
fn sort_part(spec: &'static TableSpec, path: &Path, sorted: &mut Sorted) -> Result<PathBuf, StoreError> {
    let io = |what| move |source| StoreError::Spill { path: path.to_owned(), what, source };
    let bytes = Bytes::from(std::fs::read(path).map_err(io("reading"))?);
    std::fs::remove_file(path).map_err(io("removing it"))?;
    let rows = load::load(spec, &[load::Input { path: path.display().to_string(), bytes }])?;
    let (order, deduped) = order(&rows)?;
    sorted.rows_before += i64::try_from(rows.len).unwrap_or(i64::MAX);
    sorted.rows_after += i64::try_from(order.len()).unwrap_or(i64::MAX);
    sorted.duplicates += deduped.duplicates;
    sorted.superseded += deduped.superseded;
    sorted.refused.extend(rejects::describe(&rows, &deduped.conflicts));

    let run = path.with_extension("run");
    let mut out: Option<ArrowWriter<File>> = None;
    for chunk in order.chunks(MERGED_ROWS) {
        let batch = write::plain(&rows, chunk)?;
        if out.is_none() {
            out = Some(writer(&run, &batch, SPILLED_ROWS)?);
        }
        if let Some(out) = &mut out {
            out.write(&batch).map_err(spill_error(&run, "writing"))?;
        }
    }
    if let Some(out) = out {
        out.close().map_err(spill_error(&run, "writing"))?;
    }
    Ok(run)
}

/// One sorted run: the rows that are next, and their sort keys.
struct Run {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    batch: RecordBatch,
    keys: SortKeys,
    next: usize,
}

struct Merge {
    spec: &'static TableSpec,
    values: Values,
    row_group: usize,
    converter: RowConverter,
    order: Vec<&'static str>,
    runs: Vec<Run>,
    heap: BinaryHeap<Reverse<(Box<[u8]>, usize)>>,
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    open: Option<(Encoder, FileStats)>,
}

impl Merge {
    fn open(
        spec: &'static TableSpec,
        paths: &[PathBuf],
        values: Values,
        row_group: usize,
    ) -> Result<Self, StoreError> {
        let order: Vec<&'static str> =
            spec.order.iter().copied().filter(|name| !spec.partition.contains(name)).collect();
        let fields =
            order.iter().filter_map(|name| spec.column(name)).map(|c| SortField::new(c.kind.arrow()));
        let converter =
            RowConverter::new(fields.collect()).map_err(StoreError::arrow(spec.name, "merging parts"))?;
        let mut merge = Self {
            spec,
            values,
            row_group,
            converter,
            order,
            runs: Vec::new(),
            heap: BinaryHeap::new(),
            waiting: Vec::new(),
            waiting_rows: 0,
            open: None,
        };
        for path in paths {
            merge.add_run(path)?;
        }
        Ok(merge)
    }

    fn add_run(&mut self, path: &Path) -> Result<(), StoreError> {
        let file = File::open(path).map_err(|source| StoreError::Spill {
            path: path.to_owned(),
            what: "reading",
            source,
        })?;
        let options = ArrowReaderOptions::new();
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .and_then(|builder| builder.with_batch_size(RUN_ROWS).build())
            .map_err(spill_error(path, "reading"))?;
        let batch = RecordBatch::new_empty(self.spec.file_schema());
        let keys = self.converter.empty_rows(0, 0);
        self.runs.push(Run { path: path.to_owned(), reader, batch, keys, next: 0 });
        self.advance(self.runs.len() - 1)
    }

    /// Puts a run's next row into the heap; reads more rows where they are used up.
    fn advance(&mut self, index: usize) -> Result<(), StoreError> {
        let run = &mut self.runs[index];
        if run.next >= run.batch.num_rows() {
            match run.reader.next() {
                None => return Ok(()),
                Some(batch) => {
                    run.batch = batch.map_err(|e| spill_error(&run.path, "reading")(e.into()))?;
                }
            }
            let keys: Vec<ArrayRef> =
                self.order.iter().filter_map(|name| run.batch.column_by_name(name).cloned()).collect();
            run.keys = self
                .converter
                .convert_columns(&keys)
                .map_err(StoreError::arrow(self.spec.name, "merging parts"))?;
            run.next = 0;
        }
        let key: Box<[u8]> = run.keys.row(run.next).as_ref().into();
        self.heap.push(Reverse((key, index)));
        Ok(())
    }

    /// Merges until a file is full, or to the end (`true`).
    fn next_files(&mut self) -> Result<(Vec<Encoded>, bool), StoreError> {
        loop {
            let merged = self.merged()?;
            let ended = merged.is_none();
            if let Some(batch) = merged {
                self.waiting_rows += batch.num_rows();
                self.waiting.push(batch);
            }
            if self.waiting_rows >= self.row_group || ended {
                self.row_group()?;
            }
            let full = self.open.as_ref().is_some_and(|(encoder, _)| encoder.bytes_written() >= FILE_BYTES);
            if full || ended {
                let mut files = Vec::new();
                if let Some((encoder, stats)) = self.open.take() {
                    files.push(Encoded { values: self.values.clone(), bytes: encoder.finish()?, stats });
                }
                return Ok((files, ended));
            }
        }
    }

    /// The next rows of all runs in order.
    fn merged(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        let batches: Vec<RecordBatch> = self.runs.iter().map(|run| run.batch.clone()).collect();
        let mut picks: Vec<(usize, usize)> = Vec::new();
        while picks.len() < MERGED_ROWS {
            let Some(Reverse((_, index))) = self.heap.pop() else { break };
            picks.push((index, self.runs[index].next));
            self.runs[index].next += 1;
            // Picks point into the batches as they were: once one is replaced, what is picked goes out.
            let used_up = self.runs[index].next >= self.runs[index].batch.num_rows();
            self.advance(index)?;
            if used_up {
                break;
            }
        }
        if picks.is_empty() {
            return Ok(None);
        }
        let columns = (0..batches[picks[0].0].num_columns())
            .map(|column| {
                let empty = arrow::array::new_empty_array(batches[picks[0].0].column(column).data_type());
                let arrays: Vec<&dyn Array> = batches
                    .iter()
                    .map(|batch| batch.columns().get(column).map_or(empty.as_ref(), AsRef::as_ref))
                    .collect();
                interleave(&arrays, &picks)
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(StoreError::arrow(self.spec.name, "merging parts"))?;
        RecordBatch::try_new(batches[picks[0].0].schema(), columns)
            .map(Some)
            .map_err(StoreError::arrow(self.spec.name, "merging parts"))
    }

    fn row_group(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let batches = std::mem::take(&mut self.waiting);
        self.waiting_rows = 0;
        let (mut encoder, mut stats) = if let Some(open) = self.open.take() {
            open
        } else {
            let schema = columns::schema_of(self.spec, &batches[0]);
            (Encoder::new(self.spec, schema, true)?, FileStats::new(self.spec))
        };
        encoder.row_group(columns_of(&batches))?;
        add_stats(self.spec, &mut stats, &batches);
        self.open = Some((encoder, stats));
        Ok(())
    }
}
