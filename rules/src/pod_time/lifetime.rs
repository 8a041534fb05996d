//! When a pod is known to have begun and to have ended, between the samples that show it.
//!
//! Such an instant is told by later samples, for as long as the pod exists. It is used only where it is told
//! within the longest gap: whoever reads the time it decides about has then read the sample that tells it,
//! and any tiling of windows gives the same rows (law L3).

use super::PodSamples;
use crate::timeline::{Cadence, Sample, joined};

/// A run of a pod that begins before the first sample that shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reach {
    /// The sample.
    pub sample_ms: i64,
    /// The start of the run.
    pub from_ms: i64,
    /// The end of what is added.
    pub to_ms: i64,
    /// Whether no sample saw the pod run: it began and ended between two scrapes, and the first after them
    /// tells both.
    pub unseen: bool,
}

/// Where a pod is known to have ended, though a sample before still holds.
#[derive(Debug, Default)]
pub(super) struct Ended(Vec<(i64, i64)>);

impl Ended {
    /// From each end to the samples that tell it within the longest gap.
    pub fn new(told: &[Sample], cadence: Cadence) -> Self {
        let near = told.iter().filter(|end| (0..=cadence.max_gap_ms()).contains(&(end.at_ms - end.value)));
        Self(joined(near.map(|end| (end.value, end.at_ms)).filter(|(from, to)| from < to).collect()))
    }

    /// The spans in which it does not count, sorted and joined.
    pub fn spans(&self) -> &[(i64, i64)] {
        &self.0
    }
}

/// The runs whose start or whole is known although no sample shows it.
pub(super) fn reaches(pod: &PodSamples, cadence: Cadence) -> Vec<Reach> {
    let running = |at_ms: i64| {
        let found = pod.running.binary_search_by_key(&at_ms, |sample| sample.at_ms).ok()?;
        Some(pod.running[found].value)
    };
    let on = |sample: &Sample| sample.value != 0 && running(sample.at_ms) != Some(0);
    let mut reaches = Vec::new();
    for (index, sample) in pod.node.iter().enumerate().filter(|(_, sample)| sample.value != 0) {
        let before = index.checked_sub(1).map(|before| &pod.node[before]);
        let before = before.filter(|before| sample.at_ms - before.at_ms <= cadence.max_gap_ms());
        if before.is_some_and(on) {
            continue;
        }
        let after_ms = before.map_or(i64::MIN, |before| before.at_ms);
        let Some(from_ms) = start(pod, after_ms, sample.at_ms, cadence) else { continue };
        let sample_ms = sample.at_ms;
        if on(sample) {
            reaches.push(Reach { sample_ms, from_ms, to_ms: sample_ms, unseen: false });
        } else if let Some(to_ms) = end(pod, from_ms, sample_ms) {
            reaches.push(Reach { sample_ms, from_ms, to_ms, unseen: true });
        }
    }
    reaches
}

/// The start of the run that the sample at `sample_ms` is the first to show: the first start of a container
/// that is told by then, else that of the pod.
fn start(pod: &PodSamples, after_ms: i64, sample_ms: i64, cadence: Cadence) -> Option<i64> {
    let earliest_ms = after_ms.max(sample_ms.saturating_sub(cadence.max_gap_ms()).saturating_sub(1));
    let first = |told: &[Sample]| {
        let known = told.iter().filter(|start| start.value <= start.at_ms && start.at_ms <= sample_ms);
        let between = |at_ms: &i64| earliest_ms < *at_ms && *at_ms < sample_ms;
        known.map(|start| start.value).filter(between).min()
    };
    first(&pod.containers_begun).or_else(|| first(&pod.begun))
}

/// The end after `from_ms` that the scrape at `sample_ms` tells.
fn end(pod: &PodSamples, from_ms: i64, sample_ms: i64) -> Option<i64> {
    let told = pod.ended.iter().filter(|end| end.at_ms == sample_ms);
    told.map(|end| end.value).filter(|end| from_ms < *end && *end <= sample_ms).min()
}

/// Starts of a container, each told within the longest gap after it; sorted.
pub(super) struct Starts {
    at_ms: Vec<i64>,
    gap_ms: i64,
}

impl Starts {
    pub fn new(told: &[Sample], cadence: Cadence) -> Self {
        let gap_ms = cadence.max_gap_ms();
        let near = told.iter().filter(|start| (0..=gap_ms).contains(&(start.at_ms - start.value)));
        let mut at_ms: Vec<i64> = near.map(|start| start.value).collect();
        at_ms.sort_unstable();
        at_ms.dedup();
        Self { at_ms, gap_ms }
    }

    /// A counter's samples in pieces that no gap interrupts, each with a zero at the start that comes within
    /// the longest gap before it.
    pub fn counted_from(&self, series: &[Sample]) -> Vec<Vec<Sample>> {
        let unbroken = series.chunk_by(|before, after| after.at_ms - before.at_ms <= self.gap_ms);
        let from_zero = |samples: &[Sample]| {
            let first_ms = samples.first().map_or(i64::MIN, |sample| sample.at_ms);
            let found = self.at_ms.partition_point(|at_ms| *at_ms < first_ms.saturating_sub(self.gap_ms));
            let start = self.at_ms.get(found).filter(|at_ms| **at_ms < first_ms);
            start
                .map(|at_ms| Sample { at_ms: *at_ms, value: 0 })
                .into_iter()
                .chain(samples.iter().copied())
                .collect()
        };
        unbroken.map(from_zero).collect()
    }
}
