//! A cluster's day as a file of events.

use std::io::{self, Write};

use hubtally_schemas::{Instant, Period};
use sha2::{Digest, Sha256};

use crate::dice::Dice;
use crate::events::{self, Payload};
use crate::facts::{ClusterFacts, Facts};
use crate::fleet::Node;
use crate::machines::GIB;
use crate::places::{ClusterPlan, DAY_MS, HOUR_MS, Homes, Scale};
use crate::simulate::{DayRecord, PodRun};
use crate::storage::{Directory, HomeShelf, HomesOnDay};

/// Samples in an hour: one a minute.
const SAMPLES: i64 = 60;

/// Writes one cluster's events, day by day.
pub struct Emitter<'a> {
    plan: &'a ClusterPlan,
    scale: Scale,
    period: Period,
    source: String,
    dice: Dice,
    shelves: Vec<HomeShelf>,
    hour: HourLines,
}

/// The lines of one hour, kept until it is clear whether they are sent twice.
#[derive(Default)]
struct HourLines {
    bytes: Vec<u8>,
    kinds: Vec<&'static str>,
}

impl<'a> Emitter<'a> {
    /// For one cluster.
    pub fn new(
        seed: u64,
        plan: &'a ClusterPlan,
        scale: Scale,
        period: Period,
        shelves: Vec<HomeShelf>,
    ) -> Self {
        Self {
            plan,
            scale,
            period,
            source: format!("/clusters/{}", plan.id),
            dice: Dice::new(seed, &["levels", &plan.id]),
            shelves,
            hour: HourLines::default(),
        }
    }

    /// Writes a day.
    pub fn day(&mut self, record: &DayRecord, facts: &mut Facts, out: &mut impl Write) -> io::Result<()> {
        let day_ms = Instant::at_midnight(record.date).ms();
        let day = (day_ms - self.period.span().start.ms()) / DAY_MS;
        let switch_ms = self.period.span().start.ms() + 15 * DAY_MS;
        let images: Vec<ImageText> = record.pods.iter().map(|pod| ImageText::new(pod, switch_ms)).collect();
        for hour in 0..24 {
            let span = (day_ms + hour * HOUR_MS, day_ms + (hour + 1) * HOUR_MS);
            let observed = self.observed(day, span);
            let mut cluster = facts.clusters.remove(&self.plan.id).unwrap_or_default();
            self.nodes(record, &observed, span, &mut cluster)?;
            self.pods(record, &images, &observed, span, &mut cluster)?;
            self.hub_events(record, span)?;
            if hour % (24 / self.scale.scans) == 0 {
                self.homes(day, span.0, &mut cluster)?;
            }
            self.coverage(&observed, span, &mut cluster)?;
            facts.clusters.insert(self.plan.id.clone(), cluster);
            let twice = self.plan.resent == Some((u32::try_from(day + 1).unwrap_or(0), hour));
            for kind in &self.hour.kinds {
                facts.count_event(kind);
                if twice {
                    facts.count_event(kind);
                    *facts.repeated_events.entry((*kind).to_owned()).or_default() += 1;
                }
            }
            out.write_all(&self.hour.bytes)?;
            if twice {
                out.write_all(&self.hour.bytes)?;
            }
            self.hour.bytes.clear();
            self.hour.kinds.clear();
        }
        Ok(())
    }

    /// The parts of an hour in which something was scraped.
    fn observed(&self, day: i64, span: (i64, i64)) -> Vec<(i64, i64)> {
        let Some(gap) = self.plan.gap.filter(|gap| i64::from(gap.day) == day + 1) else { return vec![span] };
        let day_ms = self.period.span().start.ms() + day * DAY_MS;
        let gap = (day_ms + gap.from_minute * 60_000, day_ms + gap.to_minute * 60_000);
        [(span.0, span.1.min(gap.0)), (span.0.max(gap.1), span.1)]
            .into_iter()
            .filter(|(start, end)| start < end)
            .collect()
    }

    fn line<T: Payload>(&mut self, id: &str, time: &str, data: &T) -> io::Result<()> {
        self.hour.kinds.push(T::KIND);
        events::append(&mut self.hour.bytes, &self.source, id, time, data)
    }

