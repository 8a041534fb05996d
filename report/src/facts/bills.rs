//! Which bills the charges came from, and how fine they are.

use std::collections::BTreeMap;

/// Charges of one account, importer, grade and status.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BillKey {
    /// Account.
    pub account: String,
    /// Importer.
    pub importer: String,
    /// Version of the format.
    pub format_version: String,
    /// `instance`, `tag` or `account`.
    pub grade: String,
    /// `provisional` or `final`.
    pub status: String,
    /// ISO 4217.
    pub currency: String,
}

/// What those charges sum to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillLine {
    /// Which.
    pub key: BillKey,
    /// How many charges.
    pub charges: i64,
    /// Their sum on the statement's basis, 10⁻¹² units.
    pub exact: i128,
    /// By UTC day of the charge's start: how many charges, and their sum. Kept for provisional ones.
    pub days: BTreeMap<i32, (i64, i128)>,
    /// SHA-256 of the files they came from, sorted.
    pub files: Vec<String>,
}
