//! One pass over a log, on a thread of its own: lines in, batches out.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use hubtally_store::Store;
use tokio::sync::mpsc::Sender;

use super::HubLogOptions;
use super::scan::{Beginning, OpenLog};
use crate::error::IngestError;
use crate::events::{Decoded, Decoder, HubLine, Judgement, NameKeys, Read, Record, Repeats};
use crate::files::inputs::Input;
use crate::files::unpack::Packing;

/// What one pass needs; owned, since it moves to another thread.
pub struct Pass {
    /// The store, for its keys.
    pub store: Store,
    /// The log.
    pub input: Input,
    /// Source id.
    pub source: String,
    /// Lines that are committed already.
    pub position: i64,
    /// The digest of those.
    pub known: Option<String>,
    /// Limits and judgement.
    pub options: HubLogOptions,
    /// Raw bytes read so far.
    pub bytes_read: Arc<AtomicU64>,
    /// Batches go here.
    pub batches: Sender<Handed>,
}

/// A batch on its way from the thread that reads to the one that commits.
#[derive(Debug)]
pub struct Handed {
    /// The batch.
    pub batch: Decoded,
    /// The digest of all lines up to its end.
    pub sha256: String,
    /// Whether the log ends with it.
    pub last: bool,
}

/// How a pass ended.
#[derive(Debug)]
pub struct Ended {
    /// How the log is packed.
    pub packing: Packing,
    /// Why its stream ended too early, if it did.
    pub truncated: Option<String>,
    /// Bytes of a last line whose end has not come yet.
    pub unfinished: Option<u64>,
    /// Whether nobody took the batches any more.
    pub abandoned: bool,
}

/// A pass on its way.
struct Reading<'k> {
    decoder: Decoder<'k>,
    beginning: Beginning,
    repeats: Repeats,
    abandoned: bool,
}

impl Pass {
    /// Reads the log from its beginning; the lines that are committed make no rows.
    pub fn run(self) -> Result<Ended, IngestError> {
        let keys: &dyn NameKeys = self.store.keys();
        let (place, now) = (&self.options.place, self.options.files.now);
        let judgement = Judgement { now, clusters: None };
        let mut reading = Reading {
            decoder: Decoder::new(keys, judgement, &self.source, &self.input.name)
                .of_cluster(place.cluster.as_str()),
            beginning: Beginning::of(place),
            repeats: Repeats::default(),
            abandoned: false,
        };
        let mut log = OpenLog::open(&self.input, Arc::clone(&self.bytes_read))?;
        log.each(&self.input.name, |record| self.step(&mut reading, record))?;
        if reading.beginning.lines() < self.position {
            return Err(IngestError::FileChanged { path: self.input.name.clone() });
        }
        if !reading.abandoned && reading.decoder.is_waiting() {
            reading.abandoned = !self.hand_over(&mut reading, true)?;
        }
        let OpenLog { packing, truncated, unfinished, .. } = log;
        Ok(Ended { packing, truncated, unfinished, abandoned: reading.abandoned })
    }

    /// Takes a line in; `false` if nobody takes the batches any more.
    fn step(&self, reading: &mut Reading<'_>, record: Record<'_>) -> Result<bool, IngestError> {
        let read = self.judge(&mut reading.repeats, record);
        reading.beginning.add(record);
        if reading.decoder.position() < self.position {
            reading.decoder.replay(record, &read);
            // The log was chosen for its beginning; one that was written anew since is another.
            let changed = reading.beginning.lines() == self.position
                && self.known.as_ref().is_some_and(|known| *known != reading.beginning.sha256());
            return if changed {
                Err(IngestError::FileChanged { path: self.input.name.clone() })
            } else {
                Ok(true)
            };
        }
        reading.decoder.push(record, &read)?;
        let full = reading.decoder.waiting_rows() >= self.options.files.batch_rows
            || reading.decoder.waiting_bytes() >= self.options.files.batch_bytes;
        if full {
            reading.abandoned = !self.hand_over(reading, false)?;
        }
        Ok(!reading.abandoned)
    }

    fn judge(&self, repeats: &mut Repeats, record: Record<'_>) -> Read<'static> {
        let (place, format) = (&self.options.place, self.options.format);
        match place.read(record, format, self.options.files.now) {
            HubLine::Blank => Read::Blank,
            HubLine::Refused(refused) => Read::Refused(refused),
            HubLine::Happened { data, time } => {
                let nth = repeats.nth(time.day(), record.bytes);
                match place.event(record.bytes, nth, *data, time) {
                    Ok(event) => Read::Event(event),
                    Err(refused) => Read::Refused(refused),
                }
            }
        }
    }

    /// `false` if nobody takes the batches any more.
    fn hand_over(&self, reading: &mut Reading<'_>, last: bool) -> Result<bool, IngestError> {
        let (batch, sha256) = (reading.decoder.take()?, reading.beginning.sha256());
        Ok(self.batches.blocking_send(Handed { batch, sha256, last }).is_ok())
    }
}
