//! Two rows of one natural key: which stays when a date is sealed.

use std::cmp::Ordering;

/// What decides between rows of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank<'a> {
    /// The producer's revision of the fact.
    pub revision: i64,
    /// Source id.
    pub source: &'a str,
    /// Position in the source.
    pub source_position: i64,
}

/// What becomes of two rows of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meeting {
    /// The first stays, the second is a duplicate or an older revision.
    KeepFirst,
    /// The second stays.
    KeepSecond,
    /// The first stays; the second has the same revision and other content, and goes to
    /// `rejects: conflicting_duplicate`.
    ConflictKeepFirst,
    /// As [`Meeting::ConflictKeepFirst`], but the second stays.
    ConflictKeepSecond,
}

/// Decides between two rows: the highest (revision, source, source position) stays, so the order in
/// which rows are met changes nothing (law L7). `same_content` compares what the producer said, without
/// source and position.
pub fn meet(first: Rank<'_>, second: Rank<'_>, same_content: bool) -> Meeting {
    let conflict = first.revision == second.revision && !same_content;
    match (first.cmp(&second), conflict) {
        (Ordering::Less, false) => Meeting::KeepSecond,
        (Ordering::Less, true) => Meeting::ConflictKeepSecond,
        (_, false) => Meeting::KeepFirst,
        (_, true) => Meeting::ConflictKeepFirst,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rank(revision: i64, source: &str, source_position: i64) -> Rank<'_> {
        Rank { revision, source, source_position }
    }

    #[test]
    fn a_higher_revision_wins_without_a_conflict() {
        assert_eq!(meet(rank(1, "a", 1), rank(0, "b", 9), false), Meeting::KeepFirst);
        assert_eq!(meet(rank(0, "b", 9), rank(1, "a", 1), false), Meeting::KeepSecond);
    }

    #[test]
    fn the_same_revision_with_other_content_is_a_conflict() {
        assert_eq!(meet(rank(0, "a", 1), rank(0, "a", 2), true), Meeting::KeepSecond);
        assert_eq!(meet(rank(0, "a", 1), rank(0, "a", 2), false), Meeting::ConflictKeepSecond);
        assert_eq!(meet(rank(0, "b", 1), rank(0, "a", 2), false), Meeting::ConflictKeepFirst);
    }

    proptest! {
        #[test]
        fn l7_the_order_of_meeting_changes_nothing(
            one in (0_i64..3, "[ab]", 0_i64..3), other in (0_i64..3, "[ab]", 0_i64..3), same in any::<bool>(),
        ) {
            prop_assume!(one != other);
            let (a, b) = (rank(one.0, &one.1, one.2), rank(other.0, &other.1, other.2));
            let turned = match meet(b, a, same) {
                Meeting::KeepFirst => Meeting::KeepSecond,
                Meeting::KeepSecond => Meeting::KeepFirst,
                Meeting::ConflictKeepFirst => Meeting::ConflictKeepSecond,
                Meeting::ConflictKeepSecond => Meeting::ConflictKeepFirst,
            };
            prop_assert_eq!(meet(a, b, same), turned);
        }
    }
}
