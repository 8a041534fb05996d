//! Configuration: documents at the edge become one validated [`Config`], a registry and a policy.

pub mod document;
pub mod kafka;
mod operation;
pub mod policy;
pub mod problem;
pub mod prometheus;
pub mod registry;
pub mod secret;
mod shape;
pub mod template;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use operation::Config;
use problem::Problems;
use secret::SecretError;

/// The name under which a configuration is looked for in the current folder.
pub const FILE_NAME: &str = "hubtally.toml";

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// No configuration file.
    #[error(
        "there is no {}: run `hubtally init` to make one here, or name another with --config or {}",
        file.display(),
        crate::env::CONFIG
    )]
    NotFound {
        /// Where it was looked for.
        file: PathBuf,
    },
    /// A document says what it may not.
    #[error("{0}")]
    Document(#[from] Problems),
    /// An environment variable holds what its key may not.
    #[error("{variable} is {value:?}, expected {expected}")]
    Variable {
        /// Which variable.
        variable: &'static str,
        /// What it holds.
        value: String,
        /// What it may hold.
        expected: String,
    },
    /// A secret could not be fetched.
    #[error("{}: a secret cannot be used", file.display())]
    Secret {
        /// Which file refers to it.
        file: PathBuf,
        /// Why.
        #[source]
        source: SecretError,
    },
}

/// A path as the configuration writes it: relative to the configuration's folder, or a URL.
pub fn location(folder: &Path, written: &str) -> String {
    if written.contains("://") {
        written.to_owned()
    } else {
        folder.join(written).to_string_lossy().into_owned()
    }
}
