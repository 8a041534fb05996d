//! What Google Cloud bills for a cluster, summed by day, SKU and labels: no resource is named.

use std::collections::BTreeMap;

use super::line::{BillLine, Category, gib_month_micro, hours_micro, ten_decimals};
use crate::dice::Dice;
use crate::emit::cut;
use crate::fleet::Node;
use crate::machines::{GIB, N2_CORE_MICRO, N2_RAM_MICRO, Purpose};
use crate::places::{ClusterPlan, DAY_MS};
use crate::storage::HomesOnDay;

type Service = (&'static str, &'static str);

const COMPUTE: Service = ("Compute Engine", "Compute");
const KUBERNETES: Service = ("Kubernetes Engine", "Compute");
const FILESTORE: Service = ("Filestore", "Storage");
const STORAGE: Service = ("Cloud Storage", "Storage");
const NETWORKING: Service = ("Networking", "Networking");
const LOGGING: Service = ("Cloud Logging", "Management and Governance");

/// Filestore sells at least one TiB, and more in steps.
const FILESTORE_LEAST_BYTE: i64 = 1_024 * GIB;
const FILESTORE_STEP_BYTE: i64 = 256 * GIB;

/// Bills one cluster.
pub struct GcpBiller<'a> {
    plan: &'a ClusterPlan,
    dice: Dice,
}

/// Core-ms, GiB-ms and node-ms of the nodes of one purpose.
#[derive(Default)]
struct Sums {
    cores: i64,
    memory: i64,
    disk: i64,
}

impl<'a> GcpBiller<'a> {
    /// For a cluster.
    pub fn new(seed: u64, plan: &'a ClusterPlan) -> Self {
        Self { plan, dice: Dice::new(seed, &["gcp bill", &plan.id]) }
    }

    /// The lines of a day.
    pub fn day(&mut self, day_ms: i64, nodes: &[Node], homes: &[HomesOnDay]) -> Vec<BillLine> {
        let span = (day_ms, day_ms + DAY_MS);
        let mut lines = Vec::new();
        let mut sums: BTreeMap<Purpose, Sums> = BTreeMap::new();
        for node in nodes {
            if let Some((start, end)) = cut(span, (node.start_ms, node.end_ms)) {
                let sum = sums.entry(node.pool.purpose).or_default();
                sum.cores += (end - start) * (node.machine.cpu_millicore / 1_000);
                sum.memory += (end - start) * (node.machine.memory_byte / GIB);
                sum.disk += end - start;
            }
        }
        for (purpose, sum) in sums {
            self.nodes(purpose, &sum, span, &mut lines);
        }
        self.cluster(span, homes.iter().map(|home| home.used_byte).sum(), &mut lines);
        lines
    }

    fn labels(&self, purpose: Option<Purpose>) -> BTreeMap<&'static str, String> {
        let mut labels = BTreeMap::from([("goog-k8s-cluster-name", self.plan.tag_name.clone())]);
        if let Some(purpose) = purpose {
            labels.insert("node-purpose", purpose.gcp_label().to_owned());
        }
        labels
    }

    fn nodes(&self, purpose: Purpose, sum: &Sums, span: (i64, i64), lines: &mut Vec<BillLine>) {
        let labels = self.labels(Some(purpose));
        let cores = hours_micro(sum.cores);
        let memory = hours_micro(sum.memory);
        let disk = gib_month_micro(100 * GIB, sum.disk);
        for (sku, quantity, unit, price) in [
            ("N2 Instance Core running in Americas", cores, "hour", N2_CORE_MICRO),
            ("N2 Instance Ram running in Americas", memory, "gibibyte hour", N2_RAM_MICRO),
            ("Balanced PD Capacity", disk, "gibibyte month", 100_000),
        ] {
            lines.push(
                BillLine::of_usage(COMPUTE, sku.to_owned(), span, quantity, unit, price).tagged(&labels),
            );
        }
        if purpose == Purpose::Core {
            // A machine that runs all month earns a discount, a line of its own below zero.
            let pico = -ten_decimals(cores * i128::from(N2_CORE_MICRO) * 2 / 10);
            let sku = "Sustained use discount: N2 Instance Core".to_owned();
            let line = BillLine::of_usage(COMPUTE, sku.clone(), span, 0, "", 0).tagged(&labels);
            lines.push(BillLine { category: Category::Credit, pico, list_pico: 0, description: sku, ..line });
        }
    }

    fn cluster(&mut self, span: (i64, i64), homes_byte: i64, lines: &mut Vec<BillLine>) {
        let cluster = self.labels(None);
        let nothing = BTreeMap::new();
        let day = hours_micro(DAY_MS);
        let steps = homes_byte / FILESTORE_STEP_BYTE + 1;
        let provisioned = (steps * FILESTORE_STEP_BYTE).max(FILESTORE_LEAST_BYTE);
        let filestore = gib_month_micro(provisioned, DAY_MS);
        let bucket = gib_month_micro(650 * GIB, DAY_MS);
        let egress = i128::from(self.dice.between(500_000, 9_000_000));
        let logs = i128::from(self.dice.between(100_000, 2_000_000));
        for (service, sku, quantity, unit, price, labels) in [
            (KUBERNETES, "Zonal Kubernetes Clusters", day, "hour", 100_000, &cluster),
            (
                FILESTORE,
                "Filestore Capacity Basic HDD (Standard)",
                filestore,
                "gibibyte month",
                160_000,
                &cluster,
            ),
            (STORAGE, "Standard Storage US Regional", bucket, "gibibyte month", 20_000, &nothing),
            (NETWORKING, "Network Internet Data Transfer Out", egress, "gibibyte", 85_000, &nothing),
            (NETWORKING, "Static Ip Charge", day, "hour", 5_000, &cluster),
            (LOGGING, "Log Storage cost", logs, "gibibyte", 500_000, &nothing),
        ] {
            lines.push(
                BillLine::of_usage(service, sku.to_owned(), span, quantity, unit, price).tagged(labels),
            );
        }
    }
}
