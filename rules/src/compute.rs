//! One hour of a scope (a node, a cluster's nodes, a hub's pods): its cost among its pods.
//!
//! [`split`] is the whole answer with its weights as text; [`Splitter`] is the same arithmetic
//! in reused memory and without text, for the millions of node-hours of a close.
//!
//! Policies: [`scad`] is AWS split cost allocation data
//! (<https://docs.aws.amazon.com/cur/latest/userguide/split-cost-allocation-data.html>);
//! `requests_only(memory)` is the share of memory requested, idle spread by construction.

use hubtally_schemas::policy::{ComputePolicy, IdleRule};

use crate::apportion::{ApportionError, Scratch, apportion_into};

mod scad;
mod weights;

#[cfg(test)]
mod tests;

pub use scad::{Resource, Stage};

/// What the scope could give in the hour: level × observed time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capacity {
    /// CPU, millicore·ms.
    pub cpu_millicore_ms: i128,
    /// Memory, byte·ms.
    pub memory_byte_ms: i128,
    /// Physical GPUs, milliGPU·ms.
    pub gpu_milligpu_ms: i128,
}

/// What one pod (or one user's pods) is counted with in the hour: max(request, usage), taken at the
/// hour (law L3), in the units of [`Capacity`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PodUse {
    /// CPU, millicore·ms.
    pub cpu: i128,
    /// Memory, byte·ms.
    pub memory: i128,
    /// GPU, milliGPU·ms.
    pub gpu: i128,
    /// Memory requested, byte·ms: what `requests_only(memory)` counts.
    pub memory_request: i128,
}

/// A cost, split: `parts` + `idle` = cost, exactly (law L1), each with the cost's sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// One part a pod, in the order given.
    pub parts: Vec<i128>,
    /// What nobody used and no rule spread.
    pub idle: i128,
    /// Exact integer weight of each pod, decimal text: `weight / weight_total` of the cost is its share
    /// before rounding to units (the chain of splits stays within a few 10⁻¹² of it).
    pub weights: Vec<String>,
    /// Weight of the idle part.
    pub idle_weight: String,
    /// Sum of all weights.
    pub weight_total: String,
}

/// Why a scope's hour cannot be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComputeError {
    /// A quantity is below zero.
    #[error("{what} is {value}: a quantity is never below 0, so look at the rows it was summed from")]
    Negative {
        /// Which quantity.
        what: &'static str,
        /// Its value.
        value: i128,
    },
    /// A sum or product left 128 bits.
    #[error("{what} overflows 128 bits: no node has that much, so look at the units of its rows")]
    Overflow {
        /// What was computed.
        what: &'static str,
    },
    /// A split failed.
    #[error("the cost of a scope's hour could not be split")]
    Apportion(#[from] ApportionError),
}

/// Splits the cost of one hour among pods. `None`: nothing to weigh by (no capacity and no use for
/// `aws_scad`, no memory request for `requests_only`), so the caller names the whole cost unattributed.
///
/// Pods are sorted by a stable key: equal remainders go to the earlier pod, idle comes last.
pub fn split(
    policy: ComputePolicy,
    idle: IdleRule,
    cost: i128,
    capacity: &Capacity,
    pods: &[PodUse],
) -> Result<Option<Split>, ComputeError> {
    let mut splitter = Splitter::default();
    let Some(amounts) = splitter.split(policy, idle, cost, capacity, pods)? else { return Ok(None) };
    let (parts, idle_part) = (amounts.parts.to_vec(), amounts.idle);
    let weights = match policy {
        ComputePolicy::RequestsOnlyMemory => weights::requests_only(pods),
        ComputePolicy::AwsScad => weights::scad(idle, splitter.stages(), pods),
    };
    Ok(Some(Split {
        parts,
        idle: idle_part,
        weights: weights.pods.iter().map(ToString::to_string).collect(),
        idle_weight: weights.idle.to_string(),
        weight_total: weights.total().to_string(),
    }))
}

/// The amounts of a split, in memory of the [`Splitter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amounts<'a> {
    /// One part a pod, in the order given.
    pub parts: &'a [i128],
    /// What nobody used and no rule spread.
    pub idle: i128,
}

/// Splits many hours in the same memory.
#[derive(Debug, Default)]
pub struct Splitter {
    parts: Vec<i128>,
    weights: Vec<i128>,
    pieces: Vec<i128>,
    stages: Vec<Stage>,
    scratch: Scratch,
}

impl Splitter {
    /// As [`split`], amounts only.
    pub fn split(
        &mut self,
        policy: ComputePolicy,
        idle: IdleRule,
        cost: i128,
        capacity: &Capacity,
        pods: &[PodUse],
    ) -> Result<Option<Amounts<'_>>, ComputeError> {
        self.stages.clear();
        match policy {
            ComputePolicy::RequestsOnlyMemory => self.requests_only(cost, pods),
            ComputePolicy::AwsScad => self.scad(idle, cost, capacity, pods),
        }
    }

    /// The working of the last `aws_scad` split, a stage a resource; empty for other policies.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn requests_only(&mut self, cost: i128, pods: &[PodUse]) -> Result<Option<Amounts<'_>>, ComputeError> {
        self.weights.clear();
        for pod in pods {
            self.weights.push(not_negative("the memory request of a pod", pod.memory_request)?);
        }
        match apportion_into(cost, &self.weights, &mut self.parts, &mut self.scratch) {
            Ok(()) => Ok(Some(Amounts { parts: &self.parts, idle: 0 })),
            Err(ApportionError::NoWeight) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn not_negative(what: &'static str, value: i128) -> Result<i128, ComputeError> {
    if value < 0 { Err(ComputeError::Negative { what, value }) } else { Ok(value) }
}
