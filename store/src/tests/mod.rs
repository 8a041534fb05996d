//! Tests of the whole room: against memory, a local folder, a store that fails on purpose, and a real
//! S3 server where one is given.

mod documents;
mod expire;
mod faults;
mod protocol;
mod replace;
mod s3;
pub(crate) mod support;
mod tables;
