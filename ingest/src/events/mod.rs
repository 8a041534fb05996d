//! How one line becomes rows.
//!
//! [`read_record`] judges a record by itself, borrowed from its line and free of state, so it may
//! run on many threads. [`Decoder`] then takes the records in order: it knows which user was met,
//! where each pod lives and how many records were consumed, and fills Arrow columns.
//! [`decode_lines`] is both in one call, for benches and tests.

mod check;
mod counts;
mod cut;
mod decode;
mod diagnose;
mod hub_log;
mod instant;
mod parse;
mod people;
mod read;
mod refusal;
pub(crate) mod rows;
mod said;
#[cfg(test)]
pub(crate) mod tests;

pub use check::FUTURE_TOLERANCE_US;
pub use counts::{Counts, Example, MAX_EXAMPLES, Refusals};
pub(crate) use cut::Piece;
pub use decode::{Decoded, Decoder, KEPT_BYTES, MAX_LINE_BYTES, Read, Record, read_record};
pub(crate) use diagnose::{Shape as FieldShape, field_shape, payload_fields};
pub use hub_log::{HubLine, HubLogFormat, HubLogPlace, Repeats};
pub(crate) use people::People;
pub use people::{KeyFault, MAX_REMEMBERED, NameKeys};
pub use read::{Event, Fact, HUB_ACTIONS, Judgement, NodeLevels, STORAGE_KINDS, Sizes, read_event};
pub use refusal::Refused;

use crate::error::IngestError;

/// Decodes text of many lines on one thread, as if it were a whole source.
pub fn decode_lines(
    text: &[u8],
    keys: &dyn NameKeys,
    judgement: Judgement,
    source: &str,
) -> Result<Decoded, IngestError> {
    let mut decoder = Decoder::new(keys, judgement, source, source);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    for line in text.split(|byte| *byte == b'\n') {
        let record = Record::whole(line.strip_suffix(b"\r").unwrap_or(line));
        let read = read_record(record, decoder.position() == 0, decoder.judgement());
        decoder.push(record, &read)?;
    }
    decoder.take()
}
