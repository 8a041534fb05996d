//! Logs and words go to stderr, above any progress bar; stdout holds results only.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::arguments::Global;
use crate::env;
use crate::output::progress;

/// Whether only failures are said.
static QUIET: AtomicBool = AtomicBool::new(false);

/// What the libraries below say is repeated by our own errors, or is of no use to a person: only `-vv` shows it.
const LIBRARIES: &str =
    "buoyant_kernel=off,delta_kernel=off,deltalake=error,deltalake_core=error,datafusion=error";

/// Starts logging: warnings and errors, more with `-v` or `HUBTALLY_LOG`.
pub fn start(global: &Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => format!("error,{LIBRARIES}"),
        (false, 0) => format!("warn,{LIBRARIES}"),
        (false, 1) => format!("info,{LIBRARIES}"),
        (false, _) => "debug".to_owned(),
    };
    let filter = env::read(env::LOG).unwrap_or(level);
    let colour = io::stderr().is_terminal() && env::read(env::NO_COLOR).is_none();
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(colour)
        .with_writer(AboveBars)
        .with_target(global.verbose > 1);
    // A person at a terminal needs no clock; a log does.
    if global.verbose == 0 {
        lines.without_time().init();
    } else {
        lines.init();
    }
    if global.quiet {
        QUIET.store(true, Ordering::Relaxed);
        progress::hide();
    }
}

/// Says a line to the person at the terminal.
pub fn say(line: &str) {
    if QUIET.load(Ordering::Relaxed) {
        return;
    }
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
