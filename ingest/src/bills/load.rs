//! From files to commits: read, check, write, in this order.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use futures::TryStreamExt as _;
use hubtally_rules::RegistryView;
use hubtally_schemas::money::pico_text;
use hubtally_schemas::period::Period;
use hubtally_schemas::reject::{DatedBy, RejectReason};
use hubtally_schemas::tables::{CHARGES, REJECTS};
use hubtally_schemas::{Instant, paths};
use hubtally_store::{CommitOutcome, SourceBatch, SourceWriter, Store, StoreError, Table};

use super::aws_ce_request::{View, check_views, uncovered};
use super::collect::{Collector, FileLines, Group, Lines};
use super::error::BillError;
use super::importer::Context;
use super::input::{self, BillFile};
use super::loaded::{LoadedPeriod, files_of};
use super::receipts::{self, Place, Receipt};
use super::report::{BillFileReport, BillReport, GroupReport, Outcome};
use super::{BillOptions, read_bills};
use crate::error::IngestError;
use crate::progress::Progress;

/// How often a group is tried whose position another process moves.
const MAX_ATTEMPTS: u32 = 8;
/// Bytes kept of a refused row.
const MAX_REJECT_BYTES: usize = 64 << 10;

/// Loads bills: files, folders and object-store addresses of any known format.
///
/// Returns what became of each file and of each account and month. If any file is refused, nothing
/// is loaded. The same files again change nothing.
pub async fn ingest_bills(
    store: &Store,
    registry: &RegistryView,
    paths: &[String],
    options: &BillOptions,
    progress: &dyn Progress,
) -> Result<BillReport, IngestError> {
    let mut report = BillReport::default();
    let found = input::find(paths, &options.object_options).await?;
    let files = distinct(found, &mut report.warnings);
    let mut charges = store.table(&CHARGES).await.map_err(|source| failed("opening the charges", source))?;

    let mut current: Vec<(&BillFile, Receipt)> = Vec::new();
    let mut fresh: Vec<&BillFile> = Vec::new();
    for file in &files {
        if options.replace {
            // Asked to stand for the whole month, a file that is a part of it must be read again.
            fresh.push(file);
            continue;
        }
        let receipt = receipts::current(store, &charges, file).await;
        match receipt.map_err(|source| failed(&format!("looking for {}", file.name), source))? {
            Some(receipt) => current.push((file, receipt)),
            None => fresh.push(file),
        }
    }
    let mut context = Context::of(registry.registry());
    context.requests.clone_from(&options.requests);
    let mut collector = Collector::new(options.now);
    let mut errors = Vec::new();
    while !fresh.is_empty() {
        errors.extend(read_bills(&fresh, &context, options, progress, &mut collector).err());
        // A loaded file that shares an account and month with a new one is a part of the same bill.
        let (met, rest): (Vec<_>, Vec<_>) = current.into_iter().partition(|(_, receipt)| {
            receipt.groups.iter().any(|place| collector.groups().iter().any(|group| place.meets(group)))
        });
        current = rest;
        fresh = met.into_iter().map(|(file, _)| file).collect();
    }
    if let Some(error) = BillError::join(errors) {
        return Err(error.into());
    }
    report.files.extend(current.into_iter().map(|(_, receipt)| receipt.report));
    check_collected(&collector, &context, options, &mut report)?;

    let (lines, groups) = collector.into_groups();
    let mut periods: BTreeMap<Period, LoadedPeriod> = BTreeMap::new();
    for group in &groups {
        let loaded = match periods.entry(group.key.period) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(loaded(&charges, group.key.period).await?),
        };
        loaded.check(group, &lines, options.replace)?;
    }
    keep_raw(store, &files, &lines).await?;
    for file in &lines.files {
        write_rejects(store, file, options.now).await?;
    }
    let mut places: Vec<Place> = Vec::new();
    let mut unchanged: Vec<Place> = Vec::new();
    for group in &groups {
        progress.start(&group.key.name(), None);
        let loaded = &periods[&group.key.period];
        let (outcome, position) = write_group(&mut charges, group, &lines, loaded, options).await?;
        progress.advance(0, group.rows);
        progress.finish();
        let place = Place::of(&group.key, position);
        if outcome == Outcome::Unchanged {
            unchanged.push(place.clone());
        }
        places.push(place);
        report.groups.push(group_report(group, &lines, outcome, position));
    }
    if unchanged.len() < groups.len() {
        confirm(&mut charges, &groups, &lines, &mut places, options).await?;
    }
    for read in &lines.files {
        let mut file_report = BillFileReport::of(read, &lines, &groups);
        let own: Vec<Place> = groups
            .iter()
            .zip(&places)
            .filter(|(group, _)| lines.files_of(group).iter().any(|file| file.sha256 == read.sha256))
            .map(|(_, place)| place.clone())
            .collect();
        if let Some(file) = files.iter().find(|file| file.sha256 == read.sha256) {
            let written = receipts::write(store, file, &file_report, own.clone()).await;
            written.map_err(|source| failed(&format!("noting that {} is loaded", file.name), source))?;
        }
        file_report.unchanged = !own.is_empty() && own.iter().all(|place| unchanged.contains(place));
        report.files.push(file_report);
    }
    report.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(report)
}

