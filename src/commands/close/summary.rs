//! What a close ended with, for people, and the exit code that follows.

use std::fmt::Write as _;

use hubtally_schemas::Currency;
use hubtally_schemas::money::{decimal_text, parse_pico};
use hubtally_schemas::statement::{BillSummary, CloseSummary, CommunitySummary};

use crate::failure::{Exit, Failure};
use crate::output;
use crate::output::table::{self, Side, thousands, visible};

/// Refuses a summary whose books do not balance (law L1).
pub fn must_balance(closed: &CloseSummary) -> Result<(), Failure> {
    let balanced = |difference: &str| parse_pico(difference).is_ok_and(|read| read.pico == 0);
    match closed.conservation.iter().find(|line| !balanced(&line.difference)) {
        None => Ok(()),
        Some(line) => Err(Failure::OutOfBalance {
            period: closed.period.to_string(),
            currency: line.currency.clone(),
            difference: line.difference.clone(),
        }),
    }
}

/// Done, or done with incomplete data.
pub fn exit(closed: &CloseSummary, zero_if_incomplete: bool) -> Exit {
    let complete = closed.incomplete.is_empty() && closed.charges_without_payer.is_empty();
    if complete || zero_if_incomplete { Exit::Done } else { Exit::Incomplete }
}

/// Prints the table of the communities, the certificates in short, and where the statements lie.
pub fn print(closed: &CloseSummary) -> Result<(), Failure> {
    output::print(&text(closed))
}

fn text(closed: &CloseSummary) -> String {
    let mut out = format!("{}, draft\n\n{}\n\n", closed.period.words(), communities(closed));
    for line in &closed.conservation {
        let _ = writeln!(
            out,
            "conservation  {} {} billed in {} charges, {} posted, difference {}",
            line.currency,
            thousands(&line.billed),
            thousands(&line.charges.to_string()),
            thousands(&line.posted),
            line.difference
        );
    }
    let completeness = &closed.completeness;
    let _ = writeln!(
        out,
        "completeness  {} of {} expected samples observed",
        thousands(&completeness.observed.to_string()),
        thousands(&completeness.expected.to_string())
    );
    for reason in &closed.incomplete {
        let _ = writeln!(out, "incomplete    {}", visible(reason));
    }
    if !closed.charges_without_payer.is_empty() {
        let _ = writeln!(
            out,
            "without payer {} charges: give their accounts an owner in registry.toml",
            closed.charges_without_payer.len()
        );
        for charge in closed.charges_without_payer.iter().take(MAX_CHARGES_SHOWN) {
            let _ = writeln!(out, "                {}", visible(charge));
        }
    }
    if !closed.refused.is_empty() {
        let _ = writeln!(out, "refused       each with its file and line: {SHOW_REFUSED}");
    }
    let _ = writeln!(out, "statements    {}", visible(&closed.statements));
    out
}

/// How a person sees what was refused.
const SHOW_REFUSED: &str = "hubtally sql \"SELECT reason, origin, detail FROM rejects\"";

/// The most charges without a payer that are named on a terminal; `--json` names all.
const MAX_CHARGES_SHOWN: usize = 10;

fn communities(closed: &CloseSummary) -> String {
    let heads = [
        ("community", Side::Left),
        ("currency", Side::Left),
        ("cloud", Side::Right),
        ("idle", Side::Right),
        ("unattributed", Side::Right),
        ("coverage", Side::Right),
        ("total", Side::Right),
    ];
    let line = |community: &CommunitySummary| {
        // Unknown is not zero: without a bill the cost is said to be unknown.
        let amount = |text: &str| if community.cost_known { thousands(text) } else { "not known".to_owned() };
        vec![
            community.name.clone(),
            community.currency.clone(),
            amount(&community.cloud),
            amount(&community.idle),
            amount(&community.unattributed),
            community.coverage_percent.as_ref().map_or_else(|| "no cluster".to_owned(), |p| format!("{p} %")),
            amount(&community.total),
        ]
    };
    let others = closed.bills.iter().flat_map(beside_communities);
    let rows = closed.communities.iter().map(line).chain(totals(&closed.communities)).chain(others);
    table::text(&heads, rows)
}

