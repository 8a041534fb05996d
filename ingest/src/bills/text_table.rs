//! CSV as bills come: with a BOM, `;` or tabs, quoted numbers, rows of the wrong length, and cut off.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ByteRecord, ReaderBuilder};

use super::error::BillError;
use super::importer::Format;
use super::input::BillFile;

/// The longest row that is read: the rest of a file may stand inside a quote that nobody closed.
const MAX_ROW_MIB: u64 = 16;

/// Rows of a CSV file, the header included.
pub(crate) struct TextTable {
    reader: csv::Reader<Watched<Box<dyn Read + Send>>>,
    passed: Arc<Passed>,
    delimiter: u8,
    name: String,
    row: u64,
    short: Option<u64>,
}

/// A row with the number that messages give: the first line of the file is 0.
pub(crate) struct Row<'a> {
    pub(crate) number: u64,
    pub(crate) cells: &'a ByteRecord,
}

impl TextTable {
    pub(crate) fn open(file: &BillFile) -> Result<Self, BillError> {
        let head = file.head()?;
        let delimiter = delimiter_of(&head);
        let passed = Arc::new(Passed::default());
        let watched = Watched { inner: file.open()?, passed: Arc::clone(&passed) };
        let reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .flexible(true)
            .has_headers(false)
            .buffer_capacity(1 << 18)
            .from_reader(watched);
        Ok(Self { reader, passed, delimiter, name: file.name.clone(), row: 0, short: None })
    }

    /// Reads the next row; `Ok(None)` at a sound end. A row shorter than `least_cells` is
    /// remembered: if it is the last one, the file was cut.
    pub(crate) fn next<'a>(
        &mut self,
        cells: &'a mut ByteRecord,
        least_cells: usize,
        file: &BillFile,
    ) -> Result<Option<Row<'a>>, BillError> {
        self.passed.bytes.store(0, Ordering::Relaxed);
        let row = self.row;
        let more = self.reader.read_byte_record(cells).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(_) if self.passed.bytes.load(Ordering::Relaxed) > MAX_ROW_MIB << 20 => {
                BillError::EndlessRow { file: self.name.clone(), row, limit_mib: MAX_ROW_MIB }
            }
            csv::ErrorKind::Io(source) => file.failed(source),
            other => BillError::Container {
                file: self.name.clone(),
                format: "CSV",
                source: format!("{other:?}").into(),
            },
        })?;
        if !more {
            if self.passed.quotes.load(Ordering::Relaxed) % 2 == 1 {
                let what = format!("row {} stops inside quotes", self.row.saturating_sub(1));
                return Err(BillError::Truncated { file: self.name.clone(), what });
            }
            if let Some(row) = self.short {
                let what = format!("row {row}, its last, has too few columns");
                return Err(BillError::Truncated { file: self.name.clone(), what });
            }
            return Ok(None);
        }
        let number = self.row;
        self.row += 1;
        self.short = (cells.len() < least_cells).then_some(number);
        Ok(Some(Row { number, cells }))
    }

    /// The delimiter, for messages.
    pub(crate) fn delimiter(&self) -> u8 {
        self.delimiter
    }
}

/// The cells joined by the delimiter, quotes dropped.
pub(crate) fn join(cells: &ByteRecord, delimiter: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(cells.as_slice().len() + cells.len());
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            bytes.push(delimiter);
        }
        bytes.extend_from_slice(cell);
    }
    bytes
}

/// The delimiter that the first line uses most outside quotes.
fn delimiter_of(head: &[u8]) -> u8 {
    let mut counts = [(b',', 0_u32), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            byte if !quoted => {
                if let Some((_, count)) = counts.iter_mut().find(|(delimiter, _)| delimiter == byte) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    counts
        .into_iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(delimiter, count)| if count == 0 { b',' } else { delimiter })
}

/// The first lines of a text as cells, for recognising a format.
pub(crate) fn first_lines(text: &str, lines: usize) -> Vec<Vec<String>> {
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter_of(text.as_bytes()))
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes());
    reader
        .byte_records()
        .take(lines)
        .filter_map(Result::ok)
        .map(|record| record.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect())
        .collect()
}

/// A column name for comparing: letters and digits only, lower case.
pub(crate) fn plain_name(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether two column names are the same but for case, spaces and underscores.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    plain_name(a) == plain_name(b)
}

/// The candidate that is nearest to a word, if any is near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = plain_name(word);
    candidates
        .map(|candidate| (strsim::levenshtein(&plain, &plain_name(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(word.len()) / 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Says which required columns are missing, each with the nearest one found.
pub(crate) fn missing_columns(file: &str, format: Format, missing: &[&str], found: &[String]) -> BillError {
    let named: Vec<String> = missing
        .iter()
        .map(|name| match nearest(name, found.iter().map(String::as_str)) {
            Some(near) => format!("{name} (nearest found: {near})"),
            None => (*name).to_owned(),
        })
        .collect();
    let mut shown = found.iter().take(60).cloned().collect::<Vec<_>>().join(", ");
    if found.len() > 60 {
        shown.push_str(", …");
    }
    BillError::MissingColumns { file: file.to_owned(), format, missing: named.join(", "), found: shown }
}

/// What has passed of a file.
#[derive(Debug, Default)]
struct Passed {
    /// An odd number at the end means that the text stops inside quotes.
    quotes: AtomicU64,
    /// Bytes since a row began.
    bytes: AtomicU64,
}

/// Watches a file pass, and stops a row that has no end.
struct Watched<R> {
    inner: R,
    passed: Arc<Passed>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let quotes = memchr::memchr_iter(b'"', &buffer[..read]).count() as u64;
        self.passed.quotes.fetch_add(quotes, Ordering::Relaxed);
        let before = self.passed.bytes.fetch_add(read as u64, Ordering::Relaxed);
        if before + read as u64 > MAX_ROW_MIB << 20 {
            return Err(std::io::Error::other("a row without an end"));
        }
        Ok(read)
    }
}
