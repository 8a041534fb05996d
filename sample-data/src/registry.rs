//! The registry and the policy of the federation, as a person would write them.

use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate};
use hubtally_schemas::Period;

use crate::bills::console::ConsoleAccount;
use crate::places::{BillKind, Cloud, ClusterPlan, HubPlan, Plan, RENAME_DAY, copy_account, copy_name};
use crate::storage::SHARED_DIRECTORIES;

/// Accounts that no cluster runs in, and that consoles bill by the month.
#[derive(Debug, Clone)]
pub struct ConsoleAccounts {
    /// AWS accounts of one console file, with their owners.
    pub aws: Vec<(ConsoleAccount, String)>,
    /// GCP projects of a file each, with their owners.
    pub gcp: Vec<(ConsoleAccount, String)>,
}

impl ConsoleAccounts {
    /// The accounts of so many copies of the federation.
    pub fn new(copies: u32) -> Self {
        let account = |id: String, name: &str, copy: u32| {
            let name = if copy == 0 { name.to_owned() } else { format!("{name} {}", copy + 1) };
            ConsoleAccount { id, name }
        };
        let (mut aws, mut gcp) = (Vec::new(), Vec::new());
        for copy in 0..copies {
            let archive = account(copy_account(777_788_889_999, copy), "river archive", copy);
            aws.push((archive, format!("community:{}", copy_name("river-watch", copy))));
            let tools = account(copy_account(888_899_990_000, copy), "fleet tools", copy);
            aws.push((tools, "organisation".to_owned()));
            let kelp = account(copy_name("kelp-archive", copy), "Kelp archive", copy);
            gcp.push((kelp, format!("community:{}", copy_name("coast-coop", copy))));
        }
        Self { aws, gcp }
    }
}

/// The text of `registry.toml`.
pub fn registry_toml(plan: &Plan, consoles: &ConsoleAccounts, period: Period) -> String {
    let mut text = String::from(HEAD);
    for community in &plan.communities {
        let _ = write!(
            text,
            "\n[[community]]\nid = \"{}\"\nname = \"{}\"\nattributes = {{ field = \"{}\" }}\n",
            community.id, community.name, community.field
        );
        let first = period.first_day();
        let began = first.with_day(1).and_then(|day| day.with_month(1)).unwrap_or(first);
        match &community.next_contract {
            None => contract(&mut text, &community.contract, began, None),
            Some(next) => {
                let changed = first + chrono::Days::new(15);
                contract(&mut text, &community.contract, began, Some(changed));
                contract(&mut text, next, changed, None);
            }
        }
    }
    text.push_str(ACCOUNTS);
    for cluster in plan.clusters.iter().filter(|cluster| cluster.bill != BillKind::Unseen) {
        account_of_cluster(&mut text, cluster);
    }
    for (account, owner) in &consoles.aws {
        account_entry(&mut text, &account.id, &account.name, "aws", owner, "organisation");
    }
    for (account, owner) in &consoles.gcp {
        account_entry(&mut text, &account.id, &account.name, "gcp", owner, "community");
    }
    text.push_str(CLUSTERS);
    for cluster in &plan.clusters {
        cluster_entry(&mut text, cluster);
    }
    text.push_str(HUBS);
    for (cluster, hub) in plan.hubs() {
        hub_entries(&mut text, cluster, hub, period);
    }
    text
}

const HEAD: &str = r#"# Who is who in this federation.
#
# Every link may have dates: `from` is the first day inside, `to` the first day after (UTC).
# A missing date is open. `hubtally check` reads this file and says what does not fit.

[organisation]
name = "Open Hubs Cooperative"
contact = "billing@hubs.example"

# --- Communities: who gets statements. A contract is written on each posting of its days.
"#;

const ACCOUNTS: &str = r#"
# --- Accounts: what a bill is sent for. The owner bears what no tag and no usage explains:
# a community, "organisation", or "shared" among some. `paid_by` says who pays the provider:
# "organisation" (recovered from communities), "community" or "broker" (reported, never invoiced).
"#;

const CLUSTERS: &str = r"
# --- Clusters: `id` is what usage events name in their source, /clusters/<id>;
# `tag_name` is what the provider's tags and labels call it.
";

const HUBS: &str = r"
# --- Hubs: (cluster, namespace) is a hub, and a hub is a community's, on given days.
";

fn contract(text: &mut String, id: &str, from: NaiveDate, to: Option<NaiveDate>) {
    let _ = write!(text, "\n[[community.contract]]\nid = \"{id}\"\nfrom = \"{from}\"\n");
    if let Some(to) = to {
        let _ = writeln!(text, "to = \"{to}\"");
    }
}

fn account_of_cluster(text: &mut String, cluster: &ClusterPlan) {
    let communities = communities_of(cluster);
    let (owner, why) = match (cluster.bill, communities.as_slice()) {
        // Many small hubs: what cannot be explained stays with the organisation.
        (BillKind::FocusCsv, _) => ("organisation".to_owned(), ""),
        (_, [one]) => {
            (format!("community:{one}"), "\n# A dedicated account: the whole bill is one community's.")
        }
        (_, _) => ("shared".to_owned(), ""),
    };
    text.push_str(why);
    account_entry(
        text,
        &cluster.account,
        &format!("{} hubs", cluster.id),
        provider(cluster),
        &owner,
        "organisation",
    );
    if owner == "shared" {
        let among: Vec<String> = communities.iter().map(|id| format!("\"{id}\"")).collect();
        let _ = writeln!(text, "among = [{}]", among.join(", "));
    }
}

