//! The finance summary.

use hubtally_schemas::Minor;
use serde::Serialize;

use super::{ClusterCoverage, Head, LeafLine, Party};

/// The finance summary.
#[derive(Debug, Clone, Serialize)]
pub struct FinanceSummary {
    /// Head.
    #[serde(flatten)]
    pub head: Head,
    /// One a currency.
    pub currencies: Vec<FinanceCurrency>,
    /// One an account and currency: conservation and rounding.
    pub accounts: Vec<FinanceAccount>,
    /// Charges that no rule gives a payer.
    pub charges_without_payer: Vec<ChargeLine>,
    /// What providers may still change.
    pub provisional: Vec<ProvisionalLine>,
    /// Accounts without a charge in the month.
    pub accounts_without_bill: Vec<String>,
    /// Communities whose cost is not known: no bill of their clusters was read.
    pub communities_without_bill: Vec<Party>,
    /// Clusters whose bill is not seen: the registry names no account of theirs.
    pub clusters_without_bill: Vec<String>,
    /// Completeness by cluster.
    pub completeness: Vec<ClusterCoverage>,
}

/// All payers, in one currency.
#[derive(Debug, Clone, Serialize)]
pub struct FinanceCurrency {
    /// ISO 4217.
    pub currency: String,
    /// Sum of the rounded bills.
    pub total: Minor,
    /// Communities by id.
    pub communities: Vec<FinanceCommunity>,
    /// What the organisation bears.
    pub organisation: Minor,
    /// What no rule gives a payer.
    pub without_payer: Minor,
    /// To recover from communities.
    pub recoverable: Minor,
    /// Paid by communities or brokers to the provider: reported, never invoiced.
    pub not_recoverable: Minor,
    /// What the organisation bears, by account, component, kind and cause.
    pub organisation_lines: Vec<OrganisationLine>,
    /// Leaf lines of all payers.
    pub lines: Vec<LeafLine>,
}

/// A community in the finance summary.
#[derive(Debug, Clone, Serialize)]
pub struct FinanceCommunity {
    /// Who.
    #[serde(flatten)]
    pub community: Party,
    /// Direct and shared.
    pub cloud: Minor,
    /// Idle.
    pub idle: Minor,
    /// Unattributed.
    pub unattributed: Minor,
    /// Sum of the three.
    pub total: Minor,
    /// To recover.
    pub recoverable: Minor,
    /// Paid by the community or a broker.
    pub not_recoverable: Minor,
    /// Coverage of its clusters.
    pub coverage_percent: Option<String>,
}

/// An account in one currency.
#[derive(Debug, Clone, Serialize)]
pub struct FinanceAccount {
    /// Account.
    pub account: String,
    /// Name.
    pub name: String,
    /// Provider.
    pub provider: String,
    /// Who pays the provider.
    pub provider_paid_by: Vec<&'static str>,
    /// ISO 4217.
    pub currency: String,
    /// How many charges.
    pub charges: i64,
    /// Sum of the charges, exact.
    pub billed: String,
    /// Sum of the postings, exact.
    pub posted: String,
    /// `billed − posted`.
    pub difference: String,
    /// The bill, rounded once.
    pub rounded: Minor,
    /// `rounded − billed`, exact.
    pub rounding: String,
    /// What reading the bill's text to 12 decimals changed.
    pub text_difference: String,
    /// Borne by communities.
    pub communities: Minor,
    /// Borne by the organisation.
    pub organisation: Minor,
    /// Without a payer.
    pub without_payer: Minor,
    /// What the provider may still change, exact.
    pub provisional: String,
    /// Where its charges came from.
    pub sources: Vec<BillSource>,
}

/// Charges of one format and grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BillSource {
    /// Importer.
    pub importer: String,
    /// Version of the format.
    pub format_version: String,
    /// Grade.
    pub grade: String,
    /// How many charges.
    pub charges: i64,
    /// SHA-256 of the files.
    pub files: Vec<String>,
}

/// A charge without a payer.
#[derive(Debug, Clone, Serialize)]
pub struct ChargeLine {
    /// The charge.
    pub charge_id: String,
    /// Account.
    pub account: String,
    /// ISO 4217.
    pub currency: String,
    /// The part without a payer, exact.
    pub exact: String,
}

/// Provisional charges of an account and day.
#[derive(Debug, Clone, Serialize)]
pub struct ProvisionalLine {
    /// Account.
    pub account: String,
    /// ISO date, UTC.
    pub date: String,
    /// ISO 4217.
    pub currency: String,
    /// How many charges.
    pub charges: i64,
    /// Their sum, exact.
    pub exact: String,
}

/// A part of what the organisation bears.
#[derive(Debug, Clone, Serialize)]
pub struct OrganisationLine {
    /// Account.
    pub account: String,
    /// Component code.
    pub component: String,
    /// Kind code.
    pub kind: String,
    /// Reason code; empty for none.
    pub reason: String,
    /// Amount.
    pub amount: Minor,
}
