//! `hubtally ingest`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use hubtally_ingest::bills::{BillError, BillFileReport, BillOptions, BillReport, GroupReport, Outcome};
use hubtally_ingest::events::{HubLogFormat, HubLogPlace};
use hubtally_ingest::files::IngestReport;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::{ClusterId, Namespace};
use tokio::sync::watch;

use super::close::steps;
use super::{ingest_kafka, ingest_prometheus, replay_rejects};
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::table::{self, Side, thousands, visible};
use crate::output::{self, json};

const FILES_EXAMPLES: &str = "\
Examples:
  hubtally ingest files usage/
  hubtally ingest files pods.ndjson.gz nodes.ndjson.zst june.csv june.parquet
  hubtally ingest files s3://bucket/usage/2026-06/
  hubtally ingest files --cluster tides --namespace prod /var/log/hub/events.log

Each line, or row of a table, is a CloudEvent; schemas/json describes them. With --cluster and --namespace the files are a hub's own
event logs, as JupyterHub or BinderHub writes them. Reading a file twice changes nothing, and a log that has grown
is read on.";

const BILLS_EXAMPLES: &str = "\
Examples:
  hubtally ingest bills bills/
  hubtally ingest bills --format focus june.parquet

A month of an account is replaced as a whole: give all its files in one command.";

/// `hubtally ingest …`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read usage events: files, folders, URLs of object stores
    Files(Files),
    /// Read the Prometheus servers of clusters: pods, nodes, home directories, hubs
    Prometheus(ingest_prometheus::Arguments),
    /// Read Kafka topics of usage events
    Kafka(ingest_kafka::Arguments),
    /// Read bills: FOCUS, AWS Cost Explorer, console CSVs
    Bills(Bills),
    /// Read refused records once more, after what was wrong is mended
    ReplayRejects(replay_rejects::Arguments),
}

/// Arguments of `hubtally ingest files`.
#[derive(Debug, Args)]
#[command(after_help = FILES_EXAMPLES)]
pub struct Files {
    /// Files, folders or URLs
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// The files are event logs of a hub on this cluster
    #[arg(long, value_name = "CLUSTER", requires = "namespace")]
    cluster: Option<String>,
    /// The Kubernetes namespace of that hub
    #[arg(long, value_name = "NAMESPACE", requires = "cluster")]
    namespace: Option<String>,
    /// Whose events the logs hold [default: auto, known line by line]
    #[arg(long, value_name = "FORMAT", value_parser = ["auto", "jupyterhub", "binderhub"], requires = "cluster")]
    format: Option<String>,
    /// Print what was read as JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `hubtally ingest bills`.
#[derive(Debug, Args)]
#[command(after_help = BILLS_EXAMPLES)]
pub struct Bills {
    /// Files, folders or URLs
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<String>,
    /// The format of all files [default: recognised file by file]
    #[arg(long, value_name = "FORMAT", value_parser = ["focus", "aws-ce", "aws-console", "gcp-console"])]
    format: Option<String>,
    /// Let files take the place of a loaded bill that covers more than they do
    #[arg(long)]
    replace: bool,
    /// Refuse bills of accounts that the registry does not know, instead of loading them without a payer
    #[arg(long)]
    known_accounts_only: bool,
    /// Print what was read as JSON
    #[arg(long)]
    json: bool,
}

impl Command {
    /// Whether it commits what it has when it is told to end.
    pub fn ends_in_order(&self) -> bool {
        matches!(self, Self::Kafka(_))
    }
}

/// Runs the command; `stop` turns true when one that ends in order shall end.
pub async fn run(context: &Context, command: &Command, stop: watch::Receiver<bool>) -> Result<Exit, Failure> {
    match command {
        Command::Files(arguments) => files(context, arguments).await,
        Command::Prometheus(arguments) => ingest_prometheus::run(context, arguments).await,
        Command::Kafka(arguments) => ingest_kafka::run(context, arguments, stop).await,
        Command::Bills(arguments) => bills(context, arguments).await,
        Command::ReplayRejects(arguments) => replay_rejects::run(context, arguments).await,
    }
}

async fn files(context: &Context, arguments: &Files) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, _) = context::documents(&config)?;
    let store = context::open_store(&config).await?;
    let read = match hub_log(arguments, &registry)? {
        Some((place, format)) => {
            steps::read_hub_logs(&store, &config, place, format, &arguments.paths).await?
        }
        None => steps::read_usage(&store, &registry, &config, &arguments.paths).await?,
    };
    if arguments.json {
        json::print(&read)?;
    } else {
        output::print(&words(&read))?;
    }
    let gaps = gaps(&read);
    if read.total.files == 0 && !read.errors.is_empty() {
        return Err(Failure::NothingRead { why: gaps.join("\n  ") });
    }
    let refused = read.total.counts.rejects.keys().filter_map(|code| RejectReason::of_code(code));
    let complete = gaps.is_empty() && !refused.into_iter().any(RejectReason::leaves_a_gap);
    Ok(if complete { Exit::Done } else { Exit::Incomplete })
}

