//! Charts: SVG that we write ourselves, each in a wide and a narrow drawing of the same data.
//!
//! Coordinates are integers, axes start at 0, labels stand at the marks, and no meaning is carried by
//! colour alone: each series has a pattern too. Colours are classes of the page's style, so that a
//! chart follows the reader's light or dark screen and prints in grey.

mod bars;
mod columns;
mod patterns;
mod scale;
mod strip;

pub use bars::{Bar, Bars};
pub use columns::{Column, Columns};
pub use patterns::definitions;
pub use strip::{Strip, StripDay, StripRow};

use std::fmt::Write as _;

/// A chart's words: its title, and the main finding for those who do not see it.
#[derive(Debug, Clone)]
pub struct Caption {
    /// Unique on the page.
    pub id: String,
    /// Title.
    pub title: String,
    /// Main finding.
    pub finding: String,
}

/// A series: the code that colours it, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Class suffix: a component code, `idle`, `unattributed`.
    pub code: String,
    /// For readers.
    pub name: String,
}

/// One of the two drawings.
#[derive(Debug, Clone, Copy)]
struct Sheet {
    class: &'static str,
    width: i64,
}

const WIDE: Sheet = Sheet { class: "wide", width: 880 };
const NARROW: Sheet = Sheet { class: "narrow", width: 320 };

impl Sheet {
    fn is_narrow(self) -> bool {
        self.width < 500
    }

    /// The drawing as an image with a name and a description.
    fn svg(self, caption: &Caption, height: i64, marks: &str) -> String {
        let (id, class, width) = (format!("{}-{}", caption.id, self.class), self.class, self.width);
        format!(
            "<svg class=\"chart {class}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
             viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{marks}</svg>",
            escape(&caption.title),
            escape(&caption.finding),
        )
    }
}

/// Both drawings; the page shows the one that fits.
fn both(draw: impl Fn(Sheet) -> String) -> String {
    format!("{}{}", draw(WIDE), draw(NARROW))
}

/// A rectangle; nothing where it has no area.
fn rect(out: &mut String, class: &str, x: i64, y: i64, width: i64, height: i64) {
    if width > 0 && height > 0 {
        let _ = write!(
            out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }
}

/// A line.
fn line(out: &mut String, class: &str, x1: i64, y1: i64, x2: i64, y2: i64) {
    let _ = write!(out, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
}

/// A text; `anchor` is `s`, `m` or `e` for start, middle, end.
fn text(out: &mut String, anchor: &str, x: i64, y: i64, content: &str) {
    let _ = write!(out, "<text class=\"a-{anchor}\" x=\"{x}\" y=\"{y}\">{}</text>", escape(content));
}

/// Text for XML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// At most so many characters, with an ellipsis.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_leave_its_element() {
        assert_eq!(escape("<script>\"&'\u{7}"), "&lt;script&gt;&quot;&amp;&#39; ");
        assert_eq!(shortened("abcdef", 4), "abc…");
    }
}
