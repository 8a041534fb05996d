//! What became of the bills of one command.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use bigdecimal::BigDecimal;
use hubtally_schemas::money;

use super::collect::FileTotal;
use super::group::Group;
use super::lines::Lines;
use crate::files::FileProblem;

/// Rows shown of those that were refused.
const EXAMPLES: usize = 5;

/// What became of the bills of one command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BillReport {
    /// Each file.
    pub files: Vec<BillFileReport>,
    /// Each account and month that the files touch.
    pub groups: Vec<GroupReport>,
    /// Accounts that the registry does not know: their charges have no payer yet.
    pub unknown_accounts: Vec<String>,
    /// Registry text to paste for them.
    pub registry_snippet: Option<String>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Files that were refused as a whole and left out, with [`super::BillOptions::load_the_rest`] only.
    pub refused: Vec<FileProblem>,
}

impl BillReport {
    /// Rows that were refused, of all files.
    pub fn rejects(&self) -> u64 {
        self.files.iter().map(|file| file.rejects.count).sum()
    }

    /// Whether anything in the store changed.
    pub fn changed(&self) -> bool {
        self.groups.iter().any(|group| group.outcome != Outcome::Unchanged)
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillFileReport {
    /// As it was named.
    pub path: String,
    /// Digest of its bytes; they are kept at `bills/raw/<sha256>`.
    pub sha256: String,
    /// Which importer read it.
    pub importer: String,
    /// Version of the format that was recognised.
    pub format_version: String,
    /// Accounts in it.
    pub accounts: Vec<String>,
    /// Months in it.
    pub periods: Vec<String>,
    /// Lines that were read.
    pub rows: u64,
    /// Exact billed total by currency, as the file writes it.
    pub billed: BTreeMap<String, String>,
    /// What rounding to 12 decimals took from that total, where it took anything.
    pub rounding: BTreeMap<String, String>,
    /// How fine it is: `instance`, `tag` or `account`.
    pub grade: String,
    /// Lines that may still change at the provider.
    pub provisional: u64,
    /// Lines that are settled.
    #[serde(rename = "final")]
    pub settled: u64,
    /// Rows that could not be read.
    pub rejects: RejectCount,
    /// Whether it was loaded before and nothing had to be done.
    pub unchanged: bool,
    /// What a person should know about it.
    pub warnings: Vec<String>,
}

/// Rows that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectCount {
    /// How many.
    pub count: u64,
    /// The first few.
    pub examples: Vec<String>,
}

/// One account and month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupReport {
    /// Importer.
    pub importer: String,
    /// Account.
    pub account: String,
    /// Month of the bill.
    pub period: String,
    /// Lines.
    pub rows: u64,
    /// Currency.
    pub currency: String,
    /// Billed total as stored, 12 decimals.
    pub billed: String,
    /// How fine it is.
    pub grade: String,
    /// Lines that may still change.
    pub provisional: u64,
    /// What was done.
    pub outcome: Outcome,
    /// How many times it was loaded with other content.
    pub revision: i64,
}

/// What was done with an account and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// New.
    Loaded,
    /// Other content stood there.
    Replaced,
    /// The same files stood there.
    Unchanged,
}

impl BillFileReport {
    /// Of a file that was read, by its place in the command.
    pub(crate) fn of(at: usize, lines: &Lines, groups: &[Group]) -> Self {
        let file = &lines.files[at];
        let own: Vec<&Group> = groups.iter().filter(|group| lines.is_of(group, at)).collect();
        let mut accounts: Vec<String> = own.iter().map(|group| group.key.account.clone()).collect();
        accounts.dedup();
        let mut periods: Vec<String> = own.iter().map(|group| group.key.period.to_string()).collect();
        periods.sort();
        periods.dedup();
        let (provisional, settled) = own
            .iter()
            .map(|group| lines.statuses(group, at))
            .fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        let exact = |total: &FileTotal| {
            BigDecimal::new(total.pico.into(), i64::from(money::PICO_SCALE)) + total.rounding()
        };
        let zero = BigDecimal::from(0);
        Self {
            path: file.name.clone(),
            sha256: file.sha256.clone(),
            importer: file.format.to_string(),
            format_version: file.reading.format_version.clone(),
            accounts,
            periods,
            rows: file.lines,
            billed: file.billed.iter().map(|(c, total)| (c.to_string(), plain(&exact(total)))).collect(),
            rounding: file
                .billed
                .iter()
                .map(|(c, total)| (c, total.rounding()))
                .filter(|(_, rounding)| *rounding != zero)
                .map(|(c, rounding)| (c.to_string(), plain(&rounding)))
                .collect(),
            grade: own
                .iter()
                .map(|group| group.grade)
                .max()
                .map_or("account", super::line::Grade::code)
                .to_owned(),
            provisional,
            settled,
            rejects: RejectCount {
                count: file.rejects.len() as u64,
                examples: file
                    .rejects
                    .iter()
                    .take(EXAMPLES)
                    .map(|reject| format!("row {}: {}", reject.row, reject.detail))
                    .collect(),
            },
            unchanged: false,
            warnings: file.reading.warnings.clone(),
        }
    }
}

/// Plain decimal text without needless zeros.
fn plain(amount: &BigDecimal) -> String {
    let text = amount.to_plain_string();
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