/// Whose log the files are, if they are a hub's.
fn hub_log(
    arguments: &Files,
    registry: &RegistryView,
) -> Result<Option<(HubLogPlace, HubLogFormat)>, Failure> {
    let (Some(cluster), Some(namespace)) = (&arguments.cluster, &arguments.namespace) else {
        return Ok(None);
    };
    let wrong = |what: &str, value: &str| {
        Failure::Usage(format!("--{what} {value:?}: expected 1 to 512 bytes without control characters"))
    };
    let place = HubLogPlace {
        cluster: ClusterId::new(cluster.as_str()).map_err(|_| wrong("cluster", cluster))?,
        namespace: Namespace::new(namespace.as_str()).map_err(|_| wrong("namespace", namespace))?,
    };
    let known: Vec<&str> = registry.registry().clusters.iter().map(|one| one.id.as_str()).collect();
    if !known.contains(&cluster.as_str()) {
        return Err(Failure::Usage(format!(
            "--cluster {cluster:?} is none of the registry's: expected one of {}",
            if known.is_empty() { "(none is there yet)".to_owned() } else { known.join(", ") }
        )));
    }
    let format = match arguments.format.as_deref() {
        Some("jupyterhub") => HubLogFormat::JupyterHub,
        Some("binderhub") => HubLogFormat::BinderHub,
        _ => HubLogFormat::Auto,
    };
    Ok(Some((place, format)))
}

async fn bills(context: &Context, arguments: &Bills) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, _) = context::documents(&config)?;
    let store = context::open_store(&config).await?;
    let format = arguments.format.as_deref().map(str::parse).transpose();
    let options = BillOptions {
        format: format.map_err(|error: BillError| Failure::Usage(error.to_string()))?,
        replace: arguments.replace,
        allow_unknown_accounts: !arguments.known_accounts_only,
        ..steps::bill_options(&config)?
    };
    let read = steps::read_bills(&store, &registry, &arguments.paths, &options).await?;
    if arguments.json {
        json::print(&read)?;
    } else {
        output::print(&bill_words(&read))?;
    }
    let complete = read.rejects() == 0 && read.unknown_accounts.is_empty();
    Ok(if complete { Exit::Done } else { Exit::Incomplete })
}

/// Files that could not be read at all.
pub fn unread(read: &IngestReport) -> Vec<String> {
    read.errors.iter().map(|problem| problem.message.clone()).collect()
}

/// What could not be read: the data is incomplete, and a person must look.
fn gaps(read: &IngestReport) -> Vec<String> {
    let truncated = read.files.iter().filter_map(|file| {
        file.truncated.as_ref().map(|what| format!("{} ends too early ({what}): fetch it again", file.file))
    });
    unread(read).into_iter().chain(truncated).collect()
}

