//! The record of a close: which table versions, registry, policy and program it saw.
//!
//! Records are numbered and written by put-if-absent, so two closes at once get two numbers.

use std::collections::BTreeMap;

use hubtally_aggregate::Allocated;
use hubtally_schemas::policy::Policy;
use hubtally_schemas::registry::Registry;
use hubtally_schemas::statement::UnreadFile;
use hubtally_schemas::tables::TABLES;
use hubtally_schemas::{Instant, Period, canonical, paths};
use hubtally_store::{PutOutcome, Store};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// What decides the result beside the tables: the documents, stored by content, and the program itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pins {
    registry: String,
    policy: String,
    binary: Binary,
}

/// What a close saw. A field is only ever added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    period: Period,
    sequence: u32,
    previous: Option<u32>,
    closed_at: Instant,
    tables: BTreeMap<String, i64>,
    registry: String,
    policy: String,
    inputs_digest: String,
    binary: Binary,
    /// Inputs that could not be used.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unread: Vec<UnreadFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Binary {
    version: String,
    sha256: Option<String>,
}

/// How often a number is fought over before giving up.
const MAX_ATTEMPTS: u32 = 100;

/// Stores registry and policy by content, and names their digests.
pub async fn pin(store: &Store, registry: &Registry, policy: &Policy) -> Result<Pins, Failure> {
    Ok(Pins {
        registry: store.put_config("registry", &canonical_bytes("registry", registry)?).await?,
        policy: store.put_config("policy", &canonical_bytes("policy", policy)?).await?,
        binary: Binary { version: env!("CARGO_PKG_VERSION").to_owned(), sha256: own_digest() },
    })
}

/// Whether the last close of the month saw exactly what stands there now, so that another allocation would write
/// the same books again (law L7).
pub async fn is_current(
    store: &Store,
    period: Period,
    pins: &Pins,
    unread: &[UnreadFile],
) -> Result<bool, Failure> {
    let Some(record) = last(store, period).await? else { return Ok(false) };
    let seen = Pins { registry: record.registry, policy: record.policy, binary: record.binary };
    let same = seen == *pins && pins.binary.sha256.is_some() && record.unread == unread;
    Ok(same && record.tables == table_versions(store).await?)
}

/// The inputs that the last close of the month could not use.
pub async fn unread(store: &Store, period: Period) -> Result<Vec<UnreadFile>, Failure> {
    Ok(last(store, period).await?.map_or_else(Vec::new, |record| record.unread))
}

async fn last(store: &Store, period: Period) -> Result<Option<Record>, Failure> {
    match last_sequence(store, period).await? {
        Some(last) => read(store, period, last).await,
        None => Ok(None),
    }
}

/// Writes the record of a close.
pub async fn write(
    store: &Store,
    period: Period,
    pins: &Pins,
    allocated: &Allocated,
    unread: &[UnreadFile],
    now: Instant,
) -> Result<(), Failure> {
    let tables = table_versions(store).await?;
    for _ in 0..MAX_ATTEMPTS {
        let previous = last_sequence(store, period).await?;
        let sequence = previous.unwrap_or(0) + 1;
        let record = Record {
            period,
            sequence,
            previous,
            closed_at: now,
            tables: tables.clone(),
            registry: pins.registry.clone(),
            policy: pins.policy.clone(),
            inputs_digest: allocated.inputs_digest.clone(),
            binary: pins.binary.clone(),
            unread: unread.to_vec(),
        };
        let bytes = canonical_bytes("record of the close", &record)?;
        match store.put_if_absent(&paths::close_record(period, sequence), bytes.into()).await? {
            PutOutcome::Created | PutOutcome::AlreadyThere { same_bytes: true } => return Ok(()),
            PutOutcome::AlreadyThere { same_bytes: false } => {}
        }
    }
    Err(Failure::Contended { path: paths::period_folder(period) })
}

async fn table_versions(store: &Store) -> Result<BTreeMap<String, i64>, Failure> {
    let mut versions = BTreeMap::new();
    for spec in TABLES.iter().copied() {
        versions.insert(spec.name.to_owned(), store.table(spec).await?.version());
    }
    Ok(versions)
}

async fn last_sequence(store: &Store, period: Period) -> Result<Option<u32>, Failure> {
    let paths = store.list(&paths::period_folder(period)).await?;
    Ok(paths.iter().filter_map(|path| paths::sequence_of(path)).max())
}

async fn read(store: &Store, period: Period, sequence: u32) -> Result<Option<Record>, Failure> {
    let bytes = store.get(&paths::close_record(period, sequence)).await?;
    // A record of a newer release may hold what this one cannot read: then the new close stands beside it.
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

fn canonical_bytes<T: Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, Failure> {
    canonical::to_vec(value).map_err(|error| Failure::Form {
        what,
        form: "canonical JSON",
        source: Box::new(error),
    })
}

/// SHA-256 of the program itself, where the system lets it be read.
fn own_digest() -> Option<String> {
    let bytes = std::fs::read(std::env::current_exe().ok()?).ok()?;
    Some(canonical::sha256_hex(&bytes))
}
