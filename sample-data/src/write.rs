//! Writes the whole federation, cluster by cluster.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use hubtally_schemas::{Instant, Period};
use serde::Serialize;

use crate::bills::aws_lines::AwsBiller;
use crate::bills::console;
use crate::bills::cost_explorer::CostExplorer;
use crate::bills::focus::Issuer;
use crate::bills::focus_csv::FocusCsv;
use crate::bills::focus_parquet::FocusParquet;
use crate::bills::gcp_lines::GcpBiller;
use crate::bills::line::Category;
use crate::emit::Emitter;
use crate::error::SampleError;
use crate::facts::{BillFacts, Facts};
use crate::output::{Folder, Gzip};
use crate::places::{BillKind, ClusterPlan, Plan, Scale};
use crate::readme;
use crate::registry::{ConsoleAccounts, POLICY_TOML, registry_toml};
use crate::simulate::{ClusterRun, DayRecord};
use crate::storage::{HomeShelf, HomesOnDay};

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub struct SampleOptions {
    /// Seed: the same seed gives the same bytes.
    pub seed: u64,
    /// 1 is the small federation; larger ones multiply clusters, hubs and users.
    pub scale: u32,
    /// Month.
    pub period: Period,
}

/// What was generated, in short. `facts.json` says it in full.
#[derive(Debug, Clone, Serialize)]
pub struct SampleSummary {
    /// Communities.
    pub communities: u64,
    /// Clusters.
    pub clusters: u64,
    /// Hubs.
    pub hubs: u64,
    /// Users.
    pub users: u64,
    /// Event lines.
    pub events: u64,
    /// Pod rows.
    pub pod_rows: u64,
    /// Bill lines.
    pub bill_lines: u64,
    /// Sum of all bills by currency.
    pub billed: BTreeMap<String, String>,
}

