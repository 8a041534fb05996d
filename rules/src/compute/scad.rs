//! `aws_scad`: CPU, memory and GPU of a node at fixed relative prices, used and unused apart.
//!
//! Per vCPU 9, per GiB 1, per GPU 90. In integers: millicore·ms is vCPU·ms × 1000 and byte·ms is
//! GiB·ms × 2³⁰, so with the common scale 125·2³⁰ (= 1000·2³⁰ / 8)
//!
//! ```text
//! w_cpu·A_cpu = 9·2²⁷ · A_cpu[millicore·ms]
//! w_mem·A_mem =   125 · A_mem[byte·ms]
//! w_gpu·A_gpu = 90·2²⁷ · A_gpu[milliGPU·ms]
//! ```
//!
//! The cost goes over the resources by these weights, each resource's cost over what the pods used and
//! what was left: U = max(A − S, 0). S > A is normalised and leaves no idle; S = 0 is all idle.

use hubtally_schemas::policy::IdleRule;

use super::{Amounts, Capacity, ComputeError, PodUse, Splitter, not_negative};
use crate::apportion::{ApportionError, apportion_into};

/// What a node is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// CPU.
    Cpu,
    /// Memory.
    Memory,
    /// GPU.
    Gpu,
}

impl Resource {
    /// All, in the order of the splits.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Gpu];

    /// As `explain` shows it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Gpu => "gpu",
        }
    }

    /// Integer price of one unit·ms, at the scale of the module.
    pub fn price(self) -> i128 {
        match self {
            Self::Cpu => 9 << 27,
            Self::Memory => 125,
            Self::Gpu => 90 << 27,
        }
    }

    pub(super) fn of_pod(self, pod: &PodUse) -> i128 {
        match self {
            Self::Cpu => pod.cpu,
            Self::Memory => pod.memory,
            Self::Gpu => pod.gpu,
        }
    }

    fn of_capacity(self, capacity: &Capacity) -> i128 {
        match self {
            Self::Cpu => capacity.cpu_millicore_ms,
            Self::Memory => capacity.memory_byte_ms,
            Self::Gpu => capacity.gpu_milligpu_ms,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Cpu => "CPU time",
            Self::Memory => "memory time",
            Self::Gpu => "GPU time",
        }
    }
}

/// One resource's part in a split: A, S, U, w and the cost that fell to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// Which resource.
    pub resource: Resource,
    /// A: what there was.
    pub available: i128,
    /// S: what all pods together are counted with.
    pub used: i128,
    /// U = max(A − S, 0).
    pub unused: i128,
    /// w·A, the weight of the resource.
    pub weight: i128,
    /// The cost that fell to it.
    pub cost: i128,
    /// Of that, the part of U, before any rule spread it.
    pub idle: i128,
}

impl Splitter {
    pub(super) fn scad(
        &mut self,
        rule: IdleRule,
        cost: i128,
        capacity: &Capacity,
        pods: &[PodUse],
    ) -> Result<Option<Amounts<'_>>, ComputeError> {
        if !self.cost_of_resources(cost, capacity, pods)? {
            return Ok(None);
        }
        self.parts.clear();
        self.parts.resize(pods.len(), 0);
        let spread = rule == IdleRule::Proportional;
        let (mut idle, mut stranded) = (0, 0);
        for stage in 0..self.stages.len() {
            let Stage { resource, used, unused, cost, .. } = self.stages[stage];
            self.weights.clear();
            self.weights.extend(pods.iter().map(|pod| resource.of_pod(pod)));
            self.weights.push(unused);
            let idle_part = self.add_pieces(cost)?;
            self.stages[stage].idle = idle_part;
            if !spread {
                idle += idle_part;
            } else if used > 0 {
                self.weights.pop();
                self.add_pieces(idle_part)?;
            } else {
                stranded += idle_part;
            }
        }
        if stranded != 0 && !self.spread_stranded(stranded, pods)? {
            idle += stranded;
        }
        Ok(Some(Amounts { parts: &self.parts, idle }))
    }

    /// Fills the stages; `false` when no resource has capacity.
    fn cost_of_resources(
        &mut self,
        cost: i128,
        capacity: &Capacity,
        pods: &[PodUse],
    ) -> Result<bool, ComputeError> {
        for resource in Resource::ALL {
            let what = resource.in_words();
            let available = not_negative(what, resource.of_capacity(capacity))?;
            let mut used = 0_i128;
            for pod in pods {
                let pod_use = not_negative(what, resource.of_pod(pod))?;
                used = used.checked_add(pod_use).ok_or(ComputeError::Overflow { what })?;
            }
            if available == 0 {
                continue;
            }
            let weight = available.checked_mul(resource.price()).ok_or(ComputeError::Overflow { what })?;
            let unused = (available - used).max(0);
            self.stages.push(Stage { resource, available, used, unused, weight, cost: 0, idle: 0 });
        }
        self.weights.clear();
        self.weights.extend(self.stages.iter().map(|stage| stage.weight));
        match apportion_into(cost, &self.weights, &mut self.pieces, &mut self.scratch) {
            Err(ApportionError::NoWeight) => return Ok(false),
            other => other?,
        }
        for (stage, piece) in self.stages.iter_mut().zip(&self.pieces) {
            stage.cost = *piece;
        }
        Ok(true)
    }

    /// Splits by `self.weights` and adds the pieces to the parts; returns the piece after the last part.
    fn add_pieces(&mut self, amount: i128) -> Result<i128, ComputeError> {
        apportion_into(amount, &self.weights, &mut self.pieces, &mut self.scratch)?;
        // Parts of one amount never pass it, so their sums cannot overflow.
        for (part, piece) in self.parts.iter_mut().zip(&self.pieces) {
            *part += piece;
        }
        Ok(self.pieces.get(self.parts.len()).copied().unwrap_or(0))
    }

    /// Idle of resources that nobody used follows the parts of the others; where those are too small to
    /// tell, the priced use; where nobody used anything, it stays idle.
    fn spread_stranded(&mut self, amount: i128, pods: &[PodUse]) -> Result<bool, ComputeError> {
        self.weights.clear();
        self.weights.extend(self.parts.iter().map(|part| part.saturating_abs()));
        if self.weights.iter().all(|weight| *weight == 0) {
            self.weights.clear();
            for pod in pods {
                let mut priced = 0_i128;
                for stage in &self.stages {
                    let term = stage.resource.of_pod(pod).checked_mul(stage.resource.price());
                    priced = term
                        .and_then(|term| priced.checked_add(term))
                        .ok_or(ComputeError::Overflow { what: "the priced use of a pod" })?;
                }
                self.weights.push(priced);
            }
        }
        match self.add_pieces(amount) {
            Err(ComputeError::Apportion(ApportionError::NoWeight)) => Ok(false),
            Err(error) => Err(error),
            Ok(_) => Ok(true),
        }
    }
}
