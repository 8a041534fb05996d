//! What one pod requested and used, from the samples of its series (laws L3, L4, L5).
//!
//! A pod counts while it runs on a node: from its start, where that is told within the longest gap, else
//! from the first sample that says so; to its end, where that is told, else to the sample that says it
//! ended, or for a step after its last one. Pending never counts, and a pod that ended does not count
//! though its series go on. Where nothing tells of the pod but its containers' usage, the usage counts;
//! within the longest gap of a sample that does tell, it is the better witness.

mod lifetime;

use crate::apportion::ApportionError;
use crate::metering::Quality;
use crate::timeline::{CELL_MS, Cadence, Counted, Held, Sample, cell_of, counted, held, joined, uncovered};
use lifetime::{Ended, Reach, Starts, reaches};

/// What a container is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerKind {
    /// It runs as long as the pod, as do init containers that are restarted always (sidecars).
    Lasting,
    /// It runs before the others and ends.
    Init,
}

/// What is requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Levels in 10⁻⁶ cores.
    Cpu,
    /// Levels in bytes.
    Memory,
    /// Levels in 10⁻⁶ GPUs.
    Gpu,
}

/// The request of one container for one resource.
#[derive(Debug, Clone)]
pub struct Request {
    /// What the container is for.
    pub kind: ContainerKind,
    /// Of what.
    pub resource: Resource,
    /// Levels.
    pub samples: Vec<Sample>,
}

/// The CPU counters of one container, in 10⁻⁶ core-seconds.
#[derive(Debug, Clone, Default)]
pub struct CpuCounters {
    /// One a run of the container: a container that is restarted has a new one. Of each run, the series
    /// that tell of it, the preferred first: the others fill only its gaps.
    pub runs: Vec<Vec<Vec<Sample>>>,
    /// Series that do not tell runs apart; they fill what the runs leave open.
    pub others: Vec<Vec<Sample>>,
    /// Starts of the container, as in [`PodSamples::containers_begun`]: a counter begins there at zero.
    pub begun: Vec<Sample>,
}

/// The samples of one pod; each list sorted by time, each instant once.
#[derive(Debug, Clone, Default)]
pub struct PodSamples {
    /// 1 while it runs, 0 while it does not (yet, or any more). Empty where no source tells the phase.
    pub running: Vec<Sample>,
    /// The number of its node, 0 while it has none.
    pub node: Vec<Sample>,
    /// Requests by container.
    pub requests: Vec<Request>,
    /// CPU by container.
    pub cpu: Vec<CpuCounters>,
    /// Memory in use by container, bytes.
    pub memory: Vec<Vec<Sample>>,
    /// The node that usage is reported from: it stands in where nothing else tells the node.
    pub usage_node: i64,
    /// When its containers started: each value is an instant in ms, told at the sample's time.
    pub containers_begun: Vec<Sample>,
    /// When its node took the pod, told likewise: the start where no container's is told.
    pub begun: Vec<Sample>,
    /// When its last container ended, told likewise.
    pub ended: Vec<Sample>,
}

/// One pod over one stretch of time within a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PodPiece {
    /// First instant.
    pub from_ms: i64,
    /// First instant after.
    pub to_ms: i64,
    /// Number of its node, 0 if it is not known.
    pub node: i64,
    /// millicore·ms.
    pub cpu_request: Option<i64>,
    /// millicore·ms.
    pub cpu_usage: Option<i64>,
    /// byte·ms.
    pub memory_request: Option<i64>,
    /// byte·ms.
    pub memory_usage: Option<i64>,
    /// milliGPU·ms.
    pub gpu_request: Option<i64>,
    /// The worst quality in it.
    pub quality: Quality,
}

/// Why a pod's samples give no quantities.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PodTimeError {
    /// More than 64 bits hold.
    #[error("{quantity} from {from_ms} ms on passes 64 bits: look at the units of the exporter")]
    TooLarge {
        /// Which quantity.
        quantity: &'static str,
        /// Start of the piece.
        from_ms: i64,
    },
    /// An amount could not be shared.
    #[error(transparent)]
    Share(#[from] ApportionError),
}

