//! Postings folded to leaf lines: (account, currency, payer, community, component, kind), each with
//! its days, places and reasons.

use std::collections::BTreeMap;

use ahash::AHashMap as HashMap;
use hubtally_schemas::period::day_to_date;
use hubtally_schemas::registry::{PaidBy, Registry};
use hubtally_schemas::{Currency, Instant};

use super::WithoutPayer;
use super::symbols::{Symbol, Symbols};
use crate::error::ReportError;

/// Payer of what no rule gives a payer.
pub const NOBODY: &str = "none";

/// What makes a leaf line of a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeafKey {
    /// Account whose bill it is.
    pub account: String,
    /// Currency of the bill.
    pub currency: Currency,
    /// `community:<id>`, `organisation` or `none`.
    pub payer: String,
    /// Whose cost it is; empty for the organisation's own.
    pub community: String,
    /// Component code.
    pub component: String,
    /// Kind code.
    pub kind: String,
    /// Who pays the provider.
    pub paid_by: PaidByOrder,
}

/// [`PaidBy`] with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaidByOrder {
    /// The organisation pays and recovers it.
    Organisation,
    /// The community pays the provider itself.
    Community,
    /// A broker pays.
    Broker,
}

impl PaidByOrder {
    /// As the registry writes it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Organisation => "organisation",
            Self::Community => "community",
            Self::Broker => "broker",
        }
    }

    fn of(paid_by: PaidBy) -> Self {
        match paid_by {
            PaidBy::Organisation => Self::Organisation,
            PaidBy::Community => Self::Community,
            PaidBy::Broker => Self::Broker,
        }
    }
}

/// Where a part of a leaf was spent; empty texts are NULL.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Cluster.
    pub cluster: String,
    /// Hub of the registry.
    pub hub: String,
    /// Namespace: a user is known by cluster, namespace and id.
    pub namespace: String,
    /// User.
    pub user_id: String,
}

/// A leaf line in 10⁻¹² units, with the same amount by day, by place and by reason.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// What it is.
    pub key: LeafKey,
    /// Its amount.
    pub exact: i128,
    /// The part that the provider may still change.
    pub provisional: i128,
    /// By UTC day number, credits apart, with the provisional part.
    pub days: BTreeMap<DayKey, DayPart>,
    /// By place.
    pub places: BTreeMap<Place, i128>,
    /// By reason and cluster; the empty reason is none.
    pub reasons: BTreeMap<(String, String), i128>,
}

/// A day of a leaf: what was charged, or what a credit took off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DayKey {
    /// UTC day number.
    pub day: i32,
    /// Whether a credit is spoken of.
    pub credit: bool,
}

/// The pool through which credits come.
pub const CREDIT_POOL: &str = "credit";

/// A day's part of a leaf.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayPart {
    /// Amount.
    pub exact: i128,
    /// The part that the provider may still change.
    pub provisional: i128,
}

/// One posting, as symbols of one [`LedgerFold`].
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The charge: looked at only where no one pays.
    pub charge_id: &'a str,
    /// Account.
    pub account: Symbol,
    /// Currency.
    pub currency: Symbol,
    /// Payer.
    pub payer: Symbol,
    /// Community.
    pub community: Symbol,
    /// Component.
    pub component: Symbol,
    /// Kind.
    pub kind: Symbol,
    /// Reason.
    pub reason: Symbol,
    /// Cluster.
    pub cluster: Symbol,
    /// Namespace.
    pub namespace: Symbol,
    /// Hub.
    pub hub: Symbol,
    /// User.
    pub user_id: Symbol,
    /// UTC day number of the charge's start.
    pub day: i32,
    /// Whether the provider may still change it.
    pub provisional: bool,
    /// Whether it came through the pool of credits.
    pub credit: bool,
    /// Amount, 10⁻¹² units.
    pub exact: i128,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct LeafSymbols {
    account: Symbol,
    currency: Symbol,
    payer: Symbol,
    community: Symbol,
    component: Symbol,
    kind: Symbol,
    paid_by: PaidByOrder,
}

#[derive(Default)]
struct LeafSums {
    exact: i128,
    provisional: i128,
    days: HashMap<DayKey, DayPart>,
    places: HashMap<[Symbol; 4], i128>,
    reasons: HashMap<[Symbol; 2], i128>,
}

/// Adds postings up, a row at a time.
pub struct LedgerFold<'a> {
    registry: &'a Registry,
    /// The texts of its rows.
    pub symbols: Symbols,
    paid_by: HashMap<(Symbol, i32), PaidByOrder>,
    at: HashMap<LeafSymbols, usize>,
    leaves: Vec<(LeafSymbols, LeafSums)>,
    last: Option<(LeafSymbols, usize)>,
    nobody: Symbol,
    without_payer: BTreeMap<String, (Symbol, Symbol, i128)>,
}

