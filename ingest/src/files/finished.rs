//! What is remembered of a file that was read to its end, so that it need not be unpacked again only
//! to learn that nothing is new. The note is written after the last commit; without it the tables'
//! positions say the same, more slowly.
//!
//! Of a file that was cut off a second note says how long it was, so that the whole one is known by
//! its beginning when it comes. Then a third note says that nothing of it is missing any more.

use bytes::Bytes;
use hubtally_schemas::paths::{self, FileWhole};
use hubtally_store::Store;
use serde::{Deserialize, Serialize};

use super::raw::{CutOff, Identity};
use crate::error::IngestError;

/// The note.
#[derive(Debug, Serialize, Deserialize)]
pub struct Finished {
    /// Records in the file.
    pub records: u64,
    /// Why its stream ended too early, if it did.
    pub truncated: Option<String>,
    /// The name or address under which it was read first.
    #[serde(default)]
    pub name: String,
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
    pub async fn note(&self, store: &Store, identity: &Identity) -> Result<(), IngestError> {
        let Ok(text) = serde_json::to_vec(self) else { return Ok(()) };
        put(store, &paths::file_read(&identity.sha256), text, &self.name).await
    }
}

/// The files that were cut off and have not come whole since.
pub async fn cut_off(store: &Store) -> Result<Vec<CutOff>, IngestError> {
    let failed = |source| IngestError::Store {
        doing: "asking which files were cut off".to_owned(),
        source: Box::new(source),
    };
    let cut = store.list(paths::FILES_CUT).await.map_err(failed)?;
    if cut.is_empty() {
        return Ok(Vec::new());
    }
    let whole = store.list(paths::FILES_WHOLE).await.map_err(failed)?;
    let is_whole = |sha256: &str| whole.iter().any(|path| paths::whole_of(path) == Some(sha256));
    let known = cut.iter().filter_map(|path| paths::cut_of(path));
    Ok(known
        .filter(|(_, sha256)| !is_whole(sha256))
        .map(|(bytes, sha256)| (bytes, sha256.to_owned()))
        .collect())
}

/// Notes that a file was cut off.
pub async fn note_cut_off(store: &Store, identity: &Identity, name: &str) -> Result<(), IngestError> {
    put(store, &paths::file_cut(identity.bytes, &identity.sha256), b"{}".to_vec(), name).await
}

/// Notes that a file which was cut off came whole: `identity` begins with all its bytes.
pub async fn note_whole(
    store: &Store,
    cut_sha256: &str,
    identity: &Identity,
    name: &str,
) -> Result<(), IngestError> {
    let note = FileWhole { whole: identity.sha256.clone() };
    let Ok(text) = serde_json::to_vec(&note) else { return Ok(()) };
    put(store, &paths::file_whole(cut_sha256), text, name).await
}

async fn put(store: &Store, path: &str, text: Vec<u8>, name: &str) -> Result<(), IngestError> {
    store.put_if_absent(path, Bytes::from(text)).await.map(drop).map_err(|source| IngestError::Store {
        doing: format!("noting that {name} was read"),
        source: Box::new(source),
    })
}
