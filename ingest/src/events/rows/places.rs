//! Rows of `storage_usage`, `hub_events` and `coverage`.

use arrow::array::RecordBatch;
use hubtally_schemas::Instant;
use hubtally_schemas::event::{CoverageData, HubData, StorageData};
use hubtally_schemas::tables::{COVERAGE, HUB_EVENTS, STORAGE_USAGE};

use super::columns::{Column, Days, Ints, OptionalInts, OptionalTimes, Source, Texts, Times, rows};
use super::{Origin, given};
use crate::error::IngestError;
use crate::events::read::Sizes;

rows! {
    /// Rows of `storage_usage`.
    StorageRows of STORAGE_USAGE {
        cluster: Texts,
        namespace: Texts,
        exporter: Texts,
        kind: Texts,
        path: Texts,
        time: Times,
        user_id: Texts,
        bytes: Ints,
        limit_bytes: OptionalInts,
        provisioned_bytes: OptionalInts,
        latest_modification: OptionalTimes,
        quality: Texts,
        revision: Ints,
        event_id: Texts,
        source: Source,
        source_position: Ints,
        date: Days,
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
        self.time.0.push(sizes.time.0);
        self.user_id.append_option(user_id);
        self.bytes.push(sizes.bytes);
        self.limit_bytes.append_option(sizes.limit);
        self.provisioned_bytes.append_option(sizes.provisioned);
        self.latest_modification.0.append_option(sizes.modified.map(|at| at.0));
        self.quality.append_value(quality);
        self.revision.push(data.revision);
        self.event_id.append_value(origin.event_id);
        self.source_position.push(origin.position);
        self.date.push(sizes.time.day());
    }
}

rows! {
    /// Rows of `hub_events`.
    HubRows of HUB_EVENTS {
        cluster: Texts,
        namespace: Texts,
        event_id: Texts,
        time: Times,
        action: Texts,
        user_id: Texts,
        server: Texts,
        status: Texts,
        detail: Texts,
        revision: Ints,
        source: Source,
        source_position: Ints,
        date: Days,
    }
}

impl HubRows {
    /// Adds one hub event.
    pub fn push(&mut self, origin: Origin<'_>, data: &HubData<'_>, user_id: Option<&str>, time: Instant) {
        self.cluster.append_value(origin.cluster);
        self.namespace.append_value(&data.namespace);
        self.event_id.append_value(origin.event_id);
        self.time.0.push(time.0);
        self.action.append_value(&data.action);
        self.user_id.append_option(user_id);
        self.server.append_option(data.server.as_deref());
        self.status.append_option(given(data.status.as_deref()));
        self.detail.append_option(given(data.detail.as_deref()));
        self.revision.push(data.revision);
        self.source_position.push(origin.position);
        self.date.push(time.day());
    }
}

rows! {
    /// Rows of `coverage`.
    CoverageRows of COVERAGE {
        cluster: Texts,
        query: Texts,
        hour: Times,
        expected: Ints,
        seen: Ints,
        revision: Ints,
        source: Source,
        source_position: Ints,
        date: Days,
    }
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
        self.hour.0.push(hour.0);
        self.expected.push(expected);
        self.seen.push(seen);
        self.revision.push(data.revision);
        self.source_position.push(origin.position);
        self.date.push(hour.day());
    }
}
