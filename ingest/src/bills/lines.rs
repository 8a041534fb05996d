//! The lines of a command when all files are read, on their way into the store.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringBuilder};
use hubtally_schemas::period::{Instant, Period, date_to_day};
use hubtally_schemas::tables::CHARGES;
use hubtally_store::{GroupRows, PreparedRows, StoreError};

use super::collect::FileLines;
use super::columns::{Late, LateRun, early_names};
use super::group::{Content, Group, Part, Share};
use super::input::BillFile;
use super::limits::BillLimits;
use super::line::Status;
use super::repeats::{Repeat, Repeats, RepeatsOf};
use super::scratch::Scratch;

/// The files of a command after their groups were taken, and what was put aside of the lines.
#[derive(Debug)]
pub struct Lines {
    pub(crate) now: Instant,
    pub(crate) limits: BillLimits,
    /// The files.
    pub files: Vec<FileLines>,
    pub(crate) aside: Option<Scratch>,
    pub(crate) repeats: Repeats,
}

impl Lines {
    /// The files that a group's lines come from.
    pub fn files_of<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a FileLines> {
        group.shares.iter().map(|share| &self.files[share.file])
    }

    /// Whether a file is among those that were read.
    pub(crate) fn holds(&self, file: &BillFile) -> bool {
        self.files.iter().any(|read| read.sha256 == file.sha256)
    }

    /// Whether a file gave lines to a group.
    pub fn is_of(&self, group: &Group, file: usize) -> bool {
        group.share_of(file).is_some()
    }

    /// How many of a group's lines are provisional.
    pub fn provisional_of(&self, group: &Group) -> u64 {
        group.shares.iter().map(|share| self.statuses_of(group, share).0).sum()
    }

    /// How many of a group's lines from one file are provisional and how many are final.
    pub fn statuses(&self, group: &Group, file: usize) -> (u64, u64) {
        group.share_of(file).map_or((0, 0), |share| self.statuses_of(group, share))
    }

    fn statuses_of(&self, group: &Group, share: &Share) -> (u64, u64) {
        let Share { said_final, said_provisional, unsaid, .. } = *share;
        if self.settled(share.file, group.key.period) {
            (said_provisional, said_final + unsaid)
        } else {
            (said_provisional + unsaid, said_final)
        }
    }

    /// Whether lines that do not say it are final: the month was over when the file was read, and
    /// the file reaches the month's last day.
    fn settled(&self, file: usize, period: Period) -> bool {
        let last_day = date_to_day(period.next().first_day()) - 1;
        let reaches = self.files[file]
            .reach
            .get(&period)
            .is_some_and(|end| Instant(end.0.saturating_sub(1)).day() >= last_day);
        reaches && self.now >= period.span().end
    }

    /// The rows of a group for the store, a row group at a time. `rank` is its place among the groups.
    pub(crate) fn rows<'a>(&'a self, group: &'a Group, rank: usize, revision: i64) -> GroupLines<'a> {
        let repeats = self.repeats.of(u32::try_from(rank).unwrap_or(u32::MAX));
        GroupLines { lines: self, group, revision, repeats, parts: group.parts.iter().peekable() }
    }
}

/// The rows of a group, in the order of reading.
pub(crate) struct GroupLines<'a> {
    lines: &'a Lines,
    group: &'a Group,
    revision: i64,
    repeats: RepeatsOf<'a>,
    parts: std::iter::Peekable<std::slice::Iter<'a, Part>>,
}

impl Iterator for GroupLines<'_> {
    type Item = Result<GroupRows, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.parts.next()?;
        Some(match &part.content {
            Content::Aside(_) if self.is_worth_a_row_group(part) => self.prepared(part),
            _ => self.joined(part),
        })
    }
}

