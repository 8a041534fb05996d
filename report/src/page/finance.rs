//! The finance summary's page.

use hubtally_schemas::{Currency, Minor};

use super::block::{Block, Page, Table, paragraph};
use super::{Provenance, charts, check, completeness};
use crate::chart::{Bar, Series};
use crate::document::{
    FinanceAccount, FinanceCommunity, FinanceCurrency, FinanceSummary, IDLE, Party, UNATTRIBUTED,
};
use crate::figures::{amount, count, exact, listed, money};
use crate::words;

/// Lines that are shown; the data file has all.
const MOST_LINES: usize = 200;
const MOST_BARS: usize = 25;

/// The page.
pub fn finance(summary: &FinanceSummary, provenance: &Provenance) -> Page {
    let mut page = Page::new(&summary.head, provenance, "Finance", "Finance summary");
    for currency in &summary.currencies {
        page.figure(&format!("Bills, {}", currency.currency), money(currency.total));
        page.figure("To recover", money(currency.recoverable));
        page.figure("Not recoverable", money(currency.not_recoverable));
        page.figure("The organisation’s own", money(currency.organisation));
    }
    for currency in &summary.currencies {
        let (suffix, of) = match summary.currencies.len() {
            1 => (String::new(), String::new()),
            _ => (format!("-{}", currency.currency.to_lowercase()), format!(", {}", currency.currency)),
        };
        page.section(
            &format!("communities{suffix}"),
            &format!("Communities{of}"),
            communities(&suffix, currency),
        );
    }
    page.section("not-known", "Cost that is not known", not_known(summary));
    page.section("accounts", "Bills and conservation", accounts(summary));
    page.section("rounding", "Rounding", rounding(summary));
    page.section("not-recoverable", "Not recoverable", not_recoverable(summary));
    page.section("payer", "Charges without a payer", without_payer(summary));
    page.section("provisional", "Provisional", provisional(summary));
    page.section("own", "The organisation’s own cost", own(summary));
    page.section("completeness", "Completeness by day", completeness::blocks(&summary.completeness));
    let policy = &summary.head.policy;
    let sentences = Block::List { items: policy.sentences.clone() };
    page.section("policy", "Policy", vec![paragraph(format!("Policy {}:", policy.id)), sentences]);
    page.section(
        "definitions",
        "What the words mean",
        vec![Block::Definitions { items: definitions(summary) }],
    );
    page.section("check", "How to check this document yourself", how_to_check(summary, provenance));
    page
}

