//! The ledger, its certificates, and the bills.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array;
use hubtally_rules::RegistryView;
use hubtally_schemas::policy::{CostBasis, Policy};
use hubtally_schemas::registry::PeriodBasis;
use hubtally_schemas::tables::{CHARGES, COMPLETENESS, CONSERVATION, LEDGER};
use hubtally_schemas::{Instant, Period};

use super::Reader;
use super::columns::Columns;
use crate::error::ReportError;
use crate::facts::bills::{BillKey, BillLine};
use crate::facts::ledger::{CREDIT_POOL, Leaf, LedgerFold, Row};
use crate::facts::{Certificate, ClusterHour, WithoutPayer};

/// The month's postings of one basis, folded.
pub async fn ledger(
    reader: &mut Reader<'_>,
    registry: &RegistryView,
    period: &str,
    basis: &str,
) -> Result<(Vec<Leaf>, Vec<WithoutPayer>), ReportError> {
    let wanted = [
        "charge_id",
        "basis",
        "kind",
        "reason",
        "component",
        "community",
        "payer",
        "cluster",
        "namespace",
        "hub",
        "pool",
        "user_id",
        "account",
        "amount",
        "currency",
        "service_day",
        "quality",
    ];
    let table = reader.open(&LEDGER).await?;
    let mut fold = LedgerFold::new(registry.registry());
    Reader::scan(&table, &[("period", period)], &wanted, |batch| {
        let columns = Columns::new(&LEDGER, batch);
        let charge_ids = columns.text("charge_id")?;
        let pools = columns.text("pool")?;
        let (bases, qualities) = (columns.text("basis")?, columns.text("quality")?);
        let (amounts, days) = (columns.decimal("amount")?, columns.day("service_day")?);
        let mut symbols = |name| Ok::<_, ReportError>(fold.symbols.column(columns.text(name)?));
        let (kinds, reasons, components) = (symbols("kind")?, symbols("reason")?, symbols("component")?);
        let (communities, payers) = (symbols("community")?, symbols("payer")?);
        let (clusters, namespaces) = (symbols("cluster")?, symbols("namespace")?);
        let (hubs, users) = (symbols("hub")?, symbols("user_id")?);
        let (accounts, currencies) = (symbols("account")?, symbols("currency")?);
        for row in 0..batch.num_rows() {
            if bases.value(row) != basis {
                continue;
            }
            fold.add(&Row {
                charge_id: charge_ids.value(row),
                account: accounts[row],
                currency: currencies[row],
                payer: payers[row],
                community: communities[row],
                component: components[row],
                kind: kinds[row],
                reason: reasons[row],
                cluster: clusters[row],
                namespace: namespaces[row],
                hub: hubs[row],
                user_id: users[row],
                day: days.value(row),
                provisional: qualities.value(row) == "provisional",
                credit: pools.is_valid(row) && pools.value(row) == CREDIT_POOL,
                exact: amounts.value(row),
            })?;
        }
        Ok(())
    })
    .await?;
    fold.finish()
}

/// The completeness certificate.
pub async fn hours(reader: &mut Reader<'_>, period: &str) -> Result<Vec<ClusterHour>, ReportError> {
    let wanted = ["cluster", "hour", "expected", "seen", "node_observed_ms", "node_billed_ms"];
    let table = reader.open(&COMPLETENESS).await?;
    let mut hours = Vec::new();
    Reader::scan(&table, &[("period", period)], &wanted, |batch| {
        let columns = Columns::new(&COMPLETENESS, batch);
        let (clusters, at) = (columns.text("cluster")?, columns.time("hour")?);
        let (expected, seen) = (columns.int("expected")?, columns.int("seen")?);
        let observed = columns.decimal("node_observed_ms")?;
        let billed = columns.decimal("node_billed_ms")?;
        hours.extend((0..batch.num_rows()).map(|row| ClusterHour {
            cluster: clusters.value(row).to_owned(),
            hour: Instant(at.value(row)),
            expected: expected.value(row),
            seen: seen.value(row),
            node_observed_ms: observed.value(row),
            node_billed_ms: billed.value(row),
        }));
        Ok(())
    })
    .await?;
    hours.sort_by(|a, b| (&a.cluster, a.hour).cmp(&(&b.cluster, b.hour)));
    Ok(hours)
}

/// The conservation certificates of one basis.
pub async fn certificates(
    reader: &mut Reader<'_>,
    period: &str,
    basis: &str,
) -> Result<Vec<Certificate>, ReportError> {
    let wanted = [
        "scope",
        "scope_id",
        "basis",
        "currency",
        "charges",
        "billed",
        "posted",
        "difference",
        "violating_charges",
        "provisional",
        "text_difference",
        "inputs_digest",
    ];
    let table = reader.open(&CONSERVATION).await?;
    let mut certificates = Vec::new();
    Reader::scan(&table, &[("period", period)], &wanted, |batch| {
        let columns = Columns::new(&CONSERVATION, batch);
        let text = |name| columns.text(name);
        let (scopes, ids, bases) = (text("scope")?, text("scope_id")?, text("basis")?);
        let (currencies, differences) = (text("currency")?, text("text_difference")?);
        let digests = text("inputs_digest")?;
        let (charges, violating) = (columns.int("charges")?, columns.int("violating_charges")?);
        let (billed, posted) = (columns.decimal("billed")?, columns.decimal("posted")?);
        let (difference, provisional) = (columns.decimal("difference")?, columns.decimal("provisional")?);
        certificates.extend((0..batch.num_rows()).filter(|row| bases.value(*row) == basis).map(|row| {
            Certificate {
                scope: scopes.value(row).to_owned(),
                scope_id: ids.value(row).to_owned(),
                currency: currencies.value(row).to_owned(),
                charges: charges.value(row),
                billed: billed.value(row),
                posted: posted.value(row),
                difference: difference.value(row),
                violating: violating.value(row),
                provisional: provisional.value(row),
                text_difference: differences.value(row).to_owned(),
                inputs_digest: digests.value(row).to_owned(),
            }
        }));
        Ok(())
    })
    .await?;
    certificates
        .sort_by(|a, b| (&a.currency, &a.scope, &a.scope_id).cmp(&(&b.currency, &b.scope, &b.scope_id)));
    Ok(certificates)
}

