//! FOCUS as CSV.

use csv::{ByteRecord, StringRecord};

use super::error::BillError;
use super::focus::{Field, FocusRow, Header, RowReader, present};
use super::importer::Reading;
use super::input::BillFile;
use super::line::{RejectedRow, Sink};
use super::text_table::{TextTable, join};

pub(crate) fn read(file: &BillFile, sink: &mut dyn Sink) -> Result<Reading, BillError> {
    let mut table = TextTable::open(file)?;
    let mut cells = ByteRecord::new();
    let found: Vec<String> = match table.next(&mut cells, 0, file)? {
        Some(row) => row.cells.iter().map(column_name).collect(),
        None => Vec::new(),
    };
    let header = Header::read(&file.name, &found)?;
    let width = found.len();
    let delimiter = table.delimiter();
    let mut rows = RowReader::default();
    let mut count = 0;
    while let Some(row) = table.next(&mut cells, width, file)? {
        count += 1;
        let number = row.number;
        let cells = row.cells;
        let refuse = |detail| RejectedRow { row: number, detail, bytes: join(cells, delimiter) };
        if cells.len() != width {
            sink.reject(refuse(format!(
                "the row has {} columns, the header {width}: look for a delimiter or quote inside a value",
                cells.len()
            )))?;
            continue;
        }
        match StringRecord::from_byte_record(cells.clone()) {
            Ok(text) => {
                let row = CsvRow { header: &header, cells: &text };
                rows.read(number, &row, || join(cells, delimiter), sink)?;
            }
            Err(error) => {
                let column = found.get(error.utf8_error().field()).map_or("", String::as_str);
                sink.reject(refuse(format!("{column}: it is no UTF-8, export the bill as UTF-8")))?;
            }
        }
    }
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

struct CsvRow<'a> {
    header: &'a Header,
    cells: &'a StringRecord,
}

impl FocusRow for CsvRow<'_> {
    fn get(&self, field: Field) -> Option<&str> {
        self.cells.get(self.header.place(field)?).and_then(present)
    }
}