impl<'a> LedgerFold<'a> {
    /// An empty fold. The registry says who pays each account's provider on each day.
    pub fn new(registry: &'a Registry) -> Self {
        let mut symbols = Symbols::default();
        let nobody = symbols.add(NOBODY);
        Self {
            registry,
            symbols,
            paid_by: HashMap::new(),
            at: HashMap::new(),
            leaves: Vec::new(),
            last: None,
            nobody,
            without_payer: BTreeMap::new(),
        }
    }

    /// Adds one posting.
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), ReportError> {
        let overflow = || ReportError::Overflow { what: format!("the postings of charge {}", row.charge_id) };
        let key = LeafSymbols {
            account: row.account,
            currency: row.currency,
            payer: row.payer,
            community: row.community,
            component: row.component,
            kind: row.kind,
            paid_by: self.paid_by(row.account, row.day),
        };
        let at = self.leaf(key);
        let leaf = &mut self.leaves[at].1;
        let add = |sum: &mut i128| {
            *sum = sum.checked_add(row.exact).ok_or_else(overflow)?;
            Ok::<(), ReportError>(())
        };
        add(&mut leaf.exact)?;
        let day = leaf.days.entry(DayKey { day: row.day, credit: row.credit }).or_default();
        add(&mut day.exact)?;
        if row.provisional {
            add(&mut leaf.provisional)?;
            add(&mut day.provisional)?;
        }
        add(leaf.places.entry([row.cluster, row.hub, row.namespace, row.user_id]).or_default())?;
        add(leaf.reasons.entry([row.reason, row.cluster]).or_default())?;
        if row.payer == self.nobody {
            let entry = self.without_payer.entry(row.charge_id.to_owned());
            add(&mut entry.or_insert((row.account, row.currency, 0)).2)?;
        }
        Ok(())
    }

    /// The leaves by key, and the charges without a payer by id.
    pub fn finish(self) -> Result<(Vec<Leaf>, Vec<WithoutPayer>), ReportError> {
        let Self { symbols, leaves, without_payer, .. } = self;
        let mut done = Vec::with_capacity(leaves.len());
        for (key, sums) in leaves {
            done.push(leaf(&symbols, key, sums)?);
        }
        done.sort_by(|a, b| a.key.cmp(&b.key));
        let without_payer = without_payer
            .into_iter()
            .map(|(charge_id, (account, currency, exact))| WithoutPayer {
                charge_id,
                account: symbols.owned(account),
                currency: symbols.owned(currency),
                exact,
            })
            .collect();
        Ok((done, without_payer))
    }

    fn leaf(&mut self, key: LeafSymbols) -> usize {
        if let Some((last, at)) = self.last
            && last == key
        {
            return at;
        }
        let leaves = &mut self.leaves;
        let at = *self.at.entry(key).or_insert_with(|| {
            leaves.push((key, LeafSums::default()));
            leaves.len() - 1
        });
        self.last = Some((key, at));
        at
    }

    fn paid_by(&mut self, account: Symbol, day: i32) -> PaidByOrder {
        let (registry, symbols) = (self.registry, &self.symbols);
        *self.paid_by.entry((account, day)).or_insert_with(|| {
            let at = Instant::at_midnight(day_to_date(day));
            let account = symbols.text(account).unwrap_or_default();
            paid_by_at(registry, account, at).map_or(PaidByOrder::Organisation, PaidByOrder::of)
        })
    }
}

/// Who pays an account's provider at an instant; `None` where the registry does not say.
pub fn paid_by_at(registry: &Registry, account: &str, at: Instant) -> Option<PaidBy> {
    let account = registry.accounts.iter().find(|known| known.id.as_str() == account)?;
    account.owners.iter().find(|owner| owner.dates().contain(at)).map(|owner| owner.paid_by)
}

fn leaf(symbols: &Symbols, key: LeafSymbols, sums: LeafSums) -> Result<Leaf, ReportError> {
    let code = symbols.owned(key.currency);
    let currency = Currency::new(&code).map_err(|source| ReportError::Ledger { what: "currency", source })?;
    let places = sums.places.into_iter().map(|([cluster, hub, namespace, user_id], exact)| {
        let place = Place {
            cluster: symbols.owned(cluster),
            hub: symbols.owned(hub),
            namespace: symbols.owned(namespace),
            user_id: symbols.owned(user_id),
        };
        (place, exact)
    });
    let reasons = sums
        .reasons
        .into_iter()
        .map(|([reason, cluster], exact)| ((symbols.owned(reason), symbols.owned(cluster)), exact));
    Ok(Leaf {
        key: LeafKey {
            account: symbols.owned(key.account),
            currency,
            payer: symbols.owned(key.payer),
            community: symbols.owned(key.community),
            component: symbols.owned(key.component),
            kind: symbols.owned(key.kind),
            paid_by: key.paid_by,
        },
        exact: sums.exact,
        provisional: sums.provisional,
        days: sums.days.into_iter().collect(),
        places: places.collect(),
        reasons: reasons.collect(),
    })
}
