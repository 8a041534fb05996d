//! Directory sizes between scans: byte·ms over any window (laws L3, L4).
//!
//! Scans are hours apart, so a measurement holds until the next one of the same directory, but at most
//! 24 hours from its own time; after that there is a gap, not a zero and not a frozen value. A deleted
//! directory therefore ends with the hold of its last scan.

use hubtally_schemas::units::DAY_MS;
use hubtally_schemas::{Instant, Span};

/// The longest time that one scan stands for, ms.
pub const HOLD_MS: i64 = DAY_MS;

/// Why a directory's time cannot be integrated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// Scans are not in order of time.
    #[error("the scan of {later} stands before the scan of {earlier}: sort the scans of a directory by time")]
    Unsorted {
        /// The scan that came second, though earlier.
        earlier: Instant,
        /// The scan that came first.
        later: Instant,
    },
    /// A size below zero.
    #[error("a directory of {bytes} bytes at {at}: a size is never below 0")]
    Negative {
        /// When.
        at: Instant,
        /// The size.
        bytes: i64,
    },
}

/// Byte·ms of one directory in a window: Σ size × time held, over scans sorted by time.
///
/// Times count in whole milliseconds (rounded down, window bounds too), so any tiling of windows gives
/// the same sum as one window. Of several scans of one millisecond the last in the list holds.
pub fn byte_ms(scans: &[(Instant, i64)], window: Span) -> Result<i128, HoldError> {
    let mut sum = 0_i128;
    for_each_held(scans, window, |_, length_ms, bytes| {
        sum += i128::from(length_ms) * i128::from(bytes);
    })?;
    Ok(sum)
}

/// Milliseconds of a window for which a size is known; the rest is a gap.
pub fn held_ms(scans: &[(Instant, i64)], window: Span) -> Result<i64, HoldError> {
    let mut sum = 0_i64;
    for_each_held(scans, window, |_, length_ms, _| sum += length_ms)?;
    Ok(sum)
}

/// Calls with (start ms, length ms, bytes) of each held piece inside the window. Only scans that can
/// reach the window are read and checked.
fn for_each_held(
    scans: &[(Instant, i64)],
    window: Span,
    mut each: impl FnMut(i64, i64, i64),
) -> Result<(), HoldError> {
    let (from, to) = (window.start.ms(), window.end.ms());
    let first = scans.partition_point(|(at, _)| at.ms().saturating_add(HOLD_MS) <= from);
    for (index, &(at, bytes)) in scans.iter().enumerate().skip(first) {
        if at.ms() >= to {
            break;
        }
        if bytes < 0 {
            return Err(HoldError::Negative { at, bytes });
        }
        let mut until = at.ms().saturating_add(HOLD_MS);
        if let Some(&(next, _)) = scans.get(index + 1) {
            if next < at {
                return Err(HoldError::Unsorted { earlier: next, later: at });
            }
            until = until.min(next.ms());
        }
        let (start, end) = (at.ms().max(from), until.min(to));
        if start < end {
            each(start, end - start, bytes);
        }
    }
    Ok(())
}

/// Exporters that measure the same directories, the preferred one first: a quota knows what a scan
/// estimates.
pub const EXPORTER_ORDER: &[&str] = &["home-nfs", "dirsize"];

/// The one exporter of a directory whose measurements count: never a sum of two.
///
/// Exporters of [`EXPORTER_ORDER`] come first, then the first by name.
pub fn preferred_exporter<'a>(exporters: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    exporters.min_by_key(|name| (exporter_rank(name), *name))
}

/// Place in [`EXPORTER_ORDER`]; unknown exporters share the last place.
pub fn exporter_rank(name: &str) -> usize {
    EXPORTER_ORDER.iter().position(|known| *known == name).unwrap_or(EXPORTER_ORDER.len())
}

#[cfg(test)]
mod tests {
    use hubtally_schemas::units::HOUR_MS;
    use proptest::prelude::*;

    use super::*;

