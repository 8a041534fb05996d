//! What is wrong with a document, and where: file, line, column, value, what was expected.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where, if a place in the file is to blame.
    pub place: Option<Place>,
    /// What is wrong and what to do, without a full stop at the end.
    pub message: String,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line as it is written.
    pub text: String,
}

impl Place {
    /// The place of a byte offset in a text.
    pub fn of(text: &str, offset: usize) -> Self {
        let offset = (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        let rest = &text[line_start..];
        let text = rest.lines().next().unwrap_or_default().to_owned();
        Self { line, column, text }
    }
}

/// All that is wrong in one document.
#[derive(Debug, Clone)]
pub struct Problems {
    /// The file, as it was found.
    pub file: PathBuf,
    /// By place.
    pub problems: Vec<Problem>,
}

/// The longest line that is shown whole under a problem.
const MAX_SHOWN_CHARS: usize = 120;

impl Problems {
    /// Each problem on a line of its own, with its place.
    pub fn each(&self) -> impl Iterator<Item = String> + '_ {
        let file = self.file.display();
        self.problems.iter().map(move |problem| match &problem.place {
            None => format!("{file}: {}", problem.message),
            Some(place) => format!("{file}:{}:{}: {}", place.line, place.column, problem.message),
        })
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (line, problem)) in self.each().zip(&self.problems).enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{line}")?;
            let short = |place: &&Place| place.text.chars().count() <= MAX_SHOWN_CHARS;
            let Some(place) = problem.place.as_ref().filter(short) else { continue };
            if !place.text.trim().is_empty() {
                let number = place.line.to_string();
                let gutter = " ".repeat(number.len());
                let before = " ".repeat(place.column.saturating_sub(1));
                write!(f, "\n  {number} | {}\n  {gutter} | {before}^", place.text)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let text = "a = 1\nü = 2\n";
        let at = text.find('2').unwrap();
        assert_eq!(Place::of(text, at), Place { line: 2, column: 5, text: "ü = 2".into() });
        assert_eq!(Place::of(text, 1_000).line, 3);
    }
}
