//! Every word that a document uses and does not explain by itself, in one place.

/// A component, for a reader.
pub fn component(code: &str) -> &str {
    match code {
        "compute" => "Compute",
        "home_storage" => "Home directories",
        "core" => "Core services",
        "object_storage" => "Object storage",
        "networking" => "Networking",
        "backup" => "Backup",
        "other" => "Other services",
        "credit" => "Credits",
        "idle" => "Idle",
        "unattributed" => "Unattributed",
        other => other,
    }
}

/// Components in the order in which every table and chart has them; idle and unattributed stand last.
pub const SERIES: &[&str] = &[
    "compute",
    "home_storage",
    "core",
    "object_storage",
    "networking",
    "backup",
    "other",
    "credit",
    "idle",
    "unattributed",
];

/// A kind, for a reader.
pub fn kind(code: &str) -> &str {
    match code {
        "direct" => "Direct",
        "shared" => "Shared",
        "idle" => "Idle",
        "unattributed" => "Unattributed",
        "rounding" => "Rounding",
        "adjustment" => "Adjustment",
        other => other,
    }
}

/// Why cost is idle or unattributed, for a reader.
pub fn reason(code: &str) -> &str {
    match code {
        "unused" => "Node capacity that was paid and that nobody asked for or used",
        "provisioned_unused" => "Disk that was paid and holds nothing",
        "placeholder" => "Room kept ready for users to come",
        "commitment_unused" => "A commitment to the provider that nothing used",
        "unmounted" => "A volume that no pod mounted",
        "orphan" => "Home directories that belong to no user",
        "no_tag" => "The bill line has no tag, and nothing else says whose it is",
        "tag_inactive" => "The bill line is older than the tag that would say whose it is",
        "no_telemetry" => "No telemetry at that time, so nobody’s use is known",
        "no_node_match" => "The bill names a machine that was never observed",
        "identity_ambiguous" => "More than one user could have used it",
        "no_weight" => "Nothing was used that it could be split by",
        "account_level" => "The bill tells the whole account only",
        "no_community" => "The registry names no community for the hub",
        "" => "No cause is recorded",
        other => other,
    }
}

/// Who bears it, for the reader of a community's document.
pub fn payer(code: &str) -> String {
    match code {
        "organisation" => "the organisation".to_owned(),
        "none" => "nobody yet".to_owned(),
        other => other.strip_prefix("community:").unwrap_or(other).to_owned(),
    }
}

/// Who pays the provider, for a reader.
pub fn paid_by(code: &str) -> &str {
    match code {
        "organisation" => "the organisation",
        "community" => "the community",
        "broker" => "a broker",
        other => other,
    }
}

/// A bill's grade: what it says, and what it cannot show.
pub fn grade(code: &str) -> (&'static str, &'static str) {
    match code {
        "instance" => (
            "by instance",
            "The bill names each machine and volume, so cost follows what ran on it, hour by hour.",
        ),
        "tag" => (
            "by tag",
            "The bill gives amounts by day and tag. It cannot show what one machine cost; a day’s cost is split over what ran that day.",
        ),
        "account" => (
            "by account",
            "The bill gives amounts for the whole account. It cannot show components, machines or hubs; what is split by hub here follows usage alone.",
        ),
        _ => ("of unknown grade", "The bill does not say how fine it is."),
    }
}

/// Words with their meaning, by the key under which a document asks for them.
pub const DEFINITIONS: &[(&str, &str, &str)] = &[
    (
        "draft",
        "Draft",
        "A document of a month that is not finalised. Its figures may still change; it is not an invoice.",
    ),
    (
        "cloud",
        "Cloud service",
        "The machines, disks and networks that run the hubs, at the price of the provider’s bill, without any fee of the organisation.",
    ),
    (
        "direct",
        "Direct",
        "Cost that follows one hub’s or one user’s measured use, or the hub’s tag on the bill.",
    ),
    (
        "shared",
        "Shared",
        "Cost of what serves several hubs at once, such as core machines and networks, split by the rule under “Policy”.",
    ),
    ("idle", "Idle", "Capacity that was paid and that nobody used or asked for."),
    (
        "unattributed",
        "Unattributed",
        "Cost for which neither a tag nor observed use says whose it is. The owner of the account bears it.",
    ),
    (
        "credit",
        "Credits",
        "What the provider took off its bill. They lower the cost of what they were given for, shown here on their own.",
    ),
    ("payer", "Payer", "Who bears a cost, by the registry and the policy."),
    (
        "account",
        "Account",
        "The account, project or subscription with the provider whose bill holds the cost.",
    ),
    ("hub", "Hub", "One JupyterHub: the place where users log in and work."),
    ("staging", "Staging hub", "A hub for trying changes before users see them."),
    ("cluster", "Cluster", "The group of machines that a hub runs on; it may serve several hubs."),
    ("node", "Node", "One machine of a cluster."),
    ("pod", "Pod", "A program that runs on a node, for example one user’s server."),
    ("user", "User", "A login on one hub. A person with logins on two hubs is two users."),
    (
        "visitor",
        "Visitor",
        "A launch through Binder, without a login. Each launch counts as one visitor, and none as a user.",
    ),
    (
        "keyed_id",
        "Keyed id",
        "A code that stands for a user’s name. It is the same in every month and cannot be turned back into the name without the hub’s key.",
    ),
    (
        "gib_hour",
        "GiB-hour",
        "One gibibyte (2³⁰ bytes) of memory for one hour; of requested and used memory, the larger counts in each hour.",
    ),
    (
        "core_hour",
        "Core-hour",
        "One processor core for one hour; of requested and used, the larger counts in each hour.",
    ),
    ("gib", "GiB", "One gibibyte: 2³⁰ bytes."),
    (
        "untouched",
        "Untouched",
        "In a home directory in which nothing was modified for 90 days before the scan.",
    ),
    (
        "orphan",
        "Directories of no user",
        "Home directories for which no user is known, or that were left behind.",
    ),
    (
        "telemetry",
        "Telemetry, samples",
        "What the clusters report about themselves, usually once a minute. One report is a sample; an hour without any has no telemetry.",
    ),
    ("observed", "Observed", "Samples that arrived, out of those that were expected while the cluster ran."),
    (
        "provisional",
        "Provisional",
        "Billed, but the provider may still change it; it is final when the provider’s invoice is.",
    ),
    (
        "rounded",
        "Rounded",
        "The bill is rounded once to the currency’s smallest unit; all lines are then rounded so that they sum to it.",
    ),
    (
        "reconciliation",
        "Difference",
        "What the provider billed minus all that was given a home. It must be 0, for each line of the bill.",
    ),
    (
        "recoverable",
        "Recoverable",
        "Paid by the organisation to the provider, and recovered from the community that bears it.",
    ),
    (
        "not_recoverable",
        "Not recoverable",
        "Paid to the provider by the community itself or by a broker: shown here, never invoiced.",
    ),
    (
        "digest",
        "Digest",
        "A fingerprint (SHA-256) of a file: it changes when a single character of the file changes.",
    ),
];

/// The definitions of the words that a document uses, in the order of the list.
pub fn definitions(used: &[&str]) -> Vec<(&'static str, &'static str)> {
    DEFINITIONS
        .iter()
        .filter(|(key, ..)| used.contains(key))
        .map(|(_, word, meaning)| (*word, *meaning))
        .collect()
}