    fn hours(from: i64, to: i64) -> Span {
        Span::new(Instant::from_ms(from * HOUR_MS), Instant::from_ms(to * HOUR_MS)).unwrap()
    }

    fn at(hour: i64, bytes: i64) -> (Instant, i64) {
        (Instant::from_ms(hour * HOUR_MS), bytes)
    }

    fn byte_hours(scans: &[(Instant, i64)], window: Span) -> i128 {
        byte_ms(scans, window).unwrap() / i128::from(HOUR_MS)
    }

    #[test]
    fn a_scan_holds_until_the_next_and_at_most_a_day() {
        assert_eq!(byte_hours(&[at(0, 10), at(6, 20)], hours(0, 12)), 60 + 120);
        // 40 hours apart: 24 held, 16 unknown
        assert_eq!(byte_hours(&[at(0, 10), at(40, 10)], hours(0, 48)), 240 + 80);
        // deleted: the last scan's hold ends it
        assert_eq!(byte_hours(&[at(0, 10)], hours(0, 100)), 240);
        assert_eq!(held_ms(&[at(0, 10)], hours(0, 100)).unwrap(), 24 * HOUR_MS);
    }

    #[test]
    fn a_midnight_without_a_scan_is_bridged() {
        assert_eq!(byte_hours(&[at(20, 10)], hours(24, 48)), 200);
        assert_eq!(byte_hours(&[], hours(0, 24)), 0);
    }

    #[test]
    fn disorder_and_negative_sizes_are_refused() {
        let disorder = byte_ms(&[at(5, 1), at(4, 1)], hours(0, 24));
        assert!(matches!(disorder, Err(HoldError::Unsorted { .. })), "{disorder:?}");
        assert!(matches!(byte_ms(&[at(5, -1)], hours(0, 24)), Err(HoldError::Negative { .. })));
    }

    #[test]
    fn the_quota_exporter_is_preferred_and_sizes_are_never_added() {
        assert_eq!(preferred_exporter(["dirsize", "home-nfs"].into_iter()), Some("home-nfs"));
        assert_eq!(preferred_exporter(["zeta", "alpha"].into_iter()), Some("alpha"));
        assert_eq!(preferred_exporter(std::iter::empty()), None);
    }

    proptest! {
        #[test]
        fn l3_any_tiling_of_windows_gives_the_same_byte_ms(
            mut scans in prop::collection::vec((0_i64..400_000_000_000, 0_i64..(1 << 50)), 0..30),
            mut cuts in prop::collection::vec(0_i64..500_000_000_000, 2..20),
        ) {
            scans.sort_unstable();
            let scans: Vec<(Instant, i64)> = scans.into_iter().map(|(at, bytes)| (Instant(at), bytes)).collect();
            cuts.sort_unstable();
            cuts.dedup();
            prop_assume!(cuts.len() > 1);
            let span = |from: i64, to: i64| Span::new(Instant(from), Instant(to)).unwrap();
            let whole = byte_ms(&scans, span(cuts[0], cuts[cuts.len() - 1])).unwrap();
            let tiles: i128 = cuts.windows(2).map(|w| byte_ms(&scans, span(w[0], w[1])).unwrap()).sum();
            prop_assert_eq!(whole, tiles);
        }

        #[test]
        fn l4_nothing_is_held_longer_than_a_day(
            mut scans in prop::collection::vec((0_i64..400_000_000_000, 1_i64..100), 1..20),
        ) {
            scans.sort_unstable();
            let scans: Vec<(Instant, i64)> = scans.into_iter().map(|(at, bytes)| (Instant(at), bytes)).collect();
            let last = scans[scans.len() - 1].0;
            let after = Span::new(Instant::from_ms(last.ms() + HOLD_MS), Instant(i64::MAX)).unwrap();
            prop_assert_eq!(byte_ms(&scans, after).unwrap(), 0);
            let most = i64::try_from(scans.len()).unwrap() * HOLD_MS;
            prop_assert!(held_ms(&scans, Span::new(Instant(0), Instant(i64::MAX)).unwrap()).unwrap() <= most);
        }
    }
}
