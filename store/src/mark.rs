//! The mark that makes a folder a store, and the probe of create-if-absent.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hubtally_schemas::paths::STORE_MARK;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::keys::Keys;
use crate::location::Location;
use crate::objects::{PutOutcome, get, put_if_absent};

/// Format that this release writes and the newest that it reads.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    /// Format of everything in the store.
    format: u32,
    /// Random id of the store, so that two stores never have the same mark.
    store: String,
    /// What tells the store's own keys folder from another.
    keys: String,
}

/// A mark as it stands.
#[derive(Debug)]
pub(crate) struct Mark {
    content: Content,
    bytes: Bytes,
}

/// How long the first request may take where no credentials were given.
const NO_CREDENTIALS_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(4_500);

/// Reads the mark; `None` where there is none. It is the first that is asked of a store: one that cannot
/// be reached is told in seconds.
pub(crate) async fn read(location: &Location) -> Result<Option<Mark>, StoreError> {
    let unreachable = |error| match error {
        StoreError::Get { source, .. } => {
            let url = location.url.to_string();
            match location.local_folder() {
                Some(_) => StoreError::UnreadableFolder { url, source },
                None => StoreError::Unreachable { url, source },
            }
        }
        error => error,
    };
    let objects = location.first_objects();
    let asked = get(&objects, STORE_MARK);
    let found = match &location.tried {
        None => asked.await,
        // Who has no credentials is told so soon, also where the address of a machine's role swallows every request.
        Some(tried) => match tokio::time::timeout(NO_CREDENTIALS_TIMEOUT, asked).await {
            Ok(Ok(found)) => Ok(found),
            ended => {
                let (url, tried) = (location.url.to_string(), tried.clone());
                let source = ended.ok().and_then(Result::err).map(Box::new);
                return Err(StoreError::NoCredentials { url, tried, source });
            }
        },
    };
    let Some(bytes) = found.map_err(unreachable)? else { return Ok(None) };
    let content: Content = serde_json::from_slice(&bytes).map_err(|e| StoreError::Mark {
        url: location.url.to_string(),
        path: STORE_MARK,
        why: e.to_string(),
    })?;
    if content.format > FORMAT {
        let url = location.url.to_string();
        return Err(StoreError::NewerFormat { url, found: content.format, known: FORMAT });
    }
    Ok(Some(Mark { content, bytes }))
}

/// Writes the mark of a new store. Of two makers one wins; the other keeps it only with the same keys.
pub(crate) async fn write(
    location: &Location,
    objects: &Arc<dyn ObjectStore>,
    keys: &Keys,
) -> Result<(), StoreError> {
    let content = Content { format: FORMAT, store: random_name(), keys: keys.check() };
    let mut bytes = serde_json::to_vec_pretty(&content).map_err(|e| StoreError::Mark {
        url: location.url.to_string(),
        path: STORE_MARK,
        why: e.to_string(),
    })?;
    bytes.push(b'\n');
    if put_if_absent(objects, STORE_MARK, bytes.into()).await? == PutOutcome::Created {
        return Ok(());
    }
    match read(location).await? {
        Some(mark) if mark.content.keys == keys.check() => Ok(()),
        _ => Err(foreign(location, keys.folder(), "another store was made here at the same time")),
    }
}

impl Mark {
    /// Opens the keys folder and checks that it is this store's.
    pub(crate) fn keys_of_this_store(&self, location: &Location, folder: &Path) -> Result<Keys, StoreError> {
        match Keys::open(folder)? {
            Some(keys) if keys.check() == self.content.keys => Ok(keys),
            Some(_) => Err(foreign(location, folder, "it holds the key of another store")),
            None => Err(foreign(location, folder, "store.key is missing")),
        }
    }

    /// Creates the mark again with its own bytes: a store that lets that pass overwrites objects.
    /// Where nothing can be written, not allowed or for want of space, there is nothing to fear: who only
    /// reads goes on, and who writes is told then.
    pub(crate) async fn probe(
        &self,
        location: &Location,
        objects: &Arc<dyn ObjectStore>,
    ) -> Result<(), StoreError> {
        let payload = PutPayload::from(self.bytes.clone());
        match objects.put_opts(&STORE_MARK.into(), payload, PutMode::Create.into()).await {
            Ok(_) => Err(StoreError::ConditionalPut {
                url: location.url.to_string(),
                why: format!("{STORE_MARK} could be created twice"),
            }),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. }
                | object_store::Error::PermissionDenied { .. }
                | object_store::Error::Unauthenticated { .. },
            ) => Ok(()),
            Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
                Err(unsupported(location))
            }
            Err(_) if location.local_folder().is_some() => Ok(()),
            Err(source) => Err(StoreError::Put { path: STORE_MARK.to_owned(), source }),
        }
    }
}

/// Creates an object twice: the second create must be refused and the first bytes must stay.
pub(crate) async fn probe(location: &Location, objects: &Arc<dyn ObjectStore>) -> Result<(), StoreError> {
    let path = object_store::path::Path::from(format!("_probe/{}", random_name()));
    let put = |text: &'static str| objects.put_opts(&path, text.into(), PutMode::Create.into());
    let failed = |source| StoreError::Put { path: path.to_string(), source };
    match put("first").await {
        Ok(_) => {}
        Err(object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }) => {
            return Err(unsupported(location));
        }
        Err(source) => return Err(failed(source)),
    }
    let second = put("second").await;
    let stands = get(objects, path.as_ref()).await?;
    let _ = objects.delete(&path).await;
    let why = match second {
        Ok(_) => "the second create succeeded",
        Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
            if stands.as_deref() == Some(b"first") {
                return Ok(());
            }
            "the second create was refused, yet the first bytes are gone"
        }
        Err(source) => return Err(failed(source)),
    };
    Err(StoreError::ConditionalPut { url: location.url.to_string(), why: why.to_owned() })
}

fn unsupported(location: &Location) -> StoreError {
    StoreError::ConditionalPut {
        url: location.url.to_string(),
        why: "it knows no conditional put".to_owned(),
    }
}

fn foreign(location: &Location, folder: &Path, why: &'static str) -> StoreError {
    StoreError::ForeignKeys { folder: folder.to_owned(), url: location.url.to_string(), why }
}

/// A name that no other process makes.
pub(crate) fn random_name() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "names of new objects may be random: no result depends on them"
    )]
    uuid::Uuid::new_v4().simple().to_string()
}
