//! The federation's plan: communities, clusters and hubs, multiplied by the scale.

use hubtally_schemas::{Instant, Period};

use crate::machines::{Profile, profiles};

/// Milliseconds in an hour.
pub const HOUR_MS: i64 = 3_600_000;
/// Milliseconds in a day.
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// How a scale multiplies the plan: clusters × hubs × users = scale, roughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    /// Copies of each cluster, with its communities and its account.
    pub clusters: u32,
    /// Copies of each hub in its cluster.
    pub hubs: u32,
    /// How many times the users of each hub.
    pub users: u32,
    /// Length of a pod's interval. Large federations are measured every four minutes, so that a
    /// scale of 100 has about 30 million rows.
    pub interval_ms: i64,
    /// Directory scans a day.
    pub scans: i64,
    /// Whether bills by the hour show disks and transfer of each instance by the hour as well.
    pub long_bills: bool,
}

impl Scale {
    /// The factors of a scale; 0 counts as 1.
    pub fn new(scale: u32) -> Self {
        let scale = scale.max(1);
        let clusters = (scale.isqrt() / 2).max(1);
        let rest = scale.div_ceil(clusters);
        let hubs = (rest / 2).max(1);
        let large = scale >= 10;
        // Large federations have fuller hubs: half as many users again.
        let fuller = if large { 3 } else { 2 };
        Self {
            clusters,
            hubs,
            users: (rest * fuller).div_ceil(hubs * 2),
            interval_ms: if large { HOUR_MS / 15 } else { HOUR_MS },
            scans: if large { 1 } else { 2 },
            long_bills: large,
        }
    }
}

/// A community of the plan.
#[derive(Debug, Clone)]
pub struct CommunityPlan {
    /// Id.
    pub id: String,
    /// Name on documents.
    pub name: String,
    /// Contract, and the day of the month on which a second one follows it, if any.
    pub contract: String,
    /// Its second contract, from the 16th.
    pub next_contract: Option<String>,
    /// Field of research.
    pub field: &'static str,
}

/// Which cloud a cluster runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Gcp,
}

/// The bill that pays a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillKind {
    /// FOCUS 1.0 Parquet with resource ids, by hour.
    FocusParquet,
    /// AWS Cost Explorer answers, by day.
    CostExplorer,
    /// FOCUS 1.0 CSV with labels, by day.
    FocusCsv,
    /// A broker pays, and the operator sees no bill.
    Unseen,
}

/// A cluster of the plan.
#[derive(Debug, Clone)]
pub struct ClusterPlan {
    /// Id.
    pub id: String,
    /// Cloud.
    pub cloud: Cloud,
    /// Region.
    pub region: &'static str,
    /// Zone.
    pub zone: &'static str,
    /// Prefix of AWS usage types in that region.
    pub usage_prefix: &'static str,
    /// Account or project that it runs in.
    pub account: String,
    /// What tags and labels call it.
    pub tag_name: String,
    /// Its bill.
    pub bill: BillKind,
    /// Hours after midnight UTC between which nothing was scraped, in minutes, and the day.
    pub gap: Option<Gap>,
    /// The day on which an exporter sent one hour twice.
    pub resent: Option<(u32, i64)>,
    /// Its hubs.
    pub hubs: Vec<HubPlan>,
}

/// A scrape gap on one day.
#[derive(Debug, Clone, Copy)]
pub struct Gap {
    /// Day of the month, from 1.
    pub day: u32,
    /// First minute of the day without a sample.
    pub from_minute: i64,
    /// First minute of the day with one again.
    pub to_minute: i64,
}

/// A hub of the plan.
#[derive(Debug, Clone)]
pub struct HubPlan {
    /// Id in the registry.
    pub id: String,
    /// Name on documents.
    pub name: String,
    /// Namespace at the start of the month.
    pub namespace: String,
    /// Its later namespace, where the hub is renamed.
    pub renamed: Option<Rename>,
    /// Community.
    pub community: String,
    /// Its flavour.
    pub shape: &'static HubShape,
    /// Users.
    pub users: u32,
}

