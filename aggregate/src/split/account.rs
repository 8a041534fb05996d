//! Bills that tell an account and nothing finer.

use std::collections::HashMap;

use hubtally_schemas::Span;

use super::DaySplit;
use super::Job;
use crate::day::Class;
use crate::error::AggregateError;
use crate::pieces::hour_overlaps;
use crate::pieces::split;
use crate::posting::Kind;
use crate::posting::Payer;
use crate::posting::Postings;
use crate::posting::Reason;
use crate::posting::Target;
use crate::scope::Scope;
use crate::scope::Who;
use crate::symbols::NONE;
use crate::symbols::Symbol;

impl DaySplit<'_> {
    /// An account's whole bill: its cluster's pods where there are any, else its owner.
    pub(super) fn whole_account(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
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
        self.owner_bears(job, cluster, Reason::AccountLevel, out)
    }

    pub(super) fn used(&mut self, scope: Scope, window: Span) -> bool {
        hour_overlaps(window)
            .any(|(hour, _)| self.scopes.hour(scope, hour).who.iter().any(|who| who.class == Class::Work))
    }

    /// By the memory that users' pods asked for over the whole window: a bill of an account says
    /// nothing of nodes, so idle cannot be told apart.
    pub(super) fn by_pods_alone(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        scope: Scope,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        let mut who: Vec<Who> = Vec::new();
        let mut places: HashMap<Who, usize> = HashMap::new();
        let mut weights: Vec<i128> = Vec::new();
        for (hour, _) in hour_overlaps(job.piece.window) {
            let seen = self.scopes.hour(scope, hour);
            for (one, pod) in seen.who.iter().zip(&seen.uses).filter(|(one, _)| one.class == Class::Work) {
                let at = *places.entry(*one).or_insert_with(|| {
                    who.push(*one);
                    weights.push(0);
                    who.len() - 1
                });
                weights[at] += pod.memory;
            }
        }
        if weights.iter().all(|weight| *weight == 0) {
            return self.owner_bears(job, cluster, Reason::NoWeight, out);
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
}
