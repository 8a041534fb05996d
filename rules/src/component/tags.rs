//! What tags and labels say, whatever spelling the bill gives their keys.
//!
//! One key comes as `2i2c:hub-name` (Cost Explorer), `user:2i2c:hub-name` and
//! `resourceTags/user:2i2c:hub-name` (CUR), `user_2i2c_hub_name` and `resource_tags/user_2i2c_hub_name`
//! (CUR 2.0). Keys are therefore compared without their prefixes, in lower case, and with `_` for every
//! other character. Values keep their spelling; an empty value is no tag.

use std::collections::BTreeMap;

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodePurpose {
    /// Hubs and support.
    Core,
    /// User servers.
    User,
    /// Dask schedulers.
    DaskScheduler,
    /// Dask workers.
    DaskWorker,
}

impl NodePurpose {
    /// All.
    pub const ALL: [Self; 4] = [Self::Core, Self::User, Self::DaskScheduler, Self::DaskWorker];

    /// As stored in `node_usage.purpose`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::User => "user",
            Self::DaskScheduler => "dask-scheduler",
            Self::DaskWorker => "dask-worker",
        }
    }

    /// Reads a tag's or a label's value: AWS, GCP and Dask name the same purposes differently.
    pub fn from_tag(value: &str) -> Option<Self> {
        match value {
            "core" => Some(Self::Core),
            "user" | "notebook" => Some(Self::User),
            "dask-scheduler" | "scheduler" => Some(Self::DaskScheduler),
            "dask-worker" | "worker" => Some(Self::DaskWorker),
            _ => None,
        }
    }
}

/// What the tags of a bill line say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagFacts {
    /// Hub, as the provider's tag names it.
    pub hub: Option<String>,
    /// What the node is for.
    pub node_purpose: Option<NodePurpose>,
    /// Cluster, as the provider's tag names it.
    pub cluster: Option<String>,
    /// What the volume is for, for example `home-nfs`.
    pub volume_purpose: Option<String>,
    /// Namespace of the claim that the disk was made for.
    pub pvc_namespace: Option<String>,
    /// Name of the claim that the disk was made for.
    pub pvc_name: Option<String>,
}

/// Which fact a key tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fact {
    Hub,
    NodePurpose,
    Cluster,
    VolumePurpose,
    ClaimNamespace,
    ClaimName,
}

/// Keys in their compared form; of several that tell one fact the first in this list counts.
const KEYS: &[(&str, Fact)] = &[
    ("2i2c_hub_name", Fact::Hub),
    ("hub_name", Fact::Hub),
    ("hub", Fact::Hub),
    ("2i2c_node_purpose", Fact::NodePurpose),
    ("hub_jupyter_org_node_purpose", Fact::NodePurpose),
    ("k8s_dask_org_node_purpose", Fact::NodePurpose),
    ("node_purpose", Fact::NodePurpose),
    ("2i2c_org_cluster_name", Fact::Cluster),
    ("2i2c_cluster_name", Fact::Cluster),
    ("alpha_eksctl_io_cluster_name", Fact::Cluster),
    ("eks_cluster_name", Fact::Cluster),
    ("goog_k8s_cluster_name", Fact::Cluster),
    ("cluster_name", Fact::Cluster),
    ("cluster", Fact::Cluster),
    ("2i2c_volume_purpose", Fact::VolumePurpose),
    ("volume_purpose", Fact::VolumePurpose),
    ("kubernetes_io_created_for_pvc_namespace", Fact::ClaimNamespace),
    ("kubernetes_io_created_for_pvc_name", Fact::ClaimName),
];

/// What bills put before a key, in its compared form.
const PREFIXES: &[&str] = &["resource_tags_", "resourcetags_", "user_", "aws_", "k8s_label_"];

/// The key that carries the cluster's name in itself: `kubernetes.io/cluster/<name>` = `owned`.
const CLUSTER_IN_KEY: &str = "kubernetes_io_cluster_";

/// Reads what the tags of one line say.
pub fn tag_facts(tags: &BTreeMap<String, String>) -> TagFacts {
    let mut best: [Option<(usize, &str)>; 6] = [None; 6];
    let mut cluster_in_key = None;
    for (key, value) in tags {
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        let compared = compared_form(key);
        let bare = without_prefixes(&compared);
        if let Some(name) = bare.strip_prefix(CLUSTER_IN_KEY) {
            // The compared form is as long as the key, so the name's own spelling is the key's end.
            cluster_in_key = cluster_in_key.or_else(|| key.get(key.len() - name.len()..));
            continue;
        }
        if let Some(rank) = KEYS.iter().position(|(known, _)| *known == bare) {
            let slot = &mut best[KEYS[rank].1 as usize];
            if slot.is_none_or(|(other, _)| rank < other) {
                *slot = Some((rank, value));
            }
        }
    }
    let text = |fact: Fact| best[fact as usize].map(|(_, value)| value.to_owned());
    TagFacts {
        hub: text(Fact::Hub),
        node_purpose: best[Fact::NodePurpose as usize].and_then(|(_, value)| NodePurpose::from_tag(value)),
        cluster: text(Fact::Cluster).or_else(|| cluster_in_key.map(ToOwned::to_owned)),
        volume_purpose: text(Fact::VolumePurpose),
        pvc_namespace: text(Fact::ClaimNamespace),
        pvc_name: text(Fact::ClaimName),
    }
}