fn words(read: &IngestReport) -> String {
    let total = &read.total;
    let mut out = format!(
        "read     {} files, {} records{}\n",
        total.files,
        thousands(&total.counts.records.to_string()),
        match total.already_read {
            0 => String::new(),
            n => format!(" ({} read before)", thousands(&n.to_string())),
        }
    );
    if total.files == 0 && read.errors.is_empty() {
        let _ = writeln!(
            out,
            "nothing  no file there ends in .ndjson or .jsonl, is a CSV or Parquet table of events, or ends in .log and is a hub's (each also with .gz or .zst); left out: {}",
            read.ignored.len()
        );
    }
    for file in &read.files {
        if !file.unused_columns.is_empty() {
            let (name, columns) = (visible(&file.file), file.unused_columns.join(", "));
            let _ = writeln!(out, "unused   {name}: columns that no event has: {}", visible(&columns));
        }
        if let Some(bytes) = file.unfinished_bytes {
            let name = visible(&file.file);
            let _ = writeln!(out, "waits    {name}: its last line ({bytes} bytes) has no end yet");
        }
    }
    for (table, rows) in &total.counts.rows {
        let _ = writeln!(out, "rows     {} {table}", thousands(&rows.to_string()));
    }
    for (reason, refused) in &total.counts.rejects {
        let _ =
            writeln!(out, "refused  {} {reason}: {}", thousands(&refused.count.to_string()), refused.advice);
        for example in &refused.examples {
            let _ = writeln!(out, "           {}: {}", visible(&example.origin), visible(&example.detail));
        }
    }
    for gap in gaps(read) {
        let _ = writeln!(out, "failed   {}", visible(&gap));
    }
    out
}

/// Says during a close what was refused or could not be read.
pub fn warn_of_usage(read: &IngestReport) {
    for (reason, refused) in &read.total.counts.rejects {
        tracing::warn!(reason, count = refused.count, "records refused: {}", refused.advice);
    }
    for gap in gaps(read) {
        tracing::warn!("{gap}");
    }
}

/// Says during a close what a person should know about the bills.
pub fn warn_of_bills(read: &BillReport) {
    for refused in &read.refused {
        tracing::warn!("bill left out: {}", refused.message);
    }
    for file in &read.files {
        for example in &file.rejects.examples {
            tracing::warn!(file = file.path, "bill row refused: {example}");
        }
    }
    for warning in bill_warnings(read) {
        tracing::warn!("{warning}");
    }
    if let Some(snippet) = &read.registry_snippet {
        tracing::warn!(
            "accounts that registry.toml does not know have no payer; add them with their owner:\n{snippet}"
        );
    }
}

/// What a person should know, each thing once though several files say it.
fn bill_warnings(read: &BillReport) -> BTreeSet<&str> {
    read.warnings
        .iter()
        .chain(read.files.iter().flat_map(|file| &file.warnings))
        .map(String::as_str)
        .collect()
}

fn bill_words(read: &BillReport) -> String {
    let heads = [
        ("account", Side::Left),
        ("month", Side::Left),
        ("importer", Side::Left),
        ("grade", Side::Left),
        ("lines", Side::Right),
        ("billed", Side::Right),
        ("currency", Side::Left),
        ("outcome", Side::Left),
    ];
    let line = |group: &GroupReport| {
        vec![
            group.account.clone(),
            group.period.clone(),
            group.importer.clone(),
            group.grade.clone(),
            thousands(&group.rows.to_string()),
            thousands(&group.billed),
            group.currency.clone(),
            match group.outcome {
                Outcome::Loaded => "loaded".to_owned(),
                Outcome::Replaced => "replaced".to_owned(),
                Outcome::Unchanged => "unchanged".to_owned(),
            },
        ]
    };
    let mut out = String::new();
    if !read.groups.is_empty() {
        out = table::text(&heads, read.groups.iter().map(line)) + "\n";
    }
    let sums = |file: &BillFileReport| {
        let sums = file.billed.iter().map(|(currency, amount)| format!("{} {currency}", thousands(amount)));
        sums.collect::<Vec<_>>().join(", ")
    };
    for file in read.files.iter().filter(|file| file.unchanged) {
        let lines = thousands(&file.rows.to_string());
        let _ =
            writeln!(out, "unchanged  {}: {lines} lines, {}, loaded before", visible(&file.path), sums(file));
    }
    for file in &read.files {
        for example in &file.rejects.examples {
            let _ = writeln!(out, "refused  {}: {}", visible(&file.path), visible(example));
        }
    }
    for warning in bill_warnings(read) {
        let _ = writeln!(out, "warning  {}", visible(warning));
    }
    if let Some(snippet) = &read.registry_snippet {
        let _ = writeln!(out, "add to registry.toml, with the true owner:\n\n{snippet}");
    }
    out
}
