//! The GCP console's cost CSV by project.
//!
//! Projects are named by their display name, so the registry's account name finds the id (a column
//! `Project ID` is preferred where the export has it). A file of one month has no column `Month`:
//! its name says it, `… 2026-01-01 — 2026-01-31.csv`, with an em dash. The console's days are US
//! Pacific days, and so are the charge's instants.

use std::str::FromStr;
use std::sync::LazyLock;

use bigdecimal::BigDecimal;
use chrono::{NaiveDate, TimeZone};
use csv::ByteRecord;
use hubtally_schemas::period::{Instant, Period, Span};
use regex::Regex;

use super::console::{currency_of, money_text};
use super::error::BillError;
use super::importer::{Context, Format, Importer, Reading};
use super::input::BillFile;
use super::line::{Amount, Category, ChargeLine, Grade, Identity, LineTexts, RejectedRow, Sink, Status};
use super::text_table::{self, TextTable, join};
use super::times;

/// The GCP console importer.
#[derive(Debug)]
pub(crate) struct GcpConsole;

/// Lines before the header that some exports have (invoice number, billing account).
const MAX_PREAMBLE: u64 = 20;

#[derive(Debug)]
struct Columns {
    name: usize,
    id: Option<usize>,
    subtotal: usize,
    month: Option<usize>,
    currency: hubtally_schemas::Currency,
}

impl Importer for GcpConsole {
    fn read(&self, file: &BillFile, context: &Context, sink: &mut dyn Sink) -> Result<Reading, BillError> {
        let mut table = TextTable::open(file)?;
        let delimiter = table.delimiter();
        let mut cells = ByteRecord::new();
        let columns = header(file, &mut table)?;
        let of_name = month_of_name(file.file_name());
        if columns.month.is_none() && of_name.is_none() {
            return Err(BillError::Content {
                file: file.name.clone(),
                what: "it has no column Month, and its name holds no dates: keep the console's own file name, with its dates such as \"2026-01-01 — 2026-01-31\", or export by month".to_owned(),
            });
        }
        let mut rows = 0;
        let (mut sum, mut unread) = (BigDecimal::from(0), false);
        while let Some(row) = table.next(&mut cells, columns.subtotal + 1, file)? {
            rows += 1;
            let bytes = join(row.cells, delimiter);
            let cell = |at: usize| {
                std::str::from_utf8(row.cells.get(at).unwrap_or_default()).map_or("\u{fffd}", str::trim)
            };
            let name = cell(columns.name);
            let amount = money_text(cell(columns.subtotal));
            if name.is_empty() && amount.is_empty() {
                // A blank line, or a note under the list.
                rows -= 1;
                continue;
            }
            if row.cells.iter().any(|cell| cell.eq_ignore_ascii_case(b"Total")) {
                rows -= 1;
                check_total(file, &amount, &sum, unread)?;
                continue;
            }
            let month = columns.month.map(cell).filter(|text| !text.is_empty());
            let read = project(context, name, columns.id.map(cell))
                .and_then(|account| Ok((account, month_of(month, of_name)?)))
                .and_then(|(account, month)| {
                    let billed = Amount::read(&amount).map_err(|error| format!("Subtotal: {error}"))?;
                    Ok((account, month, billed))
                });
            let (account, month, billed) = match read {
                Ok(read) => read,
                Err(detail) => {
                    unread = true;
                    sink.reject(RejectedRow { row: row.number, detail, bytes })?;
                    continue;
                }
            };
            sum += BigDecimal::from_str(&amount).unwrap_or_default();
            let charge = pacific(month.from, month.to);
            sink.line(&ChargeLine {
                row: row.number,
                identity: Identity::new("gcp-console").time(charge.start).field(Some(&account)).finish(),
                account: &account,
                provider: "gcp",
                grade: Grade::Account,
                status: if month.whole { Status::ByReach } else { Status::Provisional },
                currency: columns.currency,
                billed,
                effective: None,
                list: None,
                contracted: None,
                charge,
                billing: month.period.span(),
                period: month.period,
                category: Category::Usage,
                service_name: "all services",
                tags: "{}",
                text: LineTexts {
                    sub_account_id: Some(&account),
                    charge_description: Some(name).filter(|name| !name.is_empty()),
                    ..LineTexts::default()
                },
            })?;
        }
        Ok(Reading {
            format_version: if columns.month.is_some() { "by project and month" } else { "by project, one month" }
                .to_owned(),
            rows,
            warnings: vec![
                "the console's days are US Pacific days, 7 or 8 hours behind UTC; the lines keep those instants"
                    .to_owned(),
            ],
            view: None,
        })
    }
}

fn header(file: &BillFile, table: &mut TextTable) -> Result<Columns, BillError> {
    let mut cells = ByteRecord::new();
    let mut first: Vec<String> = Vec::new();
    for _ in 0..MAX_PREAMBLE {
        let Some(row) = table.next(&mut cells, 0, file)? else { break };
        let names: Vec<String> = row
            .cells
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        let place = |name: &str| names.iter().position(|column| text_table::same_name(column, name));
        let subtotal = names.iter().position(|column| text_table::plain_name(column).starts_with("subtotal"));
        if let (Some(name), Some(subtotal)) = (place("Project name"), subtotal) {
            let currency = currency_of(&names[subtotal]).ok_or_else(|| BillError::Content {
                file: file.name.clone(),
                what: format!(
                    "column {:?} names no currency: expected for example \"Subtotal ($)\"",
                    names[subtotal]
                ),
            })?;
            return Ok(Columns {
                name,
                id: place("Project ID"),
                subtotal,
                month: place("Month").or_else(|| place("Invoice month")),
                currency,
            });
        }
        if first.len() < names.len() {
            first = names;
        }
    }
    let has = |name: &str| first.iter().any(|column| text_table::plain_name(column).starts_with(name));
    let mut missing = Vec::new();
    if !has("projectname") {
        missing.push("Project name");
    }
    if !has("subtotal") {
        missing.push("Subtotal ($)");
    }
    Err(text_table::missing_columns(&file.name, Format::GcpConsole, &missing, &first))
}

