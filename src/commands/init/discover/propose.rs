//! The proposal as commented TOML.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hubtally_ingest::probe::{FoundCluster, FoundHub};

use super::{FoundAccount, Sources};

/// What stands where only a person knows.
pub const FILL_IN: &str = "FILL IN";

const HEAD: &str = "\
# registry.toml: who is who, as Prometheus servers and bills show it. Every line is a guess, and says why: correct it.
#
# What only you know is marked FILL IN: who owns each account. Until then `hubtally check` refuses this file, and
# names the lines. Then add your communities, and say whose each hub is; a hub that is nobody's costs its account's
# owner. Dates (`from`, `to`) are left out: each line holds always, until you say since when.

# Who runs the hubs and issues statements.
[organisation]
name = \"My organisation\"

# ---- Communities: who gets statements. Nothing that was looked at names them.

#[[community]]
# The id, used in file names: lower-case letters, digits and hyphens.
#id = \"ocean-lab\"
#name = \"Ocean Lab\"
";

/// A cluster of the proposal.
struct Cluster<'a> {
    id: String,
    found: Option<&'a FoundCluster>,
    provider: (String, String),
    /// The account, and why.
    account: Option<(String, String)>,
    why: String,
}

/// `registry.toml`.
pub fn registry(clusters: &[FoundCluster], accounts: &[FoundAccount]) -> String {
    let proposed = all_clusters(clusters, accounts);
    let mut out = HEAD.to_owned();
    out.push_str("\n# ---- Accounts: billing accounts, projects and subscriptions.\n");
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for account in accounts {
        known.insert(&account.id);
        let _ = write!(out, "\n# On the bills: {}.\n", one_line(&account.words));
        account_entry(&mut out, &account.id, &account.provider);
    }
    for cluster in &proposed {
        let Some((id, why)) = &cluster.account else { continue };
        if known.insert(id) {
            let _ = write!(out, "\n# No bill of it was given: {}.\n", one_line(why));
            account_entry(&mut out, id, &cluster.provider.0);
        }
    }
    if known.is_empty() {
        out.push_str("# None was seen: give a bill with --bill, or add them.\n");
    }
    out.push_str("\n# ---- Clusters.\n");
    for cluster in &proposed {
        cluster_entry(&mut out, cluster);
    }
    if proposed.is_empty() {
        out.push_str("# None was seen: give a Prometheus with --prometheus, or add them.\n");
    }
    out.push_str("\n# ---- Hubs: which namespace on which cluster is whose.\n");
    hubs(&mut out, &proposed, accounts);
    out
}

/// `[[prometheus]]` for `hubtally.toml`.
pub fn operation(clusters: &[FoundCluster], sources: &Sources) -> String {
    let mut out = String::new();
    for cluster in clusters {
        let _ = write!(
            out,
            "\n# Found by `hubtally init --discover`; `hubtally doctor` looks at it closely.\n[[prometheus]]\ncluster = {}\nurl = {}\nfrom = \"earliest\"\n",
            quoted(&cluster.name.0),
            quoted(&cluster.url)
        );
        for (key, value) in
            [("user", &sources.user), ("password", &sources.password), ("token", &sources.token)]
        {
            if let Some(value) = value {
                let _ = writeln!(out, "{key} = {}", quoted(value));
            }
        }
    }
    out
}

