//! The bytes of a file as they lie on disk or in an object store, and their digest.
//!
//! A file is read twice: once to know its name (`file/<sha256>`), once for its lines. The second
//! pass reads exactly the bytes of the first, so a file that is still being appended to is read up
//! to where it was, and one that was written anew is noticed before its last batch is committed.

use std::fs::File;
use std::hash::Hasher as _;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use twox_hash::XxHash64;

use super::inputs::{Input, Place};
use crate::error::IngestError;
use crate::progress::Progress;

/// How much is read at once for a digest.
const STEP_BYTES: usize = 1 << 20;
/// How many pieces of an object wait for the reader.
const PIECES_AHEAD: usize = 4;

/// Which bytes a file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// SHA-256 of the raw bytes, hexadecimal.
    pub sha256: String,
    /// Their number.
    pub bytes: u64,
    /// A quick checksum of them (XXH64): enough to notice that the second pass reads other bytes.
    pub checksum: u64,
    /// Files that were cut off, and that this one begins with.
    pub begins_with: Vec<String>,
}

/// A file that was read before and was cut off: how many bytes it had, and their digest.
pub type CutOff = (u64, String);

/// Reads a file once to know its digest, and which of the files that were cut off it begins with.
pub async fn identify(
    input: &Input,
    cut_off: &[CutOff],
    progress: &dyn Progress,
) -> Result<Identity, IngestError> {
    let mut digest = Digesting::new(cut_off);
    match &input.place {
        Place::Local(path) => {
            let (path, counter) = (path.clone(), Arc::new(AtomicU64::new(0)));
            let work = tokio::task::spawn_blocking(move || {
                let read = |source| IngestError::Read { path: path.clone(), source };
                let mut file = File::open(&path).map_err(read)?;
                let mut buffer = vec![0; STEP_BYTES];
                loop {
                    let got = match file.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(got) => got,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        Err(error) => return Err(read(error)),
                    };
                    digest.update(&buffer[..got]);
                    counter.store(digest.bytes, Ordering::Relaxed);
                }
                Ok(digest.finish())
            });
            work.await.map_err(|_| IngestError::Worker { doing: "computes a file's digest" })?
        }
        Place::Object { store, path } => {
            let failed = |source| IngestError::Object { url: input.name.clone(), source };
            let mut stream = store.get(path).await.map_err(failed)?.into_stream();
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(failed)?;
                digest.update(&piece);
                progress.advance(piece.len() as u64, 0);
            }
            Ok(digest.finish())
        }
    }
}

/// A digest that looks, where a file that was cut off ended, whether it is the same so far.
struct Digesting {
    hasher: Sha256,
    quick: XxHash64,
    bytes: u64,
    /// The shortest last.
    ahead: Vec<CutOff>,
    begins_with: Vec<String>,
}

impl Digesting {
    fn new(cut_off: &[CutOff]) -> Self {
        let mut ahead = cut_off.to_vec();
        ahead.sort_by(|a, b| b.cmp(a));
        Self {
            hasher: Sha256::new(),
            quick: XxHash64::with_seed(0),
            bytes: 0,
            ahead,
            begins_with: Vec::new(),
        }
    }

    fn update(&mut self, mut piece: &[u8]) {
        self.quick.write(piece);
        while let Some((end, sha256)) = self.ahead.pop() {
            // One that is as long as this file, or longer, is no beginning of it.
            let left = usize::try_from(end.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
            if left >= piece.len() {
                self.ahead.push((end, sha256));
                break;
            }
            self.hasher.update(&piece[..left]);
            self.bytes += left as u64;
            piece = &piece[left..];
            if hex::encode(self.hasher.clone().finalize()) == sha256 {
                self.begins_with.push(sha256);
            }
        }
        self.hasher.update(piece);
        self.bytes += piece.len() as u64;
    }

    fn finish(self) -> Identity {
        Identity {
            sha256: hex::encode(self.hasher.finalize()),
            bytes: self.bytes,
            checksum: self.quick.finish(),
            begins_with: self.begins_with,
        }
    }
}

/// The bytes of a file that may grow, from its beginning to where it ends when it is met.
pub fn plain_bytes(input: &Input, counter: Arc<AtomicU64>) -> Result<impl Read + Send + use<>, IngestError> {
    Ok(Counted { stream: open(input)?, counter })
}

struct Counted {
    stream: Box<dyn Read + Send>,
    counter: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let got = self.stream.read(buffer)?;
        self.counter.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

fn open(input: &Input) -> Result<Box<dyn Read + Send>, IngestError> {
    Ok(match &input.place {
        Place::Local(path) => {
            Box::new(File::open(path).map_err(|source| IngestError::Read { path: path.clone(), source })?)
        }
        Place::Object { store, path } => Box::new(ObjectBytes::start(Arc::clone(store), path.clone())),
    })
}

/// The second pass over a file's raw bytes. Clones read the same stream, so that the one who
/// unpacks may own one and the one who checks the digest another.
#[derive(Clone)]
pub struct RawBytes(Arc<Mutex<State>>);

struct State {
    stream: Box<dyn Read + Send>,
    hasher: XxHash64,
    left: u64,
    fault: Option<Fault>,
    counter: Arc<AtomicU64>,
}

enum Fault {
    Failed(io::Error),
    Shorter,
}

impl RawBytes {
    /// Opens a file again, to read as many bytes as it had.
    pub fn open(input: &Input, identity: &Identity, counter: Arc<AtomicU64>) -> Result<Self, IngestError> {
        let stream = open(input)?;
        Ok(Self(Arc::new(Mutex::new(State {
            stream,
            hasher: XxHash64::with_seed(0),
            left: identity.bytes,
            fault: None,
            counter,
        }))))
    }

