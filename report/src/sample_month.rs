//! A small month for tests: three communities, three clusters, a gap, a provisional day, a credit.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use hubtally_schemas::period::date_to_day;
use hubtally_schemas::policy::{ComputePolicy, CostBasis, GapFill, IdleRule, Policy, SharedRule, UserNames};
use hubtally_schemas::registry::{PeriodBasis, Registry};
use hubtally_schemas::units::{GIB, HOUR_MS};
use hubtally_schemas::{Instant, Period};

use crate::assemble::Scope;
use crate::facts::bills::{BillKey, BillLine};
use crate::facts::ledger::{LedgerFold, Row};
use crate::facts::storage::{Group, HomeDirectories, UserDirectory};
use crate::facts::usage::UsageOf;
use crate::facts::{Certificate, ClusterHour, Month};
use crate::load::Names;

/// Who is who.
pub fn registry() -> Registry {
    serde_json::from_value(serde_json::json!({
        "organisation": {"name": "Hub Commons", "contact": "finance@hubs.example"},
        "community": [
            {"id": "soil-net", "name": "Soil & Roots Network"},
            {"id": "ocean-lab", "name": "Ocean Lab"},
            {"id": "quiet-club", "name": "Quiet Club"},
        ],
        "account": [
            {"id": "111122223333", "name": "ocean", "provider": "aws", "owner": [{"owner": "community:ocean-lab"}]},
            {"id": "444455556666", "name": "shared reef", "provider": "aws",
             "owner": [{"owner": "shared", "among": ["ocean-lab", "soil-net"]}]},
            {"id": "soil-own", "provider": "gcp", "owner": [{"owner": "community:soil-net", "paid_by": "community"}]},
        ],
        "cluster": [
            {"id": "tides", "provider": "aws", "account": "111122223333"},
            {"id": "reef", "provider": "aws", "account": "444455556666"},
            {"id": "bank", "provider": "cloudbank"},
        ],
        "hub": [
            {"id": "tides-prod", "name": "Tides", "cluster": "tides", "namespace": "prod", "community": "ocean-lab"},
            {"id": "tides-staging", "cluster": "tides", "namespace": "staging", "community": "ocean-lab", "staging": true},
            {"id": "reef-ocean", "name": "Reef", "cluster": "reef", "namespace": "ocean", "community": "ocean-lab"},
            {"id": "reef-soil", "name": "Roots <b>", "cluster": "reef", "namespace": "soil", "community": "soil-net"},
            {"id": "bank-soil", "name": "Sandbox", "cluster": "bank", "namespace": "soil", "community": "soil-net"},
        ],
    }))
    .unwrap()
}

/// Every choice.
pub fn policy() -> Policy {
    Policy {
        id: "default-2026".into(),
        period_basis: PeriodBasis::UsageDate,
        cost_basis: CostBasis::Billed,
        compute: ComputePolicy::AwsScad,
        idle: IdleRule::Separate,
        shared: SharedRule::Equal,
        fixed_ppm: BTreeMap::new(),
        user_names: UserNames::Shown,
        gap_fill: GapFill::None,
    }
}

/// June 2026.
pub fn period() -> Period {
    "2026-06".parse().unwrap()
}

/// The scope of this month.
pub fn scope<'a>(registry: &'a Registry, policy: &'a Policy) -> Scope<'a> {
    Scope { registry, policy, period: period() }
}

/// A day of June as a number.
pub fn day(day: u32) -> i32 {
    date_to_day(NaiveDate::from_ymd_opt(2026, 6, day).unwrap())
}

/// A posting of the sample month.
#[derive(Debug, Clone)]
pub struct Posting {
    pub charge_id: String,
    pub account: &'static str,
    pub payer: &'static str,
    pub component: &'static str,
    pub kind: &'static str,
    pub reason: Option<&'static str>,
    pub cluster: Option<&'static str>,
    pub namespace: Option<&'static str>,
    pub hub: Option<&'static str>,
    pub user_id: Option<String>,
    pub day: u32,
    pub provisional: bool,
    pub exact: i128,
}

