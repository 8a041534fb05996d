//! Gathers the lines of all files by (importer, account, billing period), and refuses what would
//! count money twice (law L2) or mix currencies (law L8) before anything is written.
//!
//! Lines wait in columns. What is worth a row group, or does not fit into memory, is encoded on another
//! thread and put aside on disk: see [`super::limits`].

use std::collections::{BTreeMap, HashMap};
use std::thread::{self, JoinHandle};

use arrow::array::RecordBatch;
use bigdecimal::BigDecimal;
use hubtally_schemas::period::{Instant, Period};
use hubtally_schemas::tables::CHARGES;
use hubtally_schemas::{Currency, money};
use hubtally_store::PreparedRows;

use super::columns::OfPart;
use super::error::BillError;
use super::group::{Content, Group, GroupKey};
use super::importer::{Format, Reading};
use super::limits::BillLimits;
use super::line::{ChargeLine, RejectedRow, Sink};
use super::lines::Lines;
use super::repeats::{LineKey, Repeats};
use super::scratch::Scratch;
use super::sorter::Sorter;

/// Rows of one file that may be refused before the file is.
pub(crate) const MAX_REJECTS: usize = 10_000;
/// Bytes kept of a refused row.
const MAX_REJECT_BYTES: usize = 64 << 10;
/// Characters kept of what is wrong with it.
const MAX_DETAIL_CHARS: usize = 1_000;
/// Lines of a row group at most.
const MAX_PART_ROWS: usize = 1 << 20;

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
    pub rejects: Vec<Refused>,
    /// Lines that were read.
    pub lines: u64,
    /// Exact sums of the billed amounts.
    pub billed: BTreeMap<Currency, FileTotal>,
    pub(crate) reach: BTreeMap<Period, Instant>,
}

/// A row that could not be read, as far as it is kept.
#[derive(Debug)]
pub struct Refused {
    /// Row in the file, from 1; the header is 0.
    pub row: u64,
    /// Column, value and what was expected.
    pub detail: String,
    /// The first bytes of the row.
    pub bytes: Vec<u8>,
    /// How long the row is.
    pub byte_count: u64,
}

/// What a file's lines of one currency sum to.
#[derive(Debug, Default, Clone)]
pub struct FileTotal {
    /// In 10⁻¹² units, as stored.
    pub pico: i128,
    /// What rounding each line to 12 decimals took away, in 10⁻³⁰ units.
    fine: i128,
    /// The same of lines that have more decimals than that.
    finer: BigDecimal,
}

impl FileTotal {
    /// What rounding each line to 12 decimals took away: written less stored.
    pub fn rounding(&self) -> BigDecimal {
        BigDecimal::new(self.fine.into(), 30) + &self.finer
    }

    fn add_rounding(&mut self, text: &str, pico: i128) {
        match money::fine_difference(text) {
            // 10¹⁸ units at most for each of less than 10¹⁸ lines.
            Some(difference) => self.fine = self.fine.saturating_add(i128::from(difference)),
            None => self.finer += money::parse_difference(text, pico).unwrap_or_default(),
        }
    }
}

/// All lines of one command.
#[derive(Debug)]
pub struct Collector {
    now: Instant,
    limits: BillLimits,
    files: Vec<FileLines>,
    groups: Vec<Group>,
    places: HashMap<(Format, Period), HashMap<Box<str>, usize>>,
    current: Option<usize>,
    keys: Sorter<LineKey>,
    aside: Option<Scratch>,
    encoding: Option<Encoding>,
    waiting_bytes: usize,
    reject_bytes: usize,
    charge_id: String,
}

/// A part that another thread encodes.
#[derive(Debug)]
struct Encoding {
    group: usize,
    part: usize,
    encoder: JoinHandle<Result<PreparedRows, BillError>>,
}

impl Collector {
    /// An empty one; `now` decides whether a month has ended.
    pub fn new(now: Instant, limits: &BillLimits) -> Self {
        Self {
            now,
            limits: limits.clone(),
            files: Vec::new(),
            groups: Vec::new(),
            places: HashMap::new(),
            current: None,
            keys: Sorter::new(&limits.spill_folder, limits.key_bytes()),
            aside: None,
            encoding: None,
            waiting_bytes: 0,
            reject_bytes: 0,
            charge_id: String::new(),
        }
    }

