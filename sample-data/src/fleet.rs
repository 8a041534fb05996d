//! Nodes and the autoscaler: a node comes when a pod needs it and goes ten minutes after the last.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::dice::Dice;
use crate::machines::{Machine, Purpose, Size, machine_of};
use crate::places::{Cloud, ClusterPlan};

/// From the order of an instance to the moment when pods run on it, at least.
const BOOT_MS: i64 = 95_000;
/// How long a node stays empty before it is taken away, at least.
const EMPTY_MS: i64 = 600_000;

/// A pool of equal nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolKey {
    /// What for.
    pub purpose: Purpose,
    /// The hub that it serves alone, by index.
    pub hub: Option<usize>,
    /// Size.
    pub size: Size,
}

/// A node from order to end.
#[derive(Debug, Clone)]
pub struct Node {
    /// Name in Kubernetes.
    pub name: Rc<str>,
    /// Uid in Kubernetes.
    pub uid: Rc<str>,
    /// Instance id on bills.
    pub instance_id: Rc<str>,
    /// `spec.providerID`.
    pub provider_id: Rc<str>,
    /// Id of its root disk.
    pub disk_id: Rc<str>,
    /// Type.
    pub machine: &'static Machine,
    /// Pool.
    pub pool: PoolKey,
    /// When the instance is billed from, ms.
    pub start_ms: i64,
    /// When pods run on it from, ms.
    pub ready_ms: i64,
    /// When the instance ends, ms; `i64::MAX` while it is needed.
    pub end_ms: i64,
    serial: u64,
    free: Room,
    pods: u32,
}

/// What a pod takes of a node.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Millicores.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// MilliGPU.
    pub gpu: i64,
}

/// Where a pod went.
#[derive(Debug, Clone)]
pub struct Seat {
    pool: PoolKey,
    serial: u64,
    room: Room,
    /// Node name.
    pub node: Rc<str>,
    /// When the node takes pods, ms.
    pub ready_ms: i64,
}

/// The nodes of one cluster.
#[derive(Debug)]
pub struct Fleet<'a> {
    plan: &'a ClusterPlan,
    pools: BTreeMap<PoolKey, Vec<Node>>,
    dice: Dice,
    serial: u64,
}

impl<'a> Fleet<'a> {
    /// An empty fleet.
    pub fn new(seed: u64, plan: &'a ClusterPlan) -> Self {
        Self { plan, pools: BTreeMap::new(), dice: Dice::new(seed, &["fleet", &plan.id]), serial: 0 }
    }

    /// Finds a node with room, or orders one.
    pub fn place(&mut self, at_ms: i64, pool: PoolKey, room: Room) -> Seat {
        let nodes = self.pools.entry(pool).or_default();
        let fits = |node: &&mut Node| {
            node.end_ms > at_ms
                && node.free.cpu >= room.cpu
                && node.free.memory >= room.memory
                && node.free.gpu >= room.gpu
        };
        if let Some(node) = nodes.iter_mut().find(fits) {
            return node.take(room);
        }
        let mut node = order(self.plan, &mut self.dice, pool, at_ms, self.serial);
        self.serial += 1;
        let seat = node.take(room);
        nodes.push(node);
        seat
    }

    /// Gives a seat back; an empty node ends a little later, a core node never.
    pub fn leave(&mut self, at_ms: i64, seat: &Seat) {
        let Some(nodes) = self.pools.get_mut(&seat.pool) else { return };
        let Some(node) = nodes.iter_mut().find(|node| node.serial == seat.serial) else { return };
        node.free.cpu += seat.room.cpu;
        node.free.memory += seat.room.memory;
        node.free.gpu += seat.room.gpu;
        node.pods -= 1;
        if node.pods == 0 && node.pool.purpose != Purpose::Core {
            node.end_ms = at_ms + EMPTY_MS + self.dice.between(0, 180) * 1_000;
        }
    }

