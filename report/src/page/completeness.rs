//! Completeness by cluster and day: a strip, and the same as a table.

use super::block::{Block, Table, paragraph};
use super::charts;
use crate::assemble::coverage_words;
use crate::document::{ClusterCoverage, DayCoverage};
use crate::figures::{count, coverage_percent};

/// The most clusters of which every day is printed.
const MOST_BY_DAY: usize = 4;
/// The most clusters that are drawn, and the most days with a gap that are listed.
const MOST_CLUSTERS: usize = 40;
const MOST_GAPS: usize = 400;

/// The section; empty where nothing was expected.
pub fn blocks(coverage: &[ClusterCoverage]) -> Vec<Block> {
    if coverage.is_empty() {
        return Vec::new();
    }
    let finding = coverage_words(coverage);
    let mut worst: Vec<ClusterCoverage> = coverage.to_vec();
    if worst.len() > MOST_CLUSTERS {
        // The largest part missing first; equal ones stay in the order of their ids.
        let missing = |cluster: &ClusterCoverage| {
            let lacking = i128::from(cluster.expected - cluster.seen);
            std::cmp::Reverse(lacking * 1_000_000 / i128::from(cluster.expected.max(1)))
        };
        worst.sort_by_key(missing);
        worst.truncate(MOST_CLUSTERS);
    }
    let mut blocks = vec![charts::strip("c-strip", &finding, &worst)];
    if worst.len() < coverage.len() {
        let (shown, all) = (number(worst.len()), number(coverage.len()));
        blocks.push(paragraph(format!(
            "Of {all} clusters the {shown} with the most missing are drawn; the data file has all."
        )));
    }
    if coverage.len() <= MOST_BY_DAY {
        blocks.push(by_day(coverage));
    } else {
        blocks.extend(gaps(&worst, coverage));
    }
    blocks
}

/// A row a day, two columns a cluster.
fn by_day(coverage: &[ClusterCoverage]) -> Block {
    let heads: Vec<String> = coverage.iter().map(|cluster| format!("#{}", cluster.cluster)).collect();
    let mut columns = vec![("Day", "UTC")];
    for head in &heads {
        columns.push((head, "% observed"));
        columns.push((head, "hours without"));
    }
    let mut table =
        Table::new("t-strip", "Samples observed, and hours without telemetry, by cluster and day", &columns);
    let mut dates: Vec<&str> =
        coverage.iter().flat_map(|cluster| &cluster.days).map(|day| day.date.as_str()).collect();
    dates.sort_unstable();
    dates.dedup();
    for date in dates {
        let cells =
            coverage.iter().flat_map(|cluster| match cluster.days.iter().find(|day| day.date == date) {
                None => ["not expected".to_owned(), String::new()],
                Some(day) => [observed(day), count(day.hours_without_telemetry)],
            });
        table.row(std::iter::once(date.to_owned()).chain(cells).collect());
    }
    let cells = coverage.iter().flat_map(|cluster| month(cluster).into_iter().skip(1));
    table.total(std::iter::once("Month".to_owned()).chain(cells).collect());
    Block::Table(table)
}

/// Many clusters: the month of each, and the days of which something is missing.
fn gaps(shown: &[ClusterCoverage], all: &[ClusterCoverage]) -> Vec<Block> {
    let columns = [("Cluster", ""), ("#Observed", "% of samples"), ("#Without telemetry", "hours")];
    let mut months = Table::new("t-strip", "Samples observed, by cluster", &columns);
    for cluster in shown {
        months.row(month(cluster).to_vec());
    }
    let columns =
        [("Cluster", ""), ("Day", "UTC"), ("#Observed", "% of samples"), ("#Without telemetry", "hours")];
    let mut days = Table::new("t-gaps", "Days of which samples are missing", &columns);
    let lacking = all.iter().flat_map(|cluster| {
        cluster.days.iter().filter(|day| day.seen < day.expected).map(move |day| (cluster, day))
    });
    for (cluster, day) in lacking.clone().take(MOST_GAPS) {
        days.row(vec![
            cluster.cluster.clone(),
            day.date.clone(),
            observed(day),
            count(day.hours_without_telemetry),
        ]);
    }
    let mut blocks = vec![Block::Table(months)];
    if days.rows.is_empty() {
        blocks.push(paragraph("No day lacks a sample."));
    } else {
        blocks.push(Block::Table(days));
    }
    let rest = lacking.count().saturating_sub(MOST_GAPS);
    if rest > 0 {
        blocks.push(paragraph(format!("{} more days stand in the data file.", number(rest))));
    }
    blocks
}

fn month(cluster: &ClusterCoverage) -> [String; 3] {
    [
        cluster.cluster.clone(),
        cluster.percent.clone().unwrap_or_else(|| "not expected".to_owned()),
        count(cluster.hours_without_telemetry),
    ]
}

fn observed(day: &DayCoverage) -> String {
    coverage_percent(day.seen, day.expected).unwrap_or_else(|| "not expected".to_owned())
}

fn number(of: usize) -> String {
    count(i64::try_from(of).unwrap_or(i64::MAX))
}
