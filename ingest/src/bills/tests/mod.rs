//! Bills as data: bytes in; lines, rejects and errors out. No store but in [`store`].

mod at_once;
mod aws_ce;
mod consoles;
mod focus;
mod focus_parquet;
mod laws;
mod limits;
mod store;
mod wavering;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::Decimal128Type;
use bytes::Bytes;
use hubtally_schemas::tables::CHARGES;
use hubtally_schemas::{Instant, money};
use hubtally_store::GroupRows;

use super::collect::FileLines;
use super::group::Group;
use super::lines::Lines;
use super::{BillError, BillFile, BillOptions, Collector, Context, read_bills};
use crate::Silent;

pub(super) const FOCUS_HEADER: &str = "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,BillingAccountId,SubAccountId,ChargeCategory,ServiceName,ResourceId,Tags";

/// A FOCUS row of June 2026.
pub(super) fn focus_row(account: &str, day: u32, resource: &str, cost: &str) -> String {
    focus_row_in(account, day, resource, cost, "USD")
}

pub(super) fn focus_row_in(account: &str, day: u32, resource: &str, cost: &str, currency: &str) -> String {
    format!(
        "{cost},NULL,{currency},2026-06-01 00:00:00,2026-07-01 00:00:00,2026-06-{day:02} 00:00:00,2026-06-{day:02} 12:00:00,0001,{account},Usage,Amazon Elastic Compute Cloud - Compute,{resource},\"{{\"\"hub\"\": \"\"geo\"\"}}\""
    )
}

pub(super) fn focus(rows: &[String]) -> String {
    format!("{FOCUS_HEADER}\n{}\n", rows.join("\n"))
}

pub(super) fn file(name: &str, text: &str) -> BillFile {
    BillFile::from_bytes(name, Bytes::from(text.to_owned()), None)
}

pub(super) fn with_request(name: &str, text: &str, request: &str) -> BillFile {
    BillFile::from_bytes(name, Bytes::from(text.to_owned()), Some(Bytes::from(request.to_owned())))
}

/// After June 2026 ended.
pub(super) fn now() -> Instant {
    Instant::parse("2026-07-20T00:00:00Z").unwrap()
}

/// What reading files gives.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) lines: Lines,
    pub(super) groups: Vec<Group>,
}

impl Read {
    pub(super) fn rows(&self) -> Vec<RecordBatch> {
        let of = |(rank, group)| self.lines.rows(group, rank, 1).flat_map(|rows| whole(rows.unwrap()));
        self.groups.iter().enumerate().flat_map(of).collect()
    }

    pub(super) fn text(&self, column: &str) -> Vec<Option<String>> {
        let of = |batch: &RecordBatch| -> Vec<Option<String>> {
            let column = batch.column_by_name(column).unwrap().as_string::<i32>();
            column.iter().map(|text| text.map(str::to_owned)).collect()
        };
        self.rows().iter().flat_map(of).collect()
    }

    pub(super) fn words(&self, column: &str) -> Vec<String> {
        self.text(column).into_iter().map(Option::unwrap).collect()
    }

    /// Sum of `billed_cost` over the Arrow rows, as text.
    pub(super) fn billed(&self) -> String {
        let sum: i128 = self
            .rows()
            .iter()
            .flat_map(|batch| {
                let column = batch.column_by_name("billed_cost").unwrap();
                column.as_primitive::<Decimal128Type>().values().to_vec()
            })
            .sum();
        money::pico_text(sum)
    }

    pub(super) fn file(&self) -> &FileLines {
        &self.lines.files[0]
    }

    pub(super) fn first_reject(&self) -> &str {
        &self.file().rejects[0].detail
    }
}

pub(super) fn read(files: &[BillFile]) -> Result<Read, BillError> {
    read_with(files, &Context::default())
}

pub(super) fn read_with(files: &[BillFile], context: &Context) -> Result<Read, BillError> {
    read_within(files, context, &BillOptions::new(now()))
}

pub(super) fn read_within(
    files: &[BillFile],
    context: &Context,
    options: &BillOptions,
) -> Result<Read, BillError> {
    let mut collector = Collector::new(now(), &options.limits);
    let files: Vec<&BillFile> = files.iter().collect();
    read_bills(&files, context, options, &Silent, &mut collector)?;
    let views: Vec<_> = collector
        .files()
        .iter()
        .filter_map(|file| Some((file.name.as_str(), file.reading.view.as_ref()?)))
        .collect();
    super::aws_ce_request::check_views(&views)?;
    collector.check_importers()?;
    let (lines, groups) = collector.into_groups()?;
    Ok(Read { lines, groups })
}

/// Rows for the store with all their columns.
pub(super) fn whole(rows: GroupRows) -> Vec<RecordBatch> {
    match rows {
        GroupRows::Plain(batches) => batches,
        GroupRows::Prepared { rows, fresh } => {
            let schema = CHARGES.arrow_schema();
            let is_prepared = |name: &&str| fresh.column_by_name(name).is_none() && *name != "billing_period";
            let names: Vec<&str> =
                CHARGES.columns.iter().map(|column| column.name).filter(is_prepared).collect();
            let prepared = rows.decode(&CHARGES, &names).unwrap();
            let period: ArrayRef = Arc::new(StringArray::from(vec!["2026-06"; fresh.num_rows()]));
            let column = |name: &str| prepared.column_by_name(name).or(fresh.column_by_name(name)).cloned();
            let columns = schema.fields().iter().map(|field| column(field.name()).unwrap_or(period.clone()));
            vec![RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()]
        }
    }
}

/// The error's whole chain.
pub(super) fn refusal(files: &[BillFile]) -> String {
    refusal_with(files, &Context::default())
}

pub(super) fn refusal_with(files: &[BillFile], context: &Context) -> String {
    let error = read_with(files, context).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Each of the words stands in the text.
#[track_caller]
pub(super) fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}