/// Clusters of Prometheus servers first, then those that only tags of bills name.
fn all_clusters<'a>(clusters: &'a [FoundCluster], accounts: &[FoundAccount]) -> Vec<Cluster<'a>> {
    let on_bills =
        |name: &str| accounts.iter().filter(|account| account.clusters.contains(name)).collect::<Vec<_>>();
    let mut proposed: Vec<Cluster<'a>> = clusters
        .iter()
        .map(|found| {
            let by_tag = on_bills(&found.name.0);
            let account = found.account.clone().or_else(|| match by_tag.as_slice() {
                [] => None,
                [one] => Some((one.id.clone(), "a cluster tag on its bill names this cluster".to_owned())),
                [one, others @ ..] => {
                    let others: Vec<&str> = others.iter().map(|account| account.id.as_str()).collect();
                    let why = format!(
                        "a cluster tag on its bill names this cluster; those of {} do too",
                        others.join(", ")
                    );
                    Some((one.id.clone(), why))
                }
            });
            Cluster {
                id: found.name.0.clone(),
                found: Some(found),
                provider: found.provider.clone(),
                account,
                why: found.name.1.clone(),
            }
        })
        .collect();
    for account in accounts {
        for name in &account.clusters {
            if proposed.iter().any(|cluster| cluster.id == *name) {
                continue;
            }
            proposed.push(Cluster {
                id: name.clone(),
                found: None,
                provider: (account.provider.clone(), "as its bill".to_owned()),
                account: Some((account.id.clone(), "its bill names the cluster".to_owned())),
                why: "only tags on a bill name it; no Prometheus of it was given".to_owned(),
            });
        }
    }
    proposed
}

fn account_entry(out: &mut String, id: &str, provider: &str) {
    let _ = write!(
        out,
        "[[account]]\nid = {}\nprovider = {}\n[[account.owner]]\n# \"community:<id>\", \"organisation\", or \"shared\" with `among`: who bears what no tag and no usage explains.\nowner = {}\n",
        quoted(id),
        quoted(provider),
        quoted(FILL_IN)
    );
}

fn cluster_entry(out: &mut String, cluster: &Cluster<'_>) {
    let _ = write!(
        out,
        "\n[[cluster]]\n# Guess: {}.\nid = {}\n# Guess: {}.\nprovider = {}\n",
        one_line(&cluster.why),
        quoted(&cluster.id),
        one_line(&cluster.provider.1),
        quoted(&cluster.provider.0)
    );
    match &cluster.account {
        Some((id, why)) => {
            let _ = writeln!(out, "# Guess: {}.\naccount = {}", one_line(why), quoted(id));
        }
        None => {
            out.push_str("# Nothing tells whose bill pays it. Left out: you see no bill.\n#account = \"111122223333\"\n");
        }
    }
    if let Some((region, why)) = cluster.found.and_then(|found| found.region.as_ref()) {
        let _ = writeln!(out, "# Guess: {}.\nregion = {}", one_line(why), quoted(region));
    }
}

/// One hub of the proposal.
struct Hub<'a> {
    cluster: &'a str,
    namespace: &'a str,
    staging: bool,
    why: String,
}

