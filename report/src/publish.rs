//! Documents into files, and their JSON into the store under its digest.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use hubtally_schemas::canonical::{sha256_hex, to_vec};
use hubtally_schemas::paths;
use hubtally_store::{PutOutcome, Store};
use serde::Serialize;

use crate::error::ReportError;

/// A document in its three forms.
#[derive(Debug, Clone)]
pub struct Document {
    /// Folder under the period's, with forward slashes: `communities/ocean-lab`.
    pub folder: String,
    /// Name of its files, without ending.
    pub name: &'static str,
    /// Canonical JSON: the record.
    pub json: Vec<u8>,
    /// CSV.
    pub csv: Vec<u8>,
    /// HTML.
    pub html: String,
}

/// Canonical JSON with its digest.
pub fn record<T: Serialize>(of: &str, document: &T) -> Result<(Vec<u8>, String), ReportError> {
    let json = to_vec(document).map_err(|source| ReportError::Json { document: of.to_owned(), source })?;
    let digest = sha256_hex(&json);
    Ok((json, digest))
}

/// Keeps the JSON in the store: the same bytes twice are one object.
pub async fn keep(store: &Store, document: &Document) -> Result<(), ReportError> {
    let path = paths::output(&sha256_hex(&document.json));
    let put = store.put_if_absent(&path, Bytes::from(document.json.clone())).await.map_err(|source| {
        ReportError::Keep { document: document.folder.clone(), source: Box::new(source) }
    })?;
    match put {
        PutOutcome::Created | PutOutcome::AlreadyThere { same_bytes: true } => Ok(()),
        PutOutcome::AlreadyThere { same_bytes: false } => Err(ReportError::OutputDiffers { path }),
    }
}

/// Writes the three files. Each appears whole: a reader never sees half a document.
pub fn write(period_folder: &Path, document: &Document) -> Result<(), ReportError> {
    let folder = document.folder.split('/').fold(period_folder.to_path_buf(), |path, part| path.join(part));
    std::fs::create_dir_all(&folder).map_err(|source| ReportError::Write { path: folder.clone(), source })?;
    let files: [(&str, &[u8]); 3] =
        [("json", &document.json), ("csv", &document.csv), ("html", document.html.as_bytes())];
    for (ending, bytes) in files {
        whole(&folder.join(format!("{}.{ending}", document.name)), bytes)?;
    }
    Ok(())
}

/// Removes the drafts of communities that the registry no longer has: the three files of ours, and
/// their folder where nothing else lies in it.
pub fn remove_others(period_folder: &Path, kept: &[String], name: &str) -> Result<(), ReportError> {
    let folder = period_folder.join("communities");
    let failed = |path: &Path, source| ReportError::Write { path: path.to_path_buf(), source };
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| failed(&folder, source))?,
    };
    for entry in entries {
        let path = entry.map_err(|source| failed(&folder, source))?.path();
        let id = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if kept.contains(&id) || !path.is_dir() {
            continue;
        }
        for ending in ["json", "csv", "html"] {
            let file = path.join(format!("{name}.{ending}"));
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(&file, error));
                }
                _ => {}
            }
        }
        // A folder with something of the reader's own stays.
        let _ = std::fs::remove_dir(&path);
    }
    Ok(())
}

fn whole(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    let mut name = path.file_name().map(ToOwned::to_owned).unwrap_or_default();
    name.push(".part");
    let part: PathBuf = path.with_file_name(name);
    let failed = |source| ReportError::Write { path: path.to_path_buf(), source };
    let written = std::fs::write(&part, bytes).and_then(|()| std::fs::rename(&part, path));
    written.map_err(|source| {
        // What a full disk took of it stands in the way of whoever makes room.
        let _ = std::fs::remove_file(&part);
        failed(source)
    })
}
