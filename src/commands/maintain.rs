//! `hubtally maintain`.

use chrono::NaiveDate;
use clap::Args;
use hubtally_store::{Expiry, MaintainOptions};

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

  hubtally maintain --keep-all            the same, and remove nothing

Run it every night. It changes no result: sealed days are read faster, and log entries and files that no close has
pinned and no recent version needs are removed. Where anything in the store does not fit together it removes nothing,
and says why.";

/// Arguments of `hubtally maintain`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Seal days before this one [default: yesterday]
    #[arg(long, value_name = "YYYY-MM-DD")]
    before: Option<NaiveDate>,
    /// Remove nothing that is younger than this
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3650))]
    keep_days: u32,
    /// Remove nothing at all
    #[arg(long, conflicts_with = "keep_days")]
    keep_all: bool,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

/// Seals, writes checkpoints, and removes what nobody can ask for.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = context.config()?;
    let store = context::open_store(&config).await?;
    let now = clock::now();
    let options = MaintainOptions {
        before: arguments.before.or(now.date().pred_opt()),
        limits: context::seal_limits(&config)?,
        expiry: (!arguments.keep_all).then_some(Expiry { now, keep_days: arguments.keep_days }),
    };
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
        for (table, expired) in &done.expired {
            say(&format!(
                "removed     {table}: {} log entries, {} files of {} MiB; readable from version {} on",
                expired.log_entries,
                expired.files,
                expired.bytes >> 20,
                expired.oldest_version
            ));
        }
        if done.sealed.is_empty() && done.checkpoints.is_empty() && done.expired.is_empty() {
            say("nothing to do");
        }
    }
    Ok(Exit::Done)
}
