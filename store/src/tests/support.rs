//! Stores, rows and an object store that fails on purpose.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray as _, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use hubtally_schemas::tables::{ColumnType, POD_USAGE, REJECTS, TableSpec, USERS};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use url::Url;

use crate::{Location, SourceBatch, Store, Table};

/// First instant of 2026-06-01, microseconds.
pub const JUNE: i64 = 1_780_272_000_000_000;
/// 2026-06-01 in days.
pub const JUNE_DAY: i32 = 20_605;
pub const JUNE_TEXT: &str = "2026-06-01";

/// The tables that protocol tests feed: fewer than all, since they make hundreds of stores.
pub const FEW: &[&TableSpec] = &[&REJECTS, &USERS, &POD_USAGE];

pub fn memory_url() -> Url {
    Url::parse("memory:///store").unwrap()
}

/// A store in memory with every table.
pub async fn memory_store(keys: &FilePath) -> (Store, Arc<InMemory>) {
    let memory = Arc::new(InMemory::new());
    let location = Location::with_client(memory.clone(), memory_url()).unwrap();
    (Store::create_at(location, keys).await.unwrap(), memory)
}

/// One row of a table: every column has a value that follows from `position`, or the one given.
pub fn rows(spec: &'static TableSpec, source: &str, positions: &[i64]) -> RecordBatch {
    let position_of = |index: usize| positions[index];
    let indices = 0..positions.len();
    let arrays = spec.columns.iter().map(|column| -> ArrayRef {
        match column.kind {
            ColumnType::Text => Arc::new(StringArray::from_iter_values(indices.clone().map(|i| {
                let position = position_of(i);
                match column.name {
                    "source" => source.to_owned(),
                    "cluster" => format!("cluster-{}", position % 3),
                    "pod_uid" | "user_id" => format!("{source}-{position}"),
                    name => format!("{name}-{}", position % 7),
                }
            }))),
            ColumnType::Int => {
                Arc::new(Int64Array::from_iter_values(indices.clone().map(|i| match column.name {
                    "revision" => 0,
                    _ => position_of(i),
                })))
            }
            ColumnType::Time => {
                let times = indices.clone().map(|i| JUNE + position_of(i) * 1_000_000);
                Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
            }
            ColumnType::Day => Arc::new(Date32Array::from_value(JUNE_DAY, positions.len())),
            _ => arrow::array::new_null_array(&column.kind.arrow(), positions.len()),
        }
    });
    RecordBatch::try_new(spec.arrow_schema(), arrays.collect()).unwrap()
}

/// A batch whose every record has a row in each of [`FEW`].
pub fn batch(source: &str, from: i64, to: i64) -> SourceBatch {
    let positions: Vec<i64> = (from + 1..=to).collect();
    let rows = FEW.iter().map(|spec| (spec.name, vec![rows(spec, source, &positions)]));
    SourceBatch { from, to, rows: rows.collect() }
}

pub async fn read_all(table: &Table, partition: &[(&str, &str)]) -> Vec<RecordBatch> {
    table.read(partition, None).await.unwrap().try_collect().await.unwrap()
}

/// The source positions of a table's rows of one source, sorted.
pub async fn positions_in(store: &Store, spec: &'static TableSpec, source: &str) -> Vec<i64> {
    let table = store.table(spec).await.unwrap();
    let mut positions = Vec::new();
    for batch in read_all(&table, &[]).await {
        let sources = batch.column_by_name("source").unwrap().as_string::<i32>();
        let values = batch.column_by_name("source_position").unwrap().as_primitive::<Int64Type>();
        positions
            .extend((0..batch.num_rows()).filter(|i| sources.value(*i) == source).map(|i| values.value(i)));
    }
    positions.sort_unstable();
    positions
}

pub fn texts(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let array = batch.column_by_name(name).unwrap();
    assert_eq!(*array.data_type(), DataType::Utf8);
    array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

pub fn no_metadata() -> BTreeMap<String, String> {
    BTreeMap::new()
}

/// What goes wrong, drawn from a seed.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    random: Mutex<ChaCha8Rng>,
    on: AtomicBool,
    /// Of a thousand requests, so many go wrong.
    rate: u32,
    /// Every write finds the disk full.
    full: bool,
    pub faults: AtomicU64,
}

enum Fault {
    None,
    /// 500 before the work was done.
    Before,
    /// Work done, reply lost.
    LostReply,
    /// Work done, and the client's own retry met it: a create is refused with our bytes stored.
    RetriedCreate,
    /// 409 with nothing stored.
    Refused,
}

