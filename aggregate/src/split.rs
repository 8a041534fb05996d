//! Splits the pieces of charges of one day: who gets what, and why.

use std::collections::HashMap;
use std::rc::Rc;

use hubtally_rules::directory::{Owner as DirectoryOwner, owner_of};
use hubtally_rules::{compute, storage_hold};
use hubtally_schemas::policy::{IdleRule, Policy, SharedRule};
use hubtally_schemas::units::HOUR_US;
use hubtally_schemas::{Instant, Span};

use crate::charge::{Charge, Line};
use crate::coverage::Coverage;
use crate::day::{Class, Day, Directory};
use crate::error::AggregateError;
use crate::pieces::{Piece, hour_overlaps, split};
use crate::place::{CREDIT_POOL, HubPlace, Place, Places, SYSTEM_PODS, TAX_POOL};
use crate::posting::{Kind, Payer, Postings, Reason, Target};
use crate::scope::{Scope, ScopeHour, Scopes, Who};
use crate::symbols::{NONE, Symbol, Symbols};
use crate::trace::{Explanation, Trace, TraceHour};

/// A part that waits for the whole month: its weights are known only then.
#[derive(Debug, Clone, Copy)]
pub struct Deferred {
    /// Index of the charge.
    pub charge: u32,
    pub amount: i128,
    pub at: Instant,
    pub rule: DeferredRule,
}

/// What a deferred part waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeferredRule {
    /// The direct cost of the cluster's hubs.
    Direct { cluster: Symbol, pool: Symbol },
    /// Everything else that the account cost.
    Follow { same_service: bool, pool: Symbol },
}

/// One day's splits.
pub struct DaySplit<'a> {
    pub policy: &'a Policy,
    pub places: &'a Places<'a>,
    pub symbols: &'a Symbols,
    pub day: &'a Day,
    pub coverage: &'a Coverage,
    scopes: Scopes<'a>,
    owners: HashMap<Symbol, Rc<[Payer]>>,
    splitter: compute::Splitter,
    pub deferred: Vec<Deferred>,
    /// Compute cost that found no telemetry, by (cluster, hour).
    pub unmatched: HashMap<(Symbol, u8), i128>,
    /// Instance time billed, µs, by (cluster, node number, hour).
    pub billed_us: HashMap<(Symbol, u32, u8), i64>,
    pub trace: Trace,
}

/// One piece of one charge.
#[derive(Clone, Copy)]
pub struct Job<'c> {
    pub number: u32,
    pub charge: &'c Charge,
    pub line: &'c Line,
    pub piece: Piece,
}

impl<'a> DaySplit<'a> {
    pub fn new(
        policy: &'a Policy,
        places: &'a Places<'a>,
        symbols: &'a Symbols,
        day: &'a Day,
        coverage: &'a Coverage,
    ) -> Self {
        Self {
            policy,
            places,
            symbols,
            day,
            coverage,
            scopes: Scopes::new(day, symbols),
            owners: HashMap::new(),
            splitter: compute::Splitter::default(),
            deferred: Vec::new(),
            unmatched: HashMap::new(),
            billed_us: HashMap::new(),
            trace: Trace::default(),
        }
    }

    /// Splits one piece.
    pub fn piece(&mut self, job: &Job<'_>, out: &mut Postings) -> Result<(), AggregateError> {
        let known = self.known_instance(job.charge);
        let place = self.places.of(job.charge, job.line, known.map(|(cluster, _)| cluster), self.symbols);
        match place {
            Place::Instance { cluster } => match known {
                Some((_, node)) => self.compute(job, cluster, Scope::Node(node), Reason::NoNodeMatch, out),
                None => self.to_owner(job, cluster, Reason::NoNodeMatch, out),
            },
            Place::Nodes { cluster, purpose, hub_tag } => self.nodes(job, cluster, purpose, hub_tag, out),
            Place::Homes { cluster, hub_tag } => self.homes(job, cluster, hub_tag, out),
            Place::Hub { cluster, hub_tag } => self.hub(job, cluster, hub_tag, out),
            Place::Pool { cluster } => {
                self.pool(job, cluster, job.line.component.code(), job.piece.amount, out)
            }
            Place::WholeAccount { cluster } => self.whole_account(job, cluster, out),
            Place::Commitment { cluster } => {
                self.idle(job, cluster, NONE, Reason::CommitmentUnused, job.piece.amount, out)
            }
            Place::Follow { same_service } => {
                let pool = self.places.pool(NONE, if same_service { CREDIT_POOL } else { TAX_POOL });
                self.defer(job, job.piece.amount, DeferredRule::Follow { same_service, pool });
                Ok(())
            }
            Place::Owner { cluster, reason } => self.to_owner(job, cluster, reason, out),
        }
    }

