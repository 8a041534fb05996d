//! Rows of `node_usage`.

use arrow::array::RecordBatch;
use hubtally_schemas::Span;
use hubtally_schemas::event::NodeData;
use hubtally_schemas::tables::NODE_USAGE;

use super::columns::{Column, Days, EventClass, Flags, Ints, OptionalInts, Source, Texts, Times, rows};
use super::{Origin, given};
use crate::error::IngestError;
use crate::events::read::NodeLevels;

rows! {
    /// Rows of `node_usage`.
    NodeRows of NODE_USAGE {
        cluster: Texts,
        node: Texts,
        start: Times,
        end: Times,
        node_uid: Texts,
        provider_id: Texts,
        instance_id: Texts,
        instance_type: Texts,
        zone: Texts,
        spot: Flags,
        purpose: Texts,
        hub_label: Texts,
        cpu_capacity_millicore: Ints,
        memory_capacity_byte: Ints,
        gpu_capacity_milligpu: Ints,
        cpu_allocatable_millicore: OptionalInts,
        memory_allocatable_byte: OptionalInts,
        quality: Texts,
        source_class: EventClass,
        revision: Ints,
        event_id: Texts,
        source: Source,
        source_position: Ints,
        date: Days,
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
        self.start.0.push(piece.start.0);
        self.end.0.push(piece.end.0);
        self.node_uid.append_option(given(data.node_uid.as_deref()));
        self.provider_id.append_option(given(data.provider_id.as_deref()));
        self.instance_id.append_option(instance_of(data.provider_id.as_deref()));
        self.instance_type.append_option(given(data.instance_type.as_deref()));
        self.zone.append_option(given(data.zone.as_deref()));
        self.spot.append_option(data.spot);
        self.purpose.append_option(given(data.purpose.as_deref()));
        self.hub_label.append_option(given(data.hub.as_deref()));
        self.cpu_capacity_millicore.push(levels.cpu);
        self.memory_capacity_byte.push(levels.memory);
        self.gpu_capacity_milligpu.push(levels.gpu);
        self.cpu_allocatable_millicore.append_option(levels.cpu_allocatable);
        self.memory_allocatable_byte.append_option(levels.memory_allocatable);
        self.quality.append_value(quality);
        self.revision.push(data.revision);
        self.event_id.append_value(origin.event_id);
        self.source_position.push(origin.position);
        self.date.push(piece.start.day());
    }
}

/// The instance as bills write it: the last segment of a provider id.
fn instance_of(provider_id: Option<&str>) -> Option<&str> {
    given(given(provider_id)?.rsplit('/').next())
}
