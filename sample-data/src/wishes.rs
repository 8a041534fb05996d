//! What people and systems ask for on a day: pods with a start and an end, before any node is chosen.

use chrono::{Datelike, NaiveDate, Weekday};
use hubtally_schemas::Instant;

use crate::dice::Dice;
use crate::machines::{GIB, Image, Profile, Purpose, Size, profiles};
use crate::people::Person;
use crate::places::{ClusterPlan, DAY_MS, HOUR_MS, HubPlan};

/// A pod that somebody asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// When it is asked for, ms.
    pub at_ms: i64,
    /// When it ends, ms; `i64::MAX` if it stays.
    pub end_ms: i64,
    /// Hub, by index in the cluster.
    pub hub: Option<usize>,
    /// Namespace.
    pub namespace: String,
    /// Pod name.
    pub pod: String,
    /// Raw user name.
    pub user: Option<String>,
    /// Server name.
    pub server: Option<&'static str>,
    /// Role.
    pub role: &'static str,
    /// Component label.
    pub component: &'static str,
    /// Size and image.
    pub profile: Profile,
    /// What its node is for.
    pub purpose: Purpose,
}

/// A launch at a binder hub.
#[derive(Debug, Clone)]
pub struct Launch {
    /// When, ms.
    pub at_ms: i64,
    /// Namespace.
    pub namespace: String,
    /// Provider and spec.
    pub detail: &'static str,
    /// Whether it ran.
    pub success: bool,
}

