//! `hubtally ingest prometheus`.

use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use hubtally_ingest::prometheus::{
    PrometheusCluster, PrometheusOptions, PrometheusReport, SETTLE_MS, SetReport,
};
use hubtally_schemas::Instant;
use hubtally_store::Store;

use super::close::steps;
use crate::clock;
use crate::config::prometheus::instant;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::table::{thousands, visible};
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally ingest prometheus                          every cluster, as far as its samples are settled
  hubtally ingest prometheus --cluster tides --until 2026-07-01
  hubtally ingest prometheus --follow                 until you press Ctrl-C

Which servers are read, from where and as whom stands in hubtally.toml, under [[prometheus]].
What was read before is not read again; a run that was broken off goes on where it stopped.
A cluster that does not answer is named, holds up no other, and makes the exit code 3.";

/// Arguments of `hubtally ingest prometheus`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only this cluster; may be repeated
    #[arg(long, value_name = "CLUSTER")]
    cluster: Vec<String>,
    /// Read nothing from this time on (a time, or a day: 2026-07-01)
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Instant>,
    /// Go on reading what settles, until interrupted
    #[arg(long, conflicts_with = "until")]
    follow: bool,
    /// Print what was read as JSON; with --follow, one document a round
    #[arg(long)]
    json: bool,
}

/// How often a follower looks for more.
const FOLLOW_PAUSE: Duration = Duration::from_millis(SETTLE_MS.unsigned_abs());

fn time(text: &str) -> Result<Instant, String> {
    instant(text).ok_or_else(|| "expected a time such as 2026-07-01T00:00:00Z, or a day".to_owned())
}

/// Runs the command.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, _) = context::documents(&config)?;
    let clusters = steps::prometheus_clusters(&config, &registry, &arguments.cluster)?;
    if clusters.is_empty() {
        return Err(Failure::Usage(format!(
            "no Prometheus is configured: write a [[prometheus]] with cluster, url and from into {}",
            config.file.display()
        )));
    }
    let store = context::open_store(&config).await?;
    loop {
        let exit = round(&store, &clusters, arguments).await?;
        if !arguments.follow {
            return Ok(exit);
        }
        tokio::time::sleep(FOLLOW_PAUSE).await;
    }
}

/// Reads what is there now.
async fn round(
    store: &Store,
    clusters: &[PrometheusCluster],
    arguments: &Arguments,
) -> Result<Exit, Failure> {
    let options = PrometheusOptions { until: arguments.until, ..PrometheusOptions::new(clock::now()) };
    let read = steps::read_prometheus(store, clusters, &options).await?;
    if arguments.json {
        json::print(&read)?;
    } else {
        output::print(&words(&read))?;
    }
    let gaps = read.gaps();
    if read.nothing_read() && !arguments.follow {
        return Err(Failure::NothingRead { why: gaps.join("\n  ") });
    }
    Ok(if gaps.is_empty() && read.rejected() == 0 { Exit::Done } else { Exit::Incomplete })
}

/// Says during a close what could not be read, and what a person should look at.
pub fn warn(read: &PrometheusReport) {
    for gap in read.gaps() {
        tracing::warn!("{gap}");
    }
    for cluster in &read.clusters {
        for warning in &cluster.warnings {
            tracing::warn!(cluster = cluster.cluster, "{warning}");
        }
        for set in &cluster.sets {
            for (reason, refused) in &set.counts.rejects {
                tracing::warn!(
                    cluster = cluster.cluster,
                    reason,
                    count = refused.count,
                    "samples refused: {}",
                    refused.advice
                );
            }
        }
    }
}

fn words(read: &PrometheusReport) -> String {
    let mut out = String::new();
    for cluster in &read.clusters {
        let _ = writeln!(out, "{}  {}", visible(&cluster.cluster), visible(&cluster.url));
        for set in &cluster.sets {
            let _ = writeln!(out, "  {:<6} {}", set.query_set, set_words(set));
            for (reason, refused) in &set.counts.rejects {
                let count = thousands(&refused.count.to_string());
                let _ = writeln!(out, "         refused {count} {reason}: {}", refused.advice);
                for example in &refused.examples {
                    let _ = writeln!(out, "           {}", visible(&example.detail));
                }
            }
        }
        for warning in &cluster.warnings {
            let _ = writeln!(out, "  warning  {}", visible(warning));
        }
    }
    for gap in read.gaps() {
        let _ = writeln!(out, "missing  {}", visible(&gap));
    }
    out
}

fn set_words(set: &SetReport) -> String {
    let mut out = match (set.begun_at, set.from, set.until) {
        (Some(at), _, Some(until)) => format!("begun at {at}, read until {until}"),
        (None, Some(from), Some(until)) if from < until => format!("read from {from} until {until}"),
        (_, _, Some(until)) => format!("nothing new, read until {until} before"),
        _ => "nothing to read yet".to_owned(),
    };
    for (table, rows) in set.counts.rows.iter().filter(|(table, _)| **table != "rejects") {
        let _ = write!(out, ", {} {table}", thousands(&rows.to_string()));
    }
    if set.expected > 0 {
        let _ = write!(
            out,
            "; {} of {} scrapes seen",
            thousands(&set.seen.to_string()),
            thousands(&set.expected.to_string())
        );
    }
    out
}