    /// Reads what nobody asked for, and says whether the bytes were those of the first pass.
    pub fn check(&self, input: &Input, identity: &Identity) -> Result<(), IngestError> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = vec![0; STEP_BYTES];
        while state.fault.is_none() && matches!(state.read(&mut buffer), Ok(1..)) {}
        match state.fault.take() {
            Some(Fault::Failed(source)) => Err(IngestError::Stream { path: input.name.clone(), source }),
            None if state.hasher.finish() == identity.checksum => Ok(()),
            Some(Fault::Shorter) | None => Err(IngestError::FileChanged { path: input.name.clone() }),
        }
    }
}

impl Read for RawBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buffer)
    }
}

impl State {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        match self.stream.read(&mut buffer[..most]) {
            Ok(0) => {
                self.fault = Some(Fault::Shorter);
                Ok(0)
            }
            Ok(got) => {
                self.hasher.write(&buffer[..got]);
                self.left -= got as u64;
                self.counter.fetch_add(got as u64, Ordering::Relaxed);
                Ok(got)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let shown = io::Error::new(error.kind(), error.to_string());
                self.fault = Some(Fault::Failed(error));
                Err(shown)
            }
        }
    }
}

/// An object's bytes for a reader that blocks: a task fetches a few pieces ahead.
struct ObjectBytes {
    pieces: mpsc::Receiver<Result<Bytes, object_store::Error>>,
    piece: Bytes,
}

impl ObjectBytes {
    fn start(store: Arc<dyn ObjectStore>, path: object_store::path::Path) -> Self {
        let (give, pieces) = mpsc::channel(PIECES_AHEAD);
        tokio::spawn(async move {
            let mut stream = match store.get(&path).await {
                Ok(found) => found.into_stream(),
                Err(error) => {
                    // Nobody listens any more: the reader gave up first.
                    let _ = give.send(Err(error)).await;
                    return;
                }
            };
            while let Some(piece) = stream.next().await {
                let failed = piece.is_err();
                if give.send(piece).await.is_err() || failed {
                    return;
                }
            }
        });
        Self { pieces, piece: Bytes::new() }
    }
}

impl Read for ObjectBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
        let got = self.piece.len().min(buffer.len());
        buffer[..got].copy_from_slice(&self.piece.split_to(got));
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sha(bytes: &[u8]) -> String {
        hex::encode(Sha256::digest(bytes))
    }

    proptest! {
        /// L10: a file that was cut off is known again in the whole one, however the bytes arrive, and in no other.
        #[test]
        fn a_beginning_is_known_again(
            bytes in proptest::collection::vec(any::<u8>(), 1..200),
            cuts in proptest::collection::vec(0_usize..220, 0..5),
            step in 1_usize..50,
        ) {
            let cut_off: Vec<CutOff> = cuts
                .iter()
                .map(|at| (*at as u64, bytes.get(..*at).map_or_else(|| sha(b"another"), sha)))
                .chain([(1, sha(b"another"))])
                .collect();
            let mut digest = Digesting::new(&cut_off);
            bytes.chunks(step).for_each(|piece| digest.update(piece));
            let identity = digest.finish();
            prop_assert_eq!((identity.sha256, identity.bytes), (sha(&bytes), bytes.len() as u64));
            let mut wanted: Vec<usize> = cuts.into_iter().filter(|at| *at < bytes.len()).collect();
            wanted.sort_unstable();
            let wanted: Vec<String> = wanted.into_iter().map(|at| sha(&bytes[..at])).collect();
            prop_assert_eq!(identity.begins_with, wanted);
        }
    }
}
