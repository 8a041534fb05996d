//! What can make a bill unusable as a whole. A single row that cannot be read is a reject instead.

use std::path::PathBuf;

use chrono::NaiveDate;
use hubtally_schemas::{Currency, Period};
use hubtally_store::StoreError;
use thiserror::Error;

use super::importer::Format;
use super::input::REQUEST_SUFFIX;

/// A bill that was refused. Nothing of the command's bills was loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BillError {
    /// No importer knows the file.
    #[error(
        "{file}: no bill format is recognised ({found}); give it with --format focus, aws-ce, aws-console or gcp-console"
    )]
    Unrecognised {
        /// The file.
        file: String,
        /// What its beginning holds.
        found: String,
    },
    /// A format that is not one of ours.
    #[error("bill format {value:?} is not known: write one of focus, aws-ce, aws-console, gcp-console{hint}")]
    UnknownFormat {
        /// As it was given.
        value: String,
        /// The nearest valid one, as ` (did you mean …?)`, or nothing.
        hint: String,
    },
    /// The command named no bill at all.
    #[error("{path} holds no bill: bills end in .csv, .json or .parquet, each also with .gz or .zst")]
    NoBills {
        /// The folder.
        path: String,
    },
    /// A required column is not there.
    #[error(
        "{file}: required columns are missing for {format}: {missing}; the file has: {found}. Export it again with these columns, or give another --format"
    )]
    MissingColumns {
        /// The file.
        file: String,
        /// The importer.
        format: Format,
        /// Each missing column with the nearest one found.
        missing: String,
        /// The columns found, shortened.
        found: String,
    },
    /// The file ends before its content does.
    #[error("{file} ends too early ({what}): it was cut, so its total cannot be trusted; download it again")]
    Truncated {
        /// The file.
        file: String,
        /// Where and how that shows.
        what: String,
    },
    /// Reading or decompressing failed.
    #[error("{file} cannot be read")]
    Read {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file's container format is broken.
    #[error("{file} cannot be read as {format}: download it again, or convert it")]
    Container {
        /// The file.
        file: String,
        /// CSV, JSON, Parquet.
        format: &'static str,
        /// What the reader said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The text is in another encoding.
    #[error("{file} is written in UTF-16: save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\")")]
    Utf16 {
        /// The file.
        file: String,
    },
    /// Content that is not what the format promises.
    #[error("{file}: {what}")]
    Content {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// A printed total is not the sum of what it stands for.
    #[error(
        "{file}: {what} says {printed}, but its lines sum to {summed} (difference {difference}): download the file again, and edit no copy of it"
    )]
    TotalMismatch {
        /// The file.
        file: String,
        /// Which total.
        what: String,
        /// As printed.
        printed: String,
        /// As summed.
        summed: String,
        /// Printed less summed.
        difference: String,
    },
    /// A Cost Explorer answer without its request.
    #[error(
        "{file}: a Cost Explorer answer names neither account, filter nor metric, so its request must stand beside it. Write {sidecar}, the JSON that was sent:\n{example}\n`hubtally recipe aws-ce` prints requests that together make one account's whole bill"
    )]
    NoRequest {
        /// The file.
        file: String,
        /// Where the request is looked for.
        sidecar: PathBuf,
        /// A request to copy.
        example: String,
    },
    /// A request that cannot be used.
    #[error("{file}: {what}")]
    Request {
        /// The sidecar file or configuration key.
        file: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// An answer with more pages to come.
    #[error(
        "{file} is not complete: its last page still has a NextPageToken. Ask again with --next-page-token and append each page to the file until no token is left"
    )]
    MorePages {
        /// The file.
        file: String,
    },
    /// Two views of one account that may hold the same money.
    #[error(
        "{first} and {second} overlap: both show account {account} on {day}, and their filters do not exclude each other ({why}), so the same money would be counted twice. Keep one of them, or take the disjoint set of `hubtally recipe aws-ce`"
    )]
    OverlappingViews {
        /// A file.
        first: String,
        /// Another file.
        second: String,
        /// The account.
        account: String,
        /// A day in both.
        day: NaiveDate,
        /// The two filters in words.
        why: String,
    },
    /// Two files hold the same line.
    #[error(
        "{first} (row {first_row}) and {second} (row {second_row}) overlap: both hold the same line of account {account}, {period}, so it would be counted twice. Keep the newer file only; if both are true parts of one export, join them into one file"
    )]
    OverlappingLines {
        /// A file.
        first: String,
        /// Row in it.
        first_row: u64,
        /// Another file.
        second: String,
        /// Row in it.
        second_row: u64,
        /// The account.
        account: String,
        /// The month.
        period: Period,
    },
    /// Two importers for one account and month.
    #[error(
        "account {account}, {period}: {second} ({second_file}) would be loaded beside {first} ({first_file}). One importer per account and month, or its money is counted twice: keep to {first}, or leave its files out"
    )]
    TwoImporters {
        /// The account.
        account: String,
        /// The month.
        period: Period,
        /// Importer that is there.
        first: String,
        /// Its file or digest.
        first_file: String,
        /// Importer that came.
        second: Format,
        /// Its file.
        second_file: String,
    },
    /// Two currencies in one account and month.
    #[error(
        "account {account}, {period} mixes currencies: {first_file} row {first_row} is in {first}, {second_file} row {second_row} in {second}. Split the bill by currency into accounts of their own, or export it in one billing currency"
    )]
    MixedCurrencies {
        /// The account.
        account: String,
        /// The month.
        period: Period,
        /// Currency of the first row.
        first: Currency,
        /// File of the first row.
        first_file: String,
        /// The first row.
        first_row: u64,
        /// Currency of the other row.
        second: Currency,
        /// File of the other row.
        second_file: String,
        /// The other row.
        second_row: u64,
    },
    /// A file that would take away lines which it does not cover.
    #[error(
        "account {account}, {period}: {file} would replace a loaded bill (sha256 {loaded}) that {why}. A month is replaced as a whole: give all its files in one command, or --replace to accept the loss"
    )]
    Shrinks {
        /// The account.
        account: String,
        /// The month.
        period: Period,
        /// The new file.
        file: String,
        /// Digest of a loaded file.
        loaded: String,
        /// What would be lost.
        why: String,
    },
    /// No row of the file could be read.
    #[error("{file}: none of its {rows} rows could be read; the first: {first}")]
    NothingReadable {
        /// The file.
        file: String,
        /// How many rows.
        rows: u64,
        /// The first refused row.
        first: String,
    },
    /// Too many rows were refused.
    #[error(
        "{file}: more than {limit} rows cannot be read; the first: {first}. Mend the export and load it again"
    )]
    TooManyRejects {
        /// The file.
        file: String,
        /// The limit.
        limit: usize,
        /// The first refused row.
        first: String,
    },
    /// Refused rows that hold more than memory does.
    #[error(
        "{file}: the rows that cannot be read hold more than a sixteenth of the {memory_mib} MiB that limits.memory_mib allows; the first: {first}. Mend the export and load it again"
    )]
    TooManyRejectBytes {
        /// The file.
        file: String,
        /// The limit.
        memory_mib: usize,
        /// The first refused row.
        first: String,
    },
    /// More accounts and months than memory holds.
    #[error(
        "{file}: the bills hold more than {limit} accounts and months, which the {memory_mib} MiB of limits.memory_mib do not hold: give fewer files at once, or raise it in hubtally.toml"
    )]
    TooManyGroups {
        /// The file.
        file: String,
        /// The most of them.
        limit: usize,
        /// The limit.
        memory_mib: usize,
    },
    /// A row without an end.
    #[error(
        "{file}: row {row} goes on for more than {limit_mib} MiB: look for a quote that is opened and never closed"
    )]
    EndlessRow {
        /// The file.
        file: String,
        /// The row.
        row: u64,
        /// The most that is read of one row.
        limit_mib: u64,
    },
    /// A file whose bytes changed between two readings.
    #[error("{file} was written to while it was loaded: wait until it is complete, and load it again")]
    Changed {
        /// The file.
        file: String,
    },
    /// Lines could not be encoded, put aside on disk, or read back.
    #[error("the bill lines could not be put aside")]
    Aside(#[source] Box<StoreError>),
    /// Accounts that the registry does not know.
    #[error(
        "{count} accounts of the bills are not in the registry, so nobody would pay for them: {accounts}. Add them to the registry with their true owner (nothing was loaded):\n\n{snippet}"
    )]
    UnknownAccounts {
        /// How many.
        count: usize,
        /// Their ids, shortened.
        accounts: String,
        /// Registry text to paste.
        snippet: String,
    },
    /// A sum left its range.
    #[error("{file}: the amounts of account {account} sum to more than 38 digits: look for a broken row")]
    Overflow {
        /// The file.
        file: String,
        /// The account.
        account: String,
    },
    /// Rows that do not fit their table: a mistake of this program.
    #[error("charges could not be built; please report this")]
    Rows(#[source] arrow::error::ArrowError),
    /// Several bills were refused.
    #[error("{} bills were refused, nothing was loaded:{}", .0.len(), listed(.0))]
    Several(Vec<BillError>),
}