    /// Every node that was there at some time before `until_ms`; those that ended are forgotten.
    pub fn settle(&mut self, until_ms: i64) -> Vec<Node> {
        let mut seen = Vec::new();
        for nodes in self.pools.values_mut() {
            seen.extend(nodes.iter().filter(|node| node.start_ms < until_ms).cloned());
            nodes.retain(|node| node.end_ms > until_ms);
        }
        seen.sort_by(|a, b| (&a.name, a.start_ms).cmp(&(&b.name, b.start_ms)));
        seen
    }
}

impl Node {
    fn take(&mut self, room: Room) -> Seat {
        self.free.cpu -= room.cpu;
        self.free.memory -= room.memory;
        self.free.gpu -= room.gpu;
        self.pods += 1;
        self.end_ms = i64::MAX;
        Seat {
            pool: self.pool,
            serial: self.serial,
            room,
            node: Rc::clone(&self.name),
            ready_ms: self.ready_ms,
        }
    }
}

fn order(plan: &ClusterPlan, dice: &mut Dice, pool: PoolKey, at_ms: i64, serial: u64) -> Node {
    let machine = machine_of(plan.cloud, pool.size);
    let (name, instance_id, provider_id, disk_id) = match plan.cloud {
        Cloud::Aws => {
            let name = format!(
                "ip-192-168-{}-{}.{}.compute.internal",
                dice.below(128),
                dice.between(4, 255),
                plan.region
            );
            let instance = format!("i-0{}", dice.hex(16));
            let provider = format!("aws:///{}/{instance}", plan.zone);
            (name, instance, provider, format!("vol-0{}", dice.hex(16)))
        }
        Cloud::Gcp => {
            let kind = match pool.purpose {
                Purpose::Core => "core",
                Purpose::User => "nb",
                Purpose::Worker => "dask",
            };
            let name = format!("gke-{}-{kind}-{}-{}", plan.tag_name, dice.hex(8), dice.hex(4));
            let provider = format!("gce://{}/{}/{name}", plan.account, plan.zone);
            (name.clone(), name.clone(), provider, name)
        }
    };
    Node {
        name: name.into(),
        uid: dice.uid().into(),
        instance_id: instance_id.into(),
        provider_id: provider_id.into(),
        disk_id: disk_id.into(),
        machine,
        pool,
        start_ms: at_ms,
        ready_ms: at_ms + BOOT_MS + dice.between(0, 60) * 1_000,
        end_ms: i64::MAX,
        serial,
        free: Room {
            cpu: machine.cpu_allocatable(),
            memory: machine.memory_allocatable(),
            gpu: machine.gpu_milligpu,
        },
        pods: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machines::GIB;
    use crate::places::{Plan, Scale};

    #[test]
    fn a_node_comes_with_need_and_goes_ten_minutes_after_the_last_pod() {
        let plan = Plan::new(Scale::new(1), "2026-06".parse().unwrap());
        let mut fleet = Fleet::new(1, &plan.clusters[0]);
        let pool = PoolKey { purpose: Purpose::User, hub: Some(0), size: Size::Standard };
        let room = Room { cpu: 1_000, memory: 7 * GIB, gpu: 0 };
        let seats: Vec<Seat> = (0..5).map(|_| fleet.place(0, pool, room)).collect();
        assert_eq!(fleet.settle(1).len(), 2, "three servers of 8 GB fit on a node");
        for seat in &seats {
            fleet.leave(3_600_000, seat);
        }
        let again = fleet.place(3_700_000, pool, room);
        assert_eq!(again.node, seats[0].node, "a node that is still there is used again");
        let nodes = fleet.settle(10_000_000);
        assert_eq!(nodes.iter().filter(|node| node.end_ms == i64::MAX).count(), 1);
        let ended: Vec<i64> = nodes.iter().map(|node| node.end_ms).filter(|end| *end < i64::MAX).collect();
        assert!(ended.iter().all(|end| (4_200_000..4_400_000).contains(end)), "{ended:?}");
        assert_eq!(fleet.settle(10_000_001).len(), 1);
    }
}
