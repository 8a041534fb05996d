//! What can go wrong with a store: a variant per operation, with the path and what to do.

use std::path::PathBuf;

use deltalake::DeltaTableError;
use parquet::errors::ParquetError;
use thiserror::Error;

/// An operation on a store failed. Nothing half done is visible: rows appear with one log commit.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The store's address cannot be used.
    #[error(
        "store {url:?}: {why}; write a local path, file:///path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"
    )]
    Address {
        /// The address as configured.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// An option that the object store client does not know.
    #[error(
        "store {url}: option {option:?} is not known for this kind of store: see object_store's keys, for example aws_endpoint"
    )]
    Option {
        /// Address of the store.
        url: String,
        /// The option's key.
        option: String,
    },
    /// The object store client cannot be made.
    #[error("store {url}: its client cannot be made; look at [store_options]")]
    Client {
        /// Address of the store.
        url: String,
        /// Cause.
        #[source]
        source: object_store::Error,
    },
    /// The first request failed.
    #[error(
        "store {url} cannot be reached, or does not let us in: check `store` and [store_options] of hubtally.toml (endpoint, region, credentials), and the network"
    )]
    Unreachable {
        /// Address of the store.
        url: String,
        /// Cause.
        #[source]
        source: object_store::Error,
    },
    /// The first look into a local store failed.
    #[error(
        "store {url} cannot be read: check `store` of hubtally.toml, and that this user may read the folder"
    )]
    UnreadableFolder {
        /// Address of the store.
        url: String,
        /// Cause.
        #[source]
        source: object_store::Error,
    },
    /// The store's local folder cannot be made or found.
    #[error(
        "store folder {path} cannot be made or read: check `store` of hubtally.toml, and that this user may write there"
    )]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// Two creates of one object both succeeded, so two workers could both own a commit.
    #[error(
        "store {url} does not refuse the second create of an object ({why}), so two writers would lose data: use a store with conditional puts (S3, GCS, Azure, Versity gateway, a local file system)"
    )]
    ConditionalPut {
        /// Address of the store.
        url: String,
        /// What was seen.
        why: String,
    },
    /// The folder is no store.
    #[error("{url} is not a hubtally store: `hubtally init` makes one, or mend `store` in hubtally.toml")]
    NotAStore {
        /// Address of the store.
        url: String,
    },
    /// The store's mark cannot be read.
    #[error("store {url}: its mark `{path}` cannot be understood: {why}")]
    Mark {
        /// Address of the store.
        url: String,
        /// Path of the mark.
        path: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The store was written by a newer release.
    #[error("store {url} has format {found}, this release knows {known}: upgrade hubtally")]
    NewerFormat {
        /// Address of the store.
        url: String,
        /// Format of the store.
        found: u32,
        /// Newest format that this release knows.
        known: u32,
    },
    /// The keys folder belongs to another store, or its store key is lost.
    #[error(
        "keys folder {folder} does not hold the key of store {url} ({why}): user ids would change, so put the folder back from its copy, or mend `keys` in hubtally.toml"
    )]
    ForeignKeys {
        /// Keys folder.
        folder: PathBuf,
        /// Address of the store.
        url: String,
        /// What was seen.
        why: &'static str,
    },
    /// A key file cannot be made or read.
    #[error(
        "key file {path} cannot be made or read: check `keys` of hubtally.toml, and that this user may read and write in that folder"
    )]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// A key file has other content than it should.
    #[error("key file {path}: {why}; put it back from its copy")]
    KeyContent {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A text is too long to be encrypted.
    #[error("{what} cannot be encrypted: {bytes} bytes are too many")]
    Encrypt {
        /// What was to be encrypted.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// An object cannot be read.
    #[error("object {path}: reading failed")]
    Get {
        /// Path inside the store.
        path: String,
        /// Cause.
        #[source]
        source: object_store::Error,
    },
    /// An object cannot be written.
    #[error("object {path}: writing failed; nothing of it is visible, so mend the cause and run again")]
    Put {
        /// Path inside the store.
        path: String,
        /// Cause.
        #[source]
        source: object_store::Error,
    },
    /// A folder cannot be listed.
    #[error("folder {path}: listing failed")]
    List {
        /// Path inside the store.
        path: String,
        /// Cause.
        #[source]
        source: object_store::Error,
    },
    /// An object that is named by its content holds other content.
    #[error("object {path} holds other bytes than its name says: put it back from a copy")]
    Content {
        /// Path inside the store.
        path: String,
    },
    /// A table cannot be made.
    #[error("table {table}: making it failed")]
    CreateTable {
        /// Table.
        table: &'static str,
        /// Cause.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// A table's log cannot be read.
    #[error("table {table}: reading its log failed")]
    OpenTable {
        /// Table.
        table: &'static str,
        /// Cause.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// A table's log holds something that this release does not understand.
    #[error("table {table}: its log cannot be understood: {why}")]
    Log {
        /// Table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A version of a table cannot be read.
    #[error("table {table}: version {version} cannot be read; its log may have been expired")]
    Version {
        /// Table.
        table: &'static str,
        /// Version.
        version: i64,
        /// Cause.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// A commit failed; the table is as before.
    #[error("table {table}: commit failed; nothing of it is visible, so mend the cause and run again")]
    Commit {
        /// Table.
        table: &'static str,
        /// Cause.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// A commit met other writers too many times.
    #[error("table {table}: {tries} commits in a row met other writers: run again when they are done")]
    Contended {
        /// Table.
        table: &'static str,
        /// How many were tried.
        tries: usize,
    },
    /// Nobody gave credentials, and the store did not answer without.
    #[error(
        "{url}: no AWS credentials were found. Tried: {tried}. Set one of them, or `aws_skip_signature` = \"true\" in [store_options] for a public bucket"
    )]
    NoCredentials {
        /// The store.
        url: String,
        /// What was looked for.
        tried: String,
        /// What the last way said.
        #[source]
        source: Option<Box<StoreError>>,
    },
    /// What lies there and what the log says do not fit together: nothing was removed.
    #[error(
        "table {table}: {why}; nothing was removed. Bring back what is missing from a backup, then run this again"
    )]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// What does not fit.
        why: String,
    },
    /// A close's record cannot be understood, so that it is not known what it needs: nothing was removed.
    #[error(
        "{path} cannot be understood ({why}), so it is not known which versions it needs; nothing was removed. Use the release that wrote it"
    )]
    Pins {
        /// The record.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// An object cannot be removed.
    #[error("{path} cannot be removed: check that this user may delete there, then run this again")]
    Delete {
        /// The object.
        path: String,
        /// Cause.
        #[source]
        source: object_store::Error,
    },
    /// A checkpoint cannot be written; no row is touched.
    #[error("table {table}: writing a checkpoint failed; no row is touched")]
    Checkpoint {
        /// Table.
        table: &'static str,
        /// Cause.
        #[source]
        source: Box<DeltaTableError>,
    },
    /// A data file cannot be read.
    #[error("data file {path}: reading failed")]
    ReadFile {
        /// Path inside the store.
        path: String,
        /// Cause.
        #[source]
        source: ParquetError,
    },
    /// A data file cannot be encoded.
    #[error("table {table}: encoding a data file failed")]
    Encode {
        /// Table.
        table: &'static str,
        /// Cause.
        #[source]
        source: ParquetError,
    },
    /// Rows do not have the columns of their table.
    #[error("table {table}: rows do not fit: {why}")]
    Rows {
        /// Table.
        table: &'static str,
        /// What is wrong.
        why: String,
    },
    /// A computation on columns failed.
    #[error("table {table}: {what} failed")]
    Arrow {
        /// Table.
        table: &'static str,
        /// What was computed.
        what: &'static str,
        /// Cause.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// A temporary file cannot be written or read.
    #[error("temporary file {path}: {what} failed; spill_folder in hubtally.toml may lie on a larger disk")]
    Spill {
        /// The file.
        path: PathBuf,
        /// What was done.
        what: &'static str,
        /// Cause.
        #[source]
        source: std::io::Error,
    },
    /// The rows of a write stopped coming before their end.
    #[error("a write was interrupted, nothing of it is visible: {why}")]
    Interrupted {
        /// Why.
        why: String,
    },
    /// A background task ended without a result.
    #[error("{what} ended without a result")]
    Task {
        /// What it did.
        what: &'static str,
    },
}

impl StoreError {
    /// Rows that were to be written stopped coming: for callers that stream rows from a task of theirs.
    pub fn interrupted(why: impl Into<String>) -> Self {
        Self::Interrupted { why: why.into() }
    }

    pub(crate) fn arrow(
        table: &'static str,
        what: &'static str,
    ) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        move |source| Self::Arrow { table, what, source }
    }
}
