//! Sorting more records than memory holds: runs on disk, merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hubtally_store::StoreError;
use rayon::slice::ParallelSliceMut as _;

use super::scratch::Scratch;

/// Fewer records than this are not worth a run.
const LEAST_RECORDS: usize = 256;
/// Runs that are merged at a time: each has a buffer.
const MOST_RUNS: usize = 256;
/// What is read of a run at a time.
const MOST_BUFFER_BYTES: usize = 1 << 20;

/// Something of a fixed size that is sorted.
pub(crate) trait Record: Copy + Ord + Send {
    /// Bytes on disk.
    const BYTES: usize;
    /// Appends those bytes.
    fn write(&self, bytes: &mut Vec<u8>);
    /// Reads them back.
    fn read(bytes: &[u8]) -> Self;
}

/// Takes records in any order.
#[derive(Debug)]
pub(crate) struct Sorter<T> {
    folder: PathBuf,
    most: usize,
    held: Vec<T>,
    runs: Option<Runs>,
}

/// Sorted runs, one behind the other in a file.
#[derive(Debug)]
struct Runs {
    scratch: Scratch,
    places: Vec<Range<u64>>,
}

impl<T: Record> Sorter<T> {
    /// Holds about so many bytes of records in memory.
    pub(crate) fn new(folder: &Path, memory_bytes: usize) -> Self {
        let most = (memory_bytes / size_of::<T>()).max(LEAST_RECORDS);
        Self { folder: folder.to_owned(), most, held: Vec::new(), runs: None }
    }

    pub(crate) fn push(&mut self, record: T) -> Result<(), StoreError> {
        if self.held.len() >= self.most {
            self.spill()?;
        }
        self.held.push(record);
        Ok(())
    }

    /// The records in their order.
    pub(crate) fn finish(mut self) -> Result<Sorted<T>, StoreError> {
        if self.runs.is_some() {
            self.spill()?;
        }
        self.held.par_sort_unstable();
        let merge = match self.runs {
            Some(Runs { scratch, places }) => Some(Merge::open(scratch, places, self.most)?),
            None => None,
        };
        Ok(Sorted { held: self.held.into_iter(), merge })
    }

    /// Sorts what is held and writes it as a run.
    fn spill(&mut self) -> Result<(), StoreError> {
        self.held.par_sort_unstable();
        let mut runs = match self.runs.take() {
            Some(runs) if runs.places.len() < MOST_RUNS => runs,
            Some(Runs { scratch, places }) => {
                let mut merge = Merge::<T>::open(scratch, places, self.most)?;
                let mut run = Runs::new(&self.folder)?;
                run.add(std::iter::from_fn(|| merge.next().transpose()))?;
                run
            }
            None => Runs::new(&self.folder)?,
        };
        runs.add(self.held.drain(..).map(Ok))?;
        self.runs = Some(runs);
        Ok(())
    }
}

impl Runs {
    fn new(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self { scratch: Scratch::new(folder)?, places: Vec::new() })
    }

    fn add<T: Record>(
        &mut self,
        records: impl Iterator<Item = Result<T, StoreError>>,
    ) -> Result<(), StoreError> {
        let mut run: Option<Range<u64>> = None;
        let mut bytes = Vec::with_capacity(MOST_BUFFER_BYTES + T::BYTES);
        let mut write = |bytes: &mut Vec<u8>| -> Result<(), StoreError> {
            let place = self.scratch.append(bytes)?;
            bytes.clear();
            run = Some(run.take().map_or(place.start, |run| run.start)..place.end);
            Ok(())
        };
        for record in records {
            record?.write(&mut bytes);
            if bytes.len() >= MOST_BUFFER_BYTES {
                write(&mut bytes)?;
            }
        }
        write(&mut bytes)?;
        self.places.extend(run);
        Ok(())
    }
}

/// Records in order.
pub(crate) struct Sorted<T> {
    held: std::vec::IntoIter<T>,
    merge: Option<Merge<T>>,
}

