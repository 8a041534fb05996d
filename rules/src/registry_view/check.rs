//! Everything that can be wrong with a registry, found before any amount depends on it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Display;

use hubtally_schemas::registry::{Account, AccountOwner, Cluster, Dates, Hub, Owner, Registry};

use super::problem::{RegistryProblem, nearest};
use super::{cluster_tag, hub_tag};

/// All problems of a registry, errors and warnings, in its own order.
pub fn check_registry(registry: &Registry) -> Vec<RegistryProblem> {
    let mut check = Check::new(registry);
    check.organisation();
    check.communities();
    check.accounts();
    check.clusters();
    check.hubs();
    check.communities_without_hubs();
    check.problems
}

struct Check<'a> {
    registry: &'a Registry,
    communities: HashSet<&'a str>,
    accounts: HashSet<&'a str>,
    clusters: HashMap<&'a str, &'a Cluster>,
    problems: Vec<RegistryProblem>,
}

/// Where an entry stands, as a person counts: from 1.
fn place(kind: &str, index: usize, id: impl Display) -> String {
    format!("{kind}[{}] \"{id}\"", index + 1)
}

impl<'a> Check<'a> {
    fn new(registry: &'a Registry) -> Self {
        Self {
            registry,
            communities: registry.communities.iter().map(|c| c.id.as_str()).collect(),
            accounts: registry.accounts.iter().map(|a| a.id.as_str()).collect(),
            clusters: registry.clusters.iter().map(|c| (c.id.as_str(), c)).collect(),
            problems: Vec::new(),
        }
    }

    fn error(&mut self, place: &str, message: impl Into<String>) {
        self.problems.push(RegistryProblem::error(place, message));
    }

    fn warning(&mut self, place: &str, message: impl Into<String>) {
        self.problems.push(RegistryProblem::warning(place, message));
    }

    fn organisation(&mut self) {
        if self.registry.organisation.name.trim().is_empty() {
            self.warning("organisation", "it has no name: documents carry it, so write `name = \"…\"`");
        }
    }

    fn communities(&mut self) {
        let mut seen = HashMap::new();
        for (index, community) in self.registry.communities.iter().enumerate() {
            let here = place("community", index, &community.id);
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if !community.id.as_str().chars().all(plain) {
                self.error(
                    &here,
                    "its id names files: use lower-case letters, digits and hyphens, and put the full name in `name`",
                );
            }
            self.duplicate(&mut seen, "community", community.id.as_str(), index, &here);
            let dated: Vec<(&str, Dates)> =
                community.contracts.iter().map(|c| (c.id.as_str(), c.dates)).collect();
            self.dated_list(&here, "contract", &dated);
        }
    }

    fn accounts(&mut self) {
        let mut seen = HashMap::new();
        let mut names: HashMap<&str, usize> = HashMap::new();
        for (index, account) in self.registry.accounts.iter().enumerate() {
            let here = place("account", index, &account.id);
            self.duplicate(&mut seen, "account", account.id.as_str(), index, &here);
            if let Some(name) = account.name.as_deref()
                && let Some(other) = names.insert(name, index)
            {
                let message = format!(
                    "account[{}] is named \"{name}\" too: bills that give only the name cannot be told apart, so rename one",
                    other + 1
                );
                self.warning(&here, message);
            }
            for owner in &account.owners {
                self.owner(&here, owner);
            }
            let dated: Vec<(String, Dates)> =
                account.owners.iter().map(|owner| (owner_words(&owner.owner), owner.dates())).collect();
            let dated: Vec<(&str, Dates)> =
                dated.iter().map(|(words, dates)| (words.as_str(), *dates)).collect();
            self.dated_list(&here, "owner", &dated);
            self.ownership_gaps(&here, account);
        }
    }

    fn owner(&mut self, here: &str, owner: &AccountOwner) {
        let mut named = HashSet::new();
        for id in &owner.among {
            if !named.insert(id) {
                self.error(
                    here,
                    format!("`among` names \"{id}\" twice: each community bears one equal part"),
                );
            }
            self.known_community(here, "`among` names community", id.as_str());
        }
        match &owner.owner {
            Owner::Community(id) => self.known_community(here, "its owner is community", id.as_str()),
            Owner::Shared if owner.among.is_empty() => {
                self.error(here, "its owner is `shared` among nobody: add `among = [\"…\", \"…\"]`");
            }
            Owner::Shared | Owner::Organisation => {}
        }
        if owner.owner != Owner::Shared && !owner.among.is_empty() {
            self.warning(here, "`among` counts only with `owner = \"shared\"`: remove it, or write `shared`");
        }
    }

