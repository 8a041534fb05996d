//! From a document's tables to charts, with the main finding of each in words.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hubtally_rules::rounding::percent_text;
use hubtally_schemas::{Currency, Minor, Period};

use super::block::Block;
use crate::chart::{Bar, Bars, Caption, Column, Columns, Series, Strip, StripDay, StripRow};
use crate::document::{ClusterCoverage, CommunityCosts, DayLine};
use crate::figures::{day_words, money, percent};
use crate::words;

/// Series in their order, out of those that occur.
pub fn series(codes: &BTreeSet<&str>) -> Vec<Series> {
    let known = words::SERIES.iter().filter(|code| codes.contains(*code));
    let others = codes.iter().filter(|code| !words::SERIES.contains(code));
    known
        .chain(others)
        .map(|code| Series { name: words::component(code).to_owned(), code: (*code).to_owned() })
        .collect()
}

/// The series of which some day has a part.
pub fn series_of_days(days: &[DayLine]) -> Vec<Series> {
    let codes: BTreeSet<&str> = days.iter().flat_map(|day| day.parts.keys().map(String::as_str)).collect();
    series(&codes)
}

/// A day's parts, one a series, in minor units.
pub fn parts(day: &DayLine, series: &[Series]) -> Vec<i128> {
    series.iter().map(|series| day.parts.get(&series.code).map_or(0, |part| part.units)).collect()
}

/// Days as columns.
pub fn days(
    id: &str,
    period: Period,
    series: Vec<Series>,
    costs: &CommunityCosts,
    coverage: &[ClusterCoverage],
) -> Block {
    let (lines, currency) = (&costs.days, costs.total.currency);
    let unobserved = |date: &str| {
        let days = coverage.iter().flat_map(|cluster| &cluster.days).filter(|day| day.date == date);
        days.map(|day| day.hours_without_telemetry).sum()
    };
    let columns = lines.iter().map(|day| Column {
        label: day.date.get(8..).unwrap_or_default().trim_start_matches('0').to_owned(),
        parts: parts(day, &series),
        provisional: day.provisional,
        unobserved_hours: unobserved(&day.date),
    });
    let title = format!("Cost by day and component, {}", period.words());
    let finding = days_finding(lines, &series, currency);
    let chart = Columns {
        caption: Caption { id: id.to_owned(), title: title.clone(), finding: finding.clone() },
        currency,
        axis: format!("day of {} (UTC)", period.words()),
        days: columns.collect(),
        series,
    };
    Block::Figure { title, finding, svg: chart.draw() }
}

fn days_finding(lines: &[DayLine], series: &[Series], currency: Currency) -> String {
    let Some(dearest) = lines.iter().max_by_key(|day| day.total.units) else { return String::new() };
    let total: i128 = lines.iter().map(|day| day.total.units).sum();
    let of = |code: &str| -> i128 {
        lines.iter().filter_map(|day| day.parts.get(code)).map(|part| part.units).sum()
    };
    let date = dearest.date.parse().map_or_else(|_| dearest.date.clone(), day_words);
    let mut words = format!("The dearest day was {date} with {}.", money(dearest.total));
    let largest = series.iter().max_by_key(|series| of(&series.code));
    if let Some(largest) = largest
        && let Some(share) = percent_text(of(&largest.code), total)
    {
        let amount = money(Minor { units: of(&largest.code), currency });
        let _ = write!(
            words,
            " {} is the largest part: {amount}, {} of the month.",
            largest.name,
            percent(&share)
        );
    }
    words
}

/// Bars: label and parts, in the order of print. `rest` is what the last bar sums, for the finding.
pub fn bars(id: &str, title: &str, currency: Currency, series: Vec<Series>, bars: Vec<Bar>) -> Block {
    let finding = bars_finding(&bars, currency);
    let caption = Caption { id: id.to_owned(), title: title.to_owned(), finding: finding.clone() };
    let chart = Bars { caption, currency, series, rows: bars };
    Block::Figure { title: title.to_owned(), finding, svg: chart.draw() }
}

fn bars_finding(bars: &[Bar], currency: Currency) -> String {
    let total: i128 = bars.iter().map(Bar::total).sum();
    let own = bars.iter().filter(|bar| !bar.is_rest);
    let Some(largest) = own.max_by_key(|bar| bar.total()) else { return String::new() };
    let amount = money(Minor { units: largest.total(), currency });
    match percent_text(largest.total(), total) {
        Some(share) if bars.len() > 1 => {
            format!("The largest is {} with {amount}, {} of all shown here.", largest.label, percent(&share))
        }
        _ => format!("{}: {amount}.", largest.label),
    }
}

/// Completeness by cluster and day.
pub fn strip(id: &str, finding: &str, coverage: &[ClusterCoverage]) -> Block {
    let title = "Observed telemetry by cluster and day".to_owned();
    let rows = coverage.iter().map(|cluster| StripRow {
        label: cluster.cluster.clone(),
        value: cluster.percent.as_deref().map_or_else(|| "unknown".to_owned(), percent),
        days: cluster
            .days
            .iter()
            .map(|day| StripDay {
                label: day.date.get(8..).unwrap_or_default().trim_start_matches('0').to_owned(),
                expected: day.expected,
                seen: day.seen,
            })
            .collect(),
    });
    let caption = Caption { id: id.to_owned(), title: title.clone(), finding: finding.to_owned() };
    let svg = Strip { caption, rows: rows.collect() }.draw();
    Block::Figure { title, finding: finding.to_owned(), svg }
}
