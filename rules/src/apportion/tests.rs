//! L1 and L8: parts sum to the amount, whatever the amount and the weights.

use proptest::prelude::*;

use super::*;

#[test]
fn the_spare_units_go_to_the_largest_remainders() {
    // 100 over 3 : 3 : 1 → 42.86, 42.86, 14.29
    assert_eq!(largest_remainder(100, &[3, 3, 1]).unwrap(), [43, 43, 14]);
    // equal remainders: the lower index first
    assert_eq!(largest_remainder(1, &[1, 1, 1]).unwrap(), [1, 0, 0]);
    assert_eq!(largest_remainder(5, &[1, 1, 1]).unwrap(), [2, 2, 1]);
}

#[test]
fn a_negative_amount_is_the_mirror_image() {
    assert_eq!(largest_remainder(-100, &[3, 3, 1]).unwrap(), [-43, -43, -14]);
}

#[test]
fn nothing_to_split_by_is_an_error_and_zero_weights_get_nothing() {
    assert_eq!(largest_remainder(5, &[]), Err(ApportionError::NoWeight));
    assert_eq!(largest_remainder(5, &[0, 0]), Err(ApportionError::NoWeight));
    assert_eq!(largest_remainder(0, &[0]), Err(ApportionError::NoWeight));
    assert_eq!(largest_remainder(5, &[0, 7, 0]).unwrap(), [0, 5, 0]);
    assert_eq!(largest_remainder(5, &[1, -1]), Err(ApportionError::NegativeWeight { index: 1, weight: -1 }));
}

#[test]
fn the_ends_of_the_range_are_split_exactly() {
    assert_eq!(largest_remainder(i128::MIN, &[i128::MAX]).unwrap(), [i128::MIN]);
    assert_eq!(largest_remainder(i128::MAX, &[i128::MAX, 0]).unwrap(), [i128::MAX, 0]);
    let many = largest_remainder(i128::MIN, &[i128::MAX; 5]).unwrap();
    assert_eq!(many.iter().try_fold(0_i128, |sum, part| sum.checked_add(*part)), Some(i128::MIN));
}

#[test]
fn a_hundred_thousand_equal_weights_share_one_unit_each() {
    let parts = largest_remainder(99_999, &vec![1_i128 << 60; 100_000]).unwrap();
    assert_eq!(parts.iter().sum::<i128>(), 99_999);
    assert!(parts[..99_999].iter().all(|part| *part == 1));
    assert_eq!(parts[99_999], 0);
}

#[test]
fn the_working_shows_quotient_remainder_and_rank() {
    let weights = [3_u32, 3, 1].map(BigUint::from);
    let steps = steps(100, &weights).unwrap();
    assert_eq!(steps[0].quotient, 42);
    assert_eq!(steps[0].remainder, BigUint::from(6_u32));
    assert_eq!((steps[0].rank, steps[1].rank, steps[2].rank), (Some(1), Some(2), Some(3)));
}

fn amounts() -> impl Strategy<Value = i128> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(-1),
        -1_000_i128..1_000,
        any::<i64>().prop_map(i128::from),
        any::<i128>()
    ]
}

fn weight() -> impl Strategy<Value = i128> {
    prop_oneof![Just(0), Just(1), 0_i128..10, 0_i128..(1 << 62), 0..=i128::MAX]
}

proptest! {
    #[test]
    fn l1_parts_sum_to_the_amount_and_keep_its_sign(
        amount in amounts(),
        weights in prop::collection::vec(weight(), 1..40),
    ) {
        match largest_remainder(amount, &weights) {
            Err(error) => {
                prop_assert_eq!(error, ApportionError::NoWeight);
                prop_assert!(weights.iter().all(|w| *w == 0));
            }
            Ok(parts) => {
                let sum = parts.iter().try_fold(0_i128, |sum, part| sum.checked_add(*part));
                prop_assert_eq!(sum, Some(amount));
                for (part, weight) in parts.iter().zip(&weights) {
                    prop_assert!(*part == 0 || part.signum() == amount.signum());
                    prop_assert!(*weight > 0 || *part == 0);
                }
            }
        }
    }

    #[test]
    fn l8_each_part_lies_within_one_unit_of_the_exact_share(
        amount in amounts(),
        weights in prop::collection::vec(weight(), 1..40),
    ) {
        let Ok(parts) = largest_remainder(amount, &weights) else { return Ok(()) };
        let total: BigUint = weights.iter().map(|w| BigUint::from(w.unsigned_abs())).sum();
        let magnitude = BigUint::from(amount.unsigned_abs());
        for (part, weight) in parts.iter().zip(&weights) {
            let exact = &magnitude * weight.unsigned_abs();
            let floor = BigUint::from(part.unsigned_abs()) * &total;
            prop_assert!(floor < &exact + &total && exact < &floor + &total);
        }
    }

    #[test]
    fn l8_the_fast_way_and_the_wide_way_agree(
        amount in amounts(),
        weights in prop::collection::vec(weight(), 1..40),
    ) {
        let wide: Vec<BigUint> = weights.iter().map(|w| BigUint::from(w.unsigned_abs())).collect();
        prop_assert_eq!(largest_remainder(amount, &weights), largest_remainder_wide(amount, &wide));
    }

    #[test]
    fn a_credit_mirrors_a_charge(
        amount in 1..=i128::MAX,
        weights in prop::collection::vec(weight(), 1..20),
    ) {
        let Ok(parts) = largest_remainder(amount, &weights) else { return Ok(()) };
        let mirrored: Vec<i128> = largest_remainder(-amount, &weights).unwrap().into_iter().map(|p| -p).collect();
        prop_assert_eq!(parts, mirrored);
    }

    #[test]
    fn l7_equal_weights_differ_by_one_unit_at_most_and_the_earlier_has_it(
        amount in 0_i128..1_000_000,
        weights in prop::collection::vec(1_i128..4, 1..40),
    ) {
        let parts = largest_remainder(amount, &weights).unwrap();
        for (later, weight) in weights.iter().enumerate() {
            for earlier in (0..later).filter(|&earlier| weights[earlier] == *weight) {
                prop_assert!((0..=1).contains(&(parts[earlier] - parts[later])));
            }
        }
    }
}
