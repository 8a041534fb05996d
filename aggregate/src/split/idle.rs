//! What was paid and not used: who bears it.

use hubtally_schemas::Instant;
use hubtally_schemas::policy::IdleRule;

use super::DaySplit;
use super::Job;
use super::hub_target;
use crate::error::AggregateError;
use crate::place::HubPlace;
use crate::posting::Kind;
use crate::posting::Payer;
use crate::posting::Postings;
use crate::posting::Reason;
use crate::posting::Target;
use crate::symbols::NONE;
use crate::symbols::Symbol;

impl DaySplit<'_> {
    /// What was paid and not used: the hub of the node, else the cluster's only community, else the
    /// account's owner; or the organisation where the policy says so.
    pub(super) fn idle(
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
    pub(super) fn idle_of(
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

    pub(super) fn only_community(&self, cluster: Symbol, at: Instant) -> Option<Symbol> {
        let hubs = self.places.hubs(cluster, at, self.symbols);
        let first = hubs.first()?.community;
        (first != NONE && hubs.iter().all(|hub| hub.community == first)).then_some(first)
    }
}
