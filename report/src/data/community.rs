//! A community's rows.

use super::{Row, Sheet};
use crate::document::{CommunityCosts, CommunityReport, Quantity, UserKey};
use crate::error::ReportError;
use crate::load::Names;

/// The document as CSV.
pub fn community(report: &CommunityReport, names: &Names) -> Result<Vec<u8>, ReportError> {
    let mut sheet = Sheet::new("a cost report", report.head.period)?;
    let own = Row { community: &report.community.id, ..Row::default() };
    for costs in &report.costs {
        amounts(&mut sheet, &own, costs, names)?;
    }
    for hub in &report.hub_use {
        let row = Row { section: "hub_use", cluster: &hub.cluster, hub: &hub.hub, ..own };
        sheet.row(&Row { quantity: &hub.users.to_string(), unit: "users", ..row })?;
        sheet.row(&Row { quantity: &hub.visitors.to_string(), unit: "visitors", ..row })?;
        quantities(&mut sheet, &row, &hub.quantity)?;
    }
    for user in &report.user_use {
        let row = of_user(&Row { section: "user_use", ..own }, &user.user, names);
        quantities(&mut sheet, &row, &user.quantity)?;
        if let Some(bytes) = &user.home_bytes {
            sheet.row(&Row { section: "home_directory", quantity: bytes, unit: "bytes", ..row })?;
        }
    }
    for home in &report.home_directories {
        for (kind, group) in [("user", &home.users), ("shared", &home.shared), ("orphan", &home.orphans)] {
            let row = Row {
                section: "home_directories",
                date: &home.last_scan,
                cluster: &home.cluster,
                hub: &home.hub,
                kind,
                ..own
            };
            sheet.row(&Row { quantity: &group.directories.to_string(), unit: "directories", ..row })?;
            sheet.row(&Row { quantity: &group.bytes.to_string(), unit: "bytes", ..row })?;
            sheet.row(&Row {
                quantity: &group.untouched_bytes.to_string(),
                unit: "untouched bytes",
                ..row
            })?;
        }
    }
    sheet.coverage(&own, &report.completeness)?;
    sheet.notes(&own, &report.head)?;
    sheet.finish()
}

fn amounts(
    sheet: &mut Sheet,
    own: &Row<'_>,
    costs: &CommunityCosts,
    names: &Names,
) -> Result<(), ReportError> {
    let own = Row { currency: &costs.currency, ..*own };
    sheet.row(&Row { section: "total", amount: Some(costs.total), ..own })?;
    for line in &costs.lines {
        sheet.line(&own, line)?;
    }
    for day in &costs.days {
        let kind = if day.provisional { "provisional" } else { "" };
        for (component, part) in &day.parts {
            let row = Row { section: "day", date: &day.date, component, kind, ..own };
            sheet.row(&Row { amount: Some(*part), ..row })?;
        }
    }
    for hub in &costs.hubs {
        let row = Row { section: "hub", cluster: &hub.cluster, hub: &hub.hub, ..own };
        let kinds = [
            ("direct", hub.direct),
            ("shared", hub.shared),
            ("idle", hub.idle),
            ("unattributed", hub.unattributed),
        ];
        for (kind, amount) in kinds {
            sheet.row(&Row { kind, amount: Some(amount), ..row })?;
        }
    }
    for user in &costs.users {
        let row = of_user(&Row { section: "user", kind: "direct", ..own }, &user.user, names);
        sheet.row(&Row { amount: Some(user.amount), ..row })?;
    }
    sheet.row(&Row { section: "without_user", amount: Some(costs.without_user), ..own })?;
    for (kind, causes) in [("idle", &costs.idle_by_cause), ("unattributed", &costs.unattributed_by_cause)] {
        for cause in causes {
            sheet.row(&Row {
                section: "cause",
                cluster: &cause.cluster,
                kind,
                reason: &cause.reason,
                payer: &cause.payer,
                amount: Some(cause.amount),
                ..own
            })?;
        }
    }
    for account in &costs.accounts {
        let row = Row { section: "account", account: &account.account, ..own };
        let whole = [("whole bill", account.account_total), ("of clusters", account.attributable)];
        for (kind, amount) in whole.into_iter().filter_map(|(kind, amount)| Some((kind, amount?))) {
            sheet.row(&Row { kind, amount: Some(amount), ..row })?;
        }
        sheet.row(&Row { kind: "yours", amount: Some(account.yours), ..row })?;
        sheet.row(&Row { kind: "difference", exact_amount: &account.difference, ..row })?;
    }
    Ok(())
}

fn quantities(sheet: &mut Sheet, row: &Row<'_>, quantity: &Quantity) -> Result<(), ReportError> {
    let all = [
        (quantity.memory_byte_ms, "memory byte·ms"),
        (quantity.cpu_millicore_ms, "cpu millicore·ms"),
        (quantity.gpu_milligpu_ms, "gpu milligpu·ms"),
    ];
    for (quantity, unit) in all.into_iter().filter(|(quantity, _)| *quantity != 0) {
        sheet.row(&Row { quantity: &quantity.to_string(), unit, ..*row })?;
    }
    Ok(())
}

fn of_user<'a>(row: &Row<'a>, user: &'a UserKey, names: &'a Names) -> Row<'a> {
    Row {
        cluster: &user.cluster,
        hub: &user.hub,
        namespace: &user.namespace,
        user_id: &user.user_id,
        user: names.of(user).unwrap_or_default(),
        ..*row
    }
}
