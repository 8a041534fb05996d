//! What was observed on one UTC day: pod-hours by node, nodes, directories.

use std::collections::BTreeMap;

use ahash::AHashMap as HashMap;
use arrow::array::RecordBatch;
use chrono::NaiveDate;
use futures::StreamExt;
use hubtally_schemas::tables::{NODE_USAGE, STORAGE_USAGE, USAGE_HOURLY};
use hubtally_schemas::units::{DAY_US, HOUR_US, US_PER_MS};
use hubtally_schemas::{Instant, Span};
use hubtally_store::Table;

use crate::columns::{Columns, maybe};
use crate::error::AggregateError;
use crate::symbols::{NONE, Symbol, Symbols};

/// What a pod is for, as far as the split cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Users' work: servers, Dask, binder, builds.
    Work,
    /// Kept warm: idle.
    Placeholder,
    /// The cluster's own: shared.
    System,
}

/// One pod in one hour.
#[derive(Debug, Clone, Copy)]
pub struct PodHour {
    pub hour: u8,
    pub class: Class,
    pub namespace: Symbol,
    pub user: Symbol,
    pub cpu: i64,
    pub memory: i64,
    pub gpu: i64,
    pub memory_request: i64,
}

/// One node in one hour.
#[expect(clippy::struct_field_names, reason = "the unit stands last in a name")]
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeHour {
    pub observed_ms: i64,
    pub cpu_millicore_ms: i128,
    pub memory_byte_ms: i128,
    pub gpu_milligpu_ms: i128,
}

/// One node over the day.
#[derive(Debug)]
pub struct Node {
    pub cluster: Symbol,
    pub purpose: Symbol,
    pub hub_label: Symbol,
    pub hours: [NodeHour; 24],
    /// Its pod-hours in [`Day::pods`].
    pub pods: std::ops::Range<usize>,
}

/// One directory with its measurements, of this day and of the day before.
#[derive(Debug)]
pub struct Directory {
    pub namespace: Symbol,
    pub path: Symbol,
    pub user: Symbol,
    pub scans: Vec<(Instant, i64)>,
}

/// The day.
#[derive(Debug)]
pub struct Day {
    pub start: Instant,
    pub pods: Vec<PodHour>,
    pub nodes: Vec<Node>,
    /// Node numbers by cluster.
    pub by_cluster: HashMap<Symbol, Vec<u32>>,
    /// (cluster, node number) by the id that bills write: instance id, provider id or node name.
    pub by_resource: HashMap<Symbol, (Symbol, u32)>,
    /// Directories by cluster, sorted by namespace and path.
    pub directories: HashMap<Symbol, Vec<Directory>>,
    /// Requested memory by (cluster, namespace), byte·ms.
    pub memory: HashMap<(Symbol, Symbol), i128>,
    /// Pods and pods without a known node, by (cluster, hour).
    pub pod_counts: HashMap<(Symbol, u8), (i64, i64)>,
}

/// The tables that a day is read from.
pub struct DayTables<'a> {
    pub hourly: &'a Table,
    pub nodes: &'a Table,
    pub storage: &'a Table,
}

impl Day {
    /// Reads one day.
    pub async fn load(
        tables: &DayTables<'_>,
        date: NaiveDate,
        symbols: &mut Symbols,
    ) -> Result<Self, AggregateError> {
        let mut day = Self::empty(date);
        let mut builder = Builder::default();
        for batch in read(tables.nodes, date, NODE_COLUMNS).await? {
            builder.nodes(&batch, symbols)?;
        }
        let mut node_pods: HashMap<(Symbol, Symbol), Vec<PodHour>> = HashMap::new();
        for batch in read(tables.hourly, date, POD_COLUMNS).await? {
            day.take_pods(&batch, symbols, &builder, &mut node_pods)?;
        }
        day.place(builder, node_pods, symbols);
        let mut scans = Scans::new();
        for date in [date.pred_opt(), Some(date)].into_iter().flatten() {
            for batch in read(tables.storage, date, STORAGE_COLUMNS).await? {
                take_scans(&batch, symbols, &mut scans)?;
            }
        }
        day.directories = directories(scans, symbols);
        Ok(day)
    }

