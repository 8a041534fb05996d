//! Lines out of a stream, many at a time and never more of one than the limit (a line of 10 MB, or
//! a file without a single line end, costs no memory).

use std::io::{self, BufRead, BufReader, Read};

use crate::events::{KEPT_BYTES, MAX_LINE_BYTES, Record, Refused};

/// A chunk is handed over once it holds this many bytes, …
const CHUNK_BYTES: usize = 1 << 20;
/// … or this many lines, for blank ones have no bytes.
const CHUNK_LINES: usize = 32_768;
/// How much is asked of the stream at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Some lines of a stream.
#[derive(Default)]
pub struct Chunk {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// Records that are known to be none, by their number in the chunk, in its order.
    refused: Vec<(usize, Refused)>,
    ends_open: bool,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    whole_bytes: u64,
}

impl Chunk {
    /// The lines, without their line ends.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.lines.iter().map(|line| self.record(*line))
    }

    /// Whether it is to be handed over.
    pub fn is_full(&self) -> bool {
        self.bytes.len() >= CHUNK_BYTES || self.lines.len() >= CHUNK_LINES
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
        self.refused.clear();
        self.ends_open = false;
    }

    /// Adds a record.
    pub fn push(&mut self, record: &[u8]) {
        append_line(self, record);
    }

    /// Adds a record that is known to be none.
    pub fn push_refused(&mut self, record: &[u8], refused: Refused) {
        self.refused.push((self.lines.len(), refused));
        append_line(self, record);
    }

    /// Why a record, by its number in the chunk, is known to be none.
    pub fn refused(&self, index: usize) -> Option<&Refused> {
        let at = self.refused.binary_search_by_key(&index, |(index, _)| *index).ok()?;
        self.refused.get(at).map(|(_, refused)| refused)
    }

    /// Whether its last line came without a line end, because the stream ended there.
    pub fn ends_open(&self) -> bool {
        self.ends_open
    }

    fn record(&self, line: Line) -> Record<'_> {
        let bytes = &self.bytes[line.start..line.end];
        match bytes.split_last() {
            Some((b'\r', head)) if line.whole_bytes == bytes.len() as u64 => Record::whole(head),
            _ => Record { bytes, whole_bytes: line.whole_bytes },
        }
    }
}

/// How far a stream was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// There may be more.
    More,
    /// It ended; the last line is in the chunk, even without a line end.
    End,
}

/// A stream of lines.
pub struct Lines<R> {
    stream: BufReader<R>,
    /// The bytes kept of a line whose end has not come yet, and its length so far.
    open: Vec<u8>,
    open_bytes: u64,
}

impl<R: Read> Lines<R> {
    /// Reads lines of a stream.
    pub fn new(stream: R) -> Self {
        Self { stream: BufReader::with_capacity(BUFFER_BYTES, stream), open: Vec::new(), open_bytes: 0 }
    }

    /// Fills a chunk anew. On an error the chunk holds the lines that came before it, and
    /// [`Lines::rest`] the beginning of the line it fell in.
    pub fn fill(&mut self, chunk: &mut Chunk) -> io::Result<Filled> {
        chunk.clear();
        while !chunk.is_full() {
            let available = match self.stream.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                if self.open_bytes > 0 {
                    chunk.ends_open = true;
                    self.close(chunk);
                }
                return Ok(Filled::End);
            }
            let read = available.len();
            let mut from = 0;
            for at in memchr::memchr_iter(b'\n', available) {
                let piece = &available[from..at];
                if self.open_bytes == 0 {
                    append_line(chunk, piece);
                } else {
                    extend(&mut self.open, &mut self.open_bytes, piece);
                    close_into(chunk, &mut self.open, &mut self.open_bytes);
                }
                from = at + 1;
            }
            extend(&mut self.open, &mut self.open_bytes, &available[from..]);
            self.stream.consume(read);
        }
        Ok(Filled::More)
    }

    /// What came of a line that did not end.
    pub fn rest(&self) -> Record<'_> {
        Record { bytes: &self.open, whole_bytes: self.open_bytes }
    }

    fn close(&mut self, chunk: &mut Chunk) {
        close_into(chunk, &mut self.open, &mut self.open_bytes);
    }
}

