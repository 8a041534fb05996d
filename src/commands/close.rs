//! `hubtally close`: the month, from inputs to draft statements.

pub mod record;
pub mod steps;
pub mod summary;

use clap::Args;
use hubtally_ingest::bills::BillOptions;
use hubtally_ingest::files::FileProblem;
use hubtally_ingest::kafka::KafkaOptions;
use hubtally_ingest::prometheus::PrometheusOptions;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::Period;
use hubtally_schemas::statement::{UnreadFile, UnreadKind};
use hubtally_store::Store;

use super::{ingest, ingest_kafka, ingest_prometheus};
use crate::clock;
use crate::config::Config;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::json;
use crate::output::progress::Spinner;

const EXAMPLES: &str = "\
Examples:
  hubtally close --period 2026-06
  hubtally close --period 2026-06 --json > june.json
  hubtally close --period 2026-06 --exit-zero-if-incomplete     for schedulers

Close as often as you like: what was read before is skipped, statements are drafts, nothing is locked.
With missing coverage or provisional bills every statement says so, and the exit code is 3.";

/// Arguments of `hubtally close`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The month
    #[arg(long, value_name = "YYYY-MM")]
    period: Period,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
    /// Exit 0 even if the data is incomplete
    #[arg(long)]
    exit_zero_if_incomplete: bool,
}

/// Closes the month: reads like the month itself.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let period = arguments.period;
    let config = context.config()?;
    let (registry, policy) = context::documents(&config)?;
    let limits = context::limits(&config)?;
    let out = context::statements(&config)?;
    let store = context::open_store(&config).await?;

    let Unread { files: unread, mut gaps } = read_inputs(&store, &registry, &config).await?;

    let spinner = Spinner::start("sealing");
    steps::seal(&store, &context::seal_limits(&config)?, &spinner).await?;
    let pins = record::pin(&store, registry.registry(), &policy).await?;
    let allocated = if record::is_current(&store, period, &pins, &unread).await? {
        None
    } else {
        Some(steps::allocate(&store, &registry, &policy, period, &limits, &spinner).await?)
    };
    spinner.say("writing statements");
    let templates = config.templates.as_deref();
    let mut closed =
        hubtally_report::write_statements(&store, &registry, &policy, period, &unread, out, templates)
            .await?;
    summary::must_balance(&closed)?;
    if let Some(allocated) = &allocated {
        record::write(&store, period, &pins, allocated, &unread, clock::now()).await?;
    }
    drop(spinner);
    closed.incomplete.append(&mut gaps);

    if arguments.json {
        json::print(&closed)?;
    } else {
        summary::print(&closed)?;
    }
    Ok(summary::exit(&closed, arguments.exit_zero_if_incomplete))
}

/// What could not be read.
#[derive(Debug, Default)]
struct Unread {
    /// Inputs of which nothing is known: each document says so.
    files: Vec<UnreadFile>,
    /// What Prometheus servers did not tell: coverage has it cluster by cluster.
    gaps: Vec<String>,
}

impl Unread {
    fn add(&mut self, kind: UnreadKind, problems: &[FileProblem]) {
        let unread = |problem: &FileProblem| UnreadFile {
            kind,
            file: problem.file.clone(),
            why: problem.message.clone(),
        };
        self.files.extend(problems.iter().map(unread));
        self.files.sort();
    }
}

/// Reads what is new. What could not be read is said, and named in the result: the month closes without it.
async fn read_inputs(store: &Store, registry: &RegistryView, config: &Config) -> Result<Unread, Failure> {
    let usage = steps::filled(&config.inputs.usage);
    let mut unread = Unread::default();
    if !usage.is_empty() {
        let read = steps::read_usage(store, registry, config, &usage).await?;
        // What was refused, or cut off, is in `rejects`: the statements say what of it the month misses.
        unread.add(UnreadKind::Usage, &read.errors);
        ingest::warn_of_usage(&read);
    }
    if !config.prometheus.is_empty() {
        let clusters = steps::prometheus_clusters(config, registry, &[])?;
        let read = steps::read_prometheus(store, &clusters, &PrometheusOptions::new(clock::now())).await?;
        unread.gaps.append(&mut read.gaps());
        ingest_prometheus::warn(&read);
    }
    if !config.kafka.is_empty() {
        let feeds = steps::kafka_feeds(config, registry)?;
        let read = steps::read_kafka(store, &feeds, &KafkaOptions::until_caught_up(clock::now)).await?;
        unread.gaps.append(&mut read.gaps());
        ingest_kafka::warn(&read);
    }
    let bills = steps::filled(&config.inputs.bills);
    if !bills.is_empty() {
        // An account that the registry does not know yet has no payer: its charges are listed, and the close exits 3.
        // So has a bill that cannot be used no charges: the month closes with those of the others.
        let options =
            BillOptions { allow_unknown_accounts: true, load_the_rest: true, ..steps::bill_options(config)? };
        let read = steps::read_bills(store, registry, &bills, &options).await?;
        unread.add(UnreadKind::Bill, &read.refused);
        ingest::warn_of_bills(&read);
    }
    Ok(unread)
}
