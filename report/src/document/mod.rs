//! The documents as they are kept: canonical JSON, amounts as decimal strings, users by keyed id.
//!
//! Nothing here depends on when or where it was made, so that the same inputs give the same bytes
//! (law L7). Names of users are no part of it: they are filled in where a document is drawn.

mod community;
mod coverage;
mod finance;
mod totals;
mod usage;

use hubtally_schemas::{Minor, Period};
use serde::Serialize;

pub use self::community::{
    AccountLine, CauseLine, CommunityCosts, CommunityReport, DayLine, HubLine, UserCost,
};
pub use self::coverage::{ClusterCoverage, DayCoverage};
pub use self::finance::{
    BillSource, ChargeLine, FinanceAccount, FinanceCommunity, FinanceCurrency, FinanceSummary,
    OrganisationLine, ProvisionalLine,
};
pub use self::totals::{ComponentTotal, TotalCosts, Totals};
pub use self::usage::{DirectoryGroup, HomeLine, HubUse, Quantity, UserKey, UserUse};

/// Shape of a community's document.
pub const COMMUNITY_SCHEMA: &str = "hubtally.cost-report.v1";
/// Shape of the finance summary.
pub const FINANCE_SCHEMA: &str = "hubtally.finance-summary.v1";
/// Shape of the totals.
pub const TOTALS_SCHEMA: &str = "hubtally.totals.v1";
/// The only status that a close gives.
pub const DRAFT: &str = "draft";

/// Series of the day table that are no component.
pub const IDLE: &str = "idle";
/// See [`IDLE`].
pub const CREDIT: &str = "credit";
/// See [`IDLE`].
pub const UNATTRIBUTED: &str = "unattributed";

/// What stands at the head of each document.
#[derive(Debug, Clone, Serialize)]
pub struct Head {
    /// Shape of the document.
    pub schema: &'static str,
    /// `draft`.
    pub status: &'static str,
    /// The month.
    pub period: Period,
    /// Who issues it.
    pub organisation: String,
    /// The document in a sentence or two.
    pub summary: String,
    /// Where the data is incomplete, in words; empty where it is complete.
    pub notes: Vec<String>,
    /// The policy.
    pub policy: PolicyWords,
    /// SHA-256 of the registry's canonical form.
    pub registry_sha256: String,
}

/// The policy in plain words.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyWords {
    /// Name and version.
    pub id: String,
    /// SHA-256 of its canonical form.
    pub sha256: String,
    /// A sentence a choice.
    pub sentences: Vec<String>,
}

/// Id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Party {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A leaf line: what rounding ran over.
#[derive(Debug, Clone, Serialize)]
pub struct LeafLine {
    /// Account.
    pub account: String,
    /// Community; empty for the organisation's own.
    pub community: String,
    /// Component code.
    pub component: String,
    /// Kind code.
    pub kind: String,
    /// Who bears it.
    pub payer: String,
    /// Who pays the provider.
    pub provider_paid_by: &'static str,
    /// Minor units.
    pub amount: Minor,
    /// The part of it that credits took off.
    pub credit: Minor,
    /// Before rounding, 12 decimals.
    pub exact: String,
}