fn append_line(chunk: &mut Chunk, piece: &[u8]) {
    let whole_bytes = piece.len() as u64;
    let kept = if whole_bytes > MAX_LINE_BYTES { &piece[..KEPT_BYTES] } else { piece };
    let start = chunk.bytes.len();
    chunk.bytes.extend_from_slice(kept);
    chunk.lines.push(Line { start, end: chunk.bytes.len(), whole_bytes });
}

/// Lengthens the open line: it is kept whole up to the limit, and cut once it passes it.
fn extend(open: &mut Vec<u8>, open_bytes: &mut u64, piece: &[u8]) {
    *open_bytes += piece.len() as u64;
    if *open_bytes > MAX_LINE_BYTES {
        let room = KEPT_BYTES.saturating_sub(open.len()).min(piece.len());
        open.extend_from_slice(&piece[..room]);
        open.truncate(KEPT_BYTES);
    } else {
        open.extend_from_slice(piece);
    }
}

fn close_into(chunk: &mut Chunk, open: &mut Vec<u8>, open_bytes: &mut u64) {
    let start = chunk.bytes.len();
    chunk.bytes.extend_from_slice(open);
    chunk.lines.push(Line { start, end: chunk.bytes.len(), whole_bytes: *open_bytes });
    open.clear();
    *open_bytes = 0;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A stream that gives as many bytes at a time as it is told.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let give = self.1.min(buffer.len()).min(self.0.len());
            buffer[..give].copy_from_slice(&self.0[..give]);
            self.0 = &self.0[give..];
            Ok(give)
        }
    }

    fn all(stream: impl Read) -> Vec<(Vec<u8>, u64)> {
        let (mut lines, mut chunk, mut found) = (Lines::new(stream), Chunk::default(), Vec::new());
        loop {
            let filled = lines.fill(&mut chunk).unwrap();
            found.extend(chunk.records().map(|record| (record.bytes.to_vec(), record.whole_bytes)));
            if filled == Filled::End {
                return found;
            }
        }
    }

    #[test]
    fn a_line_of_ten_megabytes_keeps_only_its_beginning() {
        let mut text = b"first\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 10_000_000));
        text.extend(b"\r\nlast");
        for step in [1_000, 300_000, 20_000_000] {
            let found = all(Dribble(&text, step));
            assert_eq!(found.len(), 3);
            assert_eq!(found[0].0, b"first");
            assert_eq!((found[1].0.len(), found[1].1), (KEPT_BYTES, 10_000_001));
            assert_eq!(found[2].0, b"last");
        }
    }

    #[test]
    fn an_empty_stream_has_no_line() {
        assert!(all(&b""[..]).is_empty());
        assert_eq!(all(&b"\n"[..]).len(), 1);
    }

    #[test]
    fn a_stream_of_blank_lines_is_handed_over_in_parts() {
        let text = vec![b'\n'; 2_000_000];
        let (mut lines, mut chunk) = (Lines::new(text.as_slice()), Chunk::default());
        assert_eq!(lines.fill(&mut chunk).unwrap(), Filled::More);
        assert!(chunk.records().len() < CHUNK_LINES + BUFFER_BYTES);
        assert_eq!(all(text.as_slice()).len(), 2_000_000);
    }

    proptest! {
        /// L10: every line comes out once, in order, however the bytes arrive.
        #[test]
        fn every_line_comes_out(text in "[ab\r\n]{0,200}", step in 1_usize..50) {
            let expected: Vec<&str> = text.strip_suffix('\n').map_or_else(
                || if text.is_empty() { Vec::new() } else { text.split('\n').collect() },
                |body| body.split('\n').collect(),
            );
            let found = all(Dribble(text.as_bytes(), step));
            prop_assert_eq!(found.len(), expected.len());
            for (line, expected) in found.iter().zip(expected) {
                prop_assert_eq!(line.0.as_slice(), expected.strip_suffix('\r').unwrap_or(expected).as_bytes());
            }
        }
    }
}
