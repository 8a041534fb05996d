//! Rows of `users` and `rejects`.

use std::sync::Arc;

use arrow::array::{Int64Builder, RecordBatch, StringArray, StringBuilder};
use hubtally_schemas::Instant;
use hubtally_schemas::reject::DatedBy;
use hubtally_schemas::tables::{Fact, REJECTS, USERS};

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
    /// UTC day and how it is known; `None` while no record of the source has told one.
    pub dated: Option<(i32, DatedBy)>,
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
    /// Cluster that it names, where it can be read.
    pub cluster: Option<&'a str>,
    /// Of which row it speaks, where it can be read.
    pub fact: Option<&'a Fact>,
    /// The revision that it gives to that fact.
    pub revision: Option<i64>,
}

/// Rows of `rejects`.
#[derive(Default)]
pub struct RejectRows {
    dated: Vec<Option<(i32, DatedBy)>>,
    position: Vec<i64>,
    reason: StringBuilder,
    detail: StringBuilder,
    origin: StringBuilder,
    encrypted: StringBuilder,
    byte_count: Vec<i64>,
    recorded_at: Vec<i64>,
    cluster: StringBuilder,
    fact: StringBuilder,
    revision: Int64Builder,
}

impl RejectRows {
    /// Gives the records that wait for a day this one: it is the first that their source tells.
    pub fn settle(&mut self, day: i32) {
        for dated in &mut self.dated {
            dated.get_or_insert((day, DatedBy::Neighbour));
        }
    }

    /// Adds one refused record.
    pub fn push(&mut self, row: &RejectRow<'_>) {
        self.dated.push(row.dated);
        self.position.push(row.position);
        self.reason.append_value(row.reason);
        self.detail.append_value(row.detail);
        self.origin.append_value(row.origin);
        self.encrypted.append_value(row.encrypted);
        self.byte_count.push(row.byte_count);
        self.recorded_at.push(row.recorded_at.0);
        self.cluster.append_option(row.cluster);
        self.fact.append_option(row.fact.map(ToString::to_string));
        self.revision.append_option(row.revision);
    }

    /// The rows since the last call, `None` if there are none.
    pub fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
        let rows = self.position.len();
        if rows == 0 {
            return Ok(None);
        }
        let reading = |at: &i64| (Instant(*at).day(), DatedBy::Reading);
        let dated: Vec<(i32, DatedBy)> = std::mem::take(&mut self.dated)
            .into_iter()
            .zip(&self.recorded_at)
            .map(|(dated, at)| dated.unwrap_or_else(|| reading(at)))
            .collect();
        let columns = vec![
            days(&mut dated.iter().map(|(day, _)| *day).collect()),
            same(source, rows),
            ints(&mut self.position),
            texts(&mut self.reason),
            texts(&mut self.detail),
            texts(&mut self.origin),
            texts(&mut self.encrypted),
            ints(&mut self.byte_count),
            times(&mut self.recorded_at),
            Arc::new(StringArray::from_iter_values(dated.iter().map(|(_, by)| by.code()))),
            texts(&mut self.cluster),
            texts(&mut self.fact),
            Arc::new(self.revision.finish()),
        ];
        batch(&REJECTS, columns)
    }
}
