//! Rows of a CSV file.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::ByteRecord;
use hubtally_schemas::reject::RejectReason;

use super::line::{Column, Columns};
use crate::error::IngestError;
use crate::events::{MAX_LINE_BYTES, Refused};
use crate::files::lines::{Chunk, Filled};

/// The longest header that is looked through for its delimiter.
const MAX_HEADER_BYTES: u64 = 256 << 10;
/// A row may be as long as a line, with quotes around everything.
const MAX_ROW_BYTES: u64 = 4 * MAX_LINE_BYTES;

/// The rows of a CSV file, one after another.
pub struct CsvRows {
    rows: csv::Reader<Limited>,
    left: Arc<AtomicU64>,
    /// Its columns.
    pub columns: Columns,
    width: usize,
    delimiter: u8,
    cells: ByteRecord,
    /// The place of `user`: beside one, an empty `server` is the default server.
    user: Option<usize>,
}

impl CsvRows {
    /// Reads the header.
    pub fn open(name: &str, mut text: Box<dyn Read + Send>) -> Result<Self, IngestError> {
        let failed = |source| IngestError::Stream { path: name.to_owned(), source };
        let head = first_line(&mut text).map_err(failed)?;
        let delimiter = delimiter(&head);
        let left = Arc::new(AtomicU64::new(MAX_ROW_BYTES));
        let stream = Limited { text: Box::new(Cursor::new(head).chain(text)), left: Arc::clone(&left) };
        let mut rows = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(stream);
        let header = rows.byte_headers().map_err(|error| failed(as_io(error)))?;
        let found: Vec<String> = header.iter().map(column_name).collect();
        let columns = super::columns_of(name, &found)?;
        let user = columns.known.iter().find(|column| column.field == "user").map(|column| column.place);
        Ok(Self { rows, left, columns, width: found.len(), delimiter, cells: ByteRecord::new(), user })
    }

    /// Fills a chunk anew with the lines of rows.
    pub fn fill(&mut self, chunk: &mut Chunk) -> io::Result<Filled> {
        chunk.clear();
        while !chunk.is_full() {
            self.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
            if !self.rows.read_byte_record(&mut self.cells).map_err(as_io)? {
                return Ok(Filled::End);
            }
            if self.cells.len() == self.width {
                let line = self.columns.line(|column| self.cell(column));
                chunk.push(&line);
            } else {
                let detail = format!(
                    "the row has {} columns, the header {}: look for a delimiter or a quote inside a value",
                    self.cells.len(),
                    self.width
                );
                let cells: Vec<&[u8]> = self.cells.iter().collect();
                chunk.push_refused(
                    &cells.join(&self.delimiter),
                    Refused::new(RejectReason::Malformed, detail),
                );
            }
        }
        Ok(Filled::More)
    }

    /// A cell; an empty one is absent, but for the default server of a user.
    fn cell(&self, column: &Column) -> Option<&[u8]> {
        let text =
            |place: usize| self.cells.get(place).map(<[u8]>::trim_ascii).filter(|cell| !cell.is_empty());
        let default_server = column.field == "server" && self.user.is_some_and(|user| text(user).is_some());
        text(column.place).or(default_server.then_some(b""))
    }
}

/// The first line, or as much of it as is looked through.
fn first_line(text: &mut Box<dyn Read + Send>) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut step = text.take(MAX_HEADER_BYTES);
    let mut buffer = [0; 4_096];
    while !head.contains(&b'\n') {
        match step.read(&mut buffer) {
            Ok(0) => break,
            Ok(got) => head.extend_from_slice(&buffer[..got]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(head)
}

/// What stands most often between the names of the header.
fn delimiter(head: &[u8]) -> u8 {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| memchr::memchr_iter(delimiter, line).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn column_name(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().to_owned()
}

fn as_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A stream that ends in an error where one row takes too much of it, as after a quote that is never closed.
struct Limited {
    text: Box<dyn Read + Send>,
    left: Arc<AtomicU64>,
}

impl Read for Limited {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(io::Error::other(format!(
                "a row is longer than {MAX_ROW_BYTES} bytes: look for a quote that is never closed"
            )));
        }
        let got = self.text.read(buffer)?;
        self.left.store(left.saturating_sub(got as u64), Ordering::Relaxed);
        Ok(got)
    }
}
