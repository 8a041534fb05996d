//! What documents are made of: the month's tables, folded to the few hundred cells that are printed.
//!
//! [`crate::load`] fills these from a store; tests fill them by hand.

pub mod bills;
pub mod ledger;
pub mod refused;
pub mod storage;
pub mod symbols;
pub mod usage;

use hubtally_schemas::Instant;
use hubtally_schemas::statement::UnreadFile;

use self::bills::BillLine;
use self::ledger::Leaf;
use self::refused::Refused;
use self::storage::HomeDirectories;
use self::usage::UsageOf;

/// Everything that the documents of one month are made of.
#[derive(Debug, Clone, Default)]
pub struct Month {
    /// Leaf lines of the ledger, by key.
    pub leaves: Vec<Leaf>,
    /// Postings that no rule gives a payer, by charge.
    pub without_payer: Vec<WithoutPayer>,
    /// What users used, by place.
    pub usage: Vec<UsageOf>,
    /// Home directories, by hub.
    pub homes: Vec<HomeDirectories>,
    /// Coverage, by cluster and hour.
    pub hours: Vec<ClusterHour>,
    /// Conservation certificates.
    pub certificates: Vec<Certificate>,
    /// Bills that the charges came from.
    pub bills: Vec<BillLine>,
    /// Records that were refused, and that nothing has made good since.
    pub refused: Vec<Refused>,
    /// Inputs that could not be used at all.
    pub unread: Vec<UnreadFile>,
}

/// A charge with a part that no rule gives a payer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithoutPayer {
    /// The charge.
    pub charge_id: String,
    /// Its account.
    pub account: String,
    /// ISO 4217.
    pub currency: String,
    /// The part without a payer, 10⁻¹² units.
    pub exact: i128,
}

/// What was seen of one cluster in one UTC hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterHour {
    /// Cluster.
    pub cluster: String,
    /// UTC hour.
    pub hour: Instant,
    /// Samples expected.
    pub expected: i64,
    /// Samples seen.
    pub seen: i64,
    /// Node time observed, ms.
    pub node_observed_ms: i128,
    /// Instance time billed, ms; 0 where the bill names no instances.
    pub node_billed_ms: i128,
}

/// A conservation certificate: billed against posted, in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// `account`, `cluster` or `total`.
    pub scope: String,
    /// Which.
    pub scope_id: String,
    /// ISO 4217.
    pub currency: String,
    /// How many charges.
    pub charges: i64,
    /// Sum of the charges, 10⁻¹² units.
    pub billed: i128,
    /// Sum of the postings.
    pub posted: i128,
    /// `billed − posted`.
    pub difference: i128,
    /// Charges whose own postings do not sum to them.
    pub violating: i64,
    /// Sum of charges that the provider may still change.
    pub provisional: i128,
    /// What reading the bill's text to 12 decimals changed.
    pub text_difference: String,
    /// Digest of all that was read.
    pub inputs_digest: String,
}
