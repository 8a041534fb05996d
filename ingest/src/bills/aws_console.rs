//! The AWS console's "Monthly Costs By Linked Account" CSV.
//!
//! Accounts stand in columns, months (or days) in rows, with totals both ways. Both totals are
//! checked: a file that was edited by hand, or cut, is refused with the difference.

use bigdecimal::BigDecimal;
use chrono::NaiveDate;
use csv::ByteRecord;
use hubtally_schemas::Currency;
use hubtally_schemas::period::{Instant, Period, Span};
use std::str::FromStr;

use super::console::{self, currency_of, money_text};
use super::error::BillError;
use super::importer::{Context, Format, Importer, Reading};
use super::input::BillFile;
use super::line::{Amount, Category, ChargeLine, Grade, Identity, LineTexts, RejectedRow, Sink, Status};
use super::text_table::{self, TextTable, join};
use super::times;

/// The AWS console importer.
#[derive(Debug)]
pub(crate) struct AwsConsole;

/// The file as text: small, since an organisation has hundreds of accounts at most.
struct Sheet {
    accounts: Vec<String>,
    names: Vec<String>,
    total: Option<(u64, Vec<String>)>,
    rows: Vec<(u64, NaiveDate, Vec<String>)>,
}

/// The most months, days and accounts of one sheet.
const MAX_CELLS: usize = 1_000_000;

impl Importer for AwsConsole {
    fn read(&self, file: &BillFile, _: &Context, sink: &mut dyn Sink) -> Result<Reading, BillError> {
        let (sheet, refused) = sheet(file)?;
        let currency = sheet.currency(file)?;
        check_totals(file, &sheet)?;
        let monthly = sheet.rows.iter().all(|(_, date, _)| *date == Period::of_date(*date).first_day());
        let count = (sheet.rows.len() + refused.len()) as u64;
        for row in refused {
            sink.reject(row)?;
        }
        for (number, date, cells) in &sheet.rows {
            let period = Period::of_date(*date);
            let day = Span {
                start: Instant::at_midnight(*date),
                end: Instant::at_midnight(*date + chrono::Days::new(1)),
            };
            let charge = if monthly { period.span() } else { day };
            for (at, account) in sheet.accounts.iter().enumerate() {
                let Some(text) = cells.get(at).map(String::as_str).filter(|text| !text.is_empty()) else {
                    continue;
                };
                let billed = match Amount::read(text) {
                    Ok(billed) => billed,
                    Err(error) => {
                        let detail = format!("account {account}, {date}: {error}");
                        sink.reject(RejectedRow { row: *number, detail, bytes: text.as_bytes().to_vec() })?;
                        continue;
                    }
                };
                sink.line(&ChargeLine {
                    row: *number,
                    identity: Identity::new("aws-console").time(charge.start).time(charge.end).finish(),
                    account,
                    provider: "aws",
                    grade: Grade::Account,
                    status: Status::ByReach,
                    currency,
                    billed,
                    effective: None,
                    list: None,
                    contracted: None,
                    charge,
                    billing: period.span(),
                    period,
                    category: Category::Usage,
                    service_name: "all services",
                    tags: "{}",
                    text: LineTexts {
                        sub_account_id: Some(account),
                        charge_description: Some(sheet.names[at].as_str()).filter(|name| !name.is_empty()),
                        ..LineTexts::default()
                    },
                })?;
            }
        }
        let format_version = if monthly { "monthly by linked account" } else { "daily by linked account" };
        Ok(Reading { format_version: format_version.to_owned(), rows: count, ..Reading::default() })
    }
}

fn sheet(file: &BillFile) -> Result<(Sheet, Vec<RejectedRow>), BillError> {
    let mut table = TextTable::open(file)?;
    let delimiter = table.delimiter();
    let mut cells = ByteRecord::new();
    let mut sheet = Sheet { accounts: Vec::new(), names: Vec::new(), total: None, rows: Vec::new() };
    let mut refused = Vec::new();
    let mut has_total_column = false;
    let mut held = 0_usize;
    let mut found = Vec::new();
    while let Some(row) =
        table.next(&mut cells, if has_total_column { sheet.accounts.len() + 2 } else { 0 }, file)?
    {
        let texts: Vec<String> = row
            .cells
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        held += texts.len();
        if held > MAX_CELLS {
            let what = format!("it has more than {MAX_CELLS} cells: export fewer months or accounts");
            return Err(BillError::Content { file: file.name.clone(), what });
        }
        let (Some(label), rest) = (texts.first(), texts.get(1..).unwrap_or_default()) else { continue };
        if text_table::same_name(label, "Linked account") {
            let ids = rest.iter().take_while(|id| !id.is_empty());
            sheet.accounts = ids.map(|id| console::aws_account(id)).collect();
        } else if text_table::same_name(label, "Linked account name") {
            has_total_column = rest.len() > sheet.accounts.len();
            sheet.names = rest.to_vec();
        } else if text_table::same_name(label, "Linked account total") {
            sheet.total = Some((row.number, rest.iter().map(|cell| money_text(cell)).collect()));
        } else if let Some(date) = times::date(label) {
            sheet.rows.push((row.number, date, rest.iter().map(|cell| money_text(cell)).collect()));
        } else if texts.iter().any(|text| !text.is_empty()) {
            refused.push(RejectedRow {
                row: row.number,
                detail: format!("{label:?} is no date such as 2026-06-01"),
                bytes: join(row.cells, delimiter),
            });
        }
        if found.len() < 8 {
            found.push(label.clone());
        }
    }
    let missing: Vec<&str> = [
        ("Linked account", sheet.accounts.is_empty()),
        ("Linked account name", sheet.names.is_empty()),
        ("Linked account total", sheet.total.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, missing)| missing.then_some(name))
    .collect();
    if !missing.is_empty() {
        return Err(text_table::missing_columns(&file.name, Format::AwsConsole, &missing, &found));
    }
    sheet.names.resize(sheet.accounts.len().max(sheet.names.len()), String::new());
    Ok((sheet, refused))
}

