//! A full disk, said so that a person knows in which folder to make room.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use hubtally_aggregate::AggregateError;
use hubtally_report::ReportError;
use hubtally_store::StoreError;

use crate::config::Config;
use crate::context::Context;
use crate::failure::Failure;

/// A failure for want of space names the folder and its key in `hubtally.toml`; any other stays as it is.
pub fn named(failure: Failure, context: &Context) -> Failure {
    if !chain(&failure).into_iter().any(is_full) {
        return failure;
    }
    let Ok(config) = context.config() else { return failure };
    match full_folder(&failure, &config) {
        Some((key, folder)) => Failure::DiskFull { key, folder, source: Box::new(failure) },
        None => failure,
    }
}

/// The folder that a failed operation was writing in, and the key that names it.
fn full_folder(failure: &Failure, config: &Config) -> Option<(&'static str, PathBuf)> {
    let spill = || ("limits.spill_folder", config.limits.spill_folder.clone());
    // The innermost of our own errors knows best.
    chain(failure).into_iter().rev().find_map(|error| {
        if let Some(store) = ours::<StoreError>(error) {
            return Some(match store {
                StoreError::Spill { .. } => spill(),
                StoreError::KeyFile { .. } => ("keys", config.keys.clone()),
                _ => ("store", PathBuf::from(&config.store)),
            });
        }
        if let Some(ReportError::Write { path, .. }) = ours(error) {
            let folder =
                if path.starts_with(&config.statements) { &config.statements } else { path.as_path() };
            return Some(("statements", folder.to_owned()));
        }
        // A query writes nowhere else.
        ours::<AggregateError>(error).map(|_| spill())
    })
}

/// An error and its causes. The outermost are ours, even where they show themselves as their cause.
fn chain(failure: &Failure) -> Vec<&(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = match failure {
        Failure::Store(error) => error,
        Failure::Ingest(error) => error,
        Failure::Aggregate(error) => error,
        Failure::Report(error) => error,
        other => other,
    };
    std::iter::successors(Some(first), |error: &&(dyn Error + 'static)| (*error).source()).collect()
}

/// An error as one of ours, boxed or not.
fn ours<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    error.downcast_ref::<T>().or_else(|| error.downcast_ref::<Box<T>>().map(AsRef::as_ref))
}

fn is_full(error: &(dyn Error + 'static)) -> bool {
    let full = |error: &io::Error| matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
    // Some libraries hand on only what the system said.
    error.downcast_ref::<io::Error>().is_some_and(full)
        || ["No space left on device", "Disk quota exceeded"]
            .iter()
            .any(|said| error.to_string().contains(said))
}

/// A path as a person knows it: absolute where that can be told.
pub fn shown(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
