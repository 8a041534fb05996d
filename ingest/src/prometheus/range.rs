//! Raw samples of a span of time, however large: a query that is too much is halved.

use std::collections::BTreeMap;

use super::client::PrometheusClient;
use super::error::PrometheusError;
use super::reply::{Labels, Series};
use super::sets::Query;

/// Labels in the order in which series are taken: the fewest first. Remote read adds the server's external
/// labels to every series, and leaves this order as it is.
type Ordered = (usize, Labels);

/// A query is not halved below this span.
const SHORTEST_MS: i64 = 60_000;

/// A span of time as range selectors take it: after `from_ms`, up to and including `to_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Samples lie after it.
    pub from_ms: i64,
    /// Samples lie before or at it.
    pub to_ms: i64,
}

/// All samples of a query in a range, by series; and how many bytes came.
///
/// Prometheus 2 gives a sample at the left edge, Prometheus 3 does not: it is dropped here.
pub(super) async fn read(
    client: &PrometheusClient,
    query: &Query,
    range: Range,
) -> Result<(Vec<Series>, usize), PrometheusError> {
    let mut series: BTreeMap<Ordered, Series> = BTreeMap::new();
    let mut bytes = 0;
    // A stack of ranges, the earliest on top.
    let mut open = vec![range];
    while let Some(range) = open.pop() {
        let span_ms = range.to_ms - range.from_ms;
        if span_ms <= 0 {
            continue;
        }
        match client.samples_in(query, range).await {
            Ok((read, length)) => {
                bytes += length;
                for one in read {
                    append(&mut series, one, range);
                }
            }
            Err(PrometheusError::TooMuch { .. }) if span_ms >= 2 * SHORTEST_MS => {
                let middle = range.from_ms + span_ms / 2;
                tracing::debug!(
                    url = client.url(),
                    metric = query.metric,
                    span_ms,
                    "too much at once: halving"
                );
                open.push(Range { from_ms: middle, ..range });
                open.push(Range { to_ms: middle, ..range });
            }
            Err(error) => return Err(error),
        }
    }
    Ok((series.into_values().collect(), bytes))
}

fn append(series: &mut BTreeMap<Ordered, Series>, mut one: Series, range: Range) {
    one.samples.retain(|sample| range.from_ms < sample.at_ms && sample.at_ms <= range.to_ms);
    one.bad.retain(|bad| range.from_ms < bad.at_ms && bad.at_ms <= range.to_ms);
    if one.samples.is_empty() && one.bad.is_empty() {
        return;
    }
    let key = (one.labels.len(), one.labels.clone());
    match series.get_mut(&key) {
        Some(known) => {
            known.samples.append(&mut one.samples);
            known.bad.append(&mut one.bad);
        }
        None => {
            series.insert(key, one);
        }
    }
}
