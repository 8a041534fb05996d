//! From files to commits: read, check, write, in this order.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use futures::StreamExt as _;
use hubtally_rules::RegistryView;
use hubtally_schemas::money::pico_text;
use hubtally_schemas::period::Period;
use hubtally_schemas::tables::CHARGES;
use hubtally_store::{CommitOutcome, GroupChange, Store, StoreError, Table};

use super::aws_ce_request::{View, check_views, uncovered};
use super::collect::Collector;
use super::error::BillError;
use super::group::Group;
use super::importer::Context;
use super::input::{self, BillFile};
use super::lines::Lines;
use super::loaded::{LoadedPeriod, files_of};
use super::raw::keep_raw;
use super::receipts::{self, Place, Receipt};
use super::rejects::write_rejects;
use super::report::{BillFileReport, BillReport, GroupReport, Outcome};
use super::{BillOptions, read_bills};
use crate::error::IngestError;
use crate::files::FileProblem;
use crate::progress::Progress;

/// How often a group is tried whose position another process moves.
const MAX_ATTEMPTS: u32 = 8;

/// Loads bills: files, folders and object-store addresses of any known format.
///
/// Returns what became of each file and of each account and month. If any file is refused, nothing
/// is loaded, or with [`BillOptions::load_the_rest`] nothing of the files that the refusal names.
/// The same files again change nothing, and neither does the order in which they are named.
pub async fn ingest_bills(
    store: &Store,
    registry: &RegistryView,
    paths: &[String],
    options: &BillOptions,
    progress: &dyn Progress,
) -> Result<BillReport, IngestError> {
    let mut found = input::find(paths, &options.object_options, &options.limits.spill_folder).await;
    if !options.load_the_rest {
        return match found.failed.into_iter().next() {
            Some((_, error)) => Err(error),
            None => load(store, registry, &found.files, options, progress).await,
        };
    }
    let mut refused: Vec<FileProblem> =
        found.failed.iter().map(|(path, error)| FileProblem::new(path, error)).collect();
    loop {
        match load(store, registry, &found.files, options, progress).await {
            Ok(report) => return Ok(BillReport { refused, ..report }),
            Err(IngestError::Bill(error)) => leave_out(error, &mut found.files, &mut refused)?,
            Err(error) => return Err(error),
        }
    }
}

/// Leaves out the files that an error names, or gives it back if it lies in none of them.
fn leave_out(
    error: BillError,
    files: &mut Vec<BillFile>,
    refused: &mut Vec<FileProblem>,
) -> Result<(), IngestError> {
    let known =
        |cause: &BillError| cause.files().iter().any(|named| files.iter().any(|file| file.name == *named));
    if !error.each().into_iter().all(known) {
        return Err(error.into());
    }
    refused.extend(error.each().into_iter().map(|cause| FileProblem::new(&cause.files().join(", "), cause)));
    let named = error.files();
    files.retain(|file| !named.contains(&file.name.as_str()));
    Ok(())
}

async fn load(
    store: &Store,
    registry: &RegistryView,
    files: &[BillFile],
    options: &BillOptions,
    progress: &dyn Progress,
) -> Result<BillReport, IngestError> {
    let mut report = BillReport::default();
    let files = distinct(files, &mut report.warnings);
    let mut charges = store.table(&CHARGES).await.map_err(|source| failed("opening the charges", source))?;
    let mut context = Context::of(registry.registry());
    context.requests.clone_from(&options.requests);
    context.document_bytes = Some(options.limits.document_bytes());

    let collector =
        read_what_is_new(store, &charges, &files, &context, options, progress, &mut report).await?;
    check_collected(&collector, &context, options, &mut report)?;
    let (lines, groups) = collector.into_groups()?;
    let mut periods: BTreeMap<Period, LoadedPeriod> = BTreeMap::new();
    for group in &groups {
        let loaded = match periods.entry(group.key.period) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(loaded(&charges, group.key.period).await?),
        };
        loaded.check(group, &lines, options.replace)?;
    }
    for file in files.iter().filter(|file| lines.holds(file)) {
        keep_raw(store, file).await?;
    }
    for file in &lines.files {
        write_rejects(store, file, options.now).await?;
    }
    let mut places: Vec<(Place, Outcome)> = Vec::new();
    for (rank, group) in groups.iter().enumerate() {
        progress.start(&group.key.name(), None);
        let known = &periods[&group.key.period];
        let (outcome, position) = write_group(&mut charges, group, rank, &lines, known, options).await?;
        progress.advance(0, group.rows);
        progress.finish();
        places.push((Place::of(&group.key, position), outcome));
        report.groups.push(group_report(group, &lines, outcome, position));
    }
    note_receipts(store, &files, &lines, &groups, &places, &mut report).await?;
    report.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

