//! Where a store lies: from an address and options to an object store client.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ClientConfigKey, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use crate::aws_profile::{self, AwsCredentials};
use crate::error::StoreError;

/// An opened place: a client of the whole bucket or disk, and the folder inside it.
#[derive(Debug, Clone)]
pub struct Location {
    /// Address of the folder, ending in `/`.
    pub(crate) url: Url,
    /// Client whose root is the bucket's or disk's root, as Delta's log replay wants it.
    pub(crate) root: Arc<dyn ObjectStore>,
    /// The same with little patience, for the first request: a wrong address is told in seconds, while
    /// later requests outlast a server's bad minutes.
    first_root: Arc<dyn ObjectStore>,
    /// The folder inside `root`.
    pub(crate) folder: Path,
    /// Where nobody gave credentials and only the machine's own role is left: what was looked for.
    pub(crate) tried: Option<String>,
}

/// Tries of the first request, …
const FIRST_RETRIES: usize = 2;
/// … the time after which none is begun, …
const FIRST_RETRY_TIMEOUT: Duration = Duration::from_secs(5);
/// … and how long each may take.
const FIRST_TIMEOUT: &str = "10 seconds";

/// How long a client tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    First,
    Later,
}

/// What becomes of options that the kind of store does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unknown {
    Refused,
    LeftOut,
}

impl Location {
    /// Makes the client for an address. A local folder is made where `make_folder` says so.
    pub(crate) fn open(
        address: &str,
        options: &BTreeMap<String, String>,
        make_folder: bool,
    ) -> Result<Self, StoreError> {
        Self::at(parse(address, make_folder)?, address, options, Unknown::Refused)
    }

    /// A place that inputs are read from. It may be of another kind than the store whose options these are.
    pub fn of_inputs(address: &str, options: &BTreeMap<String, String>) -> Result<Self, StoreError> {
        Self::at(parse(address, false)?, address, options, Unknown::LeftOut)
    }

    fn at(
        url: Url,
        address: &str,
        options: &BTreeMap<String, String>,
        unknown: Unknown,
    ) -> Result<Self, StoreError> {
        let refuse = |why: String| StoreError::Address { url: address.to_owned(), why };
        let (scheme, _) = ObjectStoreScheme::parse(&url).map_err(|e| refuse(e.to_string()))?;
        let credentials = match scheme {
            ObjectStoreScheme::AmazonS3 => aws_profile::choose(options, &aws_profile::Process),
            _ => AwsCredentials::Given,
        };
        let root = client(&url, &scheme, options, Patience::Later, unknown, &credentials)?;
        let first_root = client(&url, &scheme, options, Patience::First, unknown, &credentials)?;
        let tried = match credentials {
            AwsCredentials::Instance { tried } => Some(tried),
            AwsCredentials::Given | AwsCredentials::Profile(_) => None,
        };
        Ok(Self { first_root, tried, ..Self::with_client(root, url)? })
    }

    /// A place on a client of one's own, for example one that injects faults. `root` is the whole
    /// bucket; `url` names the folder in it.
    pub fn with_client(root: Arc<dyn ObjectStore>, mut url: Url) -> Result<Self, StoreError> {
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let folder = Path::from_url_path(url.path())
            .map_err(|e| StoreError::Address { url: url.to_string(), why: e.to_string() })?;
        Ok(Self { url, first_root: root.clone(), root, folder, tried: None })
    }

    /// Whether it is a folder of this machine.
    pub(crate) fn local_folder(&self) -> Option<PathBuf> {
        if self.url.scheme() == "file" { self.url.to_file_path().ok() } else { None }
    }

    /// A client rooted at the folder.
    pub(crate) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(self.root.clone(), self.folder.clone()))
    }

    /// The same for the first request.
    pub(crate) fn first_objects(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(self.first_root.clone(), self.folder.clone()))
    }

    /// A client of the whole bucket, for the first request: it gives up in seconds.
    pub fn first_root(&self) -> Arc<dyn ObjectStore> {
        self.first_root.clone()
    }

    /// A client of the whole bucket.
    pub fn root(&self) -> Arc<dyn ObjectStore> {
        self.root.clone()
    }

    /// The folder, or object, inside the bucket.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The address of a path inside, ending in `/`.
    pub(crate) fn url_of(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}/", self.url.path()));
        url
    }
}

