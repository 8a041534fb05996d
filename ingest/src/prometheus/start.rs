//! Where a source begins that was never read.

use hubtally_rules::timeline::cell_of;
use hubtally_schemas::units::{DAY_MS, HOUR_MS};

use super::Begin;
use super::client::PrometheusClient;
use super::error::PrometheusError;
use super::range::{Range, read};
use super::sets::{QuerySet, all};

/// The earliest time that is looked at: 2010-01-01T00:00:00Z, before any Prometheus.
const EARLIEST_MS: i64 = 1_262_304_000_000;

/// The first instant of the source, on a cell; `None` where the server has nothing to begin with.
pub(super) async fn begin(
    client: &PrometheusClient,
    set: QuerySet,
    begin: Begin,
    settled_ms: i64,
) -> Result<Option<i64>, PrometheusError> {
    match begin {
        Begin::Latest => Ok(Some(cell_of(settled_ms))),
        Begin::At(at) => Ok(Some(cell_of(at.ms()))),
        Begin::Earliest => earliest(client, set.telling(), settled_ms).await,
    }
}

/// The cell of the oldest sample of a metric before `until_ms`.
///
/// The server tells cheaply, but only by whole blocks, whether it has a metric in a span; halving finds
/// the oldest block, and looking day by day and hour by hour the sample in it.
async fn earliest(
    client: &PrometheusClient,
    metric: &'static str,
    until_ms: i64,
) -> Result<Option<i64>, PrometheusError> {
    if until_ms <= EARLIEST_MS || !client.may_have(metric, EARLIEST_MS, until_ms).await? {
        return Ok(None);
    }
    let (mut without, mut with) = (EARLIEST_MS, until_ms);
    while with - without > DAY_MS {
        let middle = without + (with - without) / 2;
        if client.may_have(metric, EARLIEST_MS, middle).await? { with = middle } else { without = middle }
    }
    let mut hour = without.div_euclid(HOUR_MS) * HOUR_MS;
    while hour < until_ms {
        let range = Range { from_ms: hour - 1, to_ms: (hour + HOUR_MS - 1).min(until_ms) };
        let (series, _) = read(client, &all(metric, 6), range).await?;
        let oldest =
            series.iter().filter_map(|series| series.samples.first()).map(|sample| sample.at_ms).min();
        if let Some(oldest) = oldest {
            return Ok(Some(cell_of(oldest)));
        }
        hour += HOUR_MS;
        // Past the block that was found the next one may be far: ask before walking on.
        if hour % DAY_MS == 0 && !client.may_have(metric, hour, until_ms).await? {
            return Ok(None);
        }
    }
    Ok(None)
}
