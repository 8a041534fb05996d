//! The finance summary's page: who bears what, that it sums to the bills, and what is still open.

mod bills;
mod open;
mod payers;

use super::block::{Block, Page, paragraph};
use super::cells::Naming;
use super::{Provenance, check, completeness};
use crate::document::FinanceSummary;
use crate::figures::{count, money};

/// Rows that are shown; the data file has all.
const MOST_LINES: usize = 200;

/// The page.
pub fn finance(summary: &FinanceSummary, provenance: &Provenance) -> Page {
    let mut page = Page::new(&summary.head, provenance, "Finance", "Finance summary");
    for currency in &summary.currencies {
        page.figure(&format!("Bills, {}", currency.currency), money(currency.total));
        page.figure("To recover", money(currency.recoverable));
        page.figure("Not recoverable", money(currency.not_recoverable));
        page.figure("The organisation’s own", money(currency.organisation));
    }
    for currency in &summary.currencies {
        let naming = Naming::new(&currency.currency, summary.currencies.len());
        page.section(
            &naming.id("communities"),
            &naming.title("Communities"),
            payers::communities(&naming, currency),
        );
    }
    page.section("not-known", "Cost that is not known", open::not_known(summary));
    page.section("accounts", "Bills and conservation", bills::conservation(summary));
    page.section("rounding", "Rounding", bills::rounding(summary));
    page.section("not-recoverable", "Not recoverable", bills::not_recoverable(summary));
    page.section("payer", "Charges without a payer", open::without_payer(summary));
    page.section("provisional", "Provisional", open::provisional(summary));
    page.section("own", "The organisation’s own cost", payers::own(summary));
    page.section("completeness", "Completeness by day", completeness::blocks(&summary.completeness));
    page.ending(&summary.head, &words_used(summary), how_to_check(summary, provenance));
    page
}

fn how_to_check(summary: &FinanceSummary, provenance: &Provenance) -> Vec<Block> {
    let period = summary.head.period;
    let commands = vec![
        paragraph("The certificates are tables of the store:"),
        Block::Code {
            label: "Conservation".to_owned(),
            text: format!("hubtally sql \"SELECT * FROM conservation WHERE period = '{period}'\""),
        },
        Block::Code {
            label: "Completeness".to_owned(),
            text: format!("hubtally sql \"SELECT * FROM completeness WHERE period = '{period}'\""),
        },
        Block::Code {
            label: "One charge, down to its bill row and its hours of use".to_owned(),
            text: format!("hubtally explain --period {period} --charge CHARGE_ID"),
        },
    ];
    check::blocks(provenance, "summary", &summary.head, commands)
}

/// The keys of the words that this page uses and that need a meaning.
fn words_used(summary: &FinanceSummary) -> Vec<&'static str> {
    let mut used = vec![
        "draft",
        "cloud",
        "shared",
        "idle",
        "unattributed",
        "payer",
        "account",
        "rounded",
        "reconciliation",
        "recoverable",
        "not_recoverable",
        "telemetry",
        "observed",
        "cluster",
        "node",
        "pod",
        "hub",
        "digest",
    ];
    if !summary.provisional.is_empty() {
        used.push("provisional");
    }
    used
}

/// Says how many of a table's rows the data file alone has.
fn more(rows: usize) -> Option<Block> {
    let rest = rows.checked_sub(MOST_LINES).filter(|rest| *rest > 0)?;
    let rest = count(i64::try_from(rest).unwrap_or(i64::MAX));
    Some(paragraph(format!("{rest} more stand in the data file and in the totals.")))
}