impl GroupLines<'_> {
    /// Small row groups cost a reader most.
    fn is_worth_a_row_group(&self, part: &Part) -> bool {
        part.bytes >= self.lines.limits.part_bytes() / 2
    }

    /// A part whose columns are copied as they were encoded.
    fn prepared(&mut self, part: &Part) -> Result<GroupRows, StoreError> {
        let rows = self.read_aside(part)?;
        let charge_id = self.with_ordinals(part, || {
            let ids = rows.decode(&CHARGES, &["charge_id"])?;
            Ok(ids.column(0).clone())
        })?;
        let fresh = self.late(part).fresh(charge_id).map_err(columns_failed)?;
        Ok(GroupRows::Prepared { rows, fresh })
    }

    /// Small parts, one after the other, that are encoded as one row group.
    fn joined(&mut self, first: &Part) -> Result<GroupRows, StoreError> {
        let mut bytes = first.bytes;
        let mut batches = vec![self.plain(first)?];
        while let Some(part) = self.parts.peek().copied() {
            let is_aside = matches!(part.content, Content::Aside(_));
            bytes += part.bytes;
            if bytes > self.lines.limits.part_bytes() || is_aside && self.is_worth_a_row_group(part) {
                break;
            }
            self.parts.next();
            batches.push(self.plain(part)?);
        }
        Ok(GroupRows::Plain(batches))
    }

    fn plain(&mut self, part: &Part) -> Result<RecordBatch, StoreError> {
        let early = match &part.content {
            Content::Held(early) => early.clone(),
            _ => self.read_aside(part)?.decode(&CHARGES, &early_names())?,
        };
        let ids = early.column_by_name("charge_id").cloned();
        let missing = || StoreError::Rows { table: CHARGES.name, why: "lines have no charge_id".to_owned() };
        let charge_id = self.with_ordinals(part, || ids.ok_or_else(missing))?;
        self.late(part).whole(&early, charge_id.as_ref()).map_err(columns_failed)
    }

    fn read_aside(&self, part: &Part) -> Result<PreparedRows, StoreError> {
        let lost =
            || StoreError::Rows { table: CHARGES.name, why: "lines are not where they were put".to_owned() };
        let (Content::Aside(place), Some(aside)) = (&part.content, &self.lines.aside) else {
            return Err(lost());
        };
        Ok(PreparedRows::from_bytes(aside.read(place)?.into()))
    }

    /// The ids of a part with the ordinals of lines that stand twice, if it holds such lines.
    fn with_ordinals(
        &mut self,
        part: &Part,
        ids: impl FnOnce() -> Result<ArrayRef, StoreError>,
    ) -> Result<Option<ArrayRef>, StoreError> {
        let end = part.from + part.rows;
        let Some(mut repeat) = self.repeats.next_before(end)? else { return Ok(None) };
        let ids = ids()?;
        let Some(ids) = ids.as_string_opt::<i32>() else { return Ok(None) };
        let mut changed = StringBuilder::with_capacity(ids.len(), ids.values().len() + ids.len());
        for (place, id) in (part.from..).zip(ids.iter()) {
            let id = id.unwrap_or_default();
            match &repeat {
                Repeat { place: repeated, ordinal, .. } if *repeated == place => {
                    changed.append_value(format!("{id}-{ordinal}"));
                    match self.repeats.next_before(end)? {
                        Some(next) => repeat = next,
                        None => repeat.place = u64::MAX,
                    }
                }
                _ => changed.append_value(id),
            }
        }
        Ok(Some(Arc::new(changed.finish())))
    }

    fn late(&self, part: &Part) -> Late {
        let period = self.group.key.period;
        let runs = part.runs.iter().map(|run| LateRun {
            rows: run.rows,
            format_version: self.lines.files[run.file].reading.format_version.clone(),
            status: match run.status {
                Status::Final => "final",
                Status::ByReach if self.lines.settled(run.file, period) => "final",
                Status::Provisional | Status::ByReach => "provisional",
            },
        });
        Late {
            revision: self.revision,
            grade: self.group.grade.code(),
            billing_period: period.to_string(),
            runs: runs.collect(),
        }
    }
}

fn columns_failed(source: arrow::error::ArrowError) -> StoreError {
    StoreError::Arrow { table: CHARGES.name, what: "filling in the columns of bill lines", source }
}
