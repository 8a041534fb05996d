//! One measured figure, and how it is told.

use std::fmt::{self, Write as _};

use crate::place::variable;

/// Why measuring stopped.
pub type Failed = Box<dyn std::error::Error>;

/// Runs of each side; the median counts. Fewer are for a quick look.
pub fn runs() -> usize {
    variable("HUBTALLY_BENCH_RUNS").and_then(|runs| runs.parse().ok()).unwrap_or(5)
}

/// What a figure must be.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

impl Goal {
    fn reached(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<={most}"),
            Self::AtLeast(least) => write!(f, ">={least}"),
        }
    }
}

/// One figure: a value with its goal, what we needed, and what the peer needed.
#[derive(Debug, Clone)]
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
    pub goal: Goal,
    /// What we needed, with its unit.
    pub ours: String,
    /// What the peer needed, with its unit.
    pub peer: String,
    /// What else a reader should know: sizes, floors, where the time goes.
    pub notes: Vec<(&'static str, String)>,
}

impl Figure {
    fn verdict(&self) -> &'static str {
        if self.goal.reached(self.value) { "reached" } else { "MISSED" }
    }
}

/// Four significant places, whole numbers above a thousand.
fn number(value: f64) -> String {
    if value.abs() >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} value={} goal={} ours={} peer={} {}",
            self.name,
            number(self.value),
            self.goal,
            self.ours,
            self.peer,
            self.verdict()
        )?;
        self.notes.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// All figures as a table for `docs/performance.md`.
pub fn table(figures: &[Figure]) -> String {
    let mut out = String::from(
        "| figure | value | goal | ours | peer | | beside it |\n|---|--:|--:|--:|--:|---|---|\n",
    );
    for figure in figures {
        let notes: Vec<String> =
            figure.notes.iter().map(|(name, value)| format!("{} {value}", name.replace('_', " "))).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} | {} | {} | {} |",
            figure.name,
            number(figure.value),
            figure.goal,
            figure.ours,
            figure.peer,
            figure.verdict(),
            notes.join(", ")
        );
    }
    out
}

/// The middle of some measurements.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Seconds for a table.
pub fn seconds(value: f64) -> String {
    format!("{value:.2}s")
}
