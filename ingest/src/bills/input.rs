//! Where bills come from: files, folders and object-store addresses, plain or compressed.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use hubtally_store::{Location, StoreError};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::error::BillError;
use crate::error::IngestError;

/// The suffix of the file that names a Cost Explorer answer's request.
pub const REQUEST_SUFFIX: &str = ".request.json";
const ENDINGS: [&str; 3] = [".csv", ".json", ".parquet"];
const PACKINGS: [&str; 2] = [".gz", ".zst"];
const MAX_DEPTH: usize = 16;
const HEAD_BYTES: u64 = 64 * 1024;
/// Bytes of a file that are copied at a time.
const PART_BYTES: u64 = 8 << 20;

/// A bill as it lies somewhere, with the request beside it.
#[derive(Debug, Clone)]
pub struct BillFile {
    /// As messages name it.
    pub name: String,
    /// SHA-256 of the bytes as they lie there.
    pub sha256: String,
    /// How many bytes.
    pub size: u64,
    /// The request beside a Cost Explorer answer.
    pub request: Option<Bytes>,
    /// The bytes.
    pub body: Body,
}

/// The bytes of a bill.
#[derive(Debug, Clone)]
pub enum Body {
    /// A file of this machine: an object of an object store was fetched into one.
    Local(PathBuf),
    /// Made in memory.
    Memory(Bytes),
}

impl BillFile {
    /// A bill from bytes, for tests.
    pub fn from_bytes(name: &str, bytes: Bytes, request: Option<Bytes>) -> Self {
        Self {
            name: name.to_owned(),
            sha256: hex::encode(Sha256::digest(&bytes)),
            size: bytes.len() as u64,
            request,
            body: Body::Memory(bytes),
        }
    }

    /// A bill from a local file, with `<file>.request.json` if it is there.
    pub fn from_path(path: &Path) -> Result<Self, BillError> {
        let name = path.display().to_string();
        let failed = |source| BillError::Read { file: name.clone(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mut hash = Sha256::new();
        let size = std::io::copy(&mut file, &mut hash).map_err(failed)?;
        let beside = request_path(path);
        let request = match std::fs::read(&beside) {
            Ok(bytes) => Some(Bytes::from(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(BillError::Read { file: beside.display().to_string(), source }),
        };
        Ok(Self {
            sha256: hex::encode(hash.finalize()),
            size,
            request,
            body: Body::Local(path.to_owned()),
            name,
        })
    }

    /// The last part of its name.
    pub fn file_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name)
    }

    /// Its digest together with its request's: what a loaded bill is told by.
    pub fn digest(&self) -> String {
        match &self.request {
            Some(request) => {
                let mut hash = Sha256::new();
                hash.update(self.sha256.as_bytes());
                hash.update(request);
                hex::encode(hash.finalize())
            }
            None => self.sha256.clone(),
        }
    }

    /// Its bytes as they lie there, a part at a time.
    pub fn raw(&self) -> Result<impl Iterator<Item = Result<Bytes, BillError>>, BillError> {
        let mut raw = self.open_raw()?;
        Ok(std::iter::from_fn(move || {
            let mut part = Vec::new();
            match raw.by_ref().take(PART_BYTES).read_to_end(&mut part) {
                Ok(0) => None,
                Ok(_) => Some(Ok(Bytes::from(part))),
                Err(source) => Some(Err(self.failed(source))),
            }
        }))
    }

    fn open_raw(&self) -> Result<Box<dyn Read + Send>, BillError> {
        Ok(match &self.body {
            Body::Local(path) => Box::new(BufReader::with_capacity(
                1 << 20,
                File::open(path).map_err(|source| self.failed(source))?,
            )),
            Body::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        })
    }

    /// Its content, decompressed.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, BillError> {
        let mut raw = self.open_raw()?;
        let mut magic = Vec::with_capacity(4);
        raw.by_ref().take(4).read_to_end(&mut magic).map_err(|source| self.failed(source))?;
        let packed = magic.clone();
        let whole: Box<dyn Read + Send> = Box::new(Cursor::new(magic).chain(raw));
        if packed.starts_with(&[0x1f, 0x8b]) {
            return Ok(Box::new(MultiGzDecoder::new(whole)));
        }
        if packed.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            let decoder = zstd::stream::read::Decoder::new(whole).map_err(|source| self.failed(source))?;
            return Ok(Box::new(decoder));
        }
        Ok(whole)
    }

    /// The beginning of its content.
    pub fn head(&self) -> Result<Vec<u8>, BillError> {
        let mut head = Vec::new();
        self.open()?.take(HEAD_BYTES).read_to_end(&mut head).map_err(|source| self.failed(source))?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err(BillError::Utf16 { file: self.name.clone() });
        }
        Ok(head)
    }

    /// Turns a failed read into what a person should do.
    pub(crate) fn failed(&self, source: std::io::Error) -> BillError {
        match source.kind() {
            std::io::ErrorKind::UnexpectedEof => BillError::Truncated {
                file: self.name.clone(),
                what: "its compressed stream has no end".to_owned(),
            },
            _ => BillError::Read { file: self.name.clone(), source },
        }
    }
}

/// Where the request of a Cost Explorer answer lies.
pub fn request_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(REQUEST_SUFFIX);
    PathBuf::from(name)
}

/// The bills that were found, and the folder of those that were fetched, which goes with this.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<BillFile>,
    /// Paths that could not be looked into, and files that could not be opened.
    pub(crate) failed: Vec<(String, IngestError)>,
    fetched: Option<TempDir>,
}

