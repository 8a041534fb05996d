//! Splits the pieces of charges of one day: who gets what, and why.

mod account;
mod homes;
mod hours;
mod idle;
mod owners;
mod shared;

use ahash::AHashMap as HashMap;
use std::rc::Rc;

use hubtally_rules::compute;
use hubtally_schemas::Instant;
use hubtally_schemas::policy::Policy;

use crate::charge::Charge;
use crate::charge::Line;
use crate::coverage::Coverage;
use crate::day::Day;
use crate::error::AggregateError;
use crate::pieces::Piece;
use crate::place::CREDIT_POOL;
use crate::place::HubPlace;
use crate::place::Place;
use crate::place::Places;
use crate::place::TAX_POOL;
use crate::posting::Kind;
use crate::posting::Payer;
use crate::posting::Postings;
use crate::posting::Reason;
use crate::posting::Target;
use crate::scope::Scope;
use crate::scope::Scopes;
use crate::symbols::NONE;
use crate::symbols::Symbol;
use crate::symbols::Symbols;
use crate::trace::Trace;

/// A part that waits for the whole month: its weights are known only then.
#[derive(Debug, Clone, Copy)]
pub struct Deferred {
    /// Index of the charge.
    pub charge: u32,
    pub amount: i128,
    pub at: Instant,
    pub rule: DeferredRule,
}

/// What a deferred part waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeferredRule {
    /// The direct cost of the cluster's hubs.
    Direct { cluster: Symbol, pool: Symbol },
    /// Everything else that the account cost.
    Follow { same_service: bool, pool: Symbol },
}

/// One day's splits.
pub struct DaySplit<'a> {
    pub policy: &'a Policy,
    pub places: &'a Places<'a>,
    pub symbols: &'a Symbols,
    pub day: &'a Day,
    pub coverage: &'a Coverage,
    scopes: Scopes<'a>,
    owners: HashMap<Symbol, Rc<[Payer]>>,
    splitter: compute::Splitter,
    pub deferred: Vec<Deferred>,
    /// Compute cost that found no telemetry, by (cluster, hour).
    pub unmatched: HashMap<(Symbol, u8), i128>,
    /// Instance time billed, µs, by (cluster, node number, hour).
    pub billed_us: HashMap<(Symbol, u32, u8), i64>,
    pub trace: Trace,
}

/// One piece of one charge.
#[derive(Clone, Copy)]
pub struct Job<'c> {
    pub number: u32,
    pub charge: &'c Charge,
    pub line: &'c Line,
    pub piece: Piece,
}

impl<'a> DaySplit<'a> {
    pub fn new(
        policy: &'a Policy,
        places: &'a Places<'a>,
        symbols: &'a Symbols,
        day: &'a Day,
        coverage: &'a Coverage,
    ) -> Self {
        Self {
            policy,
            places,
            symbols,
            day,
            coverage,
            scopes: Scopes::new(day, symbols),
            owners: HashMap::new(),
            splitter: compute::Splitter::default(),
            deferred: Vec::new(),
            unmatched: HashMap::new(),
            billed_us: HashMap::new(),
            trace: Trace::default(),
        }
    }

    /// Splits one piece.
    pub fn piece(&mut self, job: &Job<'_>, out: &mut Postings) -> Result<(), AggregateError> {
        let known = self.known_instance(job.charge);
        let place = self.places.of(job.charge, job.line, known.map(|(cluster, _)| cluster), self.symbols);
        match place {
            Place::Instance { cluster } => match known {
                Some((_, node)) => self.compute(job, cluster, Scope::Node(node), Reason::NoNodeMatch, out),
                None => self.owner_bears(job, cluster, Reason::NoNodeMatch, out),
            },
            Place::Nodes { cluster, purpose, hub_tag } => self.nodes(job, cluster, purpose, hub_tag, out),
            Place::Homes { cluster, hub_tag } => self.homes(job, cluster, hub_tag, out),
            Place::Hub { cluster, hub_tag } => self.hub(job, cluster, hub_tag, out),
            Place::Pool { cluster } => {
                self.pool(job, cluster, job.line.component.code(), job.piece.amount, out)
            }
            Place::WholeAccount { cluster } => self.whole_account(job, cluster, out),
            Place::Commitment { cluster } => {
                self.idle(job, cluster, NONE, Reason::CommitmentUnused, job.piece.amount, out)
            }
            Place::Follow { same_service } => {
                let pool = self.places.pool(NONE, if same_service { CREDIT_POOL } else { TAX_POOL });
                self.defer(job, job.piece.amount, DeferredRule::Follow { same_service, pool });
                Ok(())
            }
            Place::Owner { cluster, reason } => self.owner_bears(job, cluster, reason, out),
        }
    }

    /// The node that the bill names, wherever the account's clusters are.
    fn known_instance(&self, charge: &Charge) -> Option<(Symbol, u32)> {
        if charge.resource == NONE {
            return None;
        }
        self.day.by_resource.get(&charge.resource).copied()
    }
}

/// A target that is a hub's.
pub fn hub_target(kind: Kind, hub: HubPlace, cluster: Symbol, user: Symbol) -> Target {
    Target {
        hub: hub.hub,
        namespace: hub.namespace,
        user,
        ..Target::plain(kind, None, Payer::Community(hub.community), cluster)
    }
}

fn money(amount: i128) -> String {
    hubtally_schemas::money::pico_text(amount)
}
