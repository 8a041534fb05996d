//! The month in minor units: each bill rounded once, its leaves after it, and every printed cell a part
//! of its leaf, so that all totals are sums of printed lines (law L8).

use std::collections::BTreeMap;

use hubtally_rules::rounding::round_bill;
use hubtally_schemas::Currency;

use crate::error::ReportError;
use crate::facts::ledger::{DayKey, Leaf, LeafKey, Place};

/// A leaf line in minor units, with the same amount by day, by place and by reason.
#[derive(Debug, Clone)]
pub struct Line {
    /// What it is.
    pub key: LeafKey,
    /// Its exact amount, 10⁻¹² units.
    pub exact: i128,
    /// The part that the provider may still change, 10⁻¹² units.
    pub provisional: i128,
    /// Its amount, minor units.
    pub minor: i128,
    /// By UTC day number, credits apart; sums to `minor`.
    pub days: BTreeMap<DayKey, DayCell>,
    /// By place; sums to `minor`, and so do the places of each hub to the hub.
    pub places: BTreeMap<Place, i128>,
    /// By reason and cluster; sums to `minor`.
    pub reasons: BTreeMap<(String, String), i128>,
}

/// A day of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayCell {
    /// Minor units.
    pub minor: i128,
    /// Whether a part of it may still change.
    pub provisional: bool,
}

/// Rounds all leaves, sorted by key: each (account, currency) is one bill.
pub fn round_leaves(leaves: &[Leaf]) -> Result<Vec<Line>, ReportError> {
    let mut bills: BTreeMap<(&str, Currency), Vec<&Leaf>> = BTreeMap::new();
    for leaf in leaves {
        bills.entry((&leaf.key.account, leaf.key.currency)).or_default().push(leaf);
    }
    let mut lines = Vec::with_capacity(leaves.len());
    for ((account, currency), bill) in bills {
        let exact: Vec<i128> = bill.iter().map(|leaf| leaf.exact).collect();
        let minor = split(account, &exact, currency, None)?;
        for (leaf, minor) in bill.into_iter().zip(minor) {
            lines.push(line(leaf, minor)?);
        }
    }
    Ok(lines)
}

fn line(leaf: &Leaf, minor: i128) -> Result<Line, ReportError> {
    let (account, currency) = (leaf.key.account.as_str(), leaf.key.currency);
    let exact: Vec<i128> = leaf.days.values().map(|part| part.exact).collect();
    let days = split(account, &exact, currency, Some(minor))?;
    let days = leaf.days.iter().zip(days).map(|((day, part), minor)| {
        let provisional = part.provisional != 0;
        (*day, DayCell { minor, provisional })
    });
    Ok(Line {
        key: leaf.key.clone(),
        exact: leaf.exact,
        provisional: leaf.provisional,
        minor,
        days: days.collect(),
        places: places(leaf, minor)?,
        reasons: cells(account, currency, &leaf.reasons, minor)?,
    })
}

/// First among the hubs, then within each hub among its users.
fn places(leaf: &Leaf, minor: i128) -> Result<BTreeMap<Place, i128>, ReportError> {
    let (account, currency) = (leaf.key.account.as_str(), leaf.key.currency);
    let mut hubs: BTreeMap<(String, String), BTreeMap<Place, i128>> = BTreeMap::new();
    for (place, exact) in &leaf.places {
        let hub = (place.cluster.clone(), place.hub.clone());
        hubs.entry(hub).or_default().insert(place.clone(), *exact);
    }
    let mut sums = BTreeMap::new();
    for (hub, places) in &hubs {
        sums.insert(hub.clone(), sum(places.values().copied(), account)?);
    }
    let by_hub = cells(account, currency, &sums, minor)?;
    let mut done = BTreeMap::new();
    for (hub, places) in &hubs {
        let of_hub = by_hub.get(hub).copied().unwrap_or_default();
        done.extend(cells(account, currency, places, of_hub)?);
    }
    Ok(done)
}

fn cells<K: Ord + Clone>(
    account: &str,
    currency: Currency,
    exact: &BTreeMap<K, i128>,
    total: i128,
) -> Result<BTreeMap<K, i128>, ReportError> {
    let amounts: Vec<i128> = exact.values().copied().collect();
    let minor = split(account, &amounts, currency, Some(total))?;
    Ok(exact.keys().cloned().zip(minor).collect())
}

/// Cells that sum to `total`, each within a minor unit of its exact amount. `total` is their own sum,
/// rounded up or down, so the rule can always keep it.
fn split(
    account: &str,
    exact: &[i128],
    currency: Currency,
    total: Option<i128>,
) -> Result<Vec<i128>, ReportError> {
    round_bill(exact, currency, total)
        .map(|bill| bill.leaves)
        .map_err(|source| ReportError::Rounding { account: account.to_owned(), source })
}

/// A checked sum.
pub fn sum(amounts: impl Iterator<Item = i128>, of: &str) -> Result<i128, ReportError> {
    let mut total = 0_i128;
    for amount in amounts {
        total = total.checked_add(amount).ok_or_else(|| ReportError::Overflow { what: of.to_owned() })?;
    }
    Ok(total)
}
