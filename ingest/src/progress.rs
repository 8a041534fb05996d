//! How long work tells that it is still going, without knowing who watches.

/// Someone who watches: a bar on a terminal, a log, or nobody ([`Silent`]).
pub trait Progress: Sync {
    /// A piece of work starts; its size in bytes where it is known.
    fn start(&self, what: &str, total_bytes: Option<u64>);
    /// Some of it is done: bytes and records since the last call.
    fn advance(&self, bytes: u64, records: u64);
    /// The piece of work ends.
    fn finish(&self);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _what: &str, _total_bytes: Option<u64>) {}
    fn advance(&self, _bytes: u64, _records: u64) {}
    fn finish(&self) {}
}
