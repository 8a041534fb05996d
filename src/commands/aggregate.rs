//! `hubtally aggregate`.

use clap::Args;
use hubtally_schemas::Period;

use super::close::steps;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::json;
use crate::output::progress::Spinner;

const EXAMPLES: &str = "\
Examples:
  hubtally aggregate --period 2026-06
  hubtally sql \"SELECT * FROM conservation WHERE period = '2026-06'\"";

/// Arguments of `hubtally aggregate`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The month
    #[arg(long, value_name = "YYYY-MM")]
    period: Period,
    /// Print the counts as JSON
    #[arg(long)]
    json: bool,
}

/// Seals what is not sealed and allocates the month.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, policy) = context::documents(&config)?;
    let store = context::open_store(&config).await?;
    let spinner = Spinner::start("sealing");
    steps::seal(&store, &context::seal_limits(&config)?, &spinner).await?;
    let allocated =
        steps::allocate(&store, &registry, &policy, arguments.period, &context::limits(&config)?, &spinner)
            .await?;
    drop(spinner);
    if arguments.json {
        json::print(&allocated)?;
    }
    Ok(Exit::Done)
}
