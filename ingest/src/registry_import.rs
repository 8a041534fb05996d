//! A registry from a folder of 2i2c's `cluster.yaml` files, for a person to finish.
//!
//! Those files name clusters, hubs and one deal a cluster; they name no communities, no owners and no
//! dates. So the import chooses: **one community per cluster**, which owns the cluster's account and
//! all its hubs, with the deal as its contract. Where that is a guess, a warning says so, and
//! [`ImportedRegistry::to_toml`] writes all warnings above the registry. `paid_by_us` is taken over,
//! though who pays is a matter of contracts.
//!
//! Source: 2i2c-org/infrastructure, `config/clusters/<cluster>/cluster.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hubtally_schemas::registry::{
    Account, AccountOwner, Cluster, Community, Contract, Dates, Hub, Organisation, Owner, PaidBy, Registry,
};
use hubtally_schemas::{AccountId, ClusterId, CommunityId, HubId, Namespace, SchemaError};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::error::IngestError;

/// The largest file that is read: the largest known one has 22 kB.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// More hubs than this on one cluster are hardly one community's.
const MANY_HUBS: usize = 10;

/// Why a folder of cluster files cannot become a registry.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RegistryImportError {
    /// No cluster file is there.
    #[error("{path} holds no cluster file: expected *.yaml files, or folders with a cluster.yaml each")]
    NoClusters {
        /// The folder.
        path: PathBuf,
    },
    /// A file that is larger than any cluster file.
    #[error(
        "{path} has {bytes} bytes, more than a cluster file ever has: point to the folder of clusters only"
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// A file that is no cluster file.
    #[error("{path} is no cluster file: expected name, provider, hubs")]
    Yaml {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        source: serde_norway::Error,
    },
    /// A name that cannot be an id.
    #[error("{path}: a name cannot be used as an id")]
    Id {
        /// The file.
        path: PathBuf,
        /// Which and why.
        source: SchemaError,
    },
    /// Two files name one cluster.
    #[error("{first} and {second} both name cluster {name:?}: keep one of them")]
    SameCluster {
        /// A file.
        first: PathBuf,
        /// Another file.
        second: PathBuf,
        /// The name.
        name: String,
    },
    /// The registry cannot be written as TOML: a mistake of this program.
    #[error("the registry could not be written as TOML; please report this")]
    Toml(#[from] toml::ser::Error),
}

/// A registry that a person should finish.
#[derive(Debug, Clone, Serialize)]
pub struct ImportedRegistry {
    /// Clusters read.
    pub clusters: usize,
    /// Hubs read.
    pub hubs: usize,
    /// Communities made.
    pub communities: usize,
    /// Accounts and projects found.
    pub accounts: usize,
    /// What was guessed, for a person to look at.
    pub warnings: Vec<String>,
    /// The registry.
    #[serde(skip)]
    pub registry: Registry,
}

impl ImportedRegistry {
    /// The registry as a commented TOML file.
    pub fn to_toml(&self) -> Result<String, RegistryImportError> {
        let mut text = String::from(HEADER);
        for warning in &self.warnings {
            let _ = writeln!(text, "# - {warning}");
        }
        text.push('\n');
        text.push_str(&toml::to_string(&self.registry)?);
        Ok(text)
    }
}

const HEADER: &str = "\
# Registry of clusters, hubs, communities and accounts, made from cluster.yaml files.
#
# The files name no communities, owners or dates, so this is a first draft: one community per cluster,
# which owns the cluster's account and all its hubs. Go through the points below, change what is not so,
# then run `hubtally check`.
#
# [[community]]      who gets a statement; [[community.contract]] is the deal
# [[account]]        a cloud account or project; [[account.owner]] says who bears what nothing explains
#                    (\"community:<id>\", \"organisation\", or \"shared\" with among = [...]) and who pays
#                    the provider (paid_by = \"organisation\", \"community\" or \"broker\")
# [[cluster]]        where hubs run; [[hub]] is (cluster, namespace) and its community
# Each may have from = 2026-01-01 and to = 2026-07-01 (exclusive): nothing here is dated yet.
#
# To look at:
";