fn listed(errors: &[BillError]) -> String {
    use std::error::Error;
    use std::fmt::Write as _;
    let mut text = String::new();
    for error in errors {
        let _ = write!(text, "\n- {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            let _ = write!(text, ": {cause}");
            source = cause.source();
        }
    }
    text
}

impl BillError {
    /// Lines that could not be put aside.
    pub(crate) fn aside(source: StoreError) -> Self {
        Self::Aside(Box::new(source))
    }

    /// Each refusal by itself.
    pub(crate) fn each(&self) -> Vec<&Self> {
        match self {
            Self::Several(errors) => errors.iter().flat_map(Self::each).collect(),
            error => vec![error],
        }
    }

    /// The files without which it would not be: nothing where it lies in no file.
    pub(crate) fn files(&self) -> Vec<&str> {
        match self {
            Self::Unrecognised { file, .. }
            | Self::MissingColumns { file, .. }
            | Self::Truncated { file, .. }
            | Self::Read { file, .. }
            | Self::Container { file, .. }
            | Self::Utf16 { file }
            | Self::Content { file, .. }
            | Self::TotalMismatch { file, .. }
            | Self::NoRequest { file, .. }
            | Self::MorePages { file }
            | Self::Shrinks { file, .. }
            | Self::NothingReadable { file, .. }
            | Self::TooManyRejects { file, .. }
            | Self::TooManyRejectBytes { file, .. }
            | Self::EndlessRow { file, .. }
            | Self::Changed { file }
            | Self::Overflow { file, .. } => vec![file],
            // A request lies beside its bill.
            Self::Request { file, .. } => vec![file.strip_suffix(REQUEST_SUFFIX).unwrap_or(file)],
            Self::OverlappingViews { first, second, .. } | Self::OverlappingLines { first, second, .. } => {
                vec![first, second]
            }
            Self::TwoImporters { first_file, second_file, .. }
            | Self::MixedCurrencies { first_file, second_file, .. } => vec![first_file, second_file],
            Self::Several(errors) => errors.iter().flat_map(Self::files).collect(),
            Self::UnknownFormat { .. }
            | Self::NoBills { .. }
            | Self::TooManyGroups { .. }
            | Self::Aside(_)
            | Self::UnknownAccounts { .. }
            | Self::Rows(_) => Vec::new(),
        }
    }

    /// One error as itself, several as one list.
    pub(crate) fn join(errors: Vec<Self>) -> Option<Self> {
        errors.into_iter().reduce(Self::and)
    }

    /// Both, in an order that does not depend on that of the files.
    pub(crate) fn and(self, other: Self) -> Self {
        let mut errors: Vec<Self> = [self, other]
            .into_iter()
            .flat_map(|error| match error {
                Self::Several(errors) => errors,
                error => vec![error],
            })
            .collect();
        errors.sort_by_cached_key(ToString::to_string);
        Self::Several(errors)
    }
}
