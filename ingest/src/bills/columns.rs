//! Bill lines as Arrow columns of `charges`, a few bytes a field instead of a struct a line.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBuilder, Decimal128Builder, Int64Array, Int64Builder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::error::ArrowError;
use hubtally_schemas::period::Instant;
use hubtally_schemas::tables::CHARGES;

use super::line::{ChargeLine, Grade, LineTexts, Status};

/// Rows of one batch.
pub(crate) const BATCH_ROWS: usize = 65_536;

const MONEY: [&str; 4] = ["billed_cost", "effective_cost", "list_cost", "contracted_cost"];
const TIMES: [&str; 4] =
    ["charge_period_start", "charge_period_end", "billing_period_start", "billing_period_end"];
const TEXTS: [&str; 24] = [
    "charge_id",
    "provider",
    "billing_currency",
    "billed_cost_text",
    "charge_category",
    "service_name",
    "tags",
    "billing_account_id",
    "sub_account_id",
    "charge_class",
    "charge_description",
    "charge_frequency",
    "service_category",
    "usage_type",
    "resource_id",
    "resource_name",
    "resource_type",
    "region_id",
    "sku_id",
    "consumed_quantity",
    "consumed_unit",
    "pricing_quantity",
    "pricing_unit",
    "commitment_discount_status",
];
const INVOICE: &str = "invoice_id";

/// Growing columns of one (importer, account, billing period) from one file.
#[derive(Debug)]
pub(crate) struct ChargeColumns {
    money: [Decimal128Builder; 4],
    times: [TimestampMicrosecondBuilder; 4],
    texts: [StringBuilder; 24],
    invoice: StringBuilder,
    rounded: BooleanBuilder,
    row: Int64Builder,
    /// True is final, false is provisional, NULL is not said by the bill.
    settled: BooleanBuilder,
}

impl ChargeColumns {
    pub(crate) fn new() -> Self {
        let money = || {
            Decimal128Builder::with_capacity(0).with_data_type(arrow::datatypes::DataType::Decimal128(38, 12))
        };
        let time = || TimestampMicrosecondBuilder::with_capacity(0).with_timezone("UTC");
        Self {
            money: std::array::from_fn(|_| money()),
            times: std::array::from_fn(|_| time()),
            texts: std::array::from_fn(|_| StringBuilder::with_capacity(0, 0)),
            invoice: StringBuilder::with_capacity(0, 0),
            rounded: BooleanBuilder::with_capacity(0),
            row: Int64Builder::with_capacity(0),
            settled: BooleanBuilder::with_capacity(0),
        }
    }

