//! Rows of `pod_usage`.

use arrow::array::RecordBatch;
use hubtally_schemas::event::PodData;
use hubtally_schemas::tables::POD_USAGE;

use super::columns::{Column, Days, EventClass, Ints, OptionalInts, Source, Texts, Times, rows};
use super::{Origin, given};
use crate::error::IngestError;
use crate::events::cut::Piece;

rows! {
    /// Rows of `pod_usage`.
    PodRows of POD_USAGE {
        cluster: Texts,
        namespace: Texts,
        user_id: Texts,
        pod: Texts,
        start: Times,
        end: Times,
        pod_uid: Texts,
        node: Texts,
        server: Texts,
        role: Texts,
        component_label: Texts,
        image: Texts,
        image_digest: Texts,
        profile: Texts,
        cpu_request_millicore_ms: OptionalInts,
        cpu_usage_millicore_ms: OptionalInts,
        memory_request_byte_ms: OptionalInts,
        memory_usage_byte_ms: OptionalInts,
        gpu_request_milligpu_ms: OptionalInts,
        gpu_usage_milligpu_ms: OptionalInts,
        quality: Texts,
        source_class: EventClass,
        revision: Ints,
        event_id: Texts,
        source: Source,
        source_position: Ints,
        date: Days,
    }
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
        self.start.0.push(piece.span.start.0);
        self.end.0.push(piece.span.end.0);
        self.pod_uid.append_value(&data.pod_uid);
        self.node.append_option(given(data.node.as_deref()));
        self.server.append_option(data.server.as_deref());
        self.role.append_value(role);
        self.component_label.append_option(given(data.component.as_deref()));
        self.image.append_option(given(data.image.as_deref()));
        self.image_digest.append_option(given(data.image_digest.as_deref()));
        self.profile.append_option(given(data.profile.as_deref()));
        let [cpu_request, cpu_usage, memory_request, memory_usage, gpu_request, gpu_usage] = piece.shares;
        self.cpu_request_millicore_ms.append_option(cpu_request);
        self.cpu_usage_millicore_ms.append_option(cpu_usage);
        self.memory_request_byte_ms.append_option(memory_request);
        self.memory_usage_byte_ms.append_option(memory_usage);
        self.gpu_request_milligpu_ms.append_option(gpu_request);
        self.gpu_usage_milligpu_ms.append_option(gpu_usage);
        self.quality.append_value(quality);
        self.revision.push(data.revision);
        self.event_id.append_value(origin.event_id);
        self.source_position.push(origin.position);
        self.date.push(piece.span.start.day());
    }
}
