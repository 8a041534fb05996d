//! L1: parts and idle sum to the cost, exactly, under every rule and every hostile input.

use proptest::prelude::*;

use super::*;

const GIB: i128 = 1 << 30;
const HOUR: i128 = 3_600_000;

fn pod(cores: i128, gib: i128) -> PodUse {
    PodUse { cpu: cores * 1000 * HOUR, memory: gib * GIB * HOUR, gpu: 0, memory_request: gib * GIB * HOUR }
}

fn node(cores: i128, gib: i128) -> Capacity {
    Capacity { cpu_millicore_ms: cores * 1000 * HOUR, memory_byte_ms: gib * GIB * HOUR, gpu_milligpu_ms: 0 }
}

fn scad(idle: IdleRule, cost: i128, capacity: &Capacity, pods: &[PodUse]) -> Split {
    split(ComputePolicy::AwsScad, idle, cost, capacity, pods).unwrap().unwrap()
}

#[test]
fn scad_weighs_a_core_nine_times_a_gibibyte() {
    // 4 cores (36) and 36 GiB (36): half of the cost each.
    let done = scad(IdleRule::Separate, 1_000, &node(4, 36), &[pod(2, 9), pod(1, 9)]);
    // cpu 500: 250, 125, idle 125; memory 500: 125, 125, idle 250
    assert_eq!(done.parts, [375, 250]);
    assert_eq!(done.idle, 375);
    assert_eq!(done.weight_total, (9 * (1_i128 << 27) * 4_000 * HOUR + 125 * 36 * GIB * HOUR).to_string());
}

#[test]
fn a_gpu_weighs_ninety() {
    let capacity = Capacity { gpu_milligpu_ms: 1_000 * HOUR, ..node(5, 45) };
    let user = PodUse { gpu: 1_000 * HOUR, ..PodUse::default() };
    // 90 : 45 : 45
    let done = scad(IdleRule::Separate, 400, &capacity, &[user]);
    assert_eq!((done.parts[0], done.idle), (200, 200));
}

#[test]
fn proportional_idle_follows_use_within_each_resource() {
    let done = scad(IdleRule::Proportional, 1_000, &node(4, 36), &[pod(2, 9), pod(1, 9)]);
    // cpu 500 over 2 : 1 → 250 + 83 and 125 + 42; memory 500 over 1 : 1
    assert_eq!(done.parts, [583, 417]);
    assert_eq!((done.idle, done.idle_weight.as_str()), (0, "0"));
}

#[test]
fn idle_of_a_resource_that_nobody_used_follows_the_other_parts() {
    let only_memory = PodUse { memory: GIB * HOUR, ..PodUse::default() };
    let done = scad(IdleRule::Proportional, 1_001, &node(4, 36), &[only_memory, pod(0, 3)]);
    assert_eq!(done.idle, 0);
    assert_eq!(done.parts, [250, 751]);
}

#[test]
fn a_node_without_pods_is_all_idle_and_nothing_at_all_is_no_weight() {
    for rule in [IdleRule::Separate, IdleRule::Proportional, IdleRule::Absorbed] {
        let done = scad(rule, 77, &node(2, 8), &[]);
        assert_eq!((done.parts.len(), done.idle), (0, 77));
        let done = scad(rule, -77, &node(2, 8), &[PodUse::default()]);
        assert_eq!((done.parts[0], done.idle), (0, -77));
        let nothing = split(ComputePolicy::AwsScad, rule, 77, &Capacity::default(), &[pod(1, 1)]).unwrap();
        assert_eq!(nothing, None);
    }
}

#[test]
fn more_used_than_there_was_is_normalised_and_leaves_no_idle() {
    let done = scad(IdleRule::Separate, 900, &node(2, 18), &[pod(2, 18), pod(4, 36)]);
    assert_eq!(done.parts, [300, 600]);
    assert_eq!(done.idle, 0);
}

#[test]
fn a_resource_that_was_not_there_drops_out() {
    let capacity = Capacity { memory_byte_ms: 0, ..node(4, 0) };
    let done = scad(IdleRule::Separate, 100, &capacity, &[pod(1, 5)]);
    assert_eq!((done.parts[0], done.idle), (25, 75));
}

#[test]
fn requests_only_spreads_everything_by_memory_requested() {
    let pods = [pod(1, 1), pod(9, 3)];
    let done = split(ComputePolicy::RequestsOnlyMemory, IdleRule::Separate, 100, &node(64, 512), &pods);
    let done = done.unwrap().unwrap();
    assert_eq!((done.parts.as_slice(), done.idle), ([25, 75].as_slice(), 0));
    assert_eq!(done.weight_total, (4 * GIB * HOUR).to_string());
    let none =
        split(ComputePolicy::RequestsOnlyMemory, IdleRule::Separate, 100, &node(1, 1), &[PodUse::default()]);
    assert_eq!(none.unwrap(), None);
}

