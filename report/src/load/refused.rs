//! Refusals that touch the month, compared with what was read well since.

use std::collections::{BTreeSet, HashMap};

use arrow::array::Array;
use chrono::NaiveDate;
use hubtally_schemas::Period;
use hubtally_schemas::canonical::sha256_hex;
use hubtally_schemas::paths::{self, FileWhole};
use hubtally_schemas::period::day_to_date;
use hubtally_schemas::reject::DatedBy;
use hubtally_schemas::tables::{Fact, REJECTS, by_name, key_digest};
use hubtally_store::{Table, key_value};

use super::columns::Columns;
use super::{Reader, read_error};
use crate::error::ReportError;
use crate::facts::bills::BillLine;
use crate::facts::refused::{Refusals, Refused, Row};

/// What the month misses still of what was refused, in this run or any before.
pub async fn refused(
    reader: &mut Reader<'_>,
    period: Period,
    bills: &[BillLine],
) -> Result<Vec<Refused>, ReportError> {
    let bill_files = bills.iter().flat_map(|bill| bill.files.iter().cloned()).collect();
    let mut refusals = Refusals::new(period, bill_files);
    let table = reader.open(&REJECTS).await?;
    // With `usage_date` a charge of the month may stand on the bill of the month before.
    for date in days_from(&table, period.previous().first_day())? {
        add(&table, date, &mut refusals).await?;
    }
    let whole = came_whole(reader, &table, &refusals.cut_off()).await?;
    refusals.came_whole(&whole);
    let mut open: Option<Table> = None;
    for ((name, date), clusters) in refusals.partitions() {
        let Some(spec) = by_name(name) else { continue };
        let table = match open.take_if(|table| table.spec().name == name) {
            Some(table) => table,
            None => reader.open(spec).await?,
        };
        compare_facts(&table, date, &clusters, &mut refusals).await?;
        open = Some(table);
    }
    for date in refusals.days_to_compare() {
        compare_bytes(&table, date, &mut refusals).await?;
    }
    Ok(refusals.counts())
}

/// The files among those cut off of which the whole one was read, as far as this version of the table knows (law L7).
async fn came_whole(
    reader: &Reader<'_>,
    table: &Table,
    cut_off: &BTreeSet<String>,
) -> Result<BTreeSet<String>, ReportError> {
    let failed = |source| read_error(&REJECTS, source);
    let mut whole = BTreeSet::new();
    for sha256 in cut_off {
        let Some(note) = reader.store.get(&paths::file_whole(sha256)).await.map_err(failed)? else {
            continue;
        };
        let Ok(note) = serde_json::from_slice::<FileWhole>(&note) else { continue };
        if table.position(&format!("file/{}", note.whole)).await.map_err(failed)?.is_some() {
            whole.insert(sha256.clone());
        }
    }
    Ok(whole)
}

/// The days on which the table has rows, from one on.
fn days_from(table: &Table, first: NaiveDate) -> Result<BTreeSet<NaiveDate>, ReportError> {
    let files = table.files().map_err(|source| read_error(&REJECTS, source))?;
    let days = files.iter().filter_map(|file| file.partition.get("date")?.parse().ok());
    Ok(days.filter(|day| *day >= first).collect())
}

async fn add(table: &Table, date: NaiveDate, refusals: &mut Refusals) -> Result<(), ReportError> {
    let wanted = [
        "date",
        "source",
        "source_position",
        "reason",
        "dated_by",
        "cluster",
        "fact",
        "revision",
        "recorded_at",
    ];
    Reader::scan(table, &[("date", &date.to_string())], &wanted, |batch| {
        let columns = Columns::new(&REJECTS, batch);
        let (dates, recorded) = (columns.day("date")?, columns.time("recorded_at")?);
        let (sources, positions) = (columns.text("source")?, columns.int("source_position")?);
        let (reasons, dated_by) = (columns.text("reason")?, columns.text("dated_by")?);
        let (clusters, facts) = (columns.text("cluster")?, columns.text("fact")?);
        let revisions = columns.int("revision")?;
        for row in 0..batch.num_rows() {
            let fact = facts.is_valid(row).then(|| Fact::parse(facts.value(row))).flatten();
            let revision = if revisions.is_valid(row) { revisions.value(row) } else { 0 };
            refusals.add(&Row {
                reason: reasons.value(row),
                source: sources.value(row),
                position: positions.value(row),
                date: day_to_date(dates.value(row)),
                dated_by: dated_by.is_valid(row).then(|| DatedBy::of_code(dated_by.value(row))).flatten(),
                cluster: clusters.is_valid(row).then(|| clusters.value(row)),
                fact: fact.map(|fact| (fact, revision)),
                recorded_at: recorded.value(row),
            });
        }
        Ok(())
    })
    .await
}

/// Looks for the facts of refusals in the partition where they would stand.
async fn compare_facts(
    table: &Table,
    date: NaiveDate,
    clusters: &BTreeSet<String>,
    refusals: &mut Refusals,
) -> Result<(), ReportError> {
    let spec = table.spec();
    let wanted = refusals.wanted(spec.name, date);
    let columns: Vec<&str> = spec.key.iter().copied().chain(["revision"]).collect();
    Reader::scan(table, &[("date", &date.to_string())], &columns, |batch| {
        let columns = Columns::new(spec, batch);
        let (in_cluster, revisions) = (columns.text("cluster")?, columns.int("revision")?);
        for row in (0..batch.num_rows()).filter(|row| clusters.contains(in_cluster.value(*row))) {
            let key = key_digest(spec, |name| key_value(batch.column_by_name(name)?, row));
            if let Some(found) = key.and_then(|key| wanted.get(&key)) {
                refusals.stands(found, revisions.value(row));
            }
        }
        Ok(())
    })
    .await
}

/// Tells refusals of several files apart that name no fact.
async fn compare_bytes(table: &Table, date: NaiveDate, refusals: &mut Refusals) -> Result<(), ReportError> {
    let wanted = ["reason", "source", "source_position", "bytes_encrypted"];
    let mut digests: HashMap<(String, String, i64), u128> = HashMap::new();
    Reader::scan(table, &[("date", &date.to_string())], &wanted, |batch| {
        let columns = Columns::new(&REJECTS, batch);
        let (reasons, sources) = (columns.text("reason")?, columns.text("source")?);
        let (positions, bytes) = (columns.int("source_position")?, columns.text("bytes_encrypted")?);
        for row in 0..batch.num_rows() {
            // The same bytes are encrypted to the same text.
            let digest = u128::from_str_radix(&sha256_hex(bytes.value(row).as_bytes())[..32], 16);
            let key = (reasons.value(row).to_owned(), sources.value(row).to_owned(), positions.value(row));
            digests.extend(digest.ok().map(|digest| (key, digest)));
        }
        Ok(())
    })
    .await?;
    refusals.note_bytes(date, &digests);
    Ok(())
}
