//! A small federation of research hubs, generated from a seed.
//!
//! **What it is**: communities, clusters, hubs and people with realistic days; pods that find nodes,
//! an autoscaler, home directories; the usage events and the bills that follow from them, with a
//! registry and a policy. Bills agree with the nodes that ran. The same seed gives the same bytes on
//! any machine, so that tests can name totals; a larger scale feeds the benchmarks.
//!
//! **What it is not**: it measures nothing and allocates nothing, reads no clock, and uses no real
//! person's or account's data.
//!
//! **Where to start**: [`write()`]; then [`places`] for the plan, [`wishes`] for what people ask for,
//! [`simulate`] for what happens, [`emit`] for events, [`bills`] for bills, [`facts`] for what is true
//! in the end.

pub mod bills;
pub mod dice;
pub mod emit;
pub mod error;
pub mod events;
pub mod facts;
pub mod fleet;
pub mod machines;
pub mod output;
pub mod people;
pub mod places;
mod readme;
pub mod registry;
pub mod simulate;
pub mod storage;
pub mod wishes;
pub mod write;

pub use error::SampleError;
pub use write::{SampleOptions, SampleSummary, write};
