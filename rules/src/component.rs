//! Which class of cost a bill line is: the default component policy, as data.
//!
//! [`MOVED_FIRST`] is read from top to bottom; a line that fits no row there falls to its service in
//! [`BY_SERVICE`], and what no row names is [`Component::Other`]. Services are compared whole, without
//! regard to case.

use std::collections::BTreeMap;

mod tags;

pub use tags::{NodePurpose, TagFacts, tag_facts};

/// A class of cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// Home directories.
    HomeStorage,
    /// Nodes and disks of users.
    Compute,
    /// Control plane, core nodes, support.
    Core,
    /// Buckets.
    ObjectStorage,
    /// Load balancers, addresses, traffic.
    Networking,
    /// Backups.
    Backup,
    /// Anything else.
    Other,
}

impl Component {
    /// All, in the order of documents.
    pub const ALL: [Self; 7] = [
        Self::Compute,
        Self::HomeStorage,
        Self::Core,
        Self::ObjectStorage,
        Self::Networking,
        Self::Backup,
        Self::Other,
    ];

    /// As stored in `ledger.component`.
    pub fn code(self) -> &'static str {
        match self {
            Self::HomeStorage => "home_storage",
            Self::Compute => "compute",
            Self::Core => "core",
            Self::ObjectStorage => "object_storage",
            Self::Networking => "networking",
            Self::Backup => "backup",
            Self::Other => "other",
        }
    }

    /// Reads a stored code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|component| component.code() == code)
    }
}

/// What a bill line says of itself.
#[derive(Debug, Clone, Copy)]
pub struct ChargeFacts<'a> {
    /// FOCUS ServiceName, or the name on the bill.
    pub service_name: &'a str,
    /// The provider's usage type, where the bill has one.
    pub usage_type: Option<&'a str>,
    /// FOCUS ResourceId.
    pub resource_id: Option<&'a str>,
    /// FOCUS ChargeCategory.
    pub category: &'a str,
    /// Tags and labels, as the bill writes their keys.
    pub tags: &'a BTreeMap<String, String>,
}

/// Services that sell machines with their disks, by the names of bills.
const MACHINES: &[&str] = &[
    "EC2 - Other",
    "Amazon Elastic Compute Cloud - Compute",
    "Amazon Elastic Compute Cloud",
    "AmazonEC2",
    "Compute Engine",
    "Virtual Machines",
];

