//! The bills: that all of each was posted, how each was rounded, and which the organisation does not pay.

use super::{MOST_LINES, more};
use crate::document::{FinanceAccount, FinanceSummary};
use crate::figures::{amount, count, exact, listed};
use crate::page::block::{Block, Table, paragraph};
use crate::page::cells::{account, paid_by};
use crate::words;

/// Billed and posted, exactly.
pub fn conservation(summary: &FinanceSummary) -> Vec<Block> {
    let mut table = Table::new(
        "t-accounts",
        "Billed and posted, by account",
        &[
            ("Account", ""),
            ("Currency", ""),
            ("#Charges", ""),
            ("#Billed", ""),
            ("#Posted", ""),
            ("#Difference", ""),
            ("Grade", ""),
        ],
    );
    for bill in summary.accounts.iter().take(MOST_LINES) {
        let currency = bill.rounded.currency;
        let mut grades: Vec<String> =
            bill.sources.iter().map(|source| words::grade(&source.grade).0.to_owned()).collect();
        grades.dedup();
        table.row(vec![
            name(bill),
            bill.currency.clone(),
            count(bill.charges),
            exact(&bill.billed, currency),
            exact(&bill.posted, currency),
            exact(&bill.difference, currency),
            if grades.is_empty() { "unknown".to_owned() } else { listed(&grades) },
        ]);
    }
    let mut blocks = vec![
        paragraph(
            "Exact amounts, as the bills have them. A difference other than 0 would have stopped this document.",
        ),
        Block::Table(table),
    ];
    blocks.extend(more(summary.accounts.len()));
    blocks
}

/// Each bill rounded once, and who bears it.
pub fn rounding(summary: &FinanceSummary) -> Vec<Block> {
    let mut table = Table::new(
        "t-rounding",
        "Each bill, rounded once, and who bears it",
        &[
            ("Account", ""),
            ("Currency", ""),
            ("#Rounded bill", ""),
            ("#Rounding", ""),
            ("#Communities", ""),
            ("#Organisation", ""),
            ("#No payer", ""),
        ],
    );
    for bill in summary.accounts.iter().take(MOST_LINES) {
        table.row(vec![
            name(bill),
            bill.currency.clone(),
            amount(bill.rounded),
            exact(&bill.rounding, bill.rounded.currency),
            amount(bill.communities),
            amount(bill.organisation),
            amount(bill.without_payer),
        ]);
    }
    vec![
        paragraph(
            "“Rounding” is the rounded bill less the exact one, at most half of the smallest unit. All lines of all \
             documents are then rounded so that they sum to the rounded bill.",
        ),
        Block::Table(table),
    ]
}

/// Bills that communities or brokers pay.
pub fn not_recoverable(summary: &FinanceSummary) -> Vec<Block> {
    let mut table = Table::new(
        "t-not-recoverable",
        "Bills that the organisation does not pay",
        &[("Account", ""), ("Paid to the provider by", ""), ("Currency", ""), ("#Bill", "")],
    );
    let others_pay =
        |bill: &&FinanceAccount| bill.provider_paid_by.iter().any(|code| *code != "organisation");
    for bill in summary.accounts.iter().filter(others_pay).take(MOST_LINES) {
        table.row(vec![
            name(bill),
            paid_by(&bill.provider_paid_by),
            bill.currency.clone(),
            amount(bill.rounded),
        ]);
    }
    if table.rows.is_empty() {
        return vec![paragraph("The organisation pays all bills of this month.")];
    }
    vec![paragraph("Reported to their communities, never invoiced."), Block::Table(table)]
}

fn name(bill: &FinanceAccount) -> String {
    account(&bill.name, &bill.account)
}