impl<T: Record> Sorted<T> {
    pub(crate) fn next(&mut self) -> Result<Option<T>, StoreError> {
        match &mut self.merge {
            Some(merge) => merge.next(),
            None => Ok(self.held.next()),
        }
    }
}

struct Merge<T> {
    scratch: Scratch,
    buffer_bytes: usize,
    runs: Vec<Run>,
    next: BinaryHeap<Reverse<(T, usize)>>,
}

/// What is left of a run: on disk, and read already.
struct Run {
    left: Range<u64>,
    read: Vec<u8>,
    at: usize,
}

impl<T: Record> Merge<T> {
    fn open(scratch: Scratch, places: Vec<Range<u64>>, records: usize) -> Result<Self, StoreError> {
        let records = (records / places.len().max(1)).clamp(1, MOST_BUFFER_BYTES / T::BYTES);
        let runs = places.into_iter().map(|left| Run { left, read: Vec::new(), at: 0 }).collect::<Vec<_>>();
        let mut merge = Self { scratch, buffer_bytes: records * T::BYTES, next: BinaryHeap::new(), runs };
        for run in 0..merge.runs.len() {
            merge.advance(run)?;
        }
        Ok(merge)
    }

    fn next(&mut self) -> Result<Option<T>, StoreError> {
        let Some(Reverse((record, run))) = self.next.pop() else { return Ok(None) };
        self.advance(run)?;
        Ok(Some(record))
    }

    fn advance(&mut self, index: usize) -> Result<(), StoreError> {
        let run = &mut self.runs[index];
        if run.at >= run.read.len() {
            let end = run.left.end.min(run.left.start + self.buffer_bytes as u64);
            if end == run.left.start {
                return Ok(());
            }
            run.read = self.scratch.read(&(run.left.start..end))?;
            run.left.start = end;
            run.at = 0;
        }
        self.next.push(Reverse((T::read(&run.read[run.at..run.at + T::BYTES]), index)));
        run.at += T::BYTES;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Record for (u32, u64) {
        const BYTES: usize = 12;

        fn write(&self, bytes: &mut Vec<u8>) {
            bytes.extend(self.0.to_le_bytes());
            bytes.extend(self.1.to_le_bytes());
        }

        fn read(bytes: &[u8]) -> Self {
            let (first, second) = bytes.split_at(4);
            (u32::from_le_bytes(first.try_into().unwrap()), u64::from_le_bytes(second.try_into().unwrap()))
        }
    }

    fn sorted(records: &[(u32, u64)], memory_bytes: usize) -> Vec<(u32, u64)> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), memory_bytes);
        for record in records {
            sorter.push(*record).unwrap();
        }
        let mut sorted = sorter.finish().unwrap();
        std::iter::from_fn(|| sorted.next().unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn runs_on_disk_give_what_memory_gives(mut records in prop::collection::vec((0_u32..50, 0_u64..9), 0..3000)) {
            let (few, many) = (sorted(&records, 1), sorted(&records, 1 << 20));
            records.sort_unstable();
            prop_assert_eq!(&few, &records);
            prop_assert_eq!(&many, &records);
        }
    }

    #[test]
    fn more_runs_than_are_merged_at_a_time_are_merged_twice() {
        let count = u32::try_from(LEAST_RECORDS * (MOST_RUNS + 3)).unwrap();
        let records: Vec<(u32, u64)> =
            (0..count).map(|at| (at.wrapping_mul(2_654_435_761), u64::from(at))).collect();
        let mut expected = records.clone();
        expected.sort_unstable();
        assert_eq!(sorted(&records, 1), expected);
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let mut sorter = Sorter::new(Path::new("/nowhere/at/all"), 1);
        let failed = (0..=LEAST_RECORDS as u64).find_map(|at| sorter.push((0, at)).err()).unwrap();
        assert!(failed.to_string().contains("/nowhere/at/all"), "{failed}");
    }
}
