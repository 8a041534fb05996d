//! Bills: files of the providers become rows of `charges`.
//!
//! Each format has its importer in a file of its own, which reads bytes into [`ChargeLine`]s and
//! knows no store: [`focus`] (CSV and Parquet), [`aws_ce`], [`aws_console`], [`gcp_console`]. The
//! lines of all files of a command meet in [`collect`], where what would count money twice or mix
//! currencies is refused; lines that do not fit into memory wait on disk ([`limits`]). Only then is
//! anything written ([`load`]): the raw bytes, the refused rows, and per (importer, account, billing
//! period) one commit that replaces the rows there (law L2).
//!
//! **All or nothing**: if one file of the command is refused, none of its bills is loaded.
//!
//! **What counts as the same**: the same file again changes nothing. Another file for an account and
//! month takes the place of what was loaded, if it covers at least the same days, and for Cost
//! Explorer the same queries. Several files for one account and month in one command are parts of
//! one bill and are joined; a line that stands in two of them is an error naming both.

mod ahead;
pub mod aws_ce;
pub mod aws_ce_filter;
pub mod aws_ce_recipe;
pub mod aws_ce_request;
pub mod aws_console;
pub mod collect;
mod columns;
mod console;
pub mod error;
pub mod focus;
mod focus_csv;
mod focus_parquet;
mod focus_tags;
pub mod gcp_console;
pub mod group;
pub mod importer;
pub mod input;
pub mod limits;
pub mod line;
pub mod lines;
mod load;
mod loaded;
mod raw;
mod receipts;
mod rejects;
mod repeats;
pub mod report;
mod scratch;
mod sorter;
mod text_table;
mod times;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use hubtally_schemas::Instant;

pub use aws_ce_recipe::{Query, recipe_aws_ce};
pub use aws_ce_request::CeRequest;
pub use collect::Collector;
pub use error::BillError;
pub use importer::{Context, Format};
pub use input::BillFile;
pub use limits::BillLimits;
pub use line::ChargeLine;
pub use load::ingest_bills;
pub use report::{BillFileReport, BillReport, GroupReport, Outcome};

/// How bills are read and loaded.
#[derive(Debug, Clone)]
pub struct BillOptions {
    /// The present: a month that has not ended by now is provisional, and rejects carry it.
    pub now: Instant,
    /// The format of all files; recognised file by file where it is absent.
    pub format: Option<Format>,
    /// Load bills of accounts that the registry does not know. Their charges have no payer until it
    /// does, and the close says so.
    pub allow_unknown_accounts: bool,
    /// Let files take the place of a loaded bill that covers more than they do.
    pub replace: bool,
    /// Leave out the files that are refused and load the others, instead of loading none.
    pub load_the_rest: bool,
    /// Requests of Cost Explorer answers by file name, where no sidecar stands beside the file.
    pub requests: BTreeMap<String, CeRequest>,
    /// Options for object stores that bills are read from, by `object_store`'s names.
    pub object_options: BTreeMap<String, String>,
    /// Memory and disk that loading may use.
    pub limits: BillLimits,
}

impl BillOptions {
    /// Formats recognised, accounts known, nothing lost, 1 GiB of memory.
    pub fn new(now: Instant) -> Self {
        Self {
            now,
            format: None,
            allow_unknown_accounts: false,
            replace: false,
            load_the_rest: false,
            requests: BTreeMap::new(),
            object_options: BTreeMap::new(),
            limits: BillLimits::default(),
        }
    }
}

/// Reads files into a collector, without any store: every check that needs none is done.
pub fn read_bills(
    files: &[&BillFile],
    context: &Context,
    options: &BillOptions,
    progress: &dyn crate::Progress,
    collector: &mut Collector,
) -> Result<(), BillError> {
    let mut errors = Vec::new();
    for file in files {
        progress.start(&file.name, Some(file.size));
        let read = read_one(file, context, options, collector);
        let lines = collector.files().last().map_or(0, |file| file.lines);
        progress.advance(file.size, lines);
        progress.finish();
        errors.extend(read.err());
    }
    BillError::join(errors).map_or(Ok(()), Err)
}

fn read_one(
    file: &BillFile,
    context: &Context,
    options: &BillOptions,
    collector: &mut Collector,
) -> Result<(), BillError> {
    let format = match options.format {
        Some(format) => format,
        None => Format::recognise(file)?,
    };
    collector.begin(&file.name, &file.sha256, format);
    let reading = format.importer().read(file, context, collector)?;
    collector.end(reading)
}
