//! Samples to time: how long a sample holds, what a counter counted, cut at fixed cells (laws L3, L4).
//!
//! Everything here is local: what happens in a cell follows from the samples within
//! [`Cadence::margin_ms`] of it, so that any tiling of windows gives the same result. Times are
//! milliseconds UTC; a span is half-open.

use crate::apportion::{ApportionError, largest_remainder};

/// Rows from samples are cut here: at every fifth minute of UTC, and so at every hour.
pub const CELL_MS: i64 = 5 * 60 * 1_000;

/// How often a source is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    step_ms: i64,
}

impl Cadence {
    /// Of a scrape interval; at least a millisecond.
    pub fn new(step_ms: i64) -> Self {
        Self { step_ms: step_ms.max(1) }
    }

    /// The scrape interval.
    pub fn step_ms(self) -> i64 {
        self.step_ms
    }

    /// The longest distance of two samples between which nothing is missing: 2.5 scrape intervals.
    pub fn max_gap_ms(self) -> i64 {
        self.step_ms.saturating_mul(5) / 2
    }

    /// How far from an instant samples can lie that decide about it: a sample holds for a step, and
    /// whether it stands alone is decided a gap away from it.
    pub fn margin_ms(self) -> i64 {
        self.max_gap_ms().saturating_add(self.step_ms)
    }
}

/// One sample, its value in base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// When.
    pub at_ms: i64,
    /// What.
    pub value: i64,
}

/// Samples of several series of one fact as one: by time, and of one instant the highest. Two
/// exporters that tell the same during a rollout are so counted once.
pub fn merged(mut samples: Vec<Sample>) -> Vec<Sample> {
    samples.sort_unstable_by(|a, b| a.at_ms.cmp(&b.at_ms).then(b.value.cmp(&a.value)));
    samples.dedup_by_key(|sample| sample.at_ms);
    samples
}

/// A value over the time for which its sample stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// First instant.
    pub from_ms: i64,
    /// First instant after.
    pub to_ms: i64,
    /// The value.
    pub value: i64,
    /// Whether no other sample lies within the longest gap: it stands for one step.
    pub lone: bool,
}

/// A gauge as steps: a sample holds to the next within the longest gap, else for one step; the rest is
/// a gap. The samples are sorted by time, each instant once.
pub fn held(samples: &[Sample], cadence: Cadence) -> Vec<Held> {
    let near = |a: &Sample, b: &Sample| b.at_ms - a.at_ms <= cadence.max_gap_ms();
    let hold = |(index, sample): (usize, &Sample)| {
        let next = samples.get(index + 1).filter(|next| near(sample, next));
        let follows = index > 0 && near(&samples[index - 1], sample);
        Held {
            from_ms: sample.at_ms,
            to_ms: next.map_or(sample.at_ms.saturating_add(cadence.step_ms()), |next| next.at_ms),
            value: sample.value,
            lone: next.is_none() && !follows,
        }
    };
    samples.iter().enumerate().map(hold).collect()
}

/// What a counter counted over a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// First instant.
    pub from_ms: i64,
    /// First instant after.
    pub to_ms: i64,
    /// How much, in base units.
    pub amount: i64,
    /// Whether the counter fell and was counted from its new value.
    pub reset: bool,
}

/// The differences of a counter between samples no further apart than the longest gap. A counter that
/// fell began again at zero: its new value counts. Before the first sample nothing is known.
pub fn counted(samples: &[Sample], cadence: Cadence) -> Vec<Counted> {
    let pairs = samples.windows(2).filter(|pair| pair[1].at_ms - pair[0].at_ms <= cadence.max_gap_ms());
    let difference = |pair: &[Sample]| {
        let reset = pair[1].value < pair[0].value;
        let amount = if reset { pair[1].value } else { pair[1].value - pair[0].value };
        Counted { from_ms: pair[0].at_ms, to_ms: pair[1].at_ms, amount, reset }
    };
    pairs.map(difference).collect()
}

impl Counted {
    /// Cuts it at the cells, by largest remainder on time; equal remainders go to the earlier cell.
    pub fn at_cells(&self) -> Result<Vec<Self>, ApportionError> {
        let mut edges = vec![self.from_ms];
        let mut edge = cell_of(self.from_ms) + CELL_MS;
        while edge < self.to_ms {
            edges.push(edge);
            edge += CELL_MS;
        }
        edges.push(self.to_ms);
        if edges.len() <= 2 {
            return Ok(vec![*self]);
        }
        let weights: Vec<i128> = edges.windows(2).map(|edge| i128::from(edge[1] - edge[0])).collect();
        let parts = largest_remainder(i128::from(self.amount), &weights)?;
        let cut = |(edge, part): (&[i64], i128)| Self {
            from_ms: edge[0],
            to_ms: edge[1],
            // No part of an amount is larger than it.
            amount: i64::try_from(part).unwrap_or(self.amount),
            reset: self.reset,
        };
        Ok(edges.windows(2).zip(parts).map(cut).collect())
    }

