//! One charge again, with everything it rests on: postings → charge → weights → usage rows.
//!
//! Pod shares are not stored: the charge is split again with the trace on, from the same tables, and
//! the result is checked against the ledger that it explains.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::policy::{CostBasis, Policy};
use hubtally_schemas::tables::{
    CHARGES, COVERAGE, LEDGER, NODE_USAGE, POD_USAGE, STORAGE_USAGE, TableSpec, USAGE_HOURLY,
};
use hubtally_schemas::units::HOUR_US;
use hubtally_schemas::{Instant, Period, money::pico_text};
use hubtally_store::{Store, Table};

use crate::allocate::amount_of;
use crate::charge::Charges;
use crate::columns::Columns;
use crate::coverage::Coverage;
use crate::day::{Day, DayTables};
use crate::error::AggregateError;
use crate::pieces::days;
use crate::place::Places;
use crate::posting::Postings;
use crate::split::{DaySplit, DeferredRule, Job};
use crate::symbols::Symbols;
pub use crate::trace::Explanation;
use crate::trace::{Trace, TraceHour};

/// What to explain.
#[derive(Debug, Clone)]
pub struct ExplainQuery {
    /// The charge.
    pub charge: String,
    /// Only this community's postings; all if absent.
    pub community: Option<String>,
    /// At most so many usage rows an hour, and postings.
    pub rows: usize,
}

/// Explains one charge of a period.
pub async fn explain(
    store: &Store,
    registry: &RegistryView,
    policy: &Policy,
    period: Period,
    query: &ExplainQuery,
) -> Result<Explanation, AggregateError> {
    let mut symbols = Symbols::default();
    let places = Places::new(registry, &mut symbols);
    let charges_table = open(store, &CHARGES).await?;
    let charges = Charges::load(&charges_table, registry, policy, period, &mut symbols).await?;
    let unknown =
        || AggregateError::UnknownCharge { charge: query.charge.clone(), period: period.to_string() };
    let charge = charges.list.iter().find(|charge| *charge.id == *query.charge).ok_or_else(unknown)?;
    let line = charges.line(charge);
    let amount = amount_of(charge, CostBasis::Billed);

    let mut root = bill_row(&charges_table, charge).await?.value(pico_text(amount));
    root.children.push(postings(store, period, query).await?);

    let tables = (
        open(store, &USAGE_HOURLY).await?,
        open(store, &NODE_USAGE).await?,
        open(store, &STORAGE_USAGE).await?,
    );
    let day_tables = DayTables { hourly: &tables.0, nodes: &tables.1, storage: &tables.2 };
    let coverage_table = open(store, &COVERAGE).await?;
    let pods = open(store, &POD_USAGE).await?;
    let mut how = Explanation::new(format!(
        "how it was split: component {}, policy {}",
        line.component.code(),
        policy.id
    ));
    for piece in days(&charge.id, charge.span, amount, period)? {
        let date = piece.window.start.date();
        let day = Day::load(&day_tables, date, &mut symbols).await?;
        let coverage = Coverage::load(&coverage_table, &[date], &mut symbols).await?;
        let mut split = DaySplit::new(policy, &places, &symbols, &day, &coverage);
        split.trace = Trace::on();
        let mut postings = Postings::new(line.component);
        split.piece(&Job { number: 0, charge, line, piece }, &mut postings)?;
        let mut step = Explanation::new(format!("{} to {}", piece.window.start, piece.window.end))
            .value(pico_text(piece.amount));
        for deferred in &split.deferred {
            let rule = match deferred.rule {
                DeferredRule::Direct { .. } => "by the month's direct cost of the cluster's hubs",
                DeferredRule::Follow { same_service: true, .. } => {
                    "by what the same service of the account cost"
                }
                DeferredRule::Follow { same_service: false, .. } => "by what the account's charges cost",
            };
            step.children.push(
                Explanation::new(format!("waits for the month: {rule}")).value(pico_text(deferred.amount)),
            );
        }
        let steps = std::mem::take(&mut split.trace).steps();
        drop(split);
        for TraceHour { step: mut hour, usage } in steps {
            if let Some((cluster, start)) = usage {
                hour.children.push(usage_rows(&pods, &cluster, Instant(start), query.rows).await?);
            }
            step.children.push(hour);
        }
        how.children.push(step);
    }
    root.children.push(how);
    Ok(root)
}