#[test]
fn a_negative_quantity_is_refused() {
    let bad = PodUse { cpu: -1, ..PodUse::default() };
    let refused = split(ComputePolicy::AwsScad, IdleRule::Separate, 1, &node(1, 1), &[bad]);
    assert!(matches!(refused, Err(ComputeError::Negative { value: -1, .. })));
}

fn quantity() -> impl Strategy<Value = i128> {
    prop_oneof![Just(0), Just(1), 0_i128..100, 0_i128..(1 << 62), 0_i128..(1 << 80)]
}

prop_compose! {
    fn any_pod()(cpu in quantity(), memory in quantity(), gpu in quantity(), memory_request in quantity()) -> PodUse {
        PodUse { cpu, memory, gpu, memory_request }
    }
}

prop_compose! {
    fn any_capacity()(cpu in quantity(), memory in quantity(), gpu in quantity()) -> Capacity {
        Capacity { cpu_millicore_ms: cpu, memory_byte_ms: memory, gpu_milligpu_ms: gpu }
    }
}

fn any_cost() -> impl Strategy<Value = i128> {
    prop_oneof![Just(0), Just(1), Just(-1), -20_i128..20, any::<i64>().prop_map(i128::from)]
}

fn any_rule() -> impl Strategy<Value = IdleRule> {
    prop_oneof![Just(IdleRule::Separate), Just(IdleRule::Proportional), Just(IdleRule::Absorbed)]
}

fn any_policy() -> impl Strategy<Value = ComputePolicy> {
    prop_oneof![Just(ComputePolicy::AwsScad), Just(ComputePolicy::RequestsOnlyMemory)]
}

proptest! {
    #[test]
    fn l1_parts_and_idle_sum_to_the_cost_with_its_sign(
        policy in any_policy(), rule in any_rule(), cost in any_cost(),
        capacity in any_capacity(), pods in prop::collection::vec(any_pod(), 0..12),
    ) {
        let Some(done) = split(policy, rule, cost, &capacity, &pods).unwrap() else { return Ok(()) };
        prop_assert_eq!(done.parts.iter().sum::<i128>() + done.idle, cost);
        for part in done.parts.iter().chain([&done.idle]) {
            prop_assert!(*part == 0 || part.signum() == cost.signum());
        }
    }

    #[test]
    fn l8_each_part_stays_near_the_share_its_weight_names(
        policy in any_policy(), rule in any_rule(), cost in any_cost(),
        capacity in any_capacity(), pods in prop::collection::vec(any_pod(), 0..12),
    ) {
        let Some(done) = split(policy, rule, cost, &capacity, &pods).unwrap() else { return Ok(()) };
        let read = |text: &str| text.parse::<num_bigint::BigInt>().unwrap();
        let total = read(&done.weight_total);
        let sum: num_bigint::BigInt = done.weights.iter().map(|w| read(w)).sum();
        prop_assert_eq!(sum + read(&done.idle_weight), total.clone());
        // At most three splits and three spreads of idle: one unit each, and the stranded idle once per pod.
        let slack = num_bigint::BigInt::from(8 + 4 * pods.len()) * &total;
        for (part, weight) in done.parts.iter().zip(&done.weights) {
            let apart = num_bigint::BigInt::from(*part) * &total - num_bigint::BigInt::from(cost) * read(weight);
            prop_assert!(apart.magnitude() <= slack.magnitude(), "{} of {}: {}", weight, total, part);
        }
    }

    #[test]
    fn proportional_leaves_idle_only_where_nobody_used_anything(
        cost in any_cost(), capacity in any_capacity(), pods in prop::collection::vec(any_pod(), 1..6),
    ) {
        let done = split(ComputePolicy::AwsScad, IdleRule::Proportional, cost, &capacity, &pods).unwrap();
        let Some(done) = done else { return Ok(()) };
        let used = |have: i128, pick: fn(&PodUse) -> i128| have > 0 && pods.iter().any(|p| pick(p) > 0);
        let any_use = used(capacity.cpu_millicore_ms, |p| p.cpu)
            || used(capacity.memory_byte_ms, |p| p.memory)
            || used(capacity.gpu_milligpu_ms, |p| p.gpu);
        prop_assert!(!any_use || done.idle == 0);
    }

    #[test]
    fn a_reused_splitter_gives_the_same_amounts(
        costs in prop::collection::vec(any_cost(), 1..5),
        capacity in any_capacity(), pods in prop::collection::vec(any_pod(), 0..6),
    ) {
        let mut splitter = Splitter::default();
        for cost in costs {
            for rule in [IdleRule::Proportional, IdleRule::Separate] {
                let fresh = split(ComputePolicy::AwsScad, rule, cost, &capacity, &pods).unwrap();
                let reused = splitter.split(ComputePolicy::AwsScad, rule, cost, &capacity, &pods).unwrap();
                prop_assert_eq!(fresh.map(|s| (s.parts, s.idle)), reused.map(|a| (a.parts.to_vec(), a.idle)));
            }
        }
    }
}
