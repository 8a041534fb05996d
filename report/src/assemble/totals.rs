//! Totals over all communities, without names, for the organisation's own page.
//!
//! Small cells are hidden: people from 1 to 10; money that fewer than three communities make up, or of
//! which two communities make up so much that the largest could be told (the p % rule, p = 15).

use std::collections::{BTreeMap, BTreeSet};

use hubtally_schemas::{Currency, Minor};

use super::{Fixed, Scope, coverage, currencies, notes, total};
use crate::document::{ClusterCoverage, CommunityReport, ComponentTotal, TOTALS_SCHEMA, TotalCosts, Totals};
use crate::error::ReportError;
use crate::facts::Month;
use crate::facts::usage::{UsageOf, visitors};
use crate::figures::{counted, coverage_percent, listed, money};
use crate::rounded::Line;

/// The largest number of people that is hidden.
const HIDDEN_PEOPLE: i64 = 10;
/// The fewest communities that an amount may speak of.
const FEWEST_COMMUNITIES: usize = 3;
/// The p % rule: others must be able to hide the largest by so many percent.
const P_PERCENT: i128 = 15;

/// The totals.
pub fn totals(
    scope: Scope<'_>,
    fixed: &Fixed,
    month: &Month,
    lines: &[Line],
    clusters: &[ClusterCoverage],
    communities: &[CommunityReport],
    incomplete: &[String],
) -> Result<Totals, ReportError> {
    let mut costs = Vec::new();
    for currency in currencies(lines.iter()) {
        costs.push(in_currency(currency, lines)?);
    }
    let hubs: BTreeSet<&str> = scope
        .registry
        .hubs
        .iter()
        .filter(|hub| coverage::in_period(hub.dates(), scope.period))
        .map(|hub| hub.id.as_str())
        .collect();
    let visitors = visitors(&month.usage);
    let own = month.usage.iter().filter(|usage| !usage.user_id.is_empty());
    let users: BTreeSet<_> = own.map(UsageOf::user).filter(|user| !visitors.contains(user)).collect();
    let shown = |people: usize| Some(count(people)).filter(|people| *people == 0 || *people > HIDDEN_PEOPLE);
    let active = communities.iter().filter(|report| {
        !coverage::clusters_of(scope.registry, &report.community.id, scope.period).is_empty()
    });
    let active = count(active.count());
    let hubs = count(hubs.len());
    let (seen, expected) = coverage::seen_of_expected(clusters);
    let words = sentence(scope, active, hubs, &costs, clusters);
    let mut said = Vec::new();
    if !incomplete.is_empty() {
        said.push("The data of this month is incomplete; the figures may change.".to_owned());
    }
    let unbilled = count(notes::clusters_without_account(scope).len());
    if unbilled > 0 {
        let of = counted(unbilled, "cluster");
        said.push(format!(
            "The bill of {of} is not seen by the organisation; the cost is not known and in no figure here."
        ));
    }
    Ok(Totals {
        head: fixed.head(scope, TOTALS_SCHEMA, words, said),
        communities: active,
        hubs,
        users: shown(users.len()),
        visitors: shown(visitors.len()),
        costs,
        coverage_percent: coverage_percent(seen, expected),
        suppression: vec![
            format!("A number of people from 1 to {HIDDEN_PEOPLE} is not shown."),
            format!(
                "An amount is shown where at least {FEWEST_COMMUNITIES} communities make it up and none of them could \
                 be told from it within {P_PERCENT} %; smaller ones stand together."
            ),
        ],
    })
}

fn sentence(
    scope: Scope<'_>,
    communities: i64,
    hubs: i64,
    costs: &[TotalCosts],
    clusters: &[ClusterCoverage],
) -> String {
    let month = scope.period.words();
    let served = match communities {
        1 => "1 community".to_owned(),
        more => format!("{} communities", crate::figures::count(more)),
    };
    let shown: Vec<String> = costs.iter().filter_map(|costs| costs.communities_total).map(money).collect();
    let cost = match (costs.is_empty(), shown.is_empty()) {
        (true, _) => "No bill of the month has been read.".to_owned(),
        (false, true) => {
            "What it cost is not shown, since it would tell what single communities cost.".to_owned()
        }
        (false, false) => format!("Their cloud service cost {}.", listed(&shown)),
    };
    let observed = coverage::in_words(clusters);
    let words = format!("In {month} {} served {served}. {cost} {observed}", counted(hubs, "hub"));
    words.trim_end().to_owned()
}

