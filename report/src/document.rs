//! The documents as they are kept: canonical JSON, amounts as decimal strings, users by keyed id.
//!
//! Nothing here depends on when or where it was made, so that the same inputs give the same bytes
//! (law L7). Names of users are no part of it: they are filled in where a document is drawn.

use std::collections::BTreeMap;

use hubtally_schemas::{Minor, Period};
use serde::{Serialize, Serializer};

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
    #[serde(serialize_with = "decimal")]
    pub total: Minor,
    /// Direct and shared.
    #[serde(serialize_with = "decimal")]
    pub cloud: Minor,
    /// Paid and not used.
    #[serde(serialize_with = "decimal")]
    pub idle: Minor,
    /// Without a target, borne as the account's owner.
    #[serde(serialize_with = "decimal")]
    pub unattributed: Minor,
    /// The part that the organisation pays first and recovers.
    #[serde(serialize_with = "decimal")]
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
    #[serde(serialize_with = "decimal")]
    pub without_user: Minor,
    /// Idle by cause.
    pub idle_by_cause: Vec<CauseLine>,
    /// Unattributed by cause.
    pub unattributed_by_cause: Vec<CauseLine>,
    /// Reconciliation to each bill.
    pub accounts: Vec<AccountLine>,
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
    #[serde(serialize_with = "decimal")]
    pub amount: Minor,
    /// The part of it that credits took off.
    #[serde(serialize_with = "decimal")]
    pub credit: Minor,
    /// Before rounding, 12 decimals.
    pub exact: String,
}

/// A day.
#[derive(Debug, Clone, Serialize)]
pub struct DayLine {
    /// ISO date, UTC.
    pub date: String,
    /// By component code, `credit`, `idle` and `unattributed`.
    #[serde(serialize_with = "decimals")]
    pub parts: BTreeMap<String, Minor>,
    /// Sum of the parts.
    #[serde(serialize_with = "decimal")]
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
    #[serde(serialize_with = "decimal")]
    pub direct: Minor,
    /// Shared.
    #[serde(serialize_with = "decimal")]
    pub shared: Minor,
    /// Idle.
    #[serde(serialize_with = "decimal")]
    pub idle: Minor,
    /// Unattributed.
    #[serde(serialize_with = "decimal")]
    pub unattributed: Minor,
    /// Sum of the four.
    #[serde(serialize_with = "decimal")]
    pub total: Minor,
    /// The part that is home storage.
    #[serde(serialize_with = "decimal")]
    pub home_storage: Minor,
}

/// What a user of a hub cost.
#[derive(Debug, Clone, Serialize)]
pub struct UserCost {
    /// Who.
    #[serde(flatten)]
    pub user: UserKey,
    /// Direct cost.
    #[serde(serialize_with = "decimal")]
    pub amount: Minor,
}

/// A user: a login on one hub.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct UserKey {
    /// Cluster.
    pub cluster: String,
    /// Hub.
    pub hub: String,
    /// Namespace.
    pub namespace: String,
    /// Keyed id.
    pub user_id: String,
}

/// What a user of a hub used.
#[derive(Debug, Clone, Serialize)]
pub struct UserUse {
    /// Who.
    #[serde(flatten)]
    pub user: UserKey,
    /// Memory and CPU.
    #[serde(flatten)]
    pub quantity: Quantity,
    /// Home directory at the last scan, bytes; `None` where it was not seen.
    pub home_bytes: Option<String>,
}

/// What a hub was used for.
#[derive(Debug, Clone, Serialize)]
pub struct HubUse {
    /// Cluster.
    pub cluster: String,
    /// Hub id; empty where the registry names none.
    pub hub: String,
    /// Name on documents.
    pub name: String,
    /// Users with a pod in the month.
    pub users: i64,
    /// Visitors: launches through Binder, without a login.
    pub visitors: i64,
    /// Memory and CPU of all its pods.
    #[serde(flatten)]
    pub quantity: Quantity,
}

/// The larger of requested and used, hour by hour, over the month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Quantity {
    /// Memory, byte·ms.
    #[serde(serialize_with = "integer")]
    pub memory_byte_ms: i128,
    /// CPU, millicore·ms.
    #[serde(serialize_with = "integer")]
    pub cpu_millicore_ms: i128,
    /// GPU, milliGPU·ms.
    #[serde(serialize_with = "integer")]
    pub gpu_milligpu_ms: i128,
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
    #[serde(serialize_with = "decimal")]
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
    #[serde(serialize_with = "option_decimal")]
    pub account_total: Option<Minor>,
    /// The part that belongs to a cluster, where it may be shown.
    #[serde(serialize_with = "option_decimal")]
    pub attributable: Option<Minor>,
    /// The community's part.
    #[serde(serialize_with = "decimal")]
    pub yours: Minor,
    /// Billed − posted over the whole bill, exact: `0.000000000000`.
    pub difference: String,
}

/// Home directories of a hub.
#[derive(Debug, Clone, Serialize)]
pub struct HomeLine {
    /// Cluster.
    pub cluster: String,
    /// Hub id; empty for none.
    pub hub: String,
    /// Name on documents.
    pub name: String,
    /// Day of the last scan.
    pub last_scan: String,
    /// Users' directories.
    pub users: DirectoryGroup,
    /// Directories of the hub.
    pub shared: DirectoryGroup,
    /// Directories that belong to nobody.
    pub orphans: DirectoryGroup,
}

