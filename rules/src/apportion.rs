//! Largest remainder: an integer amount over integer weights, to the last unit (laws L1, L8).
//!
//! With |A| the amount's magnitude and W the sum of the weights, part i is first
//! qᵢ = ⌊|A|·wᵢ / W⌋, in exact products; the |A| − Σq units that are left go one each to the largest
//! remainders |A|·wᵢ mod W. Equal remainders: the lower index first, so callers sort by the bytes of a
//! stable key. A negative amount is the mirror image of the positive one. A weight of zero gets
//! nothing, and no part ever "takes the rest".

use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::{ToPrimitive, Zero};

/// Why an amount cannot be split.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApportionError {
    /// All weights are zero, or there are none: the amount goes to `unattributed: no_weight`.
    #[error("no weight is above zero: there is nothing to split by")]
    NoWeight,
    /// A weight is below zero.
    #[error(
        "weight {weight} at position {index} is negative: a weight is a quantity or a count, never below 0"
    )]
    NegativeWeight {
        /// Its position.
        index: usize,
        /// Its value.
        weight: i128,
    },
    /// A part left the range of its type.
    #[error("a part of {amount} does not fit 128 bits")]
    Overflow {
        /// The amount that was split.
        amount: i128,
    },
}

/// Memory that splits reuse, for callers that split many amounts.
#[derive(Debug, Default)]
pub struct Scratch {
    remainders: Vec<(u128, usize)>,
}

/// Splits `amount` over `weights`; the parts sum to it exactly.
pub fn largest_remainder(amount: i128, weights: &[i128]) -> Result<Vec<i128>, ApportionError> {
    let mut parts = Vec::with_capacity(weights.len());
    apportion_into(amount, weights, &mut parts, &mut Scratch::default())?;
    Ok(parts)
}

/// As [`largest_remainder`], into memory that is reused. On an error `parts` is empty.
pub fn apportion_into(
    amount: i128,
    weights: &[i128],
    parts: &mut Vec<i128>,
    scratch: &mut Scratch,
) -> Result<(), ApportionError> {
    parts.clear();
    let mut total: Option<u128> = Some(0);
    let mut largest = 0_u128;
    for (index, &weight) in weights.iter().enumerate() {
        let size = u128::try_from(weight).map_err(|_| ApportionError::NegativeWeight { index, weight })?;
        largest = largest.max(size);
        total = total.and_then(|sum| sum.checked_add(size));
    }
    if largest == 0 {
        return Err(ApportionError::NoWeight);
    }
    let magnitude = amount.unsigned_abs();
    let product_fits = magnitude.leading_zeros() + largest.leading_zeros() >= u128::BITS;
    match total {
        Some(total) if product_fits => {
            narrow(amount, weights, total, parts, scratch);
            Ok(())
        }
        _ => {
            let wide: Vec<BigUint> =
                weights.iter().map(|weight| BigUint::from(weight.unsigned_abs())).collect();
            *parts = largest_remainder_wide(amount, &wide)?;
            Ok(())
        }
    }
}

/// Splits over weights of any width: products of several quantities pass 128 bits.
pub fn largest_remainder_wide(amount: i128, weights: &[BigUint]) -> Result<Vec<i128>, ApportionError> {
    let steps = steps(amount, weights)?;
    Ok(steps.into_iter().map(|step| step.part).collect())
}

/// One part of a split, as `explain` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// ⌊|amount| · weight / total⌋.
    pub quotient: u128,
    /// |amount| · weight mod total.
    pub remainder: BigUint,
    /// Place among the remainders, from 1; `None` where the division left none.
    pub rank: Option<usize>,
    /// The part: the quotient, one more if the rank earned a spare unit, with the amount's sign.
    pub part: i128,
}

/// The split with its working: quotients, remainders, ranks.
pub fn steps(amount: i128, weights: &[BigUint]) -> Result<Vec<Step>, ApportionError> {
    let total: BigUint = weights.iter().sum();
    if total.is_zero() {
        return Err(ApportionError::NoWeight);
    }
    let magnitude = BigUint::from(amount.unsigned_abs());
    let mut spare = amount.unsigned_abs();
    let mut out = Vec::with_capacity(weights.len());
    for weight in weights {
        let (quotient, remainder) = (&magnitude * weight).div_rem(&total);
        let quotient = quotient.to_u128().ok_or(ApportionError::Overflow { amount })?;
        spare = spare.checked_sub(quotient).ok_or(ApportionError::Overflow { amount })?;
        out.push(Step { quotient, remainder, rank: None, part: signed(quotient, amount) });
    }
    let mut order: Vec<usize> = (0..out.len()).filter(|&index| !out[index].remainder.is_zero()).collect();
    order.sort_by(|&a, &b| out[b].remainder.cmp(&out[a].remainder).then(a.cmp(&b)));
    for (place, index) in order.into_iter().enumerate() {
        let step = &mut out[index];
        step.rank = Some(place + 1);
        if spare > 0 {
            spare -= 1;
            step.part += amount.signum();
        }
    }
    Ok(out)
}

/// Products fit 128 bits: no allocation beyond the scratch.
fn narrow(amount: i128, weights: &[i128], total: u128, parts: &mut Vec<i128>, scratch: &mut Scratch) {
    let magnitude = amount.unsigned_abs();
    let remainders = &mut scratch.remainders;
    remainders.clear();
    let mut spare = magnitude;
    for (index, &weight) in weights.iter().enumerate() {
        let product = magnitude * weight.unsigned_abs();
        let quotient = product / total;
        let remainder = product - quotient * total;
        if remainder > 0 {
            remainders.push((remainder, index));
        }
        spare -= quotient;
        parts.push(signed(quotient, amount));
    }
    // Σ remainders = spare · W and each is below W, so there are always more remainders than spare units.
    let spare = usize::try_from(spare).unwrap_or(usize::MAX).min(remainders.len());
    if spare == 0 {
        return;
    }
    remainders.select_nth_unstable_by(spare - 1, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    for &(_, index) in &remainders[..spare] {
        parts[index] += amount.signum();
    }
}

/// A magnitude of at most 2¹²⁷ with the sign of the amount; 2¹²⁷ itself only when that is negative.
fn signed(magnitude: u128, amount: i128) -> i128 {
    let value = magnitude.cast_signed();
    if amount < 0 { value.wrapping_neg() } else { value }
}

#[cfg(test)]
mod tests;