    /// Days between owners, and days on which a cluster of the account lived before the first or after
    /// the last owner.
    fn ownership_gaps(&mut self, here: &str, account: &Account) {
        let mut ranges: Vec<Dates> = account.owners.iter().map(AccountOwner::dates).collect();
        ranges.sort_by_key(|dates| dates.from);
        let (Some(first), Some(last)) = (ranges.first().copied(), ranges.last().copied()) else {
            self.warning(here, "it has no owner: what no tag and no usage explains would have no payer, so add `[[account.owner]]`");
            return;
        };
        for pair in ranges.windows(2) {
            if let (Some(to), Some(from)) = (pair[0].to, pair[1].from)
                && to < from
            {
                let message = format!(
                    "it has no owner from {to} to {from} (exclusive): extend one of its owners, or its charges of those days have no payer"
                );
                self.warning(here, message);
            }
        }
        for cluster in self.registry.clusters.iter().filter(|c| c.account.as_ref() == Some(&account.id)) {
            if let (Some(lives), Some(owned)) = (cluster.from, first.from)
                && lives < owned
            {
                let message = format!(
                    "cluster \"{}\" lives from {lives}, its first owner begins on {owned}: let the owner begin earlier",
                    cluster.id
                );
                self.warning(here, message);
            }
            if let Some(owned) = last.to
                && cluster.to.is_none_or(|ends| owned < ends)
            {
                let message = format!(
                    "its last owner ends on {owned}, cluster \"{}\" lives on: add the next owner, or end the cluster",
                    cluster.id
                );
                self.warning(here, message);
            }
        }
    }

    fn clusters(&mut self) {
        let mut seen = HashMap::new();
        let mut tags: HashMap<&str, usize> = HashMap::new();
        for (index, cluster) in self.registry.clusters.iter().enumerate() {
            let here = place("cluster", index, &cluster.id);
            self.duplicate(&mut seen, "cluster", cluster.id.as_str(), index, &here);
            self.dates(&here, cluster.dates());
            if let Some(account) = &cluster.account
                && !self.accounts.contains(account.as_str())
            {
                let near = nearest(account.as_str(), self.accounts.iter().copied());
                self.error(&here, format!("account \"{account}\" is not in the registry: {near}"));
            }
            if let Some(other) = tags.insert(cluster_tag(cluster), index) {
                let before = &self.registry.clusters[other];
                if before.dates().overlap(&cluster.dates()) && before.id != cluster.id {
                    let message = format!(
                        "cluster[{}] \"{}\" has the tag name \"{}\" too: a tag then names neither, only their accounts tell them apart; give each its own `tag_name` if you can",
                        other + 1,
                        before.id,
                        cluster_tag(cluster)
                    );
                    self.warning(&here, message);
                }
            }
        }
    }

    fn hubs(&mut self) {
        let mut by_id: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut by_namespace: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        let mut by_tag: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (index, hub) in self.registry.hubs.iter().enumerate() {
            self.hub(index, hub);
            by_id.entry(hub.id.as_str()).or_default().push(index);
            by_namespace.entry((hub.cluster.as_str(), hub.namespace.as_str())).or_default().push(index);
            by_tag.entry((hub.cluster.as_str(), hub_tag(hub))).or_default().push(index);
        }
        for ((cluster, namespace), list) in &by_namespace {
            let what = format!("namespace \"{namespace}\" of cluster \"{cluster}\"");
            self.hubs_overlap(
                list,
                &what,
                "a namespace is one hub at a time: end one entry with `to` where the other begins",
            );
        }
        for (id, list) in &by_id {
            self.hubs_overlap(list, &format!("the id \"{id}\""), "a hub that is renamed or moved keeps its id over entries that follow each other: end one with `to`, or give each its own id");
        }
        for ((cluster, tag), list) in &by_tag {
            if by_namespace.get(&(*cluster, *tag)) == Some(list) {
                continue; // said above
            }
            self.hubs_overlap(
                list,
                &format!("the hub tag \"{tag}\" on cluster \"{cluster}\""),
                "a tag names one hub at a time: give each its own `tag_name`",
            );
        }
    }

