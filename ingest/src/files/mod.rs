//! Files of usage events: CloudEvents 1.0, one a line, plain, gzip or zstd; or a row each, in CSV and Parquet.
//!
//! A file's source id is `file/<sha256 of its bytes>` and its position the number of lines
//! consumed, so the same file under two names is read once, and a run that was broken off goes on
//! where the store says (law L2). A file that changed is another source; facts that stand in both
//! meet in their natural key when a date is sealed. The same holds for a file that shall be judged
//! again after the registry was mended: pack it anew, and it is read again (refused lines alone: `replay`).
//!
//! One file goes through `inputs` (find it) → `raw` (digest, bytes) → `unpack` → `lines` → `pass`
//! (batches, on a thread of its own) → `run` (commits). Rows of a
//! table come through `table` instead of `lines`.

mod finished;
pub(crate) mod inputs;
pub(crate) mod lines;
mod pass;
pub(crate) mod raw;
mod report;
mod run;
mod table;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod unpack;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use hubtally_schemas::{ClusterId, Instant};
use hubtally_store::Store;

pub use report::{FileProblem, FileReport, IngestReport, Total};

pub use table::usage_csv_example;

use run::Run;
pub(crate) use run::stops_all;

use crate::error::IngestError;
use crate::progress::Progress;

/// How files are read.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// The present: events more than five minutes after it are refused.
    pub now: Instant,
    /// Clusters that files may speak for, as the registry knows them; `None` is any.
    pub clusters: Option<BTreeSet<ClusterId>>,
    /// Options for object stores that files are read from, by `object_store`'s names.
    pub object_options: BTreeMap<String, String>,
    /// Threads that read lines.
    pub threads: usize,
    /// A batch is committed at this many rows, …
    pub batch_rows: u64,
    /// … or at about this many bytes.
    pub batch_bytes: usize,
    /// Where a Parquet file is copied to while it is read; `None` is the system's folder for temporary files.
    pub spill_folder: Option<PathBuf>,
}

impl FileOptions {
    /// One thread, any cluster, batches of a million rows or 64 MiB.
    pub fn new(now: Instant) -> Self {
        Self {
            now,
            clusters: None,
            object_options: BTreeMap::new(),
            threads: 1,
            batch_rows: 1_000_000,
            batch_bytes: 64 << 20,
            spill_folder: None,
        }
    }
}

/// Reads files, folders (with what lies in them) and addresses of object stores into the store.
///
/// A file that cannot be read is named in the report and does not stop the others; a store that
/// fails stops the run, and what was committed is not read again.
pub async fn ingest_files(
    store: &Store,
    paths: &[String],
    options: &FileOptions,
    progress: &dyn Progress,
) -> Result<IngestReport, IngestError> {
    let found = inputs::find(paths, &options.object_options, inputs::is_events).await;
    let mut report = IngestReport { ignored: found.ignored, ..IngestReport::default() };
    for (path, error) in found.failed {
        report.errors.push(FileProblem::new(&path, &error));
    }
    if found.inputs.is_empty() {
        return Ok(report);
    }
    let mut run = Run::open(store, options, progress, report).await?;
    for input in found.inputs {
        run.read(input).await?;
    }
    run.finish().await
}
