//! The finance summary: all communities, all accounts, to the cent.

use std::collections::{BTreeMap, BTreeSet};

use hubtally_schemas::money::{PICO_SCALE, decimal_text, pico_text};
use hubtally_schemas::period::day_to_date;
use hubtally_schemas::{Currency, Minor};

use super::{Fixed, Scope, balance, community, currencies, notes, sentence, tables, total};
use crate::document::{
    BillSource, ChargeLine, ClusterCoverage, CommunityReport, FINANCE_SCHEMA, FinanceAccount,
    FinanceCommunity, FinanceCurrency, FinanceSummary, OrganisationLine, ProvisionalLine,
};
use crate::error::ReportError;
use crate::facts::Month;
use crate::facts::ledger::{NOBODY, PaidByOrder};
use crate::rounded::Line;

/// Payer code of the organisation.
const ORGANISATION: &str = "organisation";

/// The summary.
pub fn summary(
    scope: Scope<'_>,
    fixed: &Fixed,
    month: &Month,
    lines: &[Line],
    coverage: &[ClusterCoverage],
    communities: &[CommunityReport],
    incomplete: &[String],
) -> Result<FinanceSummary, ReportError> {
    let mut in_currencies = Vec::new();
    for currency in currencies(lines.iter()) {
        let own: Vec<&Line> = lines.iter().filter(|line| line.key.currency == currency).collect();
        in_currencies.push(in_currency(currency, &own, communities)?);
    }
    let accounts = accounts(scope, month, lines)?;
    let ids: BTreeSet<&str> = accounts.iter().map(|account| account.account.as_str()).collect();
    let words = sentence::of_finance(scope, &in_currencies, ids.len());
    Ok(FinanceSummary {
        head: fixed.head(scope, FINANCE_SCHEMA, words, incomplete.to_vec()),
        currencies: in_currencies,
        accounts,
        charges_without_payer: month
            .without_payer
            .iter()
            .map(|charge| ChargeLine {
                charge_id: charge.charge_id.clone(),
                account: charge.account.clone(),
                currency: charge.currency.clone(),
                exact: pico_text(charge.exact),
            })
            .collect(),
        provisional: provisional(month),
        accounts_without_bill: notes::accounts_without_bill(scope, month),
        communities_without_bill: communities
            .iter()
            .filter(|report| report.costs.is_empty())
            .map(|report| report.community.clone())
            .collect(),
        clusters_without_bill: notes::clusters_without_account(scope),
        completeness: coverage.to_vec(),
    })
}

fn in_currency(
    currency: Currency,
    own: &[&Line],
    communities: &[CommunityReport],
) -> Result<FinanceCurrency, ReportError> {
    let of = |wanted: &dyn Fn(&Line) -> bool| {
        total(currency, own.iter().filter(|line| wanted(line)).map(|line| line.minor))
    };
    let is_community = |line: &Line| line.key.payer.starts_with("community:");
    let organisation_pays = |line: &Line| line.key.paid_by == PaidByOrder::Organisation;
    let communities = communities.iter().filter_map(|report| {
        let costs = report.costs.iter().find(|costs| costs.currency == currency.code())?;
        let rest = costs.total.units - costs.recoverable.units;
        Some(FinanceCommunity {
            community: report.community.clone(),
            cloud: costs.cloud,
            idle: costs.idle,
            unattributed: costs.unattributed,
            total: costs.total,
            recoverable: costs.recoverable,
            not_recoverable: Minor { units: rest, currency },
            coverage_percent: report.coverage_percent(),
        })
    });
    Ok(FinanceCurrency {
        currency: currency.code().to_owned(),
        total: of(&|_| true)?,
        communities: communities.collect(),
        organisation: of(&|line| line.key.payer == ORGANISATION)?,
        without_payer: of(&|line| line.key.payer == NOBODY)?,
        recoverable: of(&|line| is_community(line) && organisation_pays(line))?,
        not_recoverable: of(&|line| is_community(line) && !organisation_pays(line))?,
        organisation_lines: organisation_lines(currency, own),
        lines: own.iter().map(|line| community::leaf_line(line)).collect(),
    })
}

