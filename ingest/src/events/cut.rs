//! Intervals are cut at UTC hours, and what was used is shared out so that nothing is lost (law L3).

use hubtally_rules::metering::cut_at_hours;
use hubtally_schemas::Span;
use hubtally_schemas::reject::RejectReason;

use super::refusal::Refused;

/// One hour's piece of an interval, with its share of each quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece<const N: usize> {
    /// The piece: it never passes the UTC hour of its start.
    pub span: Span,
    /// Shares, in the order of the quantities.
    pub shares: [Option<i64>; N],
}

/// Cuts an interval at UTC hours. Each quantity is shared by time, largest remainder, so that its
/// pieces sum to it exactly.
pub fn at_hours<const N: usize>(
    span: Span,
    quantities: &[Option<i128>; N],
) -> Result<Vec<Piece<N>>, Refused> {
    let mut pieces: Vec<Piece<N>> = span.hours().map(|span| Piece { span, shares: [None; N] }).collect();
    if let [only] = pieces.as_mut_slice() {
        for (share, quantity) in only.shares.iter_mut().zip(quantities) {
            *share = quantity.map(fits).transpose()?;
        }
        return Ok(pieces);
    }
    for (index, quantity) in quantities.iter().enumerate() {
        let Some(quantity) = *quantity else { continue };
        let parts = cut_at_hours(span, quantity)
            .map_err(|error| Refused::new(RejectReason::Absurd, error.to_string()))?;
        for (piece, (_, part)) in pieces.iter_mut().zip(parts) {
            piece.shares[index] = Some(fits(part)?);
        }
    }
    Ok(pieces)
}

/// The limits of `schemas::units` keep every quantity of one hour within 64 bits.
fn fits(quantity: i128) -> Result<i64, Refused> {
    i64::try_from(quantity).map_err(|_| {
        Refused::new(
            RejectReason::Absurd,
            format!("{quantity} in one hour passes 64 bits: look at the units"),
        )
    })
}

#[cfg(test)]
mod tests {
    use hubtally_schemas::Instant;
    use hubtally_schemas::units::{DAY_US, HOUR_US};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// L3: the hours of an interval sum to it, in time and in every quantity.
        #[test]
        fn hours_sum_to_the_interval(
            start in 1_700_000_000_000_000_i64..1_800_000_000_000_000,
            length in 1_i64..=DAY_US,
            cpu in 0_i128..1_000_000_000_000_000_000,
            memory in proptest::option::of(0_i128..1_000_000_000_000_000_000),
        ) {
            let span = Span::new(Instant(start), Instant(start + length)).unwrap();
            let pieces = at_hours(span, &[Some(cpu), memory]).unwrap();
            prop_assert_eq!(pieces.iter().map(|p| p.span.length_us()).sum::<i64>(), length);
            prop_assert_eq!(pieces.iter().map(|p| i128::from(p.shares[0].unwrap())).sum::<i128>(), cpu);
            let kept: Option<i128> = pieces.iter().map(|p| p.shares[1].map(i128::from)).sum();
            prop_assert_eq!(kept, memory);
            for piece in &pieces {
                prop_assert!(piece.span.end.0 <= piece.span.start.hour().0 + HOUR_US);
            }
        }
    }
}
