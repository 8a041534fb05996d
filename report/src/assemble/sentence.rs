//! The first sentence of a document: the figures that matter, in plain words.

use hubtally_schemas::money::parse_pico;
use hubtally_schemas::{Currency, Minor, Pico};

use super::{Scope, coverage};
use crate::document::{ClusterCoverage, CommunityCosts, FinanceCurrency, Party};
use crate::figures::{listed, money};

/// Of a community.
pub fn of_community(
    scope: Scope<'_>,
    party: &Party,
    costs: &[CommunityCosts],
    completeness: &[ClusterCoverage],
) -> String {
    let month = scope.period.words();
    let mut sentences = Vec::new();
    if costs.is_empty() {
        sentences.push(format!(
            "What {} cloud service cost in {month} is not known: no bill of it has been read.",
            possessive(&party.name)
        ));
    } else if let [only] = costs
        && only.lines.is_empty()
    {
        sentences.push(format!(
            "In {month} {} cloud service cost {}: no bill of the month has a line that it bears.",
            possessive(&party.name),
            money(only.total)
        ));
    } else {
        let totals: Vec<String> = costs.iter().map(|costs| money(costs.total)).collect();
        let parts: Vec<String> = costs.iter().map(parts).collect();
        sentences.push(format!(
            "In {month} {} cloud service cost {}: {}.",
            possessive(&party.name),
            listed(&totals),
            parts.join("; ")
        ));
        sentences.extend(costs.iter().filter_map(provisional));
        sentences.extend(costs.iter().filter_map(not_recoverable));
    }
    let observed = coverage::in_words(completeness);
    if !observed.is_empty() {
        sentences.push(observed);
    }
    sentences.join(" ")
}

/// Of the finance summary.
pub fn of_finance(scope: Scope<'_>, currencies: &[FinanceCurrency], accounts: usize) -> String {
    let month = scope.period.words();
    if currencies.is_empty() {
        return format!("No bill for {month} has been read.");
    }
    let totals: Vec<String> = currencies.iter().map(|c| money(c.total)).collect();
    let bills = if accounts == 1 { "one account".to_owned() } else { format!("{accounts} accounts") };
    let parts: Vec<String> = currencies
        .iter()
        .map(|currency| {
            let mut parts =
                vec![format!("{} is to be recovered from communities", money(currency.recoverable))];
            if currency.not_recoverable.units != 0 {
                parts.push(format!(
                    "{} is paid to the provider by communities or brokers",
                    money(currency.not_recoverable)
                ));
            }
            parts.push(format!("{} is the organisation’s own", money(currency.organisation)));
            if currency.without_payer.units != 0 {
                parts.push(format!("{} has no payer yet", money(currency.without_payer)));
            }
            listed(&parts)
        })
        .collect();
    format!(
        "In {month} the bills of {bills} sum to {}: {}. Billed and posted differ by\u{a0}0.",
        listed(&totals),
        parts.join("; ")
    )
}

fn parts(costs: &CommunityCosts) -> String {
    let mut parts = vec![format!("{} for what was used or shared", money(costs.cloud))];
    if costs.idle.units != 0 {
        parts.push(format!("{} idle", money(costs.idle)));
    }
    if costs.unattributed.units != 0 {
        parts.push(format!("{} unattributed", money(costs.unattributed)));
    }
    if parts.len() == 1 {
        return "all of it for what was used or shared".to_owned();
    }
    listed(&parts)
}

fn provisional(costs: &CommunityCosts) -> Option<String> {
    let amount = rounded(&costs.provisional, costs.total.currency)?;
    (amount.units != 0)
        .then(|| format!("About {} of it is provisional: the provider may still change it.", money(amount)))
}

fn not_recoverable(costs: &CommunityCosts) -> Option<String> {
    let units = costs.total.units.checked_sub(costs.recoverable.units)?;
    let amount = Minor { units, currency: costs.total.currency };
    (units != 0).then(|| {
        format!(
            "{} of it is paid to the provider by the community or a broker and is not invoiced.",
            money(amount)
        )
    })
}

/// An exact amount that is no part of a split, for a sentence.
pub fn rounded(exact: &str, currency: Currency) -> Option<Minor> {
    let units = parse_pico(exact).ok()?.pico;
    Some(hubtally_rules::rounding::half_even(Pico { units, currency }))
}

fn possessive(name: &str) -> String {
    format!("{name}’s")
}