/// Where postings of a test go.
struct Target {
    account: &'static str,
    payer: &'static str,
    cluster: &'static str,
    namespace: &'static str,
    hub: &'static str,
    users: u32,
    scale: i128,
}

const TARGETS: [Target; 4] = [
    Target {
        account: "111122223333",
        payer: "community:ocean-lab",
        cluster: "tides",
        namespace: "prod",
        hub: "tides-prod",
        users: 27,
        scale: 9,
    },
    Target {
        account: "111122223333",
        payer: "community:ocean-lab",
        cluster: "tides",
        namespace: "staging",
        hub: "tides-staging",
        users: 2,
        scale: 1,
    },
    Target {
        account: "444455556666",
        payer: "community:ocean-lab",
        cluster: "reef",
        namespace: "ocean",
        hub: "reef-ocean",
        users: 6,
        scale: 3,
    },
    Target {
        account: "444455556666",
        payer: "community:soil-net",
        cluster: "reef",
        namespace: "soil",
        hub: "reef-soil",
        users: 12,
        scale: 4,
    },
];

/// The postings: awkward fractions on purpose.
pub fn postings() -> Vec<Posting> {
    let mut postings = Vec::new();
    for date in 1..=30_u32 {
        let busy = if (8..=12).contains(&date) { 3 } else { 1 + i128::from(date % 7 < 5) };
        for target in &TARGETS {
            let base = Posting {
                charge_id: format!("focus/{}/{date}/{}", target.account, target.hub),
                account: target.account,
                payer: target.payer,
                component: "compute",
                kind: "direct",
                reason: None,
                cluster: Some(target.cluster),
                namespace: Some(target.namespace),
                hub: Some(target.hub),
                user_id: None,
                day: date,
                provisional: date == 30,
                exact: 0,
            };
            for user in 0..target.users {
                let share = i128::from(1 + (user * 7 + date * 3) % 11) * target.scale * busy;
                postings.push(Posting {
                    user_id: Some(user_id(target.hub, user)),
                    exact: share * 17_333_333_333 + i128::from(user),
                    ..base.clone()
                });
                postings.push(Posting {
                    component: "home_storage",
                    user_id: Some(user_id(target.hub, user)),
                    exact: share * 1_777_777_771,
                    ..base.clone()
                });
            }
            let scale = target.scale * busy;
            for (component, kind, reason, part) in [
                ("core", "shared", None, 611_111_111_113_i128),
                ("networking", "shared", None, 83_333_333_331),
                ("object_storage", "direct", None, 127_777_777_773),
                ("backup", "direct", None, 31_111_111_117),
                ("other", "shared", None, 12_222_222_221),
                ("compute", "idle", Some("unused"), 444_444_444_443),
                ("compute", "idle", Some("placeholder"), 55_555_555_557),
            ] {
                postings.push(Posting { component, kind, reason, exact: part * scale, ..base.clone() });
            }
            if date == 14 {
                postings.push(Posting {
                    kind: "unattributed",
                    reason: Some("no_telemetry"),
                    namespace: None,
                    hub: None,
                    exact: scale * 3_123_456_789_012,
                    ..base.clone()
                });
            }
        }
        if date == 20 {
            postings.push(Posting {
                charge_id: "focus/444455556666/credit".into(),
                account: "444455556666",
                payer: "community:ocean-lab",
                component: "compute",
                kind: "direct",
                reason: None,
                cluster: None,
                namespace: None,
                hub: None,
                user_id: None,
                day: 20,
                provisional: false,
                exact: -41_234_567_890_123,
            });
            postings.push(Posting {
                charge_id: "focus/444455556666/support".into(),
                account: "444455556666",
                payer: "organisation",
                component: "other",
                kind: "unattributed",
                reason: Some("account_level"),
                cluster: None,
                namespace: None,
                hub: None,
                user_id: None,
                day: 20,
                provisional: false,
                exact: 29_000_000_000_005,
            });
            postings.push(Posting {
                charge_id: "gcp-console/soil-own/2026-06".into(),
                account: "soil-own",
                payer: "community:soil-net",
                component: "other",
                kind: "unattributed",
                reason: Some("account_level"),
                cluster: None,
                namespace: None,
                hub: None,
                user_id: None,
                day: 1,
                provisional: false,
                exact: 310_500_000_000_000,
            });
        }
    }
    postings
}

