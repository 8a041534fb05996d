//! What waits for the whole month: pools by direct cost, then taxes and credits.
//!
//! Order: direct and idle are done when this runs; pools next; taxes and credits last, since they
//! follow everything else that an account cost.

use std::collections::BTreeMap;

use crate::charge::{Category, Charge, Charges};
use crate::error::AggregateError;
use crate::pieces::split;
use crate::place::{HubPlace, Places};
use crate::posting::{Kind, Payer, Postings, Reason, Target};
use crate::split::{Deferred, DeferredRule, hub_target};
use crate::symbols::{NONE, Symbol, Symbols};
use ahash::AHashMap as HashMap;

/// What is borne, by payer, cluster, hub and namespace.
type Bearers = HashMap<(Payer, Symbol, Symbol, Symbol), i128>;
/// Bearers in an order that no map decides: by payer, then by the text of their place.
type Ordered<'a> = BTreeMap<(&'a str, [Option<&'a str>; 4]), (Target, i128)>;

/// Sums of a month that weights are made of.
#[derive(Debug, Default)]
pub struct MonthTotals {
    /// Direct cost by (currency, cluster, hub).
    direct: HashMap<(Symbol, Symbol, Symbol), i128>,
    /// Cost by (account, currency, service or NONE for all) and who bears it.
    borne: HashMap<(Symbol, Symbol, Symbol), Bearers>,
}

impl MonthTotals {
    /// Takes the postings of a charge that is no tax and no credit.
    pub fn take(&mut self, charges: &Charges, charge: &Charge, postings: &Postings) {
        let line = charges.line(charge);
        if line.category != Category::Use {
            return;
        }
        for posting in &postings.list {
            let target = posting.target;
            if target.kind == Kind::Direct && target.hub != NONE {
                *self.direct.entry((charge.currency, target.cluster, target.hub)).or_default() +=
                    posting.amount;
            }
            for service in [NONE, line.service] {
                let by_payer = self.borne.entry((charge.account, charge.currency, service)).or_default();
                let key = (target.payer, target.cluster, target.hub, target.namespace);
                *by_payer.entry(key).or_default() += posting.amount;
            }
        }
    }
}

/// Resolves one deferred part.
pub fn resolve(
    part: &Deferred,
    charge: &Charge,
    service: Symbol,
    totals: &MonthTotals,
    places: &Places<'_>,
    symbols: &Symbols,
    out: &mut Postings,
) -> Result<(), AggregateError> {
    match part.rule {
        DeferredRule::Direct { cluster, pool } => {
            let hubs: Vec<HubPlace> = places
                .hubs(cluster, part.at, symbols)
                .into_iter()
                .filter(|hub| hub.community != NONE)
                .collect();
            let weights: Vec<i128> = hubs
                .iter()
                .map(|hub| {
                    totals.direct.get(&(charge.currency, cluster, hub.hub)).copied().unwrap_or(0).max(0)
                })
                .collect();
            let total: i128 = weights.iter().sum();
            if total == 0 {
                return to_owner(part, charge, cluster, pool, places, symbols, out);
            }
            let amounts = split(&charge.id, part.amount, &weights)?;
            for ((hub, weight), amount) in hubs.iter().zip(weights).zip(amounts) {
                let target = Target { pool, ..hub_target(Kind::Shared, *hub, cluster, NONE) };
                out.add(target, amount, Some((weight, total)));
            }
            Ok(())
        }
        DeferredRule::Follow { same_service, pool } => {
            let service = if same_service { service } else { NONE };
            let by_payer = totals.borne.get(&(charge.account, charge.currency, service));
            // Sorted by text, so that ties never depend on the order of files.
            let mut weighted = Ordered::new();
            for ((payer, cluster, hub, namespace), amount) in by_payer.into_iter().flatten() {
                if *amount <= 0 {
                    continue;
                }
                let who = match payer {
                    Payer::Community(_) => "community",
                    Payer::Organisation => "organisation",
                    Payer::Nobody => "none",
                };
                let place =
                    [payer.community(), *cluster, *hub, *namespace].map(|symbol| symbols.text(symbol));
                let key = (who, place);
                let target = Target {
                    pool,
                    hub: *hub,
                    namespace: *namespace,
                    ..Target::plain(Kind::Shared, None, *payer, *cluster)
                };
                let slot = weighted.entry(key).or_insert((target, 0));
                slot.1 += *amount;
            }
            let weights: Vec<i128> = weighted.values().map(|(_, weight)| *weight).collect();
            let total: i128 = weights.iter().sum();
            if total == 0 {
                return to_owner(part, charge, NONE, pool, places, symbols, out);
            }
            let amounts = split(&charge.id, part.amount, &weights)?;
            for ((target, weight), amount) in weighted.into_values().zip(amounts) {
                out.add(target, amount, Some((weight, total)));
            }
            Ok(())
        }
    }
}

fn to_owner(
    part: &Deferred,
    charge: &Charge,
    cluster: Symbol,
    pool: Symbol,
    places: &Places<'_>,
    symbols: &Symbols,
    out: &mut Postings,
) -> Result<(), AggregateError> {
    let owners = places.owners(charge.account, part.at, symbols);
    let amounts = split(&charge.id, part.amount, &vec![1; owners.len()])?;
    for (payer, amount) in owners.into_iter().zip(amounts) {
        let target =
            Target { pool, ..Target::plain(Kind::Unattributed, Some(Reason::NoWeight), payer, cluster) };
        out.add(target, amount, None);
    }
    Ok(())
}
