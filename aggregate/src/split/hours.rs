//! Compute cost: over the hours of a window, then among the pods of each hour.

use std::rc::Rc;

use hubtally_rules::compute;
use hubtally_schemas::Instant;
use hubtally_schemas::Span;
use hubtally_schemas::units::HOUR_US;

use super::DaySplit;
use super::Job;
use super::hub_target;
use super::money;
use crate::day::Class;
use crate::error::AggregateError;
use crate::pieces::hour_overlaps;
use crate::pieces::split;
use crate::place::SYSTEM_PODS;
use crate::posting::Kind;
use crate::posting::Postings;
use crate::posting::Reason;
use crate::posting::Target;
use crate::scope::Scope;
use crate::scope::ScopeHour;
use crate::scope::Who;
use crate::symbols::NONE;
use crate::symbols::Symbol;
use crate::trace::Explanation;
use crate::trace::TraceHour;

impl DaySplit<'_> {
    pub(super) fn nodes(
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
                    self.direct_to_hub(job, cluster, hub, out)
                }
            }
            None => self.owner_bears(job, cluster, Reason::NoTag, out),
        }
    }

    pub(super) fn observed(&mut self, scope: Scope, window: Span) -> bool {
        hour_overlaps(window).any(|(hour, _)| self.scopes.hour(scope, hour).observed_ms > 0)
    }

    /// Compute cost over the hours of the window, then among the pods of each hour.
    pub(super) fn compute(
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
            return self.owner_bears(job, cluster, reason, out);
        }
        let halves = split(&job.charge.id, job.piece.amount, &[i128::from(dark_us), i128::from(lit_us)])?;
        if halves[0] != 0 {
            let dark: Vec<(u8, i64)> =
                overlaps.iter().copied().filter(|(hour, _)| self.dark(cluster, *hour)).collect();
            self.note_unmatched(job, cluster, &dark, halves[0])?;
            self.owner_bears_amount(job, cluster, Reason::NoTelemetry, halves[0], out)?;
        }
        let by_hour = split(&job.charge.id, halves[1], &weights)?;
        for ((hour, seen), amount) in hours.iter().zip(by_hour) {
            if amount != 0 {
                self.scope_hour(job, cluster, scope, *hour, seen, amount, out)?;
            }
        }
        Ok(())
    }

    pub(super) fn dark(&self, cluster: Symbol, hour: u8) -> bool {
        let seen_pods = self.day.pod_counts.contains_key(&(cluster, hour));
        !seen_pods
            && !self.day.nodes_seen(cluster, hour)
            && self.coverage.dark(cluster, self.day.hour_span(hour).start)
    }

    pub(super) fn note_unmatched(
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
    pub(super) fn scope_hour(
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
    pub(super) fn scope_hour_with(
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
            .map_err(|error| AggregateError::Split {
                charge: job.charge.id.to_string(),
                why: error.to_string(),
            })?;
        let Some(result) = result else {
            return self.owner_bears_amount(job, cluster, Reason::NoWeight, amount, out);
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
    pub(super) fn part(
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
                _ => self.owners_bear(
                    job,
                    amount,
                    |payer| Target {
                        namespace: who.namespace,
                        user: who.user,
                        hub: hub.map_or(NONE, |hub| hub.hub),
                        ..Target::plain(Kind::Unattributed, Some(Reason::NoCommunity), payer, cluster)
                    },
                    out,
                ),
            },
        }
    }

    pub(super) fn remember(
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
            let mut step =
                Explanation::new(format!("hour {start} of {what}, policy {}", policy.compute.code()))
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
