//! Rows of `node_usage`.

use std::sync::Arc;

use arrow::array::{BooleanBuilder, Int64Builder, RecordBatch, StringBuilder};
use hubtally_schemas::Span;
use hubtally_schemas::event::NodeData;
use hubtally_schemas::tables::NODE_USAGE;

use super::{EVENT, Origin, batch, days, given, ints, same, texts, times};
use crate::error::IngestError;
use crate::events::read::NodeLevels;

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
    spot: BooleanBuilder,
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
        self.spot.append_option(data.spot);
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
            Arc::new(self.spot.finish()),
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

/// The instance as bills write it: the last segment of a provider id.
fn instance_of(provider_id: Option<&str>) -> Option<&str> {
    given(given(provider_id)?.rsplit('/').next())
}
