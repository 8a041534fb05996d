//! One partition on its way: messages in order, rows that wait for their commit.

use arrow::array::{AsArray, BooleanArray, PrimitiveArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;

use crate::error::IngestError;
use crate::events::{Counts, Decoded, Decoder, Judgement, NameKeys, Record, read_record};

/// A partition that is read.
pub(super) struct Partition<'k> {
    pub source: String,
    /// Where it ended when the session began.
    pub end: i64,
    /// Whether that end was reached.
    pub caught_up: bool,
    /// Messages before it came from the topic whose id was asked for afterwards, and was still the same.
    pub certain_to: i64,
    /// Where the store stands.
    pub committed: i64,
    keys: &'k dyn NameKeys,
    name: String,
    decoder: Decoder<'k>,
}

impl<'k> Partition<'k> {
    /// `topic/partition` is what a person calls it.
    pub fn new(
        keys: &'k dyn NameKeys,
        judgement: Judgement,
        source: String,
        name: &str,
        position: i64,
        end: i64,
    ) -> Self {
        let decoder = Decoder::new(keys, judgement, &source, name).resumed(position, 0);
        let name = name.to_owned();
        Self {
            source,
            end,
            caught_up: position >= end,
            certain_to: position,
            committed: position,
            keys,
            name,
            decoder,
        }
    }

    /// Forgets what waits, and goes on where the store stands.
    pub fn restart(&mut self, position: i64) {
        let judgement = self.decoder.judgement().clone();
        self.decoder = Decoder::new(self.keys, judgement, &self.source, &self.name).resumed(position, 0);
        (self.certain_to, self.committed) = (position, position);
        self.caught_up = position >= self.end;
    }

    /// The offset that is read next.
    pub fn position(&self) -> i64 {
        self.decoder.position()
    }

    pub fn is_waiting(&self) -> bool {
        self.decoder.is_waiting()
    }

    pub fn waiting_bytes(&self) -> usize {
        self.decoder.waiting_bytes()
    }

    pub fn waiting_rows(&self) -> u64 {
        self.decoder.waiting_rows()
    }

    pub fn set_now(&mut self, now: hubtally_schemas::Instant) {
        self.decoder.set_now(now);
    }

    /// Takes the message at an offset. One that was taken before is not taken again; offsets that are passed
    /// over belong to no message.
    pub fn take_in(&mut self, offset: i64, record: Record<'_>) -> Result<(), IngestError> {
        if offset < self.decoder.position() {
            return Ok(());
        }
        self.decoder.pass_over(offset);
        let read = read_record(record, false, self.decoder.judgement());
        self.decoder.push(record, &read)?;
        self.caught_up |= self.decoder.position() >= self.end;
        Ok(())
    }

    /// The rows that wait.
    pub fn take(&mut self) -> Result<Decoded, IngestError> {
        self.decoder.take()
    }

    /// Of the rows that wait, those that are certain; how many messages are not. Nothing waits afterwards.
    pub fn take_certain(&mut self) -> Result<(Decoded, i64), IngestError> {
        let mut decoded = self.decoder.take()?;
        let uncertain = decoded.to - self.certain_to.clamp(decoded.from, decoded.to);
        if uncertain > 0 {
            decoded.to -= uncertain;
            decoded.counts = Counts {
                records: u64::try_from(decoded.to - decoded.from).unwrap_or(0),
                ..Counts::default()
            };
            for (table, batches) in &mut decoded.rows {
                let mut rows = 0;
                for batch in batches {
                    let positions = batch
                        .column_by_name("source_position")
                        .and_then(|column| column.as_primitive_opt::<Int64Type>());
                    let keep: BooleanArray = positions
                        .into_iter()
                        .flat_map(PrimitiveArray::values)
                        .map(|position| Some(*position <= decoded.to))
                        .collect();
                    *batch = filter_record_batch(batch, &keep)
                        .map_err(|source| IngestError::Rows { table, source })?;
                    rows += batch.num_rows() as u64;
                }
                decoded.counts.add_rows(table, rows);
            }
        }
        Ok((decoded, uncertain))
    }
}
