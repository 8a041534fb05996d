//! From the store's tables to the month's facts: streamed file after file, folded as it comes.

mod columns;
mod derived;
mod names;
mod refused;
mod usage;

use std::collections::BTreeMap;

use arrow::record_batch::RecordBatch;
use futures::TryStreamExt;
use hubtally_rules::RegistryView;
use hubtally_schemas::Period;
use hubtally_schemas::policy::Policy;
use hubtally_schemas::statement::UnreadFile;
use hubtally_schemas::tables::{self, TableSpec};
use hubtally_store::{Store, Table};

pub use self::names::Names;
pub use self::names::of_users;
use crate::error::ReportError;
use crate::facts::Month;

/// Everything that the documents of a month are made of, and where it was read.
#[derive(Debug)]
pub struct Loaded {
    /// The facts.
    pub month: Month,
    /// Versions of the tables that were read, by name.
    pub versions: BTreeMap<&'static str, i64>,
}

/// Reads a month. `unread` are inputs that could not be used: the store knows nothing of them.
pub async fn load(
    store: &Store,
    registry: &RegistryView,
    policy: &Policy,
    period: Period,
    unread: &[UnreadFile],
) -> Result<Loaded, ReportError> {
    let mut reader = Reader { store, versions: BTreeMap::new() };
    let partition = period.to_string();
    let basis = policy.cost_basis.code();
    let (leaves, without_payer) = derived::ledger(&mut reader, registry, &partition, basis).await?;
    let bills = derived::bills(&mut reader, registry, policy, period).await?;
    let month = Month {
        leaves,
        without_payer,
        refused: refused::refused(&mut reader, period, &bills).await?,
        unread: unread.to_vec(),
        hours: derived::hours(&mut reader, &partition).await?,
        certificates: derived::certificates(&mut reader, &partition, basis).await?,
        bills,
        usage: usage::pods(&mut reader, registry, period).await?,
        homes: usage::homes(&mut reader, registry, period).await?,
    };
    Ok(Loaded { month, versions: reader.versions })
}

/// Opens tables, and remembers at which version.
struct Reader<'a> {
    store: &'a Store,
    versions: BTreeMap<&'static str, i64>,
}

impl Reader<'_> {
    async fn open(&mut self, spec: &'static TableSpec) -> Result<Table, ReportError> {
        let table = self.store.table(spec).await.map_err(|source| read_error(spec, source))?;
        self.versions.insert(spec.name, table.version());
        Ok(table)
    }

    /// Hands each batch of a partition to `each`.
    async fn scan(
        table: &Table,
        partition: &[(&str, &str)],
        columns: &[&str],
        mut each: impl FnMut(&RecordBatch) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let spec = table.spec();
        let mut batches =
            table.read(partition, Some(columns)).await.map_err(|source| read_error(spec, source))?;
        while let Some(batch) = batches.try_next().await.map_err(|source| read_error(spec, source))? {
            each(&batch)?;
        }
        Ok(())
    }
}

fn read_error(spec: &'static TableSpec, source: hubtally_store::StoreError) -> ReportError {
    ReportError::Read { table: spec.name, source: Box::new(source) }
}

/// The tables whose versions a document names.
pub const READ: &[&str] = &[
    tables::CHARGES.name,
    tables::LEDGER.name,
    tables::CONSERVATION.name,
    tables::COMPLETENESS.name,
    tables::USAGE_HOURLY.name,
    tables::STORAGE_USAGE.name,
    tables::REJECTS.name,
];