fn organisation_lines(currency: Currency, own: &[&Line]) -> Vec<OrganisationLine> {
    let mut sums: BTreeMap<(&str, &str, &str, &str), i128> = BTreeMap::new();
    for line in own.iter().filter(|line| line.key.payer == ORGANISATION) {
        for ((reason, _), minor) in &line.reasons {
            let key = (&*line.key.account, &*line.key.component, &*line.key.kind, reason.as_str());
            *sums.entry(key).or_default() += minor;
        }
    }
    sums.into_iter()
        .map(|((account, component, kind, reason), units)| OrganisationLine {
            account: account.to_owned(),
            component: component.to_owned(),
            kind: kind.to_owned(),
            reason: reason.to_owned(),
            amount: Minor { units, currency },
        })
        .collect()
}

fn accounts(scope: Scope<'_>, month: &Month, lines: &[Line]) -> Result<Vec<FinanceAccount>, ReportError> {
    let mut accounts = Vec::new();
    let keys: BTreeSet<(&str, Currency)> =
        lines.iter().map(|line| (line.key.account.as_str(), line.key.currency)).collect();
    for (account, currency) in keys {
        let own: Vec<&Line> =
            lines.iter().filter(|l| l.key.account == account && l.key.currency == currency).collect();
        let of = |wanted: &dyn Fn(&str) -> bool| {
            total(currency, own.iter().filter(|line| wanted(&line.key.payer)).map(|line| line.minor))
        };
        let rounded = of(&|_| true)?;
        let Some(certificate) = balance::of_account(month, account, currency.code()) else { continue };
        let overflow = || ReportError::Overflow { what: format!("the bill of account {account}") };
        let in_pico = rounded.units.checked_mul(currency.pico_per_minor()).ok_or_else(overflow)?;
        let rounding = in_pico.checked_sub(certificate.billed).ok_or_else(overflow)?;
        let known = scope.registry.accounts.iter().find(|known| known.id.as_str() == account);
        accounts.push(FinanceAccount {
            account: account.to_owned(),
            name: known.and_then(|known| known.name.clone()).unwrap_or_else(|| account.to_owned()),
            provider: known.map(|known| known.provider.clone()).unwrap_or_default(),
            provider_paid_by: tables::provider_paid_by(own.iter().copied(), account),
            currency: currency.code().to_owned(),
            charges: certificate.charges,
            billed: pico_text(certificate.billed),
            posted: pico_text(certificate.posted),
            difference: pico_text(certificate.difference),
            rounded,
            rounding: decimal_text(rounding, PICO_SCALE),
            text_difference: certificate.text_difference.clone(),
            communities: of(&|payer| payer.starts_with("community:"))?,
            organisation: of(&|payer| payer == ORGANISATION)?,
            without_payer: of(&|payer| payer == NOBODY)?,
            provisional: pico_text(certificate.provisional),
            sources: sources(month, account, currency),
        });
    }
    Ok(accounts)
}

fn sources(month: &Month, account: &str, currency: Currency) -> Vec<BillSource> {
    let mut sources: Vec<BillSource> = Vec::new();
    for bill in &month.bills {
        if bill.key.account != account || bill.key.currency != currency.code() {
            continue;
        }
        let same = sources.iter_mut().find(|known| {
            known.importer == bill.key.importer
                && known.format_version == bill.key.format_version
                && known.grade == bill.key.grade
        });
        if let Some(known) = same {
            known.charges += bill.charges;
            known.files.extend(bill.files.iter().cloned());
            known.files.sort_unstable();
            known.files.dedup();
        } else {
            sources.push(BillSource {
                importer: bill.key.importer.clone(),
                format_version: bill.key.format_version.clone(),
                grade: bill.key.grade.clone(),
                charges: bill.charges,
                files: bill.files.clone(),
            });
        }
    }
    sources
}

fn provisional(month: &Month) -> Vec<ProvisionalLine> {
    let mut sums: BTreeMap<(&str, i32, &str), (i64, i128)> = BTreeMap::new();
    for bill in month.bills.iter().filter(|bill| bill.key.status == "provisional") {
        for (day, (charges, exact)) in &bill.days {
            let sum = sums.entry((&bill.key.account, *day, &bill.key.currency)).or_default();
            sum.0 += charges;
            sum.1 += exact;
        }
    }
    sums.into_iter()
        .map(|((account, day, currency), (charges, exact))| ProvisionalLine {
            account: account.to_owned(),
            date: day_to_date(day).to_string(),
            currency: currency.to_owned(),
            charges,
            exact: pico_text(exact),
        })
        .collect()
}
