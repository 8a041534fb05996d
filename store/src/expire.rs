//! Takes away what no version needs that anybody may still ask for: log entries before the last checkpoint below
//! the horizon, and data files that no version from the horizon on has.
//!
//! The horizon of a table is the oldest version that a close has pinned, or the one of some days ago if that is
//! older: whoever reads or writes now stands above it. Everything is planned and compared with what really lies
//! there before the first object goes; what does not fit together stops all of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures::{StreamExt as _, TryStreamExt as _};
use hubtally_schemas::tables::{TABLES, TableSpec, by_name};
use hubtally_schemas::{Instant, paths};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::positions::checkpoint_name;
use crate::store::Store;
use crate::table::Table;

/// Objects that are removed, or log entries that are read, at the same time.
const AT_ONCE: usize = 16;

/// What may go.
#[derive(Debug, Clone, Copy)]
pub struct Expiry {
    /// The present.
    pub now: Instant,
    /// Nothing younger goes, days; at least one.
    pub keep_days: u32,
}

/// What went, of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Expired {
    /// The oldest version that can be read from now on.
    pub oldest_version: i64,
    /// Log entries and checkpoints.
    pub log_entries: u64,
    /// Data files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What is to go, of one table.
struct Plan {
    spec: &'static TableSpec,
    oldest_version: i64,
    log: Vec<Path>,
    files: Vec<Path>,
    bytes: u64,
}

/// What lies in a table's folder.
#[derive(Default)]
struct Lying {
    /// Log entries by version, with when they were written.
    entries: BTreeMap<i64, (Path, Instant)>,
    /// Parts of checkpoints by version and number of parts.
    checkpoints: BTreeMap<(i64, usize), Vec<Path>>,
    /// Data files by their path in the table, with size and time.
    files: HashMap<String, (u64, Instant)>,
}

/// The part of a close's record that pins.
#[derive(Deserialize)]
struct Pinning {
    tables: BTreeMap<String, i64>,
}

#[derive(Deserialize)]
struct Line {
    add: Option<Added>,
    remove: Option<Removed>,
}

#[derive(Deserialize)]
struct Added {
    path: String,
}

#[derive(Deserialize)]
struct Removed {
    path: String,
}

