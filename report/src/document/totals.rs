//! Totals over all communities.

use hubtally_schemas::Minor;
use serde::Serialize;

use super::Head;

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
    pub communities_total: Option<Minor>,
    /// What the organisation bears itself.
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
    pub amount: Minor,
}