/// Reads the files that are not loaded yet, and of the loaded ones those that are parts of the same bill:
/// an account and month is replaced as a whole.
async fn read_what_is_new(
    store: &Store,
    charges: &Table,
    files: &[BillFile],
    context: &Context,
    options: &BillOptions,
    progress: &dyn Progress,
    report: &mut BillReport,
) -> Result<Collector, IngestError> {
    let mut current: Vec<(&BillFile, Receipt)> = Vec::new();
    let mut fresh: Vec<&BillFile> = Vec::new();
    for file in files {
        if options.replace {
            // Asked to stand for the whole month, a file that is a part of it must be read again.
            fresh.push(file);
            continue;
        }
        let receipt = receipts::current(store, charges, file).await;
        match receipt.map_err(|source| failed(&format!("looking for {}", file.name), source))? {
            Some(receipt) => current.push((file, receipt)),
            None => fresh.push(file),
        }
    }
    let mut collector = Collector::new(options.now, &options.limits);
    let mut errors = Vec::new();
    while !fresh.is_empty() {
        // Lines are stored in the order in which they are read: it follows from what the files hold.
        fresh.sort_by_key(|file| file.digest());
        errors.extend(read_bills(&fresh, context, options, progress, &mut collector).err());
        let (met, rest): (Vec<_>, Vec<_>) = current.into_iter().partition(|(_, receipt)| {
            receipt.groups.iter().any(|place| collector.groups().iter().any(|group| place.meets(group)))
        });
        current = rest;
        fresh = met.into_iter().map(|(file, _)| file).collect();
    }
    let Some(error) = BillError::join(errors) else {
        report.files.extend(current.into_iter().map(|(_, receipt)| receipt.report));
        return Ok(collector);
    };
    // Files that overlap are named together with those that cannot be read.
    Err(match collector.into_groups() {
        Ok(_) => error,
        Err(overlaps) => error.and(overlaps),
    }
    .into())
}

pub(super) fn failed(doing: &str, source: StoreError) -> IngestError {
    IngestError::Store { doing: doing.to_owned(), source: Box::new(source) }
}

/// The same bytes are read once, however often they are named.
fn distinct(files: &[BillFile], warnings: &mut Vec<String>) -> Vec<BillFile> {
    let mut kept: Vec<BillFile> = Vec::new();
    for file in files {
        match kept.iter().find(|other| other.digest() == file.digest()) {
            Some(other) if other.name == file.name => {}
            Some(other) => {
                warnings.push(format!("{} has the same bytes as {} and is read once", file.name, other.name));
            }
            None => kept.push(file.clone()),
        }
    }
    kept
}

/// What can be refused before the store is asked.
fn check_collected(
    collector: &Collector,
    context: &Context,
    options: &BillOptions,
    report: &mut BillReport,
) -> Result<(), BillError> {
    let views: Vec<(&str, &View)> = collector
        .files()
        .iter()
        .filter_map(|file| Some((file.name.as_str(), file.reading.view.as_ref()?)))
        .collect();
    check_views(&views)?;
    report.warnings.extend(uncovered(&views));
    collector.check_importers()?;
    let unknown: BTreeMap<&str, &str> = collector
        .groups()
        .iter()
        .filter(|group| !context.known.contains(&group.key.account))
        .map(|group| (group.key.account.as_str(), group.provider.as_str()))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let snippet = snippet(&unknown);
    if !options.allow_unknown_accounts {
        let shown: Vec<&str> = unknown.keys().take(10).copied().collect();
        let more = if unknown.len() > shown.len() { ", …" } else { "" };
        return Err(BillError::UnknownAccounts {
            count: unknown.len(),
            accounts: format!("{}{more}", shown.join(", ")),
            snippet,
        });
    }
    report.warnings.push(format!(
        "{} accounts are not in the registry, so their charges have no payer: add them (see registry_snippet)",
        unknown.len()
    ));
    report.unknown_accounts = unknown.keys().map(|account| (*account).to_owned()).collect();
    report.registry_snippet = Some(snippet);
    Ok(())
}

/// Registry text for accounts that it does not know; the owner is for a person to set.
fn snippet(unknown: &BTreeMap<&str, &str>) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let entries: Vec<String> = unknown
        .iter()
        .map(|(account, provider)| {
            format!(
                "[[account]]\nid = {}\nprovider = {}\n[[account.owner]]\nowner = \"organisation\" # or \"community:<id>\", or \"shared\" with among = [\"<id>\", …]\n",
                quoted(account),
                quoted(provider)
            )
        })
        .collect();
    entries.join("\n")
}

