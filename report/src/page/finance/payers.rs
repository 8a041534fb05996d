//! Who bears what: communities, the organisation, and nobody yet.

use super::{MOST_LINES, more};
use crate::chart::{Bar, Series};
use crate::document::{FinanceCommunity, FinanceCurrency, FinanceSummary, IDLE, LeafLine, UNATTRIBUTED};
use crate::figures::amount;
use crate::page::block::{Block, Table, paragraph};
use crate::page::cells::{Naming, minor, most_and_rest, others, sums, with_sum};
use crate::page::charts;
use crate::words;

/// Communities that have a bar of their own.
const MOST_BARS: usize = 25;

/// Payers of one currency: bars, and the same as a table that ends with the sum of the bills.
pub fn communities(naming: &Naming, currency: &FinanceCurrency) -> Vec<Block> {
    vec![chart(naming, currency), table(naming, currency)]
}

fn chart(naming: &Naming, currency: &FinanceCurrency) -> Block {
    let mut sorted: Vec<_> = currency.communities.iter().collect();
    sorted.sort_by_key(|of| std::cmp::Reverse(of.total.units));
    let (most, rest) = most_and_rest(&sorted, MOST_BARS);
    let mut bars: Vec<Bar> = most.iter().map(|of| Bar::new(of.community.name.clone(), &parts(of))).collect();
    if !rest.is_empty() {
        bars.push(Bar::rest(others(rest.len()), &sums(rest.iter().map(|of| parts(of)))));
    }
    let series = [("compute", "Used or shared"), (IDLE, "Idle"), (UNATTRIBUTED, "Unattributed")]
        .map(|(code, name)| Series { code: code.to_owned(), name: name.to_owned() });
    let id = naming.id("c-communities");
    charts::bars(&id, "Cost by community", currency.total.currency, series.to_vec(), bars)
}

fn table(naming: &Naming, currency: &FinanceCurrency) -> Block {
    let unit = currency.currency.as_str();
    let mut table = Table::new(
        &naming.id("t-communities"),
        "What each payer bears",
        &[
            ("Payer", ""),
            ("#Used or shared", unit),
            ("#Idle", unit),
            ("#Unattributed", unit),
            ("#Total", unit),
            ("#To recover", unit),
            ("#Not recoverable", unit),
            ("#Observed", "% of samples"),
        ],
    );
    let code = currency.total.currency;
    let cells = |name: String, parts: &[i128; 3], recovered: Option<[i128; 2]>, observed: String| {
        let recovered = recovered.map(|of| of.map(|units| amount(minor(units, code)))).unwrap_or_default();
        let amounts = with_sum(parts, code).into_iter().chain(recovered);
        std::iter::once(name).chain(amounts).chain([observed]).collect()
    };
    let recovered = |of: &FinanceCommunity| [of.recoverable.units, of.not_recoverable.units];
    let (most, rest) = most_and_rest(&currency.communities, MOST_LINES);
    for of in most {
        let name = format!("{} ({})", of.community.name, of.community.id);
        let observed = of.coverage_percent.clone().unwrap_or_else(|| "no cluster".to_owned());
        table.row(cells(name, &parts(of), Some(recovered(of)), observed));
    }
    if !rest.is_empty() {
        let all = sums(rest.iter().map(parts));
        table.row(cells(others(rest.len()), &all, Some(sums(rest.iter().map(recovered))), String::new()));
    }
    for (payer, name) in [("organisation", "The organisation"), ("none", "No payer yet")] {
        let mut own = currency.lines.iter().filter(|line| line.payer == payer).peekable();
        if own.peek().is_some() {
            table.row(cells(name.to_owned(), &by_kind(own), None, String::new()));
        }
    }
    let all = [currency.recoverable.units, currency.not_recoverable.units];
    let name = "Sum of the bills".to_owned();
    table.total(cells(name, &by_kind(currency.lines.iter()), Some(all), String::new()));
    Block::Table(table)
}

fn parts(of: &FinanceCommunity) -> [i128; 3] {
    [of.cloud, of.idle, of.unattributed].map(|part| part.units)
}

/// Used or shared, idle, unattributed.
fn by_kind<'a>(lines: impl Iterator<Item = &'a LeafLine>) -> [i128; 3] {
    let mut sums = [0; 3];
    for line in lines {
        let at = match line.kind.as_str() {
            IDLE => 1,
            UNATTRIBUTED => 2,
            _ => 0,
        };
        sums[at] += line.amount.units;
    }
    sums
}

/// What the organisation bears itself.
pub fn own(summary: &FinanceSummary) -> Vec<Block> {
    let mut blocks = Vec::new();
    for currency in summary.currencies.iter().filter(|currency| !currency.organisation_lines.is_empty()) {
        let unit = currency.currency.as_str();
        let mut table = Table::new(
            &format!("t-own-{}", unit.to_lowercase()),
            &format!("What the organisation bears, {unit}"),
            &[("Account", ""), ("Component", ""), ("Kind", ""), ("Cause", ""), ("#Amount", unit)],
        );
        for line in currency.organisation_lines.iter().take(MOST_LINES) {
            let cause = if line.reason.is_empty() { "" } else { words::reason(&line.reason) };
            table.row(vec![
                line.account.clone(),
                words::component(&line.component).to_owned(),
                words::kind(&line.kind).to_owned(),
                cause.to_owned(),
                amount(line.amount),
            ]);
        }
        table.total_of_sum("Total", amount(currency.organisation));
        blocks.push(Block::Table(table));
        blocks.extend(more(currency.organisation_lines.len()));
    }
    if blocks.is_empty() {
        blocks.push(paragraph("The organisation bears nothing of this month’s bills itself."));
    }
    blocks
}
