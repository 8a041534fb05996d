//! A cluster's month, day by day: wishes become pods on nodes.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::NaiveDate;
use hubtally_schemas::{Instant, Period};

use crate::dice::Dice;
use crate::fleet::{Fleet, Node, PoolKey, Room, Seat};
use crate::machines::{Purpose, Size};
use crate::people::{Person, people};
use crate::places::{Cloud, ClusterPlan, DAY_MS};
use crate::wishes::{self, Launch, Wish};

/// A pod that ran.
#[derive(Debug, Clone)]
pub struct PodRun {
    /// Uid.
    pub uid: Rc<str>,
    /// What was asked for.
    pub wish: Rc<Wish>,
    /// Node name.
    pub node: Rc<str>,
    /// From when it is on its node, ms.
    pub start_ms: i64,
    /// Until when, ms; `i64::MAX` while it runs.
    pub end_ms: i64,
    /// Of 1,000 parts of the CPU limit, how many it uses mostly.
    pub cpu_permille: i64,
    /// Of 1,000 parts of the memory limit.
    pub memory_permille: i64,
}

/// What was there on one day.
#[derive(Debug)]
pub struct DayRecord {
    /// The day.
    pub date: NaiveDate,
    /// Pods that ran at some time of the day, by namespace, name and start.
    pub pods: Vec<PodRun>,
    /// Nodes that were there at some time of the day, by name and start.
    pub nodes: Vec<Node>,
    /// Launches at binder hubs.
    pub launches: Vec<Launch>,
}

/// One cluster over one month. Memory holds what runs at one time, and one day.
pub struct ClusterRun<'a> {
    seed: u64,
    plan: &'a ClusterPlan,
    people: Vec<Vec<Person>>,
    pending: BTreeMap<(i64, u64), Wish>,
    running: BTreeMap<(i64, u64), (PodRun, Seat)>,
    fleet: Fleet<'a>,
    dice: Dice,
    serial: u64,
}

impl<'a> ClusterRun<'a> {
    /// Starts a cluster a day before its month, so that what runs over midnight is there.
    pub fn new(seed: u64, plan: &'a ClusterPlan, period: Period) -> Self {
        let mut run = Self {
            seed,
            plan,
            people: plan.hubs.iter().map(|hub| people(seed, &plan.id, hub)).collect(),
            pending: BTreeMap::new(),
            running: BTreeMap::new(),
            fleet: Fleet::new(seed, plan),
            dice: Dice::new(seed, &["pods", &plan.id]),
            serial: 0,
        };
        let mut dice = Dice::new(seed, &["systems", &plan.id]);
        for wish in wishes::of_systems(&mut dice, plan, period.first_day()) {
            run.ask(wish);
        }
        if let Some(before) = period.first_day().pred_opt() {
            run.day(before);
        }
        run
    }

    /// The people of each hub, in the order of the plan.
    pub fn people(&self) -> &[Vec<Person>] {
        &self.people
    }

    /// Runs the next day.
    pub fn day(&mut self, date: NaiveDate) -> DayRecord {
        let launches = self.collect_wishes(date);
        let end_ms = Instant::at_midnight(date).ms() + DAY_MS;
        let mut pods = Vec::new();
        while let Some(at_ms) = self.next_moment(end_ms) {
            self.end_pods(at_ms, &mut pods);
            self.start_pods(at_ms);
        }
        pods.extend(self.running.values().map(|(pod, _)| pod.clone()));
        pods.sort_by(|a, b| {
            (&a.wish.namespace, &a.wish.pod, a.start_ms, &a.uid).cmp(&(
                &b.wish.namespace,
                &b.wish.pod,
                b.start_ms,
                &b.uid,
            ))
        });
        // A pod may wait for its node over midnight: it is the next day's.
        pods.retain(|pod| pod.start_ms < end_ms);
        DayRecord { date, pods, nodes: self.fleet.settle(end_ms), launches }
    }

    fn collect_wishes(&mut self, date: NaiveDate) -> Vec<Launch> {
        let mut launches = Vec::new();
        for (index, hub) in self.plan.hubs.iter().enumerate() {
            let date_text = date.to_string();
            let mut dice = Dice::new(self.seed, &["day", &self.plan.id, &hub.namespace, &date_text]);
            let mut all = wishes::of_users(&mut dice, hub, index, &mut self.people[index], date);
            all.extend(wishes::of_placeholders(hub, index, date));
            if hub.shape.launches > 0 {
                let (more, launched) = wishes::of_binder(&mut dice, hub, index, date);
                all.extend(more);
                launches.extend(launched);
            }
            for wish in all {
                self.ask(wish);
            }
        }
        launches.sort_by_key(|launch| launch.at_ms);
        launches
    }