fn hubs(out: &mut String, clusters: &[Cluster<'_>], accounts: &[FoundAccount]) {
    let mut proposed: Vec<Hub<'_>> = Vec::new();
    let mut tags_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for account in accounts {
        let only: Vec<&str> = clusters
            .iter()
            .filter(|cluster| cluster.account.as_ref().is_some_and(|(id, _)| *id == account.id))
            .map(|cluster| cluster.id.as_str())
            .collect();
        for (hub, beside) in &account.hubs {
            // A tag without a cluster beside it belongs to the account's only one, if it has only one.
            let named: Vec<&str> = match (beside.is_empty(), only.as_slice()) {
                (true, [one]) => vec![one],
                _ => beside.iter().map(String::as_str).collect(),
            };
            for cluster in named {
                tags_of.entry(cluster).or_default().insert(hub);
            }
        }
    }
    for cluster in clusters {
        let tags = tags_of.remove(cluster.id.as_str()).unwrap_or_default();
        let seen: &[FoundHub] = cluster.found.map_or(&[], |found| &found.hubs);
        for hub in seen {
            let mut why = hub.why.clone();
            if tags.contains(hub.namespace.as_str()) {
                why.push_str("; its name is a hub tag on the bill");
            }
            if hub.labelled_nodes {
                why.push_str("; nodes carry its name as 2i2c/hub-name");
            }
            proposed.push(Hub { cluster: &cluster.id, namespace: &hub.namespace, staging: hub.staging, why });
        }
        for tag in tags.into_iter().filter(|tag| !seen.iter().any(|hub| hub.namespace == **tag)) {
            let why = "only a hub tag on the bill names it: its namespace may be called otherwise (then write the tag as `tag_name`)";
            let staging = tag.contains("staging");
            proposed.push(Hub { cluster: &cluster.id, namespace: tag, staging, why: why.to_owned() });
        }
    }
    for (index, hub) in proposed.iter().enumerate() {
        let is_twice =
            proposed.iter().enumerate().any(|(at, other)| at != index && other.namespace == hub.namespace);
        let id =
            if is_twice { format!("{}-{}", hub.cluster, hub.namespace) } else { hub.namespace.to_owned() };
        let _ = write!(
            out,
            "\n[[hub]]\nid = {}\ncluster = {}\n# Guess: {}.\nnamespace = {}\n",
            quoted(&id),
            quoted(hub.cluster),
            one_line(&hub.why),
            quoted(hub.namespace)
        );
        if hub.staging {
            out.push_str("# Guess: its name says so.\nstaging = true\n");
        }
        out.push_str("# Whose hub it is: nothing that was looked at tells.\n#community = \"ocean-lab\"\n");
    }
    if proposed.is_empty() {
        out.push_str("# None was seen.\n");
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A reason as one line of a comment.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str, namespaces: &[&str]) -> FoundCluster {
        let because = |text: &str| (text.to_owned(), "so it seems".to_owned());
        let hub = |namespace: &&str| FoundHub {
            namespace: (*namespace).to_owned(),
            why: "pods".to_owned(),
            staging: namespace.contains("staging"),
            labelled_nodes: false,
        };
        FoundCluster {
            name: because(name),
            provider: because("aws"),
            account: None,
            region: None,
            hubs: namespaces.iter().map(hub).collect(),
            url: "http://p".to_owned(),
        }
    }

    #[test]
    fn what_is_proposed_is_a_registry_once_the_owners_are_filled_in() {
        let mut account = FoundAccount {
            id: "1111".to_owned(),
            provider: "aws".to_owned(),
            words: "June\n2026".to_owned(),
            ..FoundAccount::default()
        };
        account.clusters.extend(["tides".to_owned(), "dunes".to_owned()]);
        account.hubs.insert("prod".to_owned(), BTreeSet::from(["tides".to_owned()]));
        account.hubs.insert("a \"quoted\" hub".to_owned(), BTreeSet::from(["dunes".to_owned()]));
        let clusters = [cluster("tides", &["prod", "staging"]), cluster("other", &["prod"])];
        let text = registry(&clusters, &[account]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registry.toml");
        std::fs::write(&file, &text).unwrap();
        let refused = crate::config::registry::load(&file).map(|loaded| loaded.view().map(drop));
        assert!(!matches!(refused, Ok(Ok(()))), "an owner is missing and nobody says so");
        std::fs::write(&file, text.replace(FILL_IN, "organisation")).unwrap();
        let view = crate::config::registry::load(&file).unwrap().view().unwrap();
        let registry = view.registry();
        assert_eq!(
            (registry.accounts.len(), registry.clusters.len(), registry.hubs.len()),
            (1, 3, 4),
            "{text}"
        );
        let hub = registry.hubs.iter().find(|hub| hub.id.as_str() == "tides-prod").unwrap();
        assert_eq!(hub.namespace.as_str(), "prod");
        assert!(registry.hubs.iter().any(|hub| hub.staging));
        assert_eq!(registry.clusters[0].account.as_ref().unwrap().as_str(), "1111");
        let guesses = text.matches("# Guess: ").count();
        assert!(guesses >= 3 * 2 + 4, "{guesses} reasons:\n{text}");
    }
}
