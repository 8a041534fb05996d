//! The tables of a community's document: its lines by day, hub, user, cause and account.

use std::collections::{BTreeMap, BTreeSet};

use hubtally_schemas::money::pico_text;
use hubtally_schemas::period::{date_to_day, day_to_date};
use hubtally_schemas::{Currency, Minor, Period};

use super::{Scope, balance, total};
use crate::document::{
    AccountLine, CREDIT, CauseLine, DayLine, HubLine, IDLE, UNATTRIBUTED, UserCost, UserKey,
};
use crate::error::ReportError;
use crate::facts::Month;
use crate::facts::ledger::Place;
use crate::facts::usage::visitors;
use crate::rounded::Line;

/// By day and series (component, idle, unattributed): every day of the month, and others that the bill names.
pub fn days(period: Period, own: &[&Line], currency: Currency) -> Result<Vec<DayLine>, ReportError> {
    let mut days: BTreeMap<i32, (BTreeMap<String, i128>, bool)> =
        period.days().map(|day| (date_to_day(day), Default::default())).collect();
    for line in own {
        for (key, cell) in &line.days {
            let series = if key.credit { CREDIT } else { series(line) };
            let (parts, provisional) = days.entry(key.day).or_default();
            add(parts.entry(series.to_owned()).or_default(), cell.minor)?;
            *provisional |= cell.provisional;
        }
    }
    days.into_iter()
        .map(|(day, (parts, provisional))| {
            let total = total(currency, parts.values().copied())?;
            let parts = parts.into_iter().map(|(key, units)| (key, Minor { units, currency })).collect();
            Ok(DayLine { date: day_to_date(day).to_string(), parts, total, provisional })
        })
        .collect()
}

/// The series of a line: its component, or `idle` and `unattributed` whatever the component.
pub fn series(line: &Line) -> &str {
    match line.key.kind.as_str() {
        IDLE => IDLE,
        UNATTRIBUTED => UNATTRIBUTED,
        _ => &line.key.component,
    }
}

/// By hub, the dearest first.
pub fn hubs(scope: Scope<'_>, own: &[&Line], currency: Currency) -> Result<Vec<HubLine>, ReportError> {
    #[derive(Default)]
    struct Sums {
        direct: i128,
        shared: i128,
        idle: i128,
        unattributed: i128,
        home_storage: i128,
    }
    let mut hubs: BTreeMap<(&str, &str), Sums> = BTreeMap::new();
    for line in own {
        for (place, minor) in &line.places {
            let sums = hubs.entry((&place.cluster, &place.hub)).or_default();
            let sum = match line.key.kind.as_str() {
                "shared" => &mut sums.shared,
                IDLE => &mut sums.idle,
                UNATTRIBUTED => &mut sums.unattributed,
                _ => &mut sums.direct,
            };
            add(sum, *minor)?;
            if line.key.component == "home_storage" {
                add(&mut sums.home_storage, *minor)?;
            }
        }
    }
    let minor = |units| Minor { units, currency };
    let mut lines = Vec::with_capacity(hubs.len());
    for ((cluster, hub), sums) in hubs {
        let parts = [sums.direct, sums.shared, sums.idle, sums.unattributed];
        lines.push(HubLine {
            cluster: cluster.to_owned(),
            hub: hub.to_owned(),
            name: hub_name(scope, hub),
            staging: hub_entry(scope, hub).is_some_and(|known| known.staging),
            direct: minor(sums.direct),
            shared: minor(sums.shared),
            idle: minor(sums.idle),
            unattributed: minor(sums.unattributed),
            total: total(currency, parts.into_iter())?,
            home_storage: minor(sums.home_storage),
        });
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.total.units));
    Ok(lines)
}

/// By user, the dearest first.
pub fn users(month: &Month, own: &[&Line], currency: Currency) -> Result<Vec<UserCost>, ReportError> {
    let visitors = visitors(&month.usage);
    let mut users: BTreeMap<UserKey, i128> = BTreeMap::new();
    for line in own.iter().filter(|line| line.key.kind == "direct") {
        for (place, minor) in line.places.iter().filter(|(place, _)| has_user(place, &visitors)) {
            let user = UserKey {
                cluster: place.cluster.clone(),
                hub: place.hub.clone(),
                namespace: place.namespace.clone(),
                user_id: place.user_id.clone(),
            };
            add(users.entry(user).or_default(), *minor)?;
        }
    }
    let mut users: Vec<_> =
        users.into_iter().map(|(user, units)| UserCost { user, amount: Minor { units, currency } }).collect();
    users.sort_by_key(|line| std::cmp::Reverse(line.amount.units));
    Ok(users)
}

/// What no user line holds.
pub fn without_user(month: &Month, own: &[&Line], currency: Currency) -> Result<Minor, ReportError> {
    let visitors = &visitors(&month.usage);
    let rest = own.iter().flat_map(|line| {
        let direct = line.key.kind == "direct";
        line.places
            .iter()
            .filter(move |(place, _)| !direct || !has_user(place, visitors))
            .map(|(_, minor)| *minor)
    });
    total(currency, rest)
}