    fn nodes(
        &mut self,
        record: &DayRecord,
        observed: &[(i64, i64)],
        span: (i64, i64),
        facts: &mut ClusterFacts,
    ) -> io::Result<()> {
        let sent = text(span.1);
        for node in &record.nodes {
            if let Some((start, end)) = cut(span, (node.start_ms, node.end_ms)) {
                facts.instance_ms += length(start, end);
                facts.seen_instances.insert(node.instance_id.to_string());
            }
            for part in observed {
                // Kubernetes knows a node some time after its instance is billed.
                let Some((start, end)) = cut(*part, (node.ready_ms - 20_000, node.end_ms)) else { continue };
                facts.node_rows += 1;
                facts.node_ms += length(start, end);
                let id = format!("node-{}-{}", node.uid, start / 1_000);
                let hub = node.pool.hub.map(|index| self.plan.hubs[index].namespace.clone());
                self.line(
                    &id,
                    &sent,
                    &node_event(self.plan, node, hub.as_deref(), &text(start), &text(end)),
                )?;
            }
        }
        Ok(())
    }

    fn pods(
        &mut self,
        record: &DayRecord,
        images: &[ImageText],
        observed: &[(i64, i64)],
        span: (i64, i64),
        facts: &mut ClusterFacts,
    ) -> io::Result<()> {
        let sent = text(span.1);
        for (pod, image) in record.pods.iter().zip(images) {
            if cut(span, (pod.start_ms, pod.end_ms)).is_none() {
                continue;
            }
            let mut hour = PodHour::default();
            for part in observed {
                let mut from = part.0;
                while from < part.1 {
                    let to = ((from / self.scale.interval_ms + 1) * self.scale.interval_ms).min(part.1);
                    if let Some((start, end)) = cut((from, to), (pod.start_ms, pod.end_ms)) {
                        let levels = Levels::throw(&mut self.dice, pod);
                        let (start_text, end_text) = (text(start), text(end));
                        let row = pod_event(pod, image, levels, (start, end), (&start_text, &end_text));
                        hour.add(&row, end - start);
                        let id = format!("pod-{}-{}", pod.uid, start / 1_000);
                        self.line(&id, &sent, &row)?;
                    }
                    from = to;
                }
            }
            hour.count(pod, facts);
        }
        Ok(())
    }

    fn hub_events(&mut self, record: &DayRecord, span: (i64, i64)) -> io::Result<()> {
        let within = |at: i64| (span.0..span.1).contains(&at);
        for pod in record.pods.iter().filter(|pod| pod.wish.role == "singleuser") {
            // The hub speaks of a start when the server answers.
            let answered_ms = pod.start_ms + 25_000;
            for (action, at_ms) in [("start", answered_ms), ("stop", pod.end_ms)] {
                if within(at_ms) {
                    let time = text(at_ms);
                    let event = events::Hub {
                        namespace: &pod.wish.namespace,
                        action,
                        time: &time,
                        user: pod.wish.user.as_deref(),
                        server: pod.wish.server,
                        status: Some("success"),
                        detail: None,
                    };
                    self.line(&format!("{action}-{}", pod.uid), &time, &event)?;
                }
            }
        }
        for (number, launch) in record.launches.iter().enumerate().filter(|(_, l)| within(l.at_ms)) {
            let time = text(launch.at_ms);
            let event = events::Hub {
                namespace: &launch.namespace,
                action: "launch",
                time: &time,
                user: None,
                server: None,
                status: Some(if launch.success { "success" } else { "failure" }),
                detail: Some(launch.detail),
            };
            self.line(&format!("launch-{}-{}-{number}", launch.namespace, record.date), &time, &event)?;
        }
        Ok(())
    }

    fn homes(&mut self, day: i64, at_ms: i64, facts: &mut ClusterFacts) -> io::Result<()> {
        let plan = self.plan;
        let shelves = std::mem::take(&mut self.shelves);
        for (hub, shelf) in plan.hubs.iter().zip(&shelves) {
            let exporters: &[&str] = match hub.shape.homes {
                Homes::Nothing => &[],
                Homes::Elastic => &["dirsize"],
                Homes::OwnDisk { measured_twice: true, .. } => &["home-nfs", "dirsize"],
                Homes::OwnDisk { measured_twice: false, .. } => &["home-nfs"],
            };
            let namespace = hub.namespace_at(Instant::from_ms(at_ms));
            let mut rows = 0;
            for exporter in exporters {
                for directory in &shelf.directories {
                    self.directory(namespace, exporter, directory, day, at_ms)?;
                    rows += 1;
                }
            }
            if let Homes::OwnDisk { .. } = hub.shape.homes {
                self.volume(namespace, shelf.on_day(day), at_ms)?;
                rows += 1;
            }
            if rows > 0 {
                facts.namespaces.entry(namespace.to_owned()).or_default().storage_rows += rows;
            }
        }
        self.shelves = shelves;
        Ok(())
    }

