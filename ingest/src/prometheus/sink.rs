//! Rows of windows on their way to one commit.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, StringBuilder, new_null_array};
use arrow::array::{Date32Array, TimestampMicrosecondArray};
use hubtally_rules::slug::KnownNames;
use hubtally_rules::timeline::Cadence;
use hubtally_schemas::event::{CoverageData, NodeData, PodData, Quantity, StorageData};
use hubtally_schemas::reject::{DatedBy, RejectReason};
use hubtally_schemas::tables::{
    COVERAGE, HUB_GAUGES, NODE_USAGE, POD_USAGE, REJECTS, STORAGE_USAGE, TableSpec, USERS,
};
use hubtally_schemas::{Instant, Span, UserId};
use sha2::{Digest, Sha256};

use super::reply::{BadSample, Labels};
use crate::error::IngestError;
use crate::events::rows::{
    CoverageRows, NodeRows, Origin, PodRows, RejectRow, RejectRows, StorageRows, UserRows,
};
use crate::events::{Counts, KEPT_BYTES, NameKeys, NodeLevels, People, Piece, Sizes};

/// `source_class` of rows that come from Prometheus.
const PROMETHEUS: &str = "prometheus";

/// One window of a source: rows whose start lies in `[from_ms, to_ms)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub from_ms: i64,
    pub to_ms: i64,
    pub cadence: Cadence,
}

/// People of one cluster whose rows are in the store, and the names behind slugs.
#[derive(Debug, Default)]
pub(super) struct Acquaintances {
    stored: HashSet<(String, UserId)>,
    names: HashMap<String, KnownNames>,
}

impl Acquaintances {
    /// Notes a person of whom a row is in the store.
    pub fn stored(&mut self, namespace: &str, user_id: UserId, name: Option<&str>) {
        if let Some(name) = name {
            self.learn(namespace, name);
        }
        self.stored.insert((namespace.to_owned(), user_id));
    }

    fn learn(&mut self, namespace: &str, name: &str) {
        if !name.starts_with(super::pod_rows::SLUG_ONLY) {
            self.names.entry(namespace.to_owned()).or_default().learn(name, &sha256);
        }
    }
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Whom rows speak of, and under which source they are stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Where<'a> {
    pub cluster: &'a str,
    pub source: &'a str,
    pub now: Instant,
}

/// Collects rows.
pub(super) struct Sink<'k> {
    place: Where<'k>,
    keys: &'k dyn NameKeys,
    acquaintances: &'k mut Acquaintances,
    people: People,
    met: Vec<(String, UserId)>,
    rejects: RejectRows,
    users: UserRows,
    pods: PodRows,
    nodes: NodeRows,
    storage: StorageRows,
    gauges: GaugeRows,
    coverage: CoverageRows,
    counts: Counts,
}

/// What a sink collected.
pub(super) struct Collected {
    pub rows: BTreeMap<&'static str, Vec<RecordBatch>>,
    pub counts: Counts,
    /// People whose first row is among the rows.
    pub met: Vec<(String, UserId)>,
}

impl<'k> Sink<'k> {
    pub fn new(place: Where<'k>, keys: &'k dyn NameKeys, acquaintances: &'k mut Acquaintances) -> Self {
        Self {
            place,
            keys,
            acquaintances,
            people: People::default(),
            met: Vec::new(),
            rejects: RejectRows::default(),
            users: UserRows::default(),
            pods: PodRows::default(),
            nodes: NodeRows::default(),
            storage: StorageRows::default(),
            gauges: GaugeRows::default(),
            coverage: CoverageRows::default(),
            counts: Counts::default(),
        }
    }

    /// How many rows wait.
    pub fn waiting(&self) -> u64 {
        self.counts.all_rows()
    }