/// Writes a federation into a folder. Files of an earlier run are written over.
pub fn write(
    out: &Path,
    options: &SampleOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<SampleSummary, SampleError> {
    let folder = Folder::create(out)?;
    let scale = Scale::new(options.scale);
    let plan = Plan::new(scale, options.period);
    let consoles = ConsoleAccounts::new(scale.clusters);
    let mut facts = Facts::new(options, &plan);
    for cluster in &plan.clusters {
        progress(&format!("cluster {}", cluster.id));
        write_cluster(&folder, options, scale, cluster, &mut facts)?;
    }
    progress("bills of consoles");
    let linked: Vec<_> = consoles.aws.iter().map(|(account, _)| account.clone()).collect();
    for bill in console::write_aws(&folder, options.seed, &linked, options.period)? {
        facts.add_bill(bill);
    }
    for (project, _) in &consoles.gcp {
        facts.add_bill(console::write_gcp(&folder, options.seed, project, options.period)?);
    }
    folder.write("registry.toml", registry_toml(&plan, &consoles, options.period).as_bytes())?;
    folder.write("policy.toml", POLICY_TOML.as_bytes())?;
    folder.write("README.md", readme::text(options, &facts).as_bytes())?;
    folder.write_json("facts.json", &facts)?;
    Ok(facts.summary())
}

fn write_cluster(
    folder: &Folder,
    options: &SampleOptions,
    scale: Scale,
    plan: &ClusterPlan,
    facts: &mut Facts,
) -> Result<(), SampleError> {
    let (seed, period) = (options.seed, options.period);
    let mut run = ClusterRun::new(seed, plan, period);
    let shelves: Vec<HomeShelf> = plan
        .hubs
        .iter()
        .zip(run.people())
        .map(|(hub, people)| HomeShelf::new(seed, &plan.id, hub, people))
        .collect();
    let mut bill = Bill::create(folder, options, scale, plan)?;
    let mut emitter = Emitter::new(seed, plan, scale, period, shelves.clone());
    // Many small gains at scale 1, which is kept in the repository; speed above it.
    let level = if options.scale <= 1 { 9 } else { 3 };
    for (number, date) in (0_i64..).zip(period.days()) {
        let record = run.day(date);
        let (path, file) = folder.file(&format!("usage/{}/{date}.ndjson.gz", plan.id))?;
        let fail = |source| SampleError::WriteFile { path: path.clone(), source };
        let mut gzip = Gzip::new(file, level).map_err(fail)?;
        emitter.day(&record, facts, &mut gzip).map_err(fail)?;
        gzip.finish().and_then(|mut file| file.flush()).map_err(fail)?;
        let homes: Vec<HomesOnDay> = shelves.iter().map(|shelf| shelf.on_day(number)).collect();
        bill.day(&record, &homes)?;
    }
    if let Some(cluster) = facts.clusters.get_mut(&plan.id) {
        cluster.finish();
        cluster.account = (plan.bill != BillKind::Unseen).then(|| plan.account.clone());
    }
    if let Some(bill) = bill.finish(folder, plan, period)? {
        facts.add_bill(bill);
    }
    Ok(())
}

/// The bill of a cluster while it grows.
enum Bill<'a> {
    Parquet(AwsBiller<'a>, Box<FocusParquet>, String),
    Explorer(AwsBiller<'a>, CostExplorer),
    Csv(GcpBiller<'a>, Box<FocusCsv>, String),
    Unseen,
}

/// Micro-dollars of credit a day.
const RESEARCH_CREDIT_MICRO: i64 = 8_000_000;
const SMALL_CREDIT_MICRO: i64 = 1_333_333;

impl<'a> Bill<'a> {
    fn create(
        folder: &Folder,
        options: &SampleOptions,
        scale: Scale,
        plan: &'a ClusterPlan,
    ) -> Result<Self, SampleError> {
        let (seed, period) = (options.seed, options.period);
        let aws = Issuer {
            provider: "AWS",
            invoice_issuer: "Amazon Web Services, Inc.",
            billing_account: "999900001111",
            billing_account_name: "Open Hubs Cooperative",
            account: plan.account.clone(),
            account_name: format!("{} hubs", plan.id),
            region: plan.region,
            period,
        };
        let gcp = Issuer {
            provider: "Google Cloud",
            invoice_issuer: "Google Cloud",
            billing_account: "01ABCD-234567-89EFAB",
            ..aws.clone()
        };
        let below = format!("bills/{}", plan.account);
        Ok(match plan.bill {
            BillKind::FocusParquet => {
                let file = format!("{below}/focus-{period}.parquet");
                let writer = FocusParquet::create(folder, &file, aws)?;
                Self::Parquet(
                    AwsBiller::new(seed, plan, RESEARCH_CREDIT_MICRO, scale.long_bills),
                    Box::new(writer),
                    file,
                )
            }
            BillKind::CostExplorer => Self::Explorer(
                AwsBiller::new(seed, plan, SMALL_CREDIT_MICRO, false),
                CostExplorer::new(period),
            ),
            BillKind::FocusCsv => {
                let file = format!("{below}/focus-{period}.csv");
                let writer = FocusCsv::create(folder, &file, gcp)?;
                Self::Csv(GcpBiller::new(seed, plan), Box::new(writer), file)
            }
            BillKind::Unseen => Self::Unseen,
        })
    }

    fn day(&mut self, record: &DayRecord, homes: &[HomesOnDay]) -> Result<(), SampleError> {
        let day_ms = Instant::at_midnight(record.date).ms();
        match self {
            Self::Parquet(biller, writer, _) => writer.write(&biller.day(day_ms, &record.nodes, homes)),
            Self::Explorer(biller, answers) => {
                answers.add(&biller.day(day_ms, &record.nodes, homes));
                Ok(())
            }
            Self::Csv(biller, writer, _) => writer.write(&biller.day(day_ms, &record.nodes, homes)),
            Self::Unseen => Ok(()),
        }
    }

    fn finish(
        self,
        folder: &Folder,
        plan: &ClusterPlan,
        period: Period,
    ) -> Result<Option<BillFacts>, SampleError> {
        let span = (period.span().start.ms(), period.span().end.ms());
        Ok(match self {
            Self::Parquet(biller, mut writer, file) => {
                writer.write(&[biller.support(writer.sums.of(Category::Usage), span)])?;
                writer.write(&[AwsBiller::tax(writer.sums.of(Category::Usage), span)])?;
                Some(writer.finish()?.facts(&plan.account, "focus", vec![file]))
            }
            Self::Explorer(_, mut answers) => {
                // Cost Explorer shows the month's tax on its first day.
                let first = (span.0, span.0 + crate::places::DAY_MS);
                answers.add(&[AwsBiller::tax(answers.of(Category::Usage), first)]);
                let (sums, files) =
                    answers.write(folder, &format!("bills/{}", plan.account), &plan.account)?;
                Some(sums.facts(&plan.account, "aws-ce", files))
            }
            Self::Csv(_, writer, file) => Some(writer.finish()?.facts(&plan.account, "focus", vec![file])),
            Self::Unseen => None,
        })
    }
}

impl Facts {
    fn new(options: &SampleOptions, plan: &Plan) -> Self {
        Self {
            seed: options.seed,
            scale: options.scale,
            period: options.period,
            communities: plan.communities.len() as u64,
            hubs: plan.hubs().count() as u64,
            users: plan.hubs().map(|(_, hub)| u64::from(hub.users)).sum(),
            events: BTreeMap::new(),
            repeated_events: BTreeMap::new(),
            clusters: BTreeMap::new(),
            bills: Vec::new(),
            billed: BTreeMap::new(),
            estimated_days: vec![CostExplorer::estimated_day(options.period).to_string()],
        }
    }

    fn summary(&self) -> SampleSummary {
        let namespaces = self.clusters.values().flat_map(|cluster| cluster.namespaces.values());
        SampleSummary {
            communities: self.communities,
            clusters: self.clusters.len() as u64,
            hubs: self.hubs,
            users: self.users,
            events: self.events.values().sum(),
            pod_rows: namespaces.map(|namespace| namespace.pod_rows).sum(),
            bill_lines: self.bills.iter().map(|bill| bill.lines).sum(),
            billed: self.billed.clone(),
        }
    }
}
