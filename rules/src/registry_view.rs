//! Who is who at an instant: the registry, checked and indexed (law L5).

use std::collections::HashMap;

use hubtally_schemas::registry::{Account, AccountOwner, Cluster, Community, Hub, Registry};
use hubtally_schemas::{AccountId, ClusterId, CommunityId, Instant, Namespace};

mod check;
pub(crate) mod problem;

#[cfg(test)]
mod tests;

pub use check::check_registry;
pub use problem::{RegistryProblem, Severity};

/// A registry without errors, with an index for each lookup.
///
/// Every dated lookup takes the instant of use. Where dates leave two answers, the check has refused
/// the registry; the one exception, a cluster tag used twice, answers `None`.
#[derive(Debug, Clone)]
pub struct RegistryView {
    registry: Registry,
    warnings: Vec<RegistryProblem>,
    communities: HashMap<CommunityId, usize>,
    accounts: HashMap<AccountId, usize>,
    account_names: HashMap<String, Vec<usize>>,
    clusters: HashMap<ClusterId, usize>,
    cluster_tags: HashMap<String, Vec<usize>>,
    clusters_of_account: HashMap<AccountId, Vec<usize>>,
    hubs: HashMap<ClusterId, HubIndex>,
}

#[derive(Debug, Clone, Default)]
struct HubIndex {
    all: Vec<usize>,
    by_namespace: HashMap<Namespace, Vec<usize>>,
    by_tag: HashMap<String, Vec<usize>>,
}

