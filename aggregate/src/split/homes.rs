//! Home directories by byte-time, and what a tag says is a hub's own.

use std::collections::HashMap;

use hubtally_rules::directory::Owner as DirectoryOwner;
use hubtally_rules::directory::owner_of;
use hubtally_rules::storage_hold;
use hubtally_schemas::Instant;

use super::DaySplit;
use super::Job;
use super::hub_target;
use super::money;
use crate::day::Directory;
use crate::error::AggregateError;
use crate::pieces::split;
use crate::place::HubPlace;
use crate::posting::Kind;
use crate::posting::Payer;
use crate::posting::Postings;
use crate::posting::Reason;
use crate::posting::Target;
use crate::symbols::NONE;
use crate::symbols::Symbol;
use crate::trace::Explanation;
use crate::trace::TraceHour;

impl DaySplit<'_> {
    pub(super) fn hub(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        hub_tag: Symbol,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        match self.places.hub_by_tag(cluster, hub_tag, job.piece.window.start, self.symbols) {
            Some(hub) => self.direct_to_hub(job, cluster, hub, out),
            None => self.owner_bears(job, cluster, Reason::NoTag, out),
        }
    }

    pub(super) fn direct_to_hub(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        hub: HubPlace,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
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
            for (payer, amount) in self.equal_owners(job, job.piece.amount)? {
                out.add(target(payer), amount, None);
            }
            return Ok(());
        }
        out.add(hub_target(Kind::Direct, hub, cluster, NONE), job.piece.amount, None);
        Ok(())
    }

    /// Home directories by byte-time within the window.
    pub(super) fn homes(
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
                None => return self.owner_bears(job, cluster, Reason::NoTag, out),
            },
        };
        let day = self.day;
        let directories = day.directories.get(&cluster).map_or(&[][..], Vec::as_slice);
        let mut targets: Vec<Target> = Vec::new();
        let mut places: HashMap<Target, usize> = HashMap::new();
        let mut weights: Vec<i128> = Vec::new();
        for directory in directories {
            if only.is_some_and(|hub| hub.namespace != directory.namespace) {
                continue;
            }
            let weight = storage_hold::byte_ms(&directory.scans, window).map_err(|error| {
                AggregateError::Split { charge: job.charge.id.to_string(), why: error.to_string() }
            })?;
            let target = self.home_target(cluster, directory, window.start, job);
            let at = *places.entry(target).or_insert_with(|| {
                targets.push(target);
                weights.push(0);
                targets.len() - 1
            });
            weights[at] += weight;
        }
        let total: i128 = weights.iter().sum();
        if total == 0 {
            return match only {
                Some(hub) => self.direct_to_hub(job, cluster, hub, out),
                None => self.owner_bears(job, cluster, Reason::NoWeight, out),
            };
        }
        let parts = split(&job.charge.id, job.piece.amount, &weights)?;
        self.trace.push(|| TraceHour {
            step: Explanation::new(format!(
                "home directories by byte-time, {} to {}",
                window.start, window.end
            ))
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
    pub(super) fn home_target(
        &self,
        cluster: Symbol,
        directory: &Directory,
        at: Instant,
        _job: &Job<'_>,
    ) -> Target {
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
            DirectoryOwner::Orphan => {
                Target { reason: Some(Reason::Orphan), ..hub_target(Kind::Unattributed, hub, cluster, NONE) }
            }
        }
    }
}