/// A new namespace within the month.
#[derive(Debug, Clone)]
pub struct Rename {
    /// Namespace from then on.
    pub namespace: String,
    /// When, ms.
    pub at_ms: i64,
}

/// What kind of place a hub is.
#[derive(Debug, Clone, Copy)]
pub struct HubShape {
    /// Id, name and namespace before they are multiplied.
    pub id: &'static str,
    name: &'static str,
    namespace: &'static str,
    renamed: Option<&'static str>,
    community: &'static str,
    users: u32,
    /// A staging hub.
    pub staging: bool,
    /// Hours that local time is ahead of UTC.
    pub utc_offset: i64,
    /// Profiles with their weights.
    pub profiles: &'static [(Profile, u32)],
    /// Of 1,000 sessions, how many start a Dask cluster.
    pub dask: u64,
    /// Binder launches on a working day.
    pub launches: u32,
    /// Placeholder pods in working hours.
    pub placeholders: u32,
    /// First and last day of a workshop.
    pub workshop: Option<(u32, u32)>,
    /// How the homes are kept.
    pub homes: Homes,
    /// Domain of its users' names, where they log in by mail address.
    pub mail: Option<&'static str>,
}

/// How a hub keeps its home directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Homes {
    /// A shared elastic file system that bills what is used, or a file store; `dirsize` measures it.
    Elastic,
    /// A disk of its own behind an NFS server that bills what is provisioned; `home-nfs` measures it.
    OwnDisk {
        /// Whether `dirsize` measures the same directories as well.
        measured_twice: bool,
    },
    /// Nothing is kept.
    Nothing,
}

const PLAIN: HubShape = HubShape {
    id: "",
    name: "",
    namespace: "",
    renamed: None,
    community: "",
    users: 0,
    staging: false,
    utc_offset: 0,
    profiles: profiles::EVERYDAY,
    dask: 0,
    launches: 0,
    placeholders: 0,
    workshop: None,
    homes: Homes::Elastic,
    mail: None,
};

static OCEAN_HUBS: [HubShape; 3] = [
    HubShape {
        id: "ocean-prod",
        name: "Ocean Lab",
        namespace: "prod",
        community: "ocean-lab",
        users: 62,
        utc_offset: -8,
        profiles: profiles::LAB,
        dask: 90,
        ..PLAIN
    },
    HubShape {
        id: "ocean-staging",
        name: "Ocean Lab (staging)",
        namespace: "staging",
        community: "ocean-lab",
        users: 3,
        staging: true,
        utc_offset: -8,
        profiles: profiles::SMALL,
        ..PLAIN
    },
    HubShape {
        id: "ocean-teaching",
        name: "Ocean Lab teaching",
        namespace: "teaching",
        community: "ocean-lab",
        users: 24,
        utc_offset: -10,
        profiles: profiles::SMALL,
        mail: Some("ocean.example"),
        ..PLAIN
    },
];

static EARTH_HUBS: [HubShape; 3] = [
    HubShape {
        id: "soil",
        name: "Soil Network",
        namespace: "soil",
        community: "soil-net",
        users: 42,
        utc_offset: -5,
        dask: 40,
        placeholders: 2,
        homes: Homes::OwnDisk { measured_twice: false },
        ..PLAIN
    },
    HubShape {
        id: "river",
        name: "River Watch",
        namespace: "river",
        community: "river-watch",
        users: 56,
        utc_offset: -5,
        workshop: Some((9, 11)),
        homes: Homes::OwnDisk { measured_twice: true },
        mail: Some("rivers.example"),
        ..PLAIN
    },
    HubShape {
        id: "river-staging",
        name: "River Watch (staging)",
        namespace: "river-staging",
        community: "river-watch",
        users: 2,
        staging: true,
        utc_offset: -5,
        profiles: profiles::SMALL,
        homes: Homes::OwnDisk { measured_twice: false },
        ..PLAIN
    },
];

