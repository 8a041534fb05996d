//! The charges of a period in memory, compact: strings once, facts of a kind of line once.

use std::collections::BTreeMap;

use ahash::AHashMap as HashMap;
use arrow::array::RecordBatch;
use futures::StreamExt;
use hubtally_rules::component::{ChargeFacts, Component, TagFacts, classify, tag_facts};
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::policy::Policy;
use hubtally_schemas::registry::PeriodBasis;
use hubtally_schemas::tables::CHARGES;
use hubtally_schemas::{AccountId, Instant, Period, Span};
use hubtally_store::Table;

use crate::columns::Columns;
use crate::error::AggregateError;
use crate::symbols::{Symbol, Symbols};

/// Columns that an allocation reads.
const COLUMNS: &[&str] = &[
    "charge_id",
    "account",
    "grade",
    "status",
    "billed_cost",
    "effective_cost",
    "billing_currency",
    "billed_cost_text",
    "billed_cost_rounded",
    "charge_period_start",
    "charge_period_end",
    "billing_period_start",
    "charge_category",
    "charge_class",
    "service_name",
    "usage_type",
    "resource_id",
    "commitment_discount_status",
    "tags",
];

/// How fine the bill of a charge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grade {
    /// Lines name instances.
    Instance,
    /// Lines carry tags.
    Tag,
    /// Lines tell account and time only.
    Account,
}

/// What a line is, FOCUS ChargeCategory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Usage, Purchase, Adjustment: allocated by what they are for.
    Use,
    /// Tax: follows what is taxed.
    Tax,
    /// Credit: follows what it reduces.
    Credit,
}

/// One charge.
#[derive(Debug, Clone)]
pub struct Charge {
    pub id: Box<str>,
    pub account: Symbol,
    pub currency: Symbol,
    pub billed: i128,
    pub effective: i128,
    pub span: Span,
    pub resource: Symbol,
    /// Index into [`Charges::lines`].
    pub line: u32,
    pub provisional: bool,
}

/// What many charges share: service, usage type, tags, category, grade.
#[derive(Debug, Clone)]
pub struct Line {
    pub service: Symbol,
    pub component: Component,
    pub tags: TagFacts,
    pub category: Category,
    pub grade: Grade,
    pub unused_commitment: bool,
}

impl Line {
    /// Whether a tag says whose it is: a cluster tag, a hub, or a node purpose.
    pub fn tagged(&self) -> bool {
        self.tags.hub.is_some() || self.tags.node_purpose.is_some() || self.tags.cluster.is_some()
    }
}

/// All charges of a period, by start and id.
#[derive(Debug, Default)]
pub struct Charges {
    pub list: Vec<Charge>,
    pub lines: Vec<Line>,
    /// What reading the bill text to 12 decimals changed, by (account, currency), exact.
    pub text_difference: BTreeMap<(Symbol, Symbol), bigdecimal::BigDecimal>,
}

impl Charges {
    /// Reads the charges whose period, by their account's basis, is `period`.
    pub async fn load(
        table: &Table,
        registry: &RegistryView,
        policy: &Policy,
        period: Period,
        symbols: &mut Symbols,
    ) -> Result<Self, AggregateError> {
        let mut loader =
            Loader { registry, policy, period, symbols, lines: HashMap::new(), out: Self::default() };
        // A usage date may stand on the invoice before or after.
        for billing in [period.previous(), period, period.next()] {
            let month = billing.to_string();
            let failed = |source| AggregateError::Table {
                table: CHARGES.name,
                operation: "read",
                source: Box::new(source),
            };
            let mut batches =
                table.read(&[("billing_period", month.as_str())], Some(COLUMNS)).await.map_err(failed)?;
            while let Some(batch) = batches.next().await {
                loader.take(&batch.map_err(failed)?)?;
            }
        }
        let mut out = loader.out;
        out.list.sort_by(|a, b| (a.span.start, &a.id).cmp(&(b.span.start, &b.id)));
        Ok(out)
    }

    /// The line facts of a charge.
    pub fn line(&self, charge: &Charge) -> &Line {
        &self.lines[charge.line as usize]
    }
}

