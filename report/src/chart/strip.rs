//! Completeness as a strip of days: what was observed is filled, what was not is hatched.

use super::{Caption, Sheet, both, rect, shortened, text};

/// A strip a cluster.
#[derive(Debug, Clone)]
pub struct Strip {
    /// Words.
    pub caption: Caption,
    /// Clusters.
    pub rows: Vec<StripRow>,
}

/// A cluster.
#[derive(Debug, Clone)]
pub struct StripRow {
    /// Cluster.
    pub label: String,
    /// Percent observed, with its sign.
    pub value: String,
    /// Days in order.
    pub days: Vec<StripDay>,
}

/// A day.
#[derive(Debug, Clone)]
pub struct StripDay {
    /// Under the strip, for every seventh.
    pub label: String,
    /// Samples expected.
    pub expected: i64,
    /// Samples seen.
    pub seen: i64,
}

const CELL: i64 = 24;

impl Strip {
    /// Both drawings.
    pub fn draw(&self) -> String {
        both(|sheet| self.on(sheet))
    }

    fn on(&self, sheet: Sheet) -> String {
        let narrow = sheet.is_narrow();
        let (left, values) = if narrow { (0, 58) } else { (140, 70) };
        let days = self.rows.iter().map(|row| row.days.len()).max().unwrap_or(1).max(1);
        let pitch = ((sheet.width - left - values) / i64::try_from(days).unwrap_or(31)).max(2);
        let mut out = String::new();
        rect(&mut out, "mark f-observed", left, 3, 10, 10);
        text(&mut out, "s", left + 15, 12, "observed");
        rect(&mut out, "mark f-unobserved", left + 100, 3, 10, 10);
        text(&mut out, "s", left + 115, 12, "not observed");
        let mut y = 26;
        for row in &self.rows {
            if narrow {
                text(&mut out, "s", 0, y + 11, &shortened(&row.label, 40));
                y += 16;
            } else {
                text(&mut out, "e", left - 8, y + 16, &shortened(&row.label, 20));
            }
            let mut x = left;
            for day in &row.days {
                let missing = missing(day);
                rect(&mut out, "mark f-observed", x, y + missing, pitch - 1, CELL - missing);
                rect(&mut out, "mark f-unobserved", x, y, pitch - 1, missing);
                x += pitch;
            }
            text(&mut out, "s", x + 6, y + 16, &row.value);
            y += CELL + if narrow { 8 } else { 6 };
        }
        let labels = self.rows.first().map_or(&[][..], |row| &row.days);
        for (n, day) in labels.iter().enumerate().step_by(7) {
            let x = left + pitch * i64::try_from(n).unwrap_or(0);
            text(&mut out, "m", x + pitch / 2, y + 10, &day.label);
        }
        sheet.svg(&self.caption, y + 18, &out)
    }
}

/// The hatched height of a cell: at least 3 where a sample is missing, so that no gap is invisible.
fn missing(day: &StripDay) -> i64 {
    if day.expected <= 0 {
        return CELL;
    }
    let lacking = i128::from((day.expected - day.seen).max(0));
    let height = lacking * i128::from(CELL) / i128::from(day.expected);
    let height = i64::try_from(height).unwrap_or(CELL);
    if lacking > 0 { height.max(3) } else { 0 }
}