    /// The node that the bill names, wherever the account's clusters are.
    fn known_instance(&self, charge: &Charge) -> Option<(Symbol, u32)> {
        if charge.resource == NONE {
            return None;
        }
        self.day.by_resource.get(&charge.resource).copied()
    }

    fn nodes(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        purpose: Symbol,
        hub_tag: Symbol,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        if hub_tag == NONE {
            let scope = Scope::Nodes { cluster, purpose, hub_label: NONE };
            return self.compute(job, cluster, scope, Reason::NoWeight, out);
        }
        let labelled = Scope::Nodes { cluster, purpose, hub_label: hub_tag };
        if self.scopes.has_nodes(labelled) {
            return self.compute(job, cluster, labelled, Reason::NoWeight, out);
        }
        match self.places.hub_by_tag(cluster, hub_tag, job.piece.window.start, self.symbols) {
            Some(hub) => {
                let scope = Scope::Namespace { cluster, namespace: hub.namespace };
                if self.observed(scope, job.piece.window) {
                    self.compute(job, cluster, scope, Reason::NoWeight, out)
                } else {
                    // The tag says whose it is, though nobody was seen: the hub bears it as its own.
                    self.direct_to_hub(job, cluster, hub, out);
                    Ok(())
                }
            }
            None => self.to_owner(job, cluster, Reason::NoTag, out),
        }
    }

    fn observed(&mut self, scope: Scope, window: Span) -> bool {
        hour_overlaps(window).any(|(hour, _)| self.scopes.hour(scope, hour).observed_ms > 0)
    }

    /// Compute cost over the hours of the window, then among the pods of each hour.
    fn compute(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        scope: Scope,
        never_seen: Reason,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let window = job.piece.window;
        let overlaps: Vec<(u8, i64)> = hour_overlaps(window).collect();
        let hours: Vec<(u8, Rc<ScopeHour>)> =
            overlaps.iter().map(|(hour, _)| (*hour, self.scopes.hour(scope, *hour))).collect();
        if let Scope::Node(node) = scope {
            for (hour, us) in &overlaps {
                let billed = self.billed_us.entry((cluster, node, *hour)).or_default();
                *billed = (*billed).max(*us);
            }
        }
        // Hours that nobody watched keep their share of the time; the rest follows what was seen.
        let dark_us: i64 = overlaps
            .iter()
            .zip(&hours)
            .filter(|((hour, _), (_, seen))| seen.observed_ms == 0 && self.dark(cluster, *hour))
            .map(|((_, us), _)| us)
            .sum();
        let lit_us = window.length_us() - dark_us;
        let weights: Vec<i128> = overlaps
            .iter()
            .zip(&hours)
            .map(|((_, us), (_, seen))| i128::from(seen.observed_ms) * i128::from(*us) / i128::from(HOUR_US))
            .collect();
        let seen_at_all = weights.iter().any(|weight| *weight > 0);
        if !seen_at_all {
            let reason = if dark_us > 0 { Reason::NoTelemetry } else { never_seen };
            self.note_unmatched(job, cluster, &overlaps, job.piece.amount)?;
            return self.to_owner(job, cluster, reason, out);
        }
        let halves = split(&job.charge.id, job.piece.amount, &[i128::from(dark_us), i128::from(lit_us)])?;
        if halves[0] != 0 {
            let dark: Vec<(u8, i64)> =
                overlaps.iter().copied().filter(|(hour, _)| self.dark(cluster, *hour)).collect();
            self.note_unmatched(job, cluster, &dark, halves[0])?;
            self.amount_to_owner(job, cluster, Reason::NoTelemetry, halves[0], out)?;
        }
        let by_hour = split(&job.charge.id, halves[1], &weights)?;
        for ((hour, seen), amount) in hours.iter().zip(by_hour) {
            if amount != 0 {
                self.scope_hour(job, cluster, scope, *hour, seen, amount, out)?;
            }
        }
        Ok(())
    }

