//! What a person or a program reads: tables, JSON and CSV on stdout, progress on stderr.

pub mod json;
pub mod progress;
pub mod rows;
pub mod table;

use std::io::{self, Write};

use crate::failure::Failure;

/// Prints text as it is, with a line end.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write!(out, "{text}{end}").and_then(|()| out.flush()).map_err(Failure::Print)
}
