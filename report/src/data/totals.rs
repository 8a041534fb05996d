//! Rows of the totals.

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
        // An empty amount is a hidden one.
        sheet.row(&Row { section: "total", payer: "communities", amount: costs.communities_total, ..own })?;
        let amount = Some(costs.organisation_total);
        sheet.row(&Row { section: "total", payer: "organisation", amount, ..own })?;
        for cell in &costs.components {
            let component = cell.components.join(" + ");
            let amount = Some(cell.amount);
            sheet.row(&Row { section: "component", component: &component, amount, ..own })?;
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
