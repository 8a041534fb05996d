//! The registry: who is who, effective-dated. TOML at the edge, canonical JSON in the store.
//!
//! Every link has a half-open `[from, to)` of UTC days; an absent bound is open. What a namespace,
//! an account or a hub means is looked up at the instant of use (law L5), see `hubtally-rules`.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, ClusterId, CommunityId, HubId, Namespace};
use crate::period::{Instant, date_to_day};

/// The whole registry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    /// Who runs the hubs and issues statements.
    pub organisation: Organisation,
    /// Who gets statements.
    #[serde(default, rename = "community")]
    pub communities: Vec<Community>,
    /// Billing accounts and projects, with their dated owners.
    #[serde(default, rename = "account")]
    pub accounts: Vec<Account>,
    /// Kubernetes clusters.
    #[serde(default, rename = "cluster")]
    pub clusters: Vec<Cluster>,
    /// Hubs: (cluster, namespace) to community, dated.
    #[serde(default, rename = "hub")]
    pub hubs: Vec<Hub>,
}

/// Who runs the hubs and issues statements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Name on documents.
    pub name: String,
    /// A line under the name: address or contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// Who gets statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Community {
    /// Id, used in file names: lower-case letters, digits and hyphens.
    pub id: CommunityId,
    /// Name on documents.
    pub name: String,
    /// Contracts, dated; the one in force is written on postings.
    #[serde(default, rename = "contract", skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<Contract>,
    /// Free attributes: field, region, institution type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// A dated contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// External id, for example a deal number.
    pub id: String,
    /// In force.
    #[serde(flatten)]
    pub dates: Dates,
}

/// A half-open range of UTC days; an absent bound is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dates {
    /// First day inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// First day after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

impl Dates {
    /// Whether an instant lies inside.
    pub fn contain(&self, at: Instant) -> bool {
        let day = at.day();
        self.from.is_none_or(|from| date_to_day(from) <= day)
            && self.to.is_none_or(|to| day < date_to_day(to))
    }

    /// Whether two ranges share a day.
    pub fn overlap(&self, other: &Self) -> bool {
        let starts_before_end = |a: &Self, b: &Self| match (a.from, b.to) {
            (Some(from), Some(to)) => from < to,
            _ => true,
        };
        starts_before_end(self, other) && starts_before_end(other, self)
    }

    /// As a person reads it: `2026-06-15 to 2026-07-01 (exclusive)`.
    pub fn words(&self) -> String {
        let show = |day: Option<NaiveDate>| day.map_or_else(|| "always".to_owned(), |d| d.to_string());
        format!("from {} to {} (exclusive)", show(self.from), show(self.to))
    }
}

/// A billing account, project or subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Account number, project id or subscription id as bills write it.
    pub id: AccountId,
    /// Name on documents and in consoles; console bills may name it instead of the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `aws`, `gcp`, `azure`, or another name.
    pub provider: String,
    /// Which month a charge belongs to; overrides the policy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_basis: Option<PeriodBasis>,
    /// Who bears what no tag and no usage explains.
    #[serde(rename = "owner")]
    pub owners: Vec<AccountOwner>,
}

/// Which month a charge belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodBasis {
    /// The month of the provider's invoice.
    InvoiceMonth,
    /// The month in which the charge's own period starts.
    UsageDate,
}

/// A dated owner of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountOwner {
    /// Who.
    pub owner: Owner,
    /// With `owner = "shared"`: among whom, in equal parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub among: Vec<CommunityId>,
    /// Who pays the provider's bill: `organisation` (recovered from communities) or `community`
    /// (report only: never invoiced).
    #[serde(default)]
    pub paid_by: PaidBy,
    /// First day inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// First day after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

impl AccountOwner {
    /// Its range of days.
    pub fn dates(&self) -> Dates {
        Dates { from: self.from, to: self.to }
    }
}

/// Who owns an account: `organisation`, `shared`, or `community:<id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The organisation bears it.
    Organisation,
    /// The communities of [`AccountOwner::among`] bear it in equal parts.
    Shared,
    /// One community bears it.
    Community(CommunityId),
}

impl Serialize for Owner {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Organisation => serializer.serialize_str("organisation"),
            Self::Shared => serializer.serialize_str("shared"),
            Self::Community(id) => serializer.collect_str(&format_args!("community:{id}")),
        }
    }
}

impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "organisation" => Ok(Self::Organisation),
            "shared" => Ok(Self::Shared),
            other => match other.strip_prefix("community:") {
                Some(id) => CommunityId::new(id).map(Self::Community).map_err(serde::de::Error::custom),
                None => Err(serde::de::Error::custom(format!(
                    "owner {other:?} is none of \"organisation\", \"shared\", \"community:<id>\""
                ))),
            },
        }
    }
}

/// Who pays the provider's bill.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaidBy {
    /// The organisation pays and recovers it.
    #[default]
    Organisation,
    /// The community pays: reported, never invoiced.
    Community,
    /// A broker pays (CloudBank): reported, never invoiced.
    Broker,
}

/// A Kubernetes cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Id: what events name in `source`.
    pub id: ClusterId,
    /// `aws`, `gcp`, `azure`, or another name.
    pub provider: String,
    /// The account or project whose bill pays it; absent where the operator sees no bill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The name that the provider's tags and labels use; the id if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_name: Option<String>,
    /// Region or zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// When it lived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// First day after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

impl Cluster {
    /// Its range of days.
    pub fn dates(&self) -> Dates {
        Dates { from: self.from, to: self.to }
    }
}

/// A hub: (cluster, namespace) over a range of days, with its community.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    /// Id, unique in the federation at any day; a renamed hub keeps its id over two entries.
    pub id: HubId,
    /// Name on documents; the id if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Cluster.
    pub cluster: ClusterId,
    /// Namespace.
    pub namespace: Namespace,
    /// What the provider's hub tag says; the namespace if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_name: Option<String>,
    /// Whose hub it is; absent: nobody's yet, its usage is `unattributed: no_community`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub community: Option<CommunityId>,
    /// A staging hub: reported like any other, and marked.
    #[serde(default)]
    pub staging: bool,
    /// Directories that belong to the hub and to no user, exact names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_directories: Vec<String>,
    /// First day inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// First day after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
}

impl Hub {
    /// Its range of days.
    pub fn dates(&self) -> Dates {
        Dates { from: self.from, to: self.to }
    }

    /// The name on documents.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }
}
