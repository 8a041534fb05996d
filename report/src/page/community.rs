//! A community's page: sentence, pictures, tables, in the order in which a leader asks.

use hubtally_schemas::{Currency, Minor};

use super::block::{Block, Page, Table, paragraph};
use super::{Provenance, charts, check, completeness};
use crate::chart::{Bar, Series};
use crate::document::{CREDIT, CommunityCosts, CommunityReport, IDLE, UNATTRIBUTED, UserKey, UserUse};
use crate::figures::{amount, core_hours, count, gib, gib_hours, listed, money, percent};
use crate::load::Names;
use crate::words;

/// Users and hubs that are shown one by one; the data file has all.
const MOST_BARS: usize = 12;
const MOST_USERS: usize = 20;
const MOST_HUBS: usize = 60;
const DIGITS_OF_ID: usize = 12;

/// The page.
pub fn community(report: &CommunityReport, names: &Names, provenance: &Provenance) -> Page {
    let mut page = Page::new(&report.head, provenance, &report.community.name, "Cloud cost report");
    for costs in &report.costs {
        page.figure(&format!("Total, {}", costs.currency), money(costs.total));
        page.figure("Used or shared", money(costs.cloud));
        page.figure("Idle", money(costs.idle));
        page.figure("Unattributed", money(costs.unattributed));
    }
    if let Some(share) = report.coverage_percent() {
        page.figure("Samples observed", percent(&share));
    }
    for costs in &report.costs {
        let currency = costs.total.currency;
        if costs.lines.is_empty() {
            continue;
        }
        // Anchors and titles carry the currency only where there are two.
        let (suffix, of) = match report.costs.len() {
            1 => (String::new(), String::new()),
            _ => (format!("-{}", currency.code().to_lowercase()), format!(", {currency}")),
        };
        let id = |name: &str| format!("{name}{suffix}");
        page.section(
            &id("made-of"),
            &format!("What it is made of{of}"),
            made_of(&id("t-made-of"), report, costs),
        );
        let mut days = vec![charts::days(
            &id("c-days"),
            report.head.period,
            currency,
            &costs.days,
            &report.completeness,
        )];
        days.push(days_table(&id("t-days"), costs));
        page.section(&id("days"), &format!("By day and component{of}"), days);
        page.section(&id("hubs"), &format!("By hub{of}"), hubs(&id, costs));
        page.section(&id("users"), &format!("By user{of}"), users(&id, report, costs, names));
    }
    let billed = report.costs.iter().any(|costs| !costs.lines.is_empty());
    if !billed {
        page.section("users", "By user", users_without_cost(report, names));
    }
    page.section("use", "What the hubs were used for", hub_use(report));
    page.section("homes", "Home directories", homes(report));
    for costs in report.costs.iter().filter(|costs| !costs.lines.is_empty()) {
        let suffix = if report.costs.len() > 1 {
            format!("-{}", costs.currency.to_lowercase())
        } else {
            String::new()
        };
        page.section(
            &format!("idle{suffix}"),
            "Idle and unattributed, by cause",
            causes(&suffix, report, costs),
        );
        page.section(&format!("bill{suffix}"), "Reconciliation to the bill", bill(&suffix, costs));
    }
    page.section("completeness", "Completeness by day", completeness::blocks(&report.completeness));
    page.section("policy", "Policy", policy(report));
    page.section(
        "definitions",
        "What the words mean",
        vec![Block::Definitions { items: definitions(report) }],
    );
    page.section("check", "How to check this document yourself", how_to_check(report, provenance));
    page
}

/// Kinds by column; the last column is all of them.
const KINDS: [&[&str]; 5] =
    [&["direct", "rounding", "adjustment"], &["shared"], &[IDLE], &[UNATTRIBUTED], &[]];

