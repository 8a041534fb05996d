//! What is remembered of a file that was read to its end, so that it need not be unpacked again only
//! to learn that nothing is new. The note is written after the last commit; without it the tables'
//! positions say the same, more slowly.

use bytes::Bytes;
use hubtally_schemas::paths;
use hubtally_store::Store;
use serde::{Deserialize, Serialize};

use super::raw::Identity;
use crate::error::IngestError;

/// The note.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finished {
    /// Records in the file.
    pub records: u64,
    /// Why its stream ended too early, if it did.
    pub truncated: Option<String>,
}

impl Finished {
    /// The note of a file, if it was read to its end.
    pub async fn find(store: &Store, identity: &Identity) -> Result<Option<Self>, IngestError> {
        let found = store.get(&paths::file_read(&identity.sha256)).await;
        let found = found.map_err(|source| IngestError::Store {
            doing: "asking whether a file was read".to_owned(),
            source: Box::new(source),
        })?;
        // A note that cannot be understood says nothing: the file is read from the tables' position.
        Ok(found.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Leaves the note.
    pub async fn note(&self, store: &Store, identity: &Identity, name: &str) -> Result<(), IngestError> {
        let Ok(text) = serde_json::to_vec(self) else { return Ok(()) };
        let put = store.put_if_absent(&paths::file_read(&identity.sha256), Bytes::from(text)).await;
        put.map(drop).map_err(|source| IngestError::Store {
            doing: format!("noting that {name} was read"),
            source: Box::new(source),
        })
    }
}
