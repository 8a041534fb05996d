//! Gathers the lines of all files by (importer, account, billing period), and refuses what would
//! count money twice (law L2) or mix currencies (law L8) before anything is written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use arrow::array::RecordBatch;
use bigdecimal::BigDecimal;
use hubtally_schemas::period::{Instant, Period, date_to_day};
use hubtally_schemas::{Currency, money};

use super::columns::{BATCH_ROWS, ChargeColumns, Constants, LineBatch};
use super::error::BillError;
use super::importer::{Format, Reading};
use super::line::{ChargeLine, Grade, RejectedRow, Sink};

/// Rows of one file that may be refused before the file is.
pub(crate) const MAX_REJECTS: usize = 10_000;

/// One file of the command, as far as it was read.
#[derive(Debug)]
pub struct FileLines {
    /// As messages name it.
    pub name: String,
    /// Digest of its bytes.
    pub sha256: String,
    /// Which importer read it.
    pub format: Format,
    /// What the importer told.
    pub reading: Reading,
    /// Rows that could not be read.
    pub rejects: Vec<RejectedRow>,
    /// Lines that were read.
    pub lines: u64,
    /// Exact sums of the billed amounts.
    pub billed: BTreeMap<Currency, FileTotal>,
    reach: BTreeMap<Period, Instant>,
}

/// What a file's lines of one currency sum to.
#[derive(Debug, Default, Clone)]
pub struct FileTotal {
    /// In 10⁻¹² units, as stored.
    pub pico: i128,
    /// What rounding each line to 12 decimals took away: written less stored.
    pub rounding: BigDecimal,
}

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
    first: (usize, u64),
    seen: HashMap<u128, Seen>,
    growing: ChargeColumns,
    batches: Vec<LineBatch>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    file: u32,
    count: u32,
    row: u64,
}

/// All lines of one command.
#[derive(Debug)]
pub struct Collector {
    now: Instant,
    files: Vec<FileLines>,
    groups: Vec<Group>,
    places: HashMap<(Format, Period), HashMap<Box<str>, usize>>,
    current: Option<usize>,
    charge_id: String,
}

impl Collector {
    /// An empty one; `now` decides whether a month has ended.
    pub fn new(now: Instant) -> Self {
        Self {
            now,
            files: Vec::new(),
            groups: Vec::new(),
            places: HashMap::new(),
            current: None,
            charge_id: String::new(),
        }
    }

    /// A file starts.
    pub fn begin(&mut self, name: &str, sha256: &str, format: Format) {
        self.close_columns();
        self.files.push(FileLines {
            name: name.to_owned(),
            sha256: sha256.to_owned(),
            format,
            reading: Reading::default(),
            rejects: Vec::new(),
            lines: 0,
            billed: BTreeMap::new(),
            reach: BTreeMap::new(),
        });
    }

    /// A file was read to its end.
    pub fn end(&mut self, reading: Reading) -> Result<(), BillError> {
        self.close_columns();
        let Some(file) = self.files.last_mut() else { return Ok(()) };
        file.reading = reading;
        if file.lines == 0 && file.rejects.is_empty() {
            file.reading.warnings.push("it holds no bill line: is it the right file?".to_owned());
        }
        if let (0, Some(first)) = (file.lines, file.rejects.first()) {
            return Err(BillError::NothingReadable {
                file: file.name.clone(),
                rows: file.reading.rows,
                first: format!("row {}: {}", first.row, first.detail),
            });
        }
        Ok(())
    }

    /// The files so far.
    pub fn files(&self) -> &[FileLines] {
        &self.files
    }

    /// The groups so far, in the order they were met.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Takes the groups apart from the files, in key order.
    pub fn into_groups(mut self) -> (Lines, Vec<Group>) {
        self.close_columns();
        let mut groups = std::mem::take(&mut self.groups);
        groups.sort_by(|a, b| a.key.cmp(&b.key));
        for group in &mut groups {
            group.seen = HashMap::new();
        }
        (Lines { now: self.now, files: self.files }, groups)
    }

    /// No account and month may come from two importers.
    pub fn check_importers(&self) -> Result<(), BillError> {
        let mut owners: BTreeMap<(&str, Period), &Group> = BTreeMap::new();
        for group in &self.groups {
            let place = (group.key.account.as_str(), group.key.period);
            if let Some(other) = owners.insert(place, group) {
                return Err(BillError::TwoImporters {
                    account: group.key.account.clone(),
                    period: group.key.period,
                    first: other.key.format.to_string(),
                    first_file: self.files[other.first.0].name.clone(),
                    second: group.key.format,
                    second_file: self.files[group.first.0].name.clone(),
                });
            }
        }
        Ok(())
    }

    fn close_columns(&mut self) {
        let Some(file) = self.files.len().checked_sub(1) else { return };
        for group in &mut self.groups {
            if group.growing.len() > 0 {
                let batch = group.growing.take(file);
                group.batches.push(batch);
            }
        }
        self.current = None;
    }

    fn place(&mut self, line: &ChargeLine<'_>, file: usize) -> usize {
        if let Some(at) = self.current {
            let key = &self.groups[at].key;
            if key.period == line.period && key.account == line.account {
                return at;
            }
        }
        let format = self.files[file].format;
        let accounts = self.places.entry((format, line.period)).or_default();
        let at = accounts.get(line.account).copied().unwrap_or_else(|| {
            let at = self.groups.len();
            accounts.insert(line.account.into(), at);
            let day = line.charge.start.day();
            self.groups.push(Group {
                key: GroupKey { format, account: line.account.to_owned(), period: line.period },
                provider: line.provider.to_owned(),
                grade: line.grade,
                currency: line.currency,
                rows: 0,
                billed: 0,
                days: (day, day),
                first: (file, line.row),
                seen: HashMap::new(),
                growing: ChargeColumns::new(),
                batches: Vec::new(),
            });
            at
        });
        self.current = Some(at);
        at
    }
}

