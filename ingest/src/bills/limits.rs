//! How much memory loading bills may take, and what takes it.
//!
//! Nothing is held for each line. Lines wait in columns until they are worth a row group, which is
//! encoded and put aside on disk; the key by which lines that stand twice are found is sorted in runs on
//! disk. What grows with the bills in memory is a few hundred bytes for each account and month, for each
//! part put aside, and for each file.

use std::path::PathBuf;

/// Memory and disk that loading bills may use.
#[derive(Debug, Clone)]
pub struct BillLimits {
    /// Memory for lines, their keys and what is encoded. The process itself takes some tens of MiB more.
    pub memory_bytes: usize,
    /// Folder of what is put aside.
    pub spill_folder: PathBuf,
}

/// A column of text may not pass 2³¹ bytes, nor may what is put together.
const MOST_PART_BYTES: usize = 256 << 20;
/// What an account and month takes where no line of it waits, and what else is counted for each.
const GROUP_BYTES: usize = 1 << 10;

impl Default for BillLimits {
    fn default() -> Self {
        Self { memory_bytes: 1 << 30, spill_folder: std::env::temp_dir() }
    }
}

impl BillLimits {
    /// Lines of one account and month that become a row group. While one is filled another is encoded,
    /// and columns that grow take up to twice what is in them.
    pub(crate) fn part_bytes(&self) -> usize {
        (self.memory_bytes / 8).min(MOST_PART_BYTES)
    }

    /// Lines of all accounts and months that wait.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.memory_bytes / 4
    }

    /// Keys of lines that are sorted at a time.
    pub(crate) fn key_bytes(&self) -> usize {
        self.memory_bytes / 8
    }

    /// Rows that were refused.
    pub(crate) fn reject_bytes(&self) -> usize {
        self.memory_bytes / 16
    }

    /// A data file that is put together.
    pub(crate) fn file_bytes(&self) -> usize {
        self.memory_bytes / 8
    }

    /// A document that is held whole.
    pub(crate) fn document_bytes(&self) -> usize {
        self.memory_bytes / 8
    }

    /// Accounts and months of one command.
    pub(crate) fn groups(&self) -> usize {
        (self.memory_bytes / 8 / GROUP_BYTES).max(1)
    }

    /// In MiB, as the configuration has it.
    pub(crate) fn mib(&self) -> usize {
        self.memory_bytes >> 20
    }
}
