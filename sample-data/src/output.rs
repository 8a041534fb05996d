//! The folder that is written, and gzip files with the same bytes everywhere.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use miniz_oxide::deflate::core::{CompressorOxide, create_comp_flags_from_zip_params};
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{MZError, MZFlush, MZStatus};

use crate::error::SampleError;

/// The folder that is written.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Makes the folder.
    pub fn create(root: &Path) -> Result<Self, SampleError> {
        make_folder(root)?;
        Ok(Self { root: root.to_owned() })
    }

    /// Opens a file below the folder, with the folders above it.
    pub fn file(&self, relative: &str) -> Result<(PathBuf, BufWriter<File>), SampleError> {
        let path = self.root.join(relative);
        if let Some(parent) = path.parent() {
            make_folder(parent)?;
        }
        let file =
            File::create(&path).map_err(|source| SampleError::WriteFile { path: path.clone(), source })?;
        Ok((path, BufWriter::with_capacity(1 << 16, file)))
    }

    /// Writes a whole file.
    pub fn write(&self, relative: &str, bytes: &[u8]) -> Result<(), SampleError> {
        let (path, mut file) = self.file(relative)?;
        file.write_all(bytes)
            .and_then(|()| file.flush())
            .map_err(|source| SampleError::WriteFile { path, source })
    }

    /// Writes a value as indented JSON with a line end.
    pub fn write_json<T: serde::Serialize>(&self, relative: &str, value: &T) -> Result<(), SampleError> {
        let mut bytes = serde_json::to_vec_pretty(value)
            .map_err(|source| SampleError::WriteJson { path: self.root.join(relative), source })?;
        bytes.push(b'\n');
        self.write(relative, &bytes)
    }
}

fn make_folder(path: &Path) -> Result<(), SampleError> {
    std::fs::create_dir_all(path).map_err(|source| SampleError::MakeFolder { path: path.to_owned(), source })
}

/// A gzip stream without a name and a time.
pub struct Gzip<W: Write> {
    inner: W,
    compressor: Box<CompressorOxide>,
    buffer: Vec<u8>,
    crc: crc32fast::Hasher,
    length: u32,
}

/// Header: deflate, no flags, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// Window bits below 0: a raw stream, framed here.
const RAW: i32 = -15;

impl<W: Write> Gzip<W> {
    /// Starts a stream at a level from 1 to 9.
    pub fn new(mut inner: W, level: i32) -> io::Result<Self> {
        inner.write_all(&HEADER)?;
        let flags = create_comp_flags_from_zip_params(level, RAW, 0);
        Ok(Self {
            inner,
            compressor: Box::new(CompressorOxide::new(flags)),
            buffer: vec![0; 1 << 16],
            crc: crc32fast::Hasher::new(),
            length: 0,
        })
    }

    /// Ends the stream.
    pub fn finish(mut self) -> io::Result<W> {
        while self.step(&[], MZFlush::Finish)?.1 != MZStatus::StreamEnd {}
        self.inner.write_all(&self.crc.clone().finalize().to_le_bytes())?;
        self.inner.write_all(&self.length.to_le_bytes())?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn step(&mut self, input: &[u8], flush: MZFlush) -> io::Result<(usize, MZStatus)> {
        let result = deflate(&mut self.compressor, input, &mut self.buffer, flush);
        self.inner.write_all(&self.buffer[..result.bytes_written])?;
        match result.status {
            Ok(status) => Ok((result.bytes_consumed, status)),
            Err(MZError::Buf) => Ok((result.bytes_consumed, MZStatus::Ok)),
            Err(error) => Err(io::Error::other(format!("deflate failed: {error:?}"))),
        }
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, input: &[u8]) -> io::Result<usize> {
        let mut taken = 0;
        while taken < input.len() {
            taken += self.step(&input[taken..], MZFlush::None)?.0;
        }
        self.crc.update(input);
        // The length field of gzip is the length modulo 2^32.
        self.length = self.length.wrapping_add(u32::try_from(input.len()).unwrap_or(u32::MAX));
        Ok(input.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_stream_is_read_back_by_another_program() {
        let text = "the same bytes everywhere\n".repeat(20_000);
        let mut gzip = Gzip::new(Vec::new(), 6).unwrap();
        for piece in text.as_bytes().chunks(777) {
            gzip.write_all(piece).unwrap();
        }
        let bytes = gzip.finish().unwrap();
        assert!(bytes.len() < text.len() / 50);
        let mut read = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut read).unwrap();
        assert!(read == text);
    }
}
