//! `hubtally`: closes the month for a federation of research hubs.
//!
//! Typed arguments ([`arguments`]) → one validated configuration ([`config`]) → one command
//! ([`commands`], a thin file each) → a result on stdout ([`output`]), or one chain of errors on
//! stderr and an exit code ([`failure`]). No rule of the domain stands here.

mod arguments;
mod clock;
mod commands;
mod config;
mod context;
mod disk_full;
mod env;
mod failure;
mod listen;
mod logging;
mod output;
mod running;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start(&arguments.global);
    match running::run(arguments) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}