    fn empty(date: NaiveDate) -> Self {
        Self {
            start: Instant::at_midnight(date),
            pods: Vec::new(),
            nodes: Vec::new(),
            by_cluster: HashMap::new(),
            by_resource: HashMap::new(),
            directories: HashMap::new(),
            memory: HashMap::new(),
            pod_counts: HashMap::new(),
        }
    }

    /// Whether any node of a cluster was seen in an hour.
    pub fn nodes_seen(&self, cluster: Symbol, hour: u8) -> bool {
        let numbers = self.by_cluster.get(&cluster).map_or(&[][..], Vec::as_slice);
        numbers.iter().any(|&number| self.nodes[number as usize].hours[usize::from(hour)].observed_ms > 0)
    }

    /// One hour of it as a span.
    pub fn hour_span(&self, hour: u8) -> Span {
        let start = Instant(self.start.0 + i64::from(hour) * HOUR_US);
        Span { start, end: Instant(start.0 + HOUR_US) }
    }

    fn take_pods(
        &mut self,
        batch: &RecordBatch,
        symbols: &mut Symbols,
        builder: &Builder,
        node_pods: &mut HashMap<(Symbol, Symbol), Vec<PodHour>>,
    ) -> Result<(), AggregateError> {
        let columns = Columns::new(USAGE_HOURLY.name, batch);
        let (cluster, node) = (columns.text("cluster")?, columns.text("node")?);
        let (namespace, user, role) =
            (columns.text("namespace")?, columns.text("user_id")?, columns.text("role")?);
        let hour = columns.time("hour")?;
        let (cpu, memory) = (columns.int("cpu_millicore_ms")?, columns.int("memory_byte_ms")?);
        let (gpu, request) = (columns.int("gpu_milligpu_ms")?, columns.int("memory_request_byte_ms")?);
        let (cluster, node) = (cluster.symbols(symbols), node.symbols(symbols));
        let (namespace, user) = (namespace.symbols(symbols), user.symbols(symbols));
        for row in 0..batch.num_rows() {
            let at = hour_of(self.start, Instant(hour.value(row)));
            let (cluster, node, namespace) = (cluster[row], node[row], namespace[row]);
            let pod = PodHour {
                hour: at,
                class: class_of(role.required(row)),
                namespace,
                user: user[row],
                cpu: cpu.value(row),
                memory: memory.value(row),
                gpu: gpu.value(row),
                memory_request: maybe(request, row).unwrap_or(0),
            };
            let count = self.pod_counts.entry((cluster, at)).or_default();
            count.0 += 1;
            if !builder.known.contains_key(&(cluster, node)) {
                count.1 += 1;
            }
            if pod.class == Class::Work {
                *self.memory.entry((cluster, namespace)).or_default() += i128::from(pod.memory_request);
            }
            node_pods.entry((cluster, node)).or_default().push(pod);
        }
        Ok(())
    }

    /// Puts pods behind their nodes, in an order that does not depend on how files were read.
    fn place(
        &mut self,
        builder: Builder,
        mut node_pods: HashMap<(Symbol, Symbol), Vec<PodHour>>,
        symbols: &Symbols,
    ) {
        let mut nodes: Vec<((Symbol, Symbol), BuiltNode)> = builder.known.into_iter().collect();
        nodes.sort_by(|(a, _), (b, _)| {
            (symbols.text(a.0), symbols.text(a.1)).cmp(&(symbols.text(b.0), symbols.text(b.1)))
        });
        for ((cluster, name), built) in nodes {
            let mut pods = node_pods.remove(&(cluster, name)).unwrap_or_default();
            pods.sort_by(|a, b| {
                let key = |p: &PodHour| (p.hour, p.class);
                key(a).cmp(&key(b)).then_with(|| {
                    symbols.compare(a.namespace, b.namespace).then_with(|| symbols.compare(a.user, b.user))
                })
            });
            let from = self.pods.len();
            self.pods.append(&mut pods);
            let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            self.by_cluster.entry(cluster).or_default().push(number);
            for alias in [name, built.provider, built.instance] {
                if alias != NONE {
                    self.by_resource.insert(alias, (cluster, number));
                }
            }
            self.nodes.push(Node {
                cluster,
                purpose: built.purpose,
                hub_label: built.hub_label,
                hours: built.hours,
                pods: from..self.pods.len(),
            });
        }
        self.place_unknown(node_pods, symbols);
    }