    fn directory(
        &mut self,
        namespace: &str,
        exporter: &str,
        directory: &Directory,
        day: i64,
        at_ms: i64,
    ) -> io::Result<()> {
        // dirsize walks for hours, and sees a directory as it was a day before.
        let (seen_day, limit_bytes) = match exporter {
            "home-nfs" => (day, directory.user.as_ref().map(|_| 50 * GIB)),
            _ => ((day - 1).max(0), None),
        };
        let month_start = self.period.span().start;
        let modified = directory.latest_modification(Instant::from_ms(at_ms), month_start).to_string();
        let time = text(at_ms);
        let event = events::Storage {
            namespace,
            exporter,
            kind: "directory",
            path: &directory.path,
            user: directory.user.as_deref(),
            time: &time,
            bytes: directory.bytes(seen_day),
            limit_bytes,
            provisioned_bytes: None,
            latest_modification: Some(&modified),
        };
        let id = format!("{exporter}-{namespace}-{}-{}", directory.path, at_ms / 1_000);
        self.line(&id, &time, &event)
    }

    fn volume(&mut self, namespace: &str, homes: HomesOnDay, at_ms: i64) -> io::Result<()> {
        let time = text(at_ms);
        let event = events::Storage {
            namespace,
            exporter: "home-nfs",
            kind: "volume",
            path: "/export",
            user: None,
            time: &time,
            bytes: homes.used_byte,
            limit_bytes: None,
            provisioned_bytes: Some(homes.provisioned_byte),
            latest_modification: None,
        };
        self.line(&format!("volume-{namespace}-{}", at_ms / 1_000), &time, &event)
    }

    fn coverage(
        &mut self,
        observed: &[(i64, i64)],
        span: (i64, i64),
        facts: &mut ClusterFacts,
    ) -> io::Result<()> {
        let seen = observed.iter().map(|(start, end)| (end - start) * SAMPLES / HOUR_MS).sum::<i64>();
        let hour = text(span.0);
        facts.coverage_expected += SAMPLES.unsigned_abs();
        facts.coverage_seen += seen.unsigned_abs();
        if seen < SAMPLES {
            facts.incomplete_hours.push(hour.clone());
        }
        let event = events::Coverage { query: "pods", hour: &hour, expected: SAMPLES, seen };
        self.line(&format!("coverage-pods-{}", span.0 / 1_000), &text(span.1), &event)
    }
}

/// What a pod used and requested over an hour.
#[derive(Default)]
struct PodHour {
    rows: u64,
    ms: i64,
    cpu_request: i128,
    cpu_usage: i128,
    memory_request: i128,
    memory_usage: i128,
    gpu_request: i128,
}

impl PodHour {
    fn add(&mut self, row: &events::Pod<'_>, ms: i64) {
        self.rows += 1;
        self.ms += ms;
        self.cpu_request += i128::from(row.cpu_request_millicore_ms.unwrap_or(0));
        self.cpu_usage += i128::from(row.cpu_usage_millicore_ms.unwrap_or(0));
        self.memory_request += i128::from(row.memory_request_byte_ms);
        self.memory_usage += i128::from(row.memory_usage_byte_ms.unwrap_or(0));
        self.gpu_request += i128::from(row.gpu_request_milligpu_ms.unwrap_or(0));
    }

    fn count(&self, pod: &PodRun, cluster: &mut ClusterFacts) {
        if self.rows == 0 {
            return;
        }
        let facts = cluster.namespaces.entry(pod.wish.namespace.clone()).or_default();
        facts.pod_rows += self.rows;
        facts.pod_hours += 1;
        facts.pod_ms += self.ms.unsigned_abs();
        facts.cpu_request_millicore_ms += self.cpu_request;
        facts.cpu_usage_millicore_ms += self.cpu_usage;
        facts.cpu_effective_millicore_ms += self.cpu_request.max(self.cpu_usage);
        facts.memory_request_byte_ms += self.memory_request;
        facts.memory_usage_byte_ms += self.memory_usage;
        facts.memory_effective_byte_ms += self.memory_request.max(self.memory_usage);
        facts.gpu_request_milligpu_ms += self.gpu_request;
        if let Some(user) = &pod.wish.user
            && !facts.seen_users.contains(user)
        {
            facts.seen_users.insert(user.clone());
        }
        facts.seen_pods.insert(pod.uid.to_string());
    }
}

