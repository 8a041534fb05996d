//! Where the data is incomplete: said on every document that it touches (law L4).

use std::collections::{BTreeMap, BTreeSet};

use hubtally_schemas::money::pico_text;
use hubtally_schemas::registry::{Cluster, PaidBy};
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::statement::{RefusedSummary, UnreadKind};
use hubtally_schemas::{ClusterId, Currency, Period};

use super::{Scope, balance, coverage, sentence};
use crate::document::{ClusterCoverage, CommunityCosts};
use crate::error::ReportError;
use crate::facts::Month;
use crate::facts::ledger::paid_by_at;
use crate::facts::refused::Refused;
use crate::figures::{counted, money};
use crate::rounded::sum;

/// Of the whole federation: each note makes the close incomplete.
pub fn of_federation(
    scope: Scope<'_>,
    month: &Month,
    coverage: &[ClusterCoverage],
) -> Result<Vec<String>, ReportError> {
    let mut notes = Vec::new();
    for cluster in &scope.registry.clusters {
        let lived = coverage::in_period(cluster.dates(), scope.period);
        if lived && !coverage.iter().any(|known| known.cluster == cluster.id.as_str()) {
            notes.push(format!(
                "Cluster {}: no telemetry was read for {}.",
                cluster.id,
                scope.period.words()
            ));
        }
    }
    notes.extend(coverage.iter().filter_map(coverage::note));
    for certificate in balance::totals(month).filter(|total| total.provisional != 0) {
        let bills = month
            .bills
            .iter()
            .filter(|b| b.key.status == "provisional" && b.key.currency == certificate.currency);
        let charges: i64 = bills.map(|bill| bill.charges).sum();
        notes.push(format!(
            "{} provisional, {}: the provider may still change them.",
            match charges {
                0 => "Charges are".to_owned(),
                1 => "1 charge is".to_owned(),
                more => format!("{} are", counted(more, "charge")),
            },
            shown(certificate.provisional, &certificate.currency)
        ));
    }
    notes.extend(
        accounts_without_bill(scope, month)
            .into_iter()
            .map(|account| format!("Account {account}: no bill for {} has been read.", scope.period.words())),
    );
    let currencies: BTreeSet<&str> = month.without_payer.iter().map(|c| c.currency.as_str()).collect();
    for currency in currencies {
        let charges: Vec<_> = month.without_payer.iter().filter(|c| c.currency == currency).collect();
        let amount = sum(charges.iter().map(|charge| charge.exact), "charges without a payer")?;
        let count = i64::try_from(charges.len()).unwrap_or(i64::MAX);
        notes.push(format!(
            "{} without a payer, {}: name an owner of the account in the registry for those days.",
            counted(count, "charge"),
            shown(amount, currency)
        ));
    }
    notes.extend(month.unread.iter().map(|unread| {
        let (what, told) = match unread.kind {
            UnreadKind::Bill => ("A bill", "charges"),
            UnreadKind::Usage => ("A source of usage", "tells"),
        };
        // The first line says what is wrong; what follows, if anything, is an example to copy.
        let why = unread.why.lines().next().unwrap_or_default();
        format!("{what} could not be used, so what it {told} for {} is missing: {why}", scope.period.words())
    }));
    notes.extend(refused_by_reason(month).into_iter().map(|refused| {
        let noun = if refused.reason == RejectReason::BillRow.code() { "bill row" } else { "record" };
        let count = counted(i64::try_from(refused.count).unwrap_or(i64::MAX), noun);
        let may_be = if refused.dated { "" } else { ", which may be of this month or of one before" };
        format!("{count} could not be used{may_be} ({}): {}.", refused.reason, advice(&refused.reason))
    }));
    Ok(notes)
}

/// Refused records of a month by reason, whatever their cluster.
fn refused_by_reason(month: &Month) -> Vec<Refused> {
    let mut sums: BTreeMap<(bool, &str), u64> = BTreeMap::new();
    for refused in &month.refused {
        *sums.entry((!refused.dated, &refused.reason)).or_default() += refused.count;
    }
    sums.into_iter()
        .map(|((undated, reason), count)| Refused {
            reason: reason.to_owned(),
            cluster: None,
            dated: !undated,
            count,
        })
        .collect()
}

/// The same for the command line.
pub fn refused_summary(month: &Month) -> Vec<RefusedSummary> {
    let mut summary: Vec<RefusedSummary> = Vec::new();
    for Refused { reason, count, .. } in refused_by_reason(month) {
        match summary.iter_mut().find(|known| known.reason == reason) {
            Some(known) => known.count += count,
            None => summary.push(RefusedSummary { advice: advice(&reason).to_owned(), reason, count }),
        }
    }
    summary
}

fn advice(reason: &str) -> &'static str {
    RejectReason::of_code(reason)
        .map_or("a newer release refused it: upgrade, or see its docs/format.md", RejectReason::advice)
}

/// Inputs of which nobody knows what they hold touch each community. Their names are not told: they may be
/// another community's (law L9).
fn unread(scope: Scope<'_>, month: &Month) -> Vec<String> {
    let note = |kind, one: &str, holds: &str| {
        let count = month.unread.iter().filter(|unread| unread.kind == kind).count();
        let whose = match count {
            0 => return None,
            1 => "its",
            _ => "their",
        };
        let count = counted(i64::try_from(count).unwrap_or(i64::MAX), one);
        let month = scope.period.words();
        Some(format!(
            "{count} could not be used: {whose} {holds} of {month}, if any, is not in this document."
        ))
    };
    let bills = note(UnreadKind::Bill, "bill", "cost");
    bills.into_iter().chain(note(UnreadKind::Usage, "usage file", "usage")).collect()
}

