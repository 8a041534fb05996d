//! Rows of `pod_usage`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder};
use hubtally_schemas::event::PodData;
use hubtally_schemas::tables::POD_USAGE;

use super::{EVENT, Origin, batch, days, given, ints, same, texts, times};
use crate::error::IngestError;
use crate::events::cut::Piece;

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
