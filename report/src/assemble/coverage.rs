//! What was seen, by cluster and day (law L4).

use std::collections::{BTreeMap, BTreeSet};

use hubtally_schemas::period::{date_to_day, day_to_date};
use hubtally_schemas::registry::{Dates, Registry};
use hubtally_schemas::{ClusterId, Period};

use crate::document::{ClusterCoverage, CommunityReport, DayCoverage};
use crate::facts::ClusterHour;
use crate::figures::{count, counted, coverage_percent, day_words, listed, percent};

/// Hours summed to days and clusters, by cluster id.
pub fn by_cluster(hours: &[ClusterHour]) -> Vec<ClusterCoverage> {
    let mut clusters: BTreeMap<&str, BTreeMap<i32, DaySum>> = BTreeMap::new();
    for hour in hours {
        clusters.entry(&hour.cluster).or_default().entry(hour.hour.day()).or_default().add(hour);
    }
    clusters.into_iter().map(|(cluster, days)| of_days(cluster, &days)).collect()
}

/// The coverage of the clusters that a community's hubs run on in the month.
pub fn of_community(
    registry: &Registry,
    community: &str,
    period: Period,
    all: &[ClusterCoverage],
) -> Vec<ClusterCoverage> {
    let clusters = clusters_of(registry, community, period);
    all.iter().filter(|coverage| clusters.iter().any(|id| id.as_str() == coverage.cluster)).cloned().collect()
}

/// The clusters that a community's hubs run on in the month, by id.
pub fn clusters_of(registry: &Registry, community: &str, period: Period) -> Vec<ClusterId> {
    let mut clusters: Vec<_> = registry
        .hubs
        .iter()
        .filter(|hub| hub.community.as_ref().is_some_and(|id| id.as_str() == community))
        .filter(|hub| in_period(hub.dates(), period))
        .map(|hub| hub.cluster.clone())
        .collect();
    clusters.sort_unstable();
    clusters.dedup();
    clusters
}

/// Whether dates share a day with the month.
pub fn in_period(dates: Dates, period: Period) -> bool {
    dates.overlap(&Dates { from: Some(period.first_day()), to: Some(period.next().first_day()) })
}

/// In words, for a sentence; empty where nothing was expected.
pub fn in_words(coverage: &[ClusterCoverage]) -> String {
    let (seen, expected) = seen_of_expected(coverage);
    match coverage_percent(seen, expected) {
        None => String::new(),
        Some(share) => {
            let mut words = format!("{} of the expected samples were observed", percent(&share));
            if let Some(missing) = missing_hours(coverage) {
                words.push_str("; ");
                words.push_str(&missing);
            }
            words.push('.');
            words
        }
    }
}

/// One cluster's gap, as a note; `None` where nothing is missing.
pub fn note(cluster: &ClusterCoverage) -> Option<String> {
    if cluster.seen >= cluster.expected {
        return None;
    }
    let share = percent(cluster.percent.as_deref().unwrap_or("0.0"));
    let hours = match missing_hours(std::slice::from_ref(cluster)) {
        Some(missing) => format!("; {missing}"),
        None => String::new(),
    };
    Some(format!("Cluster {}: {share} of the expected samples were observed{hours}.", cluster.cluster))
}

/// Samples seen and expected over clusters.
pub fn seen_of_expected(coverage: &[ClusterCoverage]) -> (i64, i64) {
    coverage.iter().fold((0, 0), |(seen, expected), cluster| {
        (seen.saturating_add(cluster.seen), expected.saturating_add(cluster.expected))
    })
}

/// `9 hours on 14 June have no telemetry`; of several clusters: `9 hours of one cluster on 14 June …`.
fn missing_hours(coverage: &[ClusterCoverage]) -> Option<String> {
    let mut days: BTreeSet<&str> = BTreeSet::new();
    for day in coverage.iter().flat_map(|cluster| &cluster.days) {
        if day.hours_without_telemetry > 0 {
            days.insert(&day.date);
        }
    }
    let gaps = coverage.iter().filter(|cluster| cluster.hours_without_telemetry > 0).count();
    let hours: i64 = coverage.iter().map(|cluster| cluster.hours_without_telemetry).sum();
    let expected: i64 = coverage.iter().map(|cluster| cluster.hours).sum();
    let dates: Vec<String> = days.iter().filter_map(|date| date.parse().ok()).map(day_words).collect();
    let of = match (coverage.len(), gaps) {
        (1, _) => String::new(),
        (_, 1) => " of one cluster".to_owned(),
        (_, more) => format!(", summed over {more} clusters,"),
    };
    let have = if hours == 1 { "has" } else { "have" };
    let hours_words = counted(hours, "hour");
    match dates.len() {
        0 => None,
        _ if hours == expected => Some(format!("no hour{of} has telemetry")),
        1..=4 => Some(format!("{hours_words}{of} on {} {have} no telemetry", listed(&dates))),
        days => Some(format!("{hours_words}{of} on {} days {have} no telemetry", count_of(days))),
    }
}

fn count_of(number: usize) -> String {
    count(i64::try_from(number).unwrap_or(i64::MAX))
}

#[derive(Default)]
struct DaySum {
    expected: i64,
    seen: i64,
    hours: i64,
    without: i64,
}

impl DaySum {
    fn add(&mut self, hour: &ClusterHour) {
        self.expected = self.expected.saturating_add(hour.expected);
        // More than was expected in one hour makes up for no other hour.
        self.seen = self.seen.saturating_add(hour.seen.min(hour.expected));
        self.hours += i64::from(hour.expected > 0);
        self.without += i64::from(hour.expected > 0 && hour.seen == 0);
    }
}

fn of_days(cluster: &str, days: &BTreeMap<i32, DaySum>) -> ClusterCoverage {
    let expected = days.values().map(|day| day.expected).sum();
    let seen = days.values().map(|day| day.seen).sum();
    ClusterCoverage {
        cluster: cluster.to_owned(),
        expected,
        seen,
        percent: coverage_percent(seen, expected),
        hours: days.values().map(|day| day.hours).sum(),
        hours_without_telemetry: days.values().map(|day| day.without).sum(),
        days: days
            .iter()
            .map(|(day, sum)| DayCoverage {
                date: day_to_date(*day).to_string(),
                expected: sum.expected,
                seen: sum.seen,
                hours_without_telemetry: sum.without,
            })
            .collect(),
    }
}

impl CommunityReport {
    /// Percent of expected samples seen on its clusters.
    pub fn coverage_percent(&self) -> Option<String> {
        let (seen, expected) = seen_of_expected(&self.completeness);
        coverage_percent(seen, expected)
    }
}

/// The day numbers of a month.
pub fn day_numbers(period: Period) -> impl Iterator<Item = i32> {
    period.days().map(date_to_day)
}
