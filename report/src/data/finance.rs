//! The finance summary's rows.

use super::{Row, Sheet};
use crate::document::FinanceSummary;
use crate::error::ReportError;

/// The document as CSV.
pub fn finance(summary: &FinanceSummary) -> Result<Vec<u8>, ReportError> {
    let mut sheet = Sheet::new("the finance summary", summary.head.period)?;
    for currency in &summary.currencies {
        let own = Row { currency: &currency.currency, ..Row::default() };
        sheet.row(&Row { section: "total", amount: Some(currency.total), ..own })?;
        for community in &currency.communities {
            let payer = format!("community:{}", community.community.id);
            let row = Row { section: "payer", community: &community.community.id, payer: &payer, ..own };
            let kinds = [
                ("cloud", community.cloud),
                ("idle", community.idle),
                ("unattributed", community.unattributed),
                ("total", community.total),
                ("recoverable", community.recoverable),
                ("not recoverable", community.not_recoverable),
            ];
            for (kind, amount) in kinds {
                sheet.row(&Row { kind, amount: Some(amount), ..row })?;
            }
        }
        for (payer, amount) in [("organisation", currency.organisation), ("none", currency.without_payer)] {
            sheet.row(&Row { section: "payer", payer, kind: "total", amount: Some(amount), ..own })?;
        }
        for line in &currency.lines {
            sheet.line(&Row { community: &line.community, ..own }, line)?;
        }
        for line in &currency.organisation_lines {
            sheet.row(&Row {
                section: "organisation",
                account: &line.account,
                component: &line.component,
                kind: &line.kind,
                reason: &line.reason,
                payer: "organisation",
                amount: Some(line.amount),
                ..own
            })?;
        }
    }
    for account in &summary.accounts {
        let own = Row {
            section: "account",
            account: &account.account,
            currency: &account.currency,
            ..Row::default()
        };
        let exact = [
            ("billed", &account.billed),
            ("posted", &account.posted),
            ("difference", &account.difference),
            ("rounding", &account.rounding),
            ("provisional", &account.provisional),
        ];
        for (kind, exact_amount) in exact {
            sheet.row(&Row { kind, exact_amount, ..own })?;
        }
        let borne = [
            ("rounded", "", account.rounded),
            ("borne", "communities", account.communities),
            ("borne", "organisation", account.organisation),
            ("borne", "none", account.without_payer),
        ];
        for (kind, payer, amount) in borne {
            sheet.row(&Row { kind, payer, amount: Some(amount), ..own })?;
        }
        sheet.row(&Row { quantity: &account.charges.to_string(), unit: "charges", ..own })?;
    }
    for charge in &summary.charges_without_payer {
        sheet.row(&Row {
            section: "without_payer",
            account: &charge.account,
            currency: &charge.currency,
            reason: &charge.charge_id,
            payer: "none",
            exact_amount: &charge.exact,
            ..Row::default()
        })?;
    }
    for line in &summary.provisional {
        sheet.row(&Row {
            section: "provisional",
            account: &line.account,
            currency: &line.currency,
            date: &line.date,
            exact_amount: &line.exact,
            quantity: &line.charges.to_string(),
            unit: "charges",
            ..Row::default()
        })?;
    }
    sheet.coverage(&Row::default(), &summary.completeness)?;
    sheet.notes(&Row::default(), &summary.head)?;
    sheet.finish()
}
