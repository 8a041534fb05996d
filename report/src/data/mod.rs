//! Documents as CSV: one long table each, a fact a row, for spreadsheets and programs.

mod community;
mod finance;
mod totals;

pub use community::community;
pub use finance::finance;
pub use totals::totals;

use crate::error::ReportError;

/// The columns, in order.
const COLUMNS: [&str; 18] = [
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
];
/// The last column: what `quantity` counts.
const UNIT: &str = "unit";

/// One row; what does not apply is empty.
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
    amount: &'a str,
    exact_amount: &'a str,
    quantity: &'a str,
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
        let head: Vec<&str> = COLUMNS.into_iter().chain([UNIT]).collect();
        sheet.record(&head)?;
        Ok(sheet)
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), ReportError> {
        let period = self.period.clone();
        // Amounts and quantities are numbers of ours; everything else may come from outside.
        let numbers = [row.amount, row.exact_amount, row.quantity];
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
