//! The one trait of all importers, and which of them a file belongs to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use hubtally_schemas::registry::Registry;
use serde::{Serialize, Serializer};

use super::aws_ce::AwsCostExplorer;
use super::aws_ce_request::{CeRequest, View};
use super::aws_console::AwsConsole;
use super::error::BillError;
use super::focus::Focus;
use super::gcp_console::GcpConsole;
use super::input::BillFile;
use super::line::Sink;
use super::text_table;

/// A bill format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// FOCUS 1.0–1.3, CSV and Parquet.
    Focus,
    /// AWS Cost Explorer JSON, the answer of `GetCostAndUsage`.
    AwsCe,
    /// The AWS console's "Monthly Costs By Linked Account" CSV.
    AwsConsole,
    /// The GCP console's cost CSV by project.
    GcpConsole,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Focus, Self::AwsCe, Self::AwsConsole, Self::GcpConsole];

    /// The code that is stored as `importer` and given with `--format`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Focus => "focus",
            Self::AwsCe => "aws-ce",
            Self::AwsConsole => "aws-console",
            Self::GcpConsole => "gcp-console",
        }
    }

    /// Its importer.
    pub(crate) fn importer(self) -> &'static dyn Importer {
        match self {
            Self::Focus => &Focus,
            Self::AwsCe => &AwsCostExplorer,
            Self::AwsConsole => &AwsConsole,
            Self::GcpConsole => &GcpConsole,
        }
    }

    /// Which format a file has, by its beginning: magic bytes, JSON keys or CSV columns.
    pub fn recognise(file: &BillFile) -> Result<Self, BillError> {
        let head = file.head()?;
        if head.starts_with(b"PAR1") {
            return Ok(Self::Focus);
        }
        let text = String::from_utf8_lossy(&head);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with(['{', '[']) {
            if ["ResultsByTime", "GroupDefinitions"].iter().any(|key| text.contains(key)) {
                return Ok(Self::AwsCe);
            }
            return Err(unrecognised(file, "JSON without ResultsByTime".to_owned()));
        }
        let lines: Vec<Vec<String>> = text_table::first_lines(text, 20);
        let first: Vec<&str> =
            lines.first().map(|l| l.iter().map(String::as_str).collect()).unwrap_or_default();
        let has = |cells: &[&str], name: &str| cells.iter().any(|cell| text_table::same_name(cell, name));
        if first.first().is_some_and(|cell| text_table::same_name(cell, "Linked account")) {
            return Ok(Self::AwsConsole);
        }
        let focus_names =
            ["BilledCost", "ChargePeriodStart", "BillingPeriodStart", "ChargeCategory", "EffectiveCost"];
        if focus_names.iter().filter(|name| has(&first, name)).count() >= 3 {
            return Ok(Self::Focus);
        }
        let is_gcp = |line: &Vec<String>| {
            line.iter().any(|c| text_table::same_name(c, "Project name"))
                && line.iter().any(|c| text_table::plain_name(c).starts_with("subtotal"))
        };
        if lines.iter().any(is_gcp) {
            return Ok(Self::GcpConsole);
        }
        let shown: Vec<&str> = first.iter().take(8).copied().collect();
        let found = if shown.is_empty() {
            "the file is empty".to_owned()
        } else {
            format!("first columns: {}", shown.join(", ").chars().take(200).collect::<String>())
        };
        Err(unrecognised(file, found))
    }
}

fn unrecognised(file: &BillFile, found: String) -> BillError {
    BillError::Unrecognised { file: file.name.clone(), found }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Format {
    type Err = BillError;

    fn from_str(text: &str) -> Result<Self, BillError> {
        Self::ALL.into_iter().find(|format| format.code() == text).ok_or_else(|| {
            let nearest = text_table::nearest(text, Self::ALL.iter().map(|format| format.code()));
            let hint = nearest.map(|code| format!(" (did you mean {code}?)")).unwrap_or_default();
            BillError::UnknownFormat { value: text.chars().take(40).collect(), hint }
        })
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// What importers may know beside the file.
#[derive(Debug, Default, Clone)]
pub struct Context {
    /// Account ids of the registry.
    pub known: BTreeSet<String>,
    /// Account ids by the name that consoles show.
    pub by_name: BTreeMap<String, BTreeSet<String>>,
    /// Requests of Cost Explorer answers from the configuration, by file name.
    pub requests: BTreeMap<String, CeRequest>,
    /// The largest document that is held whole.
    pub document_bytes: Option<usize>,
}

impl Context {
    /// From a registry.
    pub fn of(registry: &Registry) -> Self {
        let mut context = Self::default();
        for account in &registry.accounts {
            context.known.insert(account.id.to_string());
            if let Some(name) = &account.name {
                context.by_name.entry(name.clone()).or_default().insert(account.id.to_string());
            }
        }
        context
    }
}

/// What reading a file told beside its lines.
#[derive(Debug, Default)]
pub struct Reading {
    /// Version of the format that was recognised.
    pub format_version: String,
    /// Data rows seen, refused ones included.
    pub rows: u64,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Which view of the account's money a Cost Explorer answer is.
    pub view: Option<View>,
}

/// Reads one bill format.
pub(crate) trait Importer {
    /// Reads a whole file into the sink.
    fn read(&self, file: &BillFile, context: &Context, sink: &mut dyn Sink) -> Result<Reading, BillError>;
}
