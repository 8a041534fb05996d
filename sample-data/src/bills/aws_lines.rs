//! What AWS bills for a cluster: instances by the hour, the rest by the day.

use std::collections::BTreeMap;

use super::line::{BillLine, Category, gib_month_micro, hours_micro, ten_decimals};
use crate::dice::Dice;
use crate::emit::cut;
use crate::fleet::Node;
use crate::machines::GIB;
use crate::places::{ClusterPlan, DAY_MS, HOUR_MS, Homes, HubPlan};
use crate::storage::HomesOnDay;

/// A service with its FOCUS category.
type Service = (&'static str, &'static str);

const COMPUTE: Service = ("Amazon Elastic Compute Cloud - Compute", "Compute");
const EC2_OTHER: Service = ("EC2 - Other", "Compute");
const EFS: Service = ("Amazon Elastic File System", "Storage");
const EKS: Service = ("Amazon Elastic Container Service for Kubernetes", "Compute");
const ELB: Service = ("Amazon Elastic Load Balancing", "Networking");
const VPC: Service = ("Amazon Virtual Private Cloud", "Networking");
const S3: Service = ("Amazon Simple Storage Service", "Storage");
const CLOUDWATCH: Service = ("AmazonCloudWatch", "Management and Governance");
const BACKUP: Service = ("AWS Backup", "Storage");
const SUPPORT: Service = ("AWS Support (Business)", "Other");
const TAX: Service = ("Tax", "Other");

/// Size of a node's root disk.
const ROOT_DISK_BYTE: i64 = 80 * GIB;
/// gp3, micro-dollars for a GiB and a month.
const GP3_MICRO: i64 = 80_000;

/// Bills one cluster.
pub struct AwsBiller<'a> {
    plan: &'a ClusterPlan,
    dice: Dice,
    /// Ids of what stays all the month.
    ids: BTreeMap<String, String>,
    /// A credit of so many micro-dollars a day.
    credit_micro: i64,
    /// Whether disks and transfer of each instance are billed by the hour.
    long: bool,
}

impl<'a> AwsBiller<'a> {
    /// For a cluster.
    pub fn new(seed: u64, plan: &'a ClusterPlan, credit_micro: i64, long: bool) -> Self {
        let dice = Dice::new(seed, &["aws bill", &plan.id]);
        Self { plan, dice, ids: BTreeMap::new(), credit_micro, long }
    }

    /// The lines of a day; instances by the hour.
    pub fn day(&mut self, day_ms: i64, nodes: &[Node], homes: &[HomesOnDay]) -> Vec<BillLine> {
        let span = (day_ms, day_ms + DAY_MS);
        let mut lines = Vec::new();
        for node in nodes {
            self.instance(node, span, &mut lines);
        }
        self.hubs(span, homes, &mut lines);
        self.cluster(span, &mut lines);
        self.outside_the_cluster(span, &mut lines);
        if self.credit_micro > 0 {
            lines.push(self.credit(span));
        }
        lines
    }

    /// Tax on all use, rounded to cents as an invoice does.
    pub fn tax(usage_pico: i128, span: (i64, i64)) -> BillLine {
        let cents = usage_pico * 8 / 100 / 10_000_000_000;
        BillLine {
            category: Category::Tax,
            pico: cents * 10_000_000_000,
            list_pico: cents * 10_000_000_000,
            description: "Tax of type USSalesTax".to_owned(),
            quantity_micro: 0,
            ..BillLine::of_usage(TAX, "Tax".to_owned(), span, 0, "", 0)
        }
    }

    /// Support is charged by the month.
    pub fn support(&self, usage_pico: i128, span: (i64, i64)) -> BillLine {
        let pico = ten_decimals(usage_pico / 10);
        BillLine {
            pico,
            list_pico: pico,
            description: "10% of monthly AWS usage for the first $0-$10K".to_owned(),
            ..BillLine::of_usage(SUPPORT, self.usage("Dollar"), span, 1_000_000, "Month", 0)
        }
    }

    fn usage(&self, kind: &str) -> String {
        format!("{}-{kind}", self.plan.usage_prefix)
    }

    fn id(&mut self, what: &str, prefix: &str) -> String {
        let dice = &mut self.dice;
        self.ids.entry(what.to_owned()).or_insert_with(|| format!("{prefix}0{}", dice.hex(16))).clone()
    }