fn client(
    url: &Url,
    scheme: &ObjectStoreScheme,
    options: &BTreeMap<String, String>,
    patience: Patience,
    unknown: Unknown,
    credentials: &AwsCredentials,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let failed = |source| StoreError::Client { url: url.to_string(), source };
    let retry = match patience {
        Patience::First => RetryConfig {
            max_retries: FIRST_RETRIES,
            retry_timeout: FIRST_RETRY_TIMEOUT,
            ..RetryConfig::default()
        },
        Patience::Later => RetryConfig::default(),
    };
    let timeout = (patience == Patience::First).then_some((ClientConfigKey::Timeout, FIRST_TIMEOUT));
    Ok(match scheme {
        ObjectStoreScheme::Local => Arc::new(LocalFileSystem::new()),
        ObjectStoreScheme::AmazonS3 => {
            let mut builder = AmazonS3Builder::from_env().with_url(url.as_str()).with_retry(retry);
            if let Some((key, value)) = timeout {
                builder = builder.with_config(AmazonS3ConfigKey::Client(key), value);
            }
            for (key, value) in known::<AmazonS3ConfigKey>(url, options, unknown)? {
                builder = builder.with_config(key, value);
            }
            if let AwsCredentials::Profile(profile) = credentials {
                builder = builder.with_credentials(profile.clone());
            }
            Arc::new(builder.build().map_err(failed)?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let mut builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str()).with_retry(retry);
            if let Some((key, value)) = timeout {
                builder = builder.with_config(GoogleConfigKey::Client(key), value);
            }
            for (key, value) in known::<GoogleConfigKey>(url, options, unknown)? {
                builder = builder.with_config(key, value);
            }
            Arc::new(builder.build().map_err(failed)?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let mut builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str()).with_retry(retry);
            if let Some((key, value)) = timeout {
                builder = builder.with_config(AzureConfigKey::Client(key), value);
            }
            for (key, value) in known::<AzureConfigKey>(url, options, unknown)? {
                builder = builder.with_config(key, value);
            }
            Arc::new(builder.build().map_err(failed)?)
        }
        _ => {
            let why = format!("the scheme {:?} is not known", url.scheme());
            return Err(StoreError::Address { url: url.to_string(), why });
        }
    })
}

/// The options under the keys of one kind of store.
fn known<'o, K: FromStr>(
    url: &Url,
    options: &'o BTreeMap<String, String>,
    unknown: Unknown,
) -> Result<Vec<(K, &'o str)>, StoreError> {
    let mut known = Vec::with_capacity(options.len());
    for (option, value) in options {
        match option.to_ascii_lowercase().parse() {
            Ok(key) => known.push((key, value.as_str())),
            Err(_) if unknown == Unknown::LeftOut => {}
            Err(_) => return Err(StoreError::Option { url: url.to_string(), option: option.clone() }),
        }
    }
    Ok(known)
}

/// The address as a URL; a local one is made absolute.
fn parse(address: &str, make_folder: bool) -> Result<Url, StoreError> {
    let refuse = |why: &str| StoreError::Address { url: address.to_owned(), why: why.to_owned() };
    if address.is_empty() {
        return Err(refuse("it is empty"));
    }
    let local = match Url::parse(address) {
        Ok(url) if url.scheme() == "file" => {
            url.to_file_path().map_err(|()| refuse("the path is not absolute"))?
        }
        Ok(url) if address.contains("://") => {
            if url.host_str().is_none_or(str::is_empty) {
                return Err(refuse("the bucket is missing"));
            }
            return Ok(url);
        }
        _ => PathBuf::from(address),
    };
    local_url(&local, make_folder)
}

fn local_url(path: &FilePath, make_folder: bool) -> Result<Url, StoreError> {
    let folder = |source| StoreError::Folder { path: path.to_owned(), source };
    if path.is_file() {
        let why = "it is a file, and a store is a folder".to_owned();
        return Err(StoreError::Address { url: path.display().to_string(), why });
    }
    if make_folder {
        std::fs::create_dir_all(path).map_err(folder)?;
    }
    let absolute = match std::fs::canonicalize(path) {
        Ok(absolute) => absolute,
        // A store that is not there is told as such, later, and not as a missing file.
        Err(_) if !make_folder => std::path::absolute(path).map_err(folder)?,
        Err(source) => return Err(folder(source)),
    };
    Url::from_directory_path(&absolute).map_err(|()| StoreError::Address {
        url: path.display().to_string(),
        why: "the path cannot be made absolute".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_bucket_or_with_an_unknown_option_is_refused() {
        let none = BTreeMap::new();
        assert!(matches!(Location::open("", &none, false), Err(StoreError::Address { .. })));
        assert!(matches!(Location::open("s3:///x", &none, false), Err(StoreError::Address { .. })));
        let wrong = BTreeMap::from([("aws_endpiont".to_owned(), "x".to_owned())]);
        assert!(matches!(Location::open("s3://b/x", &wrong, false), Err(StoreError::Option { .. })));
    }

    #[test]
    fn cloud_folders_keep_their_prefix() {
        let options = BTreeMap::from([("aws_region".to_owned(), "us-west-2".to_owned())]);
        let place = Location::open("s3://bucket/a/b", &options, false).unwrap();
        assert_eq!(place.folder.as_ref(), "a/b");
        assert_eq!(place.url_of("tables/x").as_str(), "s3://bucket/a/b/tables/x/");
    }
}
