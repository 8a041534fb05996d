//! `hubtally maintain`.

use chrono::NaiveDate;
use clap::Args;
use hubtally_store::MaintainOptions;

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
    let config = context.config()?;
    let store = context::open_store(&config).await?;
    let yesterday = clock::now().date().pred_opt();
    let options =
        MaintainOptions { before: arguments.before.or(yesterday), limits: context::seal_limits(&config)? };
    let spinner = Spinner::start("looking at the tables");
    let done = hubtally_store::maintain(&store, &options, &|words: &str| spinner.say(words)).await?;
    drop(spinner);
    if arguments.json {
        json::print(&done)?;
    } else {
        for (table, days) in &done.sealed {
            say(&format!("sealed      {table}: {} days", days.len()));
        }
        for (table, version) in &done.checkpoints {
            say(&format!("checkpoint  {table} at version {version}"));
        }
        if done.sealed.is_empty() && done.checkpoints.is_empty() {
            say("nothing to do");
        }
    }
    Ok(Exit::Done)
}