fn in_currency(currency: Currency, lines: &[Line]) -> Result<TotalCosts, ReportError> {
    let mut components: BTreeMap<&str, BTreeMap<&str, i128>> = BTreeMap::new();
    let mut all: BTreeMap<&str, i128> = BTreeMap::new();
    let own = || lines.iter().filter(|line| line.key.currency == currency);
    for line in own().filter(|line| line.key.payer.starts_with("community:")) {
        let by_payer = components.entry(&line.key.component).or_default();
        *by_payer.entry(&line.key.payer).or_default() += line.minor;
        *all.entry(&line.key.payer).or_default() += line.minor;
    }
    let organisation = own().filter(|line| line.key.payer == "organisation").map(|line| line.minor);
    let enough = all.values().filter(|units| **units != 0).count() >= FEWEST_COMMUNITIES;
    Ok(TotalCosts {
        currency: currency.code().to_owned(),
        communities_total: enough.then(|| total(currency, all.values().copied())).transpose()?,
        organisation_total: total(currency, organisation)?,
        components: if enough { collapse(currency, components) } else { Vec::new() },
    })
}

/// Safe components one by one, the rest together. Where the rest alone is not safe, the smallest safe
/// ones join it until it is; nothing is dropped, so the cells sum to the total.
fn collapse(currency: Currency, components: BTreeMap<&str, BTreeMap<&str, i128>>) -> Vec<ComponentTotal> {
    let (mut shown, rest): (Vec<_>, Vec<_>) = components
        .into_iter()
        .map(|(component, by_payer)| (vec![component.to_owned()], by_payer))
        .partition(|(_, by_payer)| is_safe(by_payer));
    shown.sort_by_key(|(_, by_payer)| std::cmp::Reverse(by_payer.values().sum::<i128>()));
    let mut together: (Vec<String>, BTreeMap<&str, i128>) = Default::default();
    for cell in rest {
        join(&mut together, cell);
    }
    while !together.0.is_empty() && !is_safe(&together.1) {
        let Some(smallest) = shown.pop() else { break };
        join(&mut together, smallest);
    }
    if !together.0.is_empty() {
        together.0.sort_unstable();
        shown.push(together);
    }
    shown
        .into_iter()
        .map(|(components, by_payer)| ComponentTotal {
            components,
            amount: Minor { units: by_payer.values().sum(), currency },
        })
        .collect()
}

type Cell<'a> = (Vec<String>, BTreeMap<&'a str, i128>);

fn join<'a>(into: &mut Cell<'a>, cell: Cell<'a>) {
    into.0.extend(cell.0);
    for (payer, units) in cell.1 {
        *into.1.entry(payer).or_default() += units;
    }
}

/// Three communities or more, and X − x₁ − x₂ ≥ p/100 × x₁.
fn is_safe(by_payer: &BTreeMap<&str, i128>) -> bool {
    let mut amounts: Vec<i128> =
        by_payer.values().filter(|units| **units != 0).map(|units| units.saturating_abs()).collect();
    amounts.sort_unstable_by(|a, b| b.cmp(a));
    if amounts.len() < FEWEST_COMMUNITIES {
        return false;
    }
    let others: i128 = amounts[2..].iter().sum();
    others.saturating_mul(100) >= amounts[0].saturating_mul(P_PERCENT)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_tells_of_one_community_stands_together_with_others() {
        let safe: BTreeMap<&str, i128> = [("a", 100), ("b", 90), ("c", 80)].into();
        let few: BTreeMap<&str, i128> = [("a", 100), ("b", 90)].into();
        let dominated: BTreeMap<&str, i128> = [("a", 10_000), ("b", 90), ("c", 80)].into();
        assert!(is_safe(&safe) && !is_safe(&few) && !is_safe(&dominated));
        let cells =
            collapse(Currency::USD, [("backup", few), ("compute", safe.clone()), ("core", safe)].into());
        let shown: Vec<(usize, i128)> = cells.iter().map(|c| (c.components.len(), c.amount.units)).collect();
        // backup alone is not safe, so the smallest safe component joins it.
        assert_eq!(shown, [(1, 270), (2, 460)]);
    }
}
