//! `hubtally init`.

mod discover;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use hubtally_store::Store;
use serde::Serialize;

use crate::config::{FILE_NAME, template};
use crate::context::{Context, store_config};
use crate::failure::{Exit, Failure};
use crate::logging::say;
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  mkdir month && cd month && hubtally init     a new folder of your own
  hubtally init --keep                         create the store of a hubtally.toml that is here already
  hubtally init --discover --prometheus https://prometheus.example.org --bill june.csv
                                               propose the registry from what runs and what was billed

Next: describe your communities and accounts in registry.toml, put usage files into usage/ and bills
into bills/, then run `hubtally check` and `hubtally close --period YYYY-MM`.";

/// Arguments of `hubtally init`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Keep a hubtally.toml that is here, and create the store that it names
    #[arg(long)]
    keep: bool,
    /// From what a registry is proposed.
    #[command(flatten)]
    sources: discover::Sources,
    /// Print {config, store, written, kept}
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, Serialize)]
struct Initialised {
    config: PathBuf,
    store: String,
    written: Vec<PathBuf>,
    kept: Vec<PathBuf>,
}

/// Writes the commented documents and creates the store. Nothing that is there is ever overwritten.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let file = context.config_file().map_or_else(|| PathBuf::from(FILE_NAME), Path::to_owned);
    if file.exists() && !arguments.keep {
        return Err(Failure::AlreadyThere {
            path: file,
            advice: "run `hubtally init --keep` to create the store that it names, or go to another folder",
        });
    }
    // What is asked of others may fail: before anything is written.
    let proposal =
        if arguments.sources.discover { Some(discover::propose(&arguments.sources).await?) } else { None };
    let mut done = Initialised { config: file.clone(), ..Initialised::default() };
    let operation = match &proposal {
        Some(proposal) => format!("{}{}", template::OPERATION, proposal.operation),
        None => template::OPERATION.to_owned(),
    };
    write_new(&file, &operation, &mut done)?;
    let config = context.config()?;
    let registry = proposal.as_ref().map_or(template::REGISTRY, |proposal| proposal.registry.as_str());
    write_new(&config.registry, registry, &mut done)?;
    if let Some(proposal) = proposal.as_ref().filter(|_| done.kept.contains(&config.registry)) {
        // A registry that is there is never overwritten: the proposal can be compared with it.
        output::print(&format!("{}{}", proposal.registry, proposal.operation))?;
    }
    write_new(&config.policy, &template::policy(), &mut done)?;
    let folders = config.inputs.usage.iter().chain(&config.inputs.bills);
    for folder in folders.filter(|folder| !folder.contains("://") && !Path::new(folder).exists()) {
        make_folder(Path::new(folder))?;
        done.written.push(folder.into());
    }
    make_folder(&config.keys)?;
    let store = Store::create(&store_config(&config)).await?;
    store.url().clone_into(&mut done.store);
    if arguments.json {
        json::print(&done)?;
    } else {
        for path in &done.written {
            say(&format!("wrote   {}", path.display()));
        }
        for path in &done.kept {
            say(&format!("kept    {}", path.display()));
        }
        say(&format!("store   {}", done.store));
        say(&format!(
            "keys    {} (back them up: without them user names cannot be read)",
            config.keys.display()
        ));
        if arguments.sources.discover {
            say(&format!(
                "next    correct {}: fill in who owns each account, then run `hubtally check` and `hubtally doctor`",
                config.registry.display()
            ));
        } else {
            say("next    describe your communities in registry.toml, then run `hubtally check`");
        }
    }
    Ok(Exit::Done)
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    let failed = |source| Failure::File { operation: "made", path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(failed)
}

/// Writes a file that is not there yet; the open call itself refuses to overwrite.
fn write_new(path: &Path, text: &str, done: &mut Initialised) -> Result<(), Failure> {
    let failed = |source| Failure::File { operation: "written", path: path.to_owned(), source };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_folder(folder)?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(|source| {
                // Half a document would be kept by the next run.
                let _ = fs::remove_file(path);
                failed(source)
            })?;
            done.written.push(path.to_owned());
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            done.kept.push(path.to_owned());
            Ok(())
        }
        Err(error) => Err(failed(error)),
    }
}
