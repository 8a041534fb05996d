//! What a log is: the digest of its first line, and of its beginning up to given lines.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use sha2::{Digest, Sha256};

use crate::error::IngestError;
use crate::events::{HubLogPlace, Record};
use crate::files::inputs::Input;
use crate::files::lines::{Chunk, Filled, Lines};
use crate::files::raw::plain_bytes;
use crate::files::unpack::{Packing, unpack};

/// The digest of a log's beginning: of whole lines, however they are packed.
#[derive(Clone)]
pub struct Beginning {
    hasher: Sha256,
    lines: i64,
}

impl Beginning {
    /// No line yet. A log of another hub is another one, though its lines may be the same.
    pub fn of(place: &HubLogPlace) -> Self {
        let mut hasher = Sha256::new();
        for part in [place.cluster.as_str(), place.namespace.as_str()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        Self { hasher, lines: 0 }
    }

    /// One line more.
    pub fn add(&mut self, record: Record<'_>) {
        self.hasher.update(record.whole_bytes.to_be_bytes());
        self.hasher.update(record.bytes);
        self.lines += 1;
    }

    /// Lines so far.
    pub fn lines(&self) -> i64 {
        self.lines
    }

    /// Their digest, hexadecimal.
    pub fn sha256(&self) -> String {
        hex::encode(self.hasher.clone().finalize())
    }
}

/// A log, open from its beginning.
pub struct OpenLog {
    lines: Lines<Box<dyn Read + Send>>,
    /// How it is packed.
    pub packing: Packing,
    /// What ended its stream too early, if anything did.
    pub truncated: Option<String>,
    /// Bytes of a last line whose end has not come yet.
    pub unfinished: Option<u64>,
}

impl OpenLog {
    /// Opens a log; `counter` counts its bytes as they lie there.
    pub fn open(input: &Input, counter: Arc<AtomicU64>) -> Result<Self, IngestError> {
        let failed = |source| IngestError::Stream { path: input.name.clone(), source };
        let (packing, text) = unpack(plain_bytes(input, counter)?, &input.name).map_err(failed)?;
        Ok(Self { lines: Lines::new(text), packing, truncated: None, unfinished: None })
    }

    /// Hands over its whole lines, one after another, until `take` has enough.
    pub fn each(
        &mut self,
        name: &str,
        mut take: impl FnMut(Record<'_>) -> Result<bool, IngestError>,
    ) -> Result<(), IngestError> {
        let mut chunk = Chunk::default();
        loop {
            let filled = self.lines.fill(&mut chunk);
            let count = chunk.records().len();
            for (at, record) in chunk.records().enumerate() {
                let is_open = chunk.ends_open() && at + 1 == count;
                if is_open && self.packing == Packing::Plain && !is_whole(record) {
                    self.unfinished = Some(record.whole_bytes);
                } else if !take(record)? {
                    return Ok(());
                }
            }
            match filled {
                Ok(Filled::More) => {}
                Ok(Filled::End) => return Ok(()),
                Err(source) if self.packing == Packing::Plain => {
                    return Err(IngestError::Stream { path: name.to_owned(), source });
                }
                // What comes when the file is fetched again goes on after the last whole line.
                Err(error) => {
                    self.truncated =
                        Some(format!("the {} stream is cut off or damaged: {error}", self.packing.words()));
                    return Ok(());
                }
            }
        }
    }
}

/// Whether a line without an end is whole all the same: no beginning of a JSON object is one itself.
fn is_whole(record: Record<'_>) -> bool {
    record.bytes.len() as u64 == record.whole_bytes
        && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(record.bytes).is_ok()
}

/// The digest of the first line; `None` where no line is whole yet.
pub fn head(input: &Input, place: &HubLogPlace) -> Result<Option<String>, IngestError> {
    Ok(digests(input, place, &BTreeSet::from([1]))?.remove(&1))
}

/// The digests of the beginnings of so many lines, as far as the log reaches.
pub fn digests(
    input: &Input,
    place: &HubLogPlace,
    wanted: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, String>, IngestError> {
    let mut found = BTreeMap::new();
    let Some(last) = wanted.last().copied() else { return Ok(found) };
    let mut beginning = Beginning::of(place);
    OpenLog::open(input, Arc::default())?.each(&input.name, |record| {
        beginning.add(record);
        if wanted.contains(&beginning.lines()) {
            found.insert(beginning.lines(), beginning.sha256());
        }
        Ok(beginning.lines() < last)
    })?;
    Ok(found)
}
