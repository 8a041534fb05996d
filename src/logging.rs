//! Logs and words go to stderr, above any progress bar; stdout holds results only.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::arguments::Global;
use crate::env;
use crate::output::progress;

/// Starts logging: warnings and errors, more with `-v` or `HUBTALLY_LOG`.
pub fn start(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info,datafusion=warn,deltalake=warn,delta_kernel=warn",
        (false, _) => "debug",
    };
    let filter = env::read(env::LOG).unwrap_or_else(|| level.to_owned());
    let colour = io::stderr().is_terminal() && env::read(env::NO_COLOR).is_none();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(colour)
        .with_writer(AboveBars)
        .with_target(global.verbose > 1)
        .init();
    if global.quiet {
        progress::hide();
    }
}

/// Says a line to the person at the terminal.
pub fn say(line: &str) {
    progress::above(|| {
        let _ = writeln!(io::stderr(), "{line}");
    });
}

/// Writes to stderr without tearing a progress bar.
struct AboveBars;

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        progress::above(|| io::stderr().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for AboveBars {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