struct Loader<'a> {
    registry: &'a RegistryView,
    policy: &'a Policy,
    period: Period,
    symbols: &'a mut Symbols,
    lines: HashMap<[Symbol; 6], u32>,
    out: Charges,
}

impl Loader<'_> {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), AggregateError> {
        let columns = Columns::new(CHARGES.name, batch);
        let (id, account) = (columns.text("charge_id")?, columns.text("account")?);
        let (grade, status) = (columns.text("grade")?, columns.text("status")?);
        let (billed, effective) = (columns.money("billed_cost")?, columns.money("effective_cost")?);
        let (currency, amount_text) = (columns.text("billing_currency")?, columns.text("billed_cost_text")?);
        let rounded = columns.truth("billed_cost_rounded")?;
        let (start, end) = (columns.time("charge_period_start")?, columns.time("charge_period_end")?);
        let invoice = columns.time("billing_period_start")?;
        let (category, service) = (columns.text("charge_category")?, columns.text("service_name")?);
        let (usage_type, resource) = (columns.text("usage_type")?, columns.text("resource_id")?);
        let (commitment, tags) = (columns.text("commitment_discount_status")?, columns.text("tags")?);
        let value = |source| AggregateError::Value { table: CHARGES.name, source };
        for row in 0..batch.num_rows() {
            let start = Instant(start.value(row));
            let account_id = AccountId::new(account.required(row)).map_err(value)?;
            if self.period_of(&account_id, start, Instant(invoice.value(row))) != self.period {
                continue;
            }
            let line = self.line([
                service.required(row),
                usage_type.get(row).unwrap_or(""),
                tags.required(row),
                category.required(row),
                grade.required(row),
                commitment.get(row).unwrap_or(""),
            ]);
            let account = self.symbols.add(account_id.as_str());
            let currency = self.symbols.add(currency.required(row));
            if rounded.value(row) {
                let difference =
                    hubtally_schemas::money::parse_difference(amount_text.required(row), billed.value(row));
                *self.out.text_difference.entry((account, currency)).or_default() +=
                    difference.unwrap_or_default();
            }
            // A line without a length still happened at an instant.
            let end = Instant(end.value(row)).max(Instant(start.0 + 1));
            self.out.list.push(Charge {
                id: id.required(row).into(),
                account,
                currency,
                billed: billed.value(row),
                effective: effective.value(row),
                span: Span { start, end },
                resource: self.symbols.add_option(resource.get(row)),
                line,
                provisional: status.required(row) != "final",
            });
        }
        Ok(())
    }

    fn period_of(&self, account: &AccountId, start: Instant, invoice: Instant) -> Period {
        let own = self.registry.account(account.as_str()).and_then(|account| account.period_basis);
        match own.unwrap_or(self.policy.period_basis) {
            PeriodBasis::InvoiceMonth => Period::of(invoice),
            PeriodBasis::UsageDate => Period::of(start),
        }
    }

    /// Facts of one kind of line, worked out once.
    fn line(&mut self, texts: [&str; 6]) -> u32 {
        let key = texts.map(|text| self.symbols.add(text));
        if let Some(&known) = self.lines.get(&key) {
            return known;
        }
        let [service, usage_type, tags_json, category, grade, commitment] = texts;
        let tags: BTreeMap<String, String> = serde_json::from_str(tags_json).unwrap_or_default();
        let facts = ChargeFacts {
            service_name: service,
            usage_type: (!usage_type.is_empty()).then_some(usage_type),
            resource_id: None,
            category,
            tags: &tags,
        };
        let tag_facts = tag_facts(&tags);
        if let Some(hub) = &tag_facts.hub {
            self.symbols.add(hub);
        }
        let line = Line {
            service: key[0],
            component: classify(&facts),
            tags: tag_facts,
            category: match category {
                "Tax" => Category::Tax,
                "Credit" => Category::Credit,
                _ => Category::Use,
            },
            grade: match grade {
                "instance" => Grade::Instance,
                "tag" => Grade::Tag,
                _ => Grade::Account,
            },
            unused_commitment: commitment == "Unused",
        };
        let number = u32::try_from(self.out.lines.len()).unwrap_or(u32::MAX);
        self.out.lines.push(line);
        self.lines.insert(key, number);
        number
    }
}
