//! A charge over time pieces, and over the owners of an account.

use hubtally_schemas::CommunityId;
use hubtally_schemas::registry::{AccountOwner, Owner};

use crate::apportion::{ApportionError, largest_remainder};

/// A charge's cost over pieces of its time (the hours of a day), by instance time observed in each.
///
/// `None` when nothing was observed: the cost stays whole and is `unattributed: no_telemetry`.
pub fn over_time(cost: i128, observed_ms: &[i64]) -> Result<Option<Vec<i128>>, ApportionError> {
    let weights: Vec<i128> = observed_ms.iter().copied().map(i128::from).collect();
    match largest_remainder(cost, &weights) {
        Ok(parts) => Ok(Some(parts)),
        Err(ApportionError::NoWeight) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who bears a cost.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Payer {
    /// A community.
    Community(CommunityId),
    /// The organisation.
    Organisation,
}

impl Payer {
    /// As stored in `ledger.payer`.
    pub fn code(&self) -> String {
        match self {
            Self::Community(id) => format!("community:{id}"),
            Self::Organisation => "organisation".to_owned(),
        }
    }
}

/// A cost among the owners of its account: one payer, or with `shared` equal parts in the order of the
/// community ids' bytes. [`ApportionError::NoWeight`] when `shared` names nobody.
pub fn among_owners(cost: i128, owner: &AccountOwner) -> Result<Vec<(Payer, i128)>, ApportionError> {
    match &owner.owner {
        Owner::Organisation => Ok(vec![(Payer::Organisation, cost)]),
        Owner::Community(id) => Ok(vec![(Payer::Community(id.clone()), cost)]),
        Owner::Shared => {
            let mut ids = owner.among.clone();
            ids.sort_unstable();
            ids.dedup();
            let parts = largest_remainder(cost, &vec![1; ids.len()])?;
            Ok(ids.into_iter().map(Payer::Community).zip(parts).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use hubtally_schemas::registry::PaidBy;
    use proptest::prelude::*;

    use super::*;

    fn shared(ids: &[&str]) -> AccountOwner {
        AccountOwner {
            owner: Owner::Shared,
            among: ids.iter().map(|id| CommunityId::new(id).unwrap()).collect(),
            paid_by: PaidBy::Organisation,
            from: None,
            to: None,
        }
    }

    #[test]
    fn a_shared_account_falls_in_equal_parts_and_the_odd_unit_to_the_first_id() {
        let parts = among_owners(100, &shared(&["tides", "geo", "ocean"])).unwrap();
        let shown: Vec<(String, i128)> =
            parts.into_iter().map(|(payer, part)| (payer.code(), part)).collect();
        let expected = [("community:geo", 34), ("community:ocean", 33), ("community:tides", 33)];
        assert_eq!(shown, expected.map(|(payer, part)| (payer.to_owned(), part)));
        assert_eq!(among_owners(1, &shared(&[])), Err(ApportionError::NoWeight));
    }

    #[test]
    fn hours_without_a_node_get_nothing_and_a_day_without_any_stays_whole() {
        assert_eq!(over_time(10, &[0, 3_600_000, 3_600_000]).unwrap().unwrap(), [0, 5, 5]);
        assert_eq!(over_time(10, &[0; 24]).unwrap(), None);
    }

    proptest! {
        #[test]
        fn l1_a_days_cost_is_the_sum_of_its_hours(
            cost in any::<i64>(), observed in prop::collection::vec(0_i64..=3_600_000, 24),
        ) {
            let cost = i128::from(cost);
            let whole = over_time(cost, &observed).unwrap().map_or(cost, |parts| parts.iter().sum());
            prop_assert_eq!(whole, cost);
        }

        #[test]
        fn l1_owners_bear_the_whole(cost in any::<i64>(), count in 1_usize..30) {
            let ids: Vec<String> = (0..count).map(|n| format!("c{n}")).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let parts = among_owners(i128::from(cost), &shared(&ids)).unwrap();
            prop_assert_eq!(parts.iter().map(|(_, part)| part).sum::<i128>(), i128::from(cost));
            let (least, most) = (parts.iter().map(|p| p.1).min(), parts.iter().map(|p| p.1).max());
            prop_assert!(most.unwrap() - least.unwrap() <= 1);
        }
    }
}