/// Starts of servers by local hour.
const STARTS: [u32; 24] = [0, 0, 0, 0, 0, 0, 2, 4, 10, 15, 14, 10, 6, 12, 14, 12, 9, 6, 4, 4, 3, 3, 2, 1];
/// Starts at a workshop by local hour.
const WORKSHOP_STARTS: [u32; 24] = [0, 0, 0, 0, 0, 0, 0, 0, 20, 60, 8, 2, 1, 8, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Launches by UTC hour: from all over the world.
const LAUNCHES: [u32; 24] = [2, 2, 2, 2, 2, 3, 4, 5, 7, 9, 9, 8, 8, 9, 9, 8, 7, 6, 5, 4, 4, 3, 3, 2];
/// Lengths of a session in minutes, from and to, with weights.
const LENGTHS: [(i64, i64); 4] = [(25, 60), (60, 180), (180, 360), (360, 600)];
const LENGTH_WEIGHTS: [u32; 4] = [30, 45, 18, 7];

const REPOSITORIES: &[(&str, &str)] = &[
    ("GitHub coast/tides/HEAD", "coast-tides"),
    ("GitHub coast/plankton-lesson/main", "coast-plankton-lesson"),
    ("Zenodo 10.5281/zenodo.1234567", "zenodo-1234567"),
    ("Git https://git.example/waves/v1.2", "waves"),
];

/// What the users of a hub ask for on a local day.
pub fn of_users(
    dice: &mut Dice,
    hub: &HubPlan,
    index: usize,
    people: &mut [Person],
    date: NaiveDate,
) -> Vec<Wish> {
    let midnight = local_midnight(hub, date);
    let workday = is_workday(date);
    let workshop = hub.shape.workshop.is_some_and(|(first, last)| (first..=last).contains(&date.day()));
    let mut wishes = Vec::new();
    for person in people {
        if person.name == "deployment-service-check" {
            let at_ms = midnight + 4 * HOUR_MS + dice.between(0, 120) * 1_000;
            wishes.push(server(hub, index, person, at_ms, at_ms + 9 * 60_000, 0, None));
            continue;
        }
        let chance = match (workday, workshop) {
            (_, true) => person.diligence.max(880),
            (true, false) => person.diligence,
            (false, false) => person.diligence / 6,
        };
        if !dice.chance(chance) {
            continue;
        }
        for _ in 0..=dice.below(10) / 7 {
            let starts = if workshop { &WORKSHOP_STARTS } else { &STARTS };
            let at_ms = midnight + hour_ms(dice.weighted(starts)) + dice.between(0, 3_600) * 1_000;
            let (low, high) = LENGTHS[dice.weighted(&LENGTH_WEIGHTS)];
            let minutes = if workshop { dice.between(200, 420) } else { dice.between(low, high) };
            let end_ms = at_ms + minutes * 60_000 + dice.between(0, 60) * 1_000;
            let named = person.named_server.filter(|_| dice.chance(300));
            let choice = if dice.chance(800) { person.favourite } else { dice.weighted(&weights(hub)) };
            if at_ms < person.busy_until_ms + 120_000 {
                continue;
            }
            person.busy_until_ms = end_ms;
            let wish = server(hub, index, person, at_ms, end_ms, choice, named);
            if dice.chance(hub.shape.dask) {
                wishes.extend(dask(dice, &wish));
            }
            wishes.push(wish);
        }
    }
    wishes
}

fn server(
    hub: &HubPlan,
    index: usize,
    person: &Person,
    at_ms: i64,
    end_ms: i64,
    choice: usize,
    named: Option<&'static str>,
) -> Wish {
    let pod = match named {
        Some(server) => format!("jupyter-{}--{server}", person.slug),
        None => format!("jupyter-{}", person.slug),
    };
    Wish {
        at_ms,
        // A hub that is renamed stops its servers first: the namespace of a pod never changes.
        end_ms: hub
            .renamed
            .as_ref()
            .filter(|rename| at_ms < rename.at_ms)
            .map_or(end_ms, |rename| end_ms.min(rename.at_ms - 60_000)),
        hub: Some(index),
        namespace: hub.namespace_at(Instant::from_ms(at_ms)).to_owned(),
        pod,
        user: Some(person.name.clone()),
        server: Some(named.unwrap_or("")),
        role: "singleuser",
        component: "singleuser-server",
        profile: hub.shape.profiles[choice].0,
        purpose: Purpose::User,
    }
}

fn dask(dice: &mut Dice, session: &Wish) -> Vec<Wish> {
    let at_ms = session.at_ms + dice.between(5, 20) * 60_000;
    let end_ms = (at_ms + dice.between(25, 150) * 60_000).min(session.end_ms);
    if end_ms < at_ms + 10 * 60_000 {
        return Vec::new();
    }
    let cluster = dice.hex(8);
    let base = Wish {
        at_ms,
        end_ms,
        pod: format!("dask-scheduler-{cluster}"),
        server: None,
        role: "dask",
        component: "dask-scheduler",
        profile: profiles::DASK_SCHEDULER,
        ..session.clone()
    };
    let mut wishes = Vec::new();
    for _ in 0..dice.between(3, 15) {
        wishes.push(Wish {
            at_ms: at_ms + dice.between(10, 90) * 1_000,
            end_ms: end_ms - dice.between(0, 60) * 1_000,
            pod: format!("dask-worker-{cluster}-{}", dice.hex(5)),
            component: "dask-worker",
            profile: profiles::DASK_WORKER,
            purpose: Purpose::Worker,
            ..base.clone()
        });
    }
    wishes.push(base);
    wishes
}

/// What the visitors of a binder hub ask for on a day.
pub fn of_binder(dice: &mut Dice, hub: &HubPlan, index: usize, date: NaiveDate) -> (Vec<Wish>, Vec<Launch>) {
    let (mut wishes, mut launches) = (Vec::new(), Vec::new());
    let usual = i64::from(if is_workday(date) { hub.shape.launches } else { hub.shape.launches / 3 });
    for _ in 0..dice.between(usual * 7 / 10, usual * 13 / 10 + 1) {
        let at_ms = Instant::at_midnight(date).ms()
            + hour_ms(dice.weighted(&LAUNCHES))
            + dice.between(0, 3_600) * 1_000;
        let (detail, stem) = *dice.pick(REPOSITORIES);
        let success = !dice.chance(45);
        launches.push(Launch { at_ms, namespace: hub.namespace.clone(), detail, success });
        if dice.chance(80) || !success {
            wishes.push(Wish {
                at_ms,
                end_ms: at_ms + dice.between(5, 15) * 60_000,
                pod: format!("build-{stem}-{}", dice.hex(7)),
                role: "build",
                component: "binderhub-build",
                profile: Profile {
                    cpu_request: Some(500),
                    image: Image { name: "quay.io/jupyterhub/repo2docker", tag: "2026.02.0", next_tag: None },
                    ..hub.shape.profiles[0].0
                },
                ..visitor(hub, index, None, at_ms)
            });
        }
        if success {
            let user = format!("{stem}-{}", dice.hex(8));
            let end_ms = at_ms + dice.between(11, 75) * 60_000;
            wishes.push(Wish { end_ms, ..visitor(hub, index, Some(user), at_ms) });
        }
    }
    (wishes, launches)
}

fn visitor(hub: &HubPlan, index: usize, user: Option<String>, at_ms: i64) -> Wish {
    Wish {
        at_ms,
        end_ms: at_ms,
        hub: Some(index),
        namespace: hub.namespace.clone(),
        pod: format!("jupyter-{}", user.as_deref().unwrap_or_default()),
        server: user.as_ref().map(|_| ""),
        user,
        role: "binder",
        component: "singleuser-server",
        profile: hub.shape.profiles[0].0,
        purpose: Purpose::User,
    }
}

/// Placeholders keep a node warm in the working hours of a hub.
pub fn of_placeholders(hub: &HubPlan, index: usize, date: NaiveDate) -> Vec<Wish> {
    if !is_workday(date) {
        return Vec::new();
    }
    let midnight = local_midnight(hub, date);
    (0..hub.shape.placeholders)
        .map(|number| Wish {
            at_ms: midnight + 8 * HOUR_MS,
            end_ms: midnight + 18 * HOUR_MS,
            hub: Some(index),
            namespace: hub.namespace.clone(),
            pod: format!("user-placeholder-{number}"),
            user: None,
            server: None,
            role: "placeholder",
            component: "user-placeholder",
            profile: system_size(None, 6 * GIB, Size::Standard, PAUSE),
            purpose: Purpose::User,
        })
        .collect()
}

const PAUSE: Image = Image { name: "registry.k8s.io/pause", tag: "3.10", next_tag: None };
const HUB_IMAGE: Image = Image { name: "quay.io/jupyterhub/k8s-hub", tag: "4.3.0", next_tag: Some("4.3.1") };
const PROXY: Image =
    Image { name: "quay.io/jupyterhub/configurable-http-proxy", tag: "5.0.1", next_tag: None };
const PROMETHEUS: Image = Image { name: "quay.io/prometheus/prometheus", tag: "v3.4.0", next_tag: None };
const INGRESS: Image =
    Image { name: "registry.k8s.io/ingress-nginx/controller", tag: "v1.12.2", next_tag: None };
const COREDNS: Image = Image { name: "registry.k8s.io/coredns/coredns", tag: "v1.12.1", next_tag: None };

const fn system_size(cpu: Option<i64>, memory: i64, size: Size, image: Image) -> Profile {
    Profile {
        name: None,
        cpu_request: cpu,
        cpu_limit: 1_000,
        memory_request: memory,
        memory_limit: memory + memory / 4,
        gpu: 0,
        size,
        image,
    }
}

/// What runs all the month on core nodes: hubs, proxies and the cluster's own services. Hubs are
/// rolled out anew on the 11th, and renamed ones start anew under their new namespace.
pub fn of_systems(dice: &mut Dice, plan: &ClusterPlan, first_day: NaiveDate) -> Vec<Wish> {
    let first_ms = Instant::at_midnight(first_day).ms();
    let from_ms = first_ms - DAY_MS;
    let rollout_ms = first_ms + 10 * DAY_MS + 10 * HOUR_MS;
    let mut wishes = Vec::new();
    let mut run = |hub, namespace: &str, component, profile, at_ms, end_ms| {
        let pod = format!("{component}-{}-{}", dice.hex(9), dice.hex(5));
        let namespace = namespace.to_owned();
        let (user, server, role, purpose) = (None::<String>, None, "system", Purpose::Core);
        wishes.push(Wish {
            at_ms,
            end_ms,
            hub,
            namespace,
            pod,
            user,
            server,
            role,
            component,
            profile,
            purpose,
        });
    };
    for (namespace, component, cpu, memory, image) in [
        ("support", "prometheus", Some(500), 5 * GIB, PROMETHEUS),
        ("support", "ingress-nginx", Some(250), GIB / 2, INGRESS),
        ("kube-system", "coredns", Some(100), GIB / 8, COREDNS),
    ] {
        run(None, namespace, component, system_size(cpu, memory, Size::Core, image), from_ms, i64::MAX);
    }
    for (index, hub) in plan.hubs.iter().enumerate() {
        let hub_size = system_size(Some(100), GIB / 2, Size::Core, HUB_IMAGE);
        let proxy_size = system_size(None, GIB / 8, Size::Core, PROXY);
        let end_ms = hub.renamed.as_ref().map_or(i64::MAX, |rename| rename.at_ms - 15_000);
        run(Some(index), &hub.namespace, "hub", hub_size, from_ms, rollout_ms);
        run(Some(index), &hub.namespace, "hub", hub_size, rollout_ms + 12_000, end_ms);
        run(Some(index), &hub.namespace, "proxy", proxy_size, from_ms, end_ms);
        if let Some(rename) = &hub.renamed {
            let at_ms = rename.at_ms + 20_000;
            run(Some(index), &rename.namespace, "hub", hub_size, at_ms, i64::MAX);
            run(Some(index), &rename.namespace, "proxy", proxy_size, at_ms, i64::MAX);
        }
    }
    wishes
}

fn weights(hub: &HubPlan) -> Vec<u32> {
    hub.shape.profiles.iter().map(|(_, weight)| *weight).collect()
}

fn hour_ms(hour: usize) -> i64 {
    i64::try_from(hour).unwrap_or(0) * HOUR_MS
}

fn local_midnight(hub: &HubPlan, date: NaiveDate) -> i64 {
    Instant::at_midnight(date).ms() - hub.shape.utc_offset * HOUR_MS
}

fn is_workday(date: NaiveDate) -> bool {
    !matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}