/// CPU and memory levels of one interval.
#[derive(Clone, Copy)]
struct Levels {
    cpu_millicore: i64,
    memory_byte: i64,
    gpu_milligpu: i64,
}

impl Levels {
    fn throw(dice: &mut Dice, pod: &PodRun) -> Self {
        let profile = &pod.wish.profile;
        let busy = if dice.chance(90) { dice.between(500, 1_000) } else { pod.cpu_permille };
        let cpu = profile.cpu_limit * busy / 1_000;
        let memory = profile.memory_limit / 1_000 * pod.memory_permille;
        Self {
            cpu_millicore: cpu * dice.between(700, 1_001) / 1_000,
            memory_byte: memory / 1_000 * dice.between(900, 1_101) / 4_096 * 4_096,
            gpu_milligpu: if profile.gpu > 0 { dice.between(0, profile.gpu) } else { 0 },
        }
    }
}

/// An image's reference and digest.
struct ImageText {
    reference: String,
    digest: String,
}

impl ImageText {
    fn new(pod: &PodRun, switch_ms: i64) -> Self {
        // A pod keeps the image that it started with.
        let reference = pod.wish.profile.image.reference(pod.start_ms >= switch_ms);
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(reference.as_bytes())));
        Self { reference, digest }
    }
}

fn pod_event<'a>(
    pod: &'a PodRun,
    image: &'a ImageText,
    levels: Levels,
    (start, end): (i64, i64),
    (start_text, end_text): (&'a str, &'a str),
) -> events::Pod<'a> {
    let (wish, ms) = (&pod.wish, end - start);
    // What only holds a place runs nothing, and nothing is measured of it.
    let runs = wish.role != "placeholder";
    let has_gpu = wish.profile.gpu > 0;
    events::Pod {
        pod_uid: &pod.uid,
        namespace: &wish.namespace,
        pod: &wish.pod,
        node: &pod.node,
        user: wish.user.as_deref(),
        server: wish.server,
        role: wish.role,
        component: wish.component,
        image: &image.reference,
        image_digest: &image.digest,
        profile: wish.profile.name.filter(|_| wish.role == "singleuser"),
        start: start_text,
        end: end_text,
        cpu_request_millicore_ms: wish.profile.cpu_request.map(|level| level * ms),
        cpu_usage_millicore_ms: runs.then_some(levels.cpu_millicore * ms),
        memory_request_byte_ms: wish.profile.memory_request * ms,
        memory_usage_byte_ms: runs.then_some(levels.memory_byte * ms),
        gpu_request_milligpu_ms: has_gpu.then_some(wish.profile.gpu * ms),
        gpu_usage_milligpu_ms: has_gpu.then_some(levels.gpu_milligpu * ms),
        quality: (ms < HOUR_MS / SAMPLES).then_some("single_sample"),
    }
}

fn node_event<'a>(
    plan: &'a ClusterPlan,
    node: &'a Node,
    hub: Option<&'a str>,
    start: &'a str,
    end: &'a str,
) -> events::Node<'a> {
    events::Node {
        node: &node.name,
        node_uid: &node.uid,
        provider_id: &node.provider_id,
        instance_type: node.machine.name,
        zone: plan.zone,
        spot: node.machine.spot,
        purpose: node.pool.purpose.code(),
        hub,
        start,
        end,
        cpu_capacity_millicore: node.machine.cpu_millicore,
        memory_capacity_byte: node.machine.memory_byte,
        gpu_capacity_milligpu: node.machine.gpu_milligpu,
        cpu_allocatable_millicore: node.machine.cpu_allocatable(),
        memory_allocatable_byte: node.machine.memory_allocatable(),
    }
}

/// What two half-open ranges share.
pub fn cut(a: (i64, i64), b: (i64, i64)) -> Option<(i64, i64)> {
    let shared = (a.0.max(b.0), a.1.min(b.1));
    (shared.0 < shared.1).then_some(shared)
}

fn length(start: i64, end: i64) -> u64 {
    (end - start).unsigned_abs()
}

fn text(ms: i64) -> String {
    Instant::from_ms(ms).to_string()
}
