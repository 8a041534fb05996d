//! Lines that stand twice: equal ones of one file get ordinals, equal ones of two files are an overlap.
//!
//! Each line leaves a key: what makes it the same line, and its place among the lines of its account and
//! month. The keys are sorted, on disk where they are many, so that equal ones meet.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use hubtally_store::StoreError;

use super::group::Group;
use super::limits::BillLimits;
use super::scratch::Scratch;
use super::sorter::{Record, Sorted, Sorter};

/// Ordinals that are read at a time.
const READ_BYTES: u64 = 64 << 10;

/// One line: equal in group and identity is the same line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineKey {
    /// Account and month, by the place in which they were met.
    pub(crate) group: u32,
    /// High and low half of the identity.
    identity: [u64; 2],
    /// Which line of the group, in the order of reading.
    pub(crate) place: u64,
    /// Row in its file, for messages.
    pub(crate) row: u64,
}

impl LineKey {
    pub(crate) fn new(group: u32, identity: u128, place: u64, row: u64) -> Self {
        let low = u64::try_from(identity & u128::from(u64::MAX)).unwrap_or_default();
        let high = u64::try_from(identity >> 64).unwrap_or_default();
        Self { group, identity: [high, low], place, row }
    }

    fn is_same_line(&self, other: &Self) -> bool {
        (self.group, self.identity) == (other.group, other.identity)
    }
}

impl Record for LineKey {
    const BYTES: usize = 36;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.group.to_le_bytes());
        for number in [self.identity[0], self.identity[1], self.place, self.row] {
            bytes.extend(number.to_le_bytes());
        }
    }

    fn read(bytes: &[u8]) -> Self {
        let [high, low, place, row] = std::array::from_fn(|at| u64::from_le_bytes(part(bytes, 4 + 8 * at)));
        Self { group: u32::from_le_bytes(part(bytes, 0)), identity: [high, low], place, row }
    }
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..at + N).and_then(|part| part.try_into().ok()).unwrap_or([0; N])
}

/// A line that is not the first of its kind in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Repeat {
    /// Account and month, by the order in which they are written.
    rank: u32,
    /// Which line of the group.
    pub(crate) place: u64,
    /// The how manieth of its kind it is: 2 and more.
    pub(crate) ordinal: u32,
}

impl Record for Repeat {
    const BYTES: usize = 16;

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend(self.rank.to_le_bytes());
        bytes.extend(self.place.to_le_bytes());
        bytes.extend(self.ordinal.to_le_bytes());
    }

    fn read(bytes: &[u8]) -> Self {
        Self {
            rank: u32::from_le_bytes(part(bytes, 0)),
            place: u64::from_le_bytes(part(bytes, 4)),
            ordinal: u32::from_le_bytes(part(bytes, 12)),
        }
    }
}

/// The same line in two files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overlap {
    pub(crate) group: u32,
    /// File and row that came first.
    pub(crate) first: (usize, u64),
    /// File and row that came later.
    pub(crate) second: (usize, u64),
}

/// The repeated lines of each group, on disk.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    scratch: Option<Scratch>,
    /// By rank.
    places: BTreeMap<u32, Range<u64>>,
}

impl Repeats {
    /// Finds them, and for each file the first line that an earlier file holds too. `ranks` says for each
    /// group in which order it is written.
    pub(crate) fn find(
        keys: Sorter<LineKey>,
        groups: &[Group],
        ranks: &[u32],
        limits: &BillLimits,
    ) -> Result<(Self, Vec<Overlap>), StoreError> {
        let folder = &limits.spill_folder;
        let mut overlaps: BTreeMap<usize, Overlap> = BTreeMap::new();
        let mut repeats = Sorter::new(folder, limits.key_bytes());
        let mut keys = keys.finish()?;
        let mut first: Option<LineKey> = None;
        let mut ordinal = 1;
        while let Some(key) = keys.next()? {
            let Some(known) = first.filter(|known| known.is_same_line(&key)) else {
                (first, ordinal) = (Some(key), 1);
                continue;
            };
            let at = key.group as usize;
            let (Some(group), Some(rank)) = (groups.get(at), ranks.get(at)) else { continue };
            let (file, known_file) = (group.file_at(key.place), group.file_at(known.place));
            if file == known_file {
                ordinal += 1;
                repeats.push(Repeat { rank: *rank, place: key.place, ordinal })?;
                continue;
            }
            let overlap =
                Overlap { group: key.group, first: (known_file, known.row), second: (file, key.row) };
            let earliest = overlaps.entry(file).or_insert(overlap);
            if key.row < earliest.second.1 {
                *earliest = overlap;
            }
        }
        Ok((Self::store(repeats.finish()?, folder)?, overlaps.into_values().collect()))
    }

    /// Puts them on disk, so that a group's can be read as often as it is written.
    fn store(mut repeats: Sorted<Repeat>, folder: &Path) -> Result<Self, StoreError> {
        let mut found = Self::default();
        let mut waiting: Vec<u8> = Vec::new();
        let mut rank = 0;
        loop {
            let next = repeats.next()?;
            let is_other = next.is_none_or(|next| next.rank != rank);
            if is_other || waiting.len() as u64 >= READ_BYTES {
                found.append(rank, &mut waiting, folder)?;
            }
            let Some(next) = next else { return Ok(found) };
            rank = next.rank;
            next.write(&mut waiting);
        }
    }

    fn append(&mut self, rank: u32, waiting: &mut Vec<u8>, folder: &Path) -> Result<(), StoreError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let scratch = match &mut self.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::new(folder)?),
        };
        let place = scratch.append(waiting)?;
        waiting.clear();
        let known = self.places.entry(rank).or_insert(place.start..place.start);
        known.end = place.end;
        Ok(())
    }

    /// Those of one group, in the order of its lines.
    pub(crate) fn of(&self, rank: u32) -> RepeatsOf<'_> {
        let left = self.places.get(&rank).cloned().unwrap_or(0..0);
        RepeatsOf { scratch: self.scratch.as_ref(), left, read: Vec::new(), at: 0 }
    }
}

/// The repeated lines of one group.
#[derive(Debug)]
pub(crate) struct RepeatsOf<'a> {
    scratch: Option<&'a Scratch>,
    left: Range<u64>,
    read: Vec<u8>,
    at: usize,
}

impl RepeatsOf<'_> {
    /// The next one, if its line stands before `place`.
    pub(crate) fn next_before(&mut self, place: u64) -> Result<Option<Repeat>, StoreError> {
        if self.at >= self.read.len() {
            let Some(scratch) = self.scratch.filter(|_| !self.left.is_empty()) else { return Ok(None) };
            let end = self.left.end.min(self.left.start + READ_BYTES);
            self.read = scratch.read(&(self.left.start..end))?;
            self.left.start = end;
            self.at = 0;
        }
        let next = Repeat::read(&self.read[self.at..]);
        if next.place >= place {
            return Ok(None);
        }
        self.at += Repeat::BYTES;
        Ok(Some(next))
    }
}