    fn origin(&self, window: Window) -> Origin<'k> {
        Origin { cluster: self.place.cluster, event_id: "", position: window.to_ms }
    }

    /// The id of a user; the first time, a row with the encrypted name.
    pub fn meet(&mut self, namespace: &str, name: &str, window: Window) -> Result<UserId, IngestError> {
        let person = self.people.meet(self.keys, self.place.cluster, namespace, name)?;
        if let Some(encrypted) = person.first_seen {
            self.acquaintances.learn(namespace, name);
            let known = (namespace.to_owned(), person.id.clone());
            if !self.acquaintances.stored.contains(&known) {
                let cluster = self.place.cluster;
                self.users.push(cluster, namespace, person.id.as_str(), &encrypted, window.to_ms);
                self.counts.add_rows(USERS.name, 1);
                self.met.push(known);
            }
        }
        Ok(person.id)
    }

    /// The name behind a slug, where it is known or the slug itself tells.
    pub fn known_name(&self, namespace: &str, slug: &str) -> Option<String> {
        match self.acquaintances.names.get(namespace) {
            Some(names) => names.resolve(slug),
            None => KnownNames::default().resolve(slug),
        }
    }

    pub fn pod(
        &mut self,
        data: &PodData<'_>,
        user_id: Option<&UserId>,
        quality: &str,
        piece: &Piece<6>,
        window: Window,
    ) {
        let user_id = user_id.map(UserId::as_str);
        self.pods.push(self.origin(window), data, user_id, &data.role, quality, piece);
        self.counts.add_rows(POD_USAGE.name, 1);
    }

    pub fn node(
        &mut self,
        data: &NodeData<'_>,
        quality: &str,
        levels: &NodeLevels,
        span: Span,
        window: Window,
    ) {
        self.nodes.push(self.origin(window), data, quality, levels, span);
        self.counts.add_rows(NODE_USAGE.name, 1);
    }

    pub fn directory(
        &mut self,
        data: &StorageData<'_>,
        user_id: Option<&UserId>,
        sizes: &Sizes,
        window: Window,
    ) {
        let user_id = user_id.map(UserId::as_str);
        self.storage.push(self.origin(window), data, user_id, "observed", sizes);
        self.counts.add_rows(STORAGE_USAGE.name, 1);
    }

    pub fn gauge(&mut self, namespace: &str, gauge: &str, time: Instant, value: i64, window: Window) {
        self.gauges.push(self.place.cluster, namespace, gauge, time, value, window.to_ms);
        self.counts.add_rows(HUB_GAUGES.name, 1);
    }

    /// What was expected and seen in an hour, as far as it is read; a later reading of the same hour has
    /// the higher revision.
    pub fn coverage(
        &mut self,
        query: &str,
        hour: Instant,
        counts: (i64, i64),
        revision: i64,
        window: Window,
    ) {
        let (expected, seen) = counts;
        let data = CoverageData {
            query: query.into(),
            hour: "".into(),
            expected: Quantity(i128::from(expected)),
            seen: Quantity(i128::from(seen)),
            revision,
        };
        self.coverage.push(self.origin(window), &data, hour, expected, seen);
        self.counts.add_rows(COVERAGE.name, 1);
    }

    /// Refuses samples of a series that are no quantities.
    pub fn refuse_samples(
        &mut self,
        query: &str,
        labels: &Labels,
        bad: &[BadSample],
        window: Window,
    ) -> Result<(), IngestError> {
        let inside = |bad: &&BadSample| window.from_ms < bad.at_ms && bad.at_ms <= window.to_ms;
        let mut inside = bad.iter().filter(inside);
        let Some(first) = inside.next() else { return Ok(()) };
        let more = match inside.count() {
            0 => String::new(),
            more => format!(" (and {more} more of this series)"),
        };
        let at = Instant::from_ms(first.at_ms);
        let detail =
            format!("{query}: the value {:?} at {at} cannot be used: {}{more}", first.text, first.why);
        let reason = match first.why {
            super::number::BadNumber::Negative => RejectReason::Negative,
            super::number::BadNumber::TooLarge => RejectReason::Absurd,
            _ => RejectReason::InvalidValue,
        };
        let record = serde_json::json!({ "query": query, "metric": labels, "at_ms": first.at_ms, "value": first.text });
        self.refuse(window, reason, &detail, &record.to_string())
    }

    /// Refuses a record.
    pub fn refuse(
        &mut self,
        window: Window,
        reason: RejectReason,
        detail: &str,
        record: &str,
    ) -> Result<(), IngestError> {
        let kept = &record.as_bytes()[..record.len().min(KEPT_BYTES)];
        let encrypted = self
            .keys
            .encrypt_reject(kept)
            .map_err(|source| IngestError::Keys { what: "rejected record", source })?;
        let at = Instant::from_ms(window.from_ms);
        let origin = format!("{} from {at}", self.place.source);
        self.counts.add_reject(reason, &origin, detail);
        self.counts.add_rows(REJECTS.name, 1);
        self.rejects.push(&RejectRow {
            dated: Some((at.day(), DatedBy::Record)),
            position: window.to_ms,
            reason: reason.code(),
            detail,
            origin: &origin,
            encrypted: &encrypted,
            byte_count: i64::try_from(record.len()).unwrap_or(i64::MAX),
            recorded_at: self.place.now,
            cluster: Some(self.place.cluster),
            fact: None,
            revision: None,
        });
        Ok(())
    }

    /// Ends the collection.
    pub fn collected(mut self) -> Result<Collected, IngestError> {
        let source = self.place.source;
        let taken: [(&'static TableSpec, Option<RecordBatch>); 7] = [
            (&REJECTS, self.rejects.take(source)?),
            (&USERS, self.users.take(source)?),
            (&POD_USAGE, self.pods.take(source)?),
            (&NODE_USAGE, self.nodes.take(source)?),
            (&STORAGE_USAGE, self.storage.take(source)?),
            (&HUB_GAUGES, self.gauges.take(source)?),
            (&COVERAGE, self.coverage.take(source)?),
        ];
        let mut rows = BTreeMap::new();
        for (spec, batch) in taken {
            if let Some(batch) = batch {
                rows.insert(spec.name, vec![measured(spec, &batch)?]);
            }
        }
        Ok(Collected { rows, counts: self.counts, met: self.met })
    }
}