    /// A file starts.
    pub fn begin(&mut self, name: &str, sha256: &str, format: Format) {
        self.current = None;
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

    /// Takes the groups apart from the files, in key order. A line that stands in two files is an error
    /// naming both, one for each file that holds such a line.
    pub fn into_groups(mut self) -> Result<(Lines, Vec<Group>), BillError> {
        self.settle()?;
        for group in &mut self.groups {
            if let Some((part, lines)) = group.take().map_err(BillError::Rows)? {
                let early = of_part(group, part, &self.files).early(&lines).map_err(BillError::Rows)?;
                group.parts[part].content = Content::Held(early);
            }
        }
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.sort_by(|a, b| self.groups[*a].key.cmp(&self.groups[*b].key));
        let mut ranks = vec![0_u32; order.len()];
        for (rank, at) in (0_u32..).zip(order) {
            ranks[at] = rank;
        }
        let found = Repeats::find(self.keys, &self.groups, &ranks, &self.limits);
        let (repeats, overlaps) = found.map_err(BillError::aside)?;
        let overlaps = overlaps.into_iter().map(|overlap| {
            let key = &self.groups[overlap.group as usize].key;
            // By name: the order in which they were read follows from their digests, which tells a person nothing.
            let mut rows = [overlap.first, overlap.second].map(|(file, row)| (&self.files[file].name, row));
            rows.sort_unstable();
            let [(first, first_row), (second, second_row)] = rows;
            BillError::OverlappingLines {
                first: first.clone(),
                first_row,
                second: second.clone(),
                second_row,
                account: key.account.clone(),
                period: key.period,
            }
        });
        if let Some(error) = BillError::join(overlaps.collect()) {
            return Err(error);
        }
        let mut groups = self.groups;
        groups.sort_by(|a, b| a.key.cmp(&b.key));
        let lines =
            Lines { now: self.now, limits: self.limits, files: self.files, aside: self.aside, repeats };
        Ok((lines, groups))
    }

    fn place(&mut self, line: &ChargeLine<'_>, file: usize) -> Result<usize, BillError> {
        if let Some(at) = self.current {
            let key = &self.groups[at].key;
            if key.period == line.period && key.account == line.account {
                return Ok(at);
            }
        }
        let format = self.files[file].format;
        let accounts = self.places.entry((format, line.period)).or_default();
        let at = match accounts.get(line.account) {
            Some(at) => *at,
            None if self.groups.len() >= self.limits.groups() => {
                return Err(BillError::TooManyGroups {
                    file: self.files[file].name.clone(),
                    limit: self.limits.groups(),
                    memory_mib: self.limits.mib(),
                });
            }
            None => {
                let at = self.groups.len();
                accounts.insert(line.account.into(), at);
                let key = GroupKey { format, account: line.account.to_owned(), period: line.period };
                self.groups.push(Group::new(key, line, file));
                at
            }
        };
        self.current = Some(at);
        Ok(at)
    }

    /// Puts lines aside, of the groups that have most of them, until half of the room is free.
    fn make_room(&mut self) -> Result<(), BillError> {
        let waiting = self.groups.iter().map(|group| group.waiting().0);
        let mut largest: Vec<(usize, usize)> =
            waiting.enumerate().filter(|(_, bytes)| *bytes > 0).map(|(at, bytes)| (bytes, at)).collect();
        largest.sort_unstable();
        while self.waiting_bytes > self.limits.waiting_bytes() / 2 {
            let Some((_, at)) = largest.pop() else { return Ok(()) };
            self.put_aside(at)?;
        }
        Ok(())
    }

    /// Has the lines of a group encoded on another thread. One part is encoded at a time, so that no more
    /// than two are in memory: this one and the one that is filled meanwhile.
    fn put_aside(&mut self, at: usize) -> Result<(), BillError> {
        self.settle()?;
        let group = &mut self.groups[at];
        let Some((part, lines)) = group.take().map_err(BillError::Rows)? else { return Ok(()) };
        self.waiting_bytes = self.waiting_bytes.saturating_sub(group.parts[part].bytes);
        let of_part = of_part(group, part, &self.files);
        let encoder = thread::spawn(move || encode(&of_part, &lines));
        self.encoding = Some(Encoding { group: at, part, encoder });
        Ok(())
    }

    /// Waits for the part that is encoded, and puts it on disk.
    fn settle(&mut self) -> Result<(), BillError> {
        let Some(Encoding { group, part, encoder }) = self.encoding.take() else { return Ok(()) };
        let rows = encoder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let aside = match &mut self.aside {
            Some(aside) => aside,
            none => none.insert(Scratch::new(&self.limits.spill_folder).map_err(BillError::aside)?),
        };
        let place = aside.append(rows.bytes()).map_err(BillError::aside)?;
        self.groups[group].parts[part].content = Content::Aside(place);
        Ok(())
    }
}

fn encode(of_part: &OfPart, lines: &RecordBatch) -> Result<PreparedRows, BillError> {
    let early = of_part.early(lines).map_err(BillError::Rows)?;
    PreparedRows::encode(&CHARGES, &early).map_err(BillError::aside)
}

fn of_part(group: &Group, part: usize, files: &[FileLines]) -> OfPart {
    let mut source_files: Vec<(String, usize)> = Vec::new();
    for run in &group.parts[part].runs {
        let sha256 = &files[run.file].sha256;
        match source_files.last_mut() {
            Some((known, rows)) if known == sha256 => *rows += run.rows,
            _ => source_files.push((sha256.clone(), run.rows)),
        }
    }
    OfPart { importer: group.key.format.code(), account: group.key.account.clone(), source_files }
}

impl Sink for Collector {
    fn line(&mut self, line: &ChargeLine<'_>) -> Result<(), BillError> {
        let Some(at_file) = self.files.len().checked_sub(1) else { return Ok(()) };
        let at = self.place(line, at_file)?;
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
        let overflow = || BillError::Overflow {
            file: files[at_file].name.clone(),
            account: line.account.chars().take(64).collect(),
        };
        let sum = |a: i128| {
            a.checked_add(line.billed.pico).filter(|sum| sum.unsigned_abs() <= money::MAX_PICO.unsigned_abs())
        };
        let of_group = sum(group.billed).ok_or_else(overflow)?;
        let of_file = files[at_file].billed.get(&line.currency).map_or(0, |total| total.pico);
        let of_file = sum(of_file).ok_or_else(overflow)?;

        let number = u32::try_from(at).unwrap_or(u32::MAX);
        let key = LineKey::new(number, line.identity, group.rows, line.row);
        self.keys.push(key).map_err(BillError::aside)?;
        write_id(&mut self.charge_id, &group.key, line.identity);
        self.waiting_bytes += group.push(line, at_file, &self.charge_id);
        group.billed = of_group;
        let file = &mut files[at_file];
        file.lines += 1;
        let total = file.billed.entry(line.currency).or_default();
        total.pico = of_file;
        if line.billed.rounded {
            total.add_rounding(line.billed.text, line.billed.pico);
        }
        let reach = file.reach.entry(line.period).or_insert(line.charge.end);
        *reach = (*reach).max(line.charge.end);

        let (bytes, rows) = group.waiting();
        if bytes >= self.limits.part_bytes() || rows >= MAX_PART_ROWS {
            self.put_aside(at)?;
        }
        if self.waiting_bytes > self.limits.waiting_bytes() {
            self.make_room()?;
        }
        Ok(())
    }

