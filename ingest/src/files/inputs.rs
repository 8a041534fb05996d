//! From what a person names (a file, a folder, an address) to the files to read, in a fixed order.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use hubtally_store::Location;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

use crate::error::IngestError;

/// How deep folders are walked.
const MAX_DEPTH: usize = 32;
/// Endings of files that a folder is searched for, before `.gz`, `.zst` and their like. `.json` is
/// none of them: bills may lie beside the events, and tables are events only if their columns are those of
/// events. A file that is named itself is read whatever its name.
const ENDINGS: &[&str] = &[".ndjson", ".jsonl", ".csv", ".parquet"];
/// The same for logs of hubs, before the number or day that rotation puts behind them.
const LOG_ENDINGS: &[&str] = &[".log", ".jsonl", ".ndjson"];
/// Endings of packed files.
const PACKED: &[&str] = &[".gz", ".gzip", ".zst", ".zstd"];

/// One file to read.
#[derive(Clone)]
pub struct Input {
    /// What a person calls it: its path or address.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Whether it was named itself, not found in a folder.
    pub is_named: bool,
}

/// Where a file is.
#[derive(Clone)]
pub enum Place {
    /// On this machine.
    Local(PathBuf),
    /// In an object store.
    Object {
        /// The store.
        store: Arc<dyn ObjectStore>,
        /// The object.
        path: object_store::path::Path,
    },
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What was found under some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// Files to read, in order.
    pub inputs: Vec<Input>,
    /// Files in folders that are no NDJSON by their name.
    pub ignored: Vec<String>,
    /// Paths that could not be looked into.
    pub failed: Vec<(String, IngestError)>,
}

/// Whether a file in a folder is one to read, by its name.
pub type IsWanted = fn(&str) -> bool;

/// Finds the files under the paths of a command line, in their order, folders sorted by name.
pub async fn find(paths: &[String], object_options: &BTreeMap<String, String>, wanted: IsWanted) -> Found {
    let mut found = Found::default();
    for path in paths {
        let looked = match local_path(path) {
            Ok(Some(local)) => find_local(&local, wanted, &mut found),
            Ok(None) => find_objects(path, object_options, wanted, &mut found).await,
            Err(error) => Err(error),
        };
        if let Err(error) = looked {
            found.failed.push((path.clone(), error));
        }
    }
    found
}

/// The local path that a text names; `None` for an address elsewhere.
fn local_path(text: &str) -> Result<Option<PathBuf>, IngestError> {
    if !text.contains("://") {
        return Ok(Some(PathBuf::from(text)));
    }
    let url = parse(text)?;
    if url.scheme() != "file" {
        return Ok(None);
    }
    url.to_file_path().map(Some).map_err(|()| IngestError::Url {
        url: text.to_owned(),
        source: "a file address starts with three slashes and names no machine".into(),
    })
}

fn parse(text: &str) -> Result<Url, IngestError> {
    Url::parse(text).map_err(|error| IngestError::Url { url: text.to_owned(), source: error.into() })
}

fn find_local(path: &Path, wanted: IsWanted, found: &mut Found) -> Result<(), IngestError> {
    let read = |source| IngestError::Read { path: path.to_owned(), source };
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => walk(path, 0, wanted, found),
        Ok(_) => {
            found.inputs.push(local(path, true));
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(IngestError::NotFound { path: path.to_owned() })
        }
        Err(error) => Err(read(error)),
    }
}

fn local(path: &Path, is_named: bool) -> Input {
    Input { name: path.display().to_string(), place: Place::Local(path.to_owned()), is_named }
}

fn walk(folder: &Path, depth: usize, wanted: IsWanted, found: &mut Found) -> Result<(), IngestError> {
    if depth > MAX_DEPTH {
        return Err(IngestError::TooDeep { path: folder.to_owned(), limit: MAX_DEPTH });
    }
    let read = |source| IngestError::Read { path: folder.to_owned(), source };
    let mut entries = std::fs::read_dir(folder)
        .and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()
        })
        .map_err(read)?;
    entries.sort();
    for path in entries {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // Hidden files are the tools' own: half-written downloads, mounts' bookkeeping.
        if name.starts_with('.') {
            continue;
        }
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => {
                if let Err(error) = walk(&path, depth + 1, wanted, found) {
                    found.failed.push((path.display().to_string(), error));
                }
            }
            Ok(_) if wanted(&name) => found.inputs.push(local(&path, false)),
            Ok(_) => found.ignored.push(path.display().to_string()),
            Err(source) => {
                found
                    .failed
                    .push((path.display().to_string(), IngestError::Read { path: path.clone(), source }));
            }
        }
    }
    Ok(())
}

