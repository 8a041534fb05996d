//! Shared pools, by the policy's rule.

use hubtally_schemas::policy::SharedRule;

use super::DaySplit;
use super::Deferred;
use super::DeferredRule;
use super::Job;
use super::hub_target;
use super::money;
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
                let target =
                    Target { pool, ..Target::plain(Kind::Shared, None, Payer::Organisation, cluster) };
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

    pub(super) fn fixed(
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
            return self.owners_bear(
                job,
                amount,
                |payer| Target {
                    pool,
                    ..Target::plain(Kind::Unattributed, Some(Reason::NoWeight), payer, cluster)
                },
                out,
            );
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
                step.children
                    .push(Explanation::new(format!("hub {name}")).value(money(*part)).fact("weight", weight));
            }
            TraceHour { step, usage: None }
        });
        for ((hub, weight), part) in hubs.iter().zip(weights).zip(parts) {
            if hub.community == NONE {
                self.owners_bear(
                    job,
                    part,
                    |payer| Target {
                        pool,
                        hub: hub.hub,
                        namespace: hub.namespace,
                        ..Target::plain(Kind::Unattributed, Some(Reason::NoCommunity), payer, cluster)
                    },
                    out,
                )?;
            } else {
                out.add(
                    Target { pool, ..hub_target(Kind::Shared, *hub, cluster, NONE) },
                    part,
                    Some((*weight, total)),
                );
            }
        }
        Ok(())
    }

    pub(super) fn defer(&mut self, job: &Job<'_>, amount: i128, rule: DeferredRule) {
        if amount != 0 {
            self.deferred.push(Deferred { charge: job.number, amount, at: job.piece.window.start, rule });
        }
    }
}
