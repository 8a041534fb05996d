//! Arrow builders, one group of columns per table, in the order of `schemas::tables`.
//!
//! Values go from the borrowed event straight into columns; no row exists in between.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Array, Int64Array, Int64Builder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use hubtally_schemas::event::{CoverageData, HubData, NodeData, PodData, StorageData};
use hubtally_schemas::tables::{
    COVERAGE, HUB_EVENTS, NODE_USAGE, POD_USAGE, REJECTS, STORAGE_USAGE, TableSpec, USERS,
};
use hubtally_schemas::{Instant, Span};

use super::cut::Piece;
use super::read::{NodeLevels, Sizes};
use crate::error::IngestError;

/// `source_class` of rows that come from events.
const EVENT: &str = "event";

/// What every row of a usage table carries.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Cluster.
    pub cluster: &'a str,
    /// CloudEvents `id`.
    pub event_id: &'a str,
    /// Record number in the source.
    pub position: i64,
}

/// Text as an option: empty means absent.
fn given<'a>(value: Option<&'a str>) -> Option<&'a str> {
    value.filter(|text| !text.is_empty())
}

/// The instance as bills write it: the last segment of a provider id.
pub fn instance_of(provider_id: Option<&str>) -> Option<&str> {
    given(given(provider_id)?.rsplit('/').next())
}

fn texts(builder: &mut StringBuilder) -> ArrayRef {
    Arc::new(builder.finish())
}

fn ints(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(std::mem::take(values)))
}

fn times(values: &mut Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(std::mem::take(values)).with_timezone("UTC"))
}

fn days(values: &mut Vec<i32>) -> ArrayRef {
    Arc::new(Date32Array::from(std::mem::take(values)))
}

fn same(text: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)))
}

fn batch(spec: &'static TableSpec, columns: Vec<ArrayRef>) -> Result<Option<RecordBatch>, IngestError> {
    let batch = RecordBatch::try_new(spec.arrow_schema(), columns)
        .map_err(|source| IngestError::Rows { table: spec.name, source })?;
    Ok(Some(batch))
}

/// Rows of `pod_usage`.
#[derive(Default)]
pub struct PodRows {
    cluster: StringBuilder,
    namespace: StringBuilder,
    user_id: StringBuilder,
    pod: StringBuilder,
    start: Vec<i64>,
    end: Vec<i64>,
    pod_uid: StringBuilder,
    node: StringBuilder,
    server: StringBuilder,
    role: StringBuilder,
    component: StringBuilder,
    image: StringBuilder,
    image_digest: StringBuilder,
    profile: StringBuilder,
    quantities: [Int64Builder; 6],
    quality: StringBuilder,
    revision: Vec<i64>,
    event_id: StringBuilder,
    position: Vec<i64>,
    date: Vec<i32>,
}

impl PodRows {
    /// Adds one hour's piece of a pod event.
    pub fn push(
        &mut self,
        origin: Origin<'_>,
        data: &PodData<'_>,
        user_id: Option<&str>,
        role: &str,
        quality: &str,
        piece: &Piece<6>,
    ) {
        self.cluster.append_value(origin.cluster);
        self.namespace.append_value(&data.namespace);
        self.user_id.append_option(user_id);
        self.pod.append_value(&data.pod);
        self.start.push(piece.span.start.0);
        self.end.push(piece.span.end.0);
        self.pod_uid.append_value(&data.pod_uid);
        self.node.append_option(given(data.node.as_deref()));
        self.server.append_option(data.server.as_deref());
        self.role.append_value(role);
        self.component.append_option(given(data.component.as_deref()));
        self.image.append_option(given(data.image.as_deref()));
        self.image_digest.append_option(given(data.image_digest.as_deref()));
        self.profile.append_option(given(data.profile.as_deref()));
        for (column, share) in self.quantities.iter_mut().zip(piece.shares) {
            column.append_option(share);
        }
        self.quality.append_value(quality);
        self.revision.push(data.revision);
        self.event_id.append_value(origin.event_id);
        self.position.push(origin.position);
        self.date.push(piece.span.start.day());
    }