/// The builders of events' rows are used; these rows are no events.
fn measured(spec: &'static TableSpec, batch: &RecordBatch) -> Result<RecordBatch, IngestError> {
    let rows = batch.num_rows();
    let schema = batch.schema();
    let column = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| -> ArrayRef {
        match field.name().as_str() {
            "source_class" => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(PROMETHEUS, rows))),
            "event_id" => new_null_array(field.data_type(), rows),
            _ => Arc::clone(batch.column(index)),
        }
    };
    let columns = schema.fields().iter().enumerate().map(column).collect();
    RecordBatch::try_new(schema, columns).map_err(|source| IngestError::Rows { table: spec.name, source })
}

/// Rows of `hub_gauges`.
#[derive(Default)]
struct GaugeRows {
    cluster: StringBuilder,
    namespace: StringBuilder,
    gauge: StringBuilder,
    time: Vec<i64>,
    value: Vec<i64>,
    position: Vec<i64>,
    date: Vec<i32>,
}

impl GaugeRows {
    fn push(
        &mut self,
        cluster: &str,
        namespace: &str,
        gauge: &str,
        time: Instant,
        value: i64,
        position: i64,
    ) {
        self.cluster.append_value(cluster);
        self.namespace.append_value(namespace);
        self.gauge.append_value(gauge);
        self.time.push(time.0);
        self.value.push(value);
        self.position.push(position);
        self.date.push(time.day());
    }

    fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
        let rows = self.position.len();
        if rows == 0 {
            return Ok(None);
        }
        let time = TimestampMicrosecondArray::from(std::mem::take(&mut self.time)).with_timezone("UTC");
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.cluster.finish()),
            Arc::new(self.namespace.finish()),
            Arc::new(self.gauge.finish()),
            Arc::new(time),
            Arc::new(Int64Array::from(std::mem::take(&mut self.value))),
            Arc::new(Int64Array::from_value(0, rows)),
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(source, rows))),
            Arc::new(Int64Array::from(std::mem::take(&mut self.position))),
            Arc::new(Date32Array::from(std::mem::take(&mut self.date))),
        ];
        RecordBatch::try_new(HUB_GAUGES.arrow_schema(), columns)
            .map(Some)
            .map_err(|source| IngestError::Rows { table: HUB_GAUGES.name, source })
    }
}