/// Files of usage events.
pub fn is_events(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| unpacked(&lower).ends_with(ending))
}

/// Logs of hubs, also those that were rotated: `events.log`, `events.log.3.gz`, `events.log-20260601`.
pub fn is_log(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let bare = unpacked(&lower).trim_end_matches(|c: char| c.is_ascii_digit());
    let bare = bare.strip_suffix(['.', '-']).unwrap_or(bare);
    LOG_ENDINGS.iter().any(|ending| bare.ends_with(ending) || unpacked(&lower).ends_with(ending))
}

/// A name without the ending of packed files.
pub fn unpacked(name: &str) -> &str {
    PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

async fn find_objects(
    text: &str,
    options: &BTreeMap<String, String>,
    wanted: IsWanted,
    found: &mut Found,
) -> Result<(), IngestError> {
    let url = parse(text)?;
    let location = Location::of_inputs(url.as_str(), options)
        .map_err(|error| IngestError::Url { url: text.to_owned(), source: error.into() })?;
    // The first request gives up in seconds, where the address or the network is wrong.
    let (first, store, prefix) = (location.first_root(), location.root(), location.path().clone());
    let failed = |source| IngestError::Object { url: text.to_owned(), source };
    let address = |path: &object_store::path::Path| {
        let root = text.strip_suffix('/').unwrap_or(text);
        let bare = root.strip_suffix(prefix.as_ref()).unwrap_or(root).trim_end_matches('/');
        format!("{bare}/{path}")
    };
    if !text.ends_with('/') && !prefix.as_ref().is_empty() {
        match first.head(&prefix).await {
            Ok(_) => {
                let place = Place::Object { store, path: prefix };
                found.inputs.push(Input { name: text.to_owned(), place, is_named: true });
                return Ok(());
            }
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let mut paths: Vec<_> =
        first.list(Some(&prefix)).map_ok(|meta| meta.location).try_collect().await.map_err(failed)?;
    if paths.is_empty() {
        return Err(IngestError::NothingThere { url: text.to_owned() });
    }
    paths.sort();
    for path in paths {
        let hidden = path.parts().any(|part| part.as_ref().starts_with('.'));
        if hidden {
            continue;
        }
        let name = address(&path);
        if wanted(path.filename().unwrap_or_default()) {
            let place = Place::Object { store: Arc::clone(&store), path };
            found.inputs.push(Input { name, place, is_named: false });
        } else {
            found.ignored.push(name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_known_by_their_ending() {
        for name in ["a.ndjson", "a.jsonl.gz", "A.NDJSON.ZST", "a.csv", "a.csv.gz", "a.parquet"] {
            assert!(is_events(name), "{name}");
        }
        for name in ["a.gz", "README.md", "ndjson", "bill.json"] {
            assert!(!is_events(name), "{name}");
        }
        for name in [
            "events.log",
            "events.log.1",
            "events.log.2.gz",
            "events.log-20260601",
            "events-2026-06-01.jsonl",
        ] {
            assert!(is_log(name), "{name}");
        }
        for name in ["log", "ledger.json", "events.log.bak", "schema-v1.json", "README.md", "1", ".gz"] {
            assert!(!is_log(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_folder_is_read_in_order_without_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.ndjson", "a/z.ndjson.gz", "a/.half.ndjson", "notes.txt"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let root = folder.path().display().to_string();
        let paths =
            [root.clone(), format!("file://{root}/b.ndjson"), format!("{root}/none"), "s4://x".into()];
        let found = find(&paths, &BTreeMap::new(), is_events).await;
        let names: Vec<_> = found.inputs.iter().map(|input| input.name.replace(&root, "")).collect();
        assert_eq!(names, ["/a/z.ndjson.gz", "/b.ndjson", "/b.ndjson"]);
        assert_eq!(found.ignored.len(), 1);
        assert_eq!(found.failed.len(), 2);
        assert!(found.failed[0].1.to_string().contains("does not exist"));
        assert!(found.failed[1].1.to_string().contains("s3://bucket/path"));
    }
}