    /// The rows since the last call, `None` if there are none.
    pub fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
        let rows = self.position.len();
        if rows == 0 {
            return Ok(None);
        }
        let mut columns = vec![
            texts(&mut self.cluster),
            texts(&mut self.namespace),
            texts(&mut self.user_id),
            texts(&mut self.pod),
            times(&mut self.start),
            times(&mut self.end),
            texts(&mut self.pod_uid),
            texts(&mut self.node),
            texts(&mut self.server),
            texts(&mut self.role),
            texts(&mut self.component),
            texts(&mut self.image),
            texts(&mut self.image_digest),
            texts(&mut self.profile),
        ];
        columns.extend(self.quantities.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef));
        columns.extend([
            texts(&mut self.quality),
            same(EVENT, rows),
            ints(&mut self.revision),
            texts(&mut self.event_id),
            same(source, rows),
            ints(&mut self.position),
            days(&mut self.date),
        ]);
        batch(&POD_USAGE, columns)
    }
}

/// Rows of `node_usage`.
#[derive(Default)]
pub struct NodeRows {
    cluster: StringBuilder,
    node: StringBuilder,
    start: Vec<i64>,
    end: Vec<i64>,
    node_uid: StringBuilder,
    provider_id: StringBuilder,
    instance_id: StringBuilder,
    instance_type: StringBuilder,
    zone: StringBuilder,
    spot: BooleanBuilderOrEmpty,
    purpose: StringBuilder,
    hub: StringBuilder,
    cpu: Vec<i64>,
    memory: Vec<i64>,
    gpu: Vec<i64>,
    cpu_allocatable: Int64Builder,
    memory_allocatable: Int64Builder,
    quality: StringBuilder,
    revision: Vec<i64>,
    event_id: StringBuilder,
    position: Vec<i64>,
    date: Vec<i32>,
}

struct BooleanBuilderOrEmpty(BooleanBuilder);

impl Default for BooleanBuilderOrEmpty {
    fn default() -> Self {
        Self(BooleanBuilder::new())
    }
}

impl NodeRows {
    /// Adds one hour's piece of a node event: levels stay what they are.
    pub fn push(
        &mut self,
        origin: Origin<'_>,
        data: &NodeData<'_>,
        quality: &str,
        levels: &NodeLevels,
        piece: Span,
    ) {
        self.cluster.append_value(origin.cluster);
        self.node.append_value(&data.node);
        self.start.push(piece.start.0);
        self.end.push(piece.end.0);
        self.node_uid.append_option(given(data.node_uid.as_deref()));
        self.provider_id.append_option(given(data.provider_id.as_deref()));
        self.instance_id.append_option(instance_of(data.provider_id.as_deref()));
        self.instance_type.append_option(given(data.instance_type.as_deref()));
        self.zone.append_option(given(data.zone.as_deref()));
        self.spot.0.append_option(data.spot);
        self.purpose.append_option(given(data.purpose.as_deref()));
        self.hub.append_option(given(data.hub.as_deref()));
        self.cpu.push(levels.cpu);
        self.memory.push(levels.memory);
        self.gpu.push(levels.gpu);
        self.cpu_allocatable.append_option(levels.cpu_allocatable);
        self.memory_allocatable.append_option(levels.memory_allocatable);
        self.quality.append_value(quality);
        self.revision.push(data.revision);
        self.event_id.append_value(origin.event_id);
        self.position.push(origin.position);
        self.date.push(piece.start.day());
    }

    /// The rows since the last call, `None` if there are none.
    pub fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
        let rows = self.position.len();
        if rows == 0 {
            return Ok(None);
        }
        let columns = vec![
            texts(&mut self.cluster),
            texts(&mut self.node),
            times(&mut self.start),
            times(&mut self.end),
            texts(&mut self.node_uid),
            texts(&mut self.provider_id),
            texts(&mut self.instance_id),
            texts(&mut self.instance_type),
            texts(&mut self.zone),
            Arc::new(self.spot.0.finish()),
            texts(&mut self.purpose),
            texts(&mut self.hub),
            ints(&mut self.cpu),
            ints(&mut self.memory),
            ints(&mut self.gpu),
            Arc::new(self.cpu_allocatable.finish()),
            Arc::new(self.memory_allocatable.finish()),
            texts(&mut self.quality),
            same(EVENT, rows),
            ints(&mut self.revision),
            texts(&mut self.event_id),
            same(source, rows),
            ints(&mut self.position),
            days(&mut self.date),
        ];
        batch(&NODE_USAGE, columns)
    }
}

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
