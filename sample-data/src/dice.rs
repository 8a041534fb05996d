//! Chance from a seed: the same numbers on any machine.

use std::fmt::Write as _;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// A stream of chance for one thing, found by the seed and the thing's names alone, so that adding
/// a hub changes nothing at another.
#[derive(Debug, Clone)]
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream of what `names` say.
    pub fn new(seed: u64, names: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        for name in names {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name.as_bytes());
        }
        Self(ChaCha8Rng::from_seed(hash.finalize().into()))
    }

    /// A number below `bound`; 0 if `bound` is 0. The product's high half, as its own definition:
    /// a library's ranges may change between versions.
    pub fn below(&mut self, bound: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `low` up to, not including, `high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high.saturating_sub(low)).unwrap_or(0);
        low + i64::try_from(self.below(width)).unwrap_or(0)
    }

    /// True in `permille` of 1,000 throws.
    pub fn chance(&mut self, permille: u64) -> bool {
        self.below(1_000) < permille
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }

    /// An index below `length`.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// An index, as often as its weight says.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut left = self.below(total);
        for (index, weight) in weights.iter().enumerate() {
            if left < u64::from(*weight) {
                return index;
            }
            left -= u64::from(*weight);
        }
        0
    }

    /// `base`, changed by up to `permille` of 1,000 in both directions.
    pub fn around(&mut self, base: i64, permille: i64) -> i64 {
        base / 1_000 * self.between(1_000 - permille, 1_000 + permille + 1)
    }

    /// Lower-case hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            let _ = write!(text, "{:016x}", self.0.next_u64());
        }
        text.truncate(digits);
        text
    }

    /// A uid as Kubernetes writes it: a random UUID, version 4.
    pub fn uid(&mut self) -> String {
        let digits = self.hex(31);
        let variant = ["8", "9", "a", "b"][self.index(4)];
        format!(
            "{}-{}-4{}-{variant}{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[12..15],
            &digits[15..18],
            &digits[18..30]
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_and_names_alone() {
        let throw = |seed, names: &[&str]| Dice::new(seed, names).hex(16);
        assert_eq!(throw(1, &["a", "b"]), throw(1, &["a", "b"]));
        assert_ne!(throw(1, &["a", "b"]), throw(1, &["ab"]));
        assert_ne!(throw(1, &["a"]), throw(2, &["a"]));
        assert_eq!(throw(7, &["fixed"]), "6b3f812b72aceedb", "the stream itself never changes");
    }

    #[test]
    fn throws_stay_in_their_bounds() {
        let mut dice = Dice::new(3, &["bounds"]);
        for _ in 0..1_000 {
            assert!(dice.below(7) < 7);
            assert!((-2..5).contains(&dice.between(-2, 5)));
            assert_ne!(dice.weighted(&[1, 0, 2]), 1);
            assert!((900..=1_100).contains(&dice.around(1_000, 100)));
        }
        assert_eq!(dice.below(0), 0);
    }
}
