//! Compression is known by its first bytes, not by the file's name.

use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;

const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// How much is given to a decoder at once.
const BUFFER_BYTES: usize = 256 << 10;

/// How a file is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip, one or more members.
    Gzip,
    /// zstd, one or more frames.
    Zstd,
}

impl Packing {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// The text inside a raw stream.
///
/// A stream too short to be known by its first bytes is what its name says: an empty `.gz` is a
/// gzip stream that was cut off, not an empty text.
pub fn unpack(
    mut raw: impl Read + Send + 'static,
    name: &str,
) -> io::Result<(Packing, Box<dyn Read + Send>)> {
    let mut head = Vec::with_capacity(ZSTD.len());
    raw.by_ref().take(ZSTD.len() as u64).read_to_end(&mut head)?;
    let lower = name.to_ascii_lowercase();
    let named = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    let cut_off = |magic: &[u8]| head.len() < magic.len() && magic.starts_with(&head);
    let packing = if head.starts_with(GZIP) || (cut_off(GZIP) && named(&[".gz", ".gzip"])) {
        Packing::Gzip
    } else if head.starts_with(ZSTD) || (cut_off(ZSTD) && named(&[".zst", ".zstd"])) {
        Packing::Zstd
    } else {
        Packing::Plain
    };
    if (packing == Packing::Gzip && cut_off(GZIP)) || (packing == Packing::Zstd && cut_off(ZSTD)) {
        return Ok((packing, Box::new(CutOff)));
    }
    let stream = io::BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(raw));
    let text: Box<dyn Read + Send> = match packing {
        Packing::Plain => Box::new(stream),
        Packing::Gzip => Box::new(MultiGzDecoder::new(stream)),
        Packing::Zstd => Box::new(zstd::stream::read::Decoder::with_buffer(stream)?),
    };
    Ok((packing, text))
}

/// A packed stream without even its first bytes.
struct CutOff;

impl Read for CutOff {
    fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the stream ends before its header"))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(bytes: &[u8], name: &str) -> (Packing, io::Result<Vec<u8>>) {
        let (packing, mut text) = unpack(Cursor::new(bytes.to_vec()), name).unwrap();
        let mut all = Vec::new();
        (packing, text.read_to_end(&mut all).map(|_| all))
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(text).unwrap();
        packed.finish().unwrap()
    }

    #[test]
    fn packing_is_known_by_its_bytes_whatever_the_name() {
        let zstd = zstd::encode_all(&b"a\nb\n"[..], 1).unwrap();
        for (bytes, packing) in [
            (b"a\nb\n".to_vec(), Packing::Plain),
            (gzip(b"a\nb\n"), Packing::Gzip),
            ([gzip(b"a\n"), gzip(b"b\n")].concat(), Packing::Gzip),
            (zstd.clone(), Packing::Zstd),
        ] {
            for name in ["x.ndjson", "x.gz", "x.zst"] {
                let (found, text) = read(&bytes, name);
                assert_eq!((found, text.unwrap()), (packing, b"a\nb\n".to_vec()), "{name}");
            }
        }
    }

    #[test]
    fn an_empty_text_is_no_cut_off_stream_and_the_other_way_round() {
        assert!(read(&gzip(b""), "x.gz").1.unwrap().is_empty());
        assert!(read(b"", "x.ndjson").1.unwrap().is_empty());
        for name in ["x.gz", "x.zst"] {
            assert!(read(b"", name).1.is_err(), "{name}");
        }
        let zstd = zstd::encode_all(&b"a long enough text"[..], 1).unwrap();
        for whole in [gzip(b"a long enough text"), zstd] {
            for cut in 2..whole.len() {
                let name = if whole[0] == 0x1f { "x.gz" } else { "x.zst" };
                assert!(read(&whole[..cut], name).1.is_err(), "{name} cut at {cut}");
            }
        }
    }
}