/// The bills whose charges belong to the month. With `usage_date` a charge of the month may stand on the
/// bill of the month before or after.
pub async fn bills(
    reader: &mut Reader<'_>,
    registry: &RegistryView,
    policy: &Policy,
    period: Period,
) -> Result<Vec<BillLine>, ReportError> {
    let cost = match policy.cost_basis {
        CostBasis::Billed => "billed_cost",
        CostBasis::Effective => "effective_cost",
    };
    let wanted = [
        "account",
        "importer",
        "format_version",
        "grade",
        "status",
        "billing_currency",
        cost,
        "charge_period_start",
        "source_file",
    ];
    let table = reader.open(&CHARGES).await?;
    let mut bills: BTreeMap<BillKey, Sums> = BTreeMap::new();
    for billing_period in [period.previous(), period, period.next()] {
        let partition = billing_period.to_string();
        Reader::scan(&table, &[("billing_period", &partition)], &wanted, |batch| {
            let columns = Columns::new(&CHARGES, batch);
            let (accounts, importers) = (columns.text("account")?, columns.text("importer")?);
            let (formats, grades) = (columns.text("format_version")?, columns.text("grade")?);
            let (statuses, currencies) = (columns.text("status")?, columns.text("billing_currency")?);
            let files = columns.text("source_file")?;
            let (costs, starts) = (columns.decimal(cost)?, columns.time("charge_period_start")?);
            let mut last: Option<(BillKey, Sums)> = None;
            for row in 0..batch.num_rows() {
                let start = Instant(starts.value(row));
                let account = accounts.value(row);
                let basis = registry.account(account).and_then(|known| known.period_basis);
                let belongs = match basis.unwrap_or(policy.period_basis) {
                    PeriodBasis::InvoiceMonth => billing_period,
                    PeriodBasis::UsageDate => Period::of(start),
                };
                if belongs != period {
                    continue;
                }
                let texts = [
                    account,
                    importers.value(row),
                    formats.value(row),
                    grades.value(row),
                    statuses.value(row),
                    currencies.value(row),
                ];
                if !last.as_ref().is_some_and(|(key, _)| key.is(texts)) {
                    if let Some((key, sums)) = last.take() {
                        bills.entry(key).or_default().merge(sums);
                    }
                    last = Some((BillKey::of(texts), Sums::default()));
                }
                if let Some((key, sums)) = &mut last {
                    let provisional = key.status == "provisional";
                    sums.add(costs.value(row), start, provisional, files.value(row));
                }
            }
            if let Some((key, sums)) = last {
                bills.entry(key).or_default().merge(sums);
            }
            Ok(())
        })
        .await?;
    }
    Ok(bills
        .into_iter()
        .map(|(key, sums)| BillLine {
            key,
            charges: sums.charges,
            exact: sums.exact,
            days: sums.days,
            files: sums.files.into_iter().collect(),
        })
        .collect())
}

impl BillKey {
    fn is(&self, texts: [&str; 6]) -> bool {
        let own =
            [&self.account, &self.importer, &self.format_version, &self.grade, &self.status, &self.currency];
        own.iter().zip(texts).all(|(own, text)| own.as_str() == text)
    }

    fn of(texts: [&str; 6]) -> Self {
        let [account, importer, format_version, grade, status, currency] = texts.map(ToOwned::to_owned);
        Self { account, importer, format_version, grade, status, currency }
    }
}

/// Sums for print beside the certificate, which is what proves the amounts.
#[derive(Default)]
struct Sums {
    charges: i64,
    exact: i128,
    days: BTreeMap<i32, (i64, i128)>,
    files: BTreeSet<String>,
}

impl Sums {
    fn add(&mut self, exact: i128, start: Instant, provisional: bool, file: &str) {
        self.charges += 1;
        self.exact = self.exact.saturating_add(exact);
        if provisional {
            let day = self.days.entry(start.day()).or_default();
            day.0 += 1;
            day.1 = day.1.saturating_add(exact);
        }
        if !self.files.contains(file) {
            self.files.insert(file.to_owned());
        }
    }

    fn merge(&mut self, other: Self) {
        self.charges += other.charges;
        self.exact = self.exact.saturating_add(other.exact);
        for (day, (charges, exact)) in other.days {
            let sum = self.days.entry(day).or_default();
            sum.0 += charges;
            sum.1 = sum.1.saturating_add(exact);
        }
        self.files.extend(other.files);
    }
}