impl Sheet {
    /// The one currency, from the `($)` behind each name, which is then dropped.
    fn currency(&self, file: &BillFile) -> Result<Currency, BillError> {
        let mut currency: Option<(Currency, &str)> = None;
        for name in self.names.iter().filter(|name| !name.is_empty()) {
            let found = currency_of(name).ok_or_else(|| BillError::Content {
                file: file.name.clone(),
                what: format!(
                    "account name {name:?} names no currency: expected for example \"ocean lab ($)\""
                ),
            })?;
            match currency {
                Some((earlier, first)) if earlier != found => {
                    return Err(BillError::Content {
                        file: file.name.clone(),
                        what: format!(
                            "it mixes currencies: {first:?} and {name:?}; export one currency a file"
                        ),
                    });
                }
                _ => currency = Some((found, name)),
            }
        }
        currency.map(|(currency, _)| currency).ok_or_else(|| BillError::Content {
            file: file.name.clone(),
            what: "no account name names a currency: expected for example \"ocean lab ($)\"".to_owned(),
        })
    }
}

/// Each row's last cell is its sum, and the row of totals is each column's.
fn check_totals(file: &BillFile, sheet: &Sheet) -> Result<(), BillError> {
    let width = sheet.accounts.len();
    let number = |text: &str| BigDecimal::from_str(if text.is_empty() { "0" } else { text }).ok();
    let with_total = sheet.names.len() > width;
    let mut lines: Vec<(&[String], String)> = sheet
        .rows
        .iter()
        .map(|(_, date, cells)| (cells.as_slice(), format!("the total of {date}")))
        .collect();
    if let Some((_, total)) = &sheet.total {
        lines.push((total, "the total of all accounts".to_owned()));
    }
    for (cells, what) in &lines {
        if let (true, Some(printed)) = (with_total, cells.get(width)) {
            let parts: Option<Vec<BigDecimal>> = cells[..width].iter().map(|cell| number(cell)).collect();
            compare(file, what, printed, parts)?;
        }
    }
    if let Some((_, total)) = &sheet.total {
        for (at, account) in sheet.accounts.iter().enumerate() {
            let cell = |cells: &[String]| number(cells.get(at).map_or("", String::as_str));
            let parts: Option<Vec<BigDecimal>> = sheet.rows.iter().map(|(_, _, cells)| cell(cells)).collect();
            if let Some(printed) = total.get(at) {
                compare(file, &format!("the total of account {account}"), printed, parts)?;
            }
        }
    }
    Ok(())
}

/// Refuses a printed total that is not the sum. Numbers of six or more decimals were rounded by the
/// console each for itself: half a unit of their last place is allowed for each.
fn compare(
    file: &BillFile,
    what: &str,
    printed: &str,
    parts: Option<Vec<BigDecimal>>,
) -> Result<(), BillError> {
    // A cell that is no number becomes a reject of its own; its sums cannot be checked.
    let Some(parts) = parts else { return Ok(()) };
    let text = if printed.is_empty() { "0" } else { printed };
    let Ok(total) = BigDecimal::from_str(text) else { return Ok(()) };
    let summed: BigDecimal = parts.iter().sum();
    let difference = &total - &summed;
    let places = parts.iter().chain([&total]).map(BigDecimal::fractional_digit_count).max().unwrap_or(0);
    let count = i64::try_from(parts.len()).unwrap_or(i64::MAX).saturating_add(1);
    let allowed = if places >= 6 {
        BigDecimal::new((i128::from(count) * 5).into(), places + 1)
    } else {
        BigDecimal::from(0)
    };
    if difference.abs() <= allowed {
        return Ok(());
    }
    Err(BillError::TotalMismatch {
        file: file.name.clone(),
        what: what.to_owned(),
        printed: printed.to_owned(),
        summed: summed.to_plain_string(),
        difference: difference.to_plain_string(),
    })
}