impl Sink for Collector {
    fn line(&mut self, line: &ChargeLine<'_>) -> Result<(), BillError> {
        let Some(at_file) = self.files.len().checked_sub(1) else { return Ok(()) };
        let at = self.place(line, at_file);
        let group = &mut self.groups[at];
        let files = &mut self.files;
        if group.currency != line.currency {
            return Err(BillError::MixedCurrencies {
                account: group.key.account.clone(),
                period: group.key.period,
                first: group.currency,
                first_file: files[group.first.0].name.clone(),
                first_row: group.first.1,
                second: line.currency,
                second_file: files[at_file].name.clone(),
                second_row: line.row,
            });
        }
        let ordinal = match group.seen.get_mut(&line.identity) {
            Some(seen) if seen.file as usize != at_file => {
                return Err(BillError::OverlappingLines {
                    first: files[seen.file as usize].name.clone(),
                    first_row: seen.row,
                    second: files[at_file].name.clone(),
                    second_row: line.row,
                    account: group.key.account.clone(),
                    period: group.key.period,
                });
            }
            Some(seen) => {
                seen.count = seen.count.saturating_add(1);
                seen.count
            }
            None => {
                let file = u32::try_from(at_file).unwrap_or(u32::MAX);
                group.seen.insert(line.identity, Seen { file, count: 1, row: line.row });
                1
            }
        };
        self.charge_id.clear();
        let _ = write!(self.charge_id, "{}/{}/{:032x}", group.key.format, line.account, line.identity);
        if ordinal > 1 {
            let _ = write!(self.charge_id, "-{ordinal}");
        }
        group.growing.push(line, &self.charge_id);
        let overflow = || BillError::Overflow {
            file: files[at_file].name.clone(),
            account: line.account.chars().take(64).collect(),
        };
        let sum = |a: i128| {
            a.checked_add(line.billed.pico).filter(|sum| sum.unsigned_abs() <= money::MAX_PICO.unsigned_abs())
        };
        group.billed = sum(group.billed).ok_or_else(overflow)?;
        let total = files[at_file].billed.get(&line.currency).map_or(0, |total| total.pico);
        let total = sum(total).ok_or_else(overflow)?;
        group.rows += 1;
        group.grade = group.grade.max(line.grade);
        let day = line.charge.start.day();
        group.days = (group.days.0.min(day), group.days.1.max(day));
        if group.growing.len() >= BATCH_ROWS {
            let batch = group.growing.take(at_file);
            group.batches.push(batch);
        }
        let file = &mut files[at_file];
        file.lines += 1;
        let file_total = file.billed.entry(line.currency).or_default();
        file_total.pico = total;
        if line.billed.rounded
            && let Some(difference) = money::parse_difference(line.billed.text, line.billed.pico)
        {
            file_total.rounding += difference;
        }
        let reach = file.reach.entry(line.period).or_insert(line.charge.end);
        *reach = (*reach).max(line.charge.end);
        Ok(())
    }

    fn reject(&mut self, row: RejectedRow) -> Result<(), BillError> {
        let Some(file) = self.files.last_mut() else { return Ok(()) };
        if file.rejects.len() >= MAX_REJECTS {
            let first = &file.rejects[0];
            return Err(BillError::TooManyRejects {
                file: file.name.clone(),
                limit: MAX_REJECTS,
                first: format!("row {}: {}", first.row, first.detail),
            });
        }
        file.rejects.push(row);
        Ok(())
    }
}

/// The files of a command after their groups were taken.
#[derive(Debug)]
pub struct Lines {
    now: Instant,
    /// The files.
    pub files: Vec<FileLines>,
}

impl Lines {
    /// The files that a group's lines come from.
    pub fn files_of<'a>(&'a self, group: &Group) -> Vec<&'a FileLines> {
        let places: BTreeSet<usize> = group.batches.iter().map(|batch| batch.file).collect();
        places.into_iter().map(|at| &self.files[at]).collect()
    }

    /// How many of a group's lines are provisional.
    pub fn provisional_of(&self, group: &Group) -> u64 {
        group.batches.iter().map(|batch| batch.provisional(self.settled(batch.file, group.key.period))).sum()
    }

    /// How many of a group's lines from one file are provisional and how many are final.
    pub fn statuses(&self, group: &Group, sha256: &str) -> (u64, u64) {
        let of_file = group.batches.iter().filter(|batch| self.files[batch.file].sha256 == sha256);
        of_file.fold((0, 0), |(open, settled), batch| {
            let provisional = batch.provisional(self.settled(batch.file, group.key.period));
            (open + provisional, settled + batch.rows() as u64 - provisional)
        })
    }

    /// The rows of a group for the store.
    pub fn batches(&self, group: &Group, revision: i64) -> Result<Vec<RecordBatch>, BillError> {
        let period = group.key.period.to_string();
        group
            .batches
            .iter()
            .map(|batch| {
                let file = &self.files[batch.file];
                batch.finish(&Constants {
                    revision,
                    importer: group.key.format.code(),
                    format_version: &file.reading.format_version,
                    account: &group.key.account,
                    grade: group.grade,
                    source_file: &file.sha256,
                    billing_period: &period,
                    settled_by_reach: self.settled(batch.file, group.key.period),
                })
            })
            .collect::<Result<_, _>>()
            .map_err(BillError::Rows)
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
}
