//! The hubs' own event logs: server actions of JupyterHub and launches of BinderHub, into `hub_events`.
//!
//! A log grows, is renamed when it is rotated, is packed later, and may be read by two workers at once. So its
//! source is neither its name nor its digest, but how it begins: `log/<cluster>/<namespace>/<head>/<series>`, where
//! `head` is the digest of its first line, and `series` tells logs with the same first line apart. The position is
//! the number of lines consumed. Before lines are committed, the digest of everything up to there is noted in the
//! store; a log is read on only where its own beginning has the digest that was noted (law L2). A log that does
//! not is another one: read as a new source, its rows meet the known ones in their key, because a line's identity
//! is the line itself.
//!
//! A last line without its end is left for later, unless it is whole already.

mod pass;
mod run;
mod scan;
#[cfg(test)]
mod tests;

use hubtally_schemas::Instant;
use hubtally_store::Store;

use run::Run;

use crate::error::IngestError;
use crate::events::{HubLogFormat, HubLogPlace};
use crate::files::{FileOptions, FileProblem, IngestReport, inputs};
use crate::progress::Progress;

/// How hubs' logs are read.
#[derive(Debug, Clone)]
pub struct HubLogOptions {
    /// Whose logs they are.
    pub place: HubLogPlace,
    /// Which events they may hold.
    pub format: HubLogFormat,
    /// As for files of usage events.
    pub files: FileOptions,
}

impl HubLogOptions {
    /// Logs of one hub, with any event, in batches as for files of usage events.
    pub fn new(place: HubLogPlace, now: Instant) -> Self {
        Self { place, format: HubLogFormat::Auto, files: FileOptions::new(now) }
    }
}

/// Reads logs, folders of logs and addresses of object stores into `hub_events`.
///
/// A log that cannot be read is named in the report and does not stop the others; a store that fails stops the
/// run, and what was committed is not read again.
pub async fn ingest_hub_logs(
    store: &Store,
    paths: &[String],
    options: &HubLogOptions,
    progress: &dyn Progress,
) -> Result<IngestReport, IngestError> {
    let found = inputs::find(paths, &options.files.object_options, inputs::is_log).await;
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
