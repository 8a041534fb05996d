//! From exact amounts to minor units, once (law L8).
//!
//! A bill of one (account, period, currency) is rounded once, half to even, or to the invoice's own
//! cents. Then one distribution over all its leaf lines, those on no statement included. Leaves are
//! signed (a credit stands among charges), so plain largest remainder over weights does not apply:
//!
//! 1. each leaf is rounded down (towards −∞) to minor units;
//! 2. the units that the rounded bill still lacks go one each to the leaves with the largest fraction
//!    left; equal fractions: the lower index first, so callers sort by the bytes of the leaf's key.
//!
//! Each leaf stays within one minor unit of its exact amount, whole leaves are unchanged, and the leaves
//! sum to the rounded bill. A bill below zero is the mirror image of the positive one. Every other total
//! is a sum of leaves and is never rounded again.

use hubtally_schemas::money::decimal_text;
use hubtally_schemas::{Currency, Minor, Pico};

/// Why a bill cannot be rounded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoundingError {
    /// A sum left 128 bits.
    #[error("the sum of {leaves} leaf lines overflows 128 bits")]
    Overflow {
        /// How many leaves.
        leaves: usize,
    },
    /// The invoice is not what its lines say.
    #[error(
        "the invoice says {invoice} minor units and its lines sum to {exact_pico} × 10⁻¹²: \
         add the difference as a bill_rounding line, or look for a missing line"
    )]
    InvoiceApart {
        /// The invoice's own total, minor units.
        invoice: i128,
        /// Exact sum of the lines.
        exact_pico: i128,
    },
}

/// A bill in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundedBill {
    /// The bill.
    pub total: Minor,
    /// One amount a leaf, minor units, in the order given; they sum to `total`.
    pub leaves: Vec<i128>,
}

/// Rounds a bill's leaves (10⁻¹² units, sorted by key) so that they sum to the rounded bill.
///
/// With `invoice` the bill is what the invoice says, which may differ from the exact sum by what
/// rounding its lines explains and no more.
pub fn round_bill(
    leaves_pico: &[i128],
    currency: Currency,
    invoice: Option<i128>,
) -> Result<RoundedBill, RoundingError> {
    let overflow = RoundingError::Overflow { leaves: leaves_pico.len() };
    let exact = leaves_pico.iter().try_fold(0_i128, |sum, leaf| sum.checked_add(*leaf));
    let exact = exact.ok_or_else(|| overflow.clone())?;
    let unit = currency.pico_per_minor();
    let total = invoice.unwrap_or_else(|| half_even_div(exact, unit));
    let sign = if exact < 0 { -1 } else { 1 };

    let mut leaves = Vec::with_capacity(leaves_pico.len());
    let mut fractions = Vec::new();
    let mut spare = sign * total;
    for (index, leaf) in leaves_pico.iter().enumerate() {
        let leaf = leaf.checked_mul(sign).ok_or_else(|| overflow.clone())?;
        let (whole, fraction) = (leaf.div_euclid(unit), leaf.rem_euclid(unit));
        spare = spare.checked_sub(whole).ok_or_else(|| overflow.clone())?;
        if fraction > 0 {
            fractions.push((fraction, index));
        }
        leaves.push(whole);
    }
    let spare = usize::try_from(spare)
        .ok()
        .filter(|spare| *spare <= fractions.len())
        .ok_or(RoundingError::InvoiceApart { invoice: total, exact_pico: exact })?;
    fractions.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for &(_, index) in &fractions[..spare] {
        leaves[index] += 1;
    }
    for leaf in &mut leaves {
        *leaf *= sign;
    }
    Ok(RoundedBill { total: Minor { units: total, currency }, leaves })
}

/// An amount that is no part of a split (a fee, a tax), half to even.
pub fn half_even(amount: Pico) -> Minor {
    Minor { units: half_even_div(amount.units, amount.currency.pico_per_minor()), currency: amount.currency }
}

/// `numerator / denominator` to the nearest integer, halves to the even one. `denominator` is above 0.
fn half_even_div(numerator: i128, denominator: i128) -> i128 {
    let (quotient, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    let up = match rest.cmp(&(denominator - rest)) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
    };
    quotient + i128::from(up)
}

/// A share in percent with one decimal, half to even: `99.7`. `None` where the whole is 0 or below, or
/// the numbers are too large to tell; it is never `0` for an unknown.
pub fn percent_text(part: i128, whole: i128) -> Option<String> {
    if whole <= 0 {
        return None;
    }
    Some(decimal_text(half_even_div(part.checked_mul(1_000)?, whole), 1))
}

#[cfg(test)]
mod tests;
