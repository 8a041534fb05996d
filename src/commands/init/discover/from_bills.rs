//! What bills show: accounts, and the names that their tags give to clusters and hubs.

use std::collections::{BTreeMap, BTreeSet};

use hubtally_aggregate::Limits;
use hubtally_ingest::bills::{BillLimits, BillOptions, ingest_bills};
use hubtally_rules::component::tag_facts;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::registry::Registry;
use hubtally_store::{Store, StoreConfig};
use serde_json::Value;

use crate::clock;
use crate::failure::Failure;
use crate::output::progress::Bar;
use crate::output::rows;

/// An account of the bills.
#[derive(Debug, Default)]
pub struct FoundAccount {
    /// Its number or id.
    pub id: String,
    /// `aws`, `gcp`, …
    pub provider: String,
    /// The importers that read it, its months and what it cost, for a person.
    pub words: String,
    /// Cluster names of its tags.
    pub clusters: BTreeSet<String>,
    /// Hub names of its tags, each with the clusters that stand beside it.
    pub hubs: BTreeMap<String, BTreeSet<String>>,
}

const QUERY: &str = "SELECT account, provider, importer, billing_period, billing_currency, tags, \
                     CAST(sum(billed_cost) AS DECIMAL(38,2)) AS cost \
                     FROM charges GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6";

/// Memory for looking at bills.
const MEMORY_BYTES: usize = 512 << 20;

/// Reads bills into a store that is thrown away, and asks it.
pub async fn look(paths: &[String]) -> Result<Vec<FoundAccount>, Failure> {
    let failed = |source| Failure::File { operation: "made", path: crate::env::temporary_folder(), source };
    let folder = tempfile::tempdir().map_err(failed)?;
    let store = Store::create(&StoreConfig {
        url: folder.path().join("store").display().to_string(),
        options: BTreeMap::new(),
        keys: folder.path().join("keys"),
    })
    .await?;
    let registry = RegistryView::new(Registry::default())
        .map_err(|_| Failure::Usage("an empty registry is refused; please report this".to_owned()))?;
    let spill_folder = folder.path().to_owned();
    let options = BillOptions {
        allow_unknown_accounts: true,
        limits: BillLimits { memory_bytes: MEMORY_BYTES, spill_folder: spill_folder.clone() },
        ..BillOptions::new(clock::now())
    };
    let report = ingest_bills(&store, &registry, paths, &options, &Bar::default()).await?;
    for refused in &report.refused {
        tracing::warn!("bill left out: {}", refused.message);
    }
    let limits = Limits { memory_bytes: MEMORY_BYTES, threads: 2, spill_folder };
    let (schema, batches) = hubtally_aggregate::sql(&store, &registry, QUERY, &limits).await?;
    let text = rows::text(&schema, &batches, rows::Format::Json)?;
    let read: Vec<BTreeMap<String, Value>> = serde_json::from_str(&text).unwrap_or_default();
    Ok(accounts(&read))
}

#[derive(Default)]
struct Seen {
    importers: BTreeSet<String>,
    months: BTreeSet<String>,
    /// Hundredths by currency.
    cost: BTreeMap<String, i128>,
}

fn accounts(rows: &[BTreeMap<String, Value>]) -> Vec<FoundAccount> {
    let mut found: BTreeMap<String, (FoundAccount, Seen)> = BTreeMap::new();
    for row in rows {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (account, seen) = found.entry(text("account")).or_default();
        (account.id, account.provider) = (text("account"), text("provider"));
        seen.importers.insert(text("importer"));
        seen.months.insert(text("billing_period"));
        let cost = text("cost").replace('.', "").parse::<i128>().unwrap_or(0);
        let sum = seen.cost.entry(text("billing_currency")).or_default();
        *sum = sum.saturating_add(cost);
        let tags: BTreeMap<String, String> = serde_json::from_str(&text("tags")).unwrap_or_default();
        let facts = tag_facts(&tags);
        account.clusters.extend(facts.cluster.clone());
        if let Some(hub) = facts.hub {
            account.hubs.entry(hub).or_default().extend(facts.cluster);
        }
    }
    let words = |seen: &Seen| {
        let list = |words: &BTreeSet<String>| words.iter().cloned().collect::<Vec<_>>().join(", ");
        let cost = seen.cost.iter().map(|(currency, cents)| {
            let sign = if *cents < 0 { "-" } else { "" };
            format!("{sign}{}.{:02} {currency}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100)
        });
        format!(
            "{} by {}, {}",
            list(&seen.months),
            list(&seen.importers),
            cost.collect::<Vec<_>>().join(" and ")
        )
    };
    found.into_values().map(|(account, seen)| FoundAccount { words: words(&seen), ..account }).collect()
}
