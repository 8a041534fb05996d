//! The certificates: conservation by account, cluster and in total; completeness by cluster and hour.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ahash::AHashMap;
use arrow::array::{
    ArrayRef, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use bigdecimal::BigDecimal;
use hubtally_rules::certificate as rules;
use hubtally_schemas::tables::{COMPLETENESS, CONSERVATION, ColumnType, TableSpec};
use hubtally_schemas::{Instant, Period};

use crate::charge::{Charge, Charges};
use crate::error::AggregateError;
use crate::posting::{Kind, Payer, Posting, Postings};
use crate::symbols::{Symbol, Symbols};

/// A row of the certificate: scope, id inside it, currency.
type Place = (&'static str, String, String);

/// The conservation certificate while it is being made. Taken once a charge, so by numbers; the rows are by text.
#[derive(Debug, Default)]
pub struct Conservation {
    /// By account and currency.
    accounts: AHashMap<(Symbol, Symbol), rules::Conservation>,
    /// By cluster and currency.
    clusters: AHashMap<(Symbol, Symbol), rules::Conservation>,
    /// What reading the bill text changed.
    text_differences: BTreeMap<Place, BigDecimal>,
    /// Charges that no rule gives a payer.
    pub without_payer: BTreeSet<String>,
    /// The first charge whose postings do not sum to it.
    pub first_violation: Option<String>,
}

const OVERFLOW: AggregateError = AggregateError::Overflow { what: "the conservation certificate" };

impl Conservation {
    /// Takes one charge with its postings: also the check of law L1.
    pub fn take(&mut self, charge: &Charge, amount: i128, postings: &Postings) -> Result<(), AggregateError> {
        let posted = |posting: &Posting| rules::Posted {
            kind: posting.target.kind,
            amount: posting.amount,
            has_payer: posting.target.payer != Payer::Nobody,
        };
        if postings.list.iter().any(|posting| posting.target.payer == Payer::Nobody) {
            self.without_payer.insert(charge.id.to_string());
        }
        let sums = self.accounts.entry((charge.account, charge.currency)).or_default();
        let before = sums.violating_charges;
        sums.add_charge(amount, charge.provisional, postings.list.iter().map(posted))
            .map_err(|_| OVERFLOW)?;
        if sums.violating_charges > before {
            self.first_violation.get_or_insert_with(|| charge.id.to_string());
        }
        // A cluster's share of a charge is what its postings say: this scope tells where the money is.
        let mut clusters: Vec<Symbol> = postings.list.iter().map(|posting| posting.target.cluster).collect();
        clusters.sort_unstable();
        clusters.dedup();
        for cluster in clusters {
            let own = || postings.list.iter().filter(|posting| posting.target.cluster == cluster);
            let share =
                own().try_fold(0_i128, |sum, posting| sum.checked_add(posting.amount)).ok_or(OVERFLOW)?;
            let sums = self.clusters.entry((cluster, charge.currency)).or_default();
            sums.add_charge(share, charge.provisional, own().map(posted)).map_err(|_| OVERFLOW)?;
        }
        Ok(())
    }

    /// Notes what reading the bill text changed.
    pub fn text_differences(&mut self, charges: &Charges, symbols: &Symbols) {
        for ((account, currency), difference) in &charges.text_difference {
            let currency = symbols.text(*currency).unwrap_or("").to_owned();
            let account = symbols.text(*account).unwrap_or("").to_owned();
            for (scope, id) in [("total", "all".to_owned()), ("account", account)] {
                *self.text_differences.entry((scope, id, currency.clone())).or_default() += difference;
            }
        }
    }

    /// How many charges differ from their postings.
    pub fn violating(&self) -> i64 {
        self.accounts.values().map(|sums| sums.violating_charges).sum()
    }

    /// Every scope by its text: accounts, clusters, and all accounts together.
    fn scopes(&self, symbols: &Symbols) -> Result<BTreeMap<Place, rules::Conservation>, AggregateError> {
        let text = |symbol: Symbol, without: &str| symbols.text(symbol).unwrap_or(without).to_owned();
        let mut scopes: BTreeMap<Place, rules::Conservation> = BTreeMap::new();
        for (&(account, currency), sums) in &self.accounts {
            let currency = text(currency, "");
            for (scope, id) in [("account", text(account, "")), ("total", "all".to_owned())] {
                scopes.entry((scope, id, currency.clone())).or_default().merge(sums).map_err(|_| OVERFLOW)?;
            }
        }
        for (&(cluster, currency), sums) in &self.clusters {
            let place = ("cluster", text(cluster, "none"), text(currency, ""));
            scopes.entry(place).or_default().merge(sums).map_err(|_| OVERFLOW)?;
        }
        Ok(scopes)
    }

    /// The rows of `conservation`.
    pub fn rows(&self, context: &RowContext<'_>, symbols: &Symbols) -> Result<RecordBatch, AggregateError> {
        let mut rows = Rows::new(&CONSERVATION);
        let period = context.period.to_string();
        for (place, sums) in &self.scopes(symbols)? {
            let (scope, id, currency) = place;
            let text_difference =
                self.text_differences.get(place).map_or_else(|| "0".to_owned(), BigDecimal::to_plain_string);
            rows.texts([
                ("scope", *scope),
                ("scope_id", id),
                ("basis", context.basis),
                ("currency", currency),
                ("text_difference", &text_difference),
                ("policy_id", context.policy_id),
                ("inputs_digest", context.inputs_digest),
                ("period", &period),
            ]);
            rows.ints([
                ("charges", sums.charges),
                ("violating_charges", sums.violating_charges),
                ("no_payer_charges", sums.no_payer_charges),
            ]);
            rows.decimals([
                ("billed", sums.billed),
                ("posted", sums.posted),
                ("difference", sums.difference().map_err(|_| OVERFLOW)?),
                ("direct", sums.of_kind(Kind::Direct)),
                ("shared", sums.of_kind(Kind::Shared)),
                ("idle", sums.of_kind(Kind::Idle)),
                ("unattributed", sums.of_kind(Kind::Unattributed)),
                ("provisional", sums.provisional),
            ]);
        }
        rows.finish()
    }
}

/// What every row of a certificate carries.
pub struct RowContext<'a> {
    pub period: Period,
    pub basis: &'a str,
    pub policy_id: &'a str,
    pub inputs_digest: &'a str,
}

/// What one cluster-hour holds, beside its coverage.
#[derive(Debug, Clone, Default)]
pub struct HourFacts {
    pub expected: i64,
    pub seen: i64,
    pub pods: i64,
    pub nodes: i64,
    pub node_observed_ms: i128,
    pub node_billed_ms: i128,
    pub pods_without_node: i64,
    pub unmatched_cost: i128,
    pub holes: Option<String>,
}

/// The rows of `completeness`.
pub fn completeness(
    facts: &BTreeMap<(String, Instant), HourFacts>,
    period: Period,
) -> Result<RecordBatch, AggregateError> {
    let mut rows = Rows::new(&COMPLETENESS);
    for ((cluster, hour), fact) in facts {
        rows.texts([("cluster", cluster.as_str()), ("period", &period.to_string())]);
        rows.maybe_text("holes", fact.holes.as_deref());
        rows.times([("hour", *hour)]);
        rows.ints([
            ("expected", fact.expected),
            ("seen", fact.seen),
            ("pods", fact.pods),
            ("nodes", fact.nodes),
            ("pods_without_node", fact.pods_without_node),
        ]);
        rows.decimals([
            ("node_observed_ms", fact.node_observed_ms),
            ("node_billed_ms", fact.node_billed_ms),
            ("unmatched_cost", fact.unmatched_cost),
        ]);
    }
    rows.finish()
}

/// Columns of a small table by name.
struct Rows {
    spec: &'static TableSpec,
    texts: HashMap<&'static str, StringBuilder>,
    ints: HashMap<&'static str, Int64Builder>,
    times: HashMap<&'static str, TimestampMicrosecondBuilder>,
    decimals: HashMap<&'static str, Decimal128Builder>,
}

impl Rows {
    fn new(spec: &'static TableSpec) -> Self {
        let named = |wanted: &[ColumnType]| {
            spec.columns
                .iter()
                .filter(|c| wanted.contains(&c.kind))
                .map(|c| (c.name, c.kind))
                .collect::<Vec<_>>()
        };
        Self {
            spec,
            texts: named(&[ColumnType::Text]).into_iter().map(|(n, _)| (n, StringBuilder::new())).collect(),
            ints: named(&[ColumnType::Int]).into_iter().map(|(n, _)| (n, Int64Builder::new())).collect(),
            times: named(&[ColumnType::Time])
                .into_iter()
                .map(|(n, kind)| (n, TimestampMicrosecondBuilder::new().with_data_type(kind.arrow())))
                .collect(),
            decimals: named(&[ColumnType::Money, ColumnType::Quantity])
                .into_iter()
                .map(|(n, kind)| (n, Decimal128Builder::new().with_data_type(kind.arrow())))
                .collect(),
        }
    }

    fn texts<const N: usize>(&mut self, values: [(&str, &str); N]) {
        for (name, value) in values {
            if let Some(builder) = self.texts.get_mut(name) {
                builder.append_value(value);
            }
        }
    }

    fn maybe_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(builder) = self.texts.get_mut(name) {
            builder.append_option(value);
        }
    }

    fn ints<const N: usize>(&mut self, values: [(&str, i64); N]) {
        for (name, value) in values {
            if let Some(builder) = self.ints.get_mut(name) {
                builder.append_value(value);
            }
        }
    }

    fn times<const N: usize>(&mut self, values: [(&str, Instant); N]) {
        for (name, value) in values {
            if let Some(builder) = self.times.get_mut(name) {
                builder.append_value(value.0);
            }
        }
    }

    fn decimals<const N: usize>(&mut self, values: [(&str, i128); N]) {
        for (name, value) in values {
            if let Some(builder) = self.decimals.get_mut(name) {
                builder.append_value(value);
            }
        }
    }

    /// Fails where a column was not given as often as the others.
    fn finish(mut self) -> Result<RecordBatch, AggregateError> {
        let columns: Vec<ArrayRef> = self
            .spec
            .columns
            .iter()
            .filter_map(|column| {
                let name = column.name;
                self.texts
                    .get_mut(name)
                    .map(|builder| Arc::new(builder.finish()) as ArrayRef)
                    .or_else(|| self.ints.get_mut(name).map(|builder| Arc::new(builder.finish()) as ArrayRef))
                    .or_else(|| {
                        self.times.get_mut(name).map(|builder| Arc::new(builder.finish()) as ArrayRef)
                    })
                    .or_else(|| {
                        self.decimals.get_mut(name).map(|builder| Arc::new(builder.finish()) as ArrayRef)
                    })
            })
            .collect();
        RecordBatch::try_new(self.spec.arrow_schema(), columns)
            .map_err(|source| AggregateError::Rows { table: self.spec.name, source })
    }
}
