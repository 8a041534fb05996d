//! Bill lines as Arrow columns of `charges`, a few bytes a field instead of a struct a line.
//!
//! A column is known with the line, or with the part that the line is in, or only when all files are
//! read ([`LATE`]): those are filled in when the part is written.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, Int64Array, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use hubtally_schemas::period::Instant;
use hubtally_schemas::tables::CHARGES;

use super::line::{ChargeLine, LineTexts};

const MONEY: [&str; 4] = ["billed_cost", "effective_cost", "list_cost", "contracted_cost"];
const TIMES: [&str; 4] =
    ["charge_period_start", "charge_period_end", "billing_period_start", "billing_period_end"];
const TEXTS: [&str; 25] = [
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
    "invoice_id",
];
/// Columns that are known with a part.
const OF_PART: [&str; 3] = ["importer", "account", "source_file"];
/// Columns that are known only when all files are read.
const LATE: [&str; 4] = ["revision", "format_version", "grade", "status"];
const PARTITION: &str = "billing_period";

/// Columns of `charges` that come with the line.
static LINE: LazyLock<SchemaRef> =
    LazyLock::new(|| some(|name| !OF_PART.contains(&name) && !LATE.contains(&name) && name != PARTITION));
/// Columns that are encoded as soon as a part is full.
static EARLY: LazyLock<SchemaRef> = LazyLock::new(|| some(|name| !LATE.contains(&name) && name != PARTITION));

fn some(keep: impl Fn(&str) -> bool) -> SchemaRef {
    let whole = CHARGES.arrow_schema();
    let kept = whole.fields().iter().filter(|field| keep(field.name())).cloned().collect::<Vec<_>>();
    Arc::new(Schema::new(kept))
}

/// Growing columns of the lines of one account and month.
#[derive(Debug)]
pub(crate) struct LineColumns {
    money: [Decimal128Builder; 4],
    times: [TimestampMicrosecondBuilder; 4],
    texts: [StringBuilder; 25],
    rounded: BooleanBuilder,
    row: Int64Builder,
    rows: usize,
    bytes: usize,
}

/// What a line takes beside its texts: amounts, times, row, and where each text ends.
const LINE_BYTES: usize = 4 * 16 + 4 * 8 + 8 + TEXTS.len() * 4 + 6;

impl Default for LineColumns {
    fn default() -> Self {
        let money = || Decimal128Builder::with_capacity(0).with_data_type(DataType::Decimal128(38, 12));
        let time = || TimestampMicrosecondBuilder::with_capacity(0).with_timezone("UTC");
        Self {
            money: std::array::from_fn(|_| money()),
            times: std::array::from_fn(|_| time()),
            texts: std::array::from_fn(|_| StringBuilder::with_capacity(0, 0)),
            rounded: BooleanBuilder::with_capacity(0),
            row: Int64Builder::with_capacity(0),
            rows: 0,
            bytes: 0,
        }
    }
}

impl LineColumns {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// What the lines take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes a line and says what it takes.
    pub(crate) fn push(&mut self, line: &ChargeLine<'_>, charge_id: &str) -> usize {
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
        let mut bytes = LINE_BYTES;
        for (builder, text) in self.texts.iter_mut().zip(texts(line, charge_id)) {
            builder.append_option(text);
            bytes += text.map_or(0, str::len);
        }
        self.rounded.append_value(line.billed.rounded);
        self.row.append_value(i64::try_from(line.row).unwrap_or(i64::MAX));
        self.rows += 1;
        self.bytes += bytes;
        bytes
    }

    /// The lines so far.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let mut column = |name: &str| -> ArrayRef {
            let place = |names: &[&str]| names.iter().position(|known| *known == name);
            if let Some(at) = place(&TEXTS) {
                Arc::new(self.texts[at].finish())
            } else if let Some(at) = place(&MONEY) {
                Arc::new(self.money[at].finish())
            } else if let Some(at) = place(&TIMES) {
                Arc::new(self.times[at].finish())
            } else if name == "source_row" {
                Arc::new(self.row.finish())
            } else {
                Arc::new(self.rounded.finish())
            }
        };
        let columns = LINE.fields().iter().map(|field| column(field.name())).collect();
        RecordBatch::try_new(LINE.clone(), columns)
    }
}

