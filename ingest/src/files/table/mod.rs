//! Usage events as tables: CSV and Parquet, a row an event, a column a field.
//!
//! A row becomes the same line of JSON that a file of events has, and goes the same way from there: the same
//! checks, the same rows, the same reasons for which it is refused. `type`, `source` and `id` are columns of their
//! own; the fields of `data` stand under their own names, or with `data.` before them.

mod csv_rows;
mod example;
mod line;
mod parquet_rows;

use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;

pub use example::usage_csv_example;

use csv_rows::CsvRows;
use line::Columns;
use parquet_rows::ParquetRows;

use super::inputs::{Input, Place};
use super::lines::{Chunk, Filled, Lines};
use super::raw::plain_bytes;
use super::unpack::unpack;
use crate::error::IngestError;
use crate::events::Record;

/// How the events of a file are written, known by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A JSON object a line.
    Lines,
    /// CSV with a header.
    Csv,
    /// Parquet.
    Parquet,
}

impl Form {
    /// By the ending, before that of packed files.
    pub fn of(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let bare = super::inputs::unpacked(&lower);
        match bare.rsplit_once('.') {
            Some((_, "csv")) => Self::Csv,
            Some((_, "parquet")) => Self::Parquet,
            _ => Self::Lines,
        }
    }
}

/// The records of a file, in its order.
pub enum Records {
    /// Lines as they stand.
    Lines(Lines<Box<dyn Read + Send>>),
    /// Rows of a CSV file.
    Csv(CsvRows),
    /// Rows of a Parquet file.
    Parquet(ParquetRows),
}

impl Records {
    /// Opens the records inside an unpacked stream. Parquet is read from its end: it is copied into a file
    /// without a name in `spill` first.
    pub fn open(name: &str, text: Box<dyn Read + Send>, spill: Option<&Path>) -> Result<Self, IngestError> {
        Ok(match Form::of(name) {
            Form::Lines => Self::Lines(Lines::new(text)),
            Form::Csv => Self::Csv(CsvRows::open(name, text)?),
            Form::Parquet => Self::Parquet(ParquetRows::open(name, copied(name, text, spill)?)?),
        })
    }

    /// Fills a chunk anew, as [`Lines::fill`].
    pub fn fill(&mut self, chunk: &mut Chunk) -> io::Result<Filled> {
        match self {
            Self::Lines(lines) => lines.fill(chunk),
            Self::Csv(rows) => rows.fill(chunk),
            Self::Parquet(rows) => rows.fill(chunk),
        }
    }

    /// What came of a record that did not end.
    pub fn rest(&self) -> Record<'_> {
        match self {
            Self::Lines(lines) => lines.rest(),
            Self::Csv(_) | Self::Parquet(_) => Record::whole(b""),
        }
    }
}

/// The columns of a table that are no fields of events; an error if it has not those that events need.
pub fn unused_columns(input: &Input, spill: Option<&Path>) -> Result<Vec<String>, IngestError> {
    let failed = |source| IngestError::Stream { path: input.name.clone(), source };
    let columns = match (Form::of(&input.name), &input.place) {
        (Form::Lines, _) => return Ok(Vec::new()),
        (Form::Parquet, Place::Local(path)) if super::inputs::unpacked(&input.name) == input.name => {
            let file = File::open(path).map_err(|source| IngestError::Read { path: path.clone(), source })?;
            ParquetRows::open(&input.name, file)?.columns
        }
        (form, _) => {
            let (_, text) =
                unpack(plain_bytes(input, std::sync::Arc::default())?, &input.name).map_err(failed)?;
            if form == Form::Csv {
                CsvRows::open(&input.name, text)?.columns
            } else {
                ParquetRows::open(&input.name, copied(&input.name, text, spill)?)?.columns
            }
        }
    };
    Ok(columns.unused)
}

/// Chosen columns of a table; an error if it is no table of events.
fn columns_of(name: &str, found: &[String]) -> Result<Columns, IngestError> {
    let columns = Columns::of(found);
    if columns.missing.is_empty() {
        return Ok(columns);
    }
    Err(IngestError::NoEventTable { path: name.to_owned(), missing: columns.missing.join(", ") })
}

fn copied(name: &str, mut text: Box<dyn Read + Send>, spill: Option<&Path>) -> Result<File, IngestError> {
    let failed = |source| IngestError::Stream { path: name.to_owned(), source };
    let mut file = match spill {
        Some(folder) => tempfile::tempfile_in(folder),
        None => tempfile::tempfile(),
    }
    .map_err(failed)?;
    io::copy(&mut text, &mut file).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(file)
}
