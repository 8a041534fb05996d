//! `hubtally recipe`.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use hubtally_ingest::bills::{Query, recipe_aws_ce};
use hubtally_ingest::files::usage_csv_example;

use crate::failure::{Exit, Failure};
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally recipe aws-ce --account 111122223333 --start 2026-06-01 --end 2026-07-01
  hubtally recipe aws-ce --account 111122223333 --start 2026-06-01 --end 2026-07-01 --out bills

The queries cut the account into pieces that do not overlap and leave nothing out, credits and tax
included. Each call costs 0.01 USD. Keep each request beside its answer: `hubtally ingest bills` reads both.";

const USAGE_CSV_EXAMPLES: &str = "\
Examples:
  hubtally recipe usage-csv > usage.csv
  hubtally ingest files usage.csv

Columns that a type does not have, or that are not known, stay empty or are left out; the order is free. An empty
`server` beside a `user` is the default server.";

/// `hubtally recipe …`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// AWS Cost Explorer queries that together show one account's whole bill, each dollar once
    AwsCe(AwsCe),
    /// Usage events as CSV: a header with every column, and an event of each type, to copy
    UsageCsv(UsageCsv),
}

/// Arguments of `hubtally recipe usage-csv`.
#[derive(Debug, Args)]
#[command(after_help = USAGE_CSV_EXAMPLES)]
pub struct UsageCsv {}

/// Arguments of `hubtally recipe aws-ce`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct AwsCe {
    /// The account number
    #[arg(long, value_name = "ACCOUNT", value_parser = account_number)]
    account: String,
    /// First day
    #[arg(long, value_name = "YYYY-MM-DD")]
    start: NaiveDate,
    /// First day after
    #[arg(long, value_name = "YYYY-MM-DD")]
    end: NaiveDate,
    /// Write the requests into this folder, and print the commands only
    #[arg(long, value_name = "DIR", conflicts_with = "json")]
    out: Option<PathBuf>,
    /// Print the queries as JSON
    #[arg(long)]
    json: bool,
}

fn account_number(text: &str) -> Result<String, String> {
    let digits = text.replace('-', "");
    if digits.len() == 12 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err("an AWS account number has 12 digits, for example 111122223333".to_owned())
    }
}

/// Prints the recipe.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    let arguments = match command {
        Command::AwsCe(arguments) => arguments,
        Command::UsageCsv(UsageCsv {}) => {
            output::print(usage_csv_example().trim_end())?;
            return Ok(Exit::Done);
        }
    };
    if arguments.end <= arguments.start {
        return Err(Failure::Usage(format!(
            "--end {} is not after --start {}: the end is the first day after, 2026-07-01 for June 2026",
            arguments.end, arguments.start
        )));
    }
    let queries = recipe_aws_ce(&arguments.account, arguments.start, arguments.end);
    if arguments.json {
        json::print(&queries)?;
        return Ok(Exit::Done);
    }
    let script = match &arguments.out {
        None => script(&queries, true),
        Some(folder) => {
            write_requests(folder, &queries)?;
            format!("cd {}\n{}", quoted(&folder.to_string_lossy()), script(&queries, false))
        }
    };
    output::print(&script)?;
    Ok(Exit::Done)
}

/// Commands for a shell, with the requests written by them if asked for.
fn script(queries: &[Query], with_requests: bool) -> String {
    let mut out = String::new();
    for query in queries {
        let _ = writeln!(out, "# {}: {}", query.name, query.shows);
        if with_requests {
            let _ = writeln!(out, "cat > {} <<'REQUEST'\n{:#}\nREQUEST", query.request_file, query.request);
        }
        let _ = writeln!(out, "{}\n", query.command);
    }
    out
}

fn write_requests(folder: &Path, queries: &[Query]) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|source| Failure::File {
        operation: "made",
        path: folder.to_owned(),
        source,
    })?;
    for query in queries {
        let path = folder.join(&query.request_file);
        let text = format!("{:#}\n", query.request);
        if std::fs::read_to_string(&path).is_ok_and(|there| there == text) {
            continue;
        }
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|source| Failure::File { operation: "written", path, source })?;
    }
    Ok(())
}

fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}
