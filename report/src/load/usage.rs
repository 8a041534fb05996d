//! What was used: pods by hour, and home directories by scan.

use std::collections::{BTreeMap, HashMap};

use arrow::array::Array;
use hubtally_rules::RegistryView;
use hubtally_rules::directory::{Owner, owner_of};
use hubtally_rules::storage_hold::{HOLD_MS, exporter_rank};
use hubtally_schemas::period::{date_to_day, day_to_date};
use hubtally_schemas::tables::{STORAGE_USAGE, USAGE_HOURLY};
use hubtally_schemas::{Instant, Period};

use super::Reader;
use super::columns::Columns;
use crate::error::ReportError;
use crate::facts::storage::{HomeDirectories, UserDirectory};
use crate::facts::symbols::{Symbol, Symbols};
use crate::facts::usage::UsageOf;

/// Memory, CPU and GPU by hub and user. Which community a namespace belongs to is asked day by day (law L5).
pub async fn pods(
    reader: &mut Reader<'_>,
    registry: &RegistryView,
    period: Period,
) -> Result<Vec<UsageOf>, ReportError> {
    let wanted =
        ["cluster", "namespace", "user_id", "role", "memory_byte_ms", "cpu_millicore_ms", "gpu_milligpu_ms"];
    let table = reader.open(&USAGE_HOURLY).await?;
    let mut symbols = Symbols::default();
    let binder = symbols.add("binder");
    let mut by_place: HashMap<([Symbol; 5], bool), [i128; 3]> = HashMap::new();
    for date in period.days() {
        let noon = Instant::at_midnight(date);
        let mut hubs: HashMap<(Symbol, Symbol), (Symbol, Symbol)> = HashMap::new();
        Reader::scan(&table, &[("date", &date.to_string())], &wanted, |batch| {
            let columns = Columns::new(&USAGE_HOURLY, batch);
            let clusters = symbols.column(columns.text("cluster")?);
            let namespaces = symbols.column(columns.text("namespace")?);
            let users = symbols.column(columns.text("user_id")?);
            let roles = symbols.column(columns.text("role")?);
            let quantities = [
                columns.int("memory_byte_ms")?,
                columns.int("cpu_millicore_ms")?,
                columns.int("gpu_milligpu_ms")?,
            ];
            for row in 0..batch.num_rows() {
                let key = (clusters[row], namespaces[row]);
                let (community, hub) = *hubs.entry(key).or_insert_with(|| {
                    let texts = (symbols.owned(key.0), symbols.owned(key.1));
                    match registry.hub_at_text(&texts.0, &texts.1, noon) {
                        None => (Symbols::NONE, Symbols::NONE),
                        Some(hub) => (
                            symbols.add_option(hub.community.as_ref().map(AsRef::as_ref)),
                            symbols.add(hub.id.as_str()),
                        ),
                    }
                });
                let sums = by_place
                    .entry(([community, key.0, hub, key.1, users[row]], roles[row] == binder))
                    .or_default();
                for (sum, quantity) in sums.iter_mut().zip(quantities) {
                    // i128 holds 10¹⁹ rows of the largest hour.
                    *sum += i128::from(quantity.value(row));
                }
            }
            Ok(())
        })
        .await?;
    }
    let mut usage: Vec<UsageOf> = by_place
        .into_iter()
        .map(|(([community, cluster, hub, namespace, user], binder), [memory, cpu, gpu])| UsageOf {
            binder,
            community: symbols.owned(community),
            cluster: symbols.owned(cluster),
            hub: symbols.owned(hub),
            namespace: symbols.owned(namespace),
            user_id: symbols.owned(user),
            memory_byte_ms: memory,
            cpu_millicore_ms: cpu,
            gpu_milligpu_ms: gpu,
        })
        .collect();
    usage.sort_by(|a, b| {
        let key =
            |u: &UsageOf| [&u.community, &u.cluster, &u.hub, &u.namespace, &u.user_id].map(String::clone);
        (key(a), a.binder).cmp(&(key(b), b.binder))
    });
    Ok(usage)
}

/// A directory as its last scan of the month saw it.
#[derive(Clone, Copy)]
struct Seen {
    rank: usize,
    at: Instant,
    bytes: i64,
    modified: Option<i32>,
    user: Symbol,
}

