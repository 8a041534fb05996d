//! `hubtally ingest replay-rejects`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use clap::Args;
use hubtally_ingest::replay::{ReplayOptions, ReplayReport, replay_rejects};
use hubtally_schemas::ClusterId;
use hubtally_schemas::reject::RejectReason;

use crate::clock;
use crate::config::Config;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::progress::Bar;
use crate::output::table::{thousands, visible};
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally ingest replay-rejects
  hubtally ingest replay-rejects --reason wrong_cluster     after the cluster was added to registry.toml

Each refused record of files and Kafka topics is read once more. What is good now lands, once, however often this is
run; what is refused still stays as it is.";

/// Arguments of `hubtally ingest replay-rejects`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Only what was refused for this reason
    #[arg(long, value_name = "REASON", value_parser = reason)]
    reason: Option<RejectReason>,
    /// Print what became of the records as JSON
    #[arg(long)]
    json: bool,
}

fn reason(text: &str) -> Result<RejectReason, String> {
    RejectReason::of_code(text).ok_or_else(|| {
        let codes: Vec<&str> = RejectReason::ALL.iter().map(|reason| reason.code()).collect();
        format!("expected one of {}", codes.join(", "))
    })
}

/// Runs the command.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, _) = context::documents(&config)?;
    let store = context::open_store(&config).await?;
    let options = ReplayOptions {
        now: clock::now(),
        files: registry.registry().clusters.iter().map(|cluster| cluster.id.clone()).collect(),
        topics: topics(&config),
        reason: arguments.reason,
    };
    let report = replay_rejects(&store, &options, &Bar::default()).await?;
    if arguments.json {
        json::print(&report)?;
    } else {
        output::print(&words(&report))?;
    }
    Ok(if report.is_clean() { Exit::Done } else { Exit::Incomplete })
}

/// The clusters that each topic may speak for; those of all where several Kafka clusters have a topic of one name.
fn topics(config: &Config) -> BTreeMap<String, BTreeSet<ClusterId>> {
    let mut topics: BTreeMap<String, BTreeSet<ClusterId>> = BTreeMap::new();
    for kafka in &config.kafka {
        for topic in &kafka.topics {
            let own: BTreeSet<ClusterId> = kafka.clusters.iter().cloned().collect();
            let common = topics.get(topic).map_or_else(|| own.clone(), |known| known & &own);
            topics.insert(topic.clone(), common);
        }
    }
    topics
}

fn words(report: &ReplayReport) -> String {
    let number = |n: u64| thousands(&n.to_string());
    let mut out = format!("landed   {} records", number(report.landed.records));
    if report.landed_before > 0 {
        let _ = write!(out, " ({} landed before)", number(report.landed_before));
    }
    out.push('\n');
    for (table, rows) in &report.landed.rows {
        let _ = writeln!(out, "rows     {} {table}", number(*rows));
    }
    for (reason, count) in &report.refused {
        let _ = writeln!(out, "refused  {} {reason}", number(*count));
    }
    for (reason, count) in &report.left {
        let _ = writeln!(
            out,
            "left     {} {}: a second reading does not help, see the advice in docs/format.md",
            number(*count),
            visible(reason)
        );
    }
    out
}