impl Found {
    /// Where a bill is fetched to: a bill may be larger than memory.
    fn place(&mut self, spill_folder: &Path) -> Result<PathBuf, BillError> {
        let folder = match &mut self.fetched {
            Some(folder) => folder,
            none => none.insert(tempfile::tempdir_in(spill_folder).map_err(|source| {
                BillError::aside(StoreError::Spill {
                    path: spill_folder.to_owned(),
                    what: "making a folder for bills",
                    source,
                })
            })?),
        };
        Ok(folder.path().join(self.files.len().to_string()))
    }
}

/// All bills that the paths name: files as they are, folders in name order, objects fetched.
pub(crate) async fn find(
    paths: &[String],
    options: &std::collections::BTreeMap<String, String>,
    spill_folder: &Path,
) -> Found {
    let mut all = Found::default();
    for path in paths {
        let before = (all.files.len(), all.failed.len());
        let looked = if path.contains("://") && !path.starts_with("file://") {
            fetch(path, options, spill_folder, &mut all).await
        } else {
            look_at(Path::new(path.strip_prefix("file://").unwrap_or(path)), &mut all)
        };
        match looked {
            Err(error) => all.failed.push((path.clone(), error)),
            Ok(()) if before == (all.files.len(), all.failed.len()) => {
                all.failed.push((path.clone(), BillError::NoBills { path: path.clone() }.into()));
            }
            Ok(()) => {}
        }
    }
    all
}

fn look_at(path: &Path, found: &mut Found) -> Result<(), IngestError> {
    let kind = std::fs::metadata(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => IngestError::NotFound { path: path.to_owned() },
        _ => IngestError::Read { path: path.to_owned(), source },
    })?;
    if kind.is_dir() {
        return walk(path, 0, found);
    }
    found.files.push(BillFile::from_path(path)?);
    Ok(())
}

/// Whether a name in a folder is a bill's.
fn is_bill(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let plain = PACKINGS.iter().find_map(|packing| lower.strip_suffix(packing)).unwrap_or(&lower);
    !lower.starts_with('.')
        && !lower.ends_with(REQUEST_SUFFIX)
        && ENDINGS.iter().any(|end| plain.ends_with(end))
}

fn walk(folder: &Path, depth: usize, found: &mut Found) -> Result<(), IngestError> {
    if depth > MAX_DEPTH {
        return Err(IngestError::TooDeep { path: folder.to_owned(), limit: MAX_DEPTH });
    }
    let failed = |source| IngestError::Read { path: folder.to_owned(), source };
    let mut entries = std::fs::read_dir(folder)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    entries.sort();
    for path in entries {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') {
                walk(&path, depth + 1, found)?;
            }
        } else if is_bill(&name) {
            match BillFile::from_path(&path) {
                Ok(file) => found.files.push(file),
                Err(error) => found.failed.push((path.display().to_string(), error.into())),
            }
        }
    }
    Ok(())
}

async fn fetch(
    address: &str,
    options: &std::collections::BTreeMap<String, String>,
    spill_folder: &Path,
    found: &mut Found,
) -> Result<(), IngestError> {
    use futures::TryStreamExt as _;
    use object_store::ObjectStoreExt;

    let bad_url = |source: Box<dyn std::error::Error + Send + Sync>| IngestError::Url {
        url: address.to_owned(),
        source,
    };
    let failed = |source| IngestError::Object { url: address.to_owned(), source };
    let url = url::Url::parse(address).map_err(|error| bad_url(error.into()))?;
    let location = Location::of_inputs(url.as_str(), options).map_err(|error| bad_url(error.into()))?;
    // The first request gives up in seconds, where the address or the network is wrong.
    let (first, store, prefix) = (location.first_root(), location.root(), location.path().clone());
    let get = async |path: &object_store::path::Path| match store.get(path).await {
        Ok(answer) => Ok(Some(answer)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    };
    let mut paths = Vec::new();
    if first.head(&prefix).await.is_ok() {
        paths.push(prefix.clone());
    } else {
        let mut listed = first.list(Some(&prefix));
        while let Some(meta) = listed.try_next().await.map_err(failed)? {
            if meta.location.filename().is_some_and(is_bill) {
                paths.push(meta.location);
            }
        }
        paths.sort();
    }
    let root = address.strip_suffix(prefix.as_ref()).unwrap_or(address);
    for path in paths {
        let Some(answer) = get(&path).await? else { continue };
        let name = format!("{root}{path}");
        let place = found.place(spill_folder)?;
        let kept = |source| {
            BillError::aside(StoreError::Spill {
                path: place.clone(),
                what: "fetching a bill into it",
                source,
            })
        };
        let mut file = File::create(&place).map_err(kept)?;
        let mut hash = Sha256::new();
        let mut size = 0;
        let mut parts = answer.into_stream();
        while let Some(part) = parts.try_next().await.map_err(failed)? {
            hash.update(&part);
            size += part.len() as u64;
            file.write_all(&part).map_err(kept)?;
        }
        let beside = object_store::path::Path::from(format!("{path}{REQUEST_SUFFIX}"));
        let request = if path.as_ref().contains(".json") { get(&beside).await? } else { None };
        let request = match request {
            Some(answer) => Some(answer.bytes().await.map_err(failed)?),
            None => None,
        };
        let sha256 = hex::encode(hash.finalize());
        found.files.push(BillFile { name, sha256, size, request, body: Body::Local(place) });
    }
    Ok(())
}