fn texts<'a>(line: &'a ChargeLine<'_>, charge_id: &'a str) -> [Option<&'a str>; TEXTS.len()] {
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
    [
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
        invoice_id,
    ]
}

/// What is known of the lines of a part beside the lines.
#[derive(Debug, Clone)]
pub(crate) struct OfPart {
    pub(crate) importer: &'static str,
    pub(crate) account: String,
    /// Digests of the files, each with its lines, one after the other.
    pub(crate) source_files: Vec<(String, usize)>,
}

/// What is known of the lines of a part when all files are read.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    pub(crate) revision: i64,
    pub(crate) grade: &'static str,
    pub(crate) billing_period: String,
    /// Lines one after the other of one format version and status.
    pub(crate) runs: Vec<LateRun>,
}

/// Lines of one format version and status.
#[derive(Debug, Clone)]
pub(crate) struct LateRun {
    pub(crate) rows: usize,
    pub(crate) format_version: String,
    pub(crate) status: &'static str,
}

fn repeated<'a>(runs: impl Iterator<Item = (&'a str, usize)>) -> ArrayRef {
    let mut texts = StringBuilder::new();
    for (text, rows) in runs {
        (0..rows).for_each(|_| texts.append_value(text));
    }
    Arc::new(texts.finish())
}

impl OfPart {
    /// The columns that are encoded as soon as a part is full.
    pub(crate) fn early(&self, lines: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let rows = lines.num_rows();
        let columns = EARLY.fields().iter().map(|field| match field.name().as_str() {
            "importer" => Ok(repeated([(self.importer, rows)].into_iter())),
            "account" => Ok(repeated([(self.account.as_str(), rows)].into_iter())),
            "source_file" => {
                Ok(repeated(self.source_files.iter().map(|(sha256, rows)| (sha256.as_str(), *rows))))
            }
            name => known(lines, name),
        });
        RecordBatch::try_new(EARLY.clone(), columns.collect::<Result<_, _>>()?)
    }
}

impl Late {
    /// The late columns, and `charge_id` where it became another one.
    pub(crate) fn fresh(&self, charge_id: Option<ArrayRef>) -> Result<RecordBatch, ArrowError> {
        let mut columns: Vec<(&str, ArrayRef)> =
            charge_id.into_iter().map(|charge_id| ("charge_id", charge_id)).collect();
        columns.extend(LATE.map(|name| (name, self.column(name))));
        RecordBatch::try_from_iter(columns)
    }

    /// All columns of the table.
    pub(crate) fn whole(
        &self,
        early: &RecordBatch,
        charge_id: Option<&ArrayRef>,
    ) -> Result<RecordBatch, ArrowError> {
        let schema = CHARGES.arrow_schema();
        let columns = schema.fields().iter().map(|field| match (field.name().as_str(), charge_id) {
            ("charge_id", Some(charge_id)) => Ok(Arc::clone(charge_id)),
            (PARTITION, _) => Ok(repeated([(self.billing_period.as_str(), early.num_rows())].into_iter())),
            (name, _) if LATE.contains(&name) => Ok(self.column(name)),
            (name, _) => known(early, name),
        });
        RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
    }

    fn column(&self, name: &str) -> ArrayRef {
        let rows = self.runs.iter().map(|run| run.rows).sum();
        match name {
            "revision" => Arc::new(Int64Array::from_value(self.revision, rows)),
            "grade" => repeated([(self.grade, rows)].into_iter()),
            "status" => repeated(self.runs.iter().map(|run| (run.status, run.rows))),
            _ => repeated(self.runs.iter().map(|run| (run.format_version.as_str(), run.rows))),
        }
    }
}

fn known(batch: &RecordBatch, name: &str) -> Result<ArrayRef, ArrowError> {
    let column = batch.column_by_name(name).cloned();
    column.ok_or_else(|| ArrowError::SchemaError(format!("no importer fills charges.{name}")))
}

/// Names of the columns that are encoded early.
pub(crate) fn early_names() -> Vec<&'static str> {
    CHARGES.columns.iter().map(|column| column.name).filter(|name| EARLY.index_of(name).is_ok()).collect()
}
