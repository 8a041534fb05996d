//! What each user cost and used.

use super::{MOST_BARS, kinds};
use crate::chart::Bar;
use crate::document::{CommunityCosts, CommunityReport, UserCost, UserKey, UserUse};
use crate::figures::{amount, core_hours, gib, gib_hours};
use crate::load::Names;
use crate::page::block::{Block, Table, paragraph};
use crate::page::cells::{Naming, minor, most_and_rest, or_none, others};
use crate::page::charts;

/// Users that have a row of their own; the data file has all.
const MOST_USERS: usize = 20;
/// Digits of a keyed id that stand for a name.
const DIGITS_OF_ID: usize = 12;
/// What was used, as heads of columns.
const USED: [(&str, &str); 5] =
    [("User", ""), ("Hub", ""), ("#Memory", "GiB-hours"), ("#CPU", "core-hours"), ("#Home", "GiB")];

/// Direct cost by user: bars, and with what they used as a table.
pub fn cost(naming: &Naming, report: &CommunityReport, costs: &CommunityCosts, names: &Names) -> Vec<Block> {
    if costs.users.is_empty() {
        return Vec::new();
    }
    let (currency, unit) = (costs.total.currency, costs.total.currency.code());
    let sum = |users: &[UserCost]| minor(users.iter().map(|user| user.amount.units).sum(), currency);
    let (most, rest) = most_and_rest(&costs.users, MOST_USERS);
    let (drawn, undrawn) = costs.users.split_at(most.len().min(MOST_BARS));
    let mut bars: Vec<Bar> =
        drawn.iter().map(|user| Bar::new(label(&user.user, names), &[user.amount.units])).collect();
    if !undrawn.is_empty() {
        bars.push(Bar::rest(others(undrawn.len()), &[sum(undrawn).units]));
    }
    let columns: Vec<(&str, &str)> = USED.into_iter().chain([("#Direct cost", unit)]).collect();
    let mut table = Table::new(&naming.id("t-users"), "Direct cost and use by user", &columns);
    for user in most {
        table.row(used_cells(report, &user.user, names).into_iter().chain([amount(user.amount)]).collect());
    }
    if !rest.is_empty() {
        table.row_of_sum(&others(rest.len()), amount(sum(rest)));
    }
    table.total_of_sum("All users", amount(sum(&costs.users)));
    table.total_of_sum("Shared, idle, unattributed, of visitors and of no user", amount(costs.without_user));
    table.total_of_sum("Total", amount(costs.total));
    let [direct, ..] = kinds();
    vec![
        paragraph(
            "What follows a user’s own use: their servers and their home directory. Shared cost and idle capacity are \
             nobody’s in particular and stand below.",
        ),
        charts::bars(&naming.id("c-users"), "Direct cost by user", currency, vec![direct], bars),
        Block::Table(table),
    ]
}

/// Use by user, where no bill says what it cost.
pub fn used(report: &CommunityReport, names: &Names) -> Vec<Block> {
    if report.user_use.is_empty() {
        return Vec::new();
    }
    let mut table = Table::new("t-users", "Use by user", &USED);
    let (most, rest) = most_and_rest(&report.user_use, MOST_USERS);
    for user in most {
        table.row(used_cells(report, &user.user, names).to_vec());
    }
    if !rest.is_empty() {
        let memory = rest.iter().map(|user| user.quantity.memory_byte_ms).sum();
        let cpu = rest.iter().map(|user| user.quantity.cpu_millicore_ms).sum();
        let blank = String::new;
        table.row(vec![others(rest.len()), blank(), gib_hours(memory), core_hours(cpu), blank()]);
    }
    vec![Block::Table(table)]
}

/// The cells under [`USED`].
fn used_cells(report: &CommunityReport, user: &UserKey, names: &Names) -> [String; 5] {
    let hub = report.hub_use.iter().find(|hub| hub.hub == user.hub && hub.cluster == user.cluster);
    let name = hub.map_or_else(|| user.hub.clone(), |hub| hub.name.clone());
    // A hub that moved to another namespace knows the same name twice: two logins, two users.
    let same_hub = |other: &&UserUse| other.user.hub == user.hub && other.user.cluster == user.cluster;
    let moved = report.user_use.iter().filter(same_hub).any(|other| other.user.namespace != user.namespace);
    let hub = if moved { format!("{name} ({})", user.namespace) } else { name };
    let used = report.user_use.iter().find(|used| used.user == *user);
    let quantity = used.map(|used| used.quantity).unwrap_or_default();
    let home = used.and_then(|used| used.home_bytes.as_deref()).and_then(|bytes| bytes.parse().ok());
    [
        label(user, names),
        or_none(&hub),
        gib_hours(quantity.memory_byte_ms),
        core_hours(quantity.cpu_millicore_ms),
        home.map_or_else(|| "not seen".to_owned(), gib),
    ]
}

/// The name as written, else the head of the keyed id.
fn label(user: &UserKey, names: &Names) -> String {
    match names.of(user) {
        Some(name) => name.to_owned(),
        None => format!("user {}", user.user_id.chars().take(DIGITS_OF_ID).collect::<String>()),
    }
}
