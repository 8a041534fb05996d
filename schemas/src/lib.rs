//! The agreement that every other room of hubtally keeps.
//!
//! **What it is**: ids, units, money, time, the tables (columns, key, order, partition), the wire
//! events, the configuration documents (registry, policy) and the shapes of results. Data is
//! written with these definitions, so a change here is a change of format: columns are only ever
//! added, nullable.
//!
//! **What it is not**: it does no I/O, reads no clock, and knows neither Kafka, SQL nor a store.
//!
//! **Where to start**: [`tables`] for what is stored, [`event`] for what comes in,
//! [`registry`] and [`policy`] for what a person configures, [`money`] for how amounts are held.

pub mod canonical;
pub mod error;
pub mod event;
pub mod exit;
pub mod ids;
pub mod money;
pub mod paths;
pub mod period;
pub mod policy;
pub mod registry;
pub mod reject;
pub mod statement;
pub mod tables;
pub mod units;

pub use error::SchemaError;
pub use ids::{AccountId, ChargeId, ClusterId, CommunityId, HubId, Namespace, NodeName, PodUid, UserId};
pub use money::{Currency, Minor, Pico};
pub use period::{Instant, Period, Span};
