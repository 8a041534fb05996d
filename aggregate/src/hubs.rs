//! `hubs` for queries: which hub and community a namespace was, and from when to when.
//!
//! Usage tables hold (cluster, namespace) alone (law L5); a query that asks for hubs joins this one on the instant
//! of use: `hour >= since AND hour < until`.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};
use chrono::NaiveDate;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::Instant;
use hubtally_schemas::registry::Hub;
use hubtally_schemas::tables::ColumnType;

use crate::error::AggregateError;

/// Name of the table.
pub const HUBS: &str = "hubs";

/// Where a hub has no first day, and no last one. Both lie far from any usage, so that a join needs no NULL.
const EVER: NaiveDate = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
const FOREVER: NaiveDate = NaiveDate::from_ymd_opt(2200, 1, 1).unwrap();

/// Registers the registry's hubs.
pub fn register_hubs(context: &SessionContext, registry: &RegistryView) -> Result<(), AggregateError> {
    let failed = |source| AggregateError::Query { what: format!("table {HUBS}"), source: Box::new(source) };
    let batch = batch(&registry.registry().hubs)
        .map_err(|source| failed(datafusion::error::DataFusionError::from(source)))?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(failed)?;
    context.register_table(HUBS, Arc::new(table)).map(drop).map_err(failed)
}

fn batch(hubs: &[Hub]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let texts = |of: &dyn Fn(&Hub) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(hubs.iter().map(of)))
    };
    let times = |of: &dyn Fn(&Hub) -> NaiveDate| -> ArrayRef {
        let times = hubs.iter().map(|hub| Instant::at_midnight(of(hub)).0);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let communities = hubs.iter().map(|hub| hub.community.as_ref().map(AsRef::<str>::as_ref));
    let columns: [(&str, ColumnType, bool, ArrayRef); 8] = [
        ("cluster", ColumnType::Text, false, texts(&|hub| hub.cluster.as_str())),
        ("namespace", ColumnType::Text, false, texts(&|hub| hub.namespace.as_str())),
        ("hub", ColumnType::Text, false, texts(&|hub| hub.id.as_str())),
        ("name", ColumnType::Text, false, texts(&|hub| hub.name.as_deref().unwrap_or(hub.id.as_str()))),
        ("community", ColumnType::Text, true, Arc::new(communities.collect::<StringArray>())),
        (
            "staging",
            ColumnType::Bool,
            false,
            Arc::new(hubs.iter().map(|h| Some(h.staging)).collect::<BooleanArray>()),
        ),
        ("since", ColumnType::Time, false, times(&|hub| hub.from.unwrap_or(EVER))),
        ("until", ColumnType::Time, false, times(&|hub| hub.to.unwrap_or(FOREVER))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, kind, nullable, _)| Field::new(*name, kind.arrow(), *nullable)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns.into_iter().map(|column| column.3).collect())
}
