//! The state of one run over one source: records in, batches of rows out.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use hubtally_schemas::reject::{DatedBy, RejectReason};
use hubtally_schemas::tables::{
    COVERAGE, HUB_EVENTS, NODE_USAGE, POD_USAGE, REJECTS, STORAGE_USAGE, TableSpec, USERS,
};
use hubtally_schemas::{Instant, UserId};

use super::counts::Counts;
use super::cut::at_hours;
use super::people::{NameKeys, People, PodHomes};
use super::read::{Event, Fact, Judgement, read_event};
use super::refusal::Refused;
use super::rows::{
    CoverageRows, HubRows, NodeRows, Origin, PodRows, RejectRow, RejectRows, StorageRows, UserRows,
};
use super::said::Said;
use crate::error::IngestError;

/// The longest line that is read as an event: 1 MiB.
pub const MAX_LINE_BYTES: u64 = 1 << 20;
/// How much of a refused record is kept: 64 KiB.
pub const KEPT_BYTES: usize = 64 << 10;

/// One record as it stands in its source, without its line end.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Its bytes; of a record longer than [`MAX_LINE_BYTES`] the first [`KEPT_BYTES`].
    pub bytes: &'a [u8],
    /// The length of the whole record.
    pub whole_bytes: u64,
}

impl<'a> Record<'a> {
    /// A record that is there completely.
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, whole_bytes: bytes.len() as u64 }
    }
}

/// What reading a record gave, before anything is stored: this part can run on many threads.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every line is an event, and a box for each costs time")]
pub enum Read<'a> {
    /// Nothing but white space.
    Blank,
    /// An event.
    Event(Event<'a>),
    /// No event.
    Refused(Refused),
}

/// Reads one record; `first` records may start with a byte order mark.
pub fn read_record<'a>(record: Record<'a>, first: bool, judgement: &Judgement) -> Read<'a> {
    if record.whole_bytes > MAX_LINE_BYTES {
        let detail = format!("the line has {} bytes: expected at most {MAX_LINE_BYTES}", record.whole_bytes);
        return Read::Refused(Refused::new(RejectReason::TooLong, detail));
    }
    let line =
        if first { record.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record.bytes) } else { record.bytes };
    if line.iter().all(u8::is_ascii_whitespace) {
        return Read::Blank;
    }
    match read_event(line, judgement) {
        Ok(event) => Read::Event(event),
        Err(refused) => Read::Refused(refused),
    }
}

/// A batch: what records `from + 1` to `to` became.
#[derive(Debug)]
pub struct Decoded {
    /// Records consumed before it.
    pub from: i64,
    /// Records consumed after it.
    pub to: i64,
    /// Rows by table, with all columns.
    pub rows: BTreeMap<&'static str, Vec<RecordBatch>>,
    /// What became of the records.
    pub counts: Counts,
    /// About how many bytes the rows hold.
    pub bytes: usize,
}

/// One run over one source.
pub struct Decoder<'k> {
    keys: &'k dyn NameKeys,
    judgement: Judgement,
    source: String,
    name: String,
    /// The cluster of records that name none.
    cluster: Option<String>,
    /// What a person calls the record at position 1.
    first_number: i64,
    from: i64,
    position: i64,
    people: People,
    homes: PodHomes,
    /// The day that the source last spoke of.
    day: Option<i32>,
    tables: Tables,
    counts: Counts,
    bytes: usize,
}

#[derive(Default)]
struct Tables {
    rejects: RejectRows,
    users: UserRows,
    pods: PodRows,
    nodes: NodeRows,
    storage: StorageRows,
    hubs: HubRows,
    coverage: CoverageRows,
}

impl<'k> Decoder<'k> {
    /// Starts a run: `source` is the id that rows carry, `name` what a person calls the file.
    pub fn new(keys: &'k dyn NameKeys, judgement: Judgement, source: &str, name: &str) -> Self {
        Self {
            keys,
            judgement,
            source: source.to_owned(),
            name: name.to_owned(),
            cluster: None,
            first_number: 1,
            from: 0,
            position: 0,
            people: People::default(),
            homes: PodHomes::default(),
            day: None,
            tables: Tables::default(),
            counts: Counts::default(),
            bytes: 0,
        }
    }

