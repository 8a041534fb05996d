//! Postings to rows of `ledger`, in batches.

use std::sync::Arc;

use ahash::AHashMap;
use arrow::array::{
    ArrayRef, Date32Builder, Decimal128Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::DataType;
use hubtally_schemas::Period;
use hubtally_schemas::tables::LEDGER;

use crate::charge::Charge;
use crate::error::AggregateError;
use crate::place::Places;
use crate::posting::{Payer, Postings};
use crate::symbols::{Symbol, Symbols};

/// Rows a batch.
const BATCH_ROWS: usize = 65_536;

/// Builds batches of the ledger.
pub struct LedgerBuilder {
    period: String,
    policy_id: String,
    basis: &'static str,
    /// `ledger.payer` of each community.
    payers: AHashMap<Symbol, String>,
    /// Contract of a community on a day.
    contracts: AHashMap<(Symbol, i32), Option<String>>,
    rows: usize,
    texts: Vec<StringBuilder>,
    amount: Decimal128Builder,
    service_start: TimestampMicrosecondBuilder,
    service_day: Date32Builder,
}

/// Text columns, in the order of [`LedgerBuilder::texts`].
const TEXTS: [&str; 21] = [
    "charge_id",
    "basis",
    "kind",
    "reason",
    "component",
    "community",
    "payer",
    "contract",
    "cluster",
    "namespace",
    "hub",
    "user_id",
    "pool",
    "account",
    "currency",
    "weight",
    "weight_total",
    "policy_id",
    "corrects_charge",
    "quality",
    "period",
];

impl LedgerBuilder {
    pub fn new(period: Period, policy_id: &str, basis: &'static str) -> Self {
        Self {
            period: period.to_string(),
            policy_id: policy_id.to_owned(),
            basis,
            payers: AHashMap::new(),
            contracts: AHashMap::new(),
            rows: 0,
            texts: TEXTS.iter().map(|_| StringBuilder::new()).collect(),
            amount: Decimal128Builder::new().with_data_type(DataType::Decimal128(38, 12)),
            service_start: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            service_day: Date32Builder::new(),
        }
    }

    /// Takes the postings of one charge; gives a batch when one is full.
    pub fn take(
        &mut self,
        charge: &Charge,
        postings: &Postings,
        places: &Places<'_>,
        symbols: &Symbols,
    ) -> Result<Option<RecordBatch>, AggregateError> {
        let start = charge.span.start;
        let quality = if charge.provisional { "provisional" } else { "observed" };
        for posting in &postings.list {
            let target = posting.target;
            let text = |symbol: Symbol| symbols.text(symbol);
            let community = target.payer.community();
            let contract = self
                .contracts
                .entry((community, start.day()))
                .or_insert_with(|| places.contract(community, start, symbols).map(ToOwned::to_owned));
            let (weight, weight_total) = match posting.weight {
                Some((weight, total)) => (Some(weight.to_string()), Some(total.to_string())),
                None => (None, None),
            };
            let payer = match target.payer {
                Payer::Community(community) => self
                    .payers
                    .entry(community)
                    .or_insert_with(|| format!("community:{}", text(community).unwrap_or(""))),
                Payer::Organisation => "organisation",
                Payer::Nobody => "none",
            };
            let values: [Option<&str>; 21] = [
                Some(&charge.id),
                Some(self.basis),
                Some(target.kind.code()),
                target.reason.map(crate::posting::Reason::code),
                Some(postings.component.code()),
                text(community),
                Some(payer),
                contract.as_deref(),
                text(target.cluster),
                text(target.namespace),
                text(target.hub),
                text(target.user),
                text(target.pool),
                text(charge.account),
                text(charge.currency),
                weight.as_deref(),
                weight_total.as_deref(),
                Some(&self.policy_id),
                None,
                Some(quality),
                Some(&self.period),
            ];
            for (builder, value) in self.texts.iter_mut().zip(values) {
                builder.append_option(value);
            }
            self.amount.append_value(posting.amount);
            self.service_start.append_value(start.0);
            self.service_day.append_value(start.day());
            self.rows += 1;
        }
        if self.rows >= BATCH_ROWS { self.finish().map(Some) } else { Ok(None) }
    }

    /// The rows since the last batch.
    pub fn finish(&mut self) -> Result<RecordBatch, AggregateError> {
        self.rows = 0;
        let mut by_name: std::collections::HashMap<&str, ArrayRef> = TEXTS
            .iter()
            .zip(&mut self.texts)
            .map(|(name, builder)| (*name, Arc::new(builder.finish()) as ArrayRef))
            .collect();
        by_name.insert("amount", Arc::new(self.amount.finish()));
        by_name.insert("service_start", Arc::new(self.service_start.finish()));
        by_name.insert("service_day", Arc::new(self.service_day.finish()));
        let columns = LEDGER
            .columns
            .iter()
            .map(|column| {
                by_name.remove(column.name).ok_or_else(|| AggregateError::Column {
                    table: LEDGER.name,
                    column: column.name.to_owned(),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(LEDGER.arrow_schema(), columns)
            .map_err(|source| AggregateError::Rows { table: LEDGER.name, source })
    }
}
