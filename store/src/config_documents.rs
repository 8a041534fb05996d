//! Configuration documents (registry, policy, …): kept by content, with a head that moves by a
//! put-if-absent sequence, so that two writers never both move it.

use bytes::Bytes;
use hubtally_schemas::canonical::sha256_hex;
use hubtally_schemas::paths;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::objects::PutOutcome;
use crate::store::Store;

#[derive(Serialize, Deserialize)]
struct Head {
    sha256: String,
}

impl Store {
    /// Keeps a document, given as canonical JSON, and makes it the head of its kind. The same
    /// document again moves nothing. Returns its SHA-256.
    pub async fn put_config(&self, kind: &str, canonical: &[u8]) -> Result<String, StoreError> {
        let sha256 = sha256_hex(canonical);
        let path = paths::config_document(kind, &sha256);
        let put = self.put_if_absent(&path, Bytes::copy_from_slice(canonical)).await?;
        if put == (PutOutcome::AlreadyThere { same_bytes: false }) {
            return Err(StoreError::Content { path });
        }
        let head = serde_json::json!({ "sha256": sha256 }).to_string();
        loop {
            let sequence = match self.config_head(kind).await? {
                Some((_, current)) if current == sha256 => return Ok(sha256),
                Some((sequence, _)) => sequence.saturating_add(1),
                None => 1,
            };
            let path = paths::config_head(kind, sequence);
            match self.put_if_absent(&path, head.clone().into()).await? {
                PutOutcome::Created | PutOutcome::AlreadyThere { same_bytes: true } => return Ok(sha256),
                // Another writer took this number: look again, ours goes after it.
                PutOutcome::AlreadyThere { same_bytes: false } => {}
            }
        }
    }

    /// The newest head of a kind: its sequence number and the document's SHA-256.
    pub async fn config_head(&self, kind: &str) -> Result<Option<(u32, String)>, StoreError> {
        let folder = format!("config/{kind}/heads");
        let heads = self.list(&folder).await?;
        let newest = heads.iter().filter_map(|path| Some((paths::sequence_of(path)?, path))).max();
        let Some((sequence, path)) = newest else { return Ok(None) };
        let bytes = self.get(path).await?.unwrap_or_default();
        let head: Head =
            serde_json::from_slice(&bytes).map_err(|_| StoreError::Content { path: path.clone() })?;
        Ok(Some((sequence, head.sha256)))
    }
}
