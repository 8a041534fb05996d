//! What was expected and seen, per cluster and UTC hour (law L4).

use std::collections::BTreeMap;

use ahash::AHashMap as HashMap;

use futures::StreamExt;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::event::COVERAGE_BESIDE;
use hubtally_schemas::tables::COVERAGE;
use hubtally_schemas::{Instant, Period};
use hubtally_store::Table;

use crate::columns::Columns;
use crate::error::AggregateError;
use crate::symbols::{Symbol, Symbols};

/// Samples an hour that are expected where no source says: one a minute.
pub const EXPECTED_AN_HOUR: i64 = 60;

/// Samples expected and seen, by hour.
type ByHour = HashMap<i64, (i64, i64)>;

/// Coverage of a period, and of whatever other days charges speak of.
#[derive(Debug, Default)]
pub struct Coverage {
    hours: HashMap<(Symbol, i64), (i64, i64)>,
    /// What queries beside pods and nodes expected and saw, by cluster and query, then by hour.
    beside: BTreeMap<(Symbol, &'static str), ByHour>,
}

impl Coverage {
    /// Reads the coverage of these days. Of several queries of pods and nodes the least complete counts, and
    /// of several revisions the highest.
    pub async fn load(
        table: &Table,
        days: &[chrono::NaiveDate],
        symbols: &mut Symbols,
    ) -> Result<Self, AggregateError> {
        let failed = |source| AggregateError::Table {
            table: COVERAGE.name,
            operation: "read",
            source: Box::new(source),
        };
        let mut by_query: HashMap<(Symbol, i64, String), (i64, i64, i64)> = HashMap::new();
        for day in days {
            let date = day.to_string();
            let mut batches = table.read(&[("date", date.as_str())], None).await.map_err(failed)?;
            while let Some(batch) = batches.next().await {
                let batch = batch.map_err(failed)?;
                let columns = Columns::new(COVERAGE.name, &batch);
                let (cluster, query) = (columns.text("cluster")?, columns.text("query")?);
                let (hour, revision) = (columns.time("hour")?, columns.int("revision")?);
                let (expected, seen) = (columns.int("expected")?, columns.int("seen")?);
                for row in 0..batch.num_rows() {
                    let cluster = symbols.add(cluster.required(row));
                    let key = (cluster, hour.value(row), query.required(row).to_owned());
                    let new = (revision.value(row), expected.value(row), seen.value(row));
                    let slot = by_query.entry(key).or_insert(new);
                    if new.0 > slot.0 {
                        *slot = new;
                    }
                }
            }
        }
        let mut out = Self::default();
        for ((cluster, hour, query), (_, expected, seen)) in by_query {
            if let Some(query) = COVERAGE_BESIDE.iter().find(|known| **known == query) {
                out.beside.entry((cluster, *query)).or_default().insert(hour, (expected, seen));
                continue;
            }
            let worse = |old: (i64, i64)| {
                let share = |(expected, seen): (i64, i64)| i128::from(seen) * i128::from(expected.max(1));
                let (new, old_share) =
                    (i128::from(seen) * i128::from(old.0.max(1)), share((expected, old.1)));
                new < old_share || (new == old_share && (expected, seen) < old)
            };
            let slot = out.hours.entry((cluster, hour)).or_insert((expected, seen));
            if worse(*slot) {
                *slot = (expected, seen);
            }
        }
        Ok(out)
    }

    /// Expected and seen in an hour; what no source speaks of was not seen.
    pub fn hour(&self, cluster: Symbol, hour: Instant) -> (i64, i64) {
        self.hours.get(&(cluster, hour.0)).copied().unwrap_or((EXPECTED_AN_HOUR, 0))
    }

    /// What was not wholly seen in an hour beside pods and nodes, as `query seen/expected`; `None` where
    /// nothing is missing. A query that tells of other hours of the cluster was expected in this one.
    pub fn holes(&self, cluster: Symbol, hour: Instant) -> Option<String> {
        let of_cluster = self.beside.iter().filter(|((of, _), _)| *of == cluster);
        let mut holes: Vec<String> = of_cluster
            .filter_map(|((_, query), hours)| {
                let (expected, seen) = hours.get(&hour.0).copied().unwrap_or((EXPECTED_AN_HOUR, 0));
                (seen < expected).then(|| format!("{query} {seen}/{expected}"))
            })
            .collect();
        holes.sort_unstable();
        (!holes.is_empty()).then(|| holes.join(", "))
    }

    /// Whether nothing was seen of a cluster in an hour.
    pub fn dark(&self, cluster: Symbol, hour: Instant) -> bool {
        self.hour(cluster, hour).1 == 0
    }
}

/// The cluster-hours of a period in which a cluster of the registry lived, cluster by cluster.
pub fn live_hours(registry: &RegistryView, period: Period) -> Vec<(String, Instant)> {
    let mut out = Vec::new();
    for cluster in &registry.registry().clusters {
        let dates = cluster.dates();
        let mut hour = period.span().start;
        while hour < period.span().end {
            if dates.contain(hour) {
                out.push((cluster.id.to_string(), hour));
            }
            hour = Instant(hour.0 + hubtally_schemas::units::HOUR_US);
        }
    }
    out
}
