//! Rows of `users` and `rejects`.

use arrow::array::RecordBatch;
use hubtally_schemas::Instant;
use hubtally_schemas::reject::DatedBy;
use hubtally_schemas::tables::{Fact, REJECTS, USERS};

use super::columns::{Column, Days, Ints, OptionalInts, Source, Texts, Times, rows};
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

rows! {
    /// Columns of `rejects`.
    RejectColumns of REJECTS {
        date: Days,
        source: Source,
        source_position: Ints,
        reason: Texts,
        detail: Texts,
        origin: Texts,
        bytes_encrypted: Texts,
        byte_count: Ints,
        recorded_at: Times,
        dated_by: Texts,
        cluster: Texts,
        fact: Texts,
        revision: OptionalInts,
    }
}

/// Rows of `rejects`, some of which wait for their day.
#[derive(Default)]
pub struct RejectRows {
    dated: Vec<Option<(i32, DatedBy)>>,
    columns: RejectColumns,
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
        let columns = &mut self.columns;
        columns.source_position.push(row.position);
        columns.reason.append_value(row.reason);
        columns.detail.append_value(row.detail);
        columns.origin.append_value(row.origin);
        columns.bytes_encrypted.append_value(row.encrypted);
        columns.byte_count.push(row.byte_count);
        columns.recorded_at.0.push(row.recorded_at.0);
        columns.cluster.append_option(row.cluster);
        columns.fact.append_option(row.fact.map(ToString::to_string));
        columns.revision.append_option(row.revision);
    }

    /// The rows since the last call, `None` if there are none. What no record dated is dated by its reading.
    pub fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
        let columns = &mut self.columns;
        for (dated, at) in self.dated.drain(..).zip(&columns.recorded_at.0) {
            let (day, by) = dated.unwrap_or((Instant(*at).day(), DatedBy::Reading));
            columns.date.push(day);
            columns.dated_by.append_value(by.code());
        }
        columns.take(source)
    }
}
