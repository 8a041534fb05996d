//! A posting while it is being made: numbers and symbols, no text.

use ahash::AHashMap;
use hubtally_rules::component::Component;

use crate::symbols::{NONE, Symbol};

pub use hubtally_rules::certificate::Kind;

/// Why a posting is idle or unattributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Paid and not used.
    Unused,
    /// Kept warm for users to come.
    Placeholder,
    /// A commitment that nothing used.
    CommitmentUnused,
    /// A directory that belongs to no user.
    Orphan,
    /// No tag, and nothing else says whose it is.
    NoTag,
    /// The cluster was not observed at that time.
    NoTelemetry,
    /// The bill names an instance that was never observed.
    NoNodeMatch,
    /// The pool has nobody to split among.
    NoWeight,
    /// The bill tells the account only.
    AccountLevel,
    /// The registry names no community for the namespace.
    NoCommunity,
}

impl Reason {
    pub fn code(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Placeholder => "placeholder",
            Self::CommitmentUnused => "commitment_unused",
            Self::Orphan => "orphan",
            Self::NoTag => "no_tag",
            Self::NoTelemetry => "no_telemetry",
            Self::NoNodeMatch => "no_node_match",
            Self::NoWeight => "no_weight",
            Self::AccountLevel => "account_level",
            Self::NoCommunity => "no_community",
        }
    }
}

/// Who bears a posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payer {
    /// A community.
    Community(Symbol),
    /// The organisation.
    Organisation,
    /// No rule names one: the close says so.
    Nobody,
}

impl Payer {
    /// The community, [`NONE`] otherwise.
    pub fn community(self) -> Symbol {
        match self {
            Self::Community(community) => community,
            Self::Organisation | Self::Nobody => NONE,
        }
    }
}

/// Where a part of a charge goes: the grain of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    pub kind: Kind,
    pub reason: Option<Reason>,
    pub payer: Payer,
    pub cluster: Symbol,
    pub namespace: Symbol,
    pub hub: Symbol,
    pub user: Symbol,
    pub pool: Symbol,
}

impl Target {
    /// A target that names nothing but who bears it.
    pub fn plain(kind: Kind, reason: Option<Reason>, payer: Payer, cluster: Symbol) -> Self {
        Self { kind, reason, payer, cluster, namespace: NONE, hub: NONE, user: NONE, pool: NONE }
    }
}

/// One posting of one charge.
#[derive(Debug, Clone)]
pub struct Posting {
    pub target: Target,
    pub amount: i128,
    /// Weight and sum of weights, where one split made the posting.
    pub weight: Option<(i128, i128)>,
}

/// The postings of one charge, summed by target.
#[derive(Debug, Clone)]
pub struct Postings {
    pub component: Component,
    pub list: Vec<Posting>,
    index: AHashMap<Target, usize>,
}

impl Postings {
    pub fn new(component: Component) -> Self {
        Self { component, list: Vec::new(), index: AHashMap::new() }
    }

    /// Adds an amount to a target. Zero amounts leave no posting.
    pub fn add(&mut self, target: Target, amount: i128, weight: Option<(i128, i128)>) {
        if amount == 0 {
            return;
        }
        // Few targets: a look along the list is cheaper than hashing.
        let known = if self.list.len() <= 8 {
            self.list.iter().position(|posting| posting.target == target)
        } else {
            if self.index.is_empty() {
                self.index = self.list.iter().enumerate().map(|(at, posting)| (posting.target, at)).collect();
            }
            self.index.get(&target).copied()
        };
        if let Some(at) = known {
            let posting = &mut self.list[at];
            // Parts of one charge never pass the charge, so this cannot overflow.
            posting.amount += amount;
            posting.weight = None;
        } else {
            if !self.index.is_empty() {
                self.index.insert(target, self.list.len());
            }
            self.list.push(Posting { target, amount, weight });
        }
    }
}