    fn dark(&self, cluster: Symbol, hour: u8) -> bool {
        let seen_pods = self.day.pod_counts.contains_key(&(cluster, hour));
        !seen_pods && !self.day.nodes_seen(cluster, hour) && self.coverage.dark(cluster, self.day.hour_span(hour).start)
    }

    fn note_unmatched(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        hours: &[(u8, i64)],
        amount: i128,
    ) -> Result<(), AggregateError> {
        let weights: Vec<i128> = hours.iter().map(|(_, us)| i128::from(*us)).collect();
        for ((hour, _), part) in hours.iter().zip(split(&job.charge.id, amount, &weights)?) {
            *self.unmatched.entry((cluster, *hour)).or_default() += part;
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the chain, with everything it rests on")]
    fn scope_hour(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        scope: Scope,
        hour: u8,
        seen: &Rc<ScopeHour>,
        amount: i128,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        // Taken out while its parts are read: the parts live in its memory.
        let mut splitter = std::mem::take(&mut self.splitter);
        let done = self.scope_hour_with(&mut splitter, job, cluster, scope, hour, seen, amount, out);
        self.splitter = splitter;
        done
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the chain, with everything it rests on")]
    fn scope_hour_with(
        &mut self,
        splitter: &mut compute::Splitter,
        job: &Job<'_>,
        cluster: Symbol,
        scope: Scope,
        hour: u8,
        seen: &Rc<ScopeHour>,
        amount: i128,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let result = splitter
            .split(self.policy.compute, self.policy.idle, amount, &seen.capacity, &seen.uses)
            .map_err(|error| AggregateError::Split { charge: job.charge.id.to_string(), why: error.to_string() })?;
        let Some(result) = result else {
            return self.amount_to_owner(job, cluster, Reason::NoWeight, amount, out);
        };
        let start = self.day.hour_span(hour).start;
        self.remember(cluster, scope, start, seen, amount, &result);
        let hub_label = match scope {
            Scope::Node(node) => self.day.nodes[node as usize].hub_label,
            Scope::Nodes { hub_label, .. } => hub_label,
            Scope::Namespace { .. } => NONE,
        };
        for (who, part) in seen.who.iter().zip(result.parts) {
            if *part != 0 {
                self.part(job, cluster, hub_label, start, *who, *part, out)?;
            }
        }
        if result.idle != 0 {
            self.idle(job, cluster, hub_label, Reason::Unused, result.idle, out)?;
        }
        Ok(())
    }

    /// One part of a node-hour: a user's, a placeholder's, or the cluster's own pods'.
    #[expect(clippy::too_many_arguments, reason = "one step of the chain, with everything it rests on")]
    fn part(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        hub_label: Symbol,
        at: Instant,
        who: Who,
        amount: i128,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let hub = self.places.hub(cluster, who.namespace, at);
        match who.class {
            Class::Placeholder => {
                let label = hub.map_or(hub_label, |hub| hub.hub);
                self.idle_of(job, cluster, hub, label, Reason::Placeholder, amount, out)
            }
            Class::System => match hub {
                // A hub's own pods (proxy, culler) on a user node are the hub's.
                Some(hub) if hub.community != NONE => {
                    let target = hub_target(Kind::Direct, hub, cluster, NONE);
                    out.add(target, amount, None);
                    Ok(())
                }
                _ => self.pool(job, cluster, SYSTEM_PODS, amount, out),
            },
            Class::Work => match hub {
                Some(hub) if hub.community != NONE => {
                    out.add(hub_target(Kind::Direct, hub, cluster, who.user), amount, None);
                    Ok(())
                }
                _ => self.owners_bear(job, amount, |payer| Target {
                    namespace: who.namespace,
                    user: who.user,
                    hub: hub.map_or(NONE, |hub| hub.hub),
                    ..Target::plain(Kind::Unattributed, Some(Reason::NoCommunity), payer, cluster)
                }, out),
            },
        }
    }

    /// What was paid and not used: the hub of the node, else the cluster's only community, else the
    /// account's owner; or the organisation where the policy says so.
    fn idle(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        hub_label: Symbol,
        reason: Reason,
        amount: i128,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let hub = (hub_label != NONE)
            .then(|| self.places.hub_by_tag(cluster, hub_label, job.piece.window.start, self.symbols))
            .flatten();
        self.idle_of(job, cluster, hub, hub_label, reason, amount, out)
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the chain, with everything it rests on")]
    fn idle_of(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        hub: Option<HubPlace>,
        _label: Symbol,
        reason: Reason,
        amount: i128,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        if self.policy.idle == IdleRule::Absorbed {
            let mut target = Target::plain(Kind::Idle, Some(reason), Payer::Organisation, cluster);
            if let Some(hub) = hub {
                (target.hub, target.namespace) = (hub.hub, hub.namespace);
            }
            out.add(target, amount, None);
            return Ok(());
        }
        if let Some(hub) = hub.filter(|hub| hub.community != NONE) {
            let mut target = hub_target(Kind::Idle, hub, cluster, NONE);
            target.reason = Some(reason);
            out.add(target, amount, None);
            return Ok(());
        }
        if let Some(community) = self.only_community(cluster, job.piece.window.start) {
            let target = Target::plain(Kind::Idle, Some(reason), Payer::Community(community), cluster);
            out.add(target, amount, None);
            return Ok(());
        }
        self.owners_bear(job, amount, |payer| Target::plain(Kind::Idle, Some(reason), payer, cluster), out)
    }

    fn only_community(&self, cluster: Symbol, at: Instant) -> Option<Symbol> {
        let hubs = self.places.hubs(cluster, at, self.symbols);
        let first = hubs.first()?.community;
        (first != NONE && hubs.iter().all(|hub| hub.community == first)).then_some(first)
    }

    fn hub(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        hub_tag: Symbol,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        match self.places.hub_by_tag(cluster, hub_tag, job.piece.window.start, self.symbols) {
            Some(hub) => {
                self.direct_to_hub(job, cluster, hub, out);
                Ok(())
            }
            None => self.to_owner(job, cluster, Reason::NoTag, out),
        }
    }

    fn direct_to_hub(&mut self, job: &Job<'_>, cluster: Symbol, hub: HubPlace, out: &mut Postings) {
        self.trace.push(|| TraceHour {
            step: Explanation::new("the line's hub tag names the hub; it bears the whole piece")
                .value(money(job.piece.amount))
                .fact("hub", self.symbols.text(hub.hub).unwrap_or("")),
            usage: None,
        });
        if hub.community == NONE {
            // The tag names a hub without a community: its account's owner bears it.
            let reason = Some(Reason::NoCommunity);
            let target = |payer| Target {
                hub: hub.hub,
                namespace: hub.namespace,
                ..Target::plain(Kind::Unattributed, reason, payer, cluster)
            };
            for (payer, amount) in self.equal_owners(job, job.piece.amount) {
                out.add(target(payer), amount, None);
            }
            return;
        }
        out.add(hub_target(Kind::Direct, hub, cluster, NONE), job.piece.amount, None);
    }

    /// Home directories by byte-time within the window.
    fn homes(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        hub_tag: Symbol,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let window = job.piece.window;
        let only = match hub_tag {
            NONE => None,
            tag => match self.places.hub_by_tag(cluster, tag, window.start, self.symbols) {
                Some(hub) => Some(hub),
                None => return self.to_owner(job, cluster, Reason::NoTag, out),
            },
        };
        let day = self.day;
        let directories = day.directories.get(&cluster).map_or(&[][..], Vec::as_slice);
        let mut targets: Vec<Target> = Vec::new();
        let mut weights: Vec<i128> = Vec::new();
        for directory in directories {
            if only.is_some_and(|hub| hub.namespace != directory.namespace) {
                continue;
            }
            let weight = storage_hold::byte_ms(&directory.scans, window)
                .map_err(|error| AggregateError::Split { charge: job.charge.id.to_string(), why: error.to_string() })?;
            let target = self.home_target(cluster, directory, window.start, job);
            match targets.iter().position(|known| *known == target) {
                Some(at) => weights[at] += weight,
                None => {
                    targets.push(target);
                    weights.push(weight);
                }
            }
        }
        let total: i128 = weights.iter().sum();
        if total == 0 {
            return match only {
                Some(hub) => {
                    self.direct_to_hub(job, cluster, hub, out);
                    Ok(())
                }
                None => self.to_owner(job, cluster, Reason::NoWeight, out),
            };
        }
        let parts = split(&job.charge.id, job.piece.amount, &weights)?;
        self.trace.push(|| TraceHour {
            step: Explanation::new(format!("home directories by byte-time, {} to {}", window.start, window.end))
                .value(money(job.piece.amount))
                .fact("weight total, byte·ms", total)
                .fact("targets", targets.len()),
            usage: None,
        });
        for ((target, part), weight) in targets.into_iter().zip(parts).zip(weights) {
            match target.payer {
                Payer::Nobody => self.owners_bear(job, part, |payer| Target { payer, ..target }, out)?,
                _ => out.add(target, part, Some((weight, total))),
            }
        }
        Ok(())
    }

    /// Whose a directory is. `Payer::Nobody` stands for "the owner of the account".
    fn home_target(&self, cluster: Symbol, directory: &Directory, at: Instant, _job: &Job<'_>) -> Target {
        let hub = self.places.hub(cluster, directory.namespace, at).filter(|hub| hub.community != NONE);
        let Some(hub) = hub else {
            return Target {
                namespace: directory.namespace,
                user: directory.user,
                ..Target::plain(Kind::Unattributed, Some(Reason::NoCommunity), Payer::Nobody, cluster)
            };
        };
        let path = self.symbols.text(directory.path).unwrap_or("");
        let shared = self.places.shared_directories(hub.hub);
        match owner_of(path, shared, directory.user != NONE) {
            DirectoryOwner::User => hub_target(Kind::Direct, hub, cluster, directory.user),
            DirectoryOwner::Hub => hub_target(Kind::Direct, hub, cluster, NONE),
            DirectoryOwner::Orphan => Target {
                reason: Some(Reason::Orphan),
                ..hub_target(Kind::Unattributed, hub, cluster, NONE)
            },
        }
    }

    /// An account's whole bill: its cluster's pods where there are any, else its owner.
    fn whole_account(&mut self, job: &Job<'_>, cluster: Symbol, out: &mut Postings) -> Result<(), AggregateError> {
        let scope = Scope::Nodes { cluster, purpose: NONE, hub_label: NONE };
        if cluster != NONE && self.used(scope, job.piece.window) {
            return self.by_pods_alone(job, cluster, scope, out);
        }
        let owners = self.owners_of(job);
        if let [Payer::Community(_)] = owners.as_ref() {
            let target = Target::plain(Kind::Direct, None, owners[0], cluster);
            out.add(target, job.piece.amount, None);
            return Ok(());
        }
        self.to_owner(job, cluster, Reason::AccountLevel, out)
    }

    fn used(&mut self, scope: Scope, window: Span) -> bool {
        hour_overlaps(window).any(|(hour, _)| {
            self.scopes.hour(scope, hour).who.iter().any(|who| who.class == Class::Work)
        })
    }

    /// By the memory that users' pods asked for over the whole window: a bill of an account says
    /// nothing of nodes, so idle cannot be told apart.
    fn by_pods_alone(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        scope: Scope,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let mut who: Vec<Who> = Vec::new();
        let mut weights: Vec<i128> = Vec::new();
        for (hour, _) in hour_overlaps(job.piece.window) {
            let seen = self.scopes.hour(scope, hour);
            for (one, pod) in seen.who.iter().zip(&seen.uses).filter(|(one, _)| one.class == Class::Work) {
                match who.iter().position(|known| known == one) {
                    Some(at) => weights[at] += pod.memory,
                    None => {
                        who.push(*one);
                        weights.push(pod.memory);
                    }
                }
            }
        }
        if weights.iter().all(|weight| *weight == 0) {
            return self.to_owner(job, cluster, Reason::NoWeight, out);
        }
        let mut order: Vec<usize> = (0..who.len()).collect();
        order.sort_by_key(|&at| (self.symbols.text(who[at].namespace), self.symbols.text(who[at].user)));
        let sorted: Vec<i128> = order.iter().map(|&at| weights[at]).collect();
        let parts = split(&job.charge.id, job.piece.amount, &sorted)?;
        let start = job.piece.window.start;
        for (at, part) in order.into_iter().zip(parts) {
            if part != 0 {
                self.part(job, cluster, NONE, start, who[at], part, out)?;
            }
        }
        Ok(())
    }

    /// Shared among the hubs of a cluster, by the policy's rule.
    pub fn pool(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        name: &'static str,
        amount: i128,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let pool = self.places.pool(cluster, name);
        let at = job.piece.window.start;
        let hubs = self.places.hubs(cluster, at, self.symbols);
        match self.policy.shared {
            SharedRule::Organisation => {
                let target = Target { pool, ..Target::plain(Kind::Shared, None, Payer::Organisation, cluster) };
                out.add(target, amount, None);
                Ok(())
            }
            SharedRule::Direct => {
                self.defer(job, amount, DeferredRule::Direct { cluster, pool });
                Ok(())
            }
            SharedRule::Fixed => self.fixed(job, cluster, pool, amount, out),
            SharedRule::Equal => {
                let weights = vec![1_i128; hubs.len()];
                self.among_hubs(job, cluster, pool, amount, &hubs, &weights, out)
            }
            SharedRule::Memory => {
                let weights: Vec<i128> = hubs
                    .iter()
                    .map(|hub| self.day.memory.get(&(cluster, hub.namespace)).copied().unwrap_or(0))
                    .collect();
                self.among_hubs(job, cluster, pool, amount, &hubs, &weights, out)
            }
        }
    }

    fn fixed(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        pool: Symbol,
        amount: i128,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let ppm = &self.policy.fixed_ppm;
        let weights: Vec<i128> = ppm.values().map(|part| i128::from(*part)).collect();
        let parts = split(&job.charge.id, amount, &weights)?;
        for ((community, weight), part) in ppm.iter().zip(parts) {
            let payer = self.symbols.find(community).map_or(Payer::Nobody, Payer::Community);
            let target = Target { pool, ..Target::plain(Kind::Shared, None, payer, cluster) };
            out.add(target, part, Some((i128::from(*weight), 1_000_000)));
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one step of the chain, with everything it rests on")]
    pub fn among_hubs(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        pool: Symbol,
        amount: i128,
        hubs: &[HubPlace],
        weights: &[i128],
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let total: i128 = weights.iter().sum();
        if total == 0 {
            return self.owners_bear(job, amount, |payer| Target {
                pool,
                ..Target::plain(Kind::Unattributed, Some(Reason::NoWeight), payer, cluster)
            }, out);
        }
        let parts = split(&job.charge.id, amount, weights)?;
        self.trace.push(|| {
            let mut step = Explanation::new(format!(
                "pool {} among {} hubs, rule {}",
                self.symbols.text(pool).unwrap_or(""),
                hubs.len(),
                self.policy.shared.code()
            ))
            .value(money(amount))
            .fact("weight total", total);
            for ((hub, weight), part) in hubs.iter().zip(weights).zip(&parts) {
                let name = self.symbols.text(hub.hub).unwrap_or("");
                step.children.push(Explanation::new(format!("hub {name}")).value(money(*part)).fact("weight", weight));
            }
            TraceHour { step, usage: None }
        });
        for ((hub, weight), part) in hubs.iter().zip(weights).zip(parts) {
            if hub.community == NONE {
                self.owners_bear(job, part, |payer| Target {
                    pool,
                    hub: hub.hub,
                    namespace: hub.namespace,
                    ..Target::plain(Kind::Unattributed, Some(Reason::NoCommunity), payer, cluster)
                }, out)?;
            } else {
                out.add(Target { pool, ..hub_target(Kind::Shared, *hub, cluster, NONE) }, part, Some((*weight, total)));
            }
        }
        Ok(())
    }

    fn defer(&mut self, job: &Job<'_>, amount: i128, rule: DeferredRule) {
        if amount != 0 {
            self.deferred.push(Deferred { charge: job.number, amount, at: job.piece.window.start, rule });
        }
    }

    fn to_owner(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        reason: Reason,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        self.amount_to_owner(job, cluster, reason, job.piece.amount, out)
    }

    fn amount_to_owner(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        reason: Reason,
        amount: i128,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        self.trace.push(|| TraceHour {
            step: Explanation::new(format!("unattributed: {}, borne by the account's owner", reason.code()))
                .value(money(amount)),
            usage: None,
        });
        self.owners_bear(job, amount, |payer| Target::plain(Kind::Unattributed, Some(reason), payer, cluster), out)
    }

    /// Equal parts for the owners of the charge's account.
    fn owners_bear(
        &mut self,
        job: &Job<'_>,
        amount: i128,
        target: impl Fn(Payer) -> Target,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        for (payer, part) in self.equal_owners(job, amount) {
            out.add(target(payer), part, None);
        }
        Ok(())
    }

    fn equal_owners(&mut self, job: &Job<'_>, amount: i128) -> Vec<(Payer, i128)> {
        let owners = self.owners_of(job);
        if let [only] = owners.as_ref() {
            return vec![(*only, amount)];
        }
        let weights = vec![1_i128; owners.len()];
        // Equal positive weights always split; an empty list of owners does not exist.
        let parts = split(&job.charge.id, amount, &weights).unwrap_or_else(|_| vec![amount]);
        owners.iter().copied().zip(parts).collect()
    }

    fn owners_of(&mut self, job: &Job<'_>) -> Rc<[Payer]> {
        if let Some(known) = self.owners.get(&job.charge.account) {
            return Rc::clone(known);
        }
        let owners: Rc<[Payer]> =
            self.places.owners(job.charge.account, job.piece.window.start, self.symbols).into();
        self.owners.insert(job.charge.account, Rc::clone(&owners));
        owners
    }

    fn remember(
        &mut self,
        cluster: Symbol,
        scope: Scope,
        start: Instant,
        seen: &ScopeHour,
        amount: i128,
        result: &compute::Amounts<'_>,
    ) {
        let (policy, symbols) = (self.policy, self.symbols);
        self.trace.push(|| {
            let what = match scope {
                Scope::Node(_) => "the node",
                Scope::Nodes { .. } => "the cluster's nodes of that purpose",
                Scope::Namespace { .. } => "the hub's pods",
            };
            let mut step = Explanation::new(format!("hour {start} of {what}, policy {}", policy.compute.code()))
                .value(money(amount))
                .fact("observed, ms", seen.observed_ms)
                .fact("capacity, millicore·ms", seen.capacity.cpu_millicore_ms)
                .fact("capacity, byte·ms", seen.capacity.memory_byte_ms)
                .fact("capacity, milliGPU·ms", seen.capacity.gpu_milligpu_ms);
            for ((who, pod), part) in seen.who.iter().zip(&seen.uses).zip(result.parts) {
                let user = symbols.text(who.user).unwrap_or("no user");
                let namespace = symbols.text(who.namespace).unwrap_or("");
                step.children.push(
                    Explanation::new(format!("{namespace} / {user}"))
                        .value(money(*part))
                        .fact("max(request, usage), millicore·ms", pod.cpu)
                        .fact("max(request, usage), byte·ms", pod.memory)
                        .fact("requested, byte·ms", pod.memory_request)
                        .fact("milliGPU·ms", pod.gpu),
                );
            }
            step.children.push(Explanation::new("idle").value(money(result.idle)));
            TraceHour { step, usage: symbols.text(cluster).map(|cluster| (cluster.to_owned(), start.0)) }
        });
    }
}

/// A target that is a hub's.
pub fn hub_target(kind: Kind, hub: HubPlace, cluster: Symbol, user: Symbol) -> Target {
    Target {
        hub: hub.hub,
        namespace: hub.namespace,
        user,
        ..Target::plain(kind, None, Payer::Community(hub.community), cluster)
    }
}

fn money(amount: i128) -> String {
    hubtally_schemas::money::pico_text(amount)
}