    fn reject(&mut self, row: RejectedRow) -> Result<(), BillError> {
        let Some(file) = self.files.last_mut() else { return Ok(()) };
        let RejectedRow { row, mut detail, mut bytes } = row;
        let byte_count = bytes.len() as u64;
        bytes.truncate(MAX_REJECT_BYTES);
        bytes.shrink_to_fit();
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL_CHARS) {
            detail.truncate(end);
            detail.push('…');
        }
        self.reject_bytes += bytes.len() + detail.len();
        let is_full = self.reject_bytes > self.limits.reject_bytes();
        if let Some(first) = file.rejects.first().filter(|_| is_full || file.rejects.len() >= MAX_REJECTS) {
            let first = format!("row {}: {}", first.row, first.detail);
            let (file, memory_mib) = (file.name.clone(), self.limits.mib());
            return Err(if is_full {
                BillError::TooManyRejectBytes { file, memory_mib, first }
            } else {
                BillError::TooManyRejects { file, limit: MAX_REJECTS, first }
            });
        }
        file.rejects.push(Refused { row, detail, bytes, byte_count });
        Ok(())
    }
}

/// Writes a line's id: importer, account and identity. An ordinal is added where it stands twice.
fn write_id(id: &mut String, key: &GroupKey, identity: u128) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    id.clear();
    id.extend([key.format.code(), "/", key.account.as_str(), "/"]);
    for byte in identity.to_be_bytes() {
        id.push(char::from(DIGITS[usize::from(byte >> 4)]));
        id.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}