/// What must hold for a line of [`MACHINES`] to be moved.
enum When {
    /// The volume purpose is this.
    VolumePurpose(&'static str),
    /// The node purpose is this.
    NodePurpose(NodePurpose),
    /// The usage type holds this.
    UsageTypeHas(&'static str),
    /// The claim that the disk was made for has this name.
    ClaimName(&'static str),
    /// The claim that the disk was made for is in this namespace.
    ClaimNamespace(&'static str),
}

/// Lines of machine services that belong elsewhere, first row first.
const MOVED_FIRST: &[(When, Component)] = &[
    (When::VolumePurpose("home-nfs"), Component::HomeStorage),
    (When::NodePurpose(NodePurpose::Core), Component::Core),
    (When::UsageTypeHas("NatGateway-"), Component::Core),
    (When::ClaimName("hub-db-dir"), Component::Core),
    (When::ClaimNamespace("support"), Component::Core),
];

/// Every service with a class: Cost Explorer, CUR and FOCUS names of AWS, then GCP, then Azure.
const BY_SERVICE: &[(&str, Component)] = &[
    ("Amazon Elastic File System", Component::HomeStorage),
    ("AmazonEFS", Component::HomeStorage),
    ("Filestore", Component::HomeStorage),
    ("Cloud Filestore", Component::HomeStorage),
    ("Azure Files", Component::HomeStorage),
    ("Azure NetApp Files", Component::HomeStorage),
    ("Amazon Elastic Container Service for Kubernetes", Component::Core),
    ("Amazon Elastic Kubernetes Service", Component::Core),
    ("AmazonEKS", Component::Core),
    ("Kubernetes Engine", Component::Core),
    ("Google Kubernetes Engine", Component::Core),
    ("AKS", Component::Core),
    ("Azure Kubernetes Service", Component::Core),
    ("Azure Kubernetes Service (AKS)", Component::Core),
    ("EC2 - Other", Component::Compute),
    ("Amazon Elastic Compute Cloud - Compute", Component::Compute),
    ("Amazon Elastic Compute Cloud", Component::Compute),
    ("AmazonEC2", Component::Compute),
    ("Compute Engine", Component::Compute),
    ("Virtual Machines", Component::Compute),
    ("Azure Virtual Machines", Component::Compute),
    ("Virtual Machine Scale Sets", Component::Compute),
    ("Amazon Simple Storage Service", Component::ObjectStorage),
    ("AmazonS3", Component::ObjectStorage),
    ("Cloud Storage", Component::ObjectStorage),
    ("Blob", Component::ObjectStorage),
    ("Blob Storage", Component::ObjectStorage),
    ("Azure Blob Storage", Component::ObjectStorage),
    ("Storage Accounts", Component::ObjectStorage),
    ("Amazon Elastic Load Balancing", Component::Networking),
    ("Elastic Load Balancing", Component::Networking),
    ("AWSELB", Component::Networking),
    ("Amazon Virtual Private Cloud", Component::Networking),
    ("AmazonVPC", Component::Networking),
    ("Networking", Component::Networking),
    ("Cloud Load Balancing", Component::Networking),
    ("Load Balancer", Component::Networking),
    ("Virtual Network", Component::Networking),
    ("Bandwidth", Component::Networking),
    ("AWS Backup", Component::Backup),
    ("AWSBackup", Component::Backup),
    ("Backup and DR", Component::Backup),
    ("Azure Backup", Component::Backup),
];

/// The class of a bill line.
pub fn classify(facts: &ChargeFacts<'_>) -> Component {
    let service = facts.service_name.trim();
    let same = |name: &str| name.eq_ignore_ascii_case(service);
    if MACHINES.iter().any(|name| same(name)) {
        let tags = tag_facts(facts.tags);
        let moved = MOVED_FIRST.iter().find(|(when, _)| when.fits(facts, &tags));
        if let Some((_, component)) = moved {
            return *component;
        }
    }
    BY_SERVICE.iter().find(|(name, _)| same(name)).map_or(Component::Other, |(_, component)| *component)
}

impl When {
    fn fits(&self, facts: &ChargeFacts<'_>, tags: &TagFacts) -> bool {
        match self {
            Self::VolumePurpose(purpose) => tags.volume_purpose.as_deref() == Some(purpose),
            Self::NodePurpose(purpose) => tags.node_purpose == Some(*purpose),
            Self::UsageTypeHas(part) => facts.usage_type.is_some_and(|usage| usage.contains(part)),
            Self::ClaimName(name) => tags.pvc_name.as_deref() == Some(name),
            Self::ClaimNamespace(namespace) => tags.pvc_namespace.as_deref() == Some(namespace),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(service_name: &str, usage_type: Option<&str>, tags: &[(&str, &str)]) -> Component {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        classify(&ChargeFacts { service_name, usage_type, resource_id: None, category: "Usage", tags: &tags })
    }

    #[test]
    fn machine_lines_are_moved_in_order_and_the_rest_goes_by_service() {
        let core = ("2i2c:node-purpose", "core");
        for (service, usage_type, tags, expected) in [
            ("EC2 - Other", None, vec![("2i2c:volume-purpose", "home-nfs"), core], Component::HomeStorage),
            ("EC2 - Other", None, vec![core], Component::Core),
            ("Amazon Elastic Compute Cloud - Compute", None, vec![core], Component::Core),
            ("Compute Engine", None, vec![("node-purpose", "core")], Component::Core),
            ("EC2 - Other", Some("USW2-NatGateway-Hours"), vec![], Component::Core),
            ("EC2 - Other", Some("NatGateway-Bytes"), vec![], Component::Core),
            ("EC2 - Other", Some("USW2-EBS:VolumeUsage.gp3"), vec![], Component::Compute),
            (
                "EC2 - Other",
                None,
                vec![("kubernetes.io/created-for/pvc/name", "hub-db-dir")],
                Component::Core,
            ),
            (
                "EC2 - Other",
                None,
                vec![("kubernetes.io/created-for/pvc/namespace", "support")],
                Component::Core,
            ),
            (
                "EC2 - Other",
                None,
                vec![("kubernetes.io/created-for/pvc/namespace", "geo")],
                Component::Compute,
            ),
            ("Amazon Elastic File System", None, vec![core], Component::HomeStorage),
            ("Amazon Elastic Container Service for Kubernetes", None, vec![], Component::Core),
            ("Kubernetes Engine", None, vec![], Component::Core),
            ("Cloud Storage", None, vec![], Component::ObjectStorage),
            ("amazon simple storage service", None, vec![], Component::ObjectStorage),
            ("Amazon Virtual Private Cloud", None, vec![], Component::Networking),
            ("AWS Backup", None, vec![], Component::Backup),
            ("Tax", None, vec![], Component::Other),
            ("", None, vec![], Component::Other),
        ] {
            assert_eq!(component(service, usage_type, &tags), expected, "{service} {usage_type:?} {tags:?}");
        }
    }

    #[test]
    fn each_service_stands_once_and_each_code_reads_back() {
        for (index, (name, _)) in BY_SERVICE.iter().enumerate() {
            let again = BY_SERVICE.iter().skip(index + 1).any(|(other, _)| other.eq_ignore_ascii_case(name));
            assert!(!again, "{name}");
        }
        for component in Component::ALL {
            assert_eq!(Component::from_code(component.code()), Some(component));
        }
        assert!(MACHINES.iter().all(|name| component(name, None, &[]) == Component::Compute));
    }
}
