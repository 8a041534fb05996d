//! `hubtally report`.

use clap::Args;
use hubtally_schemas::Period;

use super::close::{record, summary};
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::json;
use crate::output::progress::Spinner;

const EXAMPLES: &str = "\
Examples:
  hubtally report --period 2026-06
  hubtally report --period 2026-06 --json";

/// Arguments of `hubtally report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The month
    #[arg(long, value_name = "YYYY-MM")]
    period: Period,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    /// Exit 0 even if the data is incomplete
    #[arg(long)]
    exit_zero_if_incomplete: bool,
}

/// Writes the statements from what is allocated.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, policy) = context::documents(&config)?;
    let store = context::open_store(&config).await?;
    let spinner = Spinner::start("writing statements");
    let written = hubtally_report::write_statements(
        &store,
        &registry,
        &policy,
        arguments.period,
        &record::unread(&store, arguments.period).await?,
        context::statements(&config)?,
        config.templates.as_deref(),
    )
    .await?;
    drop(spinner);
    if arguments.json {
        json::print(&written)?;
    } else {
        summary::print(&written)?;
    }
    Ok(summary::exit(&written, arguments.exit_zero_if_incomplete))
}
