//! `hubtally sql`.

use clap::Args;

use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::{self, rows};

const EXAMPLES: &str = "\
Examples:
  hubtally sql \"SELECT community, kind, sum(amount) FROM ledger WHERE period = '2026-06' GROUP BY 1, 2\"
  hubtally sql \"SELECT community, hub, count(DISTINCT pod_uid) FROM usage_hourly u JOIN hubs ON hubs.cluster = u.cluster
                AND hubs.namespace = u.namespace AND u.hour >= since AND u.hour < until GROUP BY 1, 2\"
  hubtally sql --format csv \"SELECT reason, origin, detail FROM rejects\" > rejects.csv
  hubtally sql \"SELECT DISTINCT cluster, namespace, user_id, name FROM users\"
  hubtally sql --format json \"SELECT * FROM conservation WHERE difference <> 0\"

The tables and their columns stand in docs/format.md; `hubtally tables` lists them. `hubs` is one more, made from the
registry: which hub and community a namespace was, and when. Where the key of a hub is at hand, `users.name` shows
its users' names. In CSV, text that a spreadsheet would take for a formula gets a leading '.";

/// Arguments of `hubtally sql`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// A query over the tables of the store
    query: String,
    /// How the rows are printed
    #[arg(long, value_enum, default_value = "table")]
    format: rows::Format,
}

/// Asks and prints.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, _) = context::documents(&config)?;
    let store = context::open_store(&config).await?;
    let limits = context::limits(&config)?;
    let (schema, batches) = hubtally_aggregate::sql(&store, &registry, &arguments.query, &limits).await?;
    output::print(&rows::text(&schema, &batches, arguments.format)?)?;
    Ok(Exit::Done)
}
