//! Documents as CSV: one long table each, a fact a row, for spreadsheets and programs.

mod community;
mod finance;
mod totals;

pub use community::community;
pub use finance::finance;
pub use totals::totals;

use hubtally_schemas::Minor;

use crate::document::{ClusterCoverage, Head, LeafLine};
use crate::error::ReportError;

/// The columns, in order.
const COLUMNS: [&str; 19] = [
    "section",
    "period",
    "currency",
    "date",
    "account",
    "community",
    "cluster",
    "hub",
    "namespace",
    "user_id",
    "user",
    "component",
    "kind",
    "reason",
    "payer",
    "amount",
    "exact_amount",
    "quantity",
    "unit",
];

/// One row, its cells in the order of [`COLUMNS`]; what does not apply is empty.
#[derive(Debug, Clone, Copy, Default)]
struct Row<'a> {
    section: &'a str,
    currency: &'a str,
    date: &'a str,
    account: &'a str,
    community: &'a str,
    cluster: &'a str,
    hub: &'a str,
    namespace: &'a str,
    user_id: &'a str,
    user: &'a str,
    component: &'a str,
    kind: &'a str,
    reason: &'a str,
    payer: &'a str,
    amount: Option<Minor>,
    exact_amount: &'a str,
    quantity: &'a str,
    /// What `quantity` counts.
    unit: &'a str,
}

/// Rows on their way into bytes.
struct Sheet {
    document: &'static str,
    period: String,
    writer: csv::Writer<Vec<u8>>,
}

impl Sheet {
    fn new(document: &'static str, period: hubtally_schemas::Period) -> Result<Self, ReportError> {
        let mut sheet =
            Self { document, period: period.to_string(), writer: csv::Writer::from_writer(Vec::new()) };
        sheet.record(&COLUMNS)?;
        Ok(sheet)
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), ReportError> {
        let period = self.period.clone();
        // Amounts and quantities are numbers of ours; everything else may come from outside.
        let amount = row.amount.map(Minor::to_decimal_text).unwrap_or_default();
        let numbers = [&amount, row.exact_amount, row.quantity];
        let texts = [
            row.section,
            &period,
            row.currency,
            row.date,
            row.account,
            row.community,
            row.cluster,
            row.hub,
            row.namespace,
            row.user_id,
            row.user,
            row.component,
            row.kind,
            row.reason,
            row.payer,
        ];
        let mut cells: Vec<String> = texts.into_iter().map(neutral).collect();
        cells.extend(numbers.map(ToOwned::to_owned));
        cells.push(neutral(row.unit));
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        self.record(&cells)
    }

    /// A row of a leaf line.
    fn line(&mut self, own: &Row<'_>, line: &LeafLine) -> Result<(), ReportError> {
        self.row(&Row {
            section: "line",
            account: &line.account,
            component: &line.component,
            kind: &line.kind,
            payer: &line.payer,
            amount: Some(line.amount),
            exact_amount: &line.exact,
            ..*own
        })
    }

    /// Coverage by cluster and day.
    fn coverage(&mut self, own: &Row<'_>, coverage: &[ClusterCoverage]) -> Result<(), ReportError> {
        for (cluster, day) in coverage.iter().flat_map(|of| of.days.iter().map(move |day| (of, day))) {
            let row = Row { section: "coverage", date: &day.date, cluster: &cluster.cluster, ..*own };
            for (quantity, unit) in [
                (day.expected, "samples expected"),
                (day.seen, "samples seen"),
                (day.hours_without_telemetry, "hours without telemetry"),
            ] {
                self.row(&Row { quantity: &quantity.to_string(), unit, ..row })?;
            }
        }
        Ok(())
    }

    /// Where the data is incomplete.
    fn notes(&mut self, own: &Row<'_>, head: &Head) -> Result<(), ReportError> {
        head.notes.iter().try_for_each(|note| self.row(&Row { section: "note", reason: note, ..*own }))
    }

    fn record(&mut self, cells: &[&str]) -> Result<(), ReportError> {
        self.writer
            .write_record(cells)
            .map_err(|source| ReportError::Csv { document: self.document.to_owned(), source })
    }

    fn finish(self) -> Result<Vec<u8>, ReportError> {
        let document = self.document.to_owned();
        self.writer
            .into_inner()
            .map_err(|error| ReportError::Csv { document, source: error.into_error().into() })
    }
}

/// Text that no spreadsheet takes for a formula: what starts like one gets a leading `'`.
pub fn neutral(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::neutral;

    #[test]
    fn what_could_be_a_formula_is_text() {
        for text in ["=1+1", "+1", "-ada", "@SUM(A1)", "\tada", "\rada"] {
            assert_eq!(neutral(text), format!("'{text}"));
        }
        for text in ["ada", "a=b", "", "'=1", "élan"] {
            assert_eq!(neutral(text), text);
        }
    }
}