fn communities(suffix: &str, currency: &FinanceCurrency) -> Vec<Block> {
    let unit = currency.currency.as_str();
    let mut table = Table::new(
        &format!("t-communities{suffix}"),
        "What each payer bears",
        &[
            ("Payer", ""),
            ("#Used or shared", unit),
            ("#Idle", unit),
            ("#Unattributed", unit),
            ("#Total", unit),
            ("#To recover", unit),
            ("#Not recoverable", unit),
            ("#Observed", "% of samples"),
        ],
    );
    let (shown, unshown) = charts::most_and_rest(&currency.communities, MOST_LINES);
    for community in shown {
        table.row(vec![
            format!("{} ({})", community.community.name, community.community.id),
            amount(community.cloud),
            amount(community.idle),
            amount(community.unattributed),
            amount(community.total),
            amount(community.recoverable),
            amount(community.not_recoverable),
            community.coverage_percent.clone().unwrap_or_else(|| "no cluster".to_owned()),
        ]);
    }
    if !unshown.is_empty() {
        let sum = |of: fn(&FinanceCommunity) -> Minor| {
            amount(minor(unshown.iter().map(|rest| of(rest).units).sum(), currency.total.currency))
        };
        table.row(vec![
            format!("others ({})", unshown.len()),
            sum(|of| of.cloud),
            sum(|of| of.idle),
            sum(|of| of.unattributed),
            sum(|of| of.total),
            sum(|of| of.recoverable),
            sum(|of| of.not_recoverable),
            String::new(),
        ]);
    }
    let kind_sum = |payer: &str, kinds: &[&str], others: bool| {
        let lines = currency.lines.iter().filter(|line| line.payer == payer);
        let lines = lines.filter(|line| kinds.contains(&line.kind.as_str()) != others);
        amount(minor(lines.map(|line| line.amount.units).sum(), currency.total.currency))
    };
    for (payer, name, total) in [
        ("organisation", "The organisation", currency.organisation),
        ("none", "No payer yet", currency.without_payer),
    ] {
        if total.units != 0 {
            table.row(vec![
                name.to_owned(),
                kind_sum(payer, &[IDLE, UNATTRIBUTED], true),
                kind_sum(payer, &[IDLE], false),
                kind_sum(payer, &[UNATTRIBUTED], false),
                amount(total),
                String::new(),
                String::new(),
                String::new(),
            ]);
        }
    }
    let all = |kinds: &[&str], others: bool| {
        let lines = currency.lines.iter().filter(|line| kinds.contains(&line.kind.as_str()) != others);
        amount(minor(lines.map(|line| line.amount.units).sum(), currency.total.currency))
    };
    table.total(vec![
        "Sum of the bills".to_owned(),
        all(&[IDLE, UNATTRIBUTED], true),
        all(&[IDLE], false),
        all(&[UNATTRIBUTED], false),
        amount(currency.total),
        amount(currency.recoverable),
        amount(currency.not_recoverable),
        String::new(),
    ]);
    let mut sorted: Vec<_> = currency.communities.iter().collect();
    sorted.sort_by_key(|line| std::cmp::Reverse(line.total.units));
    let (most, rest) = charts::most_and_rest(&sorted, MOST_BARS);
    let parts = |of: &FinanceCommunity| [of.cloud, of.idle, of.unattributed].map(|m| m.units);
    let mut bars: Vec<Bar> = most
        .iter()
        .map(|of| Bar { label: of.community.name.clone(), parts: parts(of).to_vec(), is_rest: false })
        .collect();
    if !rest.is_empty() {
        let sum = |at: usize| rest.iter().map(|of| parts(of)[at]).sum();
        bars.push(Bar {
            label: format!("others ({})", rest.len()),
            parts: (0..3).map(sum).collect(),
            is_rest: true,
        });
    }
    let series = [("compute", "Used or shared"), (IDLE, "Idle"), (UNATTRIBUTED, "Unattributed")]
        .map(|(code, name)| Series { code: code.to_owned(), name: name.to_owned() });
    let id = format!("c-communities{suffix}");
    vec![
        charts::bars(&id, "Cost by community", currency.total.currency, series.to_vec(), bars),
        Block::Table(table),
    ]
}

fn accounts(summary: &FinanceSummary) -> Vec<Block> {
    let mut table = Table::new(
        "t-accounts",
        "Billed and posted, by account",
        &[
            ("Account", ""),
            ("Currency", ""),
            ("#Charges", ""),
            ("#Billed", ""),
            ("#Posted", ""),
            ("#Difference", ""),
            ("Grade", ""),
        ],
    );
    for account in summary.accounts.iter().take(MOST_LINES) {
        let Ok(currency) = Currency::new(&account.currency) else { continue };
        let mut grades: Vec<String> =
            account.sources.iter().map(|source| words::grade(&source.grade).0.to_owned()).collect();
        grades.dedup();
        table.row(vec![
            account_name(account),
            account.currency.clone(),
            count(account.charges),
            exact(&account.billed, currency),
            exact(&account.posted, currency),
            exact(&account.difference, currency),
            if grades.is_empty() { "unknown".to_owned() } else { listed(&grades) },
        ]);
    }
    let mut blocks = vec![
        paragraph(
            "Exact amounts, as the bills have them. A difference other than 0 would have stopped this document.",
        ),
        Block::Table(table),
    ];
    blocks.extend(more(summary.accounts.len()));
    blocks
}