/// What of a bill no community bears, and the whole bill: the table ends with what was billed.
fn beside_communities(bill: &BillSummary) -> Vec<Vec<String>> {
    let line = |name: &str, total: &str| {
        let mut cells = vec![String::new(); 7];
        (cells[0], cells[1], cells[6]) = (name.to_owned(), bill.currency.clone(), thousands(total));
        cells
    };
    let mut lines = vec![line("the organisation", &bill.organisation)];
    if parse_pico(&bill.without_payer).is_ok_and(|amount| amount.pico != 0) {
        lines.push(line("no payer", &bill.without_payer));
    }
    lines.push(line("the whole bill", &bill.total));
    lines
}

/// A line a currency: sums of the printed lines, so that the table adds up.
fn totals(communities: &[CommunitySummary]) -> Vec<Vec<String>> {
    let mut codes: Vec<&str> = communities.iter().map(|community| community.currency.as_str()).collect();
    codes.sort_unstable();
    codes.dedup();
    let total = |code: &str| {
        let of_code = || communities.iter().filter(|community| community.currency == code);
        Some(vec![
            "all communities".to_owned(),
            code.to_owned(),
            sum(code, of_code().map(|c| c.cloud.as_str()))?,
            sum(code, of_code().map(|c| c.idle.as_str()))?,
            sum(code, of_code().map(|c| c.unattributed.as_str()))?,
            String::new(),
            sum(code, of_code().map(|c| c.total.as_str()))?,
        ])
    };
    codes.into_iter().filter_map(total).collect()
}

fn sum<'a>(code: &str, amounts: impl Iterator<Item = &'a str>) -> Option<String> {
    let currency = Currency::new(code).ok()?;
    let mut pico = 0_i128;
    for amount in amounts {
        pico = pico.checked_add(parse_pico(amount).ok()?.pico)?;
    }
    Some(thousands(&decimal_text(pico / currency.pico_per_minor(), currency.exponent())))
}

#[cfg(test)]
mod tests {
    use hubtally_schemas::statement::{CompletenessSummary, ConservationSummary};

    use super::*;

    fn closed() -> CloseSummary {
        let community = |id: &str, cloud: &str, total: &str| CommunitySummary {
            id: id.into(),
            name: id.into(),
            currency: "USD".into(),
            cloud: cloud.into(),
            idle: "0.10".into(),
            unattributed: "-0.05".into(),
            total: total.into(),
            cost_known: true,
            coverage_percent: Some("98.7".into()),
        };
        CloseSummary {
            period: "2026-06".parse().unwrap(),
            conservation: vec![ConservationSummary {
                currency: "USD".into(),
                charges: 2,
                billed: "1101.100000000000".into(),
                posted: "1101.100000000000".into(),
                difference: "0.000000000000".into(),
            }],
            completeness: CompletenessSummary { expected: 10, seen: 10, observed: 10 },
            communities: vec![
                community("ocean", "1000.00", "1000.05"),
                community("soil", "101.00", "101.05"),
            ],
            bills: vec![BillSummary {
                currency: "USD".into(),
                organisation: "12.34".into(),
                without_payer: "0.00".into(),
                total: "1113.44".into(),
            }],
            charges_without_payer: vec![],
            incomplete: vec![],
            refused: vec![],
            unread: vec![],
            statements: "statements/2026-06".into(),
        }
    }

    #[test]
    fn the_table_adds_up() {
        let shown = text(&closed());
        assert!(
            shown.contains("1,101.00") && shown.contains("1,101.10") && shown.contains("-0.10"),
            "{shown}"
        );
        assert!(shown.contains("1,113.44") && !shown.contains("no payer"), "{shown}");
        let mut unknown = closed();
        unknown.communities[1].cost_known = false;
        assert!(text(&unknown).contains("not known"));
        assert!(shown.contains("June 2026, draft") && shown.contains("statements/2026-06"));
    }

    #[test]
    fn books_out_of_balance_fail_and_gaps_exit_3() {
        assert!(must_balance(&closed()).is_ok());
        let mut off = closed();
        off.conservation[0].difference = "0.000000000001".into();
        assert!(matches!(must_balance(&off), Err(Failure::OutOfBalance { .. })));
        let mut gap = closed();
        gap.incomplete.push("9 hours on 14 June".into());
        assert_eq!(exit(&gap, false), Exit::Incomplete);
        assert_eq!(exit(&gap, true), Exit::Done);
        let mut nobody = closed();
        nobody.charges_without_payer.push("x".into());
        assert_eq!(exit(&nobody, false), Exit::Incomplete);
    }
}
