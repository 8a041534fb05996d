//! What the month cost: by component and kind, and by day.

use crate::chart::Series;
use crate::document::{CREDIT, CommunityCosts, CommunityReport, IDLE, LeafLine, UNATTRIBUTED};
use crate::figures::money;
use crate::page::block::{Block, Table, paragraph};
use crate::page::cells::{Naming, minor, with_sum};
use crate::page::charts;
use crate::words;

/// Components by kind, credits on their own, and who pays the provider.
pub fn made_of(naming: &Naming, report: &CommunityReport, costs: &CommunityCosts) -> Vec<Block> {
    let currency = costs.total.currency;
    let unit = currency.code();
    let mut table = Table::new(
        &naming.id("t-made-of"),
        "Components and kinds of cost",
        &[
            ("Component", ""),
            ("#Direct", unit),
            ("#Shared", unit),
            ("#Idle", unit),
            ("#Unattributed", unit),
            ("#Total", unit),
        ],
    );
    let mut row = |name: &str, parts: [i128; 4]| {
        let cells = std::iter::once(name.to_owned()).chain(with_sum(&parts, currency));
        table.row(cells.collect());
    };
    let codes = costs.lines.iter().map(|line| line.component.as_str()).collect();
    for series in charts::series(&codes) {
        let own = costs.lines.iter().filter(|line| line.component == series.code);
        row(&series.name, by_kind(own, |line| line.amount.units - line.credit.units));
    }
    if costs.lines.iter().any(|line| line.credit.units != 0) {
        row(words::component(CREDIT), by_kind(costs.lines.iter(), |line| line.credit.units));
    }
    let all = with_sum(&by_kind(costs.lines.iter(), |line| line.amount.units), currency);
    table.total(std::iter::once("Total".to_owned()).chain(all).collect());
    let mut blocks =
        vec![Block::Table(table), paragraph(format!("{} bears all of it.", report.community.name))];
    let rest = minor(costs.total.units - costs.recoverable.units, currency);
    if rest.units != 0 {
        blocks.push(paragraph(format!(
            "{} is paid to the provider by the community itself or by a broker; it is shown here and never invoiced. \
             {} is paid by the organisation and recovered.",
            money(rest),
            money(costs.recoverable)
        )));
    }
    blocks
}

/// Direct (with rounding and adjustments), shared, idle, unattributed.
fn by_kind<'a>(lines: impl Iterator<Item = &'a LeafLine>, of: fn(&LeafLine) -> i128) -> [i128; 4] {
    let mut sums = [0; 4];
    for line in lines {
        let at = match line.kind.as_str() {
            "shared" => 1,
            IDLE => 2,
            UNATTRIBUTED => 3,
            _ => 0,
        };
        sums[at] += of(line);
    }
    sums
}

/// Days as columns, and the same as a table.
pub fn days(naming: &Naming, report: &CommunityReport, costs: &CommunityCosts) -> Vec<Block> {
    let period = report.head.period;
    let series = charts::series_of_days(&costs.days);
    let table = days_table(&naming.id("t-days"), &series, costs);
    vec![charts::days(&naming.id("c-days"), period, series, costs, &report.completeness), table]
}

fn days_table(id: &str, series: &[Series], costs: &CommunityCosts) -> Block {
    let (currency, unit) = (costs.total.currency, costs.total.currency.code());
    let heads: Vec<String> = series.iter().map(|series| format!("#{}", series.name)).collect();
    let mut columns = vec![("Day", "UTC")];
    columns.extend(heads.iter().map(|head| (head.as_str(), unit)));
    columns.push(("#Total", unit));
    let mut table = Table::new(id, "Cost by day and component", &columns);
    let mut totals = vec![0; series.len()];
    for day in &costs.days {
        let parts = charts::parts(day, series);
        for (total, part) in totals.iter_mut().zip(&parts) {
            *total += part;
        }
        let mark = if day.provisional { " (provisional)" } else { "" };
        let cells = std::iter::once(format!("{}{mark}", day.date)).chain(with_sum(&parts, currency));
        table.row(cells.collect());
    }
    table.total(std::iter::once("Total".to_owned()).chain(with_sum(&totals, currency)).collect());
    Block::Table(table)
}
