//! What no tag and no usage explains: to the account's owner, never to nobody.

use std::rc::Rc;

use super::DaySplit;
use super::Job;
use super::money;
use crate::error::AggregateError;
use crate::pieces::split;
use crate::posting::Kind;
use crate::posting::Payer;
use crate::posting::Postings;
use crate::posting::Reason;
use crate::posting::Target;
use crate::symbols::Symbol;
use crate::trace::Explanation;
use crate::trace::TraceHour;

impl DaySplit<'_> {
    pub(super) fn owner_bears(
        &mut self,
        job: &Job<'_>,
        cluster: Symbol,
        reason: Reason,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        self.owner_bears_amount(job, cluster, reason, job.piece.amount, out)
    }

    pub(super) fn owner_bears_amount(
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
        self.owners_bear(
            job,
            amount,
            |payer| Target::plain(Kind::Unattributed, Some(reason), payer, cluster),
            out,
        )
    }

    /// Equal parts for the owners of the charge's account.
    pub(super) fn owners_bear(
        &mut self,
        job: &Job<'_>,
        amount: i128,
        target: impl Fn(Payer) -> Target,
        out: &mut Postings,
    ) -> Result<(), AggregateError> {
        for (payer, part) in self.equal_owners(job, amount)? {
            out.add(target(payer), part, None);
        }
        Ok(())
    }

    pub(super) fn equal_owners(
        &mut self,
        job: &Job<'_>,
        amount: i128,
    ) -> Result<Vec<(Payer, i128)>, AggregateError> {
        let owners = self.owners_of(job);
        if let [only] = owners.as_ref() {
            return Ok(vec![(*only, amount)]);
        }
        let weights = vec![1_i128; owners.len()];
        let parts = split(&job.charge.id, amount, &weights)?;
        Ok(owners.iter().copied().zip(parts).collect())
    }

    pub(super) fn owners_of(&mut self, job: &Job<'_>) -> Rc<[Payer]> {
        if let Some(known) = self.owners.get(&job.charge.account) {
            return Rc::clone(known);
        }
        let owners: Rc<[Payer]> =
            self.places.owners(job.charge.account, job.piece.window.start, self.symbols).into();
        self.owners.insert(job.charge.account, Rc::clone(&owners));
        owners
    }
}