/// A printed total must be the sum of the lines before it.
fn check_total(file: &BillFile, printed: &str, sum: &BigDecimal, unread: bool) -> Result<(), BillError> {
    let Ok(total) = BigDecimal::from_str(printed) else { return Ok(()) };
    if unread || total == *sum {
        return Ok(());
    }
    Err(BillError::TotalMismatch {
        file: file.name.clone(),
        what: "the total".to_owned(),
        printed: printed.to_owned(),
        summed: sum.to_plain_string(),
        difference: (total - sum).to_plain_string(),
    })
}

/// The project's id: from its own column, or by the name that the registry gives.
fn project(context: &Context, name: &str, id: Option<&str>) -> Result<String, String> {
    if name.is_empty() && id.is_none_or(str::is_empty) {
        return Err("Project name: it is empty, but the row has an amount".to_owned());
    }
    if let Some(id) = id.filter(|id| !id.is_empty()) {
        return Ok(id.to_owned());
    }
    match context.by_name.get(name) {
        Some(ids) if ids.len() > 1 => {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            Err(format!(
                "Project name: {name:?} is the name of {} in the registry, so its account is not certain: give them different names",
                ids.join(" and ")
            ))
        }
        Some(ids) => Ok(ids.first().cloned().unwrap_or_default()),
        None if name.contains('\u{fffd}') => {
            Err("Project name: it is no UTF-8, export the file as UTF-8".to_owned())
        }
        // A project whose name is its id, or one that the registry does not know yet.
        None => Ok(name.to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Month {
    period: Period,
    from: NaiveDate,
    to: NaiveDate,
    whole: bool,
}

impl Month {
    fn whole(date: NaiveDate) -> Self {
        let period = Period::of_date(date);
        Self { period, from: period.first_day(), to: period.next().first_day(), whole: true }
    }
}

fn month_of(text: Option<&str>, of_name: Option<Month>) -> Result<Month, String> {
    let Some(text) = text else {
        return of_name.ok_or_else(|| "Month: it is empty, and the file name holds no dates".to_owned());
    };
    let tries = [format!("{text}-01"), format!("{text}01"), text.to_owned()];
    let patterns = ["%Y-%m-%d", "%Y%m%d"];
    let by_number = tries
        .iter()
        .flat_map(|text| patterns.iter().map(move |pattern| NaiveDate::parse_from_str(text, pattern).ok()))
        .flatten()
        .next();
    let by_word = ["%d %B %Y", "%d %b %Y"].iter().find_map(|pattern| {
        NaiveDate::parse_from_str(&format!("01 {}", text.replace(',', "")), pattern).ok()
    });
    by_number
        .or(by_word)
        .map(Month::whole)
        .ok_or_else(|| format!("Month: {text:?} is no month such as 2026-01 or January 2026"))
}

static DATES: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(\d{4}-\d{2}-\d{2})\s*(?:—|–|-|to)\s*(\d{4}-\d{2}-\d{2})").ok());

/// The month that a file name speaks of; the last day is inclusive there.
fn month_of_name(name: &str) -> Option<Month> {
    let found = DATES.as_ref()?.captures(name)?;
    let from = times::date(found.get(1)?.as_str())?;
    let last = times::date(found.get(2)?.as_str())?;
    let period = Period::of_date(from);
    (Period::of_date(last) == period && from <= last).then(|| {
        let to = last + chrono::Days::new(1);
        Month { period, from, to, whole: to == period.next().first_day() }
    })
}

/// US Pacific midnights as instants.
fn pacific(from: NaiveDate, to: NaiveDate) -> Span {
    let midnight = |date: NaiveDate| {
        let naive = date.and_time(chrono::NaiveTime::MIN);
        let local = chrono_tz::America::Los_Angeles.from_local_datetime(&naive).earliest();
        local.map_or_else(|| Instant::at_midnight(date), |time| Instant(time.timestamp_micros()))
    };
    Span { start: midnight(from), end: midnight(to) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_read_from_cells_and_names() {
        let january = month_of(Some("2026-01"), None).unwrap();
        for text in ["2026-01-01", "January 2026", "Jan 2026", "202601"] {
            assert_eq!(month_of(Some(text), None), Ok(january), "{text}");
        }
        assert_eq!(month_of_name("Cost by project, 2026-01-01 — 2026-01-31.csv"), Some(january));
        let part = month_of_name("x 2026-01-01 — 2026-01-20.csv").unwrap();
        assert!(!part.whole);
        assert_eq!(month_of_name("2026-01-01 — 2026-02-28.csv"), None);
        assert!(month_of(Some("soon"), None).is_err());
    }

    #[test]
    fn pacific_months_have_23_or_25_hour_days() {
        let march = Month::whole(NaiveDate::from_ymd_opt(2026, 3, 1).unwrap());
        let span = pacific(march.from, march.to);
        assert_eq!(span.start.to_string(), "2026-03-01T08:00:00Z");
        assert_eq!(span.end.to_string(), "2026-04-01T07:00:00Z");
    }
}
