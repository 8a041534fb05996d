//! Turns usage and bills into the ledger: every charge split, every posting with a payer.
//!
//! **What it is**: jobs on DataFusion around the pure rules: pod intervals to pod-hours
//! ([`mod@usage_hourly`]), charges to postings ([`allocate()`]), the conservation and completeness
//! certificates, [`explain()`] for one charge, and [`sql()`] over every table.
//!
//! **What it is not**: it renders nothing, reads no configuration file, and holds no rule of its own:
//! how a cost is split is decided in `hubtally-rules`.
//!
//! **Where to start**: [`allocate()`], which reads like the month: load, day by day, pools, certificates.

mod allocate;
mod certificates;
mod charge;
mod columns;
mod coverage;
mod day;
mod error;
mod explain;
mod hubs;
mod ledger;
mod names;
mod pieces;
mod place;
mod pools;
mod posting;
mod scan;
mod scope;
mod session;
mod split;
mod sql;
mod symbols;
mod trace;
pub mod usage_hourly;

pub use allocate::{Allocated, allocate};
pub use error::AggregateError;
pub use explain::{ExplainQuery, Explanation, explain};
pub use session::Limits;
pub use sql::sql;

#[cfg(test)]
mod tests;
