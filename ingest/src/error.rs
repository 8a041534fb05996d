//! What can go wrong while reading: a variant per operation that failed, with its values.
//!
//! A record that cannot be used is no error: it is a reject (law L10).

use std::path::PathBuf;

use hubtally_store::StoreError;
use thiserror::Error;

/// An operation of the ingest room that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IngestError {
    /// No file or folder of that name.
    #[error("{path} does not exist: check the name, relative names start at the current folder")]
    NotFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A file or folder of the local machine cannot be read.
    #[error("{path} cannot be read: check that it is there and that this user may read it")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder tree that does not end, as links in a circle make.
    #[error(
        "{path} is deeper than {limit} folders: a link may lead back into its own folder; name the folders that hold the files"
    )]
    TooDeep {
        /// The folder at which the walk stopped.
        path: PathBuf,
        /// The deepest level that is walked.
        limit: usize,
    },
    /// A URL that names no object store.
    #[error(
        "{url:?} is no URL of an object store: write s3://bucket/path, gs://bucket/path, az://container/path or file:///path"
    )]
    Url {
        /// The URL as it was given.
        url: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An object store that did not give what was asked.
    #[error(
        "{url} cannot be read from its object store: check the address, the credentials and [store_options]"
    )]
    Object {
        /// Address of the object or folder.
        url: String,
        /// What the object store said.
        source: object_store::Error,
    },
    /// An address under which nothing lies.
    #[error("nothing lies at {url}: check the bucket and the path, both are case-sensitive")]
    NothingThere {
        /// The address as it was given.
        url: String,
    },
    /// A file or object that could be opened, and then failed while it was read.
    #[error("{path} failed while it was read: run this again, what was committed is not read twice")]
    Stream {
        /// The file or address.
        path: String,
        /// What the system or the object store said.
        source: std::io::Error,
    },
    /// A file that changed between the pass that named it and the pass that read it.
    #[error("{path} changed while it was read: wait until its writer is done, then ingest it again")]
    FileChanged {
        /// The file.
        path: String,
    },
    /// A CSV or Parquet file that is no table of usage events.
    #[error(
        "{path} is no table of usage events: it has no column {missing}; `hubtally recipe usage-csv` prints one to copy, and bills are read by `hubtally ingest bills`"
    )]
    NoEventTable {
        /// The file.
        path: String,
        /// Columns that it lacks.
        missing: String,
    },
    /// A file that is named as Parquet and cannot be read as such.
    #[error("{path} cannot be read as Parquet: fetch it again, or name it after what it is")]
    NoParquet {
        /// The file.
        path: String,
        /// What the reader said.
        source: parquet::errors::ParquetError,
    },
    /// Too many logs of one hub that begin with the same line.
    #[error(
        "{path} begins with a line with which {limit} other logs of this hub begin: read the logs themselves instead of pieces of them"
    )]
    TooManyAlike {
        /// The log.
        path: String,
        /// How many are told apart.
        limit: u32,
    },
    /// The store refused or failed.
    #[error("the store failed while {doing}")]
    Store {
        /// What was being done, for example `committing records 1 to 5000 of usage.ndjson`.
        doing: String,
        /// What the store said.
        source: Box<StoreError>,
    },
    /// Another process keeps reading the same source.
    #[error(
        "{path} is being read by another process, and after {attempts} attempts its position does not move: let one of the two finish, then run this again"
    )]
    Rival {
        /// The file.
        path: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Rows that do not fit their table: a mistake of this program, not of the data.
    #[error("rows for table {table} could not be built; please report this")]
    Rows {
        /// The table.
        table: &'static str,
        /// What Arrow said.
        source: arrow::error::ArrowError,
    },
    /// A user name or rejected record that could not be keyed.
    #[error("a {what} could not be encrypted: check the keys folder of hubtally.toml")]
    Keys {
        /// What was to be encrypted.
        what: &'static str,
        /// What the keys said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A worker of this program ended early.
    #[error("the worker that {doing} ended early; run this again, what was committed is not read twice")]
    Worker {
        /// What it did.
        doing: &'static str,
    },
    /// A bill was refused.
    #[error(transparent)]
    Bill(#[from] crate::bills::BillError),
    /// A registry cannot be made from cluster files.
    #[error(transparent)]
    RegistryImport(#[from] crate::registry_import::RegistryImportError),
}
