//! An object store on which tasks overtake each other by a seed, and which breaks off where it is told to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// The store.
#[derive(Debug)]
pub struct Wavering {
    inner: Arc<dyn ObjectStore>,
    random: AtomicU64,
    /// Writes below `charges` that still succeed.
    left: AtomicI64,
}

impl Wavering {
    /// Tasks overtake each other.
    pub fn new(inner: Arc<dyn ObjectStore>, seed: u64) -> Arc<Self> {
        Arc::new(Self { inner, random: AtomicU64::new(seed), left: AtomicI64::new(i64::MAX) })
    }

    /// After so many more writes to the table of charges every further one fails.
    pub fn break_after(&self, writes: i64) {
        self.left.store(writes, Ordering::SeqCst);
    }

    /// Lets others go first, or not.
    async fn waver(&self) {
        // SplitMix64, so that the same seed gives the same order.
        let mut drawn = self.random.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst);
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        for _ in 0..(drawn ^ (drawn >> 31)) % 7 {
            tokio::task::yield_now().await;
        }
    }

    fn may_write(&self, path: &Path) -> Result<()> {
        if !path.as_ref().contains("tables/charges") || self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return Ok(());
        }
        Err(Error::Generic { store: "wavering", source: "the line was cut".into() })
    }
}

impl fmt::Display for Wavering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wavering store")
    }
}

#[async_trait]
impl ObjectStore for Wavering {
    async fn put_opts(&self, path: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.waver().await;
        self.may_write(path)?;
        let put = self.inner.put_opts(path, payload, opts).await;
        self.waver().await;
        put
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.may_write(path)?;
        self.inner.put_multipart_opts(path, opts).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.waver().await;
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.waver().await;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
