//! Where a charge belongs: its cluster, its hub, and which rule splits it. Asked once a charge and day.

use ahash::AHashMap as HashMap;

use hubtally_rules::component::{Component, NodePurpose};
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::registry::{Cluster, Dates, Owner};
use hubtally_schemas::{AccountId, ClusterId, Instant};

use crate::charge::{Category, Charge, Grade, Line};
use crate::posting::{Payer, Reason};
use crate::symbols::{NONE, Symbol, Symbols};

/// The pool of the cluster's own pods.
pub const SYSTEM_PODS: &str = "system";
/// The pool of taxes.
pub const TAX_POOL: &str = "tax";
/// The pool of credits.
pub const CREDIT_POOL: &str = "credit";

/// Which rule splits a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A node that the bill names.
    Instance { cluster: Symbol },
    /// A cluster's nodes by tag, or its hub's pods.
    Nodes { cluster: Symbol, purpose: Symbol, hub_tag: Symbol },
    /// Home directories of a cluster, or of one hub.
    Homes { cluster: Symbol, hub_tag: Symbol },
    /// A hub's own cost.
    Hub { cluster: Symbol, hub_tag: Symbol },
    /// Shared among the hubs of a cluster.
    Pool { cluster: Symbol },
    /// Everything an account cost in one line: its clusters' pods, else its owner.
    WholeAccount { cluster: Symbol },
    /// Follows what else the account (for a credit: the account's same service) cost.
    Follow { same_service: bool },
    /// A commitment that nothing used.
    Commitment { cluster: Symbol },
    /// Nobody's: to the owner.
    Owner { cluster: Symbol, reason: Reason },
}

/// The registry as symbols: every id it can answer with was added before a day is split.
pub struct Places<'a> {
    pub registry: &'a RegistryView,
    hubs: HashMap<(Symbol, Symbol), Vec<(Dates, HubPlace)>>,
    pools: HashMap<(Symbol, &'static str), Symbol>,
    shared_directories: HashMap<Symbol, Vec<String>>,
}

impl<'a> Places<'a> {
    /// Adds every text of the registry to the symbols.
    pub fn new(registry: &'a RegistryView, symbols: &mut Symbols) -> Self {
        let all = registry.registry();
        for community in &all.communities {
            symbols.add(community.id.as_str());
        }
        for purpose in NodePurpose::ALL {
            symbols.add(purpose.code());
        }
        let mut pools = HashMap::new();
        for cluster in &all.clusters {
            let number = symbols.add(cluster.id.as_str());
            for component in Component::ALL {
                pools.insert(
                    (number, component.code()),
                    symbols.add(&format!("{}/{}", cluster.id, component.code())),
                );
            }
            pools.insert((number, SYSTEM_PODS), symbols.add(&format!("{}/{SYSTEM_PODS}", cluster.id)));
        }
        for pool in [TAX_POOL, CREDIT_POOL] {
            pools.insert((NONE, pool), symbols.add(pool));
        }
        let mut hubs: HashMap<_, Vec<_>> = HashMap::new();
        let mut shared_directories: HashMap<Symbol, Vec<String>> = HashMap::new();
        for hub in &all.hubs {
            let place = HubPlace {
                hub: symbols.add(hub.id.as_str()),
                namespace: symbols.add(hub.namespace.as_str()),
                community: symbols.add_option(hub.community.as_ref().map(AsRef::as_ref)),
            };
            let key = (symbols.add(hub.cluster.as_str()), place.namespace);
            hubs.entry(key).or_default().push((hub.dates(), place));
            shared_directories.entry(place.hub).or_default().extend(hub.shared_directories.iter().cloned());
        }
        Self { registry, hubs, pools, shared_directories }
    }

    /// The directories that belong to a hub and to no user, as the registry names them.
    pub fn shared_directories(&self, hub: Symbol) -> &[String] {
        self.shared_directories.get(&hub).map_or(&[], Vec::as_slice)
    }

    /// The pool of a cluster's component.
    pub fn pool(&self, cluster: Symbol, name: &'static str) -> Symbol {
        self.pools.get(&(cluster, name)).copied().unwrap_or(NONE)
    }

    /// Where a charge belongs.
    pub fn of(
        &self,
        charge: &Charge,
        line: &Line,
        known_instance: Option<Symbol>,
        symbols: &Symbols,
    ) -> Place {
        if line.category != Category::Use && !line.tagged() && line.grade != Grade::Account {
            return Place::Follow { same_service: line.category == Category::Credit };
        }
        let cluster = known_instance.unwrap_or_else(|| self.cluster(charge, line, symbols));
        if line.unused_commitment {
            return Place::Commitment { cluster };
        }
        if line.grade == Grade::Account {
            return Place::WholeAccount { cluster };
        }
        if known_instance.is_some() && line.component != Component::Core {
            return Place::Instance { cluster };
        }
        if !line.tagged() && known_instance.is_none() {
            return Place::Owner { cluster, reason: Reason::NoTag };
        }
        if cluster == NONE {
            return Place::Owner { cluster, reason: Reason::NoTag };
        }
        let hub_tag = line.tags.hub.as_deref().and_then(|tag| symbols.find(tag)).unwrap_or(NONE);
        match line.component {
            Component::Compute if names_instance(charge, symbols) && hub_tag == NONE => {
                Place::Owner { cluster, reason: Reason::NoNodeMatch }
            }
            Component::Compute => {
                let purpose =
                    line.tags.node_purpose.and_then(|purpose| symbols.find(purpose.code())).unwrap_or(NONE);
                Place::Nodes { cluster, purpose, hub_tag }
            }
            Component::HomeStorage => Place::Homes { cluster, hub_tag },
            _ if hub_tag != NONE => Place::Hub { cluster, hub_tag },
            _ => Place::Pool { cluster },
        }
    }

