//! `hubtally doctor`.

mod bills;
mod machine;

use std::fmt::Write as _;

use clap::Args;
use hubtally_ingest::probe::{self, Finding, Level, ReadSoFar};
use hubtally_ingest::prometheus::QuerySet;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::Instant;
use hubtally_store::{OpenTables, Store};
use serde::Serialize;

use super::close::steps;
use crate::clock;
use crate::config::Config;
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::progress::Spinner;
use crate::output::table::{self, Side, visible};
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally doctor          a table of what was looked at, and what mends it
  hubtally doctor --json   the same as JSON

Nothing is changed, but for a few objects that are created in the store and removed again. Exit code 3 where
something is lost, 1 where something does not work.";

/// Objects that the store's writers race for, and how many they are.
const RACE: (usize, usize) = (6, 8);
/// How far the store's clock may be from ours, seconds.
const CLOCK_TOLERANCE_S: i64 = 60;

/// Arguments of `hubtally doctor`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'f> {
    ok: usize,
    warn: usize,
    fail: usize,
    findings: &'f [Finding],
}

/// Looks at everything, and says what it found.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, _) = context::documents(&config)?;
    let spinner = Spinner::start("looking at the store");
    let mut findings = Vec::new();
    let store = match context::open_store(&config).await {
        Ok(store) => Some(store),
        Err(failure) => {
            let mend = "the message says what to do; `hubtally check` says the same once it is done";
            findings.push(Finding::fail("store", "open", chain(&failure), mend));
            None
        }
    };
    if let Some(store) = &store {
        let now = clock::now();
        findings.extend(look_at_store(store, now).await);
        spinner.say("looking at the bills");
        let limits = context::limits(&config)?;
        match bills::look(store, &registry, &limits).await {
            Ok(found) => findings.extend(found),
            Err(failure) => findings.push(Finding::fail(
                "bills",
                "loaded charges",
                chain(&failure),
                "run `hubtally check`, then load the bills again with `hubtally ingest bills`",
            )),
        }
    }
    findings.extend(machine::look(&config));
    spinner.say("looking at Prometheus");
    findings.extend(look_at_prometheus(&config, &registry, store.as_ref()).await?);
    drop(spinner);
    told(&findings, arguments)
}

fn told(findings: &[Finding], arguments: &Arguments) -> Result<Exit, Failure> {
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let (ok, warn, fail) = (count(Level::Ok), count(Level::Warn), count(Level::Fail));
    if arguments.json {
        json::print(&Report { ok, warn, fail, findings })?;
    } else {
        output::print(&text(findings))?;
    }
    match (warn, fail) {
        (0, 0) => Ok(Exit::Done),
        (_, 0) => Ok(Exit::Incomplete),
        _ => Err(Failure::Unwell { failures: fail, looked: findings.len() }),
    }
}

async fn look_at_store(store: &Store, now: Instant) -> Vec<Finding> {
    let (keys, writers) = RACE;
    let mut findings = vec![Finding::ok("store", "open", store.url())];
    let race = match store.race(keys, writers).await {
        Ok(race) => race,
        Err(error) => {
            let mend = "this user must be allowed to write, list and delete below the store's address";
            findings.push(Finding::fail("store", "conditional put", chain(&error), mend));
            return findings;
        }
    };
    if race.lost == 0 {
        let found = format!("{keys} objects, {writers} writers each: one won each time");
        findings.push(Finding::ok("store", "conditional put", found));
    } else {
        findings.push(Finding::fail(
            "store",
            "conditional put",
            format!("of {keys} objects that {writers} writers created at once, {} had not exactly one winner", race.lost),
            "two workers would overwrite each other: use a store with create-if-absent (S3, GCS, Azure, MinIO, Versity gateway, a local folder)",
        ));
    }
    if let Some(stored_at) = race.stored_at {
        let apart = (stored_at.0 - now.0) / 1_000_000;
        findings.push(if apart.abs() <= CLOCK_TOLERANCE_S {
            Finding::ok("store", "clock", format!("{apart} s from ours"))
        } else {
            Finding::warn(
                "store",
                "clock",
                format!("{apart} s from ours"),
                "switch on time synchronisation (chrony, systemd-timesyncd): signed requests fail when clocks differ by minutes, and events after our present are refused",
            )
        });
    }
    findings
}

async fn look_at_prometheus(
    config: &Config,
    registry: &RegistryView,
    store: Option<&Store>,
) -> Result<Vec<Finding>, Failure> {
    if config.prometheus.is_empty() {
        return Ok(vec![Finding::ok(
            "prometheus",
            "configuration",
            "no [[prometheus]] is configured: usage comes from files",
        )]);
    }
    let tables = match store {
        Some(store) => Some(OpenTables::open(store).await?),
        None => None,
    };
    let mut findings = Vec::new();
    for cluster in steps::prometheus_clusters(config, registry, &[])? {
        let mut read = ReadSoFar::default();
        if let Some(tables) = &tables {
            let until_ms = tables.position(&QuerySet::Pods.source(cluster.id.as_str())).await?;
            read.until = (until_ms > 0).then(|| Instant::from_ms(until_ms));
        }
        findings.extend(probe::examine(&cluster, read, clock::now()).await);
    }
    Ok(findings)
}

fn text(findings: &[Finding]) -> String {
    let heads = [("", Side::Left), ("of", Side::Left), ("what", Side::Left), ("found", Side::Left)];
    let row = |finding: &Finding| {
        vec![finding.level.word().to_owned(), finding.of.clone(), finding.what.clone(), finding.found.clone()]
    };
    let mut out = table::text(&heads, findings.iter().map(row));
    for finding in findings {
        let Some(mend) = &finding.mend else { continue };
        let lines: Vec<String> = mend.lines().map(|line| format!("  {}", visible(line))).collect();
        let (word, of, what) = (finding.level.word(), visible(&finding.of), visible(&finding.what));
        let _ = write!(out, "\n\n{word}: {of}, {what}\n{}", lines.join("\n"));
    }
    out
}

/// An error with its causes, each said once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !said.contains(&words) {
            said.push_str(": ");
            said.push_str(&words);
        }
        cause = error.source();
    }
    said
}
