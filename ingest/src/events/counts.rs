//! What became of the records: numbers, and a few examples of what was refused.

use std::collections::BTreeMap;

use hubtally_schemas::reject::RejectReason;
use serde::Serialize;

/// How many examples of each reason a report shows.
pub const MAX_EXAMPLES: usize = 5;

/// What became of some records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records (lines) that were read.
    pub records: u64,
    /// Blank lines among them.
    pub blank: u64,
    /// Rows made of them, per table; an event that spans hours makes several.
    pub rows: BTreeMap<&'static str, u64>,
    /// Records that could not be used, per reason.
    pub rejects: BTreeMap<&'static str, Refusals>,
}

/// Records refused for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// How many.
    pub count: u64,
    /// What it means and what to do.
    pub advice: &'static str,
    /// The first few.
    pub examples: Vec<Example>,
}

/// One refused record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// File and line, for example `usage.ndjson.gz:17`.
    pub origin: String,
    /// Field, value, what is expected.
    pub detail: String,
}

impl Counts {
    /// Counts rows of a table.
    pub fn add_rows(&mut self, table: &'static str, rows: u64) {
        *self.rows.entry(table).or_default() += rows;
    }

    /// Counts one refused record.
    pub fn add_reject(&mut self, reason: RejectReason, origin: &str, detail: &str) {
        let refusals = self.rejects.entry(reason.code()).or_default();
        refusals.advice = reason.advice();
        refusals.count += 1;
        if refusals.examples.len() < MAX_EXAMPLES {
            refusals.examples.push(Example { origin: origin.to_owned(), detail: detail.to_owned() });
        }
    }

    /// Adds what came later.
    pub fn merge(&mut self, later: &Self) {
        self.records += later.records;
        self.blank += later.blank;
        for (table, rows) in &later.rows {
            self.add_rows(table, *rows);
        }
        for (reason, refusals) in &later.rejects {
            let kept = self.rejects.entry(reason).or_default();
            kept.advice = refusals.advice;
            kept.count += refusals.count;
            let room = MAX_EXAMPLES.saturating_sub(kept.examples.len());
            kept.examples.extend(refusals.examples.iter().take(room).cloned());
        }
    }

    /// Rows made, of any table.
    pub fn all_rows(&self) -> u64 {
        self.rows.values().sum()
    }

    /// Records refused, of any reason.
    pub fn rejected(&self) -> u64 {
        self.rejects.values().map(|refusals| refusals.count).sum()
    }
}
