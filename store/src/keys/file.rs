//! Key files: made once, complete or not at all, readable by their owner only.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use rand::TryRngCore as _;

use crate::error::StoreError;

/// Two secrets of 32 bytes: one for ids, one for encryption.
pub(super) struct Secret {
    pub(super) first: [u8; 32],
    pub(super) second: [u8; 32],
}

/// Reads a key file; `None` if there is none.
pub(super) fn read(path: &Path, label: &str) -> Result<Option<Secret>, StoreError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, label, &text).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::KeyFile { path: path.to_owned(), source }),
    }
}

/// Reads a key file, or makes it. Of two makers one wins, and both return the winner's key.
pub(super) fn read_or_make(path: &Path, label: &str) -> Result<Secret, StoreError> {
    if let Some(secret) = read(path, label)? {
        return Ok(secret);
    }
    let io = |source| StoreError::KeyFile { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder).map_err(io)?;

    let mut bytes = [0_u8; 64];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(|e| io(std::io::Error::other(e)))?;
    let text = format!("hubtally key 1\n{label}\n{}\n", hex::encode(bytes));

    // Written aside and linked into place, so that nobody reads half a key.
    let aside = folder.join(format!(".{}.new", hex::encode(&bytes[..8])));
    write_new(&aside, &text).map_err(io)?;
    let linked = std::fs::hard_link(&aside, path);
    let _ = std::fs::remove_file(&aside);
    match linked {
        Ok(()) => sync_folder(folder).map_err(io)?,
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
        // A file system without links: made in place. A reader may see it short, and is told to run again.
        Err(_) => match write_new(path, &text) {
            Ok(()) => sync_folder(folder).map_err(io)?,
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => return Err(io(source)),
        },
    }
    read(path, label)?.ok_or_else(|| io(ErrorKind::NotFound.into()))
}

fn parse(path: &Path, label: &str, text: &str) -> Result<Secret, StoreError> {
    let refuse = |why: &str| StoreError::KeyContent { path: path.to_owned(), why: why.to_owned() };
    let mut lines = text.lines();
    if lines.next() != Some("hubtally key 1") {
        return Err(refuse("its first line is not `hubtally key 1`"));
    }
    if lines.next() != Some(label) {
        return Err(refuse("it belongs to another hub or store"));
    }
    let bytes = lines.next().and_then(|line| hex::decode(line).ok()).unwrap_or_default();
    let (Some(first), Some(second)) = (bytes.first_chunk::<32>(), bytes.last_chunk::<32>()) else {
        return Err(refuse("it is not complete"));
    };
    if bytes.len() != 64 {
        return Err(refuse("it is not complete"));
    }
    Ok(Secret { first: *first, second: *second })
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a key, as a full disk leaves it, would be no key for ever.
        let _ = std::fs::remove_file(path);
    }
    written
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}