impl Faulty {
    pub fn new(inner: Arc<dyn ObjectStore>, seed: u64, rate: u32) -> Arc<Self> {
        let random = Mutex::new(ChaCha8Rng::seed_from_u64(seed));
        Arc::new(Self {
            inner,
            random,
            on: AtomicBool::new(true),
            rate,
            full: false,
            faults: AtomicU64::new(0),
        })
    }

    /// A store whose disk is full, once it is no longer paused.
    pub fn full(inner: Arc<dyn ObjectStore>) -> Arc<Self> {
        let random = Mutex::new(ChaCha8Rng::seed_from_u64(0));
        Arc::new(Self {
            inner,
            random,
            on: AtomicBool::new(false),
            rate: 0,
            full: true,
            faults: AtomicU64::new(0),
        })
    }

    pub fn heal(&self) {
        self.pause(true);
    }

    pub fn pause(&self, pause: bool) {
        self.on.store(!pause, Ordering::SeqCst);
    }

    fn draw(&self) -> Fault {
        self.draw_at(self.rate)
    }

    /// Reads fail more rarely: a client repeats them by itself.
    fn draw_read(&self) -> Fault {
        self.draw_at(self.rate / 8)
    }

    fn draw_at(&self, rate: u32) -> Fault {
        if !self.on.load(Ordering::SeqCst) {
            return Fault::None;
        }
        let mut random = self.random.lock().unwrap();
        if random.next_u32() % 1000 >= rate {
            return Fault::None;
        }
        self.faults.fetch_add(1, Ordering::SeqCst);
        match random.next_u32() % 4 {
            0 => Fault::Before,
            1 => Fault::LostReply,
            2 => Fault::RetriedCreate,
            _ => Fault::Refused,
        }
    }
}

fn broken(what: &str) -> Error {
    Error::Generic { store: "faulty", source: what.to_owned().into() }
}

fn exists(path: &Path) -> Error {
    Error::AlreadyExists { path: path.to_string(), source: "injected".to_owned().into() }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("faulty store")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, path: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let create = opts.mode == PutMode::Create;
        if self.full && self.on.load(Ordering::SeqCst) {
            return Err(broken("No space left on device (os error 28)"));
        }
        match self.draw() {
            Fault::None => self.inner.put_opts(path, payload, opts).await,
            Fault::Before => Err(broken("500 before the write")),
            Fault::LostReply => {
                self.inner.put_opts(path, payload, opts).await?;
                Err(broken("reply lost after the write"))
            }
            Fault::RetriedCreate => {
                let put = self.inner.put_opts(path, payload, opts).await?;
                if create { Err(exists(path)) } else { Ok(put) }
            }
            Fault::Refused if create => Err(exists(path)),
            Fault::Refused => Err(broken("503")),
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.inner.put_multipart_opts(path, opts).await?;
        let full = self.full && self.on.load(Ordering::SeqCst);
        Ok(if full { Box::new(FullAfterOnePart { inner: upload, parts: 0 }) } else { upload })
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        match self.draw_read() {
            Fault::Before | Fault::LostReply => Err(broken("500 while reading")),
            _ => self.inner.get_opts(path, options).await,
        }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.draw_read() {
            Fault::Before => Box::pin(futures::stream::once(async { Err(broken("500 while listing")) })),
            _ => self.inner.list(prefix),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.draw_read() {
            Fault::Before => Box::pin(futures::stream::once(async { Err(broken("500 while listing")) })),
            _ => self.inner.list_with_offset(prefix, offset),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// An upload that finds the disk full at its second part.
#[derive(Debug)]
struct FullAfterOnePart {
    inner: Box<dyn MultipartUpload>,
    parts: usize,
}

#[async_trait]
impl MultipartUpload for FullAfterOnePart {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts += 1;
        if self.parts == 1 {
            return self.inner.put_part(data);
        }
        Box::pin(async { Err(broken("No space left on device (os error 28)")) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

/// A store whose create overwrites, as some servers do.
#[derive(Debug)]
pub struct Overwriting(pub Arc<dyn ObjectStore>);

impl std::fmt::Display for Overwriting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("overwriting store")
    }
}

#[async_trait]
impl ObjectStore for Overwriting {
    async fn put_opts(&self, path: &Path, payload: PutPayload, mut opts: PutOptions) -> Result<PutResult> {
        opts.mode = PutMode::Overwrite;
        self.0.put_opts(path, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(path, opts).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(path, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

/// A local store with its keys beside it.
pub fn local(folder: &FilePath) -> crate::StoreConfig {
    crate::StoreConfig {
        url: folder.join("a store").display().to_string(),
        keys: folder.join("keys"),
        ..crate::StoreConfig::default()
    }
}