fn made_of(id: &str, report: &CommunityReport, costs: &CommunityCosts) -> Vec<Block> {
    let currency = costs.total.currency;
    let unit = currency.code();
    let mut table = Table::new(
        id,
        "Components and kinds of cost",
        &[
            ("Component", ""),
            ("#Direct", unit),
            ("#Shared", unit),
            ("#Idle", unit),
            ("#Unattributed", unit),
            ("#Total", unit),
        ],
    );
    let sum = |component: Option<&str>, kinds: &[&str]| {
        let lines = costs.lines.iter().filter(|line| component.is_none_or(|wanted| wanted == line.component));
        let lines = lines.filter(|line| kinds.is_empty() || kinds.contains(&line.kind.as_str()));
        match component {
            // Credits have a row of their own.
            Some(_) => minor(lines.map(|line| line.amount.units - line.credit.units).sum(), currency),
            None => minor(lines.map(|line| line.amount.units).sum(), currency),
        }
    };
    let credit = |kinds: &[&str]| {
        let lines = costs.lines.iter().filter(|line| kinds.is_empty() || kinds.contains(&line.kind.as_str()));
        minor(lines.map(|line| line.credit.units).sum(), currency)
    };
    let cells = |component: Option<&str>, name: &str| {
        std::iter::once(name.to_owned()).chain(KINDS.map(|kinds| amount(sum(component, kinds)))).collect()
    };
    let mut codes: Vec<String> = costs.lines.iter().map(|line| line.component.clone()).collect();
    codes.sort_unstable();
    codes.dedup();
    for series in charts::series(&codes) {
        table.row(cells(Some(&series.code), &series.name));
    }
    if costs.lines.iter().any(|line| line.credit.units != 0) {
        let parts = KINDS.map(|kinds| amount(credit(kinds)));
        table.row(std::iter::once(words::component(CREDIT).to_owned()).chain(parts).collect());
    }
    table.total(cells(None, "Total"));
    let mut blocks =
        vec![Block::Table(table), paragraph(format!("{} bears all of it.", report.community.name))];
    let rest = minor(costs.total.units - costs.recoverable.units, currency);
    if rest.units != 0 {
        blocks.push(paragraph(format!(
            "{} is paid to the provider by the community itself or by a broker; it is shown here and never invoiced. \
             {} is paid by the organisation and recovered.",
            money(rest),
            money(costs.recoverable)
        )));
    }
    blocks
}

fn days_table(id: &str, costs: &CommunityCosts) -> Block {
    let unit = costs.total.currency.code();
    let mut codes: Vec<String> = costs.days.iter().flat_map(|day| day.parts.keys().cloned()).collect();
    codes.sort_unstable();
    codes.dedup();
    let series = charts::series(&codes);
    let heads: Vec<String> = series.iter().map(|series| format!("#{}", series.name)).collect();
    let mut columns = vec![("Day", "UTC")];
    columns.extend(heads.iter().map(|head| (head.as_str(), unit)));
    columns.push(("#Total", unit));
    let mut table = Table::new(id, "Cost by day and component", &columns);
    let zero = minor(0, costs.total.currency);
    for day in &costs.days {
        let mark = if day.provisional { " (provisional)" } else { "" };
        let parts = series.iter().map(|series| amount(*day.parts.get(&series.code).unwrap_or(&zero)));
        let cells = std::iter::once(format!("{}{mark}", day.date)).chain(parts).chain([amount(day.total)]);
        table.row(cells.collect());
    }
    let total = |code: &str| {
        let parts = costs.days.iter().filter_map(|day| day.parts.get(code));
        amount(minor(parts.map(|part| part.units).sum(), costs.total.currency))
    };
    let parts = series.iter().map(|series| total(&series.code));
    table.total(std::iter::once("Total".to_owned()).chain(parts).chain([amount(costs.total)]).collect());
    Block::Table(table)
}

fn kinds() -> Vec<Series> {
    let series = |code: &str, name: &str| Series { code: code.to_owned(), name: name.to_owned() };
    vec![
        series("compute", "Direct"),
        series("core", "Shared"),
        series(IDLE, "Idle"),
        series(UNATTRIBUTED, "Unattributed"),
    ]
}