async fn open(store: &Store, spec: &'static TableSpec) -> Result<Table, AggregateError> {
    store.table(spec).await.map_err(|source| AggregateError::Table {
        table: spec.name,
        operation: "read",
        source: Box::new(source),
    })
}

/// The bill row as it was imported.
async fn bill_row(table: &Table, charge: &crate::charge::Charge) -> Result<Explanation, AggregateError> {
    let failed =
        |source| AggregateError::Table { table: CHARGES.name, operation: "read", source: Box::new(source) };
    let mut batches = table.read(&[], None).await.map_err(failed)?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(failed)?;
        let ids = Columns::new(CHARGES.name, &batch).text("charge_id")?;
        if let Some(row) = (0..batch.num_rows()).find(|&row| ids.required(row) == &*charge.id) {
            return row_facts(&batch, row, CHARGES.name, Explanation::new(format!("charge {}", charge.id)));
        }
    }
    Ok(Explanation::new(format!("charge {}", charge.id)))
}

/// The ledger's postings of the charge.
async fn postings(
    store: &Store,
    period: Period,
    query: &ExplainQuery,
) -> Result<Explanation, AggregateError> {
    let table = open(store, &LEDGER).await?;
    let month = period.to_string();
    let failed =
        |source| AggregateError::Table { table: LEDGER.name, operation: "read", source: Box::new(source) };
    let mut batches = table.read(&[("period", month.as_str())], None).await.map_err(failed)?;
    let mut out = Explanation::new("postings in the ledger");
    let (mut sum, mut hidden) = (0_i128, 0_usize);
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(failed)?;
        let columns = Columns::new(LEDGER.name, &batch);
        let (id, community, kind) =
            (columns.text("charge_id")?, columns.text("community")?, columns.text("kind")?);
        let (basis, amount) = (columns.text("basis")?, columns.money("amount")?);
        for row in (0..batch.num_rows()).filter(|&row| id.required(row) == query.charge) {
            if basis.required(row) != CostBasis::Billed.code() {
                continue;
            }
            sum += amount.value(row);
            let wanted = query.community.as_deref().is_none_or(|wanted| community.get(row) == Some(wanted));
            if !wanted || out.children.len() >= query.rows {
                hidden += 1;
                continue;
            }
            let label = format!("{} to {}", kind.required(row), community.get(row).unwrap_or("no community"));
            let child = row_facts(&batch, row, LEDGER.name, Explanation::new(label))?;
            out.children.push(child.value(pico_text(amount.value(row))));
        }
    }
    if hidden > 0 {
        out = out.fact("postings not shown", hidden);
    }
    Ok(out.value(pico_text(sum)))
}

/// The usage rows behind the weights of one cluster-hour.
async fn usage_rows(
    pods: &Table,
    cluster: &str,
    hour: Instant,
    limit: usize,
) -> Result<Explanation, AggregateError> {
    let date = hour.date().to_string();
    let failed =
        |source| AggregateError::Table { table: POD_USAGE.name, operation: "read", source: Box::new(source) };
    let mut batches = pods.read(&[("date", date.as_str())], None).await.map_err(failed)?;
    let mut out = Explanation::new(format!("usage rows of cluster {cluster} in that hour"));
    let mut count = 0_usize;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(failed)?;
        let columns = Columns::new(POD_USAGE.name, &batch);
        let (of, start, pod) = (columns.text("cluster")?, columns.time("start")?, columns.text("pod")?);
        for row in 0..batch.num_rows() {
            let inside = (hour.0..hour.0 + HOUR_US).contains(&start.value(row));
            if !inside || of.required(row) != cluster {
                continue;
            }
            count += 1;
            if out.children.len() < limit {
                let label = format!("pod {}", pod.required(row));
                out.children.push(row_facts(&batch, row, POD_USAGE.name, Explanation::new(label))?);
            }
        }
    }
    Ok(out.value(format!("{count} rows")))
}

/// Every column of a row that has a value.
fn row_facts(
    batch: &RecordBatch,
    row: usize,
    table: &'static str,
    mut out: Explanation,
) -> Result<Explanation, AggregateError> {
    let options = FormatOptions::default().with_null("");
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if column.is_null(row) {
            continue;
        }
        let text = ArrayFormatter::try_new(column.as_ref(), &options)
            .map_err(|source| AggregateError::Rows { table, source })?
            .value(row)
            .to_string();
        out = out.fact(field.name(), text);
    }
    Ok(out)
}
