//! Tests of the whole room: against memory, a local folder, a store that fails on purpose, and real
//! servers of S3, GCS and Azure where they are given.

mod clouds;
mod documents;
mod expire;
mod faults;
mod protocol;
mod replace;
pub(crate) mod support;
mod tables;
