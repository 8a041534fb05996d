//! Exit codes of the one binary: the only place where they are numbers.

/// Done, and nothing is missing.
pub const DONE: u8 = 0;
/// Failed, or the books do not balance.
pub const FAILED: u8 = 1;
/// Wrong usage or configuration.
pub const USAGE: u8 = 2;
/// Done, but the data is incomplete: a document says where.
pub const INCOMPLETE: u8 = 3;
