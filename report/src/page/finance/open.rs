//! What is still open: cost that is not known, charges without a payer, and what providers may still change.

use hubtally_schemas::Currency;

use super::{MOST_LINES, more};
use crate::document::{FinanceSummary, Party};
use crate::figures::{count, exact, listed};
use crate::page::block::{Block, Table, paragraph};

/// Communities, clusters and accounts of which no bill was read: unknown is not zero (law L4).
pub fn not_known(summary: &FinanceSummary) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !summary.communities_without_bill.is_empty() {
        let name = |party: &Party| format!("{} ({})", party.name, party.id);
        let names: Vec<String> = summary.communities_without_bill.iter().map(name).collect();
        let stand = if names.len() == 1 { "which stands" } else { "which stand" };
        blocks.push(paragraph(format!("No bill was read for {}, {stand} in no table here.", listed(&names))));
    }
    if !summary.clusters_without_bill.is_empty() {
        let plural = if summary.clusters_without_bill.len() == 1 { "" } else { "s" };
        blocks.push(paragraph(format!(
            "No bill is seen of the cluster{plural} {}: the cost is not known and in no figure of this document.",
            listed(&summary.clusters_without_bill)
        )));
    }
    if !summary.accounts_without_bill.is_empty() {
        blocks.push(paragraph(format!(
            "No bill of the month has been read for {}.",
            listed(&summary.accounts_without_bill)
        )));
    }
    blocks
}

/// Charges that no rule gives a payer.
pub fn without_payer(summary: &FinanceSummary) -> Vec<Block> {
    if summary.charges_without_payer.is_empty() {
        return vec![paragraph("Every charge has a payer.")];
    }
    let columns = [("Charge", ""), ("Account", ""), ("Currency", ""), ("#Without payer", "")];
    let mut table = Table::new("t-payer", "Charges that no rule gives a payer", &columns);
    for charge in summary.charges_without_payer.iter().take(MOST_LINES) {
        table.row(vec![
            charge.charge_id.clone(),
            charge.account.clone(),
            charge.currency.clone(),
            in_currency(&charge.exact, &charge.currency),
        ]);
    }
    let mut blocks = vec![
        paragraph(
            "Name an owner of the account in the registry for the days of these charges, then close again.",
        ),
        Block::Table(table),
    ];
    blocks.extend(more(summary.charges_without_payer.len()));
    blocks
}

/// Charges that are not final.
pub fn provisional(summary: &FinanceSummary) -> Vec<Block> {
    if summary.provisional.is_empty() {
        return vec![paragraph("Every charge is final.")];
    }
    let columns = [("Account", ""), ("Day", "UTC"), ("#Charges", ""), ("Currency", ""), ("#Amount", "")];
    let mut table = Table::new("t-provisional", "Charges that the provider may still change", &columns);
    for line in summary.provisional.iter().take(MOST_LINES) {
        table.row(vec![
            line.account.clone(),
            line.date.clone(),
            count(line.charges),
            line.currency.clone(),
            in_currency(&line.exact, &line.currency),
        ]);
    }
    std::iter::once(Block::Table(table)).chain(more(summary.provisional.len())).collect()
}

fn in_currency(amount: &str, code: &str) -> String {
    Currency::new(code).map_or_else(|_| amount.to_owned(), |currency| exact(amount, currency))
}