/// Communities, clusters and accounts of which no bill was read: unknown is not zero (law L4).
fn not_known(summary: &FinanceSummary) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !summary.communities_without_bill.is_empty() {
        let name = |party: &Party| format!("{} ({})", party.name, party.id);
        let names: Vec<String> = summary.communities_without_bill.iter().map(name).collect();
        let stand = if names.len() == 1 { "which stands" } else { "which stand" };
        blocks.push(paragraph(format!("No bill was read for {}, {stand} in no table here.", listed(&names))));
    }
    if !summary.clusters_without_bill.is_empty() {
        let plural = if summary.clusters_without_bill.len() == 1 { "" } else { "s" };
        blocks.push(paragraph(format!(
            "No bill is seen of the cluster{plural} {}: the cost is not known and in no figure of this document.",
            listed(&summary.clusters_without_bill)
        )));
    }
    if !summary.accounts_without_bill.is_empty() {
        blocks.push(paragraph(format!(
            "No bill of the month has been read for {}.",
            listed(&summary.accounts_without_bill)
        )));
    }
    blocks
}

fn rounding(summary: &FinanceSummary) -> Vec<Block> {
    let mut table = Table::new(
        "t-rounding",
        "Each bill, rounded once, and who bears it",
        &[
            ("Account", ""),
            ("Currency", ""),
            ("#Rounded bill", ""),
            ("#Rounding", ""),
            ("#Communities", ""),
            ("#Organisation", ""),
            ("#No payer", ""),
        ],
    );
    for account in summary.accounts.iter().take(MOST_LINES) {
        table.row(vec![
            account_name(account),
            account.currency.clone(),
            amount(account.rounded),
            exact(&account.rounding, account.rounded.currency),
            amount(account.communities),
            amount(account.organisation),
            amount(account.without_payer),
        ]);
    }
    vec![
        paragraph(
            "“Rounding” is the rounded bill less the exact one, at most half of the smallest unit. All lines of all \
             documents are then rounded so that they sum to the rounded bill.",
        ),
        Block::Table(table),
    ]
}

fn not_recoverable(summary: &FinanceSummary) -> Vec<Block> {
    let mut table = Table::new(
        "t-not-recoverable",
        "Bills that the organisation does not pay",
        &[("Account", ""), ("Paid to the provider by", ""), ("Currency", ""), ("#Bill", "")],
    );
    for account in &summary.accounts {
        if table.rows.len() == MOST_LINES
            || account.provider_paid_by.iter().all(|code| *code == "organisation")
        {
            continue;
        }
        let paid_by: Vec<String> =
            account.provider_paid_by.iter().map(|code| words::paid_by(code).to_owned()).collect();
        table.row(vec![
            account_name(account),
            listed(&paid_by),
            account.currency.clone(),
            amount(account.rounded),
        ]);
    }
    if table.rows.is_empty() {
        return vec![paragraph("The organisation pays all bills of this month.")];
    }
    vec![paragraph("Reported to their communities, never invoiced."), Block::Table(table)]
}

fn without_payer(summary: &FinanceSummary) -> Vec<Block> {
    if summary.charges_without_payer.is_empty() {
        return vec![paragraph("Every charge has a payer.")];
    }
    let columns = [("Charge", ""), ("Account", ""), ("Currency", ""), ("#Without payer", "")];
    let mut table = Table::new("t-payer", "Charges that no rule gives a payer", &columns);
    let (most, rest) = charts::most_and_rest(&summary.charges_without_payer, MOST_LINES);
    for charge in most {
        let shown = Currency::new(&charge.currency).map(|currency| exact(&charge.exact, currency));
        table.row(vec![
            charge.charge_id.clone(),
            charge.account.clone(),
            charge.currency.clone(),
            shown.unwrap_or_else(|_| charge.exact.clone()),
        ]);
    }
    let mut blocks = vec![
        paragraph(
            "Name an owner of the account in the registry for the days of these charges, then close again.",
        ),
        Block::Table(table),
    ];
    if !rest.is_empty() {
        blocks.push(paragraph(format!("{} more stand in the data file.", rest.len())));
    }
    blocks
}

