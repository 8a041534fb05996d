//! Home directories by hub.

use hubtally_schemas::period::day_to_date;

use super::{Scope, tables};
use crate::document::{DirectoryGroup, HomeLine};
use crate::facts::Month;
use crate::facts::storage::Group;

/// A community's home directories, by hub.
pub fn by_hub(scope: Scope<'_>, month: &Month, community: &str) -> Vec<HomeLine> {
    let mut lines: Vec<_> = month
        .homes
        .iter()
        .filter(|homes| homes.community == community)
        .map(|homes| HomeLine {
            cluster: homes.cluster.clone(),
            hub: homes.hub.clone(),
            name: match homes.hub.as_str() {
                "" => homes.namespace.clone(),
                hub => tables::hub_name(scope, hub),
            },
            last_scan: day_to_date(homes.last_scan).to_string(),
            users: group(homes.of_users()),
            shared: group(homes.shared),
            orphans: group(homes.orphans),
        })
        .collect();
    lines.sort_by(|a, b| (&a.cluster, &a.hub, &a.last_scan).cmp(&(&b.cluster, &b.hub, &b.last_scan)));
    lines
}

fn group(group: Group) -> DirectoryGroup {
    DirectoryGroup {
        directories: group.directories,
        bytes: group.bytes,
        untouched_bytes: group.untouched_bytes,
    }
}