fn hubs(id: &impl Fn(&str) -> String, costs: &CommunityCosts) -> Vec<Block> {
    let (currency, unit) = (costs.total.currency, costs.total.currency.code());
    let label = |hub: &crate::document::HubLine| match (hub.hub.as_str(), hub.cluster.as_str(), hub.staging) {
        ("", "", _) => "No hub: whole account".to_owned(),
        ("", cluster, _) => format!("No hub: cluster {cluster}"),
        (_, _, true) if !hub.name.to_lowercase().contains("staging") => format!("{} (staging)", hub.name),
        _ => hub.name.clone(),
    };
    let (most, rest) = charts::most_and_rest(&costs.hubs, MOST_BARS);
    let parts = |hub: &crate::document::HubLine| {
        vec![hub.direct.units, hub.shared.units, hub.idle.units, hub.unattributed.units]
    };
    let mut bars: Vec<Bar> =
        most.iter().map(|hub| Bar { label: label(hub), parts: parts(hub), is_rest: false }).collect();
    if !rest.is_empty() {
        bars.push(Bar { label: others(rest.len()), parts: sums(rest.iter().map(parts)), is_rest: true });
    }
    let mut table = Table::new(
        &id("t-hubs"),
        "Cost by hub",
        &[
            ("Hub", ""),
            ("Cluster", ""),
            ("#Direct", unit),
            ("#Shared", unit),
            ("#Idle", unit),
            ("#Unattributed", unit),
            ("#Total", unit),
        ],
    );
    let amounts = |parts: Vec<i128>| {
        let total: i128 = parts.iter().sum();
        parts.into_iter().chain([total]).map(|units| amount(minor(units, currency))).collect::<Vec<_>>()
    };
    let (listed_hubs, rest) = charts::most_and_rest(&costs.hubs, MOST_HUBS);
    for hub in listed_hubs {
        table.row([vec![label(hub), dash(&hub.cluster)], amounts(parts(hub))].concat());
    }
    if !rest.is_empty() {
        table.row([vec![others(rest.len()), String::new()], amounts(sums(rest.iter().map(parts)))].concat());
    }
    let all = amounts(sums(costs.hubs.iter().map(parts)));
    table.total([vec!["Total".to_owned(), String::new()], all].concat());
    vec![charts::bars(&id("c-hubs"), "Cost by hub", currency, kinds(), bars), Block::Table(table)]
}

fn users(
    id: &impl Fn(&str) -> String,
    report: &CommunityReport,
    costs: &CommunityCosts,
    names: &Names,
) -> Vec<Block> {
    if costs.users.is_empty() {
        return Vec::new();
    }
    let (currency, unit) = (costs.total.currency, costs.total.currency.code());
    let (most, rest) = charts::most_and_rest(&costs.users, MOST_USERS);
    let bar_users = &most[..most.len().min(MOST_BARS)];
    let mut bars: Vec<Bar> = bar_users
        .iter()
        .map(|user| Bar {
            label: user_label(&user.user, names),
            parts: vec![user.amount.units],
            is_rest: false,
        })
        .collect();
    let after = &costs.users[bar_users.len()..];
    if !after.is_empty() {
        bars.push(Bar {
            label: others(after.len()),
            parts: sums(after.iter().map(|user| vec![user.amount.units])),
            is_rest: true,
        });
    }
    let mut table = Table::new(
        &id("t-users"),
        "Direct cost and use by user",
        &[
            ("User", ""),
            ("Hub", ""),
            ("#Memory", "GiB-hours"),
            ("#CPU", "core-hours"),
            ("#Home", "GiB"),
            ("#Direct cost", unit),
        ],
    );
    for user in most {
        let mut cells = use_cells(report, &user.user, names);
        cells.push(amount(user.amount));
        table.row(cells);
    }
    if !rest.is_empty() {
        let rest_sum = minor(rest.iter().map(|user| user.amount.units).sum(), currency);
        table.row(padded(&others(rest.len()), amount(rest_sum)));
    }
    let all = minor(costs.users.iter().map(|user| user.amount.units).sum(), currency);
    table.total(padded("All users", amount(all)));
    table.total(padded("Shared, idle, unattributed, of visitors and of no user", amount(costs.without_user)));
    table.total(padded("Total", amount(costs.total)));
    vec![
        paragraph(
            "What follows a user’s own use: their servers and their home directory. Shared cost and idle capacity are \
             nobody’s in particular and stand below.",
        ),
        charts::bars(&id("c-users"), "Direct cost by user", currency, vec![kinds()[0].clone()], bars),
        Block::Table(table),
    ]
}

fn users_without_cost(report: &CommunityReport, names: &Names) -> Vec<Block> {
    if report.user_use.is_empty() {
        return Vec::new();
    }
    let columns =
        [("User", ""), ("Hub", ""), ("#Memory", "GiB-hours"), ("#CPU", "core-hours"), ("#Home", "GiB")];
    let mut table = Table::new("t-users", "Use by user", &columns);
    let (most, rest) = charts::most_and_rest(&report.user_use, MOST_USERS);
    for user in most {
        table.row(use_cells(report, &user.user, names));
    }
    if !rest.is_empty() {
        let memory = rest.iter().map(|user| user.quantity.memory_byte_ms).sum();
        let cpu = rest.iter().map(|user| user.quantity.cpu_millicore_ms).sum();
        table.row(vec![others(rest.len()), String::new(), gib_hours(memory), core_hours(cpu), String::new()]);
    }
    vec![Block::Table(table)]
}