fn provisional(summary: &FinanceSummary) -> Vec<Block> {
    if summary.provisional.is_empty() {
        return vec![paragraph("Every charge is final.")];
    }
    let columns = [("Account", ""), ("Day", "UTC"), ("#Charges", ""), ("Currency", ""), ("#Amount", "")];
    let mut table = Table::new("t-provisional", "Charges that the provider may still change", &columns);
    let (most, rest) = charts::most_and_rest(&summary.provisional, MOST_LINES);
    for line in most {
        let shown = Currency::new(&line.currency).map(|currency| exact(&line.exact, currency));
        table.row(vec![
            line.account.clone(),
            line.date.clone(),
            count(line.charges),
            line.currency.clone(),
            shown.unwrap_or_else(|_| line.exact.clone()),
        ]);
    }
    let mut blocks = vec![Block::Table(table)];
    if !rest.is_empty() {
        blocks.push(paragraph(format!("{} more stand in the data file.", rest.len())));
    }
    blocks
}

fn own(summary: &FinanceSummary) -> Vec<Block> {
    let mut blocks = Vec::new();
    for currency in &summary.currencies {
        if currency.organisation_lines.is_empty() {
            continue;
        }
        let unit = currency.currency.as_str();
        let mut table = Table::new(
            &format!("t-own-{}", unit.to_lowercase()),
            &format!("What the organisation bears, {unit}"),
            &[("Account", ""), ("Component", ""), ("Kind", ""), ("Cause", ""), ("#Amount", unit)],
        );
        for line in currency.organisation_lines.iter().take(MOST_LINES) {
            let cause = if line.reason.is_empty() { "" } else { words::reason(&line.reason) };
            table.row(vec![
                line.account.clone(),
                words::component(&line.component).to_owned(),
                words::kind(&line.kind).to_owned(),
                cause.to_owned(),
                amount(line.amount),
            ]);
        }
        let blank = String::new;
        table.total(vec!["Total".to_owned(), blank(), blank(), blank(), amount(currency.organisation)]);
        blocks.push(Block::Table(table));
        blocks.extend(more(currency.organisation_lines.len()));
    }
    if blocks.is_empty() {
        blocks.push(paragraph("The organisation bears nothing of this month’s bills itself."));
    }
    blocks
}

fn definitions(summary: &FinanceSummary) -> Vec<(&'static str, &'static str)> {
    let mut used = vec![
        "draft",
        "cloud",
        "shared",
        "idle",
        "unattributed",
        "payer",
        "account",
        "rounded",
        "reconciliation",
        "recoverable",
        "not_recoverable",
        "telemetry",
        "observed",
        "cluster",
        "node",
        "pod",
        "hub",
        "digest",
    ];
    if !summary.provisional.is_empty() {
        used.push("provisional");
    }
    words::definitions(&used)
}

fn how_to_check(summary: &FinanceSummary, provenance: &Provenance) -> Vec<Block> {
    let period = summary.head.period;
    let commands = vec![
        paragraph("The certificates are tables of the store:"),
        Block::Code {
            label: "Conservation".to_owned(),
            text: format!("hubtally sql \"SELECT * FROM conservation WHERE period = '{period}'\""),
        },
        Block::Code {
            label: "Completeness".to_owned(),
            text: format!("hubtally sql \"SELECT * FROM completeness WHERE period = '{period}'\""),
        },
        Block::Code {
            label: "One charge, down to its bill row and its hours of use".to_owned(),
            text: format!("hubtally explain --period {period} --charge CHARGE_ID"),
        },
    ];
    check::blocks(provenance, "summary", &summary.head.policy.sha256, &summary.head.registry_sha256, commands)
}

/// Says how many rows a table leaves to the data file.
fn more(rows: usize) -> Option<Block> {
    let rest = i64::try_from(rows.checked_sub(MOST_LINES)?).ok().filter(|rest| *rest > 0)?;
    Some(paragraph(format!("{} more stand in the data file and in the totals.", count(rest))))
}

fn account_name(account: &FinanceAccount) -> String {
    if account.name == account.account {
        account.account.clone()
    } else {
        format!("{} ({})", account.name, account.account)
    }
}

fn minor(units: i128, currency: Currency) -> Minor {
    Minor { units, currency }
}
