//! `hubtally ingest kafka`.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use hubtally_ingest::kafka::{KafkaOptions, KafkaReport, PartitionReport, Share};
use tokio::sync::watch;

use super::close::steps;
use crate::clock;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::listen;
use crate::output::table::{thousands, visible};
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally ingest kafka                          until it is told to end (Ctrl-C, SIGTERM)
  hubtally ingest kafka --until-caught-up        as far as the topics go now, for schedulers
  hubtally ingest kafka --worker 0/3 --listen 0.0.0.0:9400

Which topics are read, and as whom, stands in hubtally.toml, under [[kafka]].
What was read before is not read again, whoever read it. Told to end, it commits what it has; told again, it ends
at once, and the next run reads the rest.";

/// Arguments of `hubtally ingest kafka`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// End where the topics ended at the start
    #[arg(long)]
    until_caught_up: bool,
    /// Worker N of M, from 0: reads the partitions p with p % M = N
    #[arg(long, value_name = "N/M", default_value = "0/1", value_parser = share)]
    worker: Share,
    /// Answer /metrics and /healthz at this address
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Print what was read as JSON
    #[arg(long)]
    json: bool,
}

fn share(text: &str) -> Result<Share, String> {
    Share::parse(text).ok_or_else(|| "expected N/M with N from 0 and below M, for example 0/3".to_owned())
}

/// Runs the command; `stop` turns true when it shall end.
pub async fn run(
    context: &Context,
    arguments: &Arguments,
    stop: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, _) = context::documents(&config)?;
    let feeds = steps::kafka_feeds(&config, &registry)?;
    if feeds.is_empty() {
        return Err(Failure::Usage(format!(
            "no Kafka topic is configured: write a [[kafka]] with brokers, topics, clusters and from into {}",
            config.file.display()
        )));
    }
    let store = context::open_store(&config).await?;
    let mut options = KafkaOptions::until_caught_up(clock::now);
    options.until_caught_up = arguments.until_caught_up;
    (options.share, options.stop) = (arguments.worker, stop);
    let read = match arguments.listen {
        None => steps::read_kafka(&store, &feeds, &options).await?,
        Some(address) => {
            let answers = listen::listen(address, Arc::clone(&options.metrics)).await?;
            tokio::select! {
                read = steps::read_kafka(&store, &feeds, &options) => read?,
                never = answers => match never {},
            }
        }
    };
    if arguments.json {
        json::print(&read)?;
    } else {
        output::print(&words(&read))?;
    }
    let gaps = read.gaps();
    if read.nothing_read() {
        return Err(Failure::NothingRead { why: gaps.join("\n  ") });
    }
    Ok(if gaps.is_empty() && read.rejected() == 0 { Exit::Done } else { Exit::Incomplete })
}

/// Says during a close what could not be read, and what a person should look at.
pub fn warn(read: &KafkaReport) {
    for gap in read.gaps() {
        tracing::warn!("{gap}");
    }
    for topic in &read.topics {
        for note in &topic.notes {
            tracing::warn!(topic = topic.topic, "{note}");
        }
        for (reason, refused) in &topic.counts.rejects {
            tracing::warn!(
                topic = topic.topic,
                reason,
                count = refused.count,
                "messages refused: {}",
                refused.advice
            );
        }
    }
}

fn words(read: &KafkaReport) -> String {
    let mut out = String::new();
    for topic in &read.topics {
        let number = |n: u64| thousands(&n.to_string());
        let _ = write!(out, "{}  {} messages", visible(&topic.topic), number(topic.counts.records));
        if topic.already_read > 0 {
            let _ = write!(out, " ({} more were committed by another process)", number(topic.already_read));
        }
        for (table, rows) in topic.counts.rows.iter().filter(|(table, _)| **table != "rejects") {
            let _ = write!(out, ", {} {table}", number(*rows));
        }
        out.push('\n');
        for partition in &topic.partitions {
            let _ = writeln!(out, "  {:<4} {}", partition.partition, partition_words(partition));
        }
        for (reason, refused) in &topic.counts.rejects {
            let _ = writeln!(out, "  refused  {} {reason}: {}", number(refused.count), refused.advice);
            for example in &refused.examples {
                let _ =
                    writeln!(out, "           {}: {}", visible(&example.origin), visible(&example.detail));
            }
        }
        for note in &topic.notes {
            let _ = writeln!(out, "  note     {}", visible(note));
        }
    }
    for gap in read.gaps() {
        let _ = writeln!(out, "missing  {}", visible(&gap));
    }
    out
}

fn partition_words(partition: &PartitionReport) -> String {
    let PartitionReport { begun_at, from, to, .. } = partition;
    match begun_at {
        Some(at) => format!("begun at offset {at}, read up to {to}"),
        None if from == to => format!("nothing new, read up to {to} before"),
        None => format!("read from offset {from} up to {to}"),
    }
}
