//! Reconciliation: from each bill to this document, and what the bill cannot show.

use hubtally_schemas::Minor;

use crate::document::CommunityCosts;
use crate::figures::{amount, exact};
use crate::page::block::{Block, Table, paragraph};
use crate::page::cells::{Naming, account, paid_by};
use crate::words;

/// The bills as a table, and the grade of each.
pub fn blocks(naming: &Naming, costs: &CommunityCosts) -> Vec<Block> {
    let (currency, unit) = (costs.total.currency, costs.total.currency.code());
    let mut table = Table::new(
        &naming.id("t-bill"),
        "From the bill to this document",
        &[
            ("Account", ""),
            ("Paid to the provider by", ""),
            ("#Whole bill", unit),
            ("#Of clusters", unit),
            ("#Yours", unit),
            ("#Difference", unit),
        ],
    );
    let shown = |of: Option<Minor>| of.map_or_else(|| "not shown".to_owned(), amount);
    for bill in &costs.accounts {
        table.row(vec![
            account(&bill.name, &bill.account),
            paid_by(&bill.provider_paid_by),
            shown(bill.account_total),
            shown(bill.attributable),
            amount(bill.yours),
            exact(&bill.difference, currency),
        ]);
    }
    let blank = String::new;
    let zero = amount(Minor::zero(currency));
    table.total(vec!["Total".to_owned(), blank(), blank(), blank(), amount(costs.total), zero]);
    let mut blocks = vec![
        paragraph(
            "Every line of each bill was given a home: billed and posted differ by 0, line by line. Days are UTC.",
        ),
        Block::Table(table),
    ];
    if costs.accounts.iter().any(|bill| bill.account_total.is_none()) {
        blocks.push(paragraph(
            "A bill that you share with one other community is not shown whole: the rest would tell what the other \
             community cost. Finance holds it, with the same difference of 0.",
        ));
    }
    for bill in &costs.accounts {
        for grade in &bill.grades {
            let (grade, meaning) = words::grade(grade);
            blocks.push(paragraph(format!("The bill of {} is {grade}. {meaning}", bill.name)));
        }
    }
    blocks
}