static TIDES_HUBS: [HubShape; 5] = [
    HubShape {
        id: "coastal",
        name: "Coastal Observatory",
        namespace: "coastal",
        renamed: Some("shoreline"),
        community: "coast-coop",
        users: 22,
        utc_offset: 1,
        dask: 30,
        ..PLAIN
    },
    HubShape {
        id: "estuary",
        name: "Estuary School",
        namespace: "estuary",
        community: "coast-coop",
        users: 14,
        utc_offset: 1,
        profiles: profiles::SMALL,
        ..PLAIN
    },
    HubShape {
        id: "kelp",
        name: "Kelp Forest Survey",
        namespace: "kelp",
        community: "coast-coop",
        users: 8,
        utc_offset: 2,
        profiles: profiles::SMALL,
        mail: Some("kelp.example"),
        ..PLAIN
    },
    HubShape {
        id: "lagoon",
        name: "Lagoon Soils",
        namespace: "lagoon",
        community: "soil-net",
        users: 10,
        utc_offset: 0,
        ..PLAIN
    },
    HubShape {
        id: "tide-binder",
        name: "Tide Binder",
        namespace: "binder",
        community: "coast-coop",
        users: 0,
        utc_offset: 0,
        profiles: profiles::BINDER,
        launches: 34,
        homes: Homes::Nothing,
        ..PLAIN
    },
];

static CAMPUS_HUBS: [HubShape; 2] = [
    HubShape {
        id: "campus-data",
        name: "Introduction to Data",
        namespace: "intro-data",
        community: "campus-college",
        users: 44,
        utc_offset: -7,
        profiles: profiles::SMALL,
        mail: Some("campus.example"),
        ..PLAIN
    },
    HubShape {
        id: "campus-bio",
        name: "Biology",
        namespace: "bio",
        community: "campus-college",
        users: 14,
        utc_offset: -7,
        mail: Some("campus.example"),
        ..PLAIN
    },
];

/// The whole plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Communities.
    pub communities: Vec<CommunityPlan>,
    /// Clusters.
    pub clusters: Vec<ClusterPlan>,
}

impl Plan {
    /// The plan of a scale and a month.
    pub fn new(scale: Scale, period: Period) -> Self {
        let mut plan = Self { communities: Vec::new(), clusters: Vec::new() };
        for copy in 0..scale.clusters {
            plan.communities.extend(communities(copy));
            plan.clusters.extend(clusters(copy, scale, period));
        }
        plan
    }

    /// The hubs of all clusters.
    pub fn hubs(&self) -> impl Iterator<Item = (&ClusterPlan, &HubPlan)> {
        self.clusters.iter().flat_map(|cluster| cluster.hubs.iter().map(move |hub| (cluster, hub)))
    }
}

/// `name` for the first copy, `name-2` for the second.
pub fn copy_name(name: &str, copy: u32) -> String {
    if copy == 0 { name.to_owned() } else { format!("{name}-{}", copy + 1) }
}

/// The account number of a copy.
pub fn copy_account(first: u64, copy: u32) -> String {
    (first + u64::from(copy)).to_string()
}

fn communities(copy: u32) -> Vec<CommunityPlan> {
    [
        ("ocean-lab", "Ocean Lab", "deal-900001", None, "oceanography"),
        ("soil-net", "Soil Network", "deal-900002", None, "soil science"),
        ("river-watch", "River Watch", "deal-900003", Some("deal-900031"), "hydrology"),
        ("coast-coop", "Coast Cooperative", "deal-900004", None, "coastal ecology"),
        ("campus-college", "Campus College", "deal-900005", None, "teaching"),
    ]
    .into_iter()
    .map(|(id, name, contract, next_contract, field)| CommunityPlan {
        id: copy_name(id, copy),
        name: if copy == 0 { name.to_owned() } else { format!("{name} {}", copy + 1) },
        contract: copy_name(contract, copy),
        next_contract: next_contract.map(|next| copy_name(next, copy)),
        field,
    })
    .collect()
}

