//! Days as stacked columns.

use hubtally_schemas::Currency;

use super::scale::Scale;
use super::{Caption, Series, Sheet, both, line, rect, shortened, text};

/// Stacked columns, one a day.
#[derive(Debug, Clone)]
pub struct Columns {
    /// Words.
    pub caption: Caption,
    /// Currency: the unit of the axis, named once.
    pub currency: Currency,
    /// What the days are of: `June 2026, UTC`.
    pub axis: String,
    /// From the axis outwards.
    pub series: Vec<Series>,
    /// Days in order.
    pub days: Vec<Column>,
}

/// A day.
#[derive(Debug, Clone)]
pub struct Column {
    /// Under the axis, for every seventh.
    pub label: String,
    /// Minor units, one a series.
    pub parts: Vec<i128>,
    /// The provider may still change it.
    pub provisional: bool,
    /// Hours without telemetry.
    pub unobserved_hours: i64,
}

impl Columns {
    /// Both drawings.
    pub fn draw(&self) -> String {
        both(|sheet| self.on(sheet))
    }

    fn on(&self, sheet: Sheet) -> String {
        let (top, bottom, plot) = (26, 46, if sheet.is_narrow() { 170 } else { 220 });
        let left = if sheet.is_narrow() { 38 } else { 56 };
        let names = if sheet.is_narrow() { 112 } else { 150 };
        let days = i64::try_from(self.days.len()).unwrap_or(31).max(1);
        let pitch = ((sheet.width - left - names) / days).max(2);
        let gap = if pitch >= 8 { 3 } else { 1 };
        let (width, right) = (pitch - gap, left + pitch * days);
        let sums = |sign: i128| {
            let parts = move |column: &Column| -> i128 {
                column
                    .parts
                    .iter()
                    .filter(|part| *part * sign > 0)
                    .fold(0, |sum, part| sum.saturating_add(*part))
            };
            self.days.iter().map(parts)
        };
        let scale = Scale::new(sums(-1).min().unwrap_or(0), sums(1).max().unwrap_or(0), plot);
        let y = |amount: i128| top + plot - scale.at(amount);

        let mut out = String::new();
        text(&mut out, "s", 0, 12, &format!("{} a day", self.currency));
        for mark in scale.marks() {
            line(&mut out, if mark == 0 { "axis" } else { "grid" }, left, y(mark), right, y(mark));
            text(&mut out, "e", left - 6, y(mark) + 4, &scale.label(mark, self.currency));
        }
        let mut last_middles = vec![None; self.series.len()];
        let mut named_provisional = false;
        for (column, n) in self.days.iter().zip(0_i64..) {
            let x = left + n * pitch + gap / 2;
            let (mut above, mut below) = (0_i128, 0_i128);
            for (at, (series, part)) in self.series.iter().zip(&column.parts).enumerate() {
                let side = if *part < 0 { &mut below } else { &mut above };
                let from = *side;
                *side = side.saturating_add(*part);
                let (high, low) = (y(from.max(*side)), y(from.min(*side)));
                rect(&mut out, &format!("mark f-{}", series.code), x, high, width, low - high);
                if low > high {
                    last_middles[at] = (n + 1 == days).then_some(i64::midpoint(high, low));
                }
            }
            if column.provisional {
                rect(&mut out, "outlined", x - 1, y(above) - 1, width + 2, y(below) - y(above) + 2);
                if !named_provisional {
                    named_provisional = true;
                    let anchor = if n * 2 > days { "e" } else { "s" };
                    text(&mut out, anchor, x, y(above) - 6, "provisional");
                }
            }
            if column.unobserved_hours > 0 {
                rect(&mut out, "mark f-unobserved", x, top + plot + 3, width, 7);
            }
            if n % 7 == 0 {
                text(&mut out, "m", x + width / 2, top + plot + 24, &column.label);
            }
        }
        text(&mut out, "s", left, top + plot + bottom - 6, &self.axis);
        if self.days.iter().any(|column| column.unobserved_hours > 0) {
            rect(&mut out, "mark f-unobserved", right + 12, top + plot + 3, 10, 10);
            text(&mut out, "s", right + 27, top + plot + 12, "no telemetry");
        }
        self.names(&mut out, sheet, &last_middles, (right, top, plot));
        sheet.svg(&self.caption, top + plot + bottom, &out)
    }

    /// The name of each series beside its part of the last column, apart enough to be read.
    fn names(
        &self,
        out: &mut String,
        sheet: Sheet,
        middles: &[Option<i64>],
        (right, top, plot): (i64, i64, i64),
    ) {
        let used = self.series.iter().enumerate().rev().filter(|(at, _)| {
            self.days.iter().any(|column| column.parts.get(*at).is_some_and(|part| *part != 0))
        });
        let used: Vec<_> = used.collect();
        let count = i64::try_from(used.len()).unwrap_or(1);
        let apart = if sheet.is_narrow() { 16 } else { 20 };
        let mut y = (top + (plot - count * apart) / 2).max(top);
        for (at, series) in used {
            let middle = y + 5;
            if let Some(mark) = middles.get(at).copied().flatten() {
                line(out, "leader", right, mark, right + 10, middle);
            }
            rect(out, &format!("mark f-{}", series.code), right + 12, y, 10, 10);
            let most = if sheet.is_narrow() { 16 } else { 20 };
            text(out, "s", right + 27, y + 9, &shortened(&series.name, most));
            y += apart;
        }
    }
}
