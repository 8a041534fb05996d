//! Data files: written first, then named by one log commit. A file that no commit names is invisible.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use deltalake::kernel::Add;
use futures::{StreamExt as _, TryStreamExt as _};
use hubtally_schemas::paths;
use hubtally_schemas::tables::TableSpec;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt as _, UploadPart};

use crate::columns;
use crate::encode::{Encoder, ROW_GROUP_ROWS};
use crate::error::StoreError;
use crate::mark::random_name;
use crate::partition::{self, Parts, Values};
use crate::stats::FileStats;
use crate::store::Store;

/// A file is ended once it has this many bytes.
pub(crate) const FILE_BYTES: usize = 256 << 20;
/// Larger files go up in parts, …
const WHOLE_PUT_BYTES: usize = 32 << 20;
/// … each so large, …
const PART_BYTES: usize = 10 << 20;
/// … and so many at a time.
const PARTS_AT_ONCE: usize = 8;

/// Tags of a file in the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags {
    pub(crate) sealed: bool,
    pub(crate) group: Option<String>,
}

/// An encoded file that is not stored yet.
pub(crate) struct Encoded {
    pub(crate) values: Values,
    pub(crate) bytes: Bytes,
    pub(crate) stats: FileStats,
}

/// Encodes rows of several partitions; a file a partition unless it grows too large.
pub(crate) async fn encode_parts(spec: &'static TableSpec, parts: Parts) -> Result<Vec<Encoded>, StoreError> {
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    blocking("encoding rows", move || {
        let mut files = Vec::new();
        for (values, batches) in parts {
            encode_partition(spec, &values, &batches, &mut files)?;
        }
        Ok(files)
    })
    .await
}

fn encode_partition(
    spec: &'static TableSpec,
    values: &Values,
    batches: &[RecordBatch],
    files: &mut Vec<Encoded>,
) -> Result<(), StoreError> {
    let mut start = 0;
    while start < batches.len() {
        let mut encoder = Encoder::new(spec, columns::schema_of(spec, &batches[start]), false)?;
        let mut stats = FileStats::new(spec);
        while start < batches.len() && encoder.bytes_written() < FILE_BYTES {
            let mut rows = 0;
            let mut end = start;
            while end < batches.len() && (end == start || rows + batches[end].num_rows() <= ROW_GROUP_ROWS) {
                rows += batches[end].num_rows();
                end += 1;
            }
            let group = &batches[start..end];
            encoder.row_group(columns_of(group))?;
            add_stats(spec, &mut stats, group);
            start = end;
        }
        files.push(Encoded { values: values.clone(), bytes: encoder.finish()?, stats });
    }
    Ok(())
}

pub(crate) fn columns_of(batches: &[RecordBatch]) -> Vec<Vec<ArrayRef>> {
    let columns = batches.first().map_or(0, RecordBatch::num_columns);
    (0..columns).map(|i| batches.iter().map(|batch| batch.column(i).clone()).collect()).collect()
}

pub(crate) fn add_stats(spec: &TableSpec, stats: &mut FileStats, batches: &[RecordBatch]) {
    for batch in batches {
        stats.add_rows(batch.num_rows());
        for name in spec.stats {
            if let Some(array) = batch.column_by_name(name) {
                stats.add(name, array);
            }
        }
    }
}

/// Stores encoded files and returns what the log will say of them.
pub(crate) async fn store_files(
    store: &Store,
    spec: &'static TableSpec,
    files: Vec<Encoded>,
    tags: &Tags,
) -> Result<Vec<Add>, StoreError> {
    let puts = files.into_iter().map(|file| store_file(store, spec, file, tags));
    futures::future::try_join_all(puts).await
}

async fn store_file(
    store: &Store,
    spec: &'static TableSpec,
    file: Encoded,
    tags: &Tags,
) -> Result<Add, StoreError> {
    let folder = partition::folder(spec, &file.values);
    let kind = if tags.sealed { "sealed" } else { "part" };
    let path = format!("{folder}{kind}-{}.parquet", random_name());
    let whole = format!("{}/{path}", paths::table(spec.name));
    let size = file.bytes.len();
    put(store.object_store(), &whole, file.bytes)
        .await
        .map_err(|source| StoreError::Put { path: whole.clone(), source })?;

    let mut tag_map = HashMap::from([("rows".to_owned(), Some(file.stats.rows().to_string()))]);
    if tags.sealed {
        tag_map.insert("sealed".to_owned(), Some("true".to_owned()));
    }
    if let Some(group) = &tags.group {
        tag_map.insert("group".to_owned(), Some(group.clone()));
    }
    Ok(Add {
        path,
        partition_values: file.values.into_iter().map(|(name, value)| (name, Some(value))).collect(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        modification_time: now_ms(),
        data_change: true,
        stats: Some(file.stats.json()),
        tags: Some(tag_map),
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    })
}

pub(crate) async fn put(
    objects: Arc<dyn ObjectStore>,
    path: &str,
    bytes: Bytes,
) -> Result<(), object_store::Error> {
    let path = Path::from(path);
    if bytes.len() <= WHOLE_PUT_BYTES {
        return objects.put(&path, bytes.into()).await.map(drop);
    }
    let mut upload = objects.put_multipart(&path).await?;
    let sent = send_parts(upload.as_mut(), &bytes).await;
    if sent.is_err() {
        // What came of it would lie there for ever, and a full disk would stay full.
        let _ = upload.abort().await;
    }
    sent
}

async fn send_parts(upload: &mut dyn MultipartUpload, bytes: &Bytes) -> Result<(), object_store::Error> {
    let part = |start: usize| bytes.slice(start..bytes.len().min(start + PART_BYTES));
    let starts = (0..bytes.len()).step_by(PART_BYTES);
    let parts: Vec<UploadPart> = starts.map(|start| upload.put_part(part(start).into())).collect();
    futures::stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).try_collect::<()>().await?;
    upload.complete().await.map(drop)
}

/// Runs what needs the processor away from the threads that wait for storage.
pub(crate) async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Task { what }))
}

/// The time that the log says a file was made.
pub(crate) fn now_ms() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the log records when a file was written; no result reads it"
    )]
    chrono::Utc::now().timestamp_millis()
}