/// User, hub, memory, CPU, home.
fn use_cells(report: &CommunityReport, user: &UserKey, names: &Names) -> Vec<String> {
    let hub = report.hub_use.iter().find(|hub| hub.hub == user.hub && hub.cluster == user.cluster);
    let name = hub.map_or_else(|| user.hub.clone(), |hub| hub.name.clone());
    // A hub that moved to another namespace knows the same name twice: two logins, two users.
    let same_hub = |other: &&UserUse| other.user.hub == user.hub && other.user.cluster == user.cluster;
    let moved = report.user_use.iter().filter(same_hub).any(|other| other.user.namespace != user.namespace);
    let hub = if moved { format!("{name} ({})", user.namespace) } else { name };
    let used = report.user_use.iter().find(|used| used.user == *user);
    let quantity = used.map(|used| used.quantity).unwrap_or_default();
    let home = used.and_then(|used| used.home_bytes.as_deref()).and_then(|bytes| bytes.parse().ok());
    vec![
        user_label(user, names),
        dash(&hub),
        gib_hours(quantity.memory_byte_ms),
        core_hours(quantity.cpu_millicore_ms),
        home.map_or_else(|| "not seen".to_owned(), gib),
    ]
}

fn hub_use(report: &CommunityReport) -> Vec<Block> {
    if report.hub_use.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new(
        "t-use",
        "Use by hub",
        &[
            ("Hub", ""),
            ("Cluster", ""),
            ("#Users", ""),
            ("#Visitors", ""),
            ("#Memory", "GiB-hours"),
            ("#CPU", "core-hours"),
            ("#GPU", "GPU-hours"),
        ],
    );
    let (most, rest) = charts::most_and_rest(&report.hub_use, MOST_HUBS);
    let cells = |name: &str, cluster: String, hubs: &[crate::document::HubUse]| {
        let sum = |of: fn(&crate::document::HubUse) -> i128| hubs.iter().map(of).sum::<i128>();
        vec![
            name.to_owned(),
            cluster,
            count(hubs.iter().map(|hub| hub.users).sum()),
            count(hubs.iter().map(|hub| hub.visitors).sum()),
            gib_hours(sum(|hub| hub.quantity.memory_byte_ms)),
            core_hours(sum(|hub| hub.quantity.cpu_millicore_ms)),
            core_hours(sum(|hub| hub.quantity.gpu_milligpu_ms)),
        ]
    };
    for hub in most {
        let name = if hub.hub.is_empty() { "No hub in the registry" } else { &hub.name };
        table.row(cells(name, hub.cluster.clone(), std::slice::from_ref(hub)));
    }
    if !rest.is_empty() {
        table.row(cells(&others(rest.len()), String::new(), rest));
    }
    table.total(cells("Total", String::new(), &report.hub_use));
    vec![Block::Table(table)]
}

fn homes(report: &CommunityReport) -> Vec<Block> {
    if report.home_directories.is_empty() {
        return Vec::new();
    }
    let cost_units: Vec<String> = report.costs.iter().map(|costs| costs.currency.clone()).collect();
    let mut columns = vec![
        ("Hub", ""),
        ("#Users’ directories", ""),
        ("#Stored", "GiB"),
        ("#Untouched", "GiB"),
        ("#Shared", "GiB"),
        ("#Of no user", "GiB"),
    ];
    columns.extend(cost_units.iter().map(|unit| ("#Cost", unit.as_str())));
    let mut table = Table::new("t-homes", "Home directories by hub, at the last scan of the month", &columns);
    let mut charged: Vec<(&str, &str)> = Vec::new();
    for home in &report.home_directories {
        // A hub that was renamed has two lines; its cost stands on the first.
        let hub = (home.cluster.as_str(), home.hub.as_str());
        let first = !charged.contains(&hub);
        charged.push(hub);
        let cost = report.costs.iter().map(|costs| {
            let line = costs.hubs.iter().find(|line| line.cluster == home.cluster && line.hub == home.hub);
            match line.filter(|_| first) {
                Some(line) => amount(line.home_storage),
                None => String::new(),
            }
        });
        let cells = [
            format!("{} ({})", home.name, home.last_scan),
            count(home.users.directories),
            gib(home.users.bytes + home.shared.bytes + home.orphans.bytes),
            gib(home.users.untouched_bytes + home.shared.untouched_bytes + home.orphans.untouched_bytes),
            gib(home.shared.bytes),
            gib(home.orphans.bytes),
        ];
        table.row(cells.into_iter().chain(cost).collect());
    }
    let orphans: i64 = report.home_directories.iter().map(|home| home.orphans.directories).sum();
    let mut blocks = vec![Block::Table(table)];
    if orphans > 0 {
        let have = if orphans == 1 { "directory belongs" } else { "directories belong" };
        blocks.push(paragraph(format!(
            "{} {have} to no user: left behind, or of a user that no telemetry names. It is worth asking whether \
             anybody still needs them.",
            count(orphans)
        )));
    }
    blocks
}