/// A user id as the store makes them: 32 hexadecimal digits.
pub fn user_id(hub: &str, user: u32) -> String {
    hubtally_schemas::canonical::sha256_hex(format!("{hub}/{user}").as_bytes())[..32].to_owned()
}

/// The month of some postings, with certificates that hold.
pub fn month_of(registry: &Registry, postings: &[Posting]) -> Month {
    let mut fold = LedgerFold::new(registry);
    for posting in postings {
        let symbols = &mut fold.symbols;
        let community = posting.payer.strip_prefix("community:");
        let row = Row {
            charge_id: &posting.charge_id,
            account: symbols.add(posting.account),
            currency: symbols.add("USD"),
            payer: symbols.add(posting.payer),
            community: symbols.add_option(community),
            component: symbols.add(posting.component),
            kind: symbols.add(posting.kind),
            reason: symbols.add_option(posting.reason),
            cluster: symbols.add_option(posting.cluster),
            namespace: symbols.add_option(posting.namespace),
            hub: symbols.add_option(posting.hub),
            user_id: symbols.add_option(posting.user_id.as_deref()),
            day: day(posting.day),
            provisional: posting.provisional,
            credit: posting.charge_id.ends_with("/credit"),
            exact: posting.exact,
        };
        fold.add(&row).unwrap();
    }
    let (leaves, without_payer) = fold.finish().unwrap();
    Month {
        leaves,
        without_payer,
        usage: usage(),
        homes: homes(),
        hours: hours(),
        certificates: certificates(postings),
        bills: bills(postings),
        refused: Vec::new(),
        unread: Vec::new(),
    }
}

/// The whole sample month.
pub fn month(registry: &Registry) -> Month {
    month_of(registry, &postings())
}

/// Names, awkward ones among them.
pub fn names() -> Names {
    let mut names = Names::default();
    let odd =
        ["=HYPERLINK(\"http://evil.example\")", "ada@lab.example", "Ada", "ada", "José María", "@sum", "-x"];
    for target in &TARGETS {
        for user in 0..target.users {
            let name = odd
                .get(user as usize)
                .map_or_else(|| format!("{}-user-{user}", target.namespace), |n| (*n).to_owned());
            names.add(target.cluster, target.namespace, &user_id(target.hub, user), &name);
        }
    }
    names
}

fn certificates(postings: &[Posting]) -> Vec<Certificate> {
    let mut sums: BTreeMap<(&str, &str), Vec<&Posting>> = BTreeMap::new();
    for posting in postings {
        sums.entry(("account", posting.account)).or_default().push(posting);
        sums.entry(("total", "all")).or_default().push(posting);
    }
    let certificate = |((scope, scope_id), postings): ((&str, &str), Vec<&Posting>)| {
        let billed = postings.iter().map(|posting| posting.exact).sum();
        let mut charges: Vec<&str> = postings.iter().map(|posting| posting.charge_id.as_str()).collect();
        charges.sort_unstable();
        charges.dedup();
        Certificate {
            scope: scope.to_owned(),
            scope_id: scope_id.to_owned(),
            currency: "USD".to_owned(),
            charges: i64::try_from(charges.len()).unwrap(),
            billed,
            posted: billed,
            difference: 0,
            violating: 0,
            provisional: postings
                .iter()
                .filter(|posting| posting.provisional)
                .map(|posting| posting.exact)
                .sum(),
            text_difference: "0".to_owned(),
            inputs_digest: "3b".repeat(32),
        }
    };
    sums.into_iter().map(certificate).collect()
}

