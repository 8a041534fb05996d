//! A community's cost report.

use std::collections::BTreeMap;

use hubtally_schemas::Minor;
use serde::Serialize;

use super::{ClusterCoverage, Head, HomeLine, HubUse, LeafLine, Party, UserKey, UserUse};

/// A community's cost report.
#[derive(Debug, Clone, Serialize)]
pub struct CommunityReport {
    /// Head.
    #[serde(flatten)]
    pub head: Head,
    /// Whose.
    pub community: Party,
    /// One a currency; empty where nothing was billed.
    pub costs: Vec<CommunityCosts>,
    /// What its hubs were used for.
    pub hub_use: Vec<HubUse>,
    /// What its users used, the most memory first.
    pub user_use: Vec<UserUse>,
    /// Home directories by hub.
    pub home_directories: Vec<HomeLine>,
    /// Coverage of the clusters that its hubs run on.
    pub completeness: Vec<ClusterCoverage>,
}

/// A community's month in one currency. Every total is a sum of lines.
#[derive(Debug, Clone, Serialize)]
pub struct CommunityCosts {
    /// ISO 4217.
    pub currency: String,
    /// All of it.
    pub total: Minor,
    /// Direct and shared.
    pub cloud: Minor,
    /// Paid and not used.
    pub idle: Minor,
    /// Without a target, borne as the account's owner.
    pub unattributed: Minor,
    /// The part that the organisation pays first and recovers.
    pub recoverable: Minor,
    /// The part that the provider may still change, exact.
    pub provisional: String,
    /// Leaf lines.
    pub lines: Vec<LeafLine>,
    /// By UTC day.
    pub days: Vec<DayLine>,
    /// By hub, the dearest first.
    pub hubs: Vec<HubLine>,
    /// By user, the dearest first.
    pub users: Vec<UserCost>,
    /// What no user line holds: shared, idle, unattributed, and direct cost of visitors and of no user.
    pub without_user: Minor,
    /// Idle by cause.
    pub idle_by_cause: Vec<CauseLine>,
    /// Unattributed by cause.
    pub unattributed_by_cause: Vec<CauseLine>,
    /// Reconciliation to each bill.
    pub accounts: Vec<AccountLine>,
}

/// A day.
#[derive(Debug, Clone, Serialize)]
pub struct DayLine {
    /// ISO date, UTC.
    pub date: String,
    /// By component code, `credit`, `idle` and `unattributed`.
    pub parts: BTreeMap<String, Minor>,
    /// Sum of the parts.
    pub total: Minor,
    /// Whether the provider may still change a part of it.
    pub provisional: bool,
}

/// A hub.
#[derive(Debug, Clone, Serialize)]
pub struct HubLine {
    /// Cluster; empty for cost of no cluster.
    pub cluster: String,
    /// Hub id; empty for cost of no hub.
    pub hub: String,
    /// Name on documents.
    pub name: String,
    /// A staging hub.
    pub staging: bool,
    /// Direct.
    pub direct: Minor,
    /// Shared.
    pub shared: Minor,
    /// Idle.
    pub idle: Minor,
    /// Unattributed.
    pub unattributed: Minor,
    /// Sum of the four.
    pub total: Minor,
    /// The part that is home storage.
    pub home_storage: Minor,
}

/// What a user of a hub cost.
#[derive(Debug, Clone, Serialize)]
pub struct UserCost {
    /// Who.
    #[serde(flatten)]
    pub user: UserKey,
    /// Direct cost.
    pub amount: Minor,
}

/// A cause of idle or unattributed cost.
#[derive(Debug, Clone, Serialize)]
pub struct CauseLine {
    /// Reason code; empty for none.
    pub reason: String,
    /// Cluster; empty for none.
    pub cluster: String,
    /// Who bears it.
    pub payer: String,
    /// Amount.
    pub amount: Minor,
}

/// A bill, and what of it is the community's.
#[derive(Debug, Clone, Serialize)]
pub struct AccountLine {
    /// Account.
    pub account: String,
    /// Name.
    pub name: String,
    /// Provider.
    pub provider: String,
    /// Who pays the provider.
    pub provider_paid_by: Vec<&'static str>,
    /// How fine the bill is: grade codes.
    pub grades: Vec<String>,
    /// The whole bill, where showing it tells of no other community.
    pub account_total: Option<Minor>,
    /// The part that belongs to a cluster, where it may be shown.
    pub attributable: Option<Minor>,
    /// The community's part.
    pub yours: Minor,
    /// Billed − posted over the whole bill, exact: `0.000000000000`.
    pub difference: String,
}
