//! `hubtally tables`.

use clap::Args;
use hubtally_schemas::tables::TABLES;
use serde::Serialize;

use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::table::{self, Side};
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally tables
  hubtally tables --json

Each URL is a Delta table: Python deltalake, DuckDB, Polars, Spark and Trino read it.";

/// Arguments of `hubtally tables`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Print a list of {name, url, version, rows}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct TableLine {
    name: &'static str,
    url: String,
    version: i64,
    rows: i64,
}

/// Lists the tables.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let store = context::open_store(&context.config()?).await?;
    let mut lines = Vec::with_capacity(TABLES.len());
    for spec in TABLES.iter().copied() {
        let table = store.table(spec).await?;
        let url = store.table_url(spec.name);
        lines.push(TableLine { name: spec.name, url, version: table.version(), rows: table.row_count()? });
    }
    if arguments.json {
        json::print(&lines)?;
    } else {
        let heads =
            [("table", Side::Left), ("rows", Side::Right), ("version", Side::Right), ("url", Side::Left)];
        let rows = lines.into_iter().map(|line| {
            let rows = table::thousands(&line.rows.to_string());
            vec![line.name.to_owned(), rows, line.version.to_string(), line.url]
        });
        output::print(&table::text(&heads, rows))?;
    }
    Ok(Exit::Done)
}
