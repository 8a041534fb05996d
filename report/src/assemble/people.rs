//! What hubs and users used.

use std::collections::{BTreeMap, BTreeSet};

use super::{Scope, tables};
use crate::document::{HubUse, Quantity, UserKey, UserUse};
use crate::error::ReportError;
use crate::facts::Month;
use crate::facts::usage::{UsageOf, visitors};

/// Use of a community's hubs, by cluster and hub.
pub fn hub_use(scope: Scope<'_>, month: &Month, community: &str) -> Result<Vec<HubUse>, ReportError> {
    type Users<'a> = BTreeSet<(&'a str, &'a str, &'a str)>;
    let visitors = visitors(&month.usage);
    let mut hubs: BTreeMap<(&str, &str), (Quantity, Users<'_>)> = BTreeMap::new();
    for usage in month.usage.iter().filter(|usage| usage.community == community) {
        let (quantity, users) = hubs.entry((&usage.cluster, &usage.hub)).or_default();
        quantity.add(usage)?;
        if !usage.user_id.is_empty() {
            users.insert(usage.user());
        }
    }
    Ok(hubs
        .into_iter()
        .map(|((cluster, hub), (quantity, users))| HubUse {
            cluster: cluster.to_owned(),
            hub: hub.to_owned(),
            name: tables::hub_name(scope, hub),
            users: count(users.difference(&visitors).count()),
            visitors: count(users.intersection(&visitors).count()),
            quantity,
        })
        .collect())
}

/// Use of a community's users, the most memory first; users with a home directory alone stand last.
pub fn user_use(month: &Month, community: &str) -> Result<Vec<UserUse>, ReportError> {
    let visitors = visitors(&month.usage);
    let mut users: BTreeMap<UserKey, (Quantity, Option<i128>)> = BTreeMap::new();
    let own = month.usage.iter().filter(|usage| usage.community == community && !usage.user_id.is_empty());
    for usage in own.filter(|usage| !visitors.contains(&usage.user())) {
        let user = UserKey {
            cluster: usage.cluster.clone(),
            hub: usage.hub.clone(),
            namespace: usage.namespace.clone(),
            user_id: usage.user_id.clone(),
        };
        users.entry(user).or_default().0.add(usage)?;
    }
    for homes in month.homes.iter().filter(|homes| homes.community == community) {
        for directory in &homes.users {
            let user = UserKey {
                cluster: homes.cluster.clone(),
                hub: homes.hub.clone(),
                namespace: homes.namespace.clone(),
                user_id: directory.user_id.clone(),
            };
            *users.entry(user).or_default().1.get_or_insert(0) += directory.bytes;
        }
    }
    let mut users: Vec<_> = users
        .into_iter()
        .map(|(user, (quantity, home))| UserUse {
            user,
            quantity,
            home_bytes: home.map(|bytes| bytes.to_string()),
        })
        .collect();
    users.sort_by_key(|line| std::cmp::Reverse(line.quantity.memory_byte_ms));
    Ok(users)
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Quantity {
    fn add(&mut self, usage: &UsageOf) -> Result<(), ReportError> {
        for (sum, more) in [
            (&mut self.memory_byte_ms, usage.memory_byte_ms),
            (&mut self.cpu_millicore_ms, usage.cpu_millicore_ms),
            (&mut self.gpu_milligpu_ms, usage.gpu_milligpu_ms),
        ] {
            let what = || ReportError::Overflow { what: format!("use of hub {}", usage.hub) };
            *sum = sum.checked_add(more).ok_or_else(what)?;
        }
        Ok(())
    }
}
