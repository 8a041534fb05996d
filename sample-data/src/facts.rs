//! What is true of a federation, exactly: for tests, and for people who want to check a result.

use std::collections::{BTreeMap, BTreeSet};

use hubtally_schemas::{Period, money};
use serde::Serialize;

/// What is true of a whole federation.
#[derive(Debug, Clone, Serialize)]
pub struct Facts {
    /// Seed.
    pub seed: u64,
    /// Scale.
    pub scale: u32,
    /// Month.
    pub period: Period,
    /// Communities of the registry.
    pub communities: u64,
    /// Hubs of the registry; a renamed hub counts once.
    pub hubs: u64,
    /// Users of all hubs, without binder's visitors.
    pub users: u64,
    /// Event lines by type, repeated ones included.
    pub events: BTreeMap<String, u64>,
    /// Lines that repeat an earlier one word for word, by type.
    pub repeated_events: BTreeMap<String, u64>,
    /// By cluster id.
    pub clusters: BTreeMap<String, ClusterFacts>,
    /// Bill files that are read together, in the order of their paths.
    pub bills: Vec<BillFacts>,
    /// Sum of all bills by currency.
    pub billed: BTreeMap<String, String>,
    /// Days that a bill marks as estimated.
    pub estimated_days: Vec<String>,
}

/// What is true of a cluster.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ClusterFacts {
    /// The account whose bill pays it, unless nobody here sees that.
    pub account: Option<String>,
    /// Samples expected in the month.
    pub coverage_expected: u64,
    /// Samples seen.
    pub coverage_seen: u64,
    /// Hours with fewer samples than expected.
    pub incomplete_hours: Vec<String>,
    /// Node rows.
    pub node_rows: u64,
    /// Observed milliseconds of all nodes.
    pub node_ms: u64,
    /// Billed milliseconds of all instances, seen or not.
    pub instance_ms: u64,
    /// Different instances.
    pub instances: u64,
    /// By namespace.
    pub namespaces: BTreeMap<String, NamespaceFacts>,
    #[serde(skip)]
    pub(crate) seen_instances: BTreeSet<String>,
}

/// What is true of a namespace of a cluster. Sums are in the units of the rows.
#[derive(Debug, Clone, Default, Serialize)]
pub struct NamespaceFacts {
    /// Pod rows, repeated ones not counted.
    pub pod_rows: u64,
    /// Different pod uids.
    pub pods: u64,
    /// (pod, UTC hour) pairs.
    pub pod_hours: u64,
    /// Milliseconds of all pod rows.
    pub pod_ms: u64,
    /// Requested CPU, millicore·ms.
    #[serde(serialize_with = "as_text")]
    pub cpu_request_millicore_ms: i128,
    /// Used CPU, millicore·ms.
    #[serde(serialize_with = "as_text")]
    pub cpu_usage_millicore_ms: i128,
    /// The larger of both, taken per pod and hour.
    #[serde(serialize_with = "as_text")]
    pub cpu_effective_millicore_ms: i128,
    /// Requested memory, byte·ms.
    #[serde(serialize_with = "as_text")]
    pub memory_request_byte_ms: i128,
    /// Used memory, byte·ms.
    #[serde(serialize_with = "as_text")]
    pub memory_usage_byte_ms: i128,
    /// The larger of both, taken per pod and hour.
    #[serde(serialize_with = "as_text")]
    pub memory_effective_byte_ms: i128,
    /// Requested GPU, milliGPU·ms.
    #[serde(serialize_with = "as_text")]
    pub gpu_request_milligpu_ms: i128,
    /// Different users in pod rows.
    pub users: u64,
    /// Directory and volume rows.
    pub storage_rows: u64,
    #[serde(skip)]
    pub(crate) seen_users: BTreeSet<String>,
    #[serde(skip)]
    pub(crate) seen_pods: BTreeSet<String>,
}

impl ClusterFacts {
    /// Counts what was different, and forgets it.
    pub(crate) fn finish(&mut self) {
        self.instances = std::mem::take(&mut self.seen_instances).len() as u64;
        for namespace in self.namespaces.values_mut() {
            namespace.users = std::mem::take(&mut namespace.seen_users).len() as u64;
            namespace.pods = std::mem::take(&mut namespace.seen_pods).len() as u64;
        }
    }
}

/// What is true of one bill: the files of one account and importer.
#[derive(Debug, Clone, Serialize)]
pub struct BillFacts {
    /// Account.
    pub account: String,
    /// Importer that reads it.
    pub importer: String,
    /// Files, relative to the folder.
    pub files: Vec<String>,
    /// Currency.
    pub currency: String,
    /// Bill lines: rows, or groups with an amount.
    pub lines: u64,
    /// Sum of all lines.
    pub total: String,
    /// Sum by charge category.
    pub by_category: BTreeMap<String, String>,
    #[serde(skip)]
    pub(crate) total_pico: i128,
}

impl Facts {
    /// Adds a bill.
    pub(crate) fn add_bill(&mut self, bill: BillFacts) {
        self.bills.push(bill);
        let total: i128 = self.bills.iter().map(|bill| bill.total_pico).sum();
        self.billed.insert("USD".to_owned(), amount_text(total));
    }

    /// Counts an event line.
    pub(crate) fn count_event(&mut self, kind: &str) {
        match self.events.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                self.events.insert(kind.to_owned(), 1);
            }
        }
    }
}

/// An amount as bills write it: plain decimal text, no zeros at the end.
pub fn amount_text(pico: i128) -> String {
    let text = money::pico_text(pico);
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() || text == "-" { "0".to_owned() } else { text.to_owned() }
}

fn as_text<S: serde::Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_lose_no_digit_and_no_zero_too_many() {
        assert_eq!(amount_text(0), "0");
        assert_eq!(amount_text(252_000_000_000), "0.252");
        assert_eq!(amount_text(-100_000_000_000_000), "-100");
        assert_eq!(amount_text(100), "0.0000000001");
    }
}
