//! L1 and L8 at the statement line.

use hubtally_schemas::money::PICO;
use proptest::prelude::*;

use super::*;

const CENT: i128 = PICO / 100;

fn leaves(pico: &[i128]) -> Vec<i128> {
    round_bill(pico, Currency::USD, None).unwrap().leaves
}

#[test]
fn three_thirds_of_ten_dollars_sum_to_ten_dollars() {
    let third = 10 * PICO / 3;
    assert_eq!(leaves(&[third + 1, third, third]), [334, 333, 333]);
}

#[test]
fn a_credit_among_charges_stays_within_a_cent() {
    // 5.005 − 2.003 + 1.001 = 4.003 → 4.00
    let done = leaves(&[5 * PICO + PICO / 200, -(2 * PICO + 3 * PICO / 1000), PICO + PICO / 1000]);
    assert_eq!(done, [500, -200, 100]);
}

#[test]
fn whole_leaves_do_not_move_and_zero_stays_zero() {
    assert_eq!(leaves(&[CENT, 0, -CENT, 7 * CENT]), [1, 0, -1, 7]);
    assert_eq!(leaves(&[]), Vec::<i128>::new());
}

#[test]
fn the_bill_is_rounded_half_to_even_or_to_the_invoice() {
    assert_eq!(leaves(&[CENT / 2]), [0]);
    assert_eq!(leaves(&[CENT + CENT / 2]), [2]);
    let invoice = round_bill(&[CENT / 2], Currency::USD, Some(1)).unwrap();
    assert_eq!((invoice.total.units, invoice.leaves), (1, vec![1]));
    let apart = round_bill(&[CENT / 2], Currency::USD, Some(2));
    assert!(matches!(apart, Err(RoundingError::InvoiceApart { invoice: 2, .. })));
    assert!(round_bill(&[CENT / 2], Currency::USD, Some(-1)).is_err());
}

#[test]
fn currencies_round_to_their_own_units() {
    let yen = Currency::new("JPY").unwrap();
    assert_eq!(round_bill(&[PICO / 2, PICO / 2], yen, None).unwrap().leaves, [1, 0]);
    let dinar = Currency::new("KWD").unwrap();
    assert_eq!(half_even(Pico { units: PICO / 2_000, currency: dinar }).units, 0);
    assert_eq!(half_even(Pico { units: 3 * PICO / 2_000, currency: dinar }).units, 2);
    assert_eq!(half_even(Pico { units: -3 * PICO / 2_000, currency: dinar }).units, -2);
}

#[test]
fn a_sum_that_overflows_is_an_error() {
    assert!(matches!(
        round_bill(&[i128::MAX, 1], Currency::USD, None),
        Err(RoundingError::Overflow { leaves: 2 })
    ));
    assert!(round_bill(&[i128::MIN], Currency::USD, None).is_err());
}

#[test]
fn percents_are_never_zero_for_unknown() {
    assert_eq!(percent_text(0, 0), None);
    assert_eq!(percent_text(1, 3).as_deref(), Some("33.3"));
    assert_eq!(percent_text(1, 1).as_deref(), Some("100.0"));
    assert_eq!(percent_text(5, 10_000).as_deref(), Some("0.0"));
    assert_eq!(percent_text(15, 10_000).as_deref(), Some("0.2"));
}

fn any_leaf() -> impl Strategy<Value = i128> {
    prop_oneof![
        Just(0),
        -3_i128..=3,
        (-50_i128..50).prop_map(|cents| cents * CENT),
        (-50_i128..50).prop_map(|halves| halves * CENT / 2),
        -1_000 * PICO..1_000 * PICO,
    ]
}

proptest! {
    #[test]
    fn l1_rounded_leaves_sum_to_the_rounded_bill(pico in prop::collection::vec(any_leaf(), 0..60)) {
        let done = round_bill(&pico, Currency::USD, None).unwrap();
        let exact = Pico { units: pico.iter().sum(), currency: Currency::USD };
        prop_assert_eq!(done.total, half_even(exact));
        prop_assert_eq!(done.leaves.iter().sum::<i128>(), done.total.units);
        for (leaf, exact) in done.leaves.iter().zip(&pico) {
            prop_assert!((leaf * CENT - exact).abs() < CENT, "{} for {}", leaf, exact);
        }
    }

    #[test]
    fn l8_either_of_the_two_cents_beside_the_sum_can_be_the_invoice(
        pico in prop::collection::vec(any_leaf(), 1..30),
    ) {
        let exact: i128 = pico.iter().sum();
        let below = exact.div_euclid(CENT);
        let above = below + i128::from(exact.rem_euclid(CENT) > 0);
        for cents in [below, above] {
            let done = round_bill(&pico, Currency::USD, Some(cents)).unwrap();
            prop_assert_eq!(done.leaves.iter().sum::<i128>(), cents);
        }
    }

    #[test]
    fn a_bill_below_zero_mirrors_the_bill(pico in prop::collection::vec(any_leaf(), 0..30)) {
        prop_assume!(pico.iter().sum::<i128>() != 0);
        let turned: Vec<i128> = pico.iter().map(|leaf| -leaf).collect();
        let mirrored: Vec<i128> = leaves(&turned).into_iter().map(|leaf| -leaf).collect();
        prop_assert_eq!(leaves(&pico), mirrored);
    }
}
