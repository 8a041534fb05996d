//! A temporary file without a name: gone when it is closed, also after a crash.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hubtally_store::StoreError;

/// A file that is only appended to, and read anywhere.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
    /// Behind a lock, since reading moves the place in it.
    file: Mutex<File>,
    end: u64,
}

impl Scratch {
    pub(crate) fn new(folder: &Path) -> Result<Self, StoreError> {
        let file = tempfile::tempfile_in(folder).map_err(|source| StoreError::Spill {
            path: folder.to_owned(),
            what: "making it",
            source,
        })?;
        Ok(Self { folder: folder.to_owned(), file: Mutex::new(file), end: 0 })
    }

    /// Appends bytes and says where they lie.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<Range<u64>, StoreError> {
        let start = self.end;
        let written = {
            let mut file = self.file();
            file.seek(SeekFrom::Start(start)).and_then(|_| file.write_all(bytes))
        };
        written.map_err(|source| self.failed("writing", source))?;
        self.end = start + bytes.len() as u64;
        Ok(start..self.end)
    }

    /// Reads a whole range.
    pub(crate) fn read(&self, place: &Range<u64>) -> Result<Vec<u8>, StoreError> {
        let length = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        let read = {
            let mut file = self.file();
            file.seek(SeekFrom::Start(place.start)).and_then(|_| file.read_exact(&mut bytes))
        };
        read.map_err(|source| self.failed("reading", source))?;
        Ok(bytes)
    }

    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, what: &'static str, source: std::io::Error) -> StoreError {
        StoreError::Spill { path: self.folder.clone(), what, source }
    }
}
