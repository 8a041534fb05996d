//! A community's page: sentence, pictures, tables, in the order in which a leader asks.

mod bill;
mod cost;
mod homes;
mod hubs;
mod idle;
mod users;

use super::block::{Block, Page, paragraph};
use super::cells::Naming;
use super::{Provenance, check, completeness};
use crate::chart::Series;
use crate::document::{CommunityCosts, CommunityReport, IDLE, UNATTRIBUTED};
use crate::figures::{money, percent};
use crate::load::Names;

/// Hubs, users and causes that have a bar of their own.
const MOST_BARS: usize = 12;

/// The page.
pub fn community(report: &CommunityReport, names: &Names, provenance: &Provenance) -> Page {
    let mut page = Page::new(&report.head, provenance, &report.community.name, "Cloud cost report");
    for costs in &report.costs {
        page.figure(&format!("Total, {}", costs.currency), money(costs.total));
        page.figure("Used or shared", money(costs.cloud));
        page.figure("Idle", money(costs.idle));
        page.figure("Unattributed", money(costs.unattributed));
    }
    if let Some(share) = report.coverage_percent() {
        page.figure("Samples observed", percent(&share));
    }
    let billed: Vec<(&CommunityCosts, Naming)> = report
        .costs
        .iter()
        .filter(|costs| !costs.lines.is_empty())
        .map(|costs| (costs, Naming::new(&costs.currency, report.costs.len())))
        .collect();
    for (costs, naming) in &billed {
        page.section(
            &naming.id("made-of"),
            &naming.title("What it is made of"),
            cost::made_of(naming, report, costs),
        );
        page.section(
            &naming.id("days"),
            &naming.title("By day and component"),
            cost::days(naming, report, costs),
        );
        page.section(&naming.id("hubs"), &naming.title("By hub"), hubs::cost(naming, costs));
        page.section(
            &naming.id("users"),
            &naming.title("By user"),
            users::cost(naming, report, costs, names),
        );
    }
    if billed.is_empty() {
        page.section("users", "By user", users::used(report, names));
    }
    page.section("use", "What the hubs were used for", hubs::used(report));
    page.section("homes", "Home directories", homes::blocks(report));
    for (costs, naming) in &billed {
        page.section(
            &naming.id("idle"),
            &naming.title("Idle and unattributed, by cause"),
            idle::blocks(naming, report, costs),
        );
        page.section(
            &naming.id("bill"),
            &naming.title("Reconciliation to the bill"),
            bill::blocks(naming, costs),
        );
    }
    page.section("completeness", "Completeness by day", completeness::blocks(&report.completeness));
    page.ending(&report.head, &words_used(report), how_to_check(report, provenance));
    page
}

/// Kinds as series: what stands on a hub's bar, from the axis outwards.
fn kinds() -> [Series; 4] {
    [("compute", "Direct"), ("core", "Shared"), (IDLE, "Idle"), (UNATTRIBUTED, "Unattributed")]
        .map(|(code, name)| Series { code: code.to_owned(), name: name.to_owned() })
}

fn how_to_check(report: &CommunityReport, provenance: &Provenance) -> Vec<Block> {
    let (id, period) = (&report.community.id, report.head.period);
    let quoted = id.replace('\'', "''");
    let export = format!(
        "hubtally sql \"SELECT charge_id, account, component, kind, reason, hub, amount, currency FROM ledger \
         WHERE period = '{period}' AND payer = 'community:{quoted}'\" --format csv"
    );
    let commands = vec![
        paragraph(
            "Whoever keeps the store can export every line of a bill that this document holds a part of, and explain \
             each down to the bill’s row and the hours of use:",
        ),
        Block::Code { label: "Export of your charges".to_owned(), text: export },
        Block::Code {
            label: "Explanation of one".to_owned(),
            text: format!("hubtally explain --period {period} --charge CHARGE_ID --community {id}"),
        },
    ];
    check::blocks(provenance, "cost-report", &report.head, commands)
}

/// The keys of the words that this page uses and that need a meaning.
fn words_used(report: &CommunityReport) -> Vec<&'static str> {
    let any = |wanted: fn(&CommunityCosts) -> bool| report.costs.iter().any(wanted);
    let mut used = vec!["draft", "cloud", "account", "hub", "cluster", "digest"];
    if any(|costs| !costs.lines.is_empty()) {
        used.extend(["direct", "shared", "idle", "unattributed", "rounded", "reconciliation", "node", "pod"]);
    }
    if !report.user_use.is_empty() || any(|costs| !costs.users.is_empty()) {
        used.extend(["user", "gib_hour", "core_hour", "gib", "keyed_id"]);
    }
    if !report.hub_use.is_empty() {
        used.extend(["gib_hour", "core_hour"]);
    }
    if !report.home_directories.is_empty() {
        used.extend(["gib", "untouched", "orphan"]);
    }
    if !report.completeness.is_empty() {
        used.extend(["telemetry", "observed"]);
    }
    if any(|costs| costs.hubs.iter().any(|hub| hub.staging)) {
        used.push("staging");
    }
    if any(|costs| costs.days.iter().any(|day| day.provisional)) {
        used.push("provisional");
    }
    if any(|costs| costs.lines.iter().any(|line| line.credit.units != 0)) {
        used.push("credit");
    }
    if !report.hub_use.is_empty() || any(|costs| !costs.users.is_empty()) {
        used.push("visitor");
    }
    if any(|costs| costs.recoverable != costs.total) {
        used.extend(["recoverable", "not_recoverable"]);
    }
    used
}
