//! From sources to committed batches: files of usage events, Kafka topics, Prometheus servers, cloud bills, registries.
//!
//! **What it is**: readers that turn bytes into rows of [`hubtally_schemas::tables`] and hand them to
//! the store together with the source's position (law L2). What cannot be used becomes a row of
//! `rejects`, with its bytes and a reason (law L10).
//!
//! **What it is not**: it prices nothing and allocates nothing, and never decides what a commit
//! means; that is `rules` and `store`.
//!
//! **Where to start**: [`files::ingest_files`] for usage events, [`events`] for how one line becomes rows,
//! [`hub_logs::ingest_hub_logs`] for the hubs' own logs, [`kafka`] for topics of events, [`replay`] for those that were
//! refused, [`prometheus`] for samples, [`bills`] for bills, [`registry_import`] for registries written elsewhere.

pub mod bills;
pub mod error;
pub mod events;
pub mod files;
pub mod hub_logs;
pub mod kafka;
pub mod probe;
pub mod progress;
pub mod prometheus;
pub mod registry_import;
pub mod replay;

pub use error::IngestError;
pub use progress::{Progress, Silent};