    fn cluster(&self, charge: &Charge, line: &Line, symbols: &Symbols) -> Symbol {
        let at = charge.span.start;
        if let Some(tag) = &line.tags.cluster
            && let Some(cluster) = self.cluster_by_tag(charge.account, tag, at, symbols)
        {
            return symbols.find(cluster.id.as_str()).unwrap_or(NONE);
        }
        let Some(account) = account_id(charge.account, symbols) else { return NONE };
        match self.registry.clusters_of_account(&account, at).as_slice() {
            [only] => symbols.find(only.id.as_str()).unwrap_or(NONE),
            _ => NONE,
        }
    }

    /// Two clusters may carry the same tag in two accounts: the charge's own account decides.
    fn cluster_by_tag(&self, account: Symbol, tag: &str, at: Instant, symbols: &Symbols) -> Option<&Cluster> {
        let account = account_id(account, symbols)?;
        self.registry
            .cluster_by_tag_in_account(&account, tag, at)
            .or_else(|| self.registry.cluster_by_tag(tag, at))
    }

    /// Who bears what has no other target: the account's owner at that time, in equal parts where the
    /// registry says `shared`. Never empty.
    pub fn owners(&self, account: Symbol, at: Instant, symbols: &Symbols) -> Vec<Payer> {
        let owner =
            account_id(account, symbols).and_then(|account| self.registry.owner_at(&account, at).cloned());
        match owner {
            None => vec![Payer::Nobody],
            Some(owner) => match owner.owner {
                Owner::Organisation => vec![Payer::Organisation],
                Owner::Community(id) => vec![Payer::Community(symbols.find(id.as_str()).unwrap_or(NONE))],
                Owner::Shared => {
                    let mut among: Vec<_> = owner.among.iter().map(|id| id.as_str().to_owned()).collect();
                    among.sort_unstable();
                    if among.is_empty() {
                        return vec![Payer::Nobody];
                    }
                    among.iter().map(|id| Payer::Community(symbols.find(id).unwrap_or(NONE))).collect()
                }
            },
        }
    }

    /// The hub of a namespace at an instant.
    pub fn hub(&self, cluster: Symbol, namespace: Symbol, at: Instant) -> Option<HubPlace> {
        let dated = self.hubs.get(&(cluster, namespace))?;
        dated.iter().find(|(dates, _)| dates.contain(at)).map(|(_, place)| *place)
    }

    /// The hub that a tag names.
    pub fn hub_by_tag(
        &self,
        cluster: Symbol,
        tag: Symbol,
        at: Instant,
        symbols: &Symbols,
    ) -> Option<HubPlace> {
        let cluster_id = ClusterId::new(symbols.text(cluster)?).ok()?;
        let hub = self.registry.hub_by_tag(&cluster_id, symbols.text(tag)?, at)?;
        Some(hub_place(hub, symbols))
    }

    /// The hubs of a cluster at an instant, by id.
    pub fn hubs(&self, cluster: Symbol, at: Instant, symbols: &Symbols) -> Vec<HubPlace> {
        let Some(cluster_id) = symbols.text(cluster).and_then(|text| ClusterId::new(text).ok()) else {
            return Vec::new();
        };
        let mut hubs = self.registry.hubs_of(&cluster_id, at);
        hubs.sort_by(|a, b| {
            (a.id.as_str(), a.namespace.as_str()).cmp(&(b.id.as_str(), b.namespace.as_str()))
        });
        hubs.into_iter().map(|hub| hub_place(hub, symbols)).collect()
    }

    /// The contract of a community at an instant.
    pub fn contract(&self, community: Symbol, at: Instant, symbols: &Symbols) -> Option<&str> {
        let id = hubtally_schemas::CommunityId::new(symbols.text(community)?).ok()?;
        self.registry.contract_at(&id, at)
    }
}

/// A hub as symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubPlace {
    pub hub: Symbol,
    pub namespace: Symbol,
    /// [`NONE`] where the registry names no community.
    pub community: Symbol,
}

fn hub_place(hub: &hubtally_schemas::registry::Hub, symbols: &Symbols) -> HubPlace {
    let find = |text: &str| symbols.find(text).unwrap_or(NONE);
    HubPlace {
        hub: find(hub.id.as_str()),
        namespace: find(hub.namespace.as_str()),
        community: hub.community.as_ref().map_or(NONE, |id| find(id.as_str())),
    }
}

fn account_id(account: Symbol, symbols: &Symbols) -> Option<AccountId> {
    AccountId::new(symbols.text(account)?).ok()
}

/// Whether the line's resource is a machine: then a node that was never seen is worth a name.
fn names_instance(charge: &Charge, symbols: &Symbols) -> bool {
    symbols.text(charge.resource).is_some_and(|id| id.starts_with("i-") || id.contains("/instances/"))
}
