//! Amounts to integer coordinates.

use hubtally_schemas::{Currency, Minor};

use crate::figures;

/// An axis over minor units that holds 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    least: i128,
    most: i128,
    step: i128,
    length: i64,
}

impl Scale {
    /// An axis of `length` units of the drawing with about four steps.
    pub fn new(least: i128, most: i128, length: i64) -> Self {
        let (least, most) = (least.min(0), most.max(0));
        let span = most.saturating_sub(least).max(1);
        let step = step(span);
        let up = |value: i128| value.div_euclid(step) + i128::from(value.rem_euclid(step) > 0);
        Self {
            least: least.div_euclid(step).saturating_mul(step),
            most: up(most).max(1).saturating_mul(step),
            step,
            length,
        }
    }

    /// Distance of an amount from the axis' start.
    pub fn at(&self, amount: i128) -> i64 {
        let span = self.most - self.least;
        let (from_start, length) = (amount.saturating_sub(self.least), i128::from(self.length));
        let scaled = from_start.checked_mul(length).map_or(length, |product| (product + span / 2) / span);
        i64::try_from(scaled.clamp(0, length)).unwrap_or_default()
    }

    /// The amounts at which the axis is marked.
    pub fn marks(&self) -> impl Iterator<Item = i128> + use<> {
        let (least, step, most) = (self.least, self.step, self.most);
        (0..=12).map(move |n| least + n * step).take_while(move |mark| *mark <= most)
    }

    /// A mark's label: whole units where every mark is whole.
    pub fn label(&self, amount: i128, currency: Currency) -> String {
        let unit = 10_i128.pow(currency.exponent());
        if self.step % unit == 0 {
            let whole = i64::try_from(amount / unit).unwrap_or(i64::MAX);
            return figures::count(whole);
        }
        figures::amount(Minor { units: amount, currency })
    }
}

/// 1, 2 or 5 × 10ⁿ so that the span has three to seven steps.
fn step(span: i128) -> i128 {
    let mut base = 1_i128;
    while base.saturating_mul(50) <= span {
        base = base.saturating_mul(10);
    }
    [1, 2, 5, 10].into_iter().map(|factor| base * factor).find(|step| span <= step * 5).unwrap_or(base * 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_holds_zero_and_its_amounts() {
        for (least, most) in
            [(0, 1), (0, 18_230), (-500, 18_230), (0, 0), (-70, 0), (0, i128::from(i64::MAX))]
        {
            let scale = Scale::new(least, most, 200);
            let marks: Vec<i128> = scale.marks().collect();
            assert!(marks.contains(&0), "{marks:?}");
            assert!(marks[0] <= least && *marks.last().unwrap() >= most, "{least} {most} {marks:?}");
            assert!((2..=8).contains(&marks.len()), "{marks:?}");
            assert!(scale.at(least) >= 0 && scale.at(most) <= 200);
        }
    }

    #[test]
    fn marks_are_round() {
        let scale = Scale::new(0, 18_230, 200);
        let labels: Vec<String> = scale.marks().map(|mark| scale.label(mark, Currency::USD)).collect();
        assert_eq!(labels, ["0", "50", "100", "150", "200"]);
    }
}
