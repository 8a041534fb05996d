//! `sql` over every table of the store, and over the registry's hubs.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::tables::{TABLES, USERS};
use hubtally_store::Store;

use crate::error::AggregateError;
use crate::hubs::register_hubs;
use crate::names::{decrypt_with, with_names};
use crate::scan::DeltaScan;
use crate::session::{Limits, register, session};

/// Runs a query over every table by its name, and over `hubs`; only reading statements are accepted. `users` has a
/// column `name` beside what is stored.
pub async fn sql(
    store: &Store,
    registry: &RegistryView,
    query: &str,
    limits: &Limits,
) -> Result<(SchemaRef, Vec<RecordBatch>), AggregateError> {
    let context = session(store, limits)?;
    for spec in TABLES {
        let failed =
            |source| AggregateError::Table { table: spec.name, operation: "read", source: Box::new(source) };
        let table = store.table(spec).await.map_err(failed)?;
        let files = table.files().map_err(failed)?;
        if spec.name == USERS.name {
            let scan = Arc::new(DeltaScan::new(spec, files, false));
            with_names(&context, scan, decrypt_with(store.keys()))
                .and_then(|users| context.register_table(spec.name, users))
                .map_err(|source| AggregateError::Query {
                    what: format!("table {}", spec.name),
                    source: Box::new(source),
                })?;
        } else {
            register(&context, spec, files, false)?;
        }
    }
    register_hubs(&context, registry)?;
    let failed =
        |source| AggregateError::Query { what: "your question".to_owned(), source: Box::new(source) };
    let reading = datafusion::execution::context::SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    let frame = context.sql_with_options(query, reading).await.map_err(failed)?;
    let schema = SchemaRef::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.map_err(failed)?;
    Ok((schema, batches))
}
