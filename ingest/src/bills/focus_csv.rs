//! FOCUS as CSV.

use csv::{ByteRecord, StringRecord};

use super::ahead::ahead;
use super::error::BillError;
use super::focus::{Cell, Header, RowReader};
use super::importer::Reading;
use super::input::BillFile;
use super::line::{RejectedRow, Sink};
use super::text_table::{TextTable, join};

/// Text that is handed over at a time.
const BLOCK_BYTES: usize = 128 << 10;

pub(crate) fn read(file: &BillFile, sink: &mut dyn Sink) -> Result<Reading, BillError> {
    let mut table = TextTable::open(file)?;
    let mut cells = ByteRecord::new();
    let found: Vec<String> = match table.next(&mut cells, 0, file)? {
        Some(row) => row.cells.iter().map(column_name).collect(),
        None => Vec::new(),
    };
    let header = Header::read(&file.name, &found)?;
    let delimiter = table.delimiter();
    let mut rows = RowReader::default();
    let mut count = 0;
    ahead(
        |give| blocks(file, table, &found, give),
        |block: Block| {
            for row in &block.rows {
                count += 1;
                match row {
                    BlockRow::Refused(row) => sink.reject(row.clone())?,
                    BlockRow::Cells { number, first } => {
                        let cells = block.cells(*first, found.len());
                        let row = header.row(|place| Cell::text(cells(place)));
                        let bytes = || joined(found.len(), &cells, delimiter);
                        rows.read(*number, &row, bytes, sink)?;
                    }
                }
            }
            Ok(())
        },
    )?;
    Ok(Reading {
        format_version: header.version.to_owned(),
        rows: count,
        warnings: rows.warnings(),
        view: None,
    })
}

/// A column name without the mark that some programs put before it.
fn column_name(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).trim_start_matches('\u{feff}').trim().trim_matches('"').to_owned()
}

/// Some rows of a file, taken apart.
#[derive(Debug, Default)]
struct Block {
    /// The cells of all rows, one behind the other.
    text: String,
    /// Where each cell ends.
    ends: Vec<usize>,
    rows: Vec<BlockRow>,
}

#[derive(Debug)]
enum BlockRow {
    /// A row whose first cell is this one of the block.
    Cells { number: u64, first: usize },
    /// A row that is none.
    Refused(RejectedRow),
}

impl Block {
    /// The cells of a row by their place.
    fn cells<'a>(&'a self, first: usize, count: usize) -> impl Fn(usize) -> &'a str {
        let ends = self.ends.get(first..first + count).unwrap_or_default();
        let start = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        move |place| {
            let from = place.checked_sub(1).map_or(start, |before| ends[before]);
            ends.get(place).and_then(|end| self.text.get(from..*end)).unwrap_or_default()
        }
    }

    /// Takes a row, if its cells are UTF-8.
    fn push(&mut self, number: u64, cells: &ByteRecord) -> bool {
        let Ok(text) = std::str::from_utf8(cells.as_slice()) else { return false };
        let ends = (0..cells.len()).map(|at| cells.range(at).map_or(0, |range| range.end));
        if !ends.clone().all(|end| text.is_char_boundary(end)) {
            return false;
        }
        self.rows.push(BlockRow::Cells { number, first: self.ends.len() });
        let start = self.text.len();
        self.ends.extend(ends.map(|end| start + end));
        self.text.push_str(text);
        true
    }
}

/// Takes a file apart, block by block.
fn blocks(
    file: &BillFile,
    mut table: TextTable,
    found: &[String],
    give: &mut dyn FnMut(Block) -> bool,
) -> Result<(), BillError> {
    let (width, delimiter) = (found.len(), table.delimiter());
    let mut cells = ByteRecord::new();
    let mut block = Block::default();
    while let Some(row) = table.next(&mut cells, width, file)? {
        let number = row.number;
        let refuse = |detail| {
            BlockRow::Refused(RejectedRow { row: number, detail, bytes: join(row.cells, delimiter) })
        };
        if row.cells.len() != width {
            block.rows.push(refuse(format!(
                "the row has {} columns, the header {width}: look for a delimiter or quote inside a value",
                row.cells.len()
            )));
        } else if !block.push(number, row.cells) {
            let column = match StringRecord::from_byte_record(row.cells.clone()) {
                Err(error) => found.get(error.utf8_error().field()).map_or("", String::as_str),
                Ok(_) => "",
            };
            block.rows.push(refuse(format!("{column}: it is no UTF-8, export the bill as UTF-8")));
        }
        // Refused rows are bytes too, and a file may hold nothing else.
        if (block.text.len() >= BLOCK_BYTES || block.rows.len() >= BLOCK_BYTES / 16)
            && !give(std::mem::take(&mut block))
        {
            return Ok(());
        }
    }
    give(block);
    Ok(())
}

/// The cells joined by the delimiter, quotes dropped.
fn joined<'a>(count: usize, cells: impl Fn(usize) -> &'a str, delimiter: u8) -> Vec<u8> {
    let cells: Vec<&str> = (0..count).map(cells).collect();
    cells.join(&*char::from(delimiter).to_string()).into_bytes()
}
