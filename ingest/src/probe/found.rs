//! What a Prometheus tells of a cluster that nobody has described yet: guesses, each with its reason.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::{ProbeError, Row, Server};
use crate::prometheus::Access;

/// How far back hubs are looked for: one that is empty tonight had users this week.
const LOOK_BACK: &str = "7d";

/// A cluster as its Prometheus shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundCluster {
    /// Its name, and why it is thought to be that.
    pub name: (String, String),
    /// `aws`, `gcp`, `azure` or `other`, and why.
    pub provider: (String, String),
    /// The account or project, where a node's id names it, and why.
    pub account: Option<(String, String)>,
    /// Region or zone, and why.
    pub region: Option<(String, String)>,
    /// Its hubs, by namespace.
    pub hubs: Vec<FoundHub>,
    /// The address that was asked.
    pub url: String,
}

/// A namespace that looks like a hub's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundHub {
    /// The namespace.
    pub namespace: String,
    /// Why it is thought to be a hub.
    pub why: String,
    /// Whether its name says that it is a staging hub.
    pub staging: bool,
    /// What nodes' hub label says, where it is the namespace.
    pub labelled_nodes: bool,
}

/// Labels of nodes that carry the cluster's name.
const CLUSTER_LABELS: [&str; 3] = [
    "label_alpha_eksctl_io_cluster_name",
    "label_goog_k8s_cluster_name",
    "label_kubernetes_azure_com_cluster",
];

/// Looks at a Prometheus; nothing is read into the store.
pub async fn look_around(access: &Access) -> Result<FoundCluster, ProbeError> {
    let server = Server::new(access)?;
    let nodes = server.query(&format!("last_over_time(kube_node_labels[{LOOK_BACK}])")).await?;
    let infos = server.query(&format!("last_over_time(kube_node_info[{LOOK_BACK}])")).await?;
    let ids: Vec<String> =
        infos.iter().filter_map(|row| row.label("provider_id")).map(ToOwned::to_owned).collect();
    let config = server.get("api/v1/status/config", &[]).await.ok();
    let external = config.as_ref().and_then(|page| page.get("yaml")?.as_str()).and_then(external_cluster);
    Ok(FoundCluster {
        name: name(&nodes, external, access),
        provider: provider(&ids),
        account: ids.iter().find_map(|id| {
            let project = id.strip_prefix("gce://")?.split('/').next()?;
            (!project.is_empty()).then(|| (project.to_owned(), format!("the project in a node's id, {id}")))
        }),
        region: region(&nodes),
        hubs: hubs(&server, &nodes).await?,
        url: access.url.clone(),
    })
}

fn name(nodes: &[Row], external: Option<String>, access: &Access) -> (String, String) {
    if let Some(name) = external {
        return (name, "the external label `cluster` of this Prometheus".to_owned());
    }
    for label in CLUSTER_LABELS {
        if let Some(name) = nodes.iter().find_map(|row| row.label(label)) {
            return (name.to_owned(), format!("nodes carry {label}"));
        }
    }
    let host = url::Url::parse(&access.url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
    let host = host.unwrap_or_else(|| "cluster".to_owned());
    let plain = |host: &str| host.parse::<std::net::IpAddr>().is_err();
    let parts: Vec<&str> = host.split('.').filter(|part| *part != "prometheus" && *part != "www").collect();
    match parts.first().filter(|_| plain(&host)) {
        Some(first) => ((*first).to_owned(), "only a guess from the address of its Prometheus".to_owned()),
        None => ("cluster".to_owned(), "only a placeholder: nothing names the cluster".to_owned()),
    }
}

/// `cluster:` below `external_labels:` of a Prometheus' configuration.
fn external_cluster(yaml: &str) -> Option<String> {
    let page: serde_norway::Value = serde_norway::from_str(yaml).ok()?;
    let name = page.get("global")?.get("external_labels")?.get("cluster")?.as_str()?;
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

fn provider(ids: &[String]) -> (String, String) {
    let known = [("aws://", "aws"), ("gce://", "gcp"), ("azure://", "azure"), ("openstack://", "openstack")];
    for id in ids {
        if let Some((_, provider)) = known.iter().find(|(scheme, _)| id.starts_with(scheme)) {
            return ((*provider).to_owned(), format!("a node's id is {id}"));
        }
    }
    ("other".to_owned(), "no node tells its provider".to_owned())
}

fn region(nodes: &[Row]) -> Option<(String, String)> {
    ["label_topology_kubernetes_io_region", "label_topology_kubernetes_io_zone"].iter().find_map(|label| {
        let region = nodes.iter().find_map(|row| row.label(label))?;
        Some((region.to_owned(), format!("nodes carry {label}")))
    })
}

async fn hubs(server: &Server, nodes: &[Row]) -> Result<Vec<FoundHub>, ProbeError> {
    let mut reasons: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    // Where the scrape keeps its own labels, the pods' stand behind `exported_`.
    for (namespace, pod) in [("exported_namespace", "exported_pod"), ("namespace", "pod")] {
        let among = if pod == "pod" { ",exported_pod=\"\"" } else { "" };
        for (pattern, is_hub) in [("hub-.+", true), ("jupyter-.+", false)] {
            let query = format!(
                "count by ({namespace}) (count by ({namespace}, {pod}) (last_over_time(kube_pod_info{{{pod}=~\"{pattern}\"{among}}}[{LOOK_BACK}])))"
            );
            for row in server.query(&query).await? {
                let Some(name) = row.label(namespace) else { continue };
                let (hub_pods, user_pods) = reasons.entry(name.to_owned()).or_default();
                *(if is_hub { hub_pods } else { user_pods }) += row.count();
            }
        }
    }
    let labelled: BTreeSet<&str> = nodes.iter().filter_map(|row| row.label("label_2i2c_hub_name")).collect();
    let found = reasons.into_iter().map(|(namespace, (hub_pods, user_pods))| FoundHub {
        why: match (hub_pods, user_pods) {
            (0, users) => {
                format!("{users} pods jupyter-… in the last {LOOK_BACK}, but no pod hub-…: is it a hub?")
            }
            (hubs, 0) => format!("{hubs} pods hub-… and no user in the last {LOOK_BACK}"),
            (hubs, users) => format!("{hubs} pods hub-… and {users} pods jupyter-… in the last {LOOK_BACK}"),
        },
        staging: namespace.contains("staging"),
        labelled_nodes: labelled.contains(namespace.as_str()),
        namespace,
    });
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_is_named_by_what_is_surest() {
        let access = |url: &str| Access { url: url.to_owned(), ..Access::default() };
        let here = access("https://prometheus.tides.example.org");
        assert_eq!(name(&[], None, &here).0, "tides");
        assert_eq!(name(&[], None, &access("http://127.0.0.1:9090")).0, "cluster");
        let external = external_cluster("global:\n  external_labels:\n    cluster: dunes\n");
        assert_eq!(name(&[], external, &here).0, "dunes");
        let ids = ["gce://a-project/us-central1-b/gke-node".to_owned()];
        assert_eq!(provider(&ids).0, "gcp");
        assert_eq!(provider(&[]).0, "other");
    }
}