    fn hub(&mut self, index: usize, hub: &Hub) {
        let here = place("hub", index, &hub.id);
        self.dates(&here, hub.dates());
        match self.clusters.get(hub.cluster.as_str()).copied() {
            None => {
                let near = nearest(hub.cluster.as_str(), self.clusters.keys().copied());
                self.error(&here, format!("cluster \"{}\" is not in the registry: {near}", hub.cluster));
            }
            Some(cluster) if !cluster.dates().overlap(&hub.dates()) => {
                let message = format!(
                    "it lives {}, its cluster {}: they never meet, so look at the dates",
                    hub.dates().words(),
                    cluster.dates().words()
                );
                self.warning(&here, message);
            }
            Some(_) => {}
        }
        match &hub.community {
            Some(id) => self.known_community(&here, "its community is", id.as_str()),
            None => self.warning(
                &here,
                "it has no community: its usage becomes `unattributed: no_community`, borne by the account's owner; add `community = \"…\"`",
            ),
        }
    }

    /// Neighbours in time that share a day. Checking neighbours of the sorted list finds an overlap
    /// wherever there is one.
    fn hubs_overlap(&mut self, list: &[usize], what: &str, advice: &str) {
        let hubs = &self.registry.hubs;
        let mut sorted = list.to_vec();
        sorted.sort_by_key(|&index| (hubs[index].from, index));
        for pair in sorted.windows(2) {
            let (one, other) = (&hubs[pair[0]], &hubs[pair[1]]);
            if one.dates().overlap(&other.dates()) {
                let (early, late) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                let message = format!(
                    "{what} is in {} too, {} and {}: {advice}",
                    place("hub", early, &hubs[early].id),
                    hubs[early].dates().words(),
                    hubs[late].dates().words()
                );
                self.error(&place("hub", late, &hubs[late].id), message);
            }
        }
    }

    fn communities_without_hubs(&mut self) {
        let of_hubs = self.registry.hubs.iter().filter_map(|hub| hub.community.as_ref());
        let of_accounts =
            self.registry.accounts.iter().flat_map(|account| &account.owners).flat_map(|owner| {
                let own = match &owner.owner {
                    Owner::Community(id) => Some(id),
                    Owner::Shared | Owner::Organisation => None,
                };
                own.into_iter().chain(&owner.among)
            });
        let used: HashSet<&str> = of_hubs.chain(of_accounts).map(AsRef::as_ref).collect();
        for (index, community) in self.registry.communities.iter().enumerate() {
            if !used.contains(community.id.as_str()) {
                let here = place("community", index, &community.id);
                self.warning(&here, "it has no hub and owns no account: its statement will be empty; add its hub, or remove it");
            }
        }
    }

    fn known_community(&mut self, here: &str, what: &str, id: &str) {
        if !self.communities.contains(id) {
            let near = nearest(id, self.communities.iter().copied());
            self.error(here, format!("{what} \"{id}\", which is not in the registry: {near}"));
        }
    }

    fn duplicate(
        &mut self,
        seen: &mut HashMap<&'a str, usize>,
        kind: &str,
        id: &'a str,
        index: usize,
        here: &str,
    ) {
        if let Some(other) = seen.insert(id, index) {
            self.error(here, format!("{kind}[{}] has the same id: keep one of them", other + 1));
        }
    }

    fn dates(&mut self, here: &str, dates: Dates) {
        if let (Some(from), Some(to)) = (dates.from, dates.to)
            && from >= to
        {
            self.error(
                here,
                format!(
                    "it ends on {to}, not after its first day {from}: `to` is the first day after, so move it"
                ),
            );
        }
    }

    fn dated_list(&mut self, here: &str, kind: &str, list: &[(&str, Dates)]) {
        for (_, dates) in list {
            self.dates(here, *dates);
        }
        let mut sorted = list.to_vec();
        sorted.sort_by_key(|(_, dates)| dates.from);
        for pair in sorted.windows(2) {
            let ((one, early), (other, late)) = (pair[0], pair[1]);
            if early.overlap(&late) {
                let message = format!(
                    "{kind} \"{one}\" {} and {kind} \"{other}\" {} share days: end one with `to` where the other begins",
                    early.words(),
                    late.words()
                );
                self.error(here, message);
            }
        }
    }
}

fn owner_words(owner: &Owner) -> String {
    match owner {
        Owner::Organisation => "organisation".to_owned(),
        Owner::Shared => "shared".to_owned(),
        Owner::Community(id) => format!("community:{id}"),
    }
}
