//! Names of users, for drawing only: they are no part of any digest.

use std::collections::{BTreeMap, BTreeSet};

use hubtally_schemas::tables::USERS;
use hubtally_schemas::{ClusterId, Namespace};
use hubtally_store::Store;

use super::columns::Columns;
use super::{Reader, read_error};
use crate::document::{CommunityReport, UserKey};
use crate::error::ReportError;

/// Name by cluster, namespace and user id.
#[derive(Debug, Clone, Default)]
pub struct Names(BTreeMap<(String, String, String), String>);

impl Names {
    /// The name of a user; `None` where names are hidden or the hub's key is gone.
    pub fn of(&self, user: &UserKey) -> Option<&str> {
        let key = (user.cluster.clone(), user.namespace.clone(), user.user_id.clone());
        self.0.get(&key).map(String::as_str)
    }

    fn has(&self, (cluster, namespace, user_id): (&str, &str, &str)) -> bool {
        self.0.contains_key(&(cluster.to_owned(), namespace.to_owned(), user_id.to_owned()))
    }

    /// Adds a name.
    pub fn add(&mut self, cluster: &str, namespace: &str, user_id: &str, name: &str) {
        self.0.insert((cluster.to_owned(), namespace.to_owned(), user_id.to_owned()), name.to_owned());
    }
}

/// The names of all users of some documents.
pub async fn of_users(store: &Store, reports: &[CommunityReport]) -> Result<Names, ReportError> {
    let cost = reports.iter().flat_map(|report| &report.costs).flat_map(|costs| &costs.users);
    let wanted: BTreeSet<(&str, &str, &str)> = cost
        .map(|user| &user.user)
        .chain(reports.iter().flat_map(|report| &report.user_use).map(|user| &user.user))
        .map(|user| (user.cluster.as_str(), user.namespace.as_str(), user.user_id.as_str()))
        .collect();
    let table = store.table(&USERS).await.map_err(|source| read_error(&USERS, source))?;
    let mut names = Names::default();
    let columns = ["cluster", "namespace", "user_id", "name_encrypted"];
    Reader::scan(&table, &[], &columns, |batch| {
        let columns = Columns::new(&USERS, batch);
        let (clusters, namespaces) = (columns.text("cluster")?, columns.text("namespace")?);
        let (ids, encrypted) = (columns.text("user_id")?, columns.text("name_encrypted")?);
        for row in 0..batch.num_rows() {
            let key = (clusters.value(row), namespaces.value(row), ids.value(row));
            // Each file that names a user has a row of it.
            if !wanted.contains(&key) || names.has(key) {
                continue;
            }
            let (Ok(cluster), Ok(namespace)) = (ClusterId::new(key.0), Namespace::new(key.1)) else {
                continue;
            };
            if let Some(name) = store.keys().decrypt_name(&cluster, &namespace, encrypted.value(row)) {
                names.add(key.0, key.1, key.2, &name);
            }
        }
        Ok(())
    })
    .await?;
    Ok(names)
}