fn failed(doing: &str, source: StoreError) -> IngestError {
    IngestError::Store { doing: doing.to_owned(), source: Box::new(source) }
}

/// The same bytes are read once, however often they are named.
fn distinct(files: Vec<BillFile>, warnings: &mut Vec<String>) -> Vec<BillFile> {
    let mut kept: Vec<BillFile> = Vec::new();
    for file in files {
        match kept.iter().find(|other| other.digest() == file.digest()) {
            Some(other) if other.name == file.name => {}
            Some(other) => {
                warnings.push(format!("{} has the same bytes as {} and is read once", file.name, other.name));
            }
            None => kept.push(file),
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

/// Keeps the bytes of each file, and of the request beside it, under their digest.
async fn keep_raw(store: &Store, files: &[BillFile], lines: &Lines) -> Result<(), IngestError> {
    let read: BTreeSet<&str> = lines.files.iter().map(|file| file.sha256.as_str()).collect();
    for file in files.iter().filter(|file| read.contains(file.sha256.as_str())) {
        let doing = || format!("keeping the bytes of {}", file.name);
        let path = paths::raw_bill(&file.sha256);
        let there = store.object_store().list(Some(&path.as_str().into())).try_next().await;
        if there.is_ok_and(|found| found.is_some_and(|meta| meta.size == file.size)) {
            continue;
        }
        let put = store.put_if_absent(&path, file.raw()?).await;
        put.map_err(|source| failed(&doing(), source))?;
        if let Some(request) = &file.request {
            let path = format!("{path}{}", input::REQUEST_SUFFIX);
            store.put_if_absent(&path, request.clone()).await.map_err(|source| failed(&doing(), source))?;
        }
    }
    Ok(())
}

/// Replaces a group in one commit, unless the same files stand there.
async fn write_group(
    charges: &mut Table,
    group: &Group,
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
    let mut done = None;
    for _ in 0..MAX_ATTEMPTS {
        let there = reread.as_ref().unwrap_or(known);
        let standing = there.of(group);
        let position = charges.position(&source).await.map_err(|error| failed(&doing(), error))?;
        if standing.is_some_and(|loaded| loaded.files == own_files) {
            return Ok((done.unwrap_or(Outcome::Unchanged), position.unwrap_or(0)));
        }
        there.check(group, lines, options.replace)?;
        let outcome = if standing.is_some() { Outcome::Replaced } else { Outcome::Loaded };
        let to = position.unwrap_or(0) + 1;
        let rows = lines.batches(group, to)?;
        let partition = [("billing_period", period.as_str())];
        let committed = charges
            .replace_group(&group.key.name(), &partition, rows, &source, position, to, metadata.clone())
            .await
            .map_err(|error| failed(&doing(), error))?;
        if matches!(committed, CommitOutcome::Done) {
            return Ok((outcome, to));
        }
        // Our own reply was lost, or another process loads the same month: look at what stands there.
        done = matches!(committed, CommitOutcome::AlreadyDone).then_some(outcome);
        charges.refresh().await.map_err(|error| failed(&doing(), error))?;
        reread = Some(loaded(charges, group.key.period).await?);
    }
    Err(IngestError::Rival { path: group.key.name(), attempts: MAX_ATTEMPTS })
}

/// Looks at what stands in the store after the writing: another process that moved a position by the
/// same step at the same time may have made our commit look done.
async fn confirm(
    charges: &mut Table,
    groups: &[Group],
    lines: &Lines,
    places: &mut [Place],
    options: &BillOptions,
) -> Result<(), IngestError> {
    let touched: BTreeSet<Period> = groups.iter().map(|group| group.key.period).collect();
    for period in touched {
        charges.refresh().await.map_err(|error| failed("looking at what was written", error))?;
        let there = loaded(charges, period).await?;
        for (group, place) in
            groups.iter().zip(places.iter_mut()).filter(|(group, _)| group.key.period == period)
        {
            if there.of(group).is_some_and(|loaded| loaded.files == files_of(group, lines)) {
                there.check(group, lines, options.replace)?;
                continue;
            }
            let source = receipts::source_of(&group.key);
            let position =
                charges.position(&source).await.map_err(|error| failed("looking at a position", error))?;
            // A later position is a later bill, which took the place of ours as it should.
            if position.unwrap_or(0) <= place.position {
                (_, place.position) = write_group(charges, group, lines, &there, options).await?;
            }
        }
    }
    Ok(())
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

/// Writes a file's refused rows once (law L10).
async fn write_rejects(store: &Store, file: &FileLines, now: Instant) -> Result<(), IngestError> {
    let Some(last) = file.rejects.iter().map(|reject| reject.row).max() else { return Ok(()) };
    let source = format!("file/{}", file.sha256);
    let doing = || format!("writing the refused rows of {}", file.name);
    let mut writer = SourceWriter::open(store, &source).await.map_err(|error| failed(&doing(), error))?;
    let to = i64::try_from(last.max(file.reading.rows)).unwrap_or(i64::MAX);
    let from = writer.position();
    if from >= to {
        return Ok(());
    }
    let rows = reject_rows(store, file, &source, now)?;
    let batch = SourceBatch { from, to, rows: BTreeMap::from([(REJECTS.name, vec![rows])]) };
    writer.commit(batch).await.map(drop).map_err(|error| failed(&doing(), error))
}

fn reject_rows(
    store: &Store,
    file: &FileLines,
    source: &str,
    now: Instant,
) -> Result<RecordBatch, IngestError> {
    let rejects = &file.rejects;
    let count = rejects.len();
    let same = |text: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, count)))
    };
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let encrypted = rejects
        .iter()
        .map(|reject| store.keys().encrypt_reject(&reject.bytes[..reject.bytes.len().min(MAX_REJECT_BYTES)]))
        .collect::<Result<Vec<String>, _>>()
        .map_err(|source| IngestError::Keys { what: "rejected bill row", source: source.into() })?;
    let schema = REJECTS.arrow_schema();
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .map(|field| match field.name().as_str() {
            "date" => Arc::new(Date32Array::from_value(now.day(), count)) as ArrayRef,
            "source" => same(source),
            "source_position" => {
                Arc::new(Int64Array::from_iter_values(rejects.iter().map(|reject| number(reject.row))))
            }
            "reason" => same(RejectReason::BillRow.code()),
            "detail" => Arc::new(StringArray::from_iter_values(rejects.iter().map(|reject| &reject.detail))),
            "origin" => Arc::new(StringArray::from_iter_values(
                rejects.iter().map(|reject| format!("{}, row {}", file.name, reject.row)),
            )),
            "bytes_encrypted" => Arc::new(StringArray::from_iter_values(encrypted.iter())),
            "byte_count" => Arc::new(Int64Array::from_iter_values(
                rejects.iter().map(|reject| number(reject.bytes.len() as u64)),
            )),
            "recorded_at" => {
                Arc::new(TimestampMicrosecondArray::from_value(now.0, count).with_timezone("UTC"))
            }
            // Which months miss the row is told by its file: whichever months its other rows are in.
            "dated_by" => same(DatedBy::Reading.code()),
            _ => new_null_array(field.data_type(), count),
        })
        .collect();
    RecordBatch::try_new(schema, columns).map_err(|source| IngestError::Rows { table: REJECTS.name, source })
}
