//! Why a federation could not be written.

use std::path::PathBuf;

/// Why a federation could not be written: a variant per operation.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A folder could not be made.
    #[error("the folder {path} could not be made: choose a folder that can be written")]
    MakeFolder {
        /// Folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("the file {path} could not be written: is there space on the disk?")]
    WriteFile {
        /// File.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A value has no JSON form.
    #[error("the file {path} could not be written as JSON")]
    WriteJson {
        /// File.
        path: PathBuf,
        /// What the writer said.
        source: serde_json::Error,
    },
    /// A bill could not be written as CSV.
    #[error("the bill {path} could not be written as CSV")]
    WriteCsv {
        /// File.
        path: PathBuf,
        /// What the writer said.
        source: csv::Error,
    },
    /// A bill could not be written as Parquet.
    #[error("the bill {path} could not be written as Parquet")]
    WriteParquet {
        /// File.
        path: PathBuf,
        /// What the writer said.
        source: parquet::errors::ParquetError,
    },
    /// A batch of bill lines does not fit its columns.
    #[error("bill lines of {path} do not fit the columns of FOCUS")]
    BuildColumns {
        /// File.
        path: PathBuf,
        /// What the builder said.
        source: arrow::error::ArrowError,
    },
}
