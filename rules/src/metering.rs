//! Intervals into hours: cutting, the one max, and qualities (law L3).

use hubtally_schemas::Span;

use crate::apportion::{ApportionError, largest_remainder};

/// Cuts an interval's whole quantity at UTC hours, by largest remainder on time.
///
/// The pieces join end to end and their quantities sum to the whole; equal remainders go to the
/// earlier hour. The quantity is in base units (millicore·ms, byte·ms, milliGPU·ms).
pub fn cut_at_hours(span: Span, quantity: i128) -> Result<Vec<(Span, i128)>, ApportionError> {
    let pieces: Vec<Span> = span.hours().collect();
    if pieces.len() == 1 {
        return Ok(vec![(span, quantity)]);
    }
    let weights: Vec<i128> = pieces.iter().map(|piece| i128::from(piece.length_us())).collect();
    let parts = largest_remainder(quantity, &weights)?;
    Ok(pieces.into_iter().zip(parts).collect())
}

/// What a pod is counted with in one UTC hour: the larger of what it requested and what it used, each
/// already summed over the hour. Where one was never observed, the other; 0 where neither was.
///
/// This is the only place where the max is taken: taken on parts of an hour it would not add up.
pub fn hour_max(request: Option<i64>, usage: Option<i64>) -> i64 {
    request.max(usage).unwrap_or(0)
}

/// How a quantity was come by, from best to worst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Measured over the whole interval.
    #[default]
    Observed,
    /// One sample stands for its scrape step.
    SingleSample,
    /// A counter fell and was counted from its new value.
    Reset,
    /// Filled by a named rule where nothing was observed.
    Filled,
}

impl Quality {
    /// All, from best to worst: the order of `hubtally_schemas::event::QUALITIES`.
    pub const ALL: [Self; 4] = [Self::Observed, Self::SingleSample, Self::Reset, Self::Filled];

    /// As stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::SingleSample => "single_sample",
            Self::Reset => "reset",
            Self::Filled => "filled",
        }
    }

    /// Reads a stored code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quality| quality.code() == code)
    }

    /// The quality of a sum: the worst of its parts.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }
}

#[cfg(test)]
mod tests {
    use hubtally_schemas::Instant;
    use hubtally_schemas::event::QUALITIES;
    use hubtally_schemas::units::HOUR_US;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_interval_over_two_hours_is_cut_by_time() {
        let start = Instant::parse("2026-06-01T09:45:00Z").unwrap();
        let end = Instant::parse("2026-06-01T10:30:00Z").unwrap();
        let pieces = cut_at_hours(Span::new(start, end).unwrap(), 100).unwrap();
        assert_eq!(pieces.iter().map(|p| p.1).collect::<Vec<_>>(), [33, 67]);
    }

    #[test]
    fn the_max_takes_the_other_side_where_one_was_never_observed() {
        assert_eq!(hour_max(Some(3), Some(5)), 5);
        assert_eq!(hour_max(Some(3), None), 3);
        assert_eq!(hour_max(None, Some(0)), 0);
        assert_eq!(hour_max(None, None), 0);
    }

    #[test]
    fn qualities_are_those_of_the_agreement_and_the_worst_wins() {
        assert_eq!(Quality::ALL.map(Quality::code), QUALITIES);
        assert_eq!(Quality::Observed.and(Quality::Reset), Quality::Reset);
        assert_eq!(Quality::from_code("filled"), Some(Quality::Filled));
        assert_eq!(Quality::from_code("good"), None);
    }

    proptest! {
        #[test]
        fn l3_hours_sum_to_the_interval_and_never_cross_an_hour(
            start in 0_i64..(1 << 50), length in 1_i64..(30 * HOUR_US), quantity in 0_i64..i64::MAX,
        ) {
            let span = Span::new(Instant(start), Instant(start + length)).unwrap();
            let pieces = cut_at_hours(span, i128::from(quantity)).unwrap();
            prop_assert_eq!(pieces.iter().map(|p| p.1).sum::<i128>(), i128::from(quantity));
            prop_assert_eq!(pieces.iter().map(|p| p.0.length_us()).sum::<i64>(), length);
            for (piece, part) in pieces {
                prop_assert_eq!(piece.start.hour(), Instant(piece.end.0 - 1).hour());
                prop_assert!(part >= 0);
            }
        }

        #[test]
        fn l3_days_sum_to_the_month_after_the_hour_max(
            hours in prop::collection::vec((prop::option::of(0_i64..1 << 40), prop::option::of(0_i64..1 << 40)), 1..96),
        ) {
            let counted: Vec<i64> = hours.iter().map(|(request, usage)| hour_max(*request, *usage)).collect();
            let by_day: i64 = counted.chunks(24).map(|day| day.iter().sum::<i64>()).sum();
            prop_assert_eq!(by_day, counted.iter().sum::<i64>());
        }
    }
}
