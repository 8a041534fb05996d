//! FOCUS 1.0 as CSV.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use super::focus::{self, COLUMNS, Issuer};
use super::line::{BillLine, BillSums};
use crate::error::SampleError;
use crate::output::Folder;

/// A FOCUS CSV that is being written.
pub struct FocusCsv {
    path: PathBuf,
    issuer: Issuer,
    csv: csv::Writer<BufWriter<File>>,
    /// Sums of what was written.
    pub sums: BillSums,
}

impl FocusCsv {
    /// Starts the file.
    pub fn create(folder: &Folder, relative: &str, issuer: Issuer) -> Result<Self, SampleError> {
        let (path, file) = folder.file(relative)?;
        let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(file);
        csv.write_record(COLUMNS.iter().map(|(name, _)| name))
            .map_err(|source| SampleError::WriteCsv { path: path.clone(), source })?;
        Ok(Self { path, issuer, csv, sums: BillSums::default() })
    }

    /// Writes lines.
    pub fn write(&mut self, lines: &[BillLine]) -> Result<(), SampleError> {
        for line in lines {
            self.csv
                .write_record(focus::cells(&self.issuer, line).iter().map(focus::Cell::csv))
                .map_err(|source| SampleError::WriteCsv { path: self.path.clone(), source })?;
            self.sums.add(line.category, line.pico);
        }
        Ok(())
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<BillSums, SampleError> {
        self.csv.flush().map_err(|source| SampleError::WriteFile { path: self.path, source })?;
        Ok(self.sums)
    }
}
