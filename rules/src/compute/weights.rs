//! One exact weight a pod for a split in several steps, for the ledger and for `explain`.
//!
//! With M = max(A, S), pod p's share of the cost is Σ_r w_r A_r (a_pr / M_r) / Σ_r w_r A_r. Where no
//! resource is oversubscribed, M = A and the weight is simply Σ_r w_r a_pr. Otherwise all weights
//! carry the product of the oversubscribed sums, which passes 128 bits.

use hubtally_schemas::policy::IdleRule;
use num_bigint::BigUint;
use num_traits::{One, Zero};

use super::{PodUse, Stage};

/// Weights of pods and of the idle part.
pub(super) struct Weights {
    pub pods: Vec<BigUint>,
    pub idle: BigUint,
}

impl Weights {
    pub fn total(&self) -> BigUint {
        self.pods.iter().sum::<BigUint>() + &self.idle
    }
}

pub(super) fn requests_only(pods: &[PodUse]) -> Weights {
    Weights { pods: pods.iter().map(|pod| big(pod.memory_request)).collect(), idle: BigUint::zero() }
}

pub(super) fn scad(rule: IdleRule, stages: &[Stage], pods: &[PodUse]) -> Weights {
    // Spread idle leaves each used resource divided by S alone; unused resources follow the rest,
    // which changes no proportion.
    let spread = rule == IdleRule::Proportional && stages.iter().any(|stage| stage.used > 0);
    let divided = |stage: &Stage| stage.used > 0 && (spread || stage.used > stage.available);
    let scale = stages
        .iter()
        .filter(|stage| divided(stage))
        .fold(BigUint::one(), |product, stage| product * big(stage.used));
    let factors: Vec<BigUint> = stages
        .iter()
        .map(|stage| {
            if divided(stage) {
                &scale / big(stage.used) * big(stage.weight)
            } else {
                &scale * big(stage.resource.price())
            }
        })
        .collect();
    let weigh = |pod: &PodUse| -> BigUint {
        stages.iter().zip(&factors).map(|(stage, factor)| factor * big(stage.resource.of_pod(pod))).sum()
    };
    let idle = if spread {
        BigUint::zero()
    } else {
        stages.iter().zip(&factors).map(|(stage, factor)| factor * big(stage.unused)).sum()
    };
    Weights { pods: pods.iter().map(weigh).collect(), idle }
}

fn big(value: i128) -> BigUint {
    BigUint::from(value.unsigned_abs())
}
