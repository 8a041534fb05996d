//! Rows of `users` and `rejects`.

use arrow::array::RecordBatch;
use hubtally_schemas::Instant;
use hubtally_schemas::tables::{REJECTS, USERS};

use super::columns::{Column, Days, Ints, Source, Texts, Times, rows};
use crate::error::IngestError;

rows! {
    /// Rows of `users`.
    UserRows of USERS {
        cluster: Texts,
        namespace: Texts,
        user_id: Texts,
        name_encrypted: Texts,
        source: Source,
        source_position: Ints,
    }
}

impl UserRows {
    /// Adds one person on first sight.
    pub fn push(&mut self, cluster: &str, namespace: &str, user_id: &str, encrypted: &str, position: i64) {
        self.cluster.append_value(cluster);
        self.namespace.append_value(namespace);
        self.user_id.append_value(user_id);
        self.name_encrypted.append_value(encrypted);
        self.source_position.push(position);
    }
}

/// One row of `rejects`.
#[derive(Debug, Clone, Copy)]
pub struct RejectRow<'a> {
    /// Partition day.
    pub day: i32,
    /// Record number.
    pub position: i64,
    /// Reason code.
    pub reason: &'a str,
    /// What is wrong.
    pub detail: &'a str,
    /// File and line.
    pub origin: &'a str,
    /// The record, encrypted.
    pub encrypted: &'a str,
    /// Length of the whole record.
    pub byte_count: i64,
    /// When it was refused.
    pub recorded_at: Instant,
}

rows! {
    /// Rows of `rejects`.
    RejectRows of REJECTS {
        date: Days,
        source: Source,
        source_position: Ints,
        reason: Texts,
        detail: Texts,
        origin: Texts,
        bytes_encrypted: Texts,
        byte_count: Ints,
        recorded_at: Times,
    }
}

impl RejectRows {
    /// Adds one refused record.
    pub fn push(&mut self, row: &RejectRow<'_>) {
        self.date.push(row.day);
        self.source_position.push(row.position);
        self.reason.append_value(row.reason);
        self.detail.append_value(row.detail);
        self.origin.append_value(row.origin);
        self.bytes_encrypted.append_value(row.encrypted);
        self.byte_count.push(row.byte_count);
        self.recorded_at.0.push(row.recorded_at.0);
    }
}
