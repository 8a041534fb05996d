//! Shapes of results: what `close --json` prints and what documents are made of.
//!
//! Amounts are decimal strings, so that no reader's double changes them.

use serde::{Deserialize, Serialize};

use crate::period::Period;

/// The result of `close`, as `close --json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseSummary {
    /// The month.
    pub period: Period,
    /// One entry a currency, over all accounts.
    pub conservation: Vec<ConservationSummary>,
    /// Coverage over all clusters.
    pub completeness: CompletenessSummary,
    /// One entry a community, by id.
    pub communities: Vec<CommunitySummary>,
    /// One entry a currency: the rounded bill, and what of it no community bears.
    pub bills: Vec<BillSummary>,
    /// Charges that no rule gives a payer: each makes the close exit 3.
    pub charges_without_payer: Vec<String>,
    /// Why the data is incomplete, in words; empty when it is complete.
    pub incomplete: Vec<String>,
    /// Records and bill rows of the month that were refused, in this run or an earlier one, and that
    /// nothing has made good since. `incomplete` says the same in words.
    #[serde(default)]
    pub refused: Vec<RefusedSummary>,
    /// Bills and usage files of the last close that could not be used at all. `incomplete` says the same
    /// in words.
    #[serde(default)]
    pub unread: Vec<UnreadFile>,
    /// Where the statements lie.
    pub statements: String,
}

/// Records refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSummary {
    /// Code, as in `rejects.reason`.
    pub reason: String,
    /// How many.
    pub count: u64,
    /// What it means and what to do.
    pub advice: String,
}

/// An input that could not be used at all: what it holds is in no document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnreadFile {
    /// What it would have told.
    pub kind: UnreadKind,
    /// Path or address as it was named; several where they contradict each other.
    pub file: String,
    /// What is wrong and what to do.
    pub why: String,
}

/// What an input tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnreadKind {
    /// Charges.
    Bill,
    /// Usage events.
    Usage,
}

/// Billed against posted, in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConservationSummary {
    /// ISO 4217.
    pub currency: String,
    /// How many charges.
    pub charges: u64,
    /// Sum of the charges, 12 decimals.
    pub billed: String,
    /// Sum of the postings, 12 decimals.
    pub posted: String,
    /// `billed − posted`.
    pub difference: String,
}

/// The whole bill in one currency, rounded: communities + `organisation` + `without_payer` = `total`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillSummary {
    /// ISO 4217.
    pub currency: String,
    /// What the organisation bears.
    pub organisation: String,
    /// What no rule gives a payer.
    pub without_payer: String,
    /// Sum of the rounded bills.
    pub total: String,
}

/// Samples expected and seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletenessSummary {
    /// Cluster-hours' samples expected.
    pub expected: i64,
    /// Samples seen.
    pub seen: i64,
    /// The same as `seen`, under the name that readers know.
    pub observed: i64,
}

/// One community's month, rounded to the currency's own minor unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommunitySummary {
    /// Community id.
    pub id: String,
    /// Name.
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    /// Direct and shared cloud cost.
    pub cloud: String,
    /// Paid and not used.
    pub idle: String,
    /// Without a target, borne as the account's owner.
    pub unattributed: String,
    /// Sum of the three.
    pub total: String,
    /// Whether its cost is known. `false`: no bill of it was read, and the amounts are what was posted, 0.
    pub cost_known: bool,
    /// Percent of expected samples seen on its clusters, one decimal; `None` where no cluster was expected.
    pub coverage_percent: Option<String>,
}
