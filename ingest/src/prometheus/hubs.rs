//! Gauges of hubs become rows of `hub_gauges`.

use std::collections::BTreeMap;

use hubtally_rules::scans::fresh_scans;
use hubtally_rules::timeline::{Sample, merged};
use hubtally_schemas::Instant;

use super::coverage::Scraped;
use super::labels::{NAMESPACE, own, text};
use super::reply::Series;
use super::sink::{Sink, Window};

/// Names of the gauges, in the order of the set's queries.
const GAUGES: &[&str] = &["active_users", "running_servers", "total_users"];

/// Adds the rows of a window's gauges: where a value changed, and once in each hour; gives each hub's scrapes.
pub(super) fn add(answers: Vec<Vec<Series>>, window: Window, sink: &mut Sink<'_>) -> Vec<Scraped> {
    let mut scrapes: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut gauges: BTreeMap<(String, String), Vec<Sample>> = BTreeMap::new();
    for (answer, gauge) in answers.into_iter().zip(GAUGES) {
        for mut series in answer {
            let Some(namespace) = own(&series.labels, NAMESPACE) else { continue };
            let times = series.samples.iter().map(|sample| sample.at_ms);
            scrapes.entry(namespace.to_owned()).or_default().extend(times);
            let name = match text(&series.labels, "period") {
                Some(period) => format!("{gauge}{{period=\"{period}\"}}"),
                None => (*gauge).to_owned(),
            };
            gauges.entry((namespace.to_owned(), name)).or_default().append(&mut series.samples);
        }
    }
    for ((namespace, gauge), samples) in gauges {
        let samples = merged(samples);
        for scan in fresh_scans(&samples, &[], window.cadence, window.from_ms, window.to_ms) {
            sink.gauge(&namespace, &gauge, Instant::from_ms(scan.at_ms), scan.bytes, window);
        }
    }
    scrapes.into_values().map(Scraped::always).collect()
}
