//! The bytes of a file as they lie on disk or in an object store, and their digest.
//!
//! A file is read twice: once to know its name (`file/<sha256>`), once for its lines. The second
//! pass reads exactly the bytes of the first, so a file that is still being appended to is read up
//! to where it was, and one that was written anew is noticed before its last batch is committed.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

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
}

/// Reads a file once to know its digest.
pub async fn identify(input: &Input, progress: &dyn Progress) -> Result<Identity, IngestError> {
    match &input.place {
        Place::Local(path) => {
            let (path, counter) = (path.clone(), Arc::new(AtomicU64::new(0)));
            let work = tokio::task::spawn_blocking(move || {
                let read = |source| IngestError::Read { path: path.clone(), source };
                let mut file = File::open(&path).map_err(read)?;
                let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; STEP_BYTES]);
                loop {
                    let got = match file.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(got) => got,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        Err(error) => return Err(read(error)),
                    };
                    hasher.update(&buffer[..got]);
                    bytes += got as u64;
                    counter.store(bytes, Ordering::Relaxed);
                }
                Ok(Identity { sha256: hex::encode(hasher.finalize()), bytes })
            });
            work.await.map_err(|_| IngestError::Worker { doing: "computes a file's digest" })?
        }
        Place::Object { store, path } => {
            let failed = |source| IngestError::Object { url: input.name.clone(), source };
            let mut stream = store.get(path).await.map_err(failed)?.into_stream();
            let (mut hasher, mut bytes) = (Sha256::new(), 0_u64);
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(failed)?;
                hasher.update(&piece);
                bytes += piece.len() as u64;
                progress.advance(piece.len() as u64, 0);
            }
            Ok(Identity { sha256: hex::encode(hasher.finalize()), bytes })
        }
    }
}

/// The second pass over a file's raw bytes. Clones read the same stream, so that the one who
/// unpacks may own one and the one who checks the digest another.
#[derive(Clone)]
pub struct RawBytes(Arc<Mutex<State>>);

struct State {
    stream: Box<dyn Read + Send>,
    hasher: Sha256,
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
        let stream: Box<dyn Read + Send> = match &input.place {
            Place::Local(path) => {
                Box::new(File::open(path).map_err(|source| IngestError::Read { path: path.clone(), source })?)
            }
            Place::Object { store, path } => Box::new(ObjectBytes::start(Arc::clone(store), path.clone())),
        };
        Ok(Self(Arc::new(Mutex::new(State {
            stream,
            hasher: Sha256::new(),
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
            None if hex::encode(state.hasher.finalize_reset()) == identity.sha256 => Ok(()),
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
                self.hasher.update(&buffer[..got]);
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