fn clusters(copy: u32, scale: Scale, period: Period) -> Vec<ClusterPlan> {
    vec![
        ClusterPlan {
            id: copy_name("ocean", copy),
            cloud: Cloud::Aws,
            region: "us-west-2",
            zone: "us-west-2a",
            usage_prefix: "USW2",
            account: copy_account(111_122_223_333, copy),
            tag_name: copy_name("ocean-lab-hubs", copy),
            bill: BillKind::FocusParquet,
            gap: Some(Gap { day: 17, from_minute: 16 * 60 + 20, to_minute: 21 * 60 + 40 }),
            resent: None,
            hubs: hubs(&OCEAN_HUBS, copy, scale, period),
        },
        ClusterPlan {
            id: copy_name("earth", copy),
            cloud: Cloud::Aws,
            region: "us-east-2",
            zone: "us-east-2b",
            usage_prefix: "USE2",
            account: copy_account(444_455_556_666, copy),
            tag_name: copy_name("earth-hubs", copy),
            bill: BillKind::CostExplorer,
            gap: None,
            resent: Some((20, 15)),
            hubs: hubs(&EARTH_HUBS, copy, scale, period),
        },
        ClusterPlan {
            id: copy_name("tides", copy),
            cloud: Cloud::Gcp,
            region: "us-central1",
            zone: "us-central1-b",
            usage_prefix: "",
            account: copy_name("tides-hubs", copy),
            tag_name: copy_name("tides-cluster", copy),
            bill: BillKind::FocusCsv,
            gap: None,
            resent: None,
            hubs: hubs(&TIDES_HUBS, copy, scale, period),
        },
        ClusterPlan {
            id: copy_name("campus", copy),
            cloud: Cloud::Gcp,
            region: "us-west1",
            zone: "us-west1-a",
            usage_prefix: "",
            account: copy_name("cb-campus", copy),
            tag_name: copy_name("campus-cluster", copy),
            bill: BillKind::Unseen,
            gap: None,
            resent: None,
            hubs: hubs(&CAMPUS_HUBS, copy, scale, period),
        },
    ]
}

fn hubs(shapes: &'static [HubShape], cluster_copy: u32, scale: Scale, period: Period) -> Vec<HubPlan> {
    let at_ms = period.span().start.ms() + i64::from(RENAME_DAY - 1) * DAY_MS;
    let mut all = Vec::new();
    for hub_copy in 0..scale.hubs {
        let serial = cluster_copy * scale.hubs + hub_copy;
        all.extend(shapes.iter().map(|shape| HubPlan {
            id: copy_name(shape.id, serial),
            name: if serial == 0 { shape.name.to_owned() } else { format!("{} {}", shape.name, serial + 1) },
            namespace: copy_name(shape.namespace, hub_copy),
            renamed: shape.renamed.map(|name| Rename { namespace: copy_name(name, hub_copy), at_ms }),
            community: copy_name(shape.community, cluster_copy),
            shape,
            users: shape.users * scale.users,
        }));
    }
    all
}

/// The day of the month on which a renamed hub takes its new namespace.
pub const RENAME_DAY: u32 = 15;

impl HubPlan {
    /// The namespace at an instant.
    pub fn namespace_at(&self, at: Instant) -> &str {
        match &self.renamed {
            Some(rename) if at.ms() >= rename.at_ms => &rename.namespace,
            _ => &self.namespace,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_scale_multiplies_clusters_hubs_and_users() {
        let factors = |scale| {
            let scale = Scale::new(scale);
            (scale.clusters, scale.hubs, scale.users)
        };
        assert_eq!(factors(0), (1, 1, 1));
        assert_eq!(factors(1), (1, 1, 1));
        assert_eq!(factors(2), (1, 1, 2));
        assert_eq!(factors(100), (5, 10, 3));
        let plan = Plan::new(Scale::new(100), "2026-06".parse().unwrap());
        let ids: BTreeSet<&str> = plan.hubs().map(|(_, hub)| hub.id.as_str()).collect();
        assert_eq!(ids.len(), 13 * 50, "hub ids are unique in the federation");
        assert_eq!(plan.clusters.len(), 20);
    }

    #[test]
    fn the_small_federation_is_the_one_that_is_described() {
        let plan = Plan::new(Scale::new(1), "2026-06".parse().unwrap());
        assert_eq!((plan.communities.len(), plan.clusters.len(), plan.hubs().count()), (5, 4, 13));
        let users: u32 = plan.hubs().map(|(_, hub)| hub.users).sum();
        assert_eq!(users, 301);
    }
}
