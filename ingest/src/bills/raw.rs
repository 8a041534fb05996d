//! The bytes of loaded bills, kept under their digest.

use futures::TryStreamExt as _;
use hubtally_schemas::paths;
use hubtally_store::Store;
use sha2::{Digest as _, Sha256};

use super::error::BillError;
use super::input::{self, BillFile};
use super::load::failed;
use crate::error::IngestError;

/// Keeps the bytes of a file, and of the request beside it. What is there is there: the name is the
/// digest.
pub(super) async fn keep_raw(store: &Store, file: &BillFile) -> Result<(), IngestError> {
    let doing = || format!("keeping the bytes of {}", file.name);
    let path = paths::raw_bill(&file.sha256);
    let there = store.object_store().list(Some(&path.as_str().into())).try_next().await;
    if there.is_ok_and(|found| found.is_some_and(|meta| meta.size == file.size)) {
        return Ok(());
    }
    let mut upload = store.upload(&path);
    let mut hash = Sha256::new();
    for part in file.raw()? {
        let part = part?;
        hash.update(&part);
        upload.write(part).await.map_err(|source| failed(&doing(), source))?;
    }
    // What was read as a bill must be what is kept.
    if hex::encode(hash.finalize()) != file.sha256 {
        upload.abandon().await.map_err(|source| failed(&doing(), source))?;
        return Err(BillError::Changed { file: file.name.clone() }.into());
    }
    upload.finish().await.map_err(|source| failed(&doing(), source))?;
    if let Some(request) = &file.request {
        let path = format!("{path}{}", input::REQUEST_SUFFIX);
        store.put_if_absent(&path, request.clone()).await.map_err(|source| failed(&doing(), source))?;
    }
    Ok(())
}
