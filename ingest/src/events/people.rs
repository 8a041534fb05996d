//! Raw user names become user ids here, and nothing further down sees a name.
//!
//! Hashing and encrypting are done once per (cluster, namespace, user): a month has millions of
//! events and some hundreds of people.

use std::error::Error;

use ahash::AHashMap;
use hubtally_schemas::{ClusterId, Namespace, UserId};
use hubtally_store::Keys;

use crate::error::IngestError;

/// How many people, and how many pods, are remembered at once; past it the oldest are forgotten
/// and looked up again.
pub const MAX_REMEMBERED: usize = 400_000;

/// What hides names and rejected bytes: the store's keys, or a stand-in for a bench.
pub trait NameKeys: Sync {
    /// The keyed hash of a raw name.
    fn user_id(&self, cluster: &ClusterId, namespace: &Namespace, raw: &str) -> Result<UserId, KeyFault>;
    /// The raw name under the hub's key.
    fn encrypt_name(&self, cluster: &ClusterId, namespace: &Namespace, raw: &str)
    -> Result<String, KeyFault>;
    /// A rejected record's bytes under the store's key.
    fn encrypt_reject(&self, bytes: &[u8]) -> Result<String, KeyFault>;
}

/// What keys say when they cannot be used.
pub type KeyFault = Box<dyn Error + Send + Sync>;

impl NameKeys for Keys {
    fn user_id(&self, cluster: &ClusterId, namespace: &Namespace, raw: &str) -> Result<UserId, KeyFault> {
        Ok(Self::user_id(self, cluster, namespace, raw)?)
    }

    fn encrypt_name(
        &self,
        cluster: &ClusterId,
        namespace: &Namespace,
        raw: &str,
    ) -> Result<String, KeyFault> {
        Ok(Self::encrypt_name(self, cluster, namespace, raw)?)
    }

    fn encrypt_reject(&self, bytes: &[u8]) -> Result<String, KeyFault> {
        Ok(Self::encrypt_reject(self, bytes)?)
    }
}

/// A person as tables know them.
#[derive(Debug)]
pub struct Person {
    /// Keyed hash of the raw name.
    pub id: UserId,
    /// The encrypted name, on the first sight only: one row of `users` for each person and run.
    pub first_seen: Option<String>,
}

/// People that this run has met.
#[derive(Default)]
pub struct People {
    clusters: AHashMap<Box<str>, Cluster>,
    remembered: usize,
}

struct Cluster {
    id: ClusterId,
    namespaces: AHashMap<Box<str>, Hub>,
}

struct Hub {
    id: Namespace,
    users: AHashMap<Box<str>, UserId>,
}

impl People {
    /// The user id of a raw name, and the encrypted name if nobody asked for it yet.
    pub fn meet(
        &mut self,
        keys: &dyn NameKeys,
        cluster: &str,
        namespace: &str,
        raw: &str,
    ) -> Result<Person, IngestError> {
        let known = self.clusters.get(cluster).and_then(|at| at.namespaces.get(namespace)?.users.get(raw));
        if let Some(id) = known {
            return Ok(Person { id: id.clone(), first_seen: None });
        }
        let fault = |source: KeyFault| IngestError::Keys { what: "user name", source };
        if self.remembered >= MAX_REMEMBERED {
            *self = Self::default();
        }
        if !self.clusters.contains_key(cluster) {
            let id = ClusterId::new(cluster).map_err(|error| fault(error.into()))?;
            self.clusters.insert(cluster.into(), Cluster { id, namespaces: AHashMap::new() });
        }
        let Some(at) = self.clusters.get_mut(cluster) else {
            return Err(fault("the cluster was just added".into()));
        };
        if !at.namespaces.contains_key(namespace) {
            let id = Namespace::new(namespace).map_err(|error| fault(error.into()))?;
            at.namespaces.insert(namespace.into(), Hub { id, users: AHashMap::new() });
        }
        let Some(hub) = at.namespaces.get_mut(namespace) else {
            return Err(fault("the namespace was just added".into()));
        };
        let id = keys.user_id(&at.id, &hub.id, raw).map_err(fault)?;
        let name = keys.encrypt_name(&at.id, &hub.id, raw).map_err(fault)?;
        hub.users.insert(raw.into(), id.clone());
        self.remembered += 1;
        Ok(Person { id, first_seen: Some(name) })
    }
}

/// Which namespace each pod was first seen in: a pod never moves.
#[derive(Default)]
pub struct PodHomes {
    young: Homes,
    old: Homes,
    young_len: usize,
}

type Homes = AHashMap<Box<str>, AHashMap<Box<str>, Box<str>>>;

impl PodHomes {
    /// Takes a pod's namespace; `Some` is the other namespace that it was first seen in.
    pub fn settle(&mut self, cluster: &str, pod_uid: &str, namespace: &str) -> Option<&str> {
        match self.young.get(cluster).and_then(|pods| pods.get(pod_uid)) {
            Some(home) if **home == *namespace => return None,
            Some(_) => {}
            None => {
                let home = self.old.get_mut(cluster).and_then(|pods| pods.remove(pod_uid));
                self.remember(cluster, pod_uid, home.unwrap_or_else(|| namespace.into()));
            }
        }
        self.young.get(cluster)?.get(pod_uid).map(AsRef::as_ref).filter(|home| *home != namespace)
    }

    fn remember(&mut self, cluster: &str, pod_uid: &str, home: Box<str>) {
        if self.young_len >= MAX_REMEMBERED {
            self.old = std::mem::take(&mut self.young);
            self.young_len = 0;
        }
        if !self.young.contains_key(cluster) {
            self.young.insert(cluster.into(), AHashMap::new());
        }
        if let Some(pods) = self.young.get_mut(cluster) {
            pods.insert(pod_uid.into(), home);
            self.young_len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_keeps_its_first_namespace() {
        let mut homes = PodHomes::default();
        assert_eq!(homes.settle("tides", "u1", "reef"), None);
        assert_eq!(homes.settle("tides", "u1", "reef"), None);
        assert_eq!(homes.settle("tides", "u1", "kelp"), Some("reef"));
        assert_eq!(homes.settle("dunes", "u1", "kelp"), None, "a uid means nothing without its cluster");
    }
}