/// What a community's clusters miss: `2 records …: a negative quantity (1), a time in the future (1)`.
fn refused_of_clusters(scope: Scope<'_>, month: &Month, community: &str) -> Vec<String> {
    let mut notes = Vec::new();
    for cluster in coverage::clusters_of(scope.registry, community, scope.period) {
        let own = month.refused.iter().filter(|refused| refused.cluster.as_deref() == Some(cluster.as_str()));
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        for refused in own {
            let words = RejectReason::of_code(&refused.reason).map_or("another reason", RejectReason::words);
            *reasons.entry(words).or_default() += refused.count;
        }
        let count = i64::try_from(reasons.values().sum::<u64>()).unwrap_or(i64::MAX);
        if count > 0 {
            let each: Vec<String> =
                reasons.iter().map(|(words, count)| format!("{words} ({count})")).collect();
            notes.push(format!(
                "Cluster {cluster}: {} of usage could not be used, so what {} is not in this document: {}.",
                counted(count, "record"),
                if count == 1 { "it tells" } else { "they tell" },
                each.join(", ")
            ));
        }
    }
    notes
}

/// Of one community: only what touches its document.
pub fn of_community(
    scope: Scope<'_>,
    month: &Month,
    community: &str,
    costs: &[CommunityCosts],
    completeness: &[ClusterCoverage],
) -> Vec<String> {
    let mut notes: Vec<String> = completeness.iter().filter_map(coverage::note).collect();
    for id in coverage::clusters_of(scope.registry, community, scope.period) {
        if !completeness.iter().any(|known| known.cluster == id.as_str()) {
            notes.push(format!("Cluster {id}: no telemetry was read for {}.", scope.period.words()));
        }
    }
    for (id, has_account) in clusters_without_bill(scope, month, community) {
        let why = if has_account {
            format!("no bill of its account for {} has been read", scope.period.words())
        } else {
            "its bill is not seen by the organisation".to_owned()
        };
        notes.push(format!("Cluster {id}: {why}, so its cost is not known and not in this document."));
    }
    for costs in costs {
        let amount = sentence::rounded(&costs.provisional, costs.total.currency);
        if let Some(amount) = amount.filter(|amount| amount.units != 0) {
            notes.push(format!("About {} is provisional: the provider may still change it.", money(amount)));
        }
    }
    notes.extend(unread(scope, month));
    notes.extend(refused_of_clusters(scope, month, community));
    notes
}

/// Clusters that a community's hubs run on and that no bill speaks of, each with whether the registry
/// names its account.
pub fn clusters_without_bill(scope: Scope<'_>, month: &Month, community: &str) -> Vec<(ClusterId, bool)> {
    let billed: BTreeSet<&str> = accounts_of(month).collect();
    let clusters = coverage::clusters_of(scope.registry, community, scope.period).into_iter();
    clusters
        .filter_map(|id| {
            let cluster = scope.registry.clusters.iter().find(|known| known.id == id);
            match cluster.and_then(|cluster| cluster.account.as_ref()) {
                None => Some((id, false)),
                Some(account) if !billed.contains(account.as_str()) => Some((id, true)),
                Some(_) => None,
            }
        })
        .collect()
}

/// Clusters that lived in the month and whose account the registry does not name: nobody here sees their bill.
pub fn clusters_without_account(scope: Scope<'_>) -> Vec<String> {
    let lived = |cluster: &&Cluster| coverage::in_period(cluster.dates(), scope.period);
    let clusters = scope.registry.clusters.iter().filter(lived);
    let mut ids: Vec<_> = clusters.filter(|c| c.account.is_none()).map(|c| c.id.to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Accounts that the organisation pays in the month and that no charge speaks of.
pub fn accounts_without_bill(scope: Scope<'_>, month: &Month) -> Vec<String> {
    let billed: BTreeSet<&str> = accounts_of(month).collect();
    let mut missing: Vec<String> = scope
        .registry
        .accounts
        .iter()
        .filter(|account| !billed.contains(account.id.as_str()))
        .filter(|account| serves_a_cluster(scope, account.id.as_str()))
        .filter(|account| paid_by_organisation(scope, account.id.as_str(), scope.period))
        .map(|account| account.id.to_string())
        .collect();
    missing.sort_unstable();
    missing
}

fn accounts_of(month: &Month) -> impl Iterator<Item = &str> {
    month.certificates.iter().filter(|c| c.scope == "account" && c.charges > 0).map(|c| c.scope_id.as_str())
}

fn serves_a_cluster(scope: Scope<'_>, account: &str) -> bool {
    scope.registry.clusters.iter().any(|cluster| {
        cluster.account.as_ref().is_some_and(|id| id.as_str() == account)
            && coverage::in_period(cluster.dates(), scope.period)
    })
}

fn paid_by_organisation(scope: Scope<'_>, account: &str, period: Period) -> bool {
    coverage::day_numbers(period).any(|day| {
        let at = hubtally_schemas::Instant::at_midnight(hubtally_schemas::period::day_to_date(day));
        paid_by_at(scope.registry, account, at) == Some(PaidBy::Organisation)
    })
}

fn shown(exact: i128, currency: &str) -> String {
    match Currency::new(currency).ok().and_then(|known| sentence::rounded(&pico_text(exact), known)) {
        Some(amount) => money(amount),
        None => format!("{currency} {}", pico_text(exact)),
    }
}