fn causes(suffix: &str, report: &CommunityReport, costs: &CommunityCosts) -> Vec<Block> {
    let (currency, unit) = (costs.total.currency, costs.total.currency.code());
    let all: Vec<_> = costs
        .idle_by_cause
        .iter()
        .map(|cause| (IDLE, cause))
        .chain(costs.unattributed_by_cause.iter().map(|cause| (UNATTRIBUTED, cause)))
        .collect();
    if all.is_empty() {
        return vec![paragraph("Nothing was idle and nothing stayed unattributed.")];
    }
    let mut table = Table::new(
        &format!("t-causes{suffix}"),
        "Idle and unattributed cost by cause",
        &[("Cause", ""), ("Kind", ""), ("Cluster", ""), ("Borne by", ""), ("#Amount", unit)],
    );
    for (kind, cause) in &all {
        table.row(vec![
            words::reason(&cause.reason).to_owned(),
            words::kind(kind).to_owned(),
            dash(&cause.cluster),
            report.community.name.clone(),
            amount(cause.amount),
        ]);
    }
    let sum = minor(costs.idle.units + costs.unattributed.units, currency);
    table.total(vec!["Total".to_owned(), String::new(), String::new(), String::new(), amount(sum)]);
    let bars = all
        .iter()
        .take(MOST_BARS)
        .map(|(kind, cause)| Bar {
            label: short_reason(&cause.reason, &cause.cluster),
            parts: [IDLE, UNATTRIBUTED]
                .map(|series| if series == *kind { cause.amount.units } else { 0 })
                .to_vec(),
            is_rest: false,
        })
        .collect();
    let title = "Idle and unattributed cost by cause";
    let series = kinds().split_off(2);
    vec![charts::bars(&format!("c-causes{suffix}"), title, currency, series, bars), Block::Table(table)]
}

fn short_reason(reason: &str, cluster: &str) -> String {
    let words = if reason.is_empty() { "no cause recorded".to_owned() } else { reason.replace('_', " ") };
    if cluster.is_empty() { words } else { format!("{words}, {cluster}") }
}

fn bill(suffix: &str, costs: &CommunityCosts) -> Vec<Block> {
    let unit = costs.total.currency.code();
    let mut table = Table::new(
        &format!("t-bill{suffix}"),
        "From the bill to this document",
        &[
            ("Account", ""),
            ("Paid to the provider by", ""),
            ("#Whole bill", unit),
            ("#Of clusters", unit),
            ("#Yours", unit),
            ("#Difference", unit),
        ],
    );
    let mut withheld = false;
    for account in &costs.accounts {
        let shown = |of: Option<Minor>| of.map_or_else(|| "not shown".to_owned(), amount);
        withheld |= account.account_total.is_none();
        let name = if account.name == account.account {
            account.account.clone()
        } else {
            format!("{} ({})", account.name, account.account)
        };
        let paid_by: Vec<String> =
            account.provider_paid_by.iter().map(|code| words::paid_by(code).to_owned()).collect();
        table.row(vec![
            name,
            listed(&paid_by),
            shown(account.account_total),
            shown(account.attributable),
            amount(account.yours),
            crate::figures::exact(&account.difference, costs.total.currency),
        ]);
    }
    table.total(vec![
        "Total".to_owned(),
        String::new(),
        String::new(),
        String::new(),
        amount(costs.total),
        amount(minor(0, costs.total.currency)),
    ]);
    let mut blocks = vec![
        paragraph(
            "Every line of each bill was given a home: billed and posted differ by 0, line by line. Days are UTC.",
        ),
        Block::Table(table),
    ];
    if withheld {
        blocks.push(paragraph(
            "A bill that you share with one other community is not shown whole: the rest would tell what the other \
             community cost. Finance holds it, with the same difference of 0.",
        ));
    }
    for account in &costs.accounts {
        for grade in &account.grades {
            let (grade, meaning) = words::grade(grade);
            blocks.push(paragraph(format!("The bill of {} is {grade}. {meaning}", account.name)));
        }
    }
    blocks
}

