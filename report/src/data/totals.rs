//! Rows of the totals.

use hubtally_schemas::Minor;

use super::{Row, Sheet};
use crate::document::Totals;
use crate::error::ReportError;

/// The document as CSV.
pub fn totals(totals: &Totals) -> Result<Vec<u8>, ReportError> {
    let mut sheet = Sheet::new("the totals", totals.head.period)?;
    let counts = [
        (Some(totals.communities), "communities"),
        (Some(totals.hubs), "hubs"),
        (totals.users, "users"),
        (totals.visitors, "visitors"),
    ];
    for (count, unit) in counts {
        // An empty quantity is a hidden one.
        let quantity = count.map(|count| count.to_string()).unwrap_or_default();
        sheet.row(&Row { section: "count", quantity: &quantity, unit, ..Row::default() })?;
    }
    for costs in &totals.costs {
        let own = Row { currency: &costs.currency, ..Row::default() };
        let total = costs.communities_total.map(Minor::to_decimal_text).unwrap_or_default();
        sheet.row(&Row { section: "total", payer: "communities", amount: &total, ..own })?;
        let organisation = costs.organisation_total.to_decimal_text();
        sheet.row(&Row { section: "total", payer: "organisation", amount: &organisation, ..own })?;
        for cell in &costs.components {
            let component = cell.components.join(" + ");
            let amount = cell.amount.to_decimal_text();
            sheet.row(&Row { section: "component", component: &component, amount: &amount, ..own })?;
        }
    }
    if let Some(share) = &totals.coverage_percent {
        sheet.row(&Row {
            section: "coverage",
            quantity: share,
            unit: "percent of samples",
            ..Row::default()
        })?;
    }
    sheet.finish()
}
