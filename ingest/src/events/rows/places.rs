//! Rows of `storage_usage`, `hub_events` and `coverage`.

use std::sync::Arc;

use arrow::array::{Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use hubtally_schemas::Instant;
use hubtally_schemas::event::{CoverageData, HubData, StorageData};
use hubtally_schemas::tables::{COVERAGE, HUB_EVENTS, STORAGE_USAGE};

use super::{Origin, batch, days, given, ints, same, texts, times};
use crate::error::IngestError;
use crate::events::read::Sizes;

/// Rows of `storage_usage`.
pub struct StorageRows {
    cluster: StringBuilder,
    namespace: StringBuilder,
    exporter: StringBuilder,
    kind: StringBuilder,
    path: StringBuilder,
    time: Vec<i64>,
    user_id: StringBuilder,
    bytes: Vec<i64>,
    limit: Int64Builder,
    provisioned: Int64Builder,
    modified: TimestampMicrosecondBuilder,
    quality: StringBuilder,
    revision: Vec<i64>,
    event_id: StringBuilder,
    position: Vec<i64>,
    date: Vec<i32>,
}

impl Default for StorageRows {
    fn default() -> Self {
        Self {
            cluster: StringBuilder::new(),
            namespace: StringBuilder::new(),
            exporter: StringBuilder::new(),
            kind: StringBuilder::new(),
            path: StringBuilder::new(),
            time: Vec::new(),
            user_id: StringBuilder::new(),
            bytes: Vec::new(),
            limit: Int64Builder::new(),
            provisioned: Int64Builder::new(),
            modified: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            quality: StringBuilder::new(),
            revision: Vec::new(),
            event_id: StringBuilder::new(),
            position: Vec::new(),
            date: Vec::new(),
        }
    }
}

impl StorageRows {
    /// Adds one measurement.
    pub fn push(
        &mut self,
        origin: Origin<'_>,
        data: &StorageData<'_>,
        user_id: Option<&str>,
        quality: &str,
        sizes: &Sizes,
    ) {
        self.cluster.append_value(origin.cluster);
        self.namespace.append_value(&data.namespace);
        self.exporter.append_value(&data.exporter);
        self.kind.append_value(&data.kind);
        self.path.append_value(&data.path);
        self.time.push(sizes.time.0);
        self.user_id.append_option(user_id);
        self.bytes.push(sizes.bytes);
        self.limit.append_option(sizes.limit);
        self.provisioned.append_option(sizes.provisioned);
        self.modified.append_option(sizes.modified.map(|at| at.0));
        self.quality.append_value(quality);
        self.revision.push(data.revision);
        self.event_id.append_value(origin.event_id);
        self.position.push(origin.position);
        self.date.push(sizes.time.day());
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
            texts(&mut self.exporter),
            texts(&mut self.kind),
            texts(&mut self.path),
            times(&mut self.time),
            texts(&mut self.user_id),
            ints(&mut self.bytes),
            Arc::new(self.limit.finish()),
            Arc::new(self.provisioned.finish()),
            Arc::new(self.modified.finish()),
            texts(&mut self.quality),
            ints(&mut self.revision),
            texts(&mut self.event_id),
            same(source, rows),
            ints(&mut self.position),
            days(&mut self.date),
        ];
        batch(&STORAGE_USAGE, columns)
    }
}

/// Rows of `hub_events`.
#[derive(Default)]
pub struct HubRows {
    cluster: StringBuilder,
    namespace: StringBuilder,
    event_id: StringBuilder,
    time: Vec<i64>,
    action: StringBuilder,
    user_id: StringBuilder,
    server: StringBuilder,
    status: StringBuilder,
    detail: StringBuilder,
    revision: Vec<i64>,
    position: Vec<i64>,
    date: Vec<i32>,
}

impl HubRows {
    /// Adds one hub event.
    pub fn push(&mut self, origin: Origin<'_>, data: &HubData<'_>, user_id: Option<&str>, time: Instant) {
        self.cluster.append_value(origin.cluster);
        self.namespace.append_value(&data.namespace);
        self.event_id.append_value(origin.event_id);
        self.time.push(time.0);
        self.action.append_value(&data.action);
        self.user_id.append_option(user_id);
        self.server.append_option(data.server.as_deref());
        self.status.append_option(given(data.status.as_deref()));
        self.detail.append_option(given(data.detail.as_deref()));
        self.revision.push(data.revision);
        self.position.push(origin.position);
        self.date.push(time.day());
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
            texts(&mut self.event_id),
            times(&mut self.time),
            texts(&mut self.action),
            texts(&mut self.user_id),
            texts(&mut self.server),
            texts(&mut self.status),
            texts(&mut self.detail),
            ints(&mut self.revision),
            same(source, rows),
            ints(&mut self.position),
            days(&mut self.date),
        ];
        batch(&HUB_EVENTS, columns)
    }
}

/// Rows of `coverage`.
#[derive(Default)]
pub struct CoverageRows {
    cluster: StringBuilder,
    query: StringBuilder,
    hour: Vec<i64>,
    expected: Vec<i64>,
    seen: Vec<i64>,
    revision: Vec<i64>,
    position: Vec<i64>,
    date: Vec<i32>,
}

impl CoverageRows {
    /// Adds one hour's coverage.
    pub fn push(
        &mut self,
        origin: Origin<'_>,
        data: &CoverageData<'_>,
        hour: Instant,
        expected: i64,
        seen: i64,
    ) {
        self.cluster.append_value(origin.cluster);
        self.query.append_value(&data.query);
        self.hour.push(hour.0);
        self.expected.push(expected);
        self.seen.push(seen);
        self.revision.push(data.revision);
        self.position.push(origin.position);
        self.date.push(hour.day());
    }

    /// The rows since the last call, `None` if there are none.
    pub fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
        let rows = self.position.len();
        if rows == 0 {
            return Ok(None);
        }
        let columns = vec![
            texts(&mut self.cluster),
            texts(&mut self.query),
            times(&mut self.hour),
            ints(&mut self.expected),
            ints(&mut self.seen),
            ints(&mut self.revision),
            same(source, rows),
            ints(&mut self.position),
            days(&mut self.date),
        ];
        batch(&COVERAGE, columns)
    }
}
