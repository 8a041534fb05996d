//! Whether a policy fits its registry, checked before anything is split by it.

use hubtally_schemas::policy::{ComputePolicy, IdleRule, Policy, SharedRule};
use hubtally_schemas::registry::Registry;

use crate::registry_view::RegistryProblem;
use crate::registry_view::problem::nearest;

/// What the parts of `fixed_ppm` sum to.
pub const WHOLE_PPM: u64 = 1_000_000;

/// All problems of a policy.
pub fn check_policy(policy: &Policy, registry: &Registry) -> Vec<RegistryProblem> {
    let mut problems = Vec::new();
    if policy.id.trim().is_empty() {
        problems.push(RegistryProblem::error(
            "policy.id",
            "it is empty: statements print it, so name the policy and its version, for example \"default-2026\"",
        ));
    }
    fixed_parts(policy, registry, &mut problems);
    if policy.compute == ComputePolicy::RequestsOnlyMemory && policy.idle != IdleRule::Proportional {
        problems.push(RegistryProblem::warning(
            "policy.idle",
            "`compute = \"requests_only(memory)\"` spreads idle by construction, so this choice moves no compute cost: \
             write `idle = \"proportional\"`, or choose `aws_scad` to see idle apart",
        ));
    }
    problems
}

fn fixed_parts(policy: &Policy, registry: &Registry, problems: &mut Vec<RegistryProblem>) {
    if policy.shared != SharedRule::Fixed {
        if !policy.fixed_ppm.is_empty() {
            problems.push(RegistryProblem::warning(
                "policy.fixed_ppm",
                format!(
                    "it counts only with `shared = \"fixed\"`, and shared is \"{}\": remove one of them",
                    policy.shared.code()
                ),
            ));
        }
        return;
    }
    for id in policy.fixed_ppm.keys() {
        if !registry.communities.iter().any(|community| community.id.as_str() == id) {
            let near = nearest(id, registry.communities.iter().map(|community| community.id.as_str()));
            problems.push(RegistryProblem::error(
                format!("policy.fixed_ppm.{id}"),
                format!("community \"{id}\" is not in the registry: {near}"),
            ));
        }
    }
    let sum: u64 = policy.fixed_ppm.values().copied().map(u64::from).sum();
    if sum != WHOLE_PPM {
        problems.push(RegistryProblem::error(
            "policy.fixed_ppm",
            format!("its parts sum to {sum} and must sum to 1,000,000 (parts per million): change them, or choose another `shared`"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hubtally_schemas::CommunityId;
    use hubtally_schemas::policy::{CostBasis, GapFill, UserNames};
    use hubtally_schemas::registry::{Community, PeriodBasis};

    use super::*;
    use crate::registry_view::Severity;

    fn policy(shared: SharedRule, ppm: &[(&str, u32)]) -> Policy {
        Policy {
            id: "test-1".to_owned(),
            period_basis: PeriodBasis::UsageDate,
            cost_basis: CostBasis::Billed,
            compute: ComputePolicy::AwsScad,
            idle: IdleRule::Separate,
            shared,
            fixed_ppm: ppm.iter().map(|(id, parts)| ((*id).to_owned(), *parts)).collect(),
            user_names: UserNames::Hidden,
            gap_fill: GapFill::None,
        }
    }

    fn registry() -> Registry {
        let community = |id: &str| Community {
            id: CommunityId::new(id).unwrap(),
            name: id.to_owned(),
            contracts: Vec::new(),
            attributes: BTreeMap::new(),
        };
        Registry { communities: vec![community("geo"), community("tides")], ..Registry::default() }
    }

    #[test]
    fn fixed_parts_sum_to_a_million_and_name_known_communities() {
        let good = policy(SharedRule::Fixed, &[("geo", 400_000), ("tides", 600_000)]);
        assert_eq!(check_policy(&good, &registry()), []);
        let short = check_policy(&policy(SharedRule::Fixed, &[("geo", 400_000)]), &registry());
        assert!(short[0].message.contains("400000"), "{short:?}");
        let unknown = check_policy(&policy(SharedRule::Fixed, &[("tide", 1_000_000)]), &registry());
        assert!(unknown[0].message.contains("did you mean \"tides\"?"), "{unknown:?}");
        assert_eq!(check_policy(&policy(SharedRule::Fixed, &[]), &registry())[0].severity, Severity::Error);
    }

    #[test]
    fn choices_that_do_nothing_are_warnings() {
        let idle = check_policy(&policy(SharedRule::Equal, &[("geo", 1)]), &registry());
        assert_eq!(idle.len(), 1);
        let spread = Policy { compute: ComputePolicy::RequestsOnlyMemory, ..policy(SharedRule::Equal, &[]) };
        assert_eq!(check_policy(&spread, &registry())[0].severity, Severity::Warning);
        let unnamed = Policy { id: " ".to_owned(), ..policy(SharedRule::Equal, &[]) };
        assert_eq!(check_policy(&unnamed, &registry())[0].severity, Severity::Error);
    }
}
