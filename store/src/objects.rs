//! Single objects: read, create if absent, list.
//!
//! A client's retry turns our own success into `AlreadyExists` (with our bytes stored), and a 409
//! before the write gives `AlreadyExists` with nothing stored. So after any refusal the object is
//! read before anything is decided.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};

use crate::error::StoreError;
use crate::store::Store;

/// How often a create is tried that was refused although nothing stands there.
const CREATE_TRIES: usize = 5;

/// Parts of a large object that are on their way at a time.
const UPLOADS_AT_ONCE: usize = 4;
/// Larger objects go up in parts of this size.
const UPLOAD_BYTES: usize = 16 << 20;

/// What became of a create-if-absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// The object was not there, and is now.
    Created,
    /// Something stood there: somebody else's, or our own from an attempt whose reply was lost.
    AlreadyThere {
        /// Whether it has the bytes that were to be written.
        same_bytes: bool,
    },
}

impl Store {
    /// The bytes of an object; `None` where there is none.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>, StoreError> {
        get(&self.object_store(), path).await
    }

    /// Creates an object unless one is there. After any refusal, what stands there is read.
    pub async fn put_if_absent(&self, path: &str, bytes: Bytes) -> Result<PutOutcome, StoreError> {
        put_if_absent(&self.object_store(), path, bytes).await
    }

    /// Writes an object a part at a time, so that it may be larger than memory. What stands there is
    /// written over: for objects that are named by their content.
    pub fn upload(&self, path: &str) -> Upload {
        let writer = BufWriter::with_capacity(self.object_store(), Path::from(path), UPLOAD_BYTES)
            .with_max_concurrency(UPLOADS_AT_ONCE);
        Upload { path: path.to_owned(), writer }
    }

    /// The paths below a folder, sorted.
    pub async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let objects = self.object_store();
        let listing = objects.list(Some(&Path::from(prefix)));
        let mut paths: Vec<String> = listing
            .map_ok(|meta| meta.location.to_string())
            .try_collect()
            .await
            .map_err(|source| StoreError::List { path: prefix.to_owned(), source })?;
        paths.sort_unstable();
        Ok(paths)
    }
}

/// An object that is written a part at a time. Nothing of it is visible before it is finished.
#[derive(Debug)]
pub struct Upload {
    path: String,
    writer: BufWriter,
}

impl Upload {
    /// Writes the next part.
    pub async fn write(&mut self, part: Bytes) -> Result<(), StoreError> {
        let written = self.writer.put(part).await;
        written.map_err(|source| StoreError::Put { path: self.path.clone(), source })
    }

    /// Ends the object, which is visible from now on.
    pub async fn finish(mut self) -> Result<(), StoreError> {
        use tokio::io::AsyncWriteExt as _;
        let ended = self.writer.shutdown().await;
        ended.map_err(|source| {
            let source = object_store::Error::Generic { store: "upload in parts", source: Box::new(source) };
            StoreError::Put { path: self.path, source }
        })
    }

    /// Gives the object up.
    pub async fn abandon(mut self) -> Result<(), StoreError> {
        let given_up = self.writer.abort().await;
        given_up.map_err(|source| StoreError::Put { path: self.path, source })
    }
}

pub(crate) async fn get(objects: &Arc<dyn ObjectStore>, path: &str) -> Result<Option<Bytes>, StoreError> {
    let failed = |source| StoreError::Get { path: path.to_owned(), source };
    match objects.get(&Path::from(path)).await {
        Ok(found) => found.bytes().await.map(Some).map_err(failed),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(source) => Err(failed(source)),
    }
}

pub(crate) async fn put_if_absent(
    objects: &Arc<dyn ObjectStore>,
    path: &str,
    bytes: Bytes,
) -> Result<PutOutcome, StoreError> {
    let location = Path::from(path);
    let mut tries = 0;
    loop {
        tries += 1;
        let payload = PutPayload::from(bytes.clone());
        let put = objects.put_opts(&location, payload, PutMode::Create.into()).await;
        let Err(source) = put else { return Ok(PutOutcome::Created) };
        let refused = matches!(source, Error::AlreadyExists { .. } | Error::Precondition { .. });
        match get(objects, path).await {
            Ok(Some(found)) => return Ok(PutOutcome::AlreadyThere { same_bytes: found == bytes }),
            Ok(None) if refused && tries < CREATE_TRIES => {}
            _ => return Err(StoreError::Put { path: path.to_owned(), source }),
        }
    }
}
