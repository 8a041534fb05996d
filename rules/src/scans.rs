//! Which samples of a directory's size are measurements of their own (laws L3, L4).
//!
//! An exporter repeats its last scan at every scrape, for hours, and after the directory is gone. One
//! scan is one fact, at the time of the scan.

use hubtally_schemas::units::HOUR_MS;

use crate::timeline::{Cadence, Sample};

/// One measurement of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scan {
    /// When it was measured.
    pub at_ms: i64,
    /// When it was seen: other series of the same scrape carry this time.
    pub seen_ms: i64,
    /// Bytes.
    pub bytes: i64,
}

/// The measurements first seen in the window `[from_ms, to_ms)`.
///
/// `updated` holds the time of the scan that each scrape shows, in milliseconds, where the exporter
/// tells it. Then a scan counts when it is first shown. Where it does not, a size counts when it
/// changed, and once in each UTC hour. Both lists are sorted by time, each instant once.
pub fn fresh_scans(
    sizes: &[Sample],
    updated: &[Sample],
    cadence: Cadence,
    from_ms: i64,
    to_ms: i64,
) -> Vec<Scan> {
    let mut out = Vec::new();
    let first = sizes.partition_point(|size| size.at_ms < from_ms);
    for (index, size) in sizes.iter().enumerate().skip(first).take_while(|(_, size)| size.at_ms < to_ms) {
        let before = index.checked_sub(1).map(|before| sizes[before]);
        let before = before.filter(|before| size.at_ms - before.at_ms <= cadence.max_gap_ms());
        let scan = scan_shown(updated, size.at_ms);
        let fresh = match (scan, before) {
            (_, None) => true,
            (Some(scan), Some(before)) => scan_shown(updated, before.at_ms) != Some(scan),
            (None, Some(before)) => {
                before.value != size.value
                    || before.at_ms.div_euclid(HOUR_MS) != size.at_ms.div_euclid(HOUR_MS)
            }
        };
        // A scan cannot lie after the scrape that shows it: such a clock is not believed.
        let at_ms = scan.filter(|scan| *scan <= size.at_ms).unwrap_or(size.at_ms);
        if fresh {
            out.push(Scan { at_ms, seen_ms: size.at_ms, bytes: size.value });
        }
    }
    out
}

fn scan_shown(updated: &[Sample], at_ms: i64) -> Option<i64> {
    let found = updated.binary_search_by_key(&at_ms, |sample| sample.at_ms).ok()?;
    Some(updated[found].value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn series(values: &[(i64, i64)]) -> Vec<Sample> {
        values.iter().map(|&(minute, value)| Sample { at_ms: minute * MINUTE, value }).collect()
    }

    fn fresh(sizes: &[Sample], updated: &[Sample], from: i64, to: i64) -> Vec<(i64, i64)> {
        let scans = fresh_scans(sizes, updated, Cadence::new(MINUTE), from * MINUTE, to * MINUTE);
        scans.iter().map(|scan| (scan.at_ms / MINUTE, scan.bytes)).collect()
    }

    #[test]
    fn a_scan_is_one_fact_at_its_own_time() {
        let sizes = series(&[(100, 5), (101, 5), (102, 7), (103, 7), (104, 7)]);
        let updated = series(&[
            (100, 40 * MINUTE),
            (101, 40 * MINUTE),
            (102, 101 * MINUTE),
            (103, 101 * MINUTE),
            (104, 103 * MINUTE),
        ]);
        assert_eq!(fresh(&sizes, &updated, 0, 200), [(40, 5), (101, 7), (103, 7)]);
        // any tiling gives the same
        assert_eq!(fresh(&sizes, &updated, 0, 102), [(40, 5)]);
        assert_eq!(fresh(&sizes, &updated, 102, 200), [(101, 7), (103, 7)]);
        // a clock in the future is not believed
        assert_eq!(fresh(&series(&[(100, 5)]), &series(&[(100, 400 * MINUTE)]), 0, 200), [(100, 5)]);
    }

    #[test]
    fn without_scan_times_changes_count_and_once_an_hour() {
        let sizes = series(&[(58, 5), (59, 5), (60, 5), (61, 6), (62, 6), (90, 6)]);
        assert_eq!(fresh(&sizes, &[], 0, 200), [(58, 5), (60, 5), (61, 6), (90, 6)]);
    }
}