fn account_entry(text: &mut String, id: &str, name: &str, provider: &str, owner: &str, paid_by: &str) {
    let _ = write!(
        text,
        "\n[[account]]\nid = \"{id}\"\nname = \"{name}\"\nprovider = \"{provider}\"\n\n[[account.owner]]\nowner = \"{owner}\"\npaid_by = \"{paid_by}\"\n"
    );
}

fn cluster_entry(text: &mut String, cluster: &ClusterPlan) {
    if cluster.bill == BillKind::Unseen {
        text.push_str("\n# A broker pays this cluster, and shows no bill: usage is reported, without cost.");
    }
    let _ = write!(text, "\n[[cluster]]\nid = \"{}\"\nprovider = \"{}\"\n", cluster.id, provider(cluster));
    if cluster.bill != BillKind::Unseen {
        let _ = writeln!(text, "account = \"{}\"", cluster.account);
    }
    let _ = write!(text, "tag_name = \"{}\"\nregion = \"{}\"\n", cluster.tag_name, cluster.region);
}

fn hub_entries(text: &mut String, cluster: &ClusterPlan, hub: &HubPlan, period: Period) {
    let Some(rename) = &hub.renamed else {
        hub_entry(text, cluster, hub, &hub.namespace, "");
        return;
    };
    let day = period.first_day() + chrono::Days::new(u64::from(RENAME_DAY - 1));
    let _ = write!(text, "\n# Renamed on {day}: one hub, two namespaces one after the other.");
    hub_entry(text, cluster, hub, &hub.namespace, &format!("to = \"{day}\"\n"));
    hub_entry(text, cluster, hub, &rename.namespace, &format!("from = \"{day}\"\n"));
}

fn hub_entry(text: &mut String, cluster: &ClusterPlan, hub: &HubPlan, namespace: &str, dates: &str) {
    let _ = write!(
        text,
        "\n[[hub]]\nid = \"{}\"\nname = \"{}\"\ncluster = \"{}\"\nnamespace = \"{namespace}\"\ncommunity = \"{}\"\n",
        hub.id, hub.name, cluster.id, hub.community
    );
    if hub.shape.staging {
        text.push_str("staging = true\n");
    }
    if hub.shape.homes != crate::places::Homes::Nothing {
        let names: Vec<String> = SHARED_DIRECTORIES.iter().map(|name| format!("\"{name}\"")).collect();
        let _ = writeln!(text, "shared_directories = [{}]", names.join(", "));
    }
    text.push_str(dates);
}

fn communities_of(cluster: &ClusterPlan) -> Vec<&str> {
    let mut ids: Vec<&str> = cluster.hubs.iter().map(|hub| hub.community.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn provider(cluster: &ClusterPlan) -> &'static str {
    match cluster.cloud {
        Cloud::Aws => "aws",
        Cloud::Gcp => "gcp",
    }
}

/// The text of `policy.toml`.
pub const POLICY_TOML: &str = r#"# The choices that change an invoice. None has a default: each is a decision of the organisation,
# and every statement prints it in plain words.

# Name and version of this policy, printed on statements.
id = "sample-2026"

# Which month a charge belongs to: "invoice_month" (the month of the provider's invoice) or
# "usage_date" (the month in which the charge's own period starts, UTC).
period_basis = "invoice_month"

# Which cost is split: "billed" (what the invoice says) or "effective" (purchases and commitments
# spread over their use).
cost_basis = "billed"

# How the cost of a node is split among its pods: "aws_scad" (the larger of requested and used, CPU
# and memory weighted 9 to 1, what nobody used is idle) or "requests_only(memory)" (share of memory
# requested; idle is spread by the same shares).
compute = "aws_scad"

# Who bears what was paid and not used: "separate" (a line of its own, borne by the node's hub, else
# by the account's owner), "proportional" (spread over the pods of the same node and hour) or
# "absorbed" (the organisation bears it).
idle = "separate"

# How core nodes, networking and other shared cost are split among the hubs of a cluster: "equal"
# (by the days each hub was there), "direct" (by each hub's own direct cost), "memory" (by requested
# memory), "fixed" (by parts per million in [fixed_ppm]) or "organisation" (who bears it then).
shared = "equal"

# Whether statements show user names: "hidden" (a keyed id instead) or "shown".
user_names = "shown"

# How unobserved hours are filled: "none" (their cost goes to the account's owner, as unattributed).
gap_fill = "none"
"#;

#[cfg(test)]
mod tests {
    use hubtally_schemas::policy::Policy;
    use hubtally_schemas::registry::Registry;

    use super::*;
    use crate::places::Scale;

    #[test]
    fn the_registry_is_read_with_every_hub_and_account() {
        let period: Period = "2026-06".parse().unwrap();
        for scale in [Scale::new(1), Scale::new(16)] {
            let plan = Plan::new(scale, period);
            let consoles = ConsoleAccounts::new(scale.clusters);
            let registry: Registry = toml::from_str(&registry_toml(&plan, &consoles, period)).unwrap();
            assert_eq!(registry.communities.len(), plan.communities.len());
            assert_eq!(registry.clusters.len(), plan.clusters.len());
            let renamed = plan.hubs().filter(|(_, hub)| hub.renamed.is_some()).count();
            assert_eq!(registry.hubs.len(), plan.hubs().count() + renamed);
            assert_eq!(
                registry.accounts.len(),
                plan.clusters.len() / 4 * 3 + consoles.aws.len() + consoles.gcp.len()
            );
            assert!(registry.communities.iter().any(|community| community.contracts.len() == 2));
        }
    }

    #[test]
    fn the_policy_is_read() {
        let policy: Policy = toml::from_str(POLICY_TOML).unwrap();
        assert_eq!(policy.chosen().len(), hubtally_schemas::policy::CHOICES.len());
    }
}
