//! Tables for a terminal: words to the left, figures to the right, control characters made visible.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

/// On which side a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A table as text.
pub fn text(heads: &[(&str, Side)], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let cell = |text: &str, side: Side| {
        Cell::new(visible(text)).set_alignment(match side {
            Side::Left => CellAlignment::Left,
            Side::Right => CellAlignment::Right,
        })
    };
    table.set_header(heads.iter().map(|(head, side)| cell(head, *side)));
    for row in rows {
        table.add_row(row.iter().zip(heads).map(|(text, (_, side))| cell(text, *side)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Decimal text with its thousands separated: `-12345.60` becomes `-12,345.60`.
pub fn thousands(text: &str) -> String {
    let (sign, unsigned) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').map_or((unsigned, None), |(w, f)| (w, Some(f)));
    let mut out = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    fraction.map_or(out.clone(), |fraction| format!("{out}.{fraction}"))
}

/// Text that can do nothing to a terminal.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            let _ = write!(out, "{}", letter.escape_default());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_to_the_right() {
        let rows = [vec!["a".to_owned(), "1.00".to_owned()], vec!["bb".to_owned(), "10.00".to_owned()]];
        let shown = text(&[("who", Side::Left), ("cost", Side::Right)], rows);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() == lines[2].len()), "{shown}");
    }

    #[test]
    fn thousands_are_separated_and_decimals_kept() {
        assert_eq!(thousands("1234567.89"), "1,234,567.89");
        assert_eq!(thousands("-1234.00"), "-1,234.00");
        assert_eq!(thousands("999"), "999");
        assert_eq!(thousands("0.50"), "0.50");
    }

    #[test]
    fn a_name_cannot_write_on_the_terminal() {
        assert_eq!(visible("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\\nc");
    }
}
