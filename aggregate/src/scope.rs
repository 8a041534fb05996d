//! A scope is what one bill line paid for in one hour: a node, a cluster's nodes of one purpose, or a
//! hub's pods. Its pods are summed by (namespace, user) here, before anything is split.

use ahash::AHashMap as HashMap;
use std::rc::Rc;

use hubtally_rules::compute::{Capacity, PodUse};

use crate::day::{Class, Day, PodHour};
use crate::symbols::{NONE, Symbol, Symbols};

/// What a line paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One node of [`Day::nodes`].
    Node(u32),
    /// All nodes of a cluster of one purpose, [`NONE`] for all that are not core; with a hub label,
    /// only the nodes that serve that hub.
    Nodes { cluster: Symbol, purpose: Symbol, hub_label: Symbol },
    /// The pods of one namespace, whatever node they ran on.
    Namespace { cluster: Symbol, namespace: Symbol },
}

/// Who used the scope, at the grain of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Who {
    pub class: Class,
    pub namespace: Symbol,
    pub user: Symbol,
}

/// One hour of a scope.
#[derive(Debug, Default)]
pub struct ScopeHour {
    /// Instance time observed, ms; for a namespace, 1 where it had pods.
    pub observed_ms: i64,
    pub capacity: Capacity,
    /// Sorted by class, namespace and user text: ties of a split fall in this order.
    pub who: Vec<Who>,
    pub uses: Vec<PodUse>,
}

/// Hours of scopes, worked out once a day.
pub struct Scopes<'a> {
    day: &'a Day,
    symbols: &'a Symbols,
    core: Option<Symbol>,
    hours: HashMap<(Scope, u8), Rc<ScopeHour>>,
    nodes: HashMap<Scope, Rc<[u32]>>,
}

impl<'a> Scopes<'a> {
    pub fn new(day: &'a Day, symbols: &'a Symbols) -> Self {
        Self { day, symbols, core: symbols.find("core"), hours: HashMap::new(), nodes: HashMap::new() }
    }

    /// One hour of a scope.
    pub fn hour(&mut self, scope: Scope, hour: u8) -> Rc<ScopeHour> {
        if let Some(known) = self.hours.get(&(scope, hour)) {
            return Rc::clone(known);
        }
        let built = Rc::new(self.build(scope, hour));
        self.hours.insert((scope, hour), Rc::clone(&built));
        built
    }

    /// Whether a node of that hub label exists today.
    pub fn has_nodes(&mut self, scope: Scope) -> bool {
        !self.nodes_of(scope).is_empty()
    }

    fn nodes_of(&mut self, scope: Scope) -> Rc<[u32]> {
        if let Some(known) = self.nodes.get(&scope) {
            return Rc::clone(known);
        }
        let of_cluster = |cluster: Symbol| self.day.by_cluster.get(&cluster).map_or(&[][..], Vec::as_slice);
        let list: Rc<[u32]> = match scope {
            Scope::Node(node) => Rc::from([node].as_slice()),
            Scope::Namespace { cluster, .. } => Rc::from(of_cluster(cluster)),
            Scope::Nodes { cluster, purpose, hub_label } => of_cluster(cluster)
                .iter()
                .copied()
                .filter(|&number| {
                    let node = &self.day.nodes[number as usize];
                    let purpose_fits = if purpose == NONE {
                        self.core.is_none_or(|core| node.purpose != core)
                    } else {
                        node.purpose == purpose
                    };
                    purpose_fits && (hub_label == NONE || node.hub_label == hub_label)
                })
                .collect(),
        };
        self.nodes.insert(scope, Rc::clone(&list));
        list
    }

    fn build(&mut self, scope: Scope, hour: u8) -> ScopeHour {
        let nodes = self.nodes_of(scope);
        let mut out = ScopeHour::default();
        let mut sums: HashMap<Who, PodUse> = HashMap::new();
        let mut order: Vec<Who> = Vec::new();
        for &number in nodes.iter() {
            let node = &self.day.nodes[number as usize];
            if !matches!(scope, Scope::Namespace { .. }) {
                let seen = &node.hours[usize::from(hour)];
                out.observed_ms += seen.observed_ms;
                out.capacity.cpu_millicore_ms += seen.cpu_millicore_ms;
                out.capacity.memory_byte_ms += seen.memory_byte_ms;
                out.capacity.gpu_milligpu_ms += seen.gpu_milligpu_ms;
            }
            let pods = &self.day.pods[node.pods.clone()];
            let from = pods.partition_point(|pod| pod.hour < hour);
            for pod in pods[from..].iter().take_while(|pod| pod.hour == hour) {
                if let Scope::Namespace { namespace, .. } = scope
                    && pod.namespace != namespace
                {
                    continue;
                }
                let who = Who { class: pod.class, namespace: pod.namespace, user: pod.user };
                let sum = sums.entry(who).or_insert_with(|| {
                    order.push(who);
                    PodUse::default()
                });
                add(sum, pod);
            }
        }
        if nodes.len() > 1 {
            order.sort_by(|a, b| {
                a.class
                    .cmp(&b.class)
                    .then_with(|| self.symbols.compare(a.namespace, b.namespace))
                    .then_with(|| self.symbols.compare(a.user, b.user))
            });
        }
        out.uses = order.iter().filter_map(|who| sums.get(who)).copied().collect();
        out.who = order;
        without_capacity(scope, &mut out);
        out
    }
}

/// Where no node was described, what was asked for stands for what there was: idle cannot be told.
fn without_capacity(scope: Scope, hour: &mut ScopeHour) {
    let known = hour.capacity.cpu_millicore_ms > 0 || hour.capacity.memory_byte_ms > 0;
    if known || hour.uses.is_empty() {
        return;
    }
    for pod in &hour.uses {
        hour.capacity.cpu_millicore_ms += pod.cpu;
        hour.capacity.memory_byte_ms += pod.memory;
        hour.capacity.gpu_milligpu_ms += pod.gpu;
    }
    if matches!(scope, Scope::Namespace { .. }) || hour.observed_ms == 0 {
        hour.observed_ms = 1;
    }
}

fn add(sum: &mut PodUse, pod: &PodHour) {
    sum.cpu += i128::from(pod.cpu);
    sum.memory += i128::from(pod.memory);
    sum.gpu += i128::from(pod.gpu);
    sum.memory_request += i128::from(pod.memory_request);
}