fn bills(postings: &[Posting]) -> Vec<BillLine> {
    let mut bills: BTreeMap<BillKey, BillLine> = BTreeMap::new();
    for posting in postings {
        let (importer, grade) = match posting.account {
            "soil-own" => ("gcp-console", "account"),
            "111122223333" => ("focus", "instance"),
            _ => ("aws-ce", "tag"),
        };
        let key = BillKey {
            account: posting.account.to_owned(),
            importer: importer.to_owned(),
            format_version: "1.0".to_owned(),
            grade: grade.to_owned(),
            status: if posting.provisional { "provisional" } else { "final" }.to_owned(),
            currency: "USD".to_owned(),
        };
        let bill = bills.entry(key.clone()).or_insert_with(|| BillLine {
            key,
            charges: 0,
            exact: 0,
            days: BTreeMap::new(),
            files: vec!["ab".repeat(32)],
        });
        bill.charges += 1;
        bill.exact += posting.exact;
        if posting.provisional {
            let sum = bill.days.entry(day(posting.day)).or_default();
            sum.0 += 1;
            sum.1 += posting.exact;
        }
    }
    bills.into_values().collect()
}

fn hours() -> Vec<ClusterHour> {
    let mut hours = Vec::new();
    for cluster in ["bank", "reef", "tides"] {
        for hour in 0..720_i64 {
            let gap = cluster == "tides" && (13 * 24 + 2..13 * 24 + 11).contains(&hour);
            let start = Instant::at_midnight(period().first_day());
            hours.push(ClusterHour {
                cluster: cluster.to_owned(),
                hour: Instant(start.0 + hour * HOUR_MS * 1_000),
                expected: 60,
                seen: if gap { 0 } else { 60 - i64::from(hour == 300 && cluster == "reef") },
                node_observed_ms: 0,
                node_billed_ms: 0,
            });
        }
    }
    hours
}

fn usage() -> Vec<UsageOf> {
    let mut usage = Vec::new();
    let bank = Target {
        account: "",
        payer: "community:soil-net",
        cluster: "bank",
        namespace: "soil",
        hub: "bank-soil",
        users: 4,
        scale: 1,
    };
    for target in TARGETS.iter().chain([&bank]) {
        for user in 0..target.users {
            let hours = i128::from(3 + user * 5) * target.scale;
            usage.push(UsageOf {
                community: target.payer["community:".len()..].to_owned(),
                cluster: target.cluster.to_owned(),
                hub: target.hub.to_owned(),
                namespace: target.namespace.to_owned(),
                user_id: user_id(target.hub, user),
                binder: target.hub == "bank-soil" && user == 3,
                memory_byte_ms: hours * i128::from(4 * GIB) * i128::from(HOUR_MS),
                cpu_millicore_ms: hours * 500 * i128::from(HOUR_MS),
                gpu_milligpu_ms: if user == 3 { hours * 1_000 * i128::from(HOUR_MS) } else { 0 },
            });
        }
    }
    usage
}

fn homes() -> Vec<HomeDirectories> {
    TARGETS
        .iter()
        .map(|target| HomeDirectories {
            community: target.payer["community:".len()..].to_owned(),
            cluster: target.cluster.to_owned(),
            hub: target.hub.to_owned(),
            namespace: target.namespace.to_owned(),
            last_scan: day(30),
            users: (0..target.users)
                .map(|user| UserDirectory {
                    user_id: user_id(target.hub, user),
                    bytes: i128::from(user + 1) * 700_000_000,
                    modified: Some(day(30) - i32::try_from(user * 8).unwrap()),
                })
                .collect(),
            shared: Group { directories: 1, bytes: 20_000_000_000, untouched_bytes: 0 },
            orphans: Group { directories: 2, bytes: 9_000_000_000, untouched_bytes: 9_000_000_000 },
        })
        .collect()
}
