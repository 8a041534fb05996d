//! The command line, typed. Help texts are part of the product: each command shows examples.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Args, Parser, Subcommand};

use crate::commands::{
    aggregate, check, close, completions, doctor, explain, ingest, init, maintain, recipe, registry, report,
    sample, sql, tables,
};
use crate::env;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
  hubtally init                              a new folder with a commented configuration
  hubtally close --period 2026-06            close June: read, allocate, check, write drafts
  hubtally sql \"SELECT * FROM conservation\"  look at any table

Exit codes:
  0  done
  1  failed, or the books do not balance
  2  wrong usage or configuration
  3  done, but the data is incomplete";

/// Closes the month for a federation of research hubs.
///
/// Meters what every pod and directory used, takes the cloud bill that was really paid, gives every
/// cent of it a home, and writes the statements.
#[derive(Debug, Parser)]
#[command(name = "hubtally", version, after_help = EXAMPLES, styles = STYLES, max_term_width = 100)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The configuration file [default: hubtally.toml in the current folder]
    #[arg(long, global = true, value_name = "FILE", env = env::CONFIG, hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Say only what failed
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// The commands, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented configuration here, and create an empty store
    Init(init::Arguments),
    /// Check configuration, registry, policy and store
    Check(check::Arguments),
    /// Look at each Prometheus, the bills, the store and this machine, and say what mends what is missing
    Doctor(doctor::Arguments),
    /// Write a small federation with usage and bills, to try things on
    Sample(sample::Arguments),
    /// Close a month: read what is new, allocate, check, write draft statements
    Close(close::Arguments),
    /// Read usage or bills into the store
    #[command(subcommand)]
    Ingest(ingest::Command),
    /// Make a registry from what other programs keep
    #[command(subcommand)]
    Registry(registry::Command),
    /// Allocate a month, without reading anything new and without statements
    Aggregate(aggregate::Arguments),
    /// Write the statements of a month that is allocated
    Report(report::Arguments),
    /// Show how an amount came about: charge, postings, weights, usage
    Explain(explain::Arguments),
    /// Ask any table
    Sql(sql::Arguments),
    /// List the tables of the store
    Tables(tables::Arguments),
    /// Seal finished days, write checkpoints, remove what no close and no recent version needs
    Maintain(maintain::Arguments),
    /// Print recipes for fetching data from providers
    #[command(subcommand)]
    Recipe(recipe::Command),
    /// Print completions for a shell
    Completions(completions::Arguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example() {
        fn walk(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
                walk(inner, &path);
            }
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(command.has_subcommands() || help.contains("Example"), "{path} has no example");
        }
        walk(&Arguments::command(), "");
    }
}