/// The pod's pieces whose cells lie in the window `[from_ms, to_ms)`; both are rounded down to cells.
pub fn pod_pieces(
    pod: &PodSamples,
    cadence: Cadence,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<PodPiece>, PodTimeError> {
    let window = (cell_of(from_ms), cell_of(to_ms));
    let usage = Usage::new(pod, cadence)?;
    let mut stretches = Vec::new();
    let mut known = Known::new(pod, cadence);
    let edges = known.edges(&usage, window);
    for edge in edges.windows(2) {
        let Some((state, at)) = known.at(edge[0], &usage) else { continue };
        extend(&mut stretches, (edge[0], edge[1]), state, at);
    }
    stretches.iter().map(|stretch| stretch.piece(&usage)).collect()
}

/// On which node, and whether only usage tells of the pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State {
    node: i64,
    usage_only: bool,
}

/// Levels at an instant, and whether a lone sample tells them.
#[derive(Debug, Clone, Copy, Default)]
struct Levels {
    requests: [Option<i64>; 3],
    lone: bool,
}

/// A stretch of one state within a cell, with its sums of level × ms.
struct Stretch {
    from_ms: i64,
    to_ms: i64,
    state: State,
    requests: [Option<i128>; 3],
    lone: bool,
}

fn extend(stretches: &mut Vec<Stretch>, (from_ms, to_ms): (i64, i64), state: State, at: Levels) {
    let follows = |last: &Stretch| {
        last.to_ms == from_ms && last.state == state && cell_of(last.from_ms) == cell_of(from_ms)
    };
    if !stretches.last().is_some_and(follows) {
        stretches.push(Stretch { from_ms, to_ms, state, requests: [None; 3], lone: false });
    }
    let Some(stretch) = stretches.last_mut() else { return };
    stretch.to_ms = to_ms;
    stretch.lone |= at.lone;
    for (sum, level) in stretch.requests.iter_mut().zip(at.requests) {
        if let Some(level) = level {
            *sum = Some(sum.unwrap_or(0) + i128::from(level) * i128::from(to_ms - from_ms));
        }
    }
}

impl Stretch {
    fn piece(&self, usage: &Usage) -> Result<PodPiece, PodTimeError> {
        let from_ms = self.from_ms;
        let fits = |quantity, sum: Option<i128>| {
            let too_large = |_| PodTimeError::TooLarge { quantity, from_ms };
            sum.map(i64::try_from).transpose().map_err(too_large)
        };
        let [cpu, memory, gpu] = self.requests;
        let used = usage.within(self.from_ms, self.to_ms);
        let lone = if self.lone { Quality::SingleSample } else { Quality::Observed };
        let reset = if used.reset { Quality::Reset } else { Quality::Observed };
        Ok(PodPiece {
            from_ms,
            to_ms: self.to_ms,
            node: self.state.node,
            // 10⁻⁶ cores × ms are thousandths of a millicore·ms.
            cpu_request: fits("the CPU request", cpu.map(|sum| sum / 1_000))?,
            cpu_usage: fits("the CPU usage", used.cpu)?,
            memory_request: fits("the memory request", memory)?,
            memory_usage: fits("the memory usage", used.memory)?,
            gpu_request: fits("the GPU request", gpu.map(|sum| sum / 1_000))?,
            quality: lone.and(reset),
        })
    }
}

/// A step function that is read from left to right.
struct Steps {
    held: Vec<Held>,
    next: usize,
}

impl Steps {
    fn new(samples: &[Sample], cadence: Cadence) -> Self {
        Self { held: held(samples, cadence), next: 0 }
    }

    fn at(&mut self, at_ms: i64) -> Option<Held> {
        while self.held.get(self.next).is_some_and(|held| held.to_ms <= at_ms) {
            self.next += 1;
        }
        self.held.get(self.next).copied().filter(|held| held.from_ms <= at_ms)
    }

    /// Lets the value of a reach's sample, or another, hold from its start to its end as well.
    fn reach_back(&mut self, reach: Reach, other: Option<i64>) {
        let Ok(at) = self.held.binary_search_by_key(&reach.sample_ms, |held| held.from_ms) else { return };
        if let Some(before) = at.checked_sub(1).and_then(|before| self.held.get_mut(before)) {
            if before.from_ms >= reach.from_ms {
                return;
            }
            before.to_ms = before.to_ms.min(reach.from_ms);
        }
        // Whether the sample stands alone is decided a gap after it: too far from the start to be said there.
        let value = other.unwrap_or(self.held[at].value);
        let lone = reach.unseen;
        self.held.insert(at, Held { from_ms: reach.from_ms, to_ms: reach.to_ms, value, lone });
    }
}

