//! The conservation certificate: do the postings of each charge sum to it (law L1)?

/// What a posting is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Matched to one target by measured use or tag.
    Direct,
    /// A pool's cost, by the pool's key.
    Shared,
    /// Paid, not consumed.
    Idle,
    /// No target; borne by the account's owner.
    Unattributed,
    /// Change of scale only.
    Rounding,
    /// Approved move.
    Adjustment,
}

impl Kind {
    /// All, in the order of documents.
    pub const ALL: [Self; 6] =
        [Self::Direct, Self::Shared, Self::Idle, Self::Unattributed, Self::Rounding, Self::Adjustment];

    /// As stored in `ledger.kind`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Shared => "shared",
            Self::Idle => "idle",
            Self::Unattributed => "unattributed",
            Self::Rounding => "rounding",
            Self::Adjustment => "adjustment",
        }
    }

    /// Whether postings of this kind must have the sign of their charge.
    fn has_the_sign_of_the_charge(self) -> bool {
        !matches!(self, Self::Rounding | Self::Adjustment)
    }
}

/// One posting, as far as conservation cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posted {
    /// What it is.
    pub kind: Kind,
    /// 10⁻¹² units.
    pub amount: i128,
    /// Whether a rule names who bears it.
    pub has_payer: bool,
}

/// A sum of the certificate left 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sum of {what} overflows 128 bits: look for a charge of absurd size")]
pub struct CertificateOverflow {
    /// Which sum.
    pub what: &'static str,
}

/// Conservation numbers of one scope and currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conservation {
    /// How many charges.
    pub charges: i64,
    /// Sum of the charges.
    pub billed: i128,
    /// Sum of the postings.
    pub posted: i128,
    /// Charges whose own postings do not sum to them, or have a posting of the other sign.
    pub violating_charges: i64,
    /// Charges with a posting that no rule gives a payer.
    pub no_payer_charges: i64,
    /// Charges that the provider may still change.
    pub provisional: i128,
    kinds: [i128; Kind::ALL.len()],
}

impl Conservation {
    /// Takes one charge with all its postings.
    pub fn add_charge(
        &mut self,
        amount: i128,
        provisional: bool,
        postings: impl IntoIterator<Item = Posted>,
    ) -> Result<(), CertificateOverflow> {
        let (mut own, mut payers, mut signs) = (0_i128, true, true);
        for posting in postings {
            add(&mut own, posting.amount, "a charge's postings")?;
            add(&mut self.kinds[posting.kind as usize], posting.amount, "the postings of a kind")?;
            payers &= posting.has_payer;
            let opposite =
                amount.signum() * posting.amount.signum() == -1 || (amount == 0 && posting.amount != 0);
            signs &= !(opposite && posting.kind.has_the_sign_of_the_charge());
        }
        self.charges += 1;
        add(&mut self.billed, amount, "the charges")?;
        add(&mut self.posted, own, "the postings")?;
        if provisional {
            add(&mut self.provisional, amount, "the provisional charges")?;
        }
        self.violating_charges += i64::from(own != amount || !signs);
        self.no_payer_charges += i64::from(!payers);
        Ok(())
    }

    /// Adds another scope's numbers: accounts to a total.
    pub fn merge(&mut self, other: &Self) -> Result<(), CertificateOverflow> {
        self.charges += other.charges;
        self.violating_charges += other.violating_charges;
        self.no_payer_charges += other.no_payer_charges;
        add(&mut self.billed, other.billed, "the charges")?;
        add(&mut self.posted, other.posted, "the postings")?;
        add(&mut self.provisional, other.provisional, "the provisional charges")?;
        for (sum, part) in self.kinds.iter_mut().zip(other.kinds) {
            add(sum, part, "the postings of a kind")?;
        }
        Ok(())
    }

    /// Postings of one kind.
    pub fn of_kind(&self, kind: Kind) -> i128 {
        self.kinds[kind as usize]
    }

    /// `billed − posted`.
    pub fn difference(&self) -> Result<i128, CertificateOverflow> {
        self.billed.checked_sub(self.posted).ok_or(CertificateOverflow { what: "the difference" })
    }

    /// Whether the books balance: as a whole and for every charge.
    pub fn holds(&self) -> bool {
        self.billed == self.posted && self.violating_charges == 0
    }
}

fn add(sum: &mut i128, amount: i128, what: &'static str) -> Result<(), CertificateOverflow> {
    *sum = sum.checked_add(amount).ok_or(CertificateOverflow { what })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::apportion::largest_remainder;

    fn posted(kind: Kind, amount: i128) -> Posted {
        Posted { kind, amount, has_payer: true }
    }

    #[test]
    fn two_errors_that_cancel_are_still_violations() {
        let mut books = Conservation::default();
        books.add_charge(10, false, [posted(Kind::Direct, 11)]).unwrap();
        books.add_charge(10, false, [posted(Kind::Direct, 9)]).unwrap();
        assert_eq!(books.difference().unwrap(), 0);
        assert_eq!(books.violating_charges, 2);
        assert!(!books.holds());
    }

    #[test]
    fn a_posting_of_the_other_sign_is_a_violation_unless_it_rounds_or_adjusts() {
        let mut books = Conservation::default();
        books.add_charge(10, false, [posted(Kind::Direct, 12), posted(Kind::Idle, -2)]).unwrap();
        assert_eq!(books.violating_charges, 1);
        books.add_charge(-10, true, [posted(Kind::Direct, -11), posted(Kind::Rounding, 1)]).unwrap();
        assert_eq!(books.violating_charges, 1);
        assert_eq!((books.provisional, books.of_kind(Kind::Idle)), (-10, -2));
    }

    #[test]
    fn a_charge_without_a_payer_is_counted_once() {
        let mut books = Conservation::default();
        let nobody = Posted { kind: Kind::Unattributed, amount: 5, has_payer: false };
        books.add_charge(10, false, [nobody, nobody]).unwrap();
        assert_eq!((books.no_payer_charges, books.holds()), (1, true));
    }

    #[test]
    fn overflow_is_an_error() {
        let mut books = Conservation::default();
        books.add_charge(i128::MAX, false, []).unwrap();
        assert_eq!(books.violating_charges, 1);
        assert!(books.add_charge(1, false, []).is_err());
    }

    proptest! {
        #[test]
        fn l1_largest_remainder_keeps_the_books_balanced(
            charges in prop::collection::vec((any::<i64>(), prop::collection::vec(1_i128..1000, 1..6)), 0..40),
        ) {
            let (mut one, mut left, mut right) = <(Conservation, Conservation, Conservation)>::default();
            for (number, (amount, weights)) in charges.into_iter().enumerate() {
                let amount = i128::from(amount);
                let parts = largest_remainder(amount, &weights).unwrap();
                let half = if number % 2 == 0 { &mut left } else { &mut right };
                let postings = || parts.iter().zip(Kind::ALL.iter().cycle()).map(|(part, kind)| posted(*kind, *part));
                one.add_charge(amount, false, postings()).unwrap();
                half.add_charge(amount, false, postings()).unwrap();
            }
            left.merge(&right).unwrap();
            prop_assert!(one.holds());
            prop_assert_eq!(one, left);
        }
    }
}