/// Home directories by hub: those that the hub's last scans still saw.
pub async fn homes(
    reader: &mut Reader<'_>,
    registry: &RegistryView,
    period: Period,
) -> Result<Vec<HomeDirectories>, ReportError> {
    let wanted = [
        "cluster",
        "namespace",
        "exporter",
        "kind",
        "path",
        "time",
        "user_id",
        "bytes",
        "latest_modification",
    ];
    let table = reader.open(&STORAGE_USAGE).await?;
    let mut symbols = Symbols::default();
    let directory = symbols.add("directory");
    let mut last: HashMap<[Symbol; 3], Seen> = HashMap::new();
    for date in period.days() {
        Reader::scan(&table, &[("date", &date.to_string())], &wanted, |batch| {
            let columns = Columns::new(&STORAGE_USAGE, batch);
            let clusters = symbols.column(columns.text("cluster")?);
            let namespaces = symbols.column(columns.text("namespace")?);
            let kinds = symbols.column(columns.text("kind")?);
            let paths = symbols.column(columns.text("path")?);
            let users = symbols.column(columns.text("user_id")?);
            let exporters = columns.text("exporter")?;
            let (times, bytes) = (columns.time("time")?, columns.int("bytes")?);
            let modified = columns.time("latest_modification")?;
            for row in (0..batch.num_rows()).filter(|row| kinds[*row] == directory) {
                let seen = Seen {
                    rank: exporter_rank(exporters.value(row)),
                    at: Instant(times.value(row)),
                    bytes: bytes.value(row),
                    modified: modified.is_valid(row).then(|| Instant(modified.value(row)).day()),
                    user: users[row],
                };
                let known = last.entry([clusters[row], namespaces[row], paths[row]]).or_insert(seen);
                // The preferred exporter wins; of one exporter's scans, the last.
                if seen.rank < known.rank || (seen.rank == known.rank && seen.at >= known.at) {
                    *known = seen;
                }
            }
            Ok(())
        })
        .await?;
    }
    Ok(by_hub(registry, &symbols, &last))
}

fn by_hub(
    registry: &RegistryView,
    symbols: &Symbols,
    last: &HashMap<[Symbol; 3], Seen>,
) -> Vec<HomeDirectories> {
    let mut scanned: HashMap<(Symbol, Symbol), Instant> = HashMap::new();
    for ([cluster, namespace, _], seen) in last {
        let at = scanned.entry((*cluster, *namespace)).or_insert(seen.at);
        *at = seen.at.max(*at);
    }
    let mut directories: Vec<([String; 3], Seen, Instant)> = last
        .iter()
        .filter_map(|(key, seen)| {
            let newest = scanned.get(&(key[0], key[1])).copied()?;
            // What the last scans no longer saw was deleted before them.
            let still_there = newest.ms().saturating_sub(seen.at.ms()) < HOLD_MS;
            still_there.then(|| (key.map(|symbol| symbols.owned(symbol)), *seen, newest))
        })
        .collect();
    directories.sort_by(|a, b| a.0.cmp(&b.0));
    let mut homes: BTreeMap<(String, String), HomeDirectories> = BTreeMap::new();
    for ([cluster, namespace, path], seen, newest) in directories {
        let hub = registry.hub_at_text(&cluster, &namespace, newest);
        let last_scan = date_to_day(day_to_date(newest.day()));
        let home = homes.entry((cluster.clone(), namespace.clone())).or_insert_with(|| HomeDirectories {
            community: hub
                .and_then(|hub| hub.community.as_ref())
                .map(ToString::to_string)
                .unwrap_or_default(),
            hub: hub.map(|hub| hub.id.to_string()).unwrap_or_default(),
            cluster,
            namespace,
            last_scan,
            ..HomeDirectories::default()
        });
        let of_hub = hub.map_or(&[][..], |hub| &hub.shared_directories);
        let bytes = i128::from(seen.bytes);
        let user = symbols.text(seen.user);
        match (owner_of(&path, of_hub, user.is_some()), user) {
            (Owner::User, Some(user)) => {
                home.users.push(UserDirectory { user_id: user.to_owned(), bytes, modified: seen.modified });
            }
            (Owner::Hub, _) => home.shared.add(bytes, seen.modified, last_scan),
            _ => home.orphans.add(bytes, seen.modified, last_scan),
        }
    }
    homes.into_values().collect()
}