/// What is known of the pod beside its usage.
struct Known {
    running: Steps,
    node: Steps,
    requests: Vec<(ContainerKind, Resource, Steps)>,
    usage_node: i64,
    /// Within the longest gap of a sample: there usage alone proves nothing.
    told: Vec<(i64, i64)>,
    /// Where it is known to have ended.
    ended: Ended,
}

impl Known {
    fn new(pod: &PodSamples, cadence: Cadence) -> Self {
        let steps =
            |request: &Request| (request.kind, request.resource, Steps::new(&request.samples, cadence));
        let gap_ms = cadence.max_gap_ms();
        let near = |sample: &Sample| (sample.at_ms - gap_ms, sample.at_ms + gap_ms);
        let mut known = Self {
            running: Steps::new(&pod.running, cadence),
            node: Steps::new(&pod.node, cadence),
            told: joined(pod.running.iter().chain(&pod.node).map(near).collect()),
            requests: pod.requests.iter().map(steps).collect(),
            usage_node: pod.usage_node,
            ended: Ended::new(&pod.ended, cadence),
        };
        for reach in reaches(pod, cadence) {
            known.reach_back(reach);
        }
        known
    }

    /// What the first sample of a run says held from the run's start on.
    fn reach_back(&mut self, reach: Reach) {
        // A sample after the end says that the pod does not run; before its end it did.
        self.running.reach_back(reach, reach.unseen.then_some(1));
        self.node.reach_back(reach, None);
        for (_, _, steps) in &mut self.requests {
            steps.reach_back(reach, None);
        }
    }

    /// Every instant of the window at which something may change, its ends included.
    fn edges(&self, usage: &Usage, (from_ms, to_ms): (i64, i64)) -> Vec<i64> {
        let requests = self.requests.iter().map(|(_, _, steps)| steps);
        let steps = [&self.running, &self.node].into_iter().chain(requests);
        let mut edges: Vec<i64> =
            steps.flat_map(|steps| &steps.held).flat_map(|held| [held.from_ms, held.to_ms]).collect();
        let spans = usage.covered.iter().chain(&self.told).chain(self.ended.spans());
        edges.extend(spans.flat_map(|&(from, to)| [from, to]));
        edges.retain(|at| from_ms < *at && *at < to_ms);
        edges.extend((from_ms..to_ms).step_by(usize::try_from(CELL_MS).unwrap_or(usize::MAX)));
        edges.push(to_ms);
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// The pod's state from an instant on, until the next edge; `None` while it does not count.
    fn at(&mut self, at_ms: i64, usage: &Usage) -> Option<(State, Levels)> {
        let (running, node) = (self.running.at(at_ms), self.node.at(at_ms));
        if running.is_some_and(|held| held.value == 0) || covers(self.ended.spans(), at_ms) {
            return None;
        }
        let Some(node) = node else {
            let state = State { node: self.usage_node, usage_only: true };
            let usage_counts = covers(&usage.covered, at_ms) && !covers(&self.told, at_ms);
            return usage_counts.then(|| (state, Levels::default()));
        };
        if node.value == 0 {
            return None;
        }
        let mut lasting: [Option<i64>; 3] = [None; 3];
        let mut init: [Option<i64>; 3] = [None; 3];
        for (kind, resource, steps) in &mut self.requests {
            let Some(level) = steps.at(at_ms) else { continue };
            let of = *resource as usize;
            match kind {
                ContainerKind::Lasting => {
                    lasting[of] = Some(lasting[of].unwrap_or(0).saturating_add(level.value));
                }
                ContainerKind::Init => init[of] = init[of].max(Some(level.value)),
            }
        }
        let requests = std::array::from_fn(|of| lasting[of].max(init[of]));
        let lone = node.lone && running.is_none_or(|held| held.lone);
        Some((State { node: node.value, usage_only: false }, Levels { requests, lone }))
    }
}

/// What the pod's containers used.
struct Usage {
    /// Parts of all containers, sorted by start, each within a cell.
    cpu: Vec<Counted>,
    memory: Vec<Vec<Held>>,
    /// Where anything tells of usage.
    covered: Vec<(i64, i64)>,
    /// The longest part or hold.
    longest_ms: i64,
}

#[derive(Default)]
struct Used {
    cpu: Option<i128>,
    memory: Option<i128>,
    reset: bool,
}

impl Usage {
    fn new(pod: &PodSamples, cadence: Cadence) -> Result<Self, PodTimeError> {
        let mut cpu = Vec::new();
        for counters in &pod.cpu {
            cpu.append(&mut parts_of(counters, cadence)?);
        }
        cpu.sort_unstable_by_key(|part| (part.from_ms, part.to_ms, part.amount));
        let memory: Vec<Vec<Held>> = pod.memory.iter().map(|samples| held(samples, cadence)).collect();
        let of_cpu = cpu.iter().map(|part| (part.from_ms, part.to_ms));
        let of_memory = memory.iter().flatten().map(|held| (held.from_ms, held.to_ms));
        let covered = joined(of_cpu.chain(of_memory).collect());
        Ok(Self { cpu, memory, covered, longest_ms: cadence.max_gap_ms() })
    }

