//! A store: a folder of an object store with a mark, tables and documents, and keys outside it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use deltalake::logstore::{LogStoreRef, StorageConfig, default_logstore};
use hubtally_schemas::paths;
use hubtally_schemas::tables::{TABLES, TableSpec};
use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;
use object_store::prefix::PrefixStore;

use crate::error::StoreError;
use crate::keys::Keys;
use crate::location::Location;
use crate::mark;
use crate::table::Table;

/// Where a store is, and its keys.
#[derive(Debug, Clone, Default)]
pub struct StoreConfig {
    /// A local path, `file:///path`, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
    pub url: String,
    /// Options of the object store client under `object_store`'s keys: `aws_endpoint`,
    /// `aws_access_key_id`, `aws_allow_http`, …
    pub options: BTreeMap<String, String>,
    /// Folder of the keys, outside the store.
    pub keys: PathBuf,
}

/// A store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    location: Location,
    objects: Arc<dyn ObjectStore>,
    keys: Keys,
}

impl Store {
    /// Makes the store: probes create-if-absent, makes keys, mark and all tables. On a store that
    /// exists it makes what is missing and changes nothing else.
    pub async fn create(config: &StoreConfig) -> Result<Self, StoreError> {
        let location = Location::open(&config.url, &config.options, true)?;
        Self::create_at(location, &config.keys).await
    }

    /// [`Store::create`] on a place of one's own.
    pub async fn create_at(location: Location, keys: &std::path::Path) -> Result<Self, StoreError> {
        let objects = location.objects();
        let keys = if let Some(mark) = mark::read(&location).await? {
            mark.probe(&location, &objects).await?;
            mark.keys_of_this_store(&location, keys)?
        } else {
            mark::probe(&location, &objects).await?;
            let keys = Keys::create(keys)?;
            mark::write(&location, &objects, &keys).await?;
            keys
        };
        let store = Self(Arc::new(Inner { location, objects, keys }));
        for spec in TABLES {
            crate::table_schema::ensure(&store, spec).await?;
        }
        Ok(store)
    }

    /// Opens a store that exists. Refuses a folder that is none, one of a newer format, one whose
    /// keys are elsewhere, and one that would let two workers create the same object.
    pub async fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        let location = Location::open(&config.url, &config.options, false)?;
        Self::open_at(location, &config.keys).await
    }

    /// [`Store::open`] on a place of one's own.
    pub async fn open_at(location: Location, keys: &std::path::Path) -> Result<Self, StoreError> {
        let objects = location.objects();
        let Some(mark) = mark::read(&location).await? else {
            return Err(StoreError::NotAStore { url: location.url.to_string() });
        };
        mark.probe(&location, &objects).await?;
        let keys = mark.keys_of_this_store(&location, keys)?;
        Ok(Self(Arc::new(Inner { location, objects, keys })))
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.0.location.url.as_str()
    }

    /// A client rooted at the store's folder.
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        self.0.objects.clone()
    }

    /// The address of a table, for any reader of Delta tables.
    pub fn table_url(&self, name: &str) -> String {
        self.0.location.url_of(&paths::table(name)).as_str().trim_end_matches('/').to_owned()
    }

    /// Its keys.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The newest version of a table. A table that an older release did not have is made.
    pub async fn table(&self, spec: &'static TableSpec) -> Result<Table, StoreError> {
        Table::open(self, spec).await
    }

    /// The folder on this machine, where it is one.
    pub fn local_folder(&self) -> Option<PathBuf> {
        self.0.location.local_folder()
    }

    pub(crate) fn log_store(&self, spec: &TableSpec) -> LogStoreRef {
        let url = self.0.location.url_of(&paths::table(spec.name));
        let inside = ObjectPath::from(paths::table(spec.name));
        let folder: ObjectPath = self.0.location.folder.parts().chain(inside.parts()).collect();
        let prefixed: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(self.0.location.root.clone(), folder));
        default_logstore(prefixed, self.0.location.root.clone(), &url, &StorageConfig::default())
    }
}