    fn cluster_tags(&self) -> BTreeMap<&'static str, String> {
        let name = &self.plan.tag_name;
        BTreeMap::from([
            ("alpha.eksctl.io/cluster-name", name.clone()),
            ("2i2c.org/cluster-name", name.clone()),
        ])
    }

    fn hub_tags(&self, hub: &HubPlan) -> BTreeMap<&'static str, String> {
        let mut tags = self.cluster_tags();
        tags.insert("2i2c:hub-name", hub.namespace.clone());
        tags
    }

    /// Instances by the hour, their root disks by the day. Dask workers serve any hub.
    fn instance(&self, node: &Node, span: (i64, i64), lines: &mut Vec<BillLine>) {
        let Some((start, end)) = cut(span, (node.start_ms, node.end_ms)) else { return };
        let mut tags = match node.pool.hub {
            Some(hub) => self.hub_tags(&self.plan.hubs[hub]),
            None => self.cluster_tags(),
        };
        tags.insert("2i2c:node-purpose", node.pool.purpose.aws_tag().to_owned());
        let kind = if node.machine.spot { "SpotUsage" } else { "BoxUsage" };
        let usage = self.usage(&format!("{kind}:{}", node.machine.name));
        let mut from = start;
        while from < end {
            let to = ((from / HOUR_MS + 1) * HOUR_MS).min(end);
            let hours = hours_micro(to - from);
            let line = BillLine::of_usage(
                COMPUTE,
                usage.clone(),
                (from, to),
                hours,
                "Hrs",
                node.machine.price_micro,
            );
            lines.push(BillLine {
                list_pico: ten_decimals(hours * i128::from(node.machine.list_micro)),
                ..line.on(&*node.instance_id, "Instance").at(self.plan.zone).tagged(&tags)
            });
            if self.long {
                self.beside_an_instance(node, (from, to), &tags, lines);
            }
            from = to;
        }
        if self.long {
            return;
        }
        let disk = gib_month_micro(ROOT_DISK_BYTE, end - start);
        let usage = self.usage("EBS:VolumeUsage.gp3");
        lines.push(
            BillLine::of_usage(EC2_OTHER, usage, (start, end), disk, "GB-Mo", GP3_MICRO)
                .on(&*node.disk_id, "Volume")
                .tagged(&tags),
        );
    }

    /// An instance's disk and transfer in an hour, as long bills show them.
    fn beside_an_instance(
        &self,
        node: &Node,
        span: (i64, i64),
        tags: &BTreeMap<&'static str, String>,
        lines: &mut Vec<BillLine>,
    ) {
        self.disk(node.disk_id.to_string(), ROOT_DISK_BYTE, tags, span, lines);
        let hours = hours_micro(span.1 - span.0);
        for (service, kind, quantity, unit, price_micro) in [
            (EC2_OTHER, "DataTransfer-Regional-Bytes", hours / 3, "GB", 10_000),
            (EC2_OTHER, "DataTransfer-Out-Bytes", hours / 20, "GB", 90_000),
            (EC2_OTHER, "DataTransfer-In-Bytes", hours, "GB", 0),
            (EC2_OTHER, "EBS:VolumeP-IOPS.gp3", hours, "IOPS-Mo", 5_000),
            (VPC, "PublicIPv4:InUseAddress", hours, "Hrs", 5_000),
        ] {
            lines.push(
                BillLine::of_usage(service, self.usage(kind), span, quantity, unit, price_micro)
                    .on(&*node.instance_id, "Instance")
                    .tagged(tags),
            );
        }
    }

    fn hubs(&mut self, span: (i64, i64), homes: &[HomesOnDay], lines: &mut Vec<BillLine>) {
        let plan = self.plan;
        for (hub, home) in plan.hubs.iter().zip(homes) {
            let mut tags = self.hub_tags(hub);
            match hub.shape.homes {
                Homes::Elastic => {
                    let id = self.id(&format!("fs {}", hub.id), "fs-");
                    let arn = format!(
                        "arn:aws:elasticfilesystem:{}:{}:file-system/{id}",
                        plan.region, plan.account
                    );
                    let used = gib_month_micro(home.used_byte, DAY_MS);
                    let usage = self.usage("TimedStorage-ByteHrs");
                    lines.push(
                        BillLine::of_usage(EFS, usage, span, used, "GB-Mo", 300_000)
                            .on(arn, "File System")
                            .tagged(&tags),
                    );
                }
                Homes::OwnDisk { .. } => {
                    let id = self.id(&format!("home {}", hub.id), "vol-");
                    tags.insert("2i2c:volume-purpose", "home-nfs".to_owned());
                    self.disk(id, home.provisioned_byte, &tags, span, lines);
                    tags.remove("2i2c:volume-purpose");
                }
                Homes::Nothing => {}
            }
            let database = self.id(&format!("db {}", hub.id), "vol-");
            let claim = self.claim_tags("hub-db-dir", &hub.namespace);
            self.disk(database, GIB, &claim, span, lines);
            if !hub.shape.staging {
                let bucket = format!("arn:aws:s3:::{}-{}-scratch", plan.tag_name, hub.namespace);
                let kept = gib_month_micro((home.used_byte / 3).max(GIB), DAY_MS);
                let usage = self.usage("TimedStorage-ByteHrs");
                lines.push(
                    BillLine::of_usage(S3, usage, span, kept, "GB-Mo", 23_000)
                        .on(bucket, "Bucket")
                        .tagged(&tags),
                );
            }
        }
    }

    fn claim_tags(&self, name: &str, namespace: &str) -> BTreeMap<&'static str, String> {
        let mut tags = BTreeMap::from([
            ("kubernetes.io/created-for/pvc/name", name.to_owned()),
            ("kubernetes.io/created-for/pvc/namespace", namespace.to_owned()),
        ]);
        tags.extend(self.cluster_tags());
        tags
    }

    fn disk(
        &self,
        id: String,
        bytes: i64,
        tags: &BTreeMap<&'static str, String>,
        span: (i64, i64),
        lines: &mut Vec<BillLine>,
    ) {
        let usage = self.usage("EBS:VolumeUsage.gp3");
        let kept = gib_month_micro(bytes, span.1 - span.0);
        lines.push(
            BillLine::of_usage(EC2_OTHER, usage, span, kept, "GB-Mo", GP3_MICRO)
                .on(id, "Volume")
                .tagged(tags),
        );
    }

    /// What serves all hubs of the cluster.
    fn cluster(&mut self, span: (i64, i64), lines: &mut Vec<BillLine>) {
        let plan = self.plan;
        let tags = self.cluster_tags();
        let day = hours_micro(DAY_MS);
        let arn = |service: &str, rest: String| {
            format!("arn:aws:{service}:{}:{}:{rest}", plan.region, plan.account)
        };
        let prometheus = self.id("prometheus", "vol-");
        let claim = self.claim_tags("support-prometheus-server", "support");
        self.disk(prometheus, 200 * GIB, &claim, span, lines);
        let gateway = arn("ec2", format!("natgateway/{}", self.id("nat", "nat-")));
        let megabytes = self.dice.between(8_000, 60_000);
        let balancer = arn("elasticloadbalancing", format!("loadbalancer/net/{}", self.id("elb", "")));
        let address = arn("ec2", format!("eip-allocation/{}", self.id("eip", "eipalloc-")));
        let control = arn("eks", format!("cluster/{}", plan.tag_name));
        let gigabytes = i128::from(megabytes) * 1_000;
        for (service, kind, quantity, unit, price, resource) in [
            (EC2_OTHER, "NatGateway-Hours", day, "Hrs", 45_000, (gateway.clone(), "NAT Gateway")),
            (EC2_OTHER, "NatGateway-Bytes", gigabytes, "GB", 45_000, (gateway, "NAT Gateway")),
            (ELB, "LoadBalancerUsage", day, "Hrs", 22_500, (balancer, "Load Balancer")),
            (VPC, "PublicIPv4:InUseAddress", day * 3, "Hrs", 5_000, (address, "Elastic IP")),
            (EKS, "AmazonEKS-Hours:perCluster", day, "Hours", 100_000, (control, "EKS Cluster")),
        ] {
            let line = BillLine::of_usage(service, self.usage(kind), span, quantity, unit, price);
            lines.push(line.on(resource.0, resource.1).tagged(&tags));
        }
        if plan.hubs.iter().any(|hub| hub.shape.homes == Homes::Elastic) {
            let vault = arn("backup", "backup-vault:efs".to_owned());
            let kept = gib_month_micro(400 * GIB, DAY_MS);
            let usage = self.usage("WarmStorage-ByteHrs-EFS");
            lines.push(
                BillLine::of_usage(BACKUP, usage, span, kept, "GB-Mo", 50_000)
                    .on(vault, "Backup Vault")
                    .tagged(&tags),
            );
        }
    }

    /// What carries no tag at all: a forgotten machine, logs, an archive of homes.
    fn outside_the_cluster(&mut self, span: (i64, i64), lines: &mut Vec<BillLine>) {
        let forgotten = self.id("forgotten", "i-");
        let usage = self.usage("BoxUsage:t3.medium");
        lines.push(
            BillLine::of_usage(COMPUTE, usage, span, hours_micro(DAY_MS), "Hrs", 41_600)
                .on(forgotten, "Instance")
                .at(self.plan.zone),
        );
        let logs = i128::from(self.dice.between(100_000, 900_000));
        let usage = self.usage("DataProcessing-Bytes");
        lines.push(BillLine::of_usage(CLOUDWATCH, usage, span, logs, "GB", 500_000));
        let archive = format!("arn:aws:s3:::{}-homedirs-archive", self.plan.tag_name);
        let kept = gib_month_micro(1_800 * GIB, DAY_MS);
        let usage = self.usage("TimedStorage-GDA-ByteHrs");
        lines.push(BillLine::of_usage(S3, usage, span, kept, "GB-Mo", 990).on(archive, "Bucket"));
    }

    fn credit(&self, span: (i64, i64)) -> BillLine {
        let pico = -i128::from(self.credit_micro) * super::line::PICO_PER_MICRO;
        BillLine {
            category: Category::Credit,
            pico,
            list_pico: pico,
            description: "AWS Cloud Credit for Research".to_owned(),
            ..BillLine::of_usage(COMPUTE, self.usage("Credit"), span, 0, "", 0)
        }
    }
}
