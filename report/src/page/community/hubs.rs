//! What each hub cost, and what it was used for.

use super::{MOST_BARS, kinds};
use crate::chart::Bar;
use crate::document::{CommunityCosts, CommunityReport, HubLine, HubUse};
use crate::figures::{core_hours, count, gib_hours};
use crate::page::block::{Block, Table};
use crate::page::cells::{Naming, most_and_rest, or_none, others, sums, with_sum};
use crate::page::charts;

/// Hubs that have a row of their own; the data file has all.
const MOST_HUBS: usize = 60;

/// Cost by hub: bars, and the same as a table.
pub fn cost(naming: &Naming, costs: &CommunityCosts) -> Vec<Block> {
    let (currency, unit) = (costs.total.currency, costs.total.currency.code());
    let (most, rest) = most_and_rest(&costs.hubs, MOST_BARS);
    let mut bars: Vec<Bar> = most.iter().map(|hub| Bar::new(label(hub), &parts(hub))).collect();
    if !rest.is_empty() {
        bars.push(Bar::rest(others(rest.len()), &sums(rest.iter().map(parts))));
    }
    let mut table = Table::new(
        &naming.id("t-hubs"),
        "Cost by hub",
        &[
            ("Hub", ""),
            ("Cluster", ""),
            ("#Direct", unit),
            ("#Shared", unit),
            ("#Idle", unit),
            ("#Unattributed", unit),
            ("#Total", unit),
        ],
    );
    let cells = |name: String, cluster: String, parts: [i128; 4]| {
        [name, cluster].into_iter().chain(with_sum(&parts, currency)).collect()
    };
    let (most, rest) = most_and_rest(&costs.hubs, MOST_HUBS);
    for hub in most {
        table.row(cells(label(hub), or_none(&hub.cluster), parts(hub)));
    }
    if !rest.is_empty() {
        table.row(cells(others(rest.len()), String::new(), sums(rest.iter().map(parts))));
    }
    table.total(cells("Total".to_owned(), String::new(), sums(costs.hubs.iter().map(parts))));
    let chart = charts::bars(&naming.id("c-hubs"), "Cost by hub", currency, kinds().to_vec(), bars);
    vec![chart, Block::Table(table)]
}

fn label(hub: &HubLine) -> String {
    match (hub.hub.as_str(), hub.cluster.as_str(), hub.staging) {
        ("", "", _) => "No hub: whole account".to_owned(),
        ("", cluster, _) => format!("No hub: cluster {cluster}"),
        (_, _, true) if !hub.name.to_lowercase().contains("staging") => format!("{} (staging)", hub.name),
        _ => hub.name.clone(),
    }
}

fn parts(hub: &HubLine) -> [i128; 4] {
    [hub.direct, hub.shared, hub.idle, hub.unattributed].map(|part| part.units)
}

/// Users and quantities by hub.
pub fn used(report: &CommunityReport) -> Vec<Block> {
    if report.hub_use.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(
        "t-use",
        "Use by hub",
        &[
            ("Hub", ""),
            ("Cluster", ""),
            ("#Users", ""),
            ("#Visitors", ""),
            ("#Memory", "GiB-hours"),
            ("#CPU", "core-hours"),
            ("#GPU", "GPU-hours"),
        ],
    );
    let cells = |name: &str, cluster: &str, hubs: &[HubUse]| {
        let sum = |of: fn(&HubUse) -> i128| hubs.iter().map(of).sum::<i128>();
        vec![
            name.to_owned(),
            cluster.to_owned(),
            count(hubs.iter().map(|hub| hub.users).sum()),
            count(hubs.iter().map(|hub| hub.visitors).sum()),
            gib_hours(sum(|hub| hub.quantity.memory_byte_ms)),
            core_hours(sum(|hub| hub.quantity.cpu_millicore_ms)),
            core_hours(sum(|hub| hub.quantity.gpu_milligpu_ms)),
        ]
    };
    let (most, rest) = most_and_rest(&report.hub_use, MOST_HUBS);
    for hub in most {
        let name = if hub.hub.is_empty() { "No hub in the registry" } else { &hub.name };
        table.row(cells(name, &hub.cluster, std::slice::from_ref(hub)));
    }
    if !rest.is_empty() {
        table.row(cells(&others(rest.len()), "", rest));
    }
    table.total(cells("Total", "", &report.hub_use));
    vec![Block::Table(table)]
}
