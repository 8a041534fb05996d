//! `hubtally maintain`.

use chrono::NaiveDate;
use clap::Args;

use crate::clock;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::logging::say;
use crate::output::json;
use crate::output::progress::Spinner;

const EXAMPLES: &str = "\
Examples:
  hubtally maintain                       seal every day before yesterday
  hubtally maintain --before 2026-07-01   seal every day before July

Run it every night. It changes no result: sealed days are read faster.";

/// Arguments of `hubtally maintain`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Seal days before this one [default: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD")]
    before: Option<NaiveDate>,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

/// Seals and writes checkpoints.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    Ok(Exit::Done)
}
