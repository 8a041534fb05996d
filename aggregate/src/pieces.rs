//! A charge in time: its days, and the hours of a day.

use hubtally_rules::apportion::largest_remainder;
use hubtally_schemas::units::{DAY_US, HOUR_US};
use hubtally_schemas::{Instant, Period, Span};

use crate::error::AggregateError;

/// A charge that spans more days than this is laid on its period instead: a year's purchase says
/// nothing of the day it was used.
const MAX_DAYS: i64 = 45;

/// A part of a charge that lies within one UTC day.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    pub window: Span,
    pub amount: i128,
}

/// Cuts a charge at midnight UTC, by largest remainder on time.
pub fn days(charge: &str, span: Span, amount: i128, period: Period) -> Result<Vec<Piece>, AggregateError> {
    let span = clip(span, period);
    let mut windows = Vec::new();
    let mut at = span.start;
    while at < span.end {
        let midnight = Instant((at.0.div_euclid(DAY_US) + 1) * DAY_US);
        let end = midnight.min(span.end);
        windows.push(Span { start: at, end });
        at = end;
    }
    if let [window] = windows.as_slice() {
        return Ok(vec![Piece { window: *window, amount }]);
    }
    let weights: Vec<i128> = windows.iter().map(|window| i128::from(window.length_us())).collect();
    let amounts = split(charge, amount, &weights)?;
    Ok(windows.into_iter().zip(amounts).map(|(window, amount)| Piece { window, amount }).collect())
}

/// The days that [`days`] would cut a span into, without amounts.
pub fn clip(span: Span, period: Period) -> Span {
    if span.length_us() <= MAX_DAYS * DAY_US {
        return span;
    }
    span.intersect(&period.span()).unwrap_or(period.span())
}

/// How much of each hour of the day a window covers, µs, by hour.
pub fn hour_overlaps(window: Span) -> impl Iterator<Item = (u8, i64)> {
    let midnight = window.start.0.div_euclid(DAY_US) * DAY_US;
    let first = (window.start.0 - midnight) / HOUR_US;
    let first = u8::try_from(first).unwrap_or(0);
    (first..24_u8).map_while(move |hour| {
        let start = Instant(midnight + i64::from(hour) * HOUR_US);
        let overlap = Span { start, end: Instant(start.0 + HOUR_US) }.intersect(&window)?;
        Some((hour, overlap.length_us()))
    })
}

/// Largest remainder, with the charge in its errors.
pub fn split(charge: &str, amount: i128, weights: &[i128]) -> Result<Vec<i128>, AggregateError> {
    largest_remainder(amount, weights)
        .map_err(|error| AggregateError::Split { charge: charge.to_owned(), why: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        Instant::parse(text).unwrap()
    }

    #[test]
    fn a_month_line_is_cut_into_days_that_sum_to_it() {
        let period: Period = "2026-06".parse().unwrap();
        let pieces = days("c", period.span(), 100, period).unwrap();
        assert_eq!(pieces.len(), 30);
        assert_eq!(pieces.iter().map(|piece| piece.amount).sum::<i128>(), 100);
    }

    #[test]
    fn a_year_is_laid_on_the_period() {
        let period: Period = "2026-06".parse().unwrap();
        let year = Span { start: at("2026-01-01T00:00:00Z"), end: at("2027-01-01T00:00:00Z") };
        assert_eq!(days("c", year, 365, period).unwrap().len(), 30);
        let before = Span { start: at("2024-01-01T00:00:00Z"), end: at("2025-01-01T00:00:00Z") };
        assert_eq!(days("c", before, 365, period).unwrap().len(), 30);
    }

    #[test]
    fn overlaps_of_a_window_sum_to_it() {
        let window = Span { start: at("2026-06-01T09:30:00Z"), end: at("2026-06-01T12:10:00Z") };
        let sum: i64 = hour_overlaps(window).map(|(_, us)| us).sum();
        assert_eq!(sum, window.length_us());
        assert_eq!(hour_overlaps(window).count(), 4);
    }
}
