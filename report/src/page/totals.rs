//! The page of totals over all communities, without names.

use super::block::{Block, Page, Table, paragraph};
use super::{Provenance, charts, check};
use crate::chart::{Bar, Series};
use crate::document::Totals;
use crate::figures::{amount, count, listed, money, percent};
use crate::words;

/// The page.
pub fn totals(totals: &Totals, provenance: &Provenance) -> Page {
    let mut page = Page::new(&totals.head, provenance, "All communities", "Totals");
    page.figure("Communities", count(totals.communities));
    page.figure("Hubs", count(totals.hubs));
    page.figure("Users", totals.users.map_or_else(|| "10 or fewer".to_owned(), count));
    if totals.visitors != Some(0) {
        page.figure("Visitors", totals.visitors.map_or_else(|| "10 or fewer".to_owned(), count));
    }
    for costs in &totals.costs {
        let shown = costs.communities_total.map_or_else(|| "not shown".to_owned(), money);
        page.figure(&format!("Cloud service, {}", costs.currency), shown);
    }
    if let Some(share) = &totals.coverage_percent {
        page.figure("Samples observed", percent(share));
    }
    page.section("components", "By component", components(totals));
    let hidden = Block::List { items: totals.suppression.clone() };
    page.section(
        "hidden",
        "What is not shown",
        vec![paragraph("Small numbers could tell of single communities or people:"), hidden],
    );
    let used = ["draft", "cloud", "hub", "user", "visitor", "telemetry", "observed", "digest"];
    page.ending(&totals.head, &used, check::blocks(provenance, "totals", &totals.head, Vec::new()));
    page
}

fn components(totals: &Totals) -> Vec<Block> {
    let mut blocks = Vec::new();
    for costs in &totals.costs {
        let unit = costs.currency.as_str();
        let suffix = unit.to_lowercase();
        let currency = costs.organisation_total.currency;
        let Some(total) = costs.communities_total else {
            blocks.push(paragraph(format!(
                "Amounts in {unit} are not shown: fewer than three communities make them up."
            )));
            continue;
        };
        let label = |codes: &[String]| {
            let names: Vec<String> = codes.iter().map(|code| words::component(code).to_owned()).collect();
            listed(&names)
        };
        let mut table = Table::new(
            &format!("t-components-{suffix}"),
            "Cost of all communities by component",
            &[("Component", ""), ("#Amount", unit)],
        );
        for cell in &costs.components {
            table.row(vec![label(&cell.components), amount(cell.amount)]);
        }
        table.total(vec!["Total".to_owned(), amount(total)]);
        let bars = costs
            .components
            .iter()
            .map(|cell| Bar::new(label(&cell.components), &[cell.amount.units]))
            .collect();
        let series = vec![Series { code: "compute".to_owned(), name: "Cost".to_owned() }];
        let id = format!("c-components-{suffix}");
        blocks.push(charts::bars(&id, "Cost of all communities by component", currency, series, bars));
        blocks.push(Block::Table(table));
        if costs.organisation_total.units != 0 {
            blocks.push(paragraph(format!(
                "The organisation bears a further {} of cloud cost itself.",
                money(costs.organisation_total)
            )));
        }
    }
    blocks
}