async fn loaded(charges: &Table, period: Period) -> Result<LoadedPeriod, IngestError> {
    let read = LoadedPeriod::read(charges, period).await;
    read.map_err(|source| failed(&format!("reading the charges of {period}"), source))
}

/// Notes of each file that was read where its lines are, and adds it to the report.
async fn note_receipts(
    store: &Store,
    files: &[BillFile],
    lines: &Lines,
    groups: &[Group],
    places: &[(Place, Outcome)],
    report: &mut BillReport,
) -> Result<(), IngestError> {
    for (at, read) in lines.files.iter().enumerate() {
        let mut file_report = BillFileReport::of(at, lines, groups);
        let own: Vec<&(Place, Outcome)> = groups
            .iter()
            .zip(places)
            .filter(|(group, _)| lines.is_of(group, at))
            .map(|(_, place)| place)
            .collect();
        if let Some(file) = files.iter().find(|file| file.name == read.name && file.sha256 == read.sha256) {
            let own = own.iter().map(|(place, _)| place.clone()).collect();
            let written = receipts::write(store, file, &file_report, own).await;
            written.map_err(|source| failed(&format!("noting that {} is loaded", file.name), source))?;
        }
        file_report.unchanged =
            !own.is_empty() && own.iter().all(|(_, outcome)| *outcome == Outcome::Unchanged);
        report.files.push(file_report);
    }
    Ok(())
}

/// Replaces a group in one commit, unless the same files stand there. The position that the commit moves
/// is that of the account and month, whatever the importer, at the version at which was looked what
/// stands there: whoever loads the same account and month meanwhile is met, never missed.
async fn write_group(
    charges: &mut Table,
    group: &Group,
    rank: usize,
    lines: &Lines,
    known: &LoadedPeriod,
    options: &BillOptions,
) -> Result<(Outcome, i64), IngestError> {
    let source = receipts::source_of(&group.key);
    let doing = || format!("writing the charges of {}", group.key.name());
    let period = group.key.period.to_string();
    let own_files = files_of(group, lines);
    let digests: Vec<&str> = own_files.iter().map(|(sha256, _)| sha256.as_str()).collect();
    let metadata = BTreeMap::from([
        ("files".to_owned(), digests.join(" ")),
        ("rows".to_owned(), group.rows.to_string()),
        ("billed".to_owned(), format!("{} {}", pico_text(group.billed), group.currency)),
    ]);
    let mut reread: Option<LoadedPeriod> = None;
    for _ in 0..MAX_ATTEMPTS {
        let there = reread.as_ref().unwrap_or(known);
        let position = there.position(&source).await.map_err(|error| failed(&doing(), error))?;
        let standing = there.of(group);
        if standing.is_some_and(|loaded| loaded.files == own_files) {
            return Ok((Outcome::Unchanged, position.unwrap_or(0)));
        }
        there.check(group, lines, options.replace)?;
        let outcome = if standing.is_some() { Outcome::Replaced } else { Outcome::Loaded };
        let to = position.unwrap_or(0) + 1;
        let rows = futures::stream::iter(lines.rows(group, rank, to)).boxed();
        let change = GroupChange {
            group: &group.key.name(),
            partition: &[("billing_period", period.as_str())],
            source: &source,
            from: position,
            to,
            metadata: metadata.clone(),
            file_bytes: options.limits.file_bytes(),
        };
        let committed =
            charges.replace_group(&change, rows).await.map_err(|error| failed(&doing(), error))?;
        if committed == CommitOutcome::Done {
            return Ok((outcome, to));
        }
        // Another process loads the same account and month: what it wrote decides.
        charges.refresh().await.map_err(|error| failed(&doing(), error))?;
        reread = Some(loaded(charges, group.key.period).await?);
    }
    Err(IngestError::Rival { path: group.key.name(), attempts: MAX_ATTEMPTS })
}

fn group_report(group: &Group, lines: &Lines, outcome: Outcome, revision: i64) -> GroupReport {
    GroupReport {
        importer: group.key.format.to_string(),
        account: group.key.account.clone(),
        period: group.key.period.to_string(),
        rows: group.rows,
        currency: group.currency.to_string(),
        billed: pico_text(group.billed),
        grade: group.grade.code().to_owned(),
        provisional: lines.provisional_of(group),
        outcome,
        revision,
    }
}
