//! `hubtally sample`.

use std::path::PathBuf;

use clap::Args;
use hubtally_sample::SampleOptions;
use hubtally_schemas::Period;

use crate::failure::{Exit, Failure};
use crate::logging::say;
use crate::output::json;
use crate::output::progress::Spinner;

const EXAMPLES: &str = "\
Examples:
  hubtally sample --out try && cd try && hubtally init && hubtally close --period 2026-06
  hubtally sample --seed 7 --scale 100 --out large      a hundred times the usage

The same seed, scale and period give the same bytes.";

/// Arguments of `hubtally sample`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Where chance starts from
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// How many times the usage of the small federation
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    scale: u32,
    /// The month
    #[arg(long, default_value = "2026-06", value_name = "YYYY-MM")]
    period: Period,
    /// The folder to write into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print what was written as JSON
    #[arg(long)]
    json: bool,
}

/// Writes the sample. A registry that is no sample's is somebody's work, and is not written over.
pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let registry = arguments.out.join("registry.toml");
    if registry.exists() && !arguments.out.join("facts.json").exists() {
        return Err(Failure::AlreadyThere { path: registry, advice: "name another folder with --out" });
    }
    let options = SampleOptions { seed: arguments.seed, scale: arguments.scale, period: arguments.period };
    let spinner = Spinner::start("writing the sample");
    let summary = hubtally_sample::write(&arguments.out, &options, &mut |words| spinner.say(words))?;
    drop(spinner);
    if arguments.json {
        json::print(&summary)?;
    } else {
        say(&format!("wrote the sample of {} into {}", arguments.period.words(), arguments.out.display()));
        say(&format!(
            "next    cd {} && hubtally init && hubtally close --period {}",
            arguments.out.display(),
            arguments.period
        ));
    }
    Ok(Exit::Done)
}