/// Lower case, `_` for every byte that is no ASCII letter or digit: as many bytes as the key.
fn compared_form(key: &str) -> String {
    key.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte.to_ascii_lowercase()) } else { '_' })
        .collect()
}

fn without_prefixes(mut key: &str) -> &str {
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix)) {
        key = rest;
    }
    key
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(tags: &[(&str, &str)]) -> TagFacts {
        tag_facts(&tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn one_fact_is_read_from_every_spelling() {
        for key in [
            "2i2c:hub-name",
            "user:2i2c:hub-name",
            "aws:2i2c:hub-name",
            "user_2i2c_hub_name",
            "resource_tags/user_2i2c_hub_name",
            "resource_tags_user_2i2c_hub_name",
            "resourceTags/user:2i2c:hub-name",
            "2i2c/hub-name",
            "hub",
        ] {
            assert_eq!(facts(&[(key, "Geo-1")]).hub.as_deref(), Some("Geo-1"), "{key}");
        }
    }

    #[test]
    fn the_clusters_name_is_read_from_values_and_from_the_key() {
        for (key, value) in [
            ("2i2c.org/cluster-name", "my-tides"),
            ("alpha.eksctl.io/cluster-name", "my-tides"),
            ("aws:eks:cluster-name", "my-tides"),
            ("goog-k8s-cluster-name", "my-tides"),
            ("kubernetes.io/cluster/my-tides", "owned"),
            ("resourceTags/user:kubernetes.io/cluster/my-tides", "owned"),
            ("cluster", "my-tides"),
        ] {
            assert_eq!(facts(&[(key, value)]).cluster.as_deref(), Some("my-tides"), "{key}");
        }
        let both = [
            ("cluster", "generic"),
            ("2i2c.org/cluster-name", "own"),
            ("kubernetes.io/cluster/key", "owned"),
        ];
        assert_eq!(facts(&both).cluster.as_deref(), Some("own"));
    }

    #[test]
    fn purposes_of_all_providers_are_the_same_purposes() {
        for (key, value, expected) in [
            ("2i2c:node-purpose", "core", Some(NodePurpose::Core)),
            ("2i2c:node-purpose", "user", Some(NodePurpose::User)),
            ("node-purpose", "notebook", Some(NodePurpose::User)),
            ("node-purpose", "dask-worker", Some(NodePurpose::DaskWorker)),
            ("k8s.dask.org/node-purpose", "worker", Some(NodePurpose::DaskWorker)),
            ("k8s.dask.org/node-purpose", "scheduler", Some(NodePurpose::DaskScheduler)),
            ("2i2c:node-purpose", "tea", None),
            ("purpose", "core", None),
        ] {
            assert_eq!(facts(&[(key, value)]).node_purpose, expected, "{key}={value}");
        }
    }

    #[test]
    fn an_empty_value_is_no_tag_and_claims_are_read() {
        assert_eq!(facts(&[("2i2c:hub-name", ""), ("hub", " ")]), TagFacts::default());
        let claim = facts(&[
            ("kubernetes.io/created-for/pvc/name", "hub-db-dir"),
            ("kubernetes.io/created-for/pvc/namespace", "geo"),
            ("2i2c:volume-purpose", "home-nfs"),
        ]);
        assert_eq!(claim.pvc_name.as_deref(), Some("hub-db-dir"));
        assert_eq!(claim.pvc_namespace.as_deref(), Some("geo"));
        assert_eq!(claim.volume_purpose.as_deref(), Some("home-nfs"));
    }

    proptest! {
        #[test]
        fn any_key_and_value_are_survived(tags in prop::collection::btree_map(".{0,40}", ".{0,10}", 0..6)) {
            let _ = tag_facts(&tags);
        }

        #[test]
        fn a_cluster_name_of_any_script_keeps_its_spelling(name in "[^\\s\\pC]{1,20}") {
            let key = format!("kubernetes.io/cluster/{name}");
            prop_assert_eq!(facts(&[(key.as_str(), "owned")]).cluster, Some(name));
        }
    }
}