impl RegistryView {
    /// Checks and indexes. With any error the registry is refused, with all problems; warnings alone are
    /// kept in [`RegistryView::warnings`].
    pub fn new(registry: Registry) -> Result<Self, Vec<RegistryProblem>> {
        let warnings = check_registry(&registry);
        if warnings.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(warnings);
        }
        let mut view = Self {
            communities: numbered(registry.communities.iter().map(|c| c.id.clone())),
            accounts: numbered(registry.accounts.iter().map(|a| a.id.clone())),
            clusters: numbered(registry.clusters.iter().map(|c| c.id.clone())),
            account_names: HashMap::new(),
            cluster_tags: HashMap::new(),
            clusters_of_account: HashMap::new(),
            hubs: HashMap::new(),
            warnings,
            registry,
        };
        for (at, account) in view.registry.accounts.iter().enumerate() {
            if let Some(name) = &account.name {
                view.account_names.entry(name.clone()).or_default().push(at);
            }
        }
        for (at, cluster) in view.registry.clusters.iter().enumerate() {
            view.cluster_tags.entry(cluster_tag(cluster).to_owned()).or_default().push(at);
            if let Some(account) = &cluster.account {
                view.clusters_of_account.entry(account.clone()).or_default().push(at);
            }
        }
        for (at, hub) in view.registry.hubs.iter().enumerate() {
            let index = view.hubs.entry(hub.cluster.clone()).or_default();
            index.all.push(at);
            index.by_namespace.entry(hub.namespace.clone()).or_default().push(at);
            index.by_tag.entry(hub_tag(hub).to_owned()).or_default().push(at);
        }
        Ok(view)
    }

    /// The registry itself.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What somebody should look at.
    pub fn warnings(&self) -> &[RegistryProblem] {
        &self.warnings
    }

    /// The hub that a namespace was at an instant.
    pub fn hub_at(&self, cluster: &ClusterId, namespace: &Namespace, at: Instant) -> Option<&Hub> {
        self.hub_at_text(cluster.as_str(), namespace.as_str(), at)
    }

    /// As [`RegistryView::hub_at`], from stored text.
    pub fn hub_at_text(&self, cluster: &str, namespace: &str, at: Instant) -> Option<&Hub> {
        self.hub_of(self.hubs.get(cluster)?.by_namespace.get(namespace)?, at)
    }

    /// The hub that a provider's hub tag names on a cluster at an instant.
    pub fn hub_by_tag(&self, cluster: &ClusterId, tag: &str, at: Instant) -> Option<&Hub> {
        self.hub_of(self.hubs.get(cluster)?.by_tag.get(tag)?, at)
    }

    fn hub_of(&self, candidates: &[usize], at: Instant) -> Option<&Hub> {
        candidates.iter().map(|&hub| &self.registry.hubs[hub]).find(|hub| hub.dates().contain(at))
    }

    /// The hubs of a cluster at an instant, in the registry's order.
    pub fn hubs_of(&self, cluster: &ClusterId, at: Instant) -> Vec<&Hub> {
        let all = self.hubs.get(cluster).map_or(&[][..], |index| &index.all);
        all.iter().map(|&hub| &self.registry.hubs[hub]).filter(|hub| hub.dates().contain(at)).collect()
    }

    /// A cluster by id.
    pub fn cluster(&self, id: &str) -> Option<&Cluster> {
        self.clusters.get(id).map(|&at| &self.registry.clusters[at])
    }

    /// The cluster that the provider's tags name at an instant; `None` where two clusters answer.
    pub fn cluster_by_tag(&self, tag: &str, at: Instant) -> Option<&Cluster> {
        self.only_cluster(tag, at, |_| true)
    }

    /// The cluster that the provider's tags name in one account at an instant.
    pub fn cluster_by_tag_in_account(&self, account: &AccountId, tag: &str, at: Instant) -> Option<&Cluster> {
        self.only_cluster(tag, at, |cluster| cluster.account.as_ref() == Some(account))
    }

    fn only_cluster(&self, tag: &str, at: Instant, fits: impl Fn(&Cluster) -> bool) -> Option<&Cluster> {
        let candidates = self.cluster_tags.get(tag)?.iter().map(|&at| &self.registry.clusters[at]);
        let mut living = candidates.filter(|cluster| cluster.dates().contain(at) && fits(cluster));
        let first = living.next();
        if living.next().is_some() { None } else { first }
    }

    /// The clusters that an account paid at an instant, in the registry's order.
    pub fn clusters_of_account(&self, account: &AccountId, at: Instant) -> Vec<&Cluster> {
        let all = self.clusters_of_account.get(account).map_or(&[][..], Vec::as_slice);
        all.iter()
            .map(|&cluster| &self.registry.clusters[cluster])
            .filter(|cluster| cluster.dates().contain(at))
            .collect()
    }

    /// An account by id.
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id).map(|&at| &self.registry.accounts[at])
    }

    /// An account by the name that consoles show; `None` where two share it.
    pub fn account_by_name(&self, name: &str) -> Option<&Account> {
        match self.account_names.get(name)?.as_slice() {
            [only] => self.registry.accounts.get(*only),
            _ => None,
        }
    }

    /// Who owned an account at an instant; `None` in a gap, which the registry's warnings name.
    pub fn owner_at(&self, account: &AccountId, at: Instant) -> Option<&AccountOwner> {
        self.account(account.as_str())?.owners.iter().find(|owner| owner.dates().contain(at))
    }

    /// A community by id.
    pub fn community(&self, id: &str) -> Option<&Community> {
        self.communities.get(id).map(|&at| &self.registry.communities[at])
    }

    /// The contract of a community in force at an instant.
    pub fn contract_at(&self, community: &CommunityId, at: Instant) -> Option<&str> {
        let contracts = &self.community(community.as_str())?.contracts;
        contracts.iter().find(|contract| contract.dates.contain(at)).map(|contract| contract.id.as_str())
    }
}

/// What provider tags call a cluster.
pub fn cluster_tag(cluster: &Cluster) -> &str {
    cluster.tag_name.as_deref().unwrap_or(cluster.id.as_str())
}

/// What provider tags call a hub.
pub fn hub_tag(hub: &Hub) -> &str {
    hub.tag_name.as_deref().unwrap_or(hub.namespace.as_str())
}

fn numbered<K: std::hash::Hash + Eq>(ids: impl Iterator<Item = K>) -> HashMap<K, usize> {
    ids.enumerate().map(|(at, id)| (id, at)).collect()
}
