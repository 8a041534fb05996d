//! How much of each hour the scrapes of a query set show (law L4).

use hubtally_rules::scrapes::{expected_an_hour, seen_in_hour};
use hubtally_rules::timeline::{CELL_MS, Cadence};
use hubtally_schemas::Instant;
use hubtally_schemas::units::HOUR_MS;

use super::sink::{Sink, Window};

/// `coverage.query` of what kubelets tell of the containers of the pods that run.
pub(super) const KUBELETS: &str = "kubelets";

/// Scrapes of one thing that is scraped: an exporter, a node's kubelet.
#[derive(Debug, Clone, Default)]
pub(super) struct Scraped {
    /// When it should have been seen; empty where nothing else tells, and then every scrape is expected.
    pub expected_ms: Vec<i64>,
    /// When it was.
    pub seen_ms: Vec<i64>,
}

impl Scraped {
    /// What is expected at every scrape.
    pub fn always(seen_ms: Vec<i64>) -> Self {
        Self { expected_ms: Vec::new(), seen_ms }.in_order()
    }

    /// With sorted times, each once.
    pub fn in_order(mut self) -> Self {
        for times in [&mut self.expected_ms, &mut self.seen_ms] {
            times.sort_unstable();
            times.dedup();
        }
        self
    }
}

/// Tells the coverage of each hour that the window touches, as far as it is read by then; gives the scrapes
/// expected and seen in those that it completes.
///
/// Of several things of one query the scrapes are added up: one node of ten that is not seen is a tenth of
/// the hour. Where none is seen, one was expected.
pub(super) fn tell(query: &str, scraped: &[Scraped], window: Window, sink: &mut Sink<'_>) -> (i64, i64) {
    let mut hour = window.from_ms.div_euclid(HOUR_MS) * HOUR_MS;
    let mut sum = (0, 0);
    while hour < window.to_ms {
        let read_to = window.to_ms.min(hour + HOUR_MS);
        let counts = in_hour(scraped, hour, read_to, window.cadence);
        let revision = (read_to - hour) / CELL_MS;
        sink.coverage(query, Instant::from_ms(hour), counts, revision, window);
        if read_to == hour + HOUR_MS {
            sum = (sum.0 + counts.0, sum.1 + counts.1);
        }
        hour += HOUR_MS;
    }
    sum
}

/// Scrapes expected and seen in an hour that is read to `read_to`.
fn in_hour(scraped: &[Scraped], hour: i64, read_to: i64, cadence: Cadence) -> (i64, i64) {
    // Of an hour that is not over nothing later counts yet, though the margin shows it.
    let over = read_to == hour + HOUR_MS;
    let known = |times: &[i64]| {
        let until = if over { read_to + cadence.max_gap_ms() } else { read_to };
        let first = times.partition_point(|at| *at < hour - cadence.margin_ms());
        let last = times.partition_point(|at| *at < until);
        times.get(first..last).unwrap_or_default().to_vec()
    };
    let mut sum = (0, 0);
    for of in scraped {
        let seen = seen_in_hour(&known(&of.seen_ms), hour, cadence);
        let expected = if of.expected_ms.is_empty() {
            if seen == 0 { 0 } else { expected_an_hour(cadence) }
        } else {
            seen_in_hour(&known(&of.expected_ms), hour, cadence)
        };
        // The last scrape of a kubelet may come after that of kube-state-metrics.
        sum = (sum.0 + expected.max(seen), sum.1 + seen);
    }
    if sum.0 == 0 { (expected_an_hour(cadence), 0) } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn every_minute(minutes: std::ops::Range<i64>) -> Vec<i64> {
        minutes.map(|minute| minute * MINUTE + 7_000).collect()
    }

    fn first_hour(scraped: &[Scraped]) -> (i64, i64) {
        in_hour(scraped, 0, HOUR_MS, Cadence::new(MINUTE))
    }

    #[test]
    fn one_of_two_that_was_not_seen_is_half_of_the_hour() {
        let node = |seen| Scraped { expected_ms: every_minute(-5..65), seen_ms: every_minute(seen) };
        assert_eq!(first_hour(&[node(-5..65), node(0..0)]), (120, 60));
        assert_eq!(first_hour(&[node(-5..65), node(30..65)]), (120, 90));
        // a node that came in the middle of the hour was not expected before
        let late = Scraped { expected_ms: every_minute(30..65), seen_ms: every_minute(30..65) };
        assert_eq!(first_hour(&[node(-5..65), late]), (90, 90));
    }

    #[test]
    fn nothing_seen_is_one_that_was_expected() {
        assert_eq!(first_hour(&[]), (60, 0));
        assert_eq!(first_hour(&[Scraped::always(every_minute(90..120))]), (60, 0));
        assert_eq!(first_hour(&[Scraped::always(every_minute(0..45))]), (60, 45));
    }
}
