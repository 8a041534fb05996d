//! `hubtally registry import`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::failure::{Exit, Failure};
use crate::logging::say;
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally registry import infrastructure/config/clusters --out registry.toml
  hubtally registry import clusters/ --json                counts and warnings only
  hubtally check --registry registry.toml                  check what was imported";

/// `hubtally registry …`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read a folder of 2i2c cluster files (cluster.yaml) into a registry
    Import(Import),
}

/// Arguments of `hubtally registry import`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Import {
    /// The folder, or one file
    path: PathBuf,
    /// Write the registry to this file [default: print it]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print {clusters, hubs, communities, accounts, warnings}
    #[arg(long)]
    json: bool,
}

/// Imports a registry.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    let Command::Import(arguments) = command;
    let imported = hubtally_ingest::registry_import::import_2i2c(&arguments.path)?;
    let text = imported.to_toml().map_err(|error| Failure::Form {
        what: "registry",
        form: "TOML",
        source: Box::new(error),
    })?;
    if let Some(file) = &arguments.out {
        write_new(file, &text)?;
    }
    if arguments.json {
        json::print(&imported)?;
        return Ok(Exit::Done);
    }
    for warning in &imported.warnings {
        say(&format!("warning   {warning}"));
    }
    say(&format!(
        "imported  {} clusters, {} hubs, {} communities, {} accounts",
        imported.clusters, imported.hubs, imported.communities, imported.accounts
    ));
    match &arguments.out {
        None => output::print(&text)?,
        Some(file) => say(&format!("wrote     {}", file.display())),
    }
    Ok(Exit::Done)
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|source| {
        if source.kind() == std::io::ErrorKind::AlreadyExists {
            Failure::AlreadyThere {
                path: path.to_owned(),
                advice: "name another file with --out, or move it away",
            }
        } else {
            Failure::File { operation: "written", path: path.to_owned(), source }
        }
    })?;
    let failed = |source| Failure::File { operation: "written", path: path.to_owned(), source };
    file.write_all(text.as_bytes()).map_err(failed)
}
