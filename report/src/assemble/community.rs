//! One community's document. It is made of its own lines only (law L9): what it says of a whole bill
//! or a whole cluster is said only where it tells of no other community.

use hubtally_schemas::money::pico_text;
use hubtally_schemas::registry::Community;
use hubtally_schemas::{Currency, Minor};

use super::tables;
use super::{Fixed, Scope, coverage, currencies, home, notes, people, sentence, total};
use crate::document::IDLE;
use crate::document::{
    COMMUNITY_SCHEMA, ClusterCoverage, CommunityCosts, CommunityReport, LeafLine, Party, UNATTRIBUTED,
};
use crate::error::ReportError;
use crate::facts::Month;
use crate::facts::ledger::PaidByOrder;
use crate::rounded::{Line, sum};

/// The document of a community.
pub fn report(
    scope: Scope<'_>,
    fixed: &Fixed,
    month: &Month,
    lines: &[Line],
    coverage: &[ClusterCoverage],
    community: &Community,
) -> Result<CommunityReport, ReportError> {
    let id = community.id.as_str();
    let payer = format!("community:{id}");
    let own: Vec<&Line> = lines.iter().filter(|line| line.key.payer == payer).collect();
    let mut costs = Vec::new();
    for currency in currencies(own.iter().copied()) {
        let own: Vec<&Line> = own.iter().copied().filter(|line| line.key.currency == currency).collect();
        costs.push(costs_in(scope, month, lines, &own, currency)?);
    }
    let completeness = coverage::of_community(scope.registry, id, scope.period, coverage);
    if let ([], Some(currency)) = (costs.as_slice(), known_zero(scope, month, lines, id)) {
        costs.push(costs_in(scope, month, lines, &[], currency)?);
    }
    let notes = notes::of_community(scope, month, id, &costs, &completeness);
    let party = Party { id: id.to_owned(), name: community.name.clone() };
    let summary = sentence::of_community(scope, &party, &costs, &completeness);
    Ok(CommunityReport {
        head: fixed.head(scope, COMMUNITY_SCHEMA, summary, notes),
        community: party,
        costs,
        hub_use: people::hub_use(scope, month, id)?,
        user_use: people::user_use(month, id)?,
        home_directories: home::by_hub(scope, month, id),
        completeness,
    })
}

/// The currency in which a community without a line cost nothing: bills of its clusters were read, and
/// they are of one currency. `None` where its cost is not known.
fn known_zero(scope: Scope<'_>, month: &Month, lines: &[Line], community: &str) -> Option<Currency> {
    if !notes::clusters_without_bill(scope, month, community).is_empty() {
        return None;
    }
    match currencies(lines.iter()).as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// A community's lines of one currency.
fn costs_in(
    scope: Scope<'_>,
    month: &Month,
    all: &[Line],
    own: &[&Line],
    currency: Currency,
) -> Result<CommunityCosts, ReportError> {
    let of = |wanted: fn(&Line) -> bool| {
        total(currency, own.iter().filter(|line| wanted(line)).map(|line| line.minor))
    };
    Ok(CommunityCosts {
        currency: currency.code().to_owned(),
        total: of(|_| true)?,
        cloud: of(|line| line.key.kind != IDLE && line.key.kind != UNATTRIBUTED)?,
        idle: of(|line| line.key.kind == IDLE)?,
        unattributed: of(|line| line.key.kind == UNATTRIBUTED)?,
        recoverable: of(|line| line.key.paid_by == PaidByOrder::Organisation)?,
        provisional: pico_text(sum(own.iter().map(|line| line.provisional), "provisional lines")?),
        lines: own.iter().map(|line| leaf_line(line)).collect(),
        days: tables::days(scope.period, own, currency)?,
        hubs: tables::hubs(scope, own, currency)?,
        users: tables::users(month, own, currency)?,
        without_user: tables::without_user(month, own, currency)?,
        idle_by_cause: tables::causes(own, currency, IDLE)?,
        unattributed_by_cause: tables::causes(own, currency, UNATTRIBUTED)?,
        accounts: tables::accounts(scope, month, all, own, currency)?,
    })
}

/// A leaf as documents have it.
pub fn leaf_line(line: &Line) -> LeafLine {
    let currency = line.key.currency;
    let credits = line.days.iter().filter(|(key, _)| key.credit);
    LeafLine {
        account: line.key.account.clone(),
        community: line.key.community.clone(),
        component: line.key.component.clone(),
        kind: line.key.kind.clone(),
        payer: line.key.payer.clone(),
        provider_paid_by: line.key.paid_by.code(),
        amount: Minor { units: line.minor, currency },
        // Cells of one line: their sum is within the line's.
        credit: Minor { units: credits.map(|(_, cell)| cell.minor).sum(), currency },
        exact: pico_text(line.exact),
    }
}