    /// Of a source whose records name no cluster: this is theirs.
    #[must_use]
    pub fn of_cluster(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_owned());
        self
    }

    /// Goes on after `position` records that are committed and cannot be read again, in a source whose first
    /// record has the number `first_number`.
    #[must_use]
    pub fn resumed(mut self, position: i64, first_number: i64) -> Self {
        (self.from, self.position, self.first_number) = (position, position, first_number);
        self
    }

    /// Passes over numbers that no record has; the next record has the position after this one.
    pub fn pass_over(&mut self, position: i64) {
        self.position = self.position.max(position);
    }

    /// Moves the present on: a run may last for months.
    pub fn set_now(&mut self, now: Instant) {
        self.judgement.now = now;
    }

    /// Records consumed so far.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// What events are judged against.
    pub fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// About how many bytes the waiting rows hold.
    pub fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// How many rows wait, rejects included.
    pub fn waiting_rows(&self) -> u64 {
        self.counts.all_rows()
    }

    /// Whether any record waits to be taken.
    pub fn is_waiting(&self) -> bool {
        self.position > self.from
    }

    /// A record that an earlier run committed: it makes no row, but where its pod lives and which day
    /// it speaks of are learnt again, so that a second run judges as the first did (law L2).
    pub fn replay(&mut self, record: Record<'_>, read: &Read<'_>) {
        match read {
            Read::Blank => {}
            Read::Refused(refused) => {
                let day = refused.day.or_else(|| Said::read(kept(record)).day);
                self.speaks_of(self.past(day));
            }
            Read::Event(event) => {
                self.speaks_of(Some(event.fact.day()));
                if let Fact::Pod { data, .. } = &event.fact {
                    self.homes.settle(event.cluster(), &data.pod_uid, &data.namespace);
                }
            }
        }
        self.position += 1;
        self.from = self.position;
    }

    /// Takes one record: a row or more, a reject, or a blank.
    pub fn push(&mut self, record: Record<'_>, read: &Read<'_>) -> Result<(), IngestError> {
        self.position += 1;
        self.counts.records += 1;
        match read {
            Read::Blank => self.counts.blank += 1,
            Read::Refused(refused) => self.refuse(record, refused)?,
            Read::Event(event) => {
                self.bytes += record.bytes.len() + 256;
                self.speaks_of(Some(event.fact.day()));
                if let Err(refused) = self.take_in(event)? {
                    self.refuse(record, &refused)?;
                }
            }
        }
        Ok(())
    }

    /// The end of a stream that ended too early: `rest` is what stood after the last whole line.
    pub fn push_truncated(&mut self, rest: Record<'_>, detail: &str) -> Result<(), IngestError> {
        self.position += 1;
        self.counts.records += 1;
        self.refuse(rest, &Refused::new(RejectReason::TruncatedStream, detail))
    }

    /// The rows since the last batch.
    pub fn take(&mut self) -> Result<Decoded, IngestError> {
        let (tables, source) = (&mut self.tables, self.source.as_str());
        let taken = [
            (&REJECTS, tables.rejects.take(source)?),
            (&USERS, tables.users.take(source)?),
            (&POD_USAGE, tables.pods.take(source)?),
            (&NODE_USAGE, tables.nodes.take(source)?),
            (&STORAGE_USAGE, tables.storage.take(source)?),
            (&HUB_EVENTS, tables.hubs.take(source)?),
            (&COVERAGE, tables.coverage.take(source)?),
        ];
        let rows = taken
            .into_iter()
            .filter_map(|(spec, batch): (&TableSpec, _)| batch.map(|batch| (spec.name, vec![batch])))
            .collect();
        let from = std::mem::replace(&mut self.from, self.position);
        let (counts, bytes) = (std::mem::take(&mut self.counts), std::mem::take(&mut self.bytes));
        Ok(Decoded { from, to: self.position, rows, counts, bytes })
    }

    fn take_in(&mut self, event: &Event<'_>) -> Result<Result<(), Refused>, IngestError> {
        let cluster = event.cluster();
        let origin = Origin { cluster, event_id: &event.id, position: self.position };
        match &event.fact {
            Fact::Pod { data, span, role, quality, quantities } => {
                if let Some(home) = self.homes.settle(cluster, &data.pod_uid, &data.namespace) {
                    let detail = format!(
                        "pod {} was seen in namespace {home:?} and now in {:?}: expected one namespace",
                        data.pod_uid, data.namespace
                    );
                    return Ok(Err(Refused::new(RejectReason::PodMoved, detail).on(span.start.day())));
                }
                let pieces = match at_hours(*span, quantities) {
                    Ok(pieces) => pieces,
                    Err(refused) => return Ok(Err(refused.on(span.start.day()))),
                };
                let user = self.meet(cluster, &data.namespace, data.user.as_deref())?;
                for piece in &pieces {
                    self.tables.pods.push(
                        origin,
                        data,
                        user.as_ref().map(UserId::as_str),
                        role,
                        quality,
                        piece,
                    );
                }
                self.counts.add_rows(POD_USAGE.name, pieces.len() as u64);
            }
            Fact::Node { data, span, quality, levels } => {
                let mut rows = 0;
                for piece in span.hours() {
                    self.tables.nodes.push(origin, data, quality, levels, piece);
                    rows += 1;
                }
                self.counts.add_rows(NODE_USAGE.name, rows);
            }
            Fact::Storage { data, quality, sizes } => {
                let user = self.meet(cluster, &data.namespace, data.user.as_deref())?;
                self.tables.storage.push(origin, data, user.as_ref().map(UserId::as_str), quality, sizes);
                self.counts.add_rows(STORAGE_USAGE.name, 1);
            }
            Fact::Hub { data, time } => {
                let user = self.meet(cluster, &data.namespace, data.user.as_deref())?;
                self.tables.hubs.push(origin, data, user.as_ref().map(UserId::as_str), *time);
                self.counts.add_rows(HUB_EVENTS.name, 1);
            }
            Fact::Coverage { data, hour, expected, seen } => {
                self.tables.coverage.push(origin, data, *hour, *expected, *seen);
                self.counts.add_rows(COVERAGE.name, 1);
            }
        }
        Ok(Ok(()))
    }

    fn meet(
        &mut self,
        cluster: &str,
        namespace: &str,
        user: Option<&str>,
    ) -> Result<Option<UserId>, IngestError> {
        let Some(raw) = user.filter(|name| !name.is_empty()) else { return Ok(None) };
        let person = self.people.meet(self.keys, cluster, namespace, raw)?;
        if let Some(name) = person.first_seen {
            self.tables.users.push(cluster, namespace, person.id.as_str(), &name, self.position);
            self.counts.add_rows(USERS.name, 1);
        }
        Ok(Some(person.id))
    }

    /// Notes the day that a record speaks of: records beside it that tell none are taken for its neighbours.
    fn speaks_of(&mut self, day: Option<i32>) {
        if let Some(day) = day {
            if self.day.is_none() {
                self.tables.rejects.settle(day);
            }
            self.day = Some(day);
        }
    }

    /// A day in the future would be a partition nobody looks into.
    fn past(&self, day: Option<i32>) -> Option<i32> {
        day.filter(|day| *day <= self.judgement.now.day())
    }

    fn refuse(&mut self, record: Record<'_>, refused: &Refused) -> Result<(), IngestError> {
        let kept = kept(record);
        let encrypted = self
            .keys
            .encrypt_reject(kept)
            .map_err(|source| IngestError::Keys { what: "rejected record", source })?;
        let said = Said::read(kept);
        let own_day = self.past(refused.day.or(said.day));
        self.speaks_of(own_day);
        let dated = match (own_day, self.day) {
            (Some(day), _) => Some((day, DatedBy::Record)),
            (None, known) => known.map(|day| (day, DatedBy::Neighbour)),
        };
        let origin = format!("{}:{}", self.name, self.position - 1 + self.first_number);
        self.counts.add_reject(refused.reason, &origin, &refused.detail);
        self.counts.add_rows(REJECTS.name, 1);
        self.bytes += encrypted.len() + refused.detail.len() + 256;
        self.tables.rejects.push(&RejectRow {
            dated,
            position: self.position,
            reason: refused.reason.code(),
            detail: &refused.detail,
            origin: &origin,
            encrypted: &encrypted,
            byte_count: i64::try_from(record.whole_bytes).unwrap_or(i64::MAX),
            recorded_at: self.judgement.now,
            cluster: said.cluster.as_deref().or(self.cluster.as_deref()),
            fact: said.fact.as_ref(),
            revision: said.revision,
        });
        Ok(())
    }
}

/// As much of a record as `rejects` keeps.
fn kept(record: Record<'_>) -> &[u8] {
    &record.bytes[..record.bytes.len().min(KEPT_BYTES)]
}
