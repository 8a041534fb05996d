//! Rows of `users` and `rejects`.

use arrow::array::{RecordBatch, StringBuilder};
use hubtally_schemas::Instant;
use hubtally_schemas::tables::{REJECTS, USERS};

use super::{batch, days, ints, same, texts, times};
use crate::error::IngestError;

/// Rows of `users`.
#[derive(Default)]
pub struct UserRows {
    cluster: StringBuilder,
    namespace: StringBuilder,
    user_id: StringBuilder,
    name: StringBuilder,
    position: Vec<i64>,
}

impl UserRows {
    /// Adds one person on first sight.
    pub fn push(&mut self, cluster: &str, namespace: &str, user_id: &str, encrypted: &str, position: i64) {
        self.cluster.append_value(cluster);
        self.namespace.append_value(namespace);
        self.user_id.append_value(user_id);
        self.name.append_value(encrypted);
        self.position.push(position);
    }

    /// The rows since the last call, `None` if there are none.
    pub fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
        let rows = self.position.len();
        if rows == 0 {
            return Ok(None);
        }
        let columns = vec![
            texts(&mut self.cluster),
            texts(&mut self.namespace),
            texts(&mut self.user_id),
            texts(&mut self.name),
            same(source, rows),
            ints(&mut self.position),
        ];
        batch(&USERS, columns)
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

/// Rows of `rejects`.
#[derive(Default)]
pub struct RejectRows {
    date: Vec<i32>,
    position: Vec<i64>,
    reason: StringBuilder,
    detail: StringBuilder,
    origin: StringBuilder,
    encrypted: StringBuilder,
    byte_count: Vec<i64>,
    recorded_at: Vec<i64>,
}

impl RejectRows {
    /// Adds one refused record.
    pub fn push(&mut self, row: &RejectRow<'_>) {
        self.date.push(row.day);
        self.position.push(row.position);
        self.reason.append_value(row.reason);
        self.detail.append_value(row.detail);
        self.origin.append_value(row.origin);
        self.encrypted.append_value(row.encrypted);
        self.byte_count.push(row.byte_count);
        self.recorded_at.push(row.recorded_at.0);
    }

    /// The rows since the last call, `None` if there are none.
    pub fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
        let rows = self.position.len();
        if rows == 0 {
            return Ok(None);
        }
        let columns = vec![
            days(&mut self.date),
            same(source, rows),
            ints(&mut self.position),
            texts(&mut self.reason),
            texts(&mut self.detail),
            texts(&mut self.origin),
            texts(&mut self.encrypted),
            ints(&mut self.byte_count),
            times(&mut self.recorded_at),
        ];
        batch(&REJECTS, columns)
    }
}
