//! Where a partition is read from: pure decisions on offsets.

/// How a partition goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// At the store's position.
    Here,
    /// The broker deleted what comes next: a gap up to this offset.
    Gap {
        /// The oldest offset that is left.
        to: i64,
    },
    /// The partition ends before the store's position: it lost records.
    Past,
}

/// Decides from the store's position (the offset that is read next), the oldest offset that the broker has, and
/// the end.
pub fn resume(position: i64, oldest: i64, end: i64) -> Resume {
    if position < oldest {
        Resume::Gap { to: oldest }
    } else if position > end {
        Resume::Past
    } else {
        Resume::Here
    }
}

/// Worker `number` of `of`: which partitions it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    pub number: u32,
    /// At least 1.
    pub of: u32,
}

impl Share {
    /// The only worker.
    pub const ALL: Self = Self { number: 0, of: 1 };

    /// Reads `2/5`: the third of five workers. `None` where it is no such thing.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, of) = text.split_once('/')?;
        let share = Self { number: number.parse().ok()?, of: of.parse().ok()? };
        (share.number < share.of).then_some(share)
    }

    /// Whether a partition is this worker's.
    pub fn holds(self, partition: i32) -> bool {
        u32::try_from(partition).is_ok_and(|partition| partition % self.of.max(1) == self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_kept_gone_or_past() {
        assert_eq!(resume(5, 5, 9), Resume::Here);
        assert_eq!(resume(9, 5, 9), Resume::Here);
        assert_eq!(resume(4, 5, 9), Resume::Gap { to: 5 });
        assert_eq!(resume(10, 5, 9), Resume::Past);
        assert_eq!(resume(0, 0, 0), Resume::Here);
    }

    #[test]
    fn every_partition_is_one_workers() {
        for of in 1..5 {
            for partition in 0..20 {
                let holders = (0..of).filter(|number| Share { number: *number, of }.holds(partition)).count();
                assert_eq!(holders, 1);
            }
        }
        assert_eq!(Share::parse("2/5"), Some(Share { number: 2, of: 5 }));
        for wrong in ["5/5", "1", "a/b", "-1/2", "1/0", ""] {
            assert_eq!(Share::parse(wrong), None, "{wrong}");
        }
    }
}
