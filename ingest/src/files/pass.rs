//! One pass over one file's lines, on a thread of its own: lines in, batches out.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use hubtally_store::Store;
use rayon::ThreadPool;
use rayon::prelude::*;
use tokio::sync::mpsc::Sender;

use super::FileOptions;
use super::inputs::Input;
use super::lines::{Chunk, Filled};
use super::raw::{Identity, RawBytes};
use super::table::Records;
use super::unpack::{Packing, unpack};
use crate::error::IngestError;
use crate::events::{Decoded, Decoder, Judgement, NameKeys, Read, Record, read_record};

/// What one pass needs; owned, since it moves to another thread.
pub struct Pass {
    /// The store, for its keys.
    pub store: Store,
    /// The file.
    pub input: Input,
    /// Its digest and size.
    pub identity: Identity,
    /// Source id.
    pub source: String,
    /// Records that are committed already.
    pub position: i64,
    /// Limits and judgement.
    pub options: FileOptions,
    /// Where lines are read in parallel, if they are.
    pub pool: Option<Arc<ThreadPool>>,
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
    /// Whether the file ends with it.
    pub last: bool,
}

/// How a pass ended.
#[derive(Debug)]
pub enum Ended {
    /// At the end of the file.
    AtEnd {
        /// Records in the file.
        records: i64,
        /// How it is packed.
        packing: Packing,
        /// Why its stream ended too early, if it did.
        truncated: Option<String>,
    },
    /// Nobody takes the batches any more.
    Abandoned,
}

impl Pass {
    /// Reads the file from its beginning; the records that are committed make no rows.
    pub fn run(self) -> Result<Ended, IngestError> {
        let raw = RawBytes::open(&self.input, &self.identity, Arc::clone(&self.bytes_read))?;
        let keys: &dyn NameKeys = self.store.keys();
        let judgement = Judgement { now: self.options.now, clusters: self.options.clusters.clone() };
        let mut decoder = Decoder::new(keys, judgement, &self.source, &self.input.name);

        let (packing, text) = match unpack(raw.clone(), &self.input.name) {
            Ok(unpacked) => unpacked,
            Err(source) => {
                raw.check(&self.input, &self.identity)?;
                return Err(IngestError::Stream { path: self.input.name.clone(), source });
            }
        };
        let opened = Records::open(&self.input.name, text, self.options.spill_folder.as_deref());
        let mut records = match opened {
            Ok(records) => records,
            Err(error) => {
                raw.check(&self.input, &self.identity)?;
                return Err(error);
            }
        };
        let mut chunk = Chunk::default();
        let truncated = loop {
            let filled = records.fill(&mut chunk);
            if !self.take_in(&mut decoder, &chunk)? {
                return Ok(Ended::Abandoned);
            }
            match filled {
                Ok(Filled::More) => {}
                Ok(Filled::End) => break None,
                Err(error) => {
                    break Some(format!("the {} stream is cut off or damaged: {error}", packing.words()));
                }
            }
        };
        // Nothing of the last batch is committed before it is known that these are the bytes whose
        // digest names the source; a fault of the disk or the network surfaces here too.
        raw.check(&self.input, &self.identity)?;
        if let Some(detail) = &truncated {
            self.cut_off(&mut decoder, records.rest(), detail)?;
        }
        if decoder.is_waiting() && !self.hand_over(&mut decoder, true)? {
            return Ok(Ended::Abandoned);
        }
        Ok(Ended::AtEnd { records: decoder.position(), packing, truncated })
    }

    /// Takes a chunk's lines in; `false` if nobody takes the batches any more.
    fn take_in(&self, decoder: &mut Decoder<'_>, chunk: &Chunk) -> Result<bool, IngestError> {
        let records = chunk.records();
        let judge = |index: usize, record, is_first: bool, judgement: &Judgement| match chunk.refused(index) {
            Some(refused) => Read::Refused(refused.clone()),
            None => read_record(record, is_first, judgement),
        };
        match &self.pool {
            Some(pool) => {
                let records: Vec<Record<'_>> = records.collect();
                let (from, judgement) = (decoder.position(), decoder.judgement());
                let reads: Vec<Read<'_>> = pool.install(|| {
                    records
                        .par_iter()
                        .enumerate()
                        .with_min_len(64)
                        .map(|(index, record)| judge(index, *record, from == 0 && index == 0, judgement))
                        .collect()
                });
                for (record, read) in records.into_iter().zip(&reads) {
                    if !self.step(decoder, record, read)? {
                        return Ok(false);
                    }
                }
            }
            None => {
                for (index, record) in records.enumerate() {
                    let read = judge(index, record, decoder.position() == 0, decoder.judgement());
                    if !self.step(decoder, record, &read)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    fn step(
        &self,
        decoder: &mut Decoder<'_>,
        record: Record<'_>,
        read: &Read<'_>,
    ) -> Result<bool, IngestError> {
        if decoder.position() < self.position {
            decoder.replay(record, read);
            return Ok(true);
        }
        decoder.push(record, read)?;
        let full = decoder.waiting_rows() >= self.options.batch_rows
            || decoder.waiting_bytes() >= self.options.batch_bytes;
        if full { self.hand_over(decoder, false) } else { Ok(true) }
    }

    /// `false` if nobody takes the batches any more.
    fn hand_over(&self, decoder: &mut Decoder<'_>, last: bool) -> Result<bool, IngestError> {
        Ok(self.batches.blocking_send(Handed { batch: decoder.take()?, last }).is_ok())
    }

    fn cut_off(&self, decoder: &mut Decoder<'_>, rest: Record<'_>, detail: &str) -> Result<(), IngestError> {
        if decoder.position() < self.position {
            decoder.replay(rest, &Read::Blank);
            return Ok(());
        }
        decoder.push_truncated(rest, detail)
    }
}