    /// Pods whose node no source described still count: on a node without capacity of its own.
    fn place_unknown(&mut self, node_pods: HashMap<(Symbol, Symbol), Vec<PodHour>>, symbols: &Symbols) {
        let mut rest: Vec<_> = node_pods.into_iter().collect();
        rest.sort_by(|(a, _), (b, _)| {
            (symbols.text(a.0), symbols.text(a.1)).cmp(&(symbols.text(b.0), symbols.text(b.1)))
        });
        for ((cluster, _), mut pods) in rest {
            let from = self.pods.len();
            self.pods.append(&mut pods);
            let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
            self.by_cluster.entry(cluster).or_default().push(number);
            self.nodes.push(Node {
                cluster,
                purpose: NONE,
                hub_label: NONE,
                hours: [NodeHour::default(); 24],
                pods: from..self.pods.len(),
            });
        }
    }
}

const POD_COLUMNS: &[&str] = &[
    "cluster",
    "node",
    "hour",
    "namespace",
    "user_id",
    "role",
    "cpu_millicore_ms",
    "memory_byte_ms",
    "gpu_milligpu_ms",
    "memory_request_byte_ms",
];
const NODE_COLUMNS: &[&str] = &[
    "cluster",
    "node",
    "start",
    "end",
    "provider_id",
    "instance_id",
    "purpose",
    "hub_label",
    "cpu_capacity_millicore",
    "memory_capacity_byte",
    "gpu_capacity_milligpu",
];
const STORAGE_COLUMNS: &[&str] =
    &["cluster", "namespace", "exporter", "kind", "path", "time", "user_id", "bytes"];

async fn read(table: &Table, date: NaiveDate, columns: &[&str]) -> Result<Vec<RecordBatch>, AggregateError> {
    let date = date.to_string();
    let name = table.spec().name;
    let failed = |source| AggregateError::Table { table: name, operation: "read", source: Box::new(source) };
    let mut stream = table.read(&[("date", date.as_str())], Some(columns)).await.map_err(failed)?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch.map_err(failed)?);
    }
    Ok(batches)
}

fn hour_of(day: Instant, at: Instant) -> u8 {
    u8::try_from((at.0 - day.0).div_euclid(HOUR_US).clamp(0, 23)).unwrap_or(0)
}

fn class_of(role: &str) -> Class {
    match role {
        "placeholder" => Class::Placeholder,
        "system" => Class::System,
        _ => Class::Work,
    }
}

#[derive(Debug, Default)]
struct Builder {
    known: HashMap<(Symbol, Symbol), BuiltNode>,
}

#[derive(Debug)]
struct BuiltNode {
    provider: Symbol,
    instance: Symbol,
    purpose: Symbol,
    hub_label: Symbol,
    hours: [NodeHour; 24],
}

