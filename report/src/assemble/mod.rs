//! From the month's facts to its documents: pure, the same facts give the same documents (law L7).

mod balance;
mod community;
mod coverage;
mod finance;
mod home;
mod notes;
mod people;
mod sentence;
mod tables;
mod totals;

use hubtally_schemas::canonical::{sha256_hex, to_vec};
use hubtally_schemas::policy::Policy;
use hubtally_schemas::registry::Registry;
use hubtally_schemas::statement::{
    BillSummary, CloseSummary, CommunitySummary, CompletenessSummary, ConservationSummary,
};
use hubtally_schemas::{Currency, Minor, Period};

use crate::document::{
    CommunityCosts, CommunityReport, DRAFT, FinanceCurrency, FinanceSummary, Head, PolicyWords, Totals,
};
use crate::error::ReportError;
use crate::facts::Month;
use crate::rounded::{Line, round_leaves, sum};

/// All documents of a month, and what the command line prints of them.
#[derive(Debug, Clone)]
pub struct Documents {
    /// One a community of the registry, by id.
    pub communities: Vec<CommunityReport>,
    /// For finance.
    pub finance: FinanceSummary,
    /// For the organisation's own page.
    pub totals: Totals,
    /// For the command line; `statements` is still empty.
    pub summary: CloseSummary,
}

/// What the documents speak of.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Who is who.
    pub registry: &'a Registry,
    /// Every choice.
    pub policy: &'a Policy,
    /// The month.
    pub period: Period,
}

/// Makes all documents, or refuses where the books do not balance (law L1).
pub fn assemble(scope: Scope<'_>, month: &Month) -> Result<Documents, ReportError> {
    balance::check(month)?;
    let lines = round_leaves(&month.leaves)?;
    let coverage = coverage::by_cluster(&month.hours);
    let fixed = Fixed::of(scope)?;
    let mut communities = Vec::new();
    let mut ids: Vec<_> = scope.registry.communities.iter().collect();
    ids.sort_by(|a, b| a.id.cmp(&b.id));
    for community in ids {
        communities.push(community::report(scope, &fixed, month, &lines, &coverage, community)?);
    }
    let incomplete = notes::of_federation(scope, month, &coverage)?;
    let finance = finance::summary(scope, &fixed, month, &lines, &coverage, &communities, &incomplete)?;
    let totals = totals::totals(scope, &fixed, month, &lines, &coverage, &communities, &incomplete)?;
    let summary = close_summary(scope, month, &communities, &finance, &coverage, incomplete);
    Ok(Documents { communities, finance, totals, summary })
}

/// What is the same on each document.
struct Fixed {
    policy: PolicyWords,
    registry_sha256: String,
}

impl Fixed {
    fn of(scope: Scope<'_>) -> Result<Self, ReportError> {
        let digest = |what: &str, bytes: Result<Vec<u8>, _>| {
            bytes
                .map(|bytes| sha256_hex(&bytes))
                .map_err(|source| ReportError::Json { document: what.to_owned(), source })
        };
        Ok(Self {
            policy: PolicyWords {
                id: scope.policy.id.clone(),
                sha256: digest("the policy", to_vec(scope.policy))?,
                sentences: scope.policy.sentences().into_iter().map(ToOwned::to_owned).collect(),
            },
            registry_sha256: digest("the registry", to_vec(scope.registry))?,
        })
    }

    fn head(&self, scope: Scope<'_>, schema: &'static str, summary: String, notes: Vec<String>) -> Head {
        Head {
            schema,
            status: DRAFT,
            period: scope.period,
            organisation: scope.registry.organisation.name.clone(),
            summary,
            notes,
            policy: self.policy.clone(),
            registry_sha256: self.registry_sha256.clone(),
        }
    }
}

fn close_summary(
    scope: Scope<'_>,
    month: &Month,
    communities: &[CommunityReport],
    finance: &FinanceSummary,
    coverage: &[crate::document::ClusterCoverage],
    incomplete: Vec<String>,
) -> CloseSummary {
    let conservation: Vec<_> = balance::totals(month)
        .map(|total| ConservationSummary {
            currency: total.currency.clone(),
            charges: u64::try_from(total.charges).unwrap_or_default(),
            billed: hubtally_schemas::money::pico_text(total.billed),
            posted: hubtally_schemas::money::pico_text(total.posted),
            difference: hubtally_schemas::money::pico_text(total.difference),
        })
        .collect();
    let seen = coverage.iter().map(|cluster| cluster.seen).sum();
    let expected = coverage.iter().map(|cluster| cluster.expected).sum();
    let posted_in = conservation.first().map(|line: &ConservationSummary| line.currency.clone());
    let communities =
        communities.iter().flat_map(|report| community_summaries(report, posted_in.as_deref())).collect();
    CloseSummary {
        period: scope.period,
        conservation,
        completeness: CompletenessSummary { expected, seen, observed: seen },
        communities,
        bills: finance.currencies.iter().map(bill_summary).collect(),
        charges_without_payer: month.without_payer.iter().map(|charge| charge.charge_id.clone()).collect(),
        incomplete,
        refused: notes::refused_summary(month),
        unread: month.unread.clone(),
        statements: String::new(),
    }
}

fn bill_summary(bill: &FinanceCurrency) -> BillSummary {
    BillSummary {
        currency: bill.currency.clone(),
        organisation: bill.organisation.to_decimal_text(),
        without_payer: bill.without_payer.to_decimal_text(),
        total: bill.total.to_decimal_text(),
    }
}

/// A community's lines of the close: one a currency. Where its cost is not known (its document says so),
/// what was posted is 0 in the close's first currency.
fn community_summaries(report: &CommunityReport, posted_in: Option<&str>) -> Vec<CommunitySummary> {
    let line = |currency: &str, amounts: [String; 4]| {
        let [cloud, idle, unattributed, total] = amounts;
        CommunitySummary {
            id: report.community.id.clone(),
            name: report.community.name.clone(),
            currency: currency.to_owned(),
            cloud,
            idle,
            unattributed,
            total,
            cost_known: !report.costs.is_empty(),
            coverage_percent: report.coverage_percent(),
        }
    };
    if report.costs.is_empty() {
        let zero = |code: &str| Currency::new(code).map(|known| Minor::zero(known).to_decimal_text());
        let posted = posted_in.and_then(|code| Some((code, zero(code).ok()?)));
        return posted
            .map(|(code, zero)| line(code, std::array::from_fn(|_| zero.clone())))
            .into_iter()
            .collect();
    }
    let of = |costs: &CommunityCosts| {
        let amounts = [costs.cloud, costs.idle, costs.unattributed, costs.total];
        line(&costs.currency, amounts.map(Minor::to_decimal_text))
    };
    report.costs.iter().map(of).collect()
}

/// The currencies of some lines, in order.
fn currencies<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<Currency> {
    let mut currencies: Vec<_> = lines.map(|line| line.key.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    currencies
}

/// A checked sum of minor units.
fn total(currency: Currency, amounts: impl Iterator<Item = i128>) -> Result<Minor, ReportError> {
    Ok(Minor { units: sum(amounts, "a statement's lines")?, currency })
}

/// Coverage in a sentence.
pub fn coverage_words(coverage: &[crate::document::ClusterCoverage]) -> String {
    coverage::in_words(coverage)
}