/// Directories shown as one.
#[derive(Debug, Clone, Serialize)]
pub struct DirectoryGroup {
    /// How many.
    pub directories: i64,
    /// Bytes.
    #[serde(serialize_with = "integer")]
    pub bytes: i128,
    /// Bytes in directories where nothing was modified for 90 days.
    #[serde(serialize_with = "integer")]
    pub untouched_bytes: i128,
}

/// The completeness certificate of a cluster, in short.
#[derive(Debug, Clone, Serialize)]
pub struct ClusterCoverage {
    /// Cluster.
    pub cluster: String,
    /// Samples expected.
    pub expected: i64,
    /// Samples seen.
    pub seen: i64,
    /// Percent seen of expected, one decimal; `None` where none was expected.
    pub percent: Option<String>,
    /// Hours that were expected.
    pub hours: i64,
    /// Hours of which nothing was seen.
    pub hours_without_telemetry: i64,
    /// By UTC day.
    pub days: Vec<DayCoverage>,
}

/// A day of a cluster.
#[derive(Debug, Clone, Serialize)]
pub struct DayCoverage {
    /// ISO date, UTC.
    pub date: String,
    /// Samples expected.
    pub expected: i64,
    /// Samples seen.
    pub seen: i64,
    /// Hours of which nothing was seen.
    pub hours_without_telemetry: i64,
}

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
    #[serde(serialize_with = "decimal")]
    pub total: Minor,
    /// Communities by id.
    pub communities: Vec<FinanceCommunity>,
    /// What the organisation bears.
    #[serde(serialize_with = "decimal")]
    pub organisation: Minor,
    /// What no rule gives a payer.
    #[serde(serialize_with = "decimal")]
    pub without_payer: Minor,
    /// To recover from communities.
    #[serde(serialize_with = "decimal")]
    pub recoverable: Minor,
    /// Paid by communities or brokers to the provider: reported, never invoiced.
    #[serde(serialize_with = "decimal")]
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
    #[serde(serialize_with = "decimal")]
    pub cloud: Minor,
    /// Idle.
    #[serde(serialize_with = "decimal")]
    pub idle: Minor,
    /// Unattributed.
    #[serde(serialize_with = "decimal")]
    pub unattributed: Minor,
    /// Sum of the three.
    #[serde(serialize_with = "decimal")]
    pub total: Minor,
    /// To recover.
    #[serde(serialize_with = "decimal")]
    pub recoverable: Minor,
    /// Paid by the community or a broker.
    #[serde(serialize_with = "decimal")]
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
    #[serde(serialize_with = "decimal")]
    pub rounded: Minor,
    /// `rounded − billed`, exact.
    pub rounding: String,
    /// What reading the bill's text to 12 decimals changed.
    pub text_difference: String,
    /// Borne by communities.
    #[serde(serialize_with = "decimal")]
    pub communities: Minor,
    /// Borne by the organisation.
    #[serde(serialize_with = "decimal")]
    pub organisation: Minor,
    /// Without a payer.
    #[serde(serialize_with = "decimal")]
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
    #[serde(serialize_with = "decimal")]
    pub amount: Minor,
}

/// Totals over all communities, without names.
#[derive(Debug, Clone, Serialize)]
pub struct Totals {
    /// Head.
    #[serde(flatten)]
    pub head: Head,
    /// Communities with a hub in the month.
    pub communities: i64,
    /// Hubs in the month.
    pub hubs: i64,
    /// Users with a pod in the month; `None` where the number is hidden.
    pub users: Option<i64>,
    /// Visitors: launches through Binder, without a login; `None` where the number is hidden.
    pub visitors: Option<i64>,
    /// One a currency.
    pub costs: Vec<TotalCosts>,
    /// Percent of expected samples seen, over all clusters.
    pub coverage_percent: Option<String>,
    /// How small numbers were hidden.
    pub suppression: Vec<String>,
}

/// Totals in one currency.
#[derive(Debug, Clone, Serialize)]
pub struct TotalCosts {
    /// ISO 4217.
    pub currency: String,
    /// Sum over the communities; `None` where it is hidden.
    #[serde(serialize_with = "option_decimal")]
    pub communities_total: Option<Minor>,
    /// What the organisation bears itself.
    #[serde(serialize_with = "decimal")]
    pub organisation_total: Minor,
    /// By component; those that could tell of one community are together.
    pub components: Vec<ComponentTotal>,
}

/// One component, or several together.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentTotal {
    /// Component codes.
    pub components: Vec<String>,
    /// Their sum.
    #[serde(serialize_with = "decimal")]
    pub amount: Minor,
}

fn decimal<S: Serializer>(amount: &Minor, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&amount.to_decimal_text())
}

fn integer<S: Serializer>(number: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

#[expect(clippy::ref_option, reason = "serde passes fields by reference")]
fn option_decimal<S: Serializer>(amount: &Option<Minor>, serializer: S) -> Result<S::Ok, S::Error> {
    match amount {
        Some(amount) => decimal(amount, serializer),
        None => serializer.serialize_none(),
    }
}

fn decimals<S: Serializer>(amounts: &BTreeMap<String, Minor>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(amounts.iter().map(|(key, amount)| (key, amount.to_decimal_text())))
}