    fn within(&self, from_ms: i64, to_ms: i64) -> Used {
        let mut used = Used::default();
        let first = self.cpu.partition_point(|part| part.from_ms < from_ms - self.longest_ms);
        for part in self.cpu[first..].iter().take_while(|part| part.from_ms < to_ms) {
            if part.to_ms > from_ms {
                used.cpu = Some(used.cpu.unwrap_or(0) + i128::from(part.within(from_ms, to_ms)));
                used.reset |= part.reset;
            }
        }
        for holds in &self.memory {
            let first = holds.partition_point(|held| held.to_ms <= from_ms);
            for held in holds[first..].iter().take_while(|held| held.from_ms < to_ms) {
                let length = held.to_ms.min(to_ms) - held.from_ms.max(from_ms);
                used.memory = Some(used.memory.unwrap_or(0) + i128::from(held.value) * i128::from(length));
            }
        }
        used
    }
}

/// Whether an instant lies in one of some spans, which are sorted and joined.
fn covers(spans: &[(i64, i64)], at_ms: i64) -> bool {
    let next = spans.partition_point(|(_, to)| *to <= at_ms);
    spans.get(next).is_some_and(|(from, _)| *from <= at_ms)
}

/// What one container used: its runs, and where none of them tells, the other series.
fn parts_of(counters: &CpuCounters, cadence: Cadence) -> Result<Vec<Counted>, PodTimeError> {
    let mut parts = Vec::new();
    let starts = Starts::new(&counters.begun, cadence);
    for run in &counters.runs {
        let mut covered = Vec::new();
        for series in run {
            fill(&mut parts, &mut covered, &starts.counted_from(series), cadence)?;
        }
    }
    let mut covered = joined(parts.iter().map(|part: &Counted| (part.from_ms, part.to_ms)).collect());
    for series in &counters.others {
        fill(&mut parts, &mut covered, &starts.counted_from(series), cadence)?;
    }
    Ok(parts)
}

/// Adds what a series counted, piece by piece, where nothing is covered yet.
fn fill(
    parts: &mut Vec<Counted>,
    covered: &mut Vec<(i64, i64)>,
    pieces: &[Vec<Sample>],
    cadence: Cadence,
) -> Result<(), PodTimeError> {
    let mut added = Vec::new();
    for whole in pieces.iter().flat_map(|samples| counted(samples, cadence)) {
        for part in whole.at_cells()? {
            for (from_ms, to_ms) in uncovered(part.from_ms, part.to_ms, covered) {
                added.push(Counted {
                    from_ms,
                    to_ms,
                    amount: part.within(from_ms, to_ms),
                    reset: part.reset,
                });
            }
        }
    }
    let more = added.iter().map(|part| (part.from_ms, part.to_ms));
    *covered = joined(std::mem::take(covered).into_iter().chain(more).collect());
    parts.append(&mut added);
    Ok(())
}

#[cfg(test)]
mod tests;