/// Whether a place is a user's: visitors have no login, and stand together with cost of no user.
fn has_user(place: &Place, visitors: &BTreeSet<(&str, &str, &str)>) -> bool {
    let user = (place.cluster.as_str(), place.namespace.as_str(), place.user_id.as_str());
    !place.user_id.is_empty() && !visitors.contains(&user)
}

/// A kind by cause and cluster, the dearest first.
pub fn causes(own: &[&Line], currency: Currency, kind: &str) -> Result<Vec<CauseLine>, ReportError> {
    let mut causes: BTreeMap<(&str, &str, &str), i128> = BTreeMap::new();
    for line in own.iter().filter(|line| line.key.kind == kind) {
        for ((reason, cluster), minor) in &line.reasons {
            add(causes.entry((reason, cluster, &line.key.payer)).or_default(), *minor)?;
        }
    }
    let mut lines: Vec<_> = causes
        .into_iter()
        .map(|((reason, cluster, payer), units)| CauseLine {
            reason: reason.to_owned(),
            cluster: cluster.to_owned(),
            payer: payer.to_owned(),
            amount: Minor { units, currency },
        })
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.amount.units));
    Ok(lines)
}

/// Reconciliation to each bill.
///
/// A bill that this community and one other bear together is not shown whole: the rest would be the
/// other's cost (law L9; with three or more, no single one can be told).
pub fn accounts(
    scope: Scope<'_>,
    month: &Month,
    all: &[Line],
    own: &[&Line],
    currency: Currency,
) -> Result<Vec<AccountLine>, ReportError> {
    let accounts: BTreeSet<&str> = own.iter().map(|line| line.key.account.as_str()).collect();
    let mut lines = Vec::with_capacity(accounts.len());
    for account in accounts {
        let bill: Vec<&Line> =
            all.iter().filter(|line| line.key.account == account && line.key.currency == currency).collect();
        let yours = total(currency, own.iter().filter(|l| l.key.account == account).map(|l| l.minor))?;
        let others: BTreeSet<&str> = bill
            .iter()
            .map(|line| line.key.payer.as_str())
            .filter(|payer| {
                payer.starts_with("community:") && own.first().is_some_and(|line| line.key.payer != *payer)
            })
            .collect();
        let may_show = others.len() != 1;
        let of_clusters = bill.iter().flat_map(|line| {
            line.places.iter().filter(|(place, _)| !place.cluster.is_empty()).map(|(_, minor)| *minor)
        });
        let known = scope.registry.accounts.iter().find(|known| known.id.as_str() == account);
        lines.push(AccountLine {
            account: account.to_owned(),
            name: known.and_then(|known| known.name.clone()).unwrap_or_else(|| account.to_owned()),
            provider: known.map(|known| known.provider.clone()).unwrap_or_default(),
            provider_paid_by: provider_paid_by(own.iter().copied(), account),
            grades: grades(month, account, currency),
            account_total: may_show.then(|| total(currency, bill.iter().map(|l| l.minor))).transpose()?,
            attributable: may_show.then(|| total(currency, of_clusters)).transpose()?,
            yours,
            difference: pico_text(
                balance::of_account(month, account, currency.code()).map_or(0, |known| known.difference),
            ),
        });
    }
    Ok(lines)
}

/// Who pays an account's provider, over the lines' days.
pub fn provider_paid_by<'a>(lines: impl Iterator<Item = &'a Line>, account: &str) -> Vec<&'static str> {
    let paid_by: BTreeSet<_> =
        lines.filter(|line| line.key.account == account).map(|line| line.key.paid_by).collect();
    paid_by.into_iter().map(crate::facts::ledger::PaidByOrder::code).collect()
}

/// The grades of an account's bills.
fn grades(month: &Month, account: &str, currency: Currency) -> Vec<String> {
    let grades: BTreeSet<&str> = month
        .bills
        .iter()
        .filter(|bill| bill.key.account == account && bill.key.currency == currency.code())
        .map(|bill| bill.key.grade.as_str())
        .collect();
    grades.into_iter().map(ToOwned::to_owned).collect()
}

/// A hub's name on documents: the last entry of the month's registry, since a hub may be renamed.
pub fn hub_name(scope: Scope<'_>, hub: &str) -> String {
    hub_entry(scope, hub).map_or_else(|| hub.to_owned(), |known| known.display_name().to_owned())
}

fn hub_entry<'a>(scope: Scope<'a>, hub: &str) -> Option<&'a hubtally_schemas::registry::Hub> {
    let entries = || scope.registry.hubs.iter().filter(|known| known.id.as_str() == hub);
    entries()
        .filter(|known| super::coverage::in_period(known.dates(), scope.period))
        .max_by_key(|known| known.from)
        .or_else(|| entries().max_by_key(|known| known.from))
}

fn add(sum: &mut i128, amount: i128) -> Result<(), ReportError> {
    let what = || ReportError::Overflow { what: "a statement's lines".to_owned() };
    *sum = sum.checked_add(amount).ok_or_else(what)?;
    Ok(())
}
