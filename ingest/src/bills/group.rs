//! The lines of one account and month: what is known of them, and the parts in which they wait.

use std::ops::Range;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use hubtally_schemas::Currency;
use hubtally_schemas::period::Period;

use super::columns::LineColumns;
use super::importer::Format;
use super::line::{ChargeLine, Grade, Status};

/// What is replaced in one commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// Importer.
    pub format: Format,
    /// Account.
    pub account: String,
    /// Month of the bill.
    pub period: Period,
}

impl GroupKey {
    /// The group's name in the store: `<importer>/<account>/<period>`.
    pub fn name(&self) -> String {
        format!("{}/{}/{}", self.format, self.account, self.period)
    }
}

/// The lines of one (importer, account, billing period).
#[derive(Debug)]
pub struct Group {
    /// What it is.
    pub key: GroupKey,
    /// The provider that its first line names.
    pub provider: String,
    /// How fine its finest line is.
    pub grade: Grade,
    /// Its one currency.
    pub currency: Currency,
    /// Lines.
    pub rows: u64,
    /// Sum of the billed amounts in 10⁻¹² units.
    pub billed: i128,
    /// First and last UTC day on which a line starts, as day numbers.
    pub days: (i32, i32),
    /// File and row of its first line.
    pub(crate) first: (usize, u64),
    /// What each file gave, in the order of reading.
    pub(crate) shares: Vec<Share>,
    /// Lines that are on disk or in columns that no longer grow, in the order of reading.
    pub(crate) parts: Vec<Part>,
    growing: Option<Box<LineColumns>>,
    runs: Vec<Run>,
    taken: u64,
}

/// What one file gave to a group.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    /// Which file, by its place in the command.
    pub(crate) file: usize,
    /// Lines of earlier files.
    from: u64,
    /// Lines that the bill calls final, provisional, or neither.
    pub(crate) said_final: u64,
    pub(crate) said_provisional: u64,
    pub(crate) unsaid: u64,
}

/// Lines one after the other that become a row group, or a piece of one.
#[derive(Debug)]
pub(crate) struct Part {
    /// The first of its lines.
    pub(crate) from: u64,
    pub(crate) rows: u64,
    /// Memory that its columns take.
    pub(crate) bytes: usize,
    /// Its lines by file and status.
    pub(crate) runs: Vec<Run>,
    pub(crate) content: Content,
}

/// Where the lines of a part are.
#[derive(Debug)]
pub(crate) enum Content {
    /// In memory.
    Held(RecordBatch),
    /// Being encoded.
    Encoding,
    /// Encoded, on disk.
    Aside(Range<u64>),
}

/// Lines one after the other of one file that say the same about whether they may change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) file: usize,
    pub(crate) status: Status,
    pub(crate) rows: usize,
}

impl Group {
    /// A group that has no line yet.
    pub(crate) fn new(key: GroupKey, first: &ChargeLine<'_>, file: usize) -> Self {
        let day = first.charge.start.day();
        Self {
            key,
            provider: first.provider.to_owned(),
            grade: first.grade,
            currency: first.currency,
            rows: 0,
            billed: 0,
            days: (day, day),
            first: (file, first.row),
            shares: Vec::new(),
            parts: Vec::new(),
            growing: None,
            runs: Vec::new(),
            taken: 0,
        }
    }

    /// Takes a line, whose amount the caller has added, and says how many bytes it takes.
    pub(crate) fn push(&mut self, line: &ChargeLine<'_>, file: usize, charge_id: &str) -> usize {
        self.grade = self.grade.max(line.grade);
        let day = line.charge.start.day();
        self.days = (self.days.0.min(day), self.days.1.max(day));
        match self.runs.last_mut() {
            Some(run) if run.file == file && run.status == line.status => run.rows += 1,
            _ => self.runs.push(Run { file, status: line.status, rows: 1 }),
        }
        let from = self.rows;
        self.rows += 1;
        if self.shares.last().is_none_or(|share| share.file != file) {
            self.shares.push(Share { file, from, said_final: 0, said_provisional: 0, unsaid: 0 });
        }
        if let Some(share) = self.shares.last_mut() {
            *match line.status {
                Status::Final => &mut share.said_final,
                Status::Provisional => &mut share.said_provisional,
                Status::ByReach => &mut share.unsaid,
            } += 1;
        }
        self.growing.get_or_insert_default().push(line, charge_id)
    }

    /// Bytes and lines that wait in growing columns.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        self.growing.as_ref().map_or((0, 0), |columns| (columns.bytes(), columns.rows()))
    }

    /// Ends the growing columns as a part, whose place among the parts is given back with its lines.
    pub(crate) fn take(&mut self) -> Result<Option<(usize, RecordBatch)>, ArrowError> {
        let Some(mut columns) = self.growing.take().filter(|columns| columns.rows() > 0) else {
            return Ok(None);
        };
        let rows = columns.rows() as u64;
        let part = Part {
            from: self.taken,
            rows,
            bytes: columns.bytes(),
            runs: std::mem::take(&mut self.runs),
            content: Content::Encoding,
        };
        self.taken += rows;
        self.parts.push(part);
        Ok(Some((self.parts.len() - 1, columns.finish()?)))
    }

    /// The file of a line.
    pub(crate) fn file_at(&self, place: u64) -> usize {
        let after = self.shares.partition_point(|share| share.from <= place);
        after.checked_sub(1).and_then(|at| self.shares.get(at)).map_or(0, |share| share.file)
    }

    /// The share of a file, if it gave any line.
    pub(crate) fn share_of(&self, file: usize) -> Option<&Share> {
        self.shares.iter().find(|share| share.file == file)
    }
}