/// Removes what may go of all tables; by table, those of which something went.
pub(crate) async fn expire(
    store: &Store,
    expiry: Expiry,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<BTreeMap<String, Expired>, StoreError> {
    let pins = pins(store).await?;
    let mut plans = Vec::new();
    for spec in TABLES.iter().copied() {
        progress(&format!("looking at what lies of {}", spec.name));
        let pinned = pins.get(spec.name).cloned().unwrap_or_default();
        plans.extend(plan(store, spec, &pinned, expiry).await?);
    }
    let mut expired = BTreeMap::new();
    for plan in plans {
        progress(&format!("removing what nobody can ask for of {}", plan.spec.name));
        // The log first: no version can then be opened whose files are gone.
        remove(store, &plan.log).await?;
        remove(store, &plan.files).await?;
        let count = |paths: &[Path]| paths.len() as u64;
        let (log_entries, files) = (count(&plan.log), count(&plan.files));
        let Plan { spec, oldest_version, bytes, .. } = plan;
        expired.insert(spec.name.to_owned(), Expired { oldest_version, log_entries, files, bytes });
    }
    Ok(expired)
}

/// The versions that closes have pinned, by table. A record that cannot be understood may pin anything.
async fn pins(store: &Store) -> Result<BTreeMap<String, BTreeSet<i64>>, StoreError> {
    let mut pins: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for path in store.list(paths::PERIODS).await? {
        if paths::sequence_of(&path).is_none() {
            continue;
        }
        let refuse = |why: String| StoreError::Pins { path: path.clone(), why };
        let bytes = store.get(&path).await?.ok_or_else(|| refuse("it is gone".to_owned()))?;
        let record: Pinning = serde_json::from_slice(&bytes).map_err(|error| refuse(error.to_string()))?;
        for (table, version) in record.tables {
            if by_name(&table).is_none() {
                return Err(refuse(format!("it names the table {table}, which this release does not know")));
            }
            pins.entry(table).or_default().insert(version);
        }
    }
    Ok(pins)
}

async fn plan(
    store: &Store,
    spec: &'static TableSpec,
    pinned: &BTreeSet<i64>,
    expiry: Expiry,
) -> Result<Option<Plan>, StoreError> {
    let refuse = |why: String| StoreError::Inconsistent { table: spec.name, why };
    let table = Table::open(store, spec).await?;
    let newest = table.version();
    if let Some(pin) = pinned.iter().find(|pin| **pin > newest) {
        return Err(refuse(format!("a close has pinned version {pin}, and its log ends at {newest}")));
    }
    // Listed after the newest version was read: whatever it names lies there.
    let lying = Lying::list(store, spec).await?;
    let settled = Instant(expiry.now.0.saturating_sub(i64::from(expiry.keep_days.max(1)) * 86_400_000_000));
    let mut old = lying.entries.iter().filter(|(_, (_, written))| *written <= settled);
    let Some((settled_version, _)) = old.next_back() else { return Ok(None) };
    let horizon = pinned.first().copied().unwrap_or(newest).min(*settled_version);
    let first = lying.first_readable(horizon).ok_or_else(|| {
        refuse(format!(
            "version {horizon} cannot be read: there is neither a checkpoint below it nor its whole log"
        ))
    })?;
    if let Some(gap) = (first..=newest).skip(1).find(|version| !lying.entries.contains_key(version)) {
        return Err(refuse(format!("entry {gap} of its log is missing")));
    }
    let needed = needed(store, &table, &lying, (horizon, newest), pinned).await?;
    let expired = |(path, (_, written)): &(&String, &(u64, Instant))| {
        *written <= settled && !needed.contains(path.as_str())
    };
    let folder = paths::table(spec.name);
    let (mut files, mut bytes) = (Vec::new(), 0_u64);
    for (path, (size, _)) in lying.files.iter().filter(expired) {
        files.push(Path::from(format!("{folder}/{path}")));
        bytes = bytes.saturating_add(*size);
    }
    files.sort();
    let log = lying.before(first);
    let is_something = !log.is_empty() || !files.is_empty();
    Ok(is_something.then_some(Plan { spec, oldest_version: first, log, files, bytes }))
}

/// The files that some version from the horizon on has. Those of pinned versions and of the newest must lie there,
/// in their size.
async fn needed(
    store: &Store,
    table: &Table,
    lying: &Lying,
    (horizon, newest): (i64, i64),
    pinned: &BTreeSet<i64>,
) -> Result<HashSet<String>, StoreError> {
    let spec = table.spec();
    let folder = format!("{}/", paths::table(spec.name));
    let refuse = |why: String| StoreError::Inconsistent { table: spec.name, why };
    let at_horizon = table.at_version(horizon).await?;
    let mut active: HashSet<String> = HashSet::new();
    for file in at_horizon.files()? {
        let path = file.path.strip_prefix(&folder).unwrap_or(&file.path).to_owned();
        if lying.files.get(&path).is_some_and(|(size, _)| *size != file.size) {
            return Err(refuse(format!("{path} of version {horizon} has another size than its log says")));
        }
        active.insert(path);
    }
    let mut needed = active.clone();
    let complete = |version: i64, active: &HashSet<String>| {
        if version != newest && !pinned.contains(&version) {
            return Ok(());
        }
        match active.iter().find(|path| !lying.files.contains_key(*path)) {
            Some(path) => Err(refuse(format!("{path} of version {version} is missing"))),
            None => Ok(()),
        }
    };
    complete(horizon, &active)?;
    let objects = store.object_store();
    let mut entries = futures::stream::iter(horizon + 1..=newest)
        .map(|version| read_entry(&objects, lying, version))
        .buffered(AT_ONCE);
    while let Some(entry) = entries.next().await {
        let (version, lines) = entry.map_err(|why| why.of(spec))?;
        for line in lines {
            if let Some(removed) = line.remove {
                active.remove(&decoded(&removed.path));
            }
            if let Some(added) = line.add {
                let path = decoded(&added.path);
                needed.insert(path.clone());
                active.insert(path);
            }
        }
        complete(version, &active)?;
    }
    Ok(needed)
}

/// Why an entry could not be read.
enum Unread {
    Missing(i64),
    Failed(String, Error),
    Odd(i64, String),
}

impl Unread {
    fn of(self, spec: &'static TableSpec) -> StoreError {
        let refuse = |why: String| StoreError::Inconsistent { table: spec.name, why };
        match self {
            Self::Missing(version) => refuse(format!("entry {version} of its log is missing")),
            Self::Failed(path, source) => StoreError::Get { path, source },
            Self::Odd(version, why) => {
                refuse(format!("entry {version} of its log cannot be understood: {why}"))
            }
        }
    }
}

async fn read_entry(
    objects: &std::sync::Arc<dyn ObjectStore>,
    lying: &Lying,
    version: i64,
) -> Result<(i64, Vec<Line>), Unread> {
    let (path, _) = lying.entries.get(&version).ok_or(Unread::Missing(version))?;
    let failed = |source| Unread::Failed(path.to_string(), source);
    let bytes = objects.get(path).await.map_err(failed)?.bytes().await.map_err(failed)?;
    let text = std::str::from_utf8(&bytes).map_err(|error| Unread::Odd(version, error.to_string()))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str);
    let lines = lines.collect::<Result<_, _>>().map_err(|error| Unread::Odd(version, error.to_string()))?;
    Ok((version, lines))
}

