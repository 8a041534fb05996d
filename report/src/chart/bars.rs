//! Hubs, users and causes as horizontal bars, sorted, the rest summed.

use hubtally_schemas::{Currency, Minor};

use super::scale::Scale;
use super::{Caption, Series, Sheet, both, line, rect, shortened, text};
use crate::figures;

/// Horizontal bars.
#[derive(Debug, Clone)]
pub struct Bars {
    /// Words.
    pub caption: Caption,
    /// Currency of the values.
    pub currency: Currency,
    /// Parts of a bar, from the axis outwards.
    pub series: Vec<Series>,
    /// Bars in the order of print.
    pub rows: Vec<Bar>,
}

/// A bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// Minor units, one a series.
    pub parts: Vec<i128>,
    /// The sum of all that have no bar of their own: written, not drawn, since it would dwarf the others.
    pub is_rest: bool,
}

impl Bar {
    /// A bar.
    pub fn new(label: String, parts: &[i128]) -> Self {
        Self { label, parts: parts.to_vec(), is_rest: false }
    }

    /// What has no bar of its own.
    pub fn rest(label: String, parts: &[i128]) -> Self {
        Self { label, parts: parts.to_vec(), is_rest: true }
    }

    /// All parts.
    pub fn total(&self) -> i128 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
    }
}

impl Bars {
    /// Both drawings.
    pub fn draw(&self) -> String {
        both(|sheet| self.on(sheet))
    }

    fn on(&self, sheet: Sheet) -> String {
        let (narrow, top) = (sheet.is_narrow(), self.names_height(sheet));
        let left = if narrow { 2 } else { 216 };
        let pitch = if narrow { 38 } else { 26 };
        let values = 84;
        let sums = |sign: i128| {
            let parts = move |bar: &Bar| -> i128 {
                bar.parts
                    .iter()
                    .filter(|part| *part * sign > 0)
                    .fold(0, |sum, part| sum.saturating_add(*part))
            };
            self.rows.iter().filter(|bar| !bar.is_rest).map(parts)
        };
        let scale =
            Scale::new(sums(-1).min().unwrap_or(0), sums(1).max().unwrap_or(0), sheet.width - left - values);
        let x = |amount: i128| left + scale.at(amount);

        let mut out = String::new();
        self.names(&mut out, sheet);
        let mut y = top;
        for bar in &self.rows {
            let from_top = if narrow { y + 16 } else { y + 3 };
            if narrow {
                text(&mut out, "s", left, y + 11, &shortened(&bar.label, 44));
            } else {
                text(&mut out, "e", left - 8, y + 16, &shortened(&bar.label, 27));
            }
            let (mut above, mut below) = (0_i128, 0_i128);
            for (series, part) in self.series.iter().zip(&bar.parts).filter(|_| !bar.is_rest) {
                let side = if *part < 0 { &mut below } else { &mut above };
                let from = *side;
                *side = side.saturating_add(*part);
                let (start, end) = (x(from.min(*side)), x(from.max(*side)));
                rect(&mut out, &format!("mark f-{}", series.code), start, from_top, end - start, 16);
            }
            if narrow {
                // Labels stand above the bars, where one long axis would cross them.
                line(&mut out, "axis", x(0), from_top - 2, x(0), from_top + 18);
            }
            let value = figures::amount(Minor { units: bar.total(), currency: self.currency });
            let words = if bar.is_rest { format!("{value} together") } else { value };
            text(&mut out, "s", x(above) + 6, from_top + 13, &words);
            y += pitch;
        }
        if !narrow {
            line(&mut out, "axis", x(0), top, x(0), y);
        }
        sheet.svg(&self.caption, y + 4, &out)
    }

    /// The unit, and the series' names where there is more than one, above the first bar.
    fn names(&self, out: &mut String, sheet: Sheet) {
        text(out, "s", 0, 12, self.currency.code());
        let used = self.used();
        if used.len() < 2 {
            return;
        }
        let (mut x, mut y) = if sheet.is_narrow() { (46, 3) } else { (216, 3) };
        for (n, series) in used.into_iter().enumerate() {
            if n > 0 && n % 2 == 0 && sheet.is_narrow() {
                (x, y) = (46, y + 18);
            }
            rect(out, &format!("mark f-{}", series.code), x, y, 10, 10);
            text(out, "s", x + 15, y + 9, &series.name);
            x += if sheet.is_narrow() {
                120
            } else {
                40 + 8 * i64::try_from(series.name.chars().count()).unwrap_or(10)
            };
        }
    }

    fn names_height(&self, sheet: Sheet) -> i64 {
        let rows = if sheet.is_narrow() { self.used().len().div_ceil(2).max(1) } else { 1 };
        10 + 18 * i64::try_from(rows).unwrap_or(1)
    }

    fn used(&self) -> Vec<&Series> {
        let is_used =
            |at: usize| self.rows.iter().any(|bar| bar.parts.get(at).is_some_and(|part| *part != 0));
        self.series.iter().enumerate().filter(|(at, _)| is_used(*at)).map(|(_, series)| series).collect()
    }
}
