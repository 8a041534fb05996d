//! How much of an hour was seen: scrapes expected, and scrapes that came (law L4).

use hubtally_schemas::units::HOUR_MS;

use crate::timeline::{Cadence, joined};

/// Scrapes expected in an hour.
pub fn expected_an_hour(cadence: Cadence) -> i64 {
    (HOUR_MS / cadence.step_ms()).max(1)
}

/// Scrapes of an hour that were seen, from the times of samples of any order.
///
/// A sample speaks for the step after it, and to the next one if that comes half a step late: clocks
/// jitter. A scrape that is missing is missed though its neighbours bridge it, and two exporters that
/// tell the same count once. Samples from a margin before the hour to a margin after it are needed.
pub fn seen_in_hour(times_ms: &[i64], hour_ms: i64, cadence: Cadence) -> i64 {
    let mut times: Vec<i64> = times_ms.to_vec();
    times.sort_unstable();
    times.dedup();
    let late_ms = cadence.step_ms() + cadence.step_ms() / 2;
    let spoken_for = |(index, at): (usize, &i64)| {
        let next = times.get(index + 1).filter(|next| *next - at <= late_ms);
        (*at, next.copied().unwrap_or(at + cadence.step_ms()))
    };
    let spans = joined(times.iter().enumerate().map(spoken_for).collect());
    let inside = |&(from, to): &(i64, i64)| (to.min(hour_ms + HOUR_MS) - from.max(hour_ms)).max(0);
    let covered: i64 = spans.iter().map(inside).sum();
    ((covered + cadence.step_ms() / 2) / cadence.step_ms()).min(expected_an_hour(cadence))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn seen(times: impl Iterator<Item = i64>) -> i64 {
        seen_in_hour(&times.collect::<Vec<_>>(), HOUR_MS, Cadence::new(MINUTE))
    }

    #[test]
    fn a_whole_hour_is_whole_wherever_its_scrapes_fall() {
        for offset in [0, 1, 29_999, 59_999] {
            assert_eq!(seen((-3..180).map(|n| n * MINUTE + offset)), 60, "{offset}");
            // jitter around the full minute, and a second exporter beside the first
            assert_eq!(seen((-3..180).map(|n| n * MINUTE + offset + (n % 3) * 40)), 60, "{offset}");
            assert_eq!(seen((-6..360).map(|n| n * MINUTE / 2 + offset)), 60, "{offset}");
        }
    }

    #[test]
    fn what_is_missing_is_missed() {
        let there = |minute: i64| !(75..90).contains(&minute);
        assert_eq!(seen((0..180).filter(|n| there(*n)).map(|n| n * MINUTE + 700)), 45);
        assert_eq!(seen((0..180).filter(|n| *n != 80).map(|n| n * MINUTE + 700)), 59);
        assert_eq!(seen(std::iter::empty()), 0);
        assert_eq!(seen((0..60).map(|n| n * MINUTE)), 0);
    }

    #[test]
    fn another_interval_is_expected_otherwise() {
        assert_eq!(expected_an_hour(Cadence::new(15_000)), 240);
        assert_eq!(seen_in_hour(&[HOUR_MS, HOUR_MS + 15_000], HOUR_MS, Cadence::new(15_000)), 2);
    }
}