    /// Its share of a span by time: shares of spans that join end to end sum to it exactly.
    pub fn within(&self, from_ms: i64, to_ms: i64) -> i64 {
        let (from, to) = (from_ms.max(self.from_ms), to_ms.min(self.to_ms));
        if from >= to {
            return 0;
        }
        let up_to = |at: i64| {
            let length = i128::from(self.to_ms - self.from_ms);
            i128::from(self.amount) * i128::from(at - self.from_ms) / length
        };
        i64::try_from(up_to(to) - up_to(from)).unwrap_or(self.amount)
    }
}

/// The start of the cell that an instant lies in.
pub fn cell_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(CELL_MS) * CELL_MS
}

/// Spans, sorted and joined where they touch.
pub fn joined(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::with_capacity(spans.len());
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

/// What of a span no span of `covered` covers; `covered` is sorted and joined.
pub fn uncovered(from_ms: i64, to_ms: i64, covered: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut at = from_ms;
    let mut out = Vec::new();
    let first = covered.partition_point(|(_, to)| *to <= from_ms);
    for &(from, to) in &covered[first..] {
        if from >= to_ms {
            break;
        }
        if at < from {
            out.push((at, from));
        }
        at = at.max(to);
    }
    if at < to_ms {
        out.push((at, to_ms));
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Cadence = Cadence { step_ms: 60_000 };

    fn samples(values: &[(i64, i64)]) -> Vec<Sample> {
        values.iter().map(|&(second, value)| Sample { at_ms: second * 1_000, value }).collect()
    }

    fn spans(held: &[Held]) -> Vec<(i64, i64, i64, bool)> {
        held.iter().map(|h| (h.from_ms / 1_000, h.to_ms / 1_000, h.value, h.lone)).collect()
    }

    #[test]
    fn a_sample_holds_to_the_next_or_for_a_step() {
        // 150 s is bridged, 151 s is a gap; the sample at 1000 stands alone
        let holds = held(&samples(&[(0, 1), (60, 2), (210, 3), (361, 4), (1_000, 5)]), MINUTE);
        assert_eq!(
            spans(&holds),
            [
                (0, 60, 1, false),
                (60, 210, 2, false),
                (210, 270, 3, false),
                (361, 421, 4, true),
                (1_000, 1_060, 5, true)
            ]
        );
        assert!(held(&[], MINUTE).is_empty());
    }

    #[test]
    fn a_counter_that_fell_counts_from_zero_and_a_gap_counts_nothing() {
        let parts = counted(&samples(&[(0, 100), (60, 160), (120, 20), (600, 900)]), MINUTE);
        let told: Vec<_> = parts.iter().map(|p| (p.from_ms / 1_000, p.amount, p.reset)).collect();
        assert_eq!(told, [(0, 60, false), (60, 20, true)]);
    }

    #[test]
    fn an_amount_over_the_hour_is_shared_by_time() {
        let hour = 3_600_000;
        let part = Counted { from_ms: hour - 20_000, to_ms: hour + 40_000, amount: 100, reset: false };
        let cells = part.at_cells().unwrap();
        assert_eq!(
            cells.iter().map(|c| (c.to_ms, c.amount)).collect::<Vec<_>>(),
            [(hour, 33), (hour + 40_000, 67)]
        );
    }

    #[test]
    fn exporters_that_tell_the_same_are_merged() {
        let both = merged(samples(&[(60, 4), (0, 4), (0, 4), (60, 5), (30, 4)]));
        assert_eq!(both, samples(&[(0, 4), (30, 4), (60, 5)]));
    }

    #[test]
    fn spans_are_joined_and_taken_away() {
        assert_eq!(joined(vec![(5, 7), (0, 2), (2, 3)]), [(0, 3), (5, 7)]);
        assert_eq!(uncovered(1, 10, &[(0, 3), (5, 7)]), [(3, 5), (7, 10)]);
        assert_eq!(uncovered(1, 3, &[(0, 3)]), []);
    }

    proptest! {
        #[test]
        fn l3_cells_and_shares_sum_to_what_was_counted(
            from in 0_i64..10_000_000, length in 1_i64..2_000_000, amount in 0_i64..i64::MAX / 2, cut in 0_i64..2_000_000,
        ) {
            let part = Counted { from_ms: from, to_ms: from + length, amount, reset: false };
            let cells = part.at_cells().unwrap();
            prop_assert_eq!(cells.iter().map(|c| c.amount).sum::<i64>(), amount);
            for cell in &cells {
                prop_assert_eq!(cell_of(cell.from_ms), cell_of(cell.to_ms - 1));
            }
            let at = from + cut % length;
            prop_assert_eq!(part.within(from, at) + part.within(at, from + length), amount);
        }

        #[test]
        fn l4_nothing_holds_longer_than_the_longest_gap(mut times in prop::collection::vec(0_i64..4_000_000, 0..60)) {
            times.sort_unstable();
            times.dedup();
            let samples: Vec<Sample> = times.iter().map(|&at_ms| Sample { at_ms, value: 1 }).collect();
            let holds = held(&samples, MINUTE);
            for pair in holds.windows(2) {
                prop_assert!(pair[0].to_ms <= pair[1].from_ms);
            }
            prop_assert!(holds.iter().all(|h| h.to_ms - h.from_ms <= MINUTE.max_gap_ms()));
        }
    }
}
