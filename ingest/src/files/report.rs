//! What an ingest of files did, for a person and for `--json`.

use serde::Serialize;

use crate::error::IngestError;
use crate::events::Counts;

/// What became of all files.
#[derive(Debug, Clone, Default, Serialize)]
pub struct IngestReport {
    /// Each file, in the order of reading.
    pub files: Vec<FileReport>,
    /// All files together.
    pub total: Total,
    /// Files or paths that could not be read; the others were.
    pub errors: Vec<FileProblem>,
    /// Files in folders that are no NDJSON by their name.
    pub ignored: Vec<String>,
}

/// What became of one file.
#[derive(Debug, Clone, Default, Serialize)]
pub struct FileReport {
    /// Path or address.
    pub file: String,
    /// Source id: `file/<sha256>`.
    pub source: String,
    /// Size as it lies there.
    pub bytes: u64,
    /// `plain`, `gzip` or `zstd`; empty if an earlier run read all of it.
    pub packing: &'static str,
    /// Records that an earlier run, or another process, had committed.
    pub already_read: u64,
    /// What became of the others.
    #[serde(flatten)]
    pub counts: Counts,
    /// Commits made.
    pub batches: u64,
    /// How often another process was met that read the same file.
    pub rivals: u32,
    /// Set if the file's stream ended too early: what came before it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<String>,
    /// Columns of a table that are no fields of events: they were not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unused_columns: Vec<String>,
    /// Of a hub's log: bytes of a last line without its end, which is read when the end has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished_bytes: Option<u64>,
}

/// All files together.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Total {
    /// Files that were read to their end.
    pub files: u64,
    /// Bytes as they lie there.
    pub bytes: u64,
    /// Records that an earlier run, or another process, had committed.
    pub already_read: u64,
    /// What became of the others.
    #[serde(flatten)]
    pub counts: Counts,
}

/// A file or path that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileProblem {
    /// Path or address.
    pub file: String,
    /// What happened and what to do, with its causes.
    pub message: String,
}

impl IngestReport {
    /// Adds a file that was read to its end.
    pub(crate) fn add(&mut self, file: FileReport) {
        self.total.files += 1;
        self.count(file);
    }

    /// Adds a file that could not be read, with what was committed of it before.
    pub(crate) fn add_failed(&mut self, file: FileReport, error: &IngestError) {
        self.errors.push(FileProblem::new(&file.file, error));
        if file.batches > 0 {
            self.count(file);
        }
    }

    fn count(&mut self, file: FileReport) {
        self.total.bytes += file.bytes;
        self.total.already_read += file.already_read;
        self.total.counts.merge(&file.counts);
        self.files.push(file);
    }

    /// Whether every file was read, no record was refused and no stream was cut off.
    pub fn is_clean(&self) -> bool {
        self.errors.is_empty()
            && self.total.counts.rejects.is_empty()
            && self.files.iter().all(|file| file.truncated.is_none())
    }
}

impl FileProblem {
    /// A problem with the whole chain of its causes, each said once.
    pub(crate) fn new(file: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let said = error.to_string();
            if !message.contains(&said) {
                message.push_str(": ");
                message.push_str(&said);
            }
            cause = error.source();
        }
        Self { file: file.to_owned(), message }
    }
}
