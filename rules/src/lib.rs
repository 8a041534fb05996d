//! The pure heart of hubtally: every rule that decides an amount or a quantity.
//!
//! **What it is**: functions from values to values. [`apportion`] splits integers without losing one;
//! everything else stands on it: [`compute`] splits a node-hour among pods,
//! [`rounding`] a bill into cents. [`metering`] and [`storage_hold`] turn
//! measurements into quantities, [`timeline`] samples into time ([`pod_time`], [`node_time`]), [`component`] and [`directory`] say what a bill line or a directory
//! is, [`registry_view`] who is who at an instant, [`commit`] and [`seal`] what a store may write,
//! [`certificate`] whether the books balance.
//!
//! **What it is not**: it does no I/O, reads no clock, and knows no file format, table engine or store.
//!
//! **Where to start**: [`apportion::largest_remainder`], then [`compute::split`].

pub mod apportion;
pub mod certificate;
pub mod commit;
pub mod component;
pub mod compute;
pub mod directory;
pub mod metering;
pub mod node_time;
pub mod pod_time;
pub mod policy_check;
pub mod registry_view;
pub mod rounding;
pub mod scans;
pub mod scrapes;
pub mod seal;
pub mod slug;
pub mod storage_hold;
pub mod timeline;

pub use apportion::largest_remainder;
pub use policy_check::check_policy;
pub use registry_view::{RegistryProblem, RegistryView, Severity};