    fn ask(&mut self, wish: Wish) {
        self.pending.insert((wish.at_ms, self.serial), wish);
        self.serial += 1;
    }

    fn next_moment(&self, end_ms: i64) -> Option<i64> {
        let start = self.pending.keys().next().map(|key| key.0);
        let end = self.running.keys().next().map(|key| key.0);
        start.into_iter().chain(end).min().filter(|at_ms| *at_ms < end_ms)
    }

    fn end_pods(&mut self, at_ms: i64, ended: &mut Vec<PodRun>) {
        while let Some(entry) = self.running.first_entry() {
            if entry.key().0 > at_ms {
                break;
            }
            let (pod, seat) = entry.remove();
            self.fleet.leave(pod.end_ms, &seat);
            ended.push(pod);
        }
    }

    fn start_pods(&mut self, at_ms: i64) {
        while let Some(entry) = self.pending.first_entry() {
            let key = *entry.key();
            if key.0 > at_ms {
                break;
            }
            let wish = entry.remove();
            let room = Room {
                cpu: wish.profile.cpu_request.unwrap_or(0),
                memory: wish.profile.memory_request,
                gpu: wish.profile.gpu,
            };
            let seat = self.fleet.place(at_ms, self.pool(&wish), room);
            let start_ms = (at_ms + self.dice.between(2, 9) * 1_000).max(seat.ready_ms);
            if start_ms + 60_000 > wish.end_ms {
                self.fleet.leave(at_ms, &seat);
                continue;
            }
            let pod = PodRun {
                uid: self.dice.uid().into(),
                node: Rc::clone(&seat.node),
                start_ms,
                end_ms: wish.end_ms,
                cpu_permille: [10, 60, 250, 700][self.dice.weighted(&[45, 30, 18, 7])],
                memory_permille: self.dice.between(150, 850),
                wish: Rc::new(wish),
            };
            self.running.insert((pod.end_ms, key.1), (pod, seat));
        }
    }

    /// On AWS each hub has nodes of its own, tagged with its name; on GCP hubs share their nodes.
    fn pool(&self, wish: &Wish) -> PoolKey {
        let (hub, size) = match wish.purpose {
            Purpose::Core => (None, Size::Core),
            Purpose::Worker => (None, Size::Worker),
            Purpose::User => (wish.hub.filter(|_| self.plan.cloud == Cloud::Aws), wish.profile.size),
        };
        PoolKey { purpose: wish.purpose, hub, size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::{Plan, Scale};

    #[test]
    fn pods_lie_within_their_nodes_and_fit_on_them() {
        let period: Period = "2026-06".parse().unwrap();
        let plan = Plan::new(Scale::new(1), period);
        for cluster in &plan.clusters {
            let mut run = ClusterRun::new(1, cluster, period);
            for date in period.days().take(10) {
                let record = run.day(date);
                let nodes: BTreeMap<&str, &Node> =
                    record.nodes.iter().map(|node| (&*node.name, node)).collect();
                let mut requested: BTreeMap<&str, i64> = BTreeMap::new();
                let noon_ms = Instant::at_midnight(date).ms() + DAY_MS / 2;
                for pod in &record.pods {
                    let node = nodes[&*pod.node];
                    assert!(node.start_ms < pod.start_ms && pod.start_ms < pod.end_ms);
                    assert!(pod.end_ms <= node.end_ms, "{pod:?} outlives {node:?}");
                    if (pod.start_ms..pod.end_ms).contains(&noon_ms) {
                        *requested.entry(&pod.node).or_default() += pod.wish.profile.memory_request;
                    }
                }
                for (name, memory) in requested {
                    assert!(memory <= nodes[name].machine.memory_allocatable());
                }
            }
        }
    }

    #[test]
    fn a_renamed_hub_keeps_every_pod_in_one_namespace() {
        let period: Period = "2026-06".parse().unwrap();
        let plan = Plan::new(Scale::new(1), period);
        let tides = &plan.clusters[2];
        let mut run = ClusterRun::new(1, tides, period);
        for date in period.days() {
            let record = run.day(date);
            let count =
                |namespace: &str| record.pods.iter().filter(|pod| pod.wish.namespace == namespace).count();
            let early = date < "2026-06-15".parse().unwrap();
            assert_eq!(count("coastal") > 0, early, "{date}");
            assert_eq!(count("shoreline") > 0, !early, "{date}");
        }
    }
}
