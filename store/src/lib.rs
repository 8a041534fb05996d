//! The store: Delta tables on object storage, the commit protocol, and the keys.
//!
//! **What it is**: a folder at any `object_store` address that holds one Delta table for each entry of
//! `hubtally_schemas::tables::TABLES`, configuration documents by content, and a mark; beside it a
//! folder of keys. Rows become visible in the commit that moves their source's position (law L2), so
//! reading a file twice, or crashing in the middle, changes nothing. A date is sealed once: sorted,
//! free of duplicates, in large files.
//!
//! **What it is not**: it knows no event format, no policy and no SQL. Whether a batch may be committed
//! is decided by `hubtally_rules::commit`, which of two rows stays by `hubtally_rules::seal`; this room
//! reads the facts and obeys. Nothing is deleted from storage here: files that a commit replaced stay
//! readable by version until a later release vacuums below the oldest pin.
//!
//! **Where to start**: [`Store`], then [`SourceWriter`] for rows that come in, [`Table`] for rows that
//! are read or derived, [`seal`] and [`maintain`] for upkeep.

mod aws_profile;
mod columns;
mod config_documents;
mod data_file;
mod encode;
mod error;
mod expire;
mod keys;
mod location;
mod maintain;
mod mark;
mod objects;
mod partition;
mod positions;
mod prepared;
mod race;
mod ranges;
mod read;
mod replace;
mod seal;
mod source;
mod stats;
mod store;
mod table;
mod table_schema;

pub use columns::key_value;
pub use error::StoreError;
pub use expire::{Expired, Expiry};
pub use keys::Keys;
pub use location::Location;
pub use maintain::{MaintainOptions, MaintainReport, maintain, seal_dates};
pub use objects::{PutOutcome, Upload};
pub use prepared::PreparedRows;
pub use race::Race;
pub use replace::{GroupChange, GroupRows};
pub use seal::{SealLimits, SealReport, seal, unsealed_dates};
pub use source::{CommitOutcome, OpenTables, SourceBatch, SourceWriter};
pub use store::{Store, StoreConfig};
pub use table::{DataFile, Table};

#[cfg(test)]
mod tests;