#[derive(Debug, Deserialize)]
struct ClusterFile {
    name: String,
    provider: String,
    #[serde(default)]
    metadata: BTreeMap<String, DealMetadata>,
    aws: Option<AwsBlock>,
    gcp: Option<GcpBlock>,
    #[serde(default)]
    hubs: Vec<HubEntry>,
}

#[derive(Debug, Deserialize)]
struct DealMetadata {
    hubspot_deal_id: Option<Scalar>,
}

#[derive(Debug, Deserialize)]
struct AwsBlock {
    account: Scalar,
    #[serde(rename = "clusterName")]
    cluster_name: Option<String>,
    region: Option<String>,
    billing: Option<Billing>,
}

#[derive(Debug, Deserialize)]
struct GcpBlock {
    project: String,
    cluster: Option<String>,
    zone: Option<String>,
    billing: Option<Billing>,
}

#[derive(Debug, Deserialize)]
struct Billing {
    paid_by_us: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct HubEntry {
    name: String,
    display_name: Option<String>,
}

/// A number or a text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(u64),
    Text(String),
}

impl Scalar {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Reads a folder of cluster files (`*.yaml`, or `<cluster>/cluster.yaml`) into a registry.
pub fn import_2i2c(path: &Path) -> Result<ImportedRegistry, IngestError> {
    let files = cluster_files(path)?;
    if files.is_empty() {
        return Err(RegistryImportError::NoClusters { path: path.to_owned() }.into());
    }
    let mut import = Import::default();
    for file in files {
        let cluster = read(&file)?;
        import.add(&file, &cluster)?;
    }
    Ok(import.finish())
}

fn cluster_files(path: &Path) -> Result<Vec<PathBuf>, IngestError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound => IngestError::NotFound { path },
            _ => IngestError::Read { path, source },
        }
    };
    if std::fs::metadata(path).map_err(failed(path))?.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(failed(path))? {
        let found = entry.map_err(failed(path))?.path();
        if found.is_dir() {
            files.extend(Some(found.join("cluster.yaml")).filter(|file| file.is_file()));
        } else if found.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            files.push(found);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<ClusterFile, IngestError> {
    let failed = |source| IngestError::Read { path: path.to_owned(), source };
    let bytes = std::fs::metadata(path).map_err(failed)?.len();
    if bytes > MAX_FILE_BYTES {
        return Err(RegistryImportError::TooLarge { path: path.to_owned(), bytes }.into());
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    serde_norway::from_str(&text)
        .map_err(|source| RegistryImportError::Yaml { path: path.to_owned(), source }.into())
}

/// Who may pay for an account, gathered over the clusters that share it.
#[derive(Debug)]
struct AccountUse {
    provider: String,
    communities: BTreeSet<CommunityId>,
    paid_by_us: Option<bool>,
}

#[derive(Debug, Default)]
struct Import {
    registry: Registry,
    files: BTreeMap<String, PathBuf>,
    accounts: BTreeMap<String, AccountUse>,
    deals: BTreeMap<String, Vec<String>>,
    hub_ids: BTreeSet<String>,
    warnings: Vec<String>,
}

impl Import {
    fn add(&mut self, path: &Path, file: &ClusterFile) -> Result<(), RegistryImportError> {
        let id = |source| RegistryImportError::Id { path: path.to_owned(), source };
        let name = &file.name;
        if let Some(first) = self.files.insert(name.clone(), path.to_owned()) {
            return Err(RegistryImportError::SameCluster {
                first,
                second: path.to_owned(),
                name: name.clone(),
            });
        }
        let cluster = ClusterId::new(name).map_err(id)?;
        let community = CommunityId::new(plain_id(name)).map_err(id)?;
        let deal = file.metadata.values().find_map(|metadata| metadata.hubspot_deal_id.as_ref());
        if let Some(deal) = deal {
            self.deals.entry(deal.text()).or_default().push(name.clone());
        } else {
            self.warnings.push(format!("cluster {name} names no deal: its community has no contract"));
        }
        self.registry.communities.push(Community {
            id: community.clone(),
            name: name.clone(),
            contracts: deal
                .map(|deal| Contract { id: deal.text(), dates: Dates::default() })
                .into_iter()
                .collect(),
            attributes: BTreeMap::new(),
        });
        let (account, tag_name, region, billing) = match (&file.aws, &file.gcp) {
            (Some(aws), _) => {
                (Some(format!("{:0>12}", aws.account.text())), &aws.cluster_name, &aws.region, &aws.billing)
            }
            (None, Some(gcp)) => (Some(gcp.project.clone()), &gcp.cluster, &gcp.zone, &gcp.billing),
            (None, None) => (None, &None, &None, &None),
        };
        if let Some(account) = &account {
            let paid_by_us = billing.as_ref().and_then(|billing| billing.paid_by_us);
            let used = self.accounts.entry(account.clone()).or_insert_with(|| AccountUse {
                provider: file.provider.clone(),
                communities: BTreeSet::new(),
                paid_by_us,
            });
            used.communities.insert(community.clone());
            if used.paid_by_us != paid_by_us {
                used.paid_by_us = None;
            }
        } else {
            self.warnings.push(format!(
                "cluster {name} ({}) has no billing account: usage is shown, no cost",
                file.provider
            ));
        }
        self.registry.clusters.push(Cluster {
            id: cluster.clone(),
            provider: file.provider.clone(),
            account: account.map(AccountId::new).transpose().map_err(id)?,
            tag_name: tag_name.clone().filter(|tag| tag != name),
            region: region.clone(),
            from: None,
            to: None,
        });
        if file.hubs.len() > MANY_HUBS {
            self.warnings.push(format!(
                "cluster {name} has {} hubs, all put into community {community}: give hubs communities of their own where they have their own statement",
                file.hubs.len()
            ));
        }
        for hub in &file.hubs {
            self.add_hub(&cluster, &community, hub).map_err(id)?;
        }
        Ok(())
    }

    fn add_hub(
        &mut self,
        cluster: &ClusterId,
        community: &CommunityId,
        hub: &HubEntry,
    ) -> Result<(), SchemaError> {
        let mut hub_id = format!("{cluster}-{}", hub.name);
        if !self.hub_ids.insert(hub_id.clone()) {
            hub_id = format!("{cluster}.{}", hub.name);
            self.hub_ids.insert(hub_id.clone());
        }
        self.registry.hubs.push(Hub {
            id: HubId::new(hub_id)?,
            name: hub.display_name.clone(),
            cluster: cluster.clone(),
            namespace: Namespace::new(&hub.name)?,
            tag_name: None,
            community: Some(community.clone()),
            staging: hub.name.split('-').any(|word| word == "staging"),
            shared_directories: vec!["_shared".to_owned()],
            from: None,
            to: None,
        });
        Ok(())
    }

    fn finish(mut self) -> ImportedRegistry {
        self.registry.organisation = Organisation { name: "My organisation".to_owned(), contact: None };
        for (account, used) in &self.accounts {
            // The ids were checked when the cluster was added.
            let Ok(id) = AccountId::new(account) else { continue };
            let communities: Vec<CommunityId> = used.communities.iter().cloned().collect();
            let (owner, among) = match communities.as_slice() {
                [one] => (Owner::Community(one.clone()), Vec::new()),
                many => (Owner::Shared, many.to_vec()),
            };
            if !among.is_empty() {
                let names: Vec<&str> = among.iter().map(CommunityId::as_str).collect();
                self.warnings.push(format!(
                    "account {account} pays clusters of {}: what nothing explains is shared among them in equal parts",
                    names.join(", ")
                ));
            }
            if used.paid_by_us.is_none() {
                self.warnings.push(format!(
                    "account {account}: its files do not agree on paid_by_us, or leave it out; `organisation` is assumed"
                ));
            }
            let paid_by =
                if used.paid_by_us == Some(false) { PaidBy::Community } else { PaidBy::Organisation };
            self.registry.accounts.push(Account {
                id,
                name: None,
                provider: used.provider.clone(),
                period_basis: None,
                owners: vec![AccountOwner { owner, among, paid_by, from: None, to: None }],
            });
        }
        for (deal, clusters) in self.deals.iter().filter(|(_, clusters)| clusters.len() > 1) {
            self.warnings.push(format!(
                "deal {deal} covers {}: merge their communities where one statement is wanted",
                clusters.join(", ")
            ));
        }
        let mut warnings = vec![
            "organisation.name is \"My organisation\": write the name that documents shall carry".to_owned(),
            "one community per cluster was made: split or merge them as your contracts say".to_owned(),
            "paid_by follows paid_by_us, which is not maintained and cannot tell a broker (CloudBank): check each against its contract".to_owned(),
            "nothing is dated: add `from` and `to` where hubs, owners or contracts changed".to_owned(),
        ];
        warnings.append(&mut self.warnings);
        ImportedRegistry {
            clusters: self.registry.clusters.len(),
            hubs: self.registry.hubs.len(),
            communities: self.registry.communities.len(),
            accounts: self.registry.accounts.len(),
            warnings,
            registry: self.registry,
        }
    }
}

/// A name as an id that may name files: lower-case letters, digits, hyphens.
fn plain_id(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    name.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use hubtally_rules::RegistryView;

    use super::*;

    fn shared_folder() -> PathBuf {
        #[expect(
            clippy::disallowed_methods,
            reason = "tests find the shared folder by an environment variable"
        )]
        let named = std::env::var_os("HUBTALLY_SHARED").map(PathBuf::from);
        named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"))
    }

    #[test]
    fn the_real_folder_becomes_a_registry_that_check_accepts() {
        let folder = shared_folder().join("data/2i2c-clusters");
        if !folder.is_dir() {
            println!("skipped: no shared folder at {}", folder.display());
            return;
        }
        let imported = import_2i2c(&folder).unwrap();
        assert_eq!((imported.clusters, imported.hubs), (30, 171));
        assert_eq!((imported.communities, imported.accounts), (30, 28));
        RegistryView::new(imported.registry.clone()).unwrap();
        let text = imported.to_toml().unwrap();
        let again: Registry = toml::from_str(&text).unwrap();
        assert_eq!(again, imported.registry);
        let warned = |words: &str| imported.warnings.iter().any(|warning| warning.contains(words));
        assert!(warned("cloudbank has 95 hubs") && warned("deal 86933236464 covers") && warned("utoronto"));
    }

    #[test]
    fn clusters_of_one_account_share_it() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            let text = format!(
                "name: {name}\nprovider: aws\naws: {{account: 11122223333, clusterName: {name}-eks, billing: {{paid_by_us: {}}}}}\nhubs: [{{name: prod}}, {{name: staging}}]\n",
                name == "a"
            );
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("cluster.yaml"), text).unwrap();
        }
        let imported = import_2i2c(folder.path()).unwrap();
        let account = &imported.registry.accounts[0];
        assert_eq!(account.id.as_str(), "011122223333");
        assert_eq!(account.owners[0].owner, Owner::Shared);
        assert_eq!(imported.registry.clusters[0].tag_name.as_deref(), Some("a-eks"));
        assert!(imported.registry.hubs[1].staging);
        assert!(imported.warnings.iter().any(|warning| warning.contains("do not agree on paid_by_us")));
        RegistryView::new(imported.registry).unwrap();
    }

    #[test]
    fn what_is_no_cluster_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(import_2i2c(folder.path()).unwrap_err().to_string().contains("no cluster file"));
        std::fs::write(folder.path().join("x.yaml"), "hubs: 3\n").unwrap();
        assert!(import_2i2c(folder.path()).unwrap_err().to_string().contains("x.yaml"));
    }
}
