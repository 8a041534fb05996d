//! One thin file a command: its arguments, what it calls, what it prints.

pub mod aggregate;
pub mod check;
pub mod close;
pub mod completions;
pub mod doctor;
pub mod explain;
pub mod ingest;
pub mod ingest_kafka;
pub mod ingest_prometheus;
pub mod init;
pub mod maintain;
pub mod recipe;
pub mod registry;
pub mod replay_rejects;
pub mod report;
pub mod sample;
pub mod sql;
pub mod tables;
