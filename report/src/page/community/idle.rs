//! What was paid and not used, and what nothing explains, by cause.

use super::{MOST_BARS, kinds};
use crate::chart::Bar;
use crate::document::{CommunityCosts, CommunityReport, IDLE, UNATTRIBUTED};
use crate::figures::amount;
use crate::page::block::{Block, Table, paragraph};
use crate::page::cells::{Naming, minor, or_none};
use crate::page::charts;
use crate::words;

/// Bars by cause, and the same as a table.
pub fn blocks(naming: &Naming, report: &CommunityReport, costs: &CommunityCosts) -> Vec<Block> {
    let (currency, unit) = (costs.total.currency, costs.total.currency.code());
    let idle = costs.idle_by_cause.iter().map(|cause| (IDLE, cause));
    let unattributed = costs.unattributed_by_cause.iter().map(|cause| (UNATTRIBUTED, cause));
    let all: Vec<_> = idle.chain(unattributed).collect();
    if all.is_empty() {
        return vec![paragraph("Nothing was idle and nothing stayed unattributed.")];
    }
    let title = "Idle and unattributed cost by cause";
    let mut table = Table::new(
        &naming.id("t-causes"),
        title,
        &[("Cause", ""), ("Kind", ""), ("Cluster", ""), ("Borne by", ""), ("#Amount", unit)],
    );
    for (kind, cause) in &all {
        table.row(vec![
            words::reason(&cause.reason).to_owned(),
            words::kind(kind).to_owned(),
            or_none(&cause.cluster),
            report.community.name.clone(),
            amount(cause.amount),
        ]);
    }
    table.total_of_sum("Total", amount(minor(costs.idle.units + costs.unattributed.units, currency)));
    let bars = all.iter().take(MOST_BARS).map(|(kind, cause)| {
        let label = label(&cause.reason, &cause.cluster);
        Bar::new(
            label,
            &[IDLE, UNATTRIBUTED].map(|series| if series == *kind { cause.amount.units } else { 0 }),
        )
    });
    let [_, _, idle, unattributed] = kinds();
    let series = vec![idle, unattributed];
    vec![charts::bars(&naming.id("c-causes"), title, currency, series, bars.collect()), Block::Table(table)]
}

fn label(reason: &str, cluster: &str) -> String {
    let words = if reason.is_empty() { "no cause recorded".to_owned() } else { reason.replace('_', " ") };
    if cluster.is_empty() { words } else { format!("{words}, {cluster}") }
}