impl Builder {
    fn nodes(&mut self, batch: &RecordBatch, symbols: &mut Symbols) -> Result<(), AggregateError> {
        let columns = Columns::new(NODE_USAGE.name, batch);
        let (cluster, node) = (columns.text("cluster")?, columns.text("node")?);
        let provider = columns.text("provider_id")?;
        let (instance, purpose, hub) =
            (columns.text("instance_id")?, columns.text("purpose")?, columns.text("hub_label")?);
        let (start, end) = (columns.time("start")?, columns.time("end")?);
        let cpu = columns.int("cpu_capacity_millicore")?;
        let memory = columns.int("memory_capacity_byte")?;
        let gpu = columns.int("gpu_capacity_milligpu")?;
        for row in 0..batch.num_rows() {
            let key = (symbols.add(cluster.required(row)), symbols.add(node.required(row)));
            let built = self.known.entry(key).or_insert_with(|| BuiltNode {
                provider: NONE,
                instance: NONE,
                purpose: NONE,
                hub_label: NONE,
                hours: [NodeHour::default(); 24],
            });
            for (slot, text) in [
                (&mut built.provider, provider.get(row)),
                (&mut built.instance, instance.get(row)),
                (&mut built.purpose, purpose.get(row)),
                (&mut built.hub_label, hub.get(row)),
            ] {
                if let Some(text) = text.filter(|text| !text.is_empty()) {
                    *slot = symbols.add(text);
                }
            }
            let begin = Instant(start.value(row));
            let ms = (end.value(row) - begin.0) / US_PER_MS;
            let at = usize::try_from(begin.0.rem_euclid(DAY_US) / HOUR_US).unwrap_or(0);
            let hour = &mut built.hours[at.min(23)];
            hour.observed_ms += ms;
            hour.cpu_millicore_ms += i128::from(ms) * i128::from(cpu.value(row));
            hour.memory_byte_ms += i128::from(ms) * i128::from(memory.value(row));
            hour.gpu_milligpu_ms += i128::from(ms) * i128::from(gpu.value(row));
        }
        Ok(())
    }
}

/// (cluster, namespace, path) → exporter → (user, measurements).
type Scans = HashMap<(Symbol, Symbol, Symbol), BTreeMap<String, (Symbol, Vec<(Instant, i64)>)>>;

fn take_scans(batch: &RecordBatch, symbols: &mut Symbols, scans: &mut Scans) -> Result<(), AggregateError> {
    let columns = Columns::new(STORAGE_USAGE.name, batch);
    let (cluster, namespace) = (columns.text("cluster")?, columns.text("namespace")?);
    let (exporter, kind, path) = (columns.text("exporter")?, columns.text("kind")?, columns.text("path")?);
    let (time, user, bytes) = (columns.time("time")?, columns.text("user_id")?, columns.int("bytes")?);
    let (clusters, namespaces) = (cluster.symbols(symbols), namespace.symbols(symbols));
    let (paths, users) = (path.symbols(symbols), user.symbols(symbols));
    for row in 0..batch.num_rows() {
        if kind.required(row) != "directory" {
            continue;
        }
        let by_exporter = scans.entry((clusters[row], namespaces[row], paths[row])).or_default();
        let entry = match by_exporter.get_mut(exporter.required(row)) {
            Some(known) => known,
            None => by_exporter.entry(exporter.required(row).to_owned()).or_insert((NONE, Vec::new())),
        };
        if users[row] != NONE {
            entry.0 = users[row];
        }
        entry.1.push((Instant(time.value(row)), bytes.value(row)));
    }
    Ok(())
}

/// One series a directory: where two exporters measured it, the quota exporter's.
fn directories(scans: Scans, symbols: &Symbols) -> HashMap<Symbol, Vec<Directory>> {
    let mut out: HashMap<Symbol, Vec<Directory>> = HashMap::new();
    for ((cluster, namespace, path), mut by_exporter) in scans {
        let known_user =
            by_exporter.values().map(|(user, _)| *user).find(|user| *user != NONE).unwrap_or(NONE);
        let Some(chosen) =
            hubtally_rules::storage_hold::preferred_exporter(by_exporter.keys().map(String::as_str))
                .map(ToOwned::to_owned)
        else {
            continue;
        };
        let Some((_, mut scans)) = by_exporter.remove(&chosen) else { continue };
        scans.sort_unstable();
        out.entry(cluster).or_default().push(Directory { namespace, path, user: known_user, scans });
    }
    for list in out.values_mut() {
        list.sort_by(|a, b| {
            let text = |d: &Directory| (symbols.text(d.namespace), symbols.text(d.path));
            text(a).cmp(&text(b))
        });
    }
    out
}