fn policy(report: &CommunityReport) -> Vec<Block> {
    vec![
        paragraph(format!("This document follows the policy {}:", report.head.policy.id)),
        Block::List { items: report.head.policy.sentences.clone() },
    ]
}

fn how_to_check(report: &CommunityReport, provenance: &Provenance) -> Vec<Block> {
    let (id, period) = (&report.community.id, report.head.period);
    let quoted = id.replace('\'', "''");
    let export = format!(
        "hubtally sql \"SELECT charge_id, account, component, kind, reason, hub, amount, currency FROM ledger \
         WHERE period = '{period}' AND payer = 'community:{quoted}'\" --format csv"
    );
    let commands = vec![
        paragraph(
            "Whoever keeps the store can export every line of a bill that this document holds a part of, and explain \
             each down to the bill’s row and the hours of use:",
        ),
        Block::Code { label: "Export of your charges".to_owned(), text: export },
        Block::Code {
            label: "Explanation of one".to_owned(),
            text: format!("hubtally explain --period {period} --charge CHARGE_ID --community {id}"),
        },
    ];
    check::blocks(
        provenance,
        "cost-report",
        &report.head.policy.sha256,
        &report.head.registry_sha256,
        commands,
    )
}

fn definitions(report: &CommunityReport) -> Vec<(&'static str, &'static str)> {
    let mut used = vec!["draft", "cloud", "account", "hub", "cluster", "digest"];
    if report.costs.iter().any(|costs| !costs.lines.is_empty()) {
        used.extend(["direct", "shared", "idle", "unattributed", "rounded", "reconciliation", "node", "pod"]);
    }
    if !report.user_use.is_empty() || report.costs.iter().any(|costs| !costs.users.is_empty()) {
        used.extend(["user", "gib_hour", "core_hour", "gib", "keyed_id"]);
    }
    if !report.hub_use.is_empty() {
        used.extend(["gib_hour", "core_hour"]);
    }
    if !report.home_directories.is_empty() {
        used.extend(["gib", "untouched", "orphan"]);
    }
    if !report.completeness.is_empty() {
        used.extend(["telemetry", "observed"]);
    }
    if report.costs.iter().any(|costs| costs.hubs.iter().any(|hub| hub.staging)) {
        used.push("staging");
    }
    if report.costs.iter().any(|costs| costs.days.iter().any(|day| day.provisional)) {
        used.push("provisional");
    }
    if report.costs.iter().any(|costs| costs.lines.iter().any(|line| line.credit.units != 0)) {
        used.push("credit");
    }
    if !report.hub_use.is_empty() || report.costs.iter().any(|costs| !costs.users.is_empty()) {
        used.push("visitor");
    }
    if report.costs.iter().any(|costs| costs.recoverable != costs.total) {
        used.extend(["recoverable", "not_recoverable"]);
    }
    words::definitions(&used)
}

/// The name as written, else the head of the keyed id.
fn user_label(user: &UserKey, names: &Names) -> String {
    match names.of(user) {
        Some(name) => name.to_owned(),
        None => format!("user {}", user.user_id.chars().take(DIGITS_OF_ID).collect::<String>()),
    }
}

fn padded(label: &str, value: String) -> Vec<String> {
    vec![label.to_owned(), String::new(), String::new(), String::new(), String::new(), value]
}

fn others(number: usize) -> String {
    format!("others ({})", count(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn sums(rows: impl Iterator<Item = Vec<i128>>) -> Vec<i128> {
    let mut sums = Vec::new();
    for row in rows {
        sums.resize(row.len().max(sums.len()), 0);
        for (sum, part) in sums.iter_mut().zip(row) {
            *sum += part;
        }
    }
    sums
}

fn minor(units: i128, currency: Currency) -> Minor {
    Minor { units, currency }
}

fn dash(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}
