//! The query engine within its limits: memory, threads, spill folder.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use hubtally_schemas::tables::TableSpec;
use hubtally_store::{DataFile, Store};
use url::Url;

use crate::error::AggregateError;
use crate::scan::{DeltaScan, STORE_URL};

/// What one job may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory for queries, bytes; beyond it sorts and groups spill to disk.
    pub memory_bytes: usize,
    /// Threads.
    pub threads: usize,
    /// Where to spill.
    pub spill_folder: PathBuf,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, threads: 2, spill_folder: std::env::temp_dir() }
    }
}

/// A session over the store's files, without tables.
pub fn session(store: &Store, limits: &Limits) -> Result<SessionContext, AggregateError> {
    let engine =
        |source| AggregateError::Engine { memory_bytes: limits.memory_bytes, source: Box::new(source) };
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![limits.spill_folder.clone()]));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(engine)?;
    let config = SessionConfig::new()
        .with_target_partitions(limits.threads.max(1))
        .with_information_schema(true)
        .set_bool("datafusion.execution.parquet.pushdown_filters", false)
        .set_bool("datafusion.sql_parser.enable_ident_normalization", true)
        // The parser's own dialect forgives a comma before FROM, and so takes a last column `cluster` for the
        // beginning of CLUSTER BY.
        .set_str("datafusion.sql_parser.dialect", "postgresql");
    let context = SessionContext::new_with_config_rt(config, runtime);
    if let Ok(url) = Url::parse(STORE_URL) {
        context.register_object_store(&url, store.object_store());
    }
    Ok(context)
}

/// Registers a table under its name, over these files.
pub fn register(
    context: &SessionContext,
    spec: &'static TableSpec,
    files: Vec<DataFile>,
    ordered: bool,
) -> Result<(), AggregateError> {
    context.register_table(spec.name, Arc::new(DeltaScan::new(spec, files, ordered))).map(drop).map_err(
        |source| AggregateError::Query { what: format!("table {}", spec.name), source: Box::new(source) },
    )
}