    pub(crate) fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        self.row.len()
    }

    pub(crate) fn push(&mut self, line: &ChargeLine<'_>, charge_id: &str) {
        let amounts = [
            Some(line.billed.pico),
            Some(line.effective.unwrap_or(line.billed.pico)),
            line.list,
            line.contracted,
        ];
        for (builder, amount) in self.money.iter_mut().zip(amounts) {
            builder.append_option(amount);
        }
        let times = [line.charge.start, line.charge.end, line.billing.start, line.billing.end];
        for (builder, Instant(us)) in self.times.iter_mut().zip(times) {
            builder.append_value(us);
        }
        let LineTexts {
            billing_account_id,
            sub_account_id,
            charge_class,
            charge_description,
            charge_frequency,
            service_category,
            usage_type,
            resource_id,
            resource_name,
            resource_type,
            region_id,
            sku_id,
            consumed_quantity,
            consumed_unit,
            pricing_quantity,
            pricing_unit,
            commitment_discount_status,
            invoice_id,
        } = line.text;
        let texts = [
            Some(charge_id),
            Some(line.provider),
            Some(line.currency.code()),
            Some(line.billed.text),
            Some(line.category.code()),
            Some(line.service_name),
            Some(line.tags),
            billing_account_id,
            sub_account_id,
            charge_class,
            charge_description,
            charge_frequency,
            service_category,
            usage_type,
            resource_id,
            resource_name,
            resource_type,
            region_id,
            sku_id,
            consumed_quantity,
            consumed_unit,
            pricing_quantity,
            pricing_unit,
            commitment_discount_status,
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_option(text);
        }
        self.invoice.append_option(invoice_id);
        self.rounded.append_value(line.billed.rounded);
        self.row.append_value(i64::try_from(line.row).unwrap_or(i64::MAX));
        self.settled.append_option(match line.status {
            Status::Final => Some(true),
            Status::Provisional => Some(false),
            Status::ByReach => None,
        });
    }

    /// Takes the rows so far.
    pub(crate) fn take(&mut self, file: usize) -> LineBatch {
        let mut columns: BTreeMap<&'static str, ArrayRef> = BTreeMap::new();
        for (name, builder) in MONEY.iter().zip(&mut self.money) {
            columns.insert(name, Arc::new(builder.finish()));
        }
        for (name, builder) in TIMES.iter().zip(&mut self.times) {
            columns.insert(name, Arc::new(builder.finish()));
        }
        for (name, builder) in TEXTS.iter().zip(&mut self.texts) {
            columns.insert(name, Arc::new(builder.finish()));
        }
        columns.insert(INVOICE, Arc::new(self.invoice.finish()));
        columns.insert("billed_cost_rounded", Arc::new(self.rounded.finish()));
        columns.insert("source_row", Arc::new(self.row.finish()));
        LineBatch { file, settled: self.settled.finish(), columns }
    }
}

/// Rows of one file, without the columns that are the same for all of them.
#[derive(Debug)]
pub(crate) struct LineBatch {
    /// Which file, by its place in the command.
    pub(crate) file: usize,
    settled: BooleanArray,
    columns: BTreeMap<&'static str, ArrayRef>,
}

/// What is the same for all rows of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Constants<'a> {
    pub(crate) revision: i64,
    pub(crate) importer: &'static str,
    pub(crate) format_version: &'a str,
    pub(crate) account: &'a str,
    pub(crate) grade: Grade,
    pub(crate) source_file: &'a str,
    pub(crate) billing_period: &'a str,
    /// What lines are of which the bill does not say it.
    pub(crate) settled_by_reach: bool,
}

impl LineBatch {
    pub(crate) fn rows(&self) -> usize {
        self.settled.len()
    }

    /// How many of its rows are provisional.
    pub(crate) fn provisional(&self, settled_by_reach: bool) -> u64 {
        self.settled.iter().filter(|settled| !settled.unwrap_or(settled_by_reach)).count() as u64
    }

    /// The whole batch, in the order of the table's columns.
    pub(crate) fn finish(&self, constants: &Constants<'_>) -> Result<RecordBatch, ArrowError> {
        let rows = self.rows();
        let text = |value: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, rows)))
        };
        let schema = CHARGES.arrow_schema();
        let columns = schema
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                "revision" => Ok(Arc::new(Int64Array::from_value(constants.revision, rows)) as ArrayRef),
                "importer" => Ok(text(constants.importer)),
                "format_version" => Ok(text(constants.format_version)),
                "account" => Ok(text(constants.account)),
                "grade" => Ok(text(constants.grade.code())),
                "source_file" => Ok(text(constants.source_file)),
                "billing_period" => Ok(text(constants.billing_period)),
                "status" => Ok(self.status(constants.settled_by_reach)),
                name => self
                    .columns
                    .get(name)
                    .cloned()
                    .ok_or_else(|| ArrowError::SchemaError(format!("no importer fills charges.{name}"))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(schema, columns)
    }

    fn status(&self, settled_by_reach: bool) -> ArrayRef {
        let word = |settled: Option<bool>| {
            if settled.unwrap_or(settled_by_reach) { "final" } else { "provisional" }
        };
        Arc::new(StringArray::from_iter_values(self.settled.iter().map(word)))
    }
}
