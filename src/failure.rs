//! Why a command failed, said once, and the exit code that follows.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use hubtally_schemas::exit;
use thiserror::Error;

use crate::config::ConfigError;

/// How a command that did not fail ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing is missing.
    Done,
    /// Done, but the data is incomplete.
    Incomplete,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => exit::DONE,
            Exit::Incomplete => exit::INCOMPLETE,
        })
    }
}

/// Why a command failed.
#[derive(Debug, Error)]
pub enum Failure {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The command was called in a way that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The registry or the policy does not fit together.
    #[error("{0}")]
    Documents(#[from] crate::config::problem::Problems),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] hubtally_store::StoreError),
    /// Reading usage or bills failed.
    #[error(transparent)]
    Ingest(#[from] hubtally_ingest::IngestError),
    /// The allocation failed.
    #[error(transparent)]
    Aggregate(#[from] hubtally_aggregate::AggregateError),
    /// The statements could not be written.
    #[error(transparent)]
    Report(#[from] hubtally_report::ReportError),
    /// The sample could not be written.
    #[error(transparent)]
    Sample(#[from] hubtally_sample::SampleError),
    /// `doctor` found something that does not work.
    #[error("{failures} of {looked} things do not work: what mends each stands beside it")]
    Unwell {
        /// How many failed.
        failures: usize,
        /// How many were looked at.
        looked: usize,
    },
    /// A Prometheus told nothing.
    #[error(transparent)]
    Probe(#[from] hubtally_ingest::probe::ProbeError),
    /// A file or folder could not be written.
    #[error("{} cannot be {operation}", path.display())]
    File {
        /// What was to be done: `written`, `made`.
        operation: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A disk is full.
    #[error(
        "no space is left on the disk of {} (`{key}` in hubtally.toml): make room there, or name a folder on a larger \
         disk, then run the same command again. What was committed stays, and nothing half written is visible",
        crate::disk_full::shown(folder)
    )]
    DiskFull {
        /// The key that names the folder.
        key: &'static str,
        /// The folder.
        folder: PathBuf,
        /// What failed.
        #[source]
        source: Box<Failure>,
    },
    /// Something is there already and would be lost.
    #[error("{} is already there and was not changed: {advice}", path.display())]
    AlreadyThere {
        /// What is there.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
    /// A result has no text form.
    #[error("the {what} cannot be written as {form}")]
    Form {
        /// What was to be written.
        what: &'static str,
        /// In which form.
        form: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The result could not be printed.
    #[error("the result cannot be printed")]
    Print(#[source] std::io::Error),
    /// The books do not balance: nothing was published.
    #[error(
        "the books of {period} do not balance: {difference} {currency} billed but not posted. Nothing was \
         published; please report this with the output of `hubtally sql \"SELECT * FROM conservation\"`"
    )]
    OutOfBalance {
        /// The month.
        period: String,
        /// Which currency.
        currency: String,
        /// Billed − posted.
        difference: String,
    },
    /// Another process wrote the same numbered record again and again.
    #[error("{path} is being written by other processes: let them finish, then run this again")]
    Contended {
        /// The path that was wanted last.
        path: String,
    },
    /// None of the inputs could be read.
    #[error("nothing could be read:\n  {why}")]
    NothingRead {
        /// What happened to each input.
        why: String,
    },
    /// An address cannot be listened at.
    #[error("nobody can listen at {address}: check that the address is this machine's and the port is free")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A person stopped the command.
    #[error("interrupted: what was committed stays, the rest is done by running the same command again")]
    Interrupted,
    /// The asynchronous runtime could not start.
    #[error("the program cannot start its threads")]
    Runtime(#[source] std::io::Error),
}

impl Failure {
    /// The exit code that follows.
    pub fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) | Self::Documents(_) | Self::AlreadyThere { .. } => exit::USAGE,
            _ => exit::FAILED,
        }
    }

    /// Says what failed on stderr, with the chain of causes, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        if !self.is_closed_pipe() {
            eprintln!("error: {}", chain(self));
        }
        ExitCode::from(self.code())
    }

    /// Whether the reader of our output went away, as `hubtally sql … | head` does.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Print(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// An error with its causes, a line each. A cause that its effect repeats is left out.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut last = text.clone();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !last.contains(&said) {
            let _ = write!(text, "\n  because {}", said.replace('\n', "\n    "));
        }
        last = said;
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_said_once() {
        let source = std::io::Error::other("the disk is full");
        let failure = Failure::File { operation: "written", path: "a.json".into(), source };
        assert_eq!(chain(&failure), "a.json cannot be written\n  because the disk is full");
        assert_eq!(failure.code(), exit::FAILED);
        assert_eq!(Failure::Usage("x".into()).code(), exit::USAGE);
    }
}