/// Paths stand percent-encoded in the log.
fn decoded(path: &str) -> String {
    Path::from_url_path(path).map_or_else(|_| path.to_owned(), |path| path.to_string())
}

impl Lying {
    async fn list(store: &Store, spec: &'static TableSpec) -> Result<Self, StoreError> {
        let folder = paths::table(spec.name);
        let objects = store.object_store();
        let failed = |source| StoreError::List { path: folder.clone(), source };
        let mut listing = objects.list(Some(&Path::from(folder.as_str())));
        let mut lying = Self::default();
        while let Some(meta) = listing.try_next().await.map_err(failed)? {
            let written = Instant(meta.last_modified.timestamp_micros());
            let inside =
                meta.location.as_ref().strip_prefix(&format!("{folder}/")).unwrap_or_default().to_owned();
            let Some(name) = inside.strip_prefix("_delta_log/") else {
                lying.files.insert(inside, (meta.size, written));
                continue;
            };
            if let Some((version, parts)) = checkpoint_name(name) {
                if let Ok(version) = i64::try_from(version) {
                    lying.checkpoints.entry((version, parts)).or_default().push(meta.location);
                }
            } else if let Some(version) = name.strip_suffix(".json").and_then(|number| number.parse().ok()) {
                lying.entries.insert(version, (meta.location, written));
            }
        }
        Ok(lying)
    }

    /// The version from which on the log must stay so that `horizon` can be read: that of the newest whole
    /// checkpoint up to it, or 0 where the log begins there.
    fn first_readable(&self, horizon: i64) -> Option<i64> {
        let whole = self.checkpoints.iter().filter(|((_, parts), paths)| paths.len() == *parts);
        let newest = whole.map(|((version, _), _)| *version).filter(|version| *version <= horizon).max();
        newest.or_else(|| self.entries.contains_key(&0).then_some(0))
    }

    /// Entries and checkpoints before a version.
    fn before(&self, first: i64) -> Vec<Path> {
        let entries = self.entries.range(..first).map(|(_, (path, _))| path.clone());
        let checkpoints = self.checkpoints.range(..(first, 0)).flat_map(|(_, paths)| paths.iter().cloned());
        entries.chain(checkpoints).collect()
    }
}

/// Removes objects; one that is gone already was removed by another.
async fn remove(store: &Store, paths: &[Path]) -> Result<(), StoreError> {
    let objects = store.object_store();
    let removals = paths.iter().map(|path| {
        let objects = objects.clone();
        async move {
            match objects.delete(path).await {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(source) => Err(StoreError::Delete { path: path.to_string(), source }),
            }
        }
    });
    futures::stream::iter(removals).buffer_unordered(AT_ONCE).try_collect().await
}
