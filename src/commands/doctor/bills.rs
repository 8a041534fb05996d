//! Whether the loaded bills carry the tags by which cost finds its hub.

use std::collections::BTreeMap;

use hubtally_aggregate::Limits;
use hubtally_ingest::probe::Finding;
use hubtally_rules::component::tag_facts;
use hubtally_rules::registry_view::RegistryView;
use hubtally_store::Store;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::rows;

/// Cost by what its tags are, in millionths, so that shares can be told.
const QUERY: &str = "SELECT provider, account, grade, tags, CAST(sum(abs(billed_cost)) AS DECIMAL(38,6)) AS cost \
                     FROM charges GROUP BY provider, account, grade, tags ORDER BY provider, account";

#[derive(Default)]
struct Account {
    provider: String,
    tagged: i128,
    all: i128,
    grades: Vec<String>,
}

/// Looks at the charges of every account.
pub async fn look(store: &Store, registry: &RegistryView, limits: &Limits) -> Result<Vec<Finding>, Failure> {
    let (schema, batches) = hubtally_aggregate::sql(store, registry, QUERY, limits).await?;
    let text = rows::text(&schema, &batches, rows::Format::Json)?;
    let read: Vec<BTreeMap<String, Value>> = serde_json::from_str(&text).unwrap_or_default();
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    for row in &read {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let tags: BTreeMap<String, String> = serde_json::from_str(text("tags")).unwrap_or_default();
        let cost = text("cost").replace('.', "").parse::<i128>().unwrap_or(0);
        let account = accounts.entry(text("account").to_owned()).or_default();
        text("provider").clone_into(&mut account.provider);
        account.all = account.all.saturating_add(cost);
        if tag_facts(&tags).hub.is_some() {
            account.tagged = account.tagged.saturating_add(cost);
        }
        if !account.grades.iter().any(|grade| grade == text("grade")) {
            account.grades.push(text("grade").to_owned());
        }
    }
    if accounts.is_empty() {
        return Ok(vec![Finding::warn(
            "bills",
            "loaded charges",
            "no bill is loaded",
            "put bills where `inputs.bills` of hubtally.toml points, or run `hubtally ingest bills PATH`",
        )]);
    }
    Ok(accounts.iter().map(|(id, account)| finding(id, account)).collect())
}

fn finding(id: &str, account: &Account) -> Finding {
    let of = format!("bills {id}");
    let what = "hub tags";
    let permille = if account.all == 0 { 0 } else { account.tagged.saturating_mul(1_000) / account.all };
    let share = format!("{}.{} % of its cost carry a hub tag", permille / 10, permille % 10);
    if account.tagged > 0 {
        return Finding::ok(&of, what, share);
    }
    if account.grades.iter().all(|grade| grade == "account") {
        let mend = "nothing to do where the whole account is one community's; else load a finer bill: a FOCUS or CUR export, or Cost Explorer by tag (`hubtally recipe aws-ce`)";
        return Finding::warn(&of, what, "its bill names no tags, only the account's total", mend);
    }
    let mend = match account.provider.as_str() {
        "aws" => {
            "activate the cost allocation tags 2i2c:hub-name, 2i2c:node-purpose, 2i2c:volume-purpose and alpha.eksctl.io/cluster-name in the payer account (Billing → Cost allocation tags, or `aws ce update-cost-allocation-tags-status`): it takes a day, and is not retroactive (`aws ce start-cost-allocation-tag-backfill` reaches back 12 months)"
        }
        "gcp" => {
            "label node pools and disks (hub-name, node-purpose, goog-k8s-cluster-name), and switch on GKE cost allocation: labels reach the export from then on"
        }
        "azure" => {
            "tag node pools and disks (hub-name, node-purpose), and switch on tag inheritance in Cost Management: it holds from then on"
        }
        _ => "tag what the provider lets you tag with hub-name, or give each hub an account of its own",
    };
    Finding::warn(&of, what, format!("{share}: the tag is not activated, or nothing is tagged"), mend)
}
