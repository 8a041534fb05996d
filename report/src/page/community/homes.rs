//! Home directories by hub.

use crate::document::CommunityReport;
use crate::figures::{amount, count, gib};
use crate::page::block::{Block, Table, paragraph};

/// Sizes at the last scan, and what home storage cost.
pub fn blocks(report: &CommunityReport) -> Vec<Block> {
    if report.home_directories.is_empty() {
        return Vec::new();
    }
    let mut columns = vec![
        ("Hub", ""),
        ("#Users’ directories", ""),
        ("#Stored", "GiB"),
        ("#Untouched", "GiB"),
        ("#Shared", "GiB"),
        ("#Of no user", "GiB"),
    ];
    columns.extend(report.costs.iter().map(|costs| ("#Cost", costs.currency.as_str())));
    let mut table = Table::new("t-homes", "Home directories by hub, at the last scan of the month", &columns);
    let mut charged: Vec<(&str, &str)> = Vec::new();
    for home in &report.home_directories {
        // A hub that was renamed has two lines; its cost stands on the first.
        let hub = (home.cluster.as_str(), home.hub.as_str());
        let first = !charged.contains(&hub);
        charged.push(hub);
        let cost = report.costs.iter().map(|costs| {
            let line = costs.hubs.iter().find(|line| line.cluster == home.cluster && line.hub == home.hub);
            line.filter(|_| first).map(|line| amount(line.home_storage)).unwrap_or_default()
        });
        let cells = [
            format!("{} ({})", home.name, home.last_scan),
            count(home.users.directories),
            gib(home.users.bytes + home.shared.bytes + home.orphans.bytes),
            gib(home.users.untouched_bytes + home.shared.untouched_bytes + home.orphans.untouched_bytes),
            gib(home.shared.bytes),
            gib(home.orphans.bytes),
        ];
        table.row(cells.into_iter().chain(cost).collect());
    }
    let orphans: i64 = report.home_directories.iter().map(|home| home.orphans.directories).sum();
    let mut blocks = vec![Block::Table(table)];
    if orphans > 0 {
        let have = if orphans == 1 { "directory belongs" } else { "directories belong" };
        blocks.push(paragraph(format!(
            "{} {have} to no user: left behind, or of a user that no telemetry names. It is worth asking whether \
             anybody still needs them.",
            count(orphans)
        )));
    }
    blocks
}
