//! Refused records, read once more: after a release that knows them, a registry that names their cluster, or time
//! that made the future past.
//!
//! A refused record is a source of its own, `replay/<source>#<position>`, of one record. So it lands once, however
//! often it is replayed and by whomever (law L2), and `rejects` stays what it is: what was refused, and when. A
//! record that is refused again changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::StreamExt;
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::tables::REJECTS;
use hubtally_schemas::{ClusterId, Instant};
use hubtally_store::{CommitOutcome, OpenTables, SourceBatch, Store, StoreError};
use serde::Serialize;

use crate::error::IngestError;
use crate::events::{Counts, Decoded, Decoder, Judgement, KEPT_BYTES, NameKeys, Read, Record, read_record};
use crate::progress::Progress;

/// How many records are committed together at most.
const MAX_TOGETHER: usize = 500;

/// How refused records are judged now.
#[derive(Debug, Clone)]
pub struct ReplayOptions {
    /// The present.
    pub now: Instant,
    /// Clusters that files may speak for.
    pub files: BTreeSet<ClusterId>,
    /// Clusters that each configured topic may speak for.
    pub topics: BTreeMap<String, BTreeSet<ClusterId>>,
    /// Only records that were refused for this reason.
    pub reason: Option<RejectReason>,
}

/// What became of refused records.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ReplayReport {
    /// Those that landed now.
    #[serde(flatten)]
    pub landed: Counts,
    /// Those that landed in an earlier run, or by another process.
    pub landed_before: u64,
    /// Those that are refused still, by the reason of now.
    pub refused: BTreeMap<&'static str, u64>,
    /// Those that no second reading helps, by their reason: a person must mend them at their source.
    pub left: BTreeMap<String, u64>,
}

impl ReplayReport {
    /// Whether nothing is refused any more.
    pub fn is_clean(&self) -> bool {
        self.refused.is_empty() && self.left.is_empty()
    }
}

/// The source that a refused record is when it is replayed.
pub fn replay_source(source: &str, position: i64) -> String {
    format!("replay/{source}#{position}")
}

/// Reads every refused record once more, and lands those that are good now.
pub async fn replay_rejects(
    store: &Store,
    options: &ReplayOptions,
    progress: &dyn Progress,
) -> Result<ReplayReport, IngestError> {
    let tables = OpenTables::open(store).await.map_err(|error| failed("opening the tables", error))?;
    let reading = |error| failed("reading what was refused", error);
    let rejects = store.table(&REJECTS).await.map_err(reading)?;
    let columns = ["source", "source_position", "reason", "bytes_encrypted", "byte_count"];
    let mut batches = rejects.read(&[], Some(&columns)).await.map_err(reading)?;
    let mut replay = Replay { store, tables, options, report: ReplayReport::default(), waiting: Vec::new() };
    progress.start("refused records", None);
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(reading)?;
        for refused in refused(&batch) {
            replay.read(refused).await?;
            progress.advance(0, 1);
        }
    }
    replay.commit().await?;
    progress.finish();
    Ok(replay.report)
}

fn failed(doing: &str, source: StoreError) -> IngestError {
    IngestError::Store { doing: doing.to_owned(), source: Box::new(source) }
}

/// A row of `rejects`.
struct Refused<'a> {
    source: &'a str,
    position: i64,
    reason: &'a str,
    encrypted: &'a str,
    byte_count: i64,
}

fn refused(batch: &RecordBatch) -> Vec<Refused<'_>> {
    let text = |name: &str| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
    let int =
        |name: &str| batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let (Some(sources), Some(reasons), Some(encrypted)) =
        (text("source"), text("reason"), text("bytes_encrypted"))
    else {
        return Vec::new();
    };
    let (Some(positions), Some(lengths)) = (int("source_position"), int("byte_count")) else {
        return Vec::new();
    };
    let row = |row| Refused {
        source: sources.value(row),
        position: positions.value(row),
        reason: reasons.value(row),
        encrypted: encrypted.value(row),
        byte_count: lengths.value(row),
    };
    (0..batch.num_rows()).filter(|at| sources.is_valid(*at)).map(row).collect()
}

struct Replay<'a> {
    store: &'a Store,
    tables: OpenTables,
    options: &'a ReplayOptions,
    report: ReplayReport,
    waiting: Vec<(String, Decoded)>,
}

impl Replay<'_> {
    async fn read(&mut self, refused: Refused<'_>) -> Result<(), IngestError> {
        let reason = RejectReason::of_code(refused.reason);
        if self.options.reason.is_some_and(|only| Some(only) != reason) {
            return Ok(());
        }
        let source = replay_source(refused.source, refused.position);
        let position = self.tables.position(&source).await;
        if position.map_err(|error| failed("asking what was replayed", error))? > 0 {
            self.report.landed_before += 1;
            return Ok(());
        }
        let (Some(bytes), Some(clusters)) = (self.bytes(&refused, reason), self.clusters(refused.source))
        else {
            *self.report.left.entry(refused.reason.to_owned()).or_default() += 1;
            return Ok(());
        };
        let judgement = Judgement { now: self.options.now, clusters: Some(clusters.clone()) };
        let record = Record::whole(&bytes);
        match read_record(record, true, &judgement) {
            Read::Blank => {}
            Read::Refused(again) => {
                *self.report.refused.entry(again.reason.code()).or_default() += 1;
            }
            read @ Read::Event(_) => {
                let keys: &dyn NameKeys = self.store.keys();
                let mut decoder = Decoder::new(keys, judgement, &source, &source);
                decoder.push(record, &read)?;
                let decoded = decoder.take()?;
                if let Some(code) = decoded.counts.rejects.keys().next() {
                    *self.report.refused.entry(code).or_default() += 1;
                    return Ok(());
                }
                self.waiting.push((source, decoded));
                if self.waiting.len() >= MAX_TOGETHER {
                    self.commit().await?;
                }
            }
        }
        Ok(())
    }

    /// The record's bytes, if they are all there and a second reading can judge them.
    fn bytes(&self, refused: &Refused<'_>, reason: Option<RejectReason>) -> Option<Vec<u8>> {
        let needs_more_than_itself = matches!(
            reason,
            // What it contradicts, or what is missing, stands elsewhere.
            Some(
                RejectReason::PodMoved
                    | RejectReason::ConflictingDuplicate
                    | RejectReason::TruncatedStream
                    | RejectReason::BillRow
                    | RejectReason::RetentionGap
            )
        );
        let whole = usize::try_from(refused.byte_count).is_ok_and(|length| length <= KEPT_BYTES);
        let event = refused.source.starts_with("file/") || refused.source.starts_with("kafka/");
        if needs_more_than_itself || !whole || !event {
            return None;
        }
        self.store.keys().decrypt_reject(refused.encrypted)
    }

    /// The clusters that a source may speak for; `None` where its topic is configured no more.
    fn clusters(&self, source: &str) -> Option<&BTreeSet<ClusterId>> {
        match source.strip_prefix("kafka/") {
            None => Some(&self.options.files),
            // <Kafka cluster id>/<topic>@<topic id>/<partition>
            Some(rest) => {
                let topic = rest.split('/').nth(1)?.rsplit_once('@')?.0;
                self.options.topics.get(topic)
            }
        }
    }

    async fn commit(&mut self) -> Result<(), IngestError> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let mut counts = Vec::with_capacity(waiting.len());
        let mut batches = Vec::with_capacity(waiting.len());
        for (source, decoded) in waiting {
            counts.push(decoded.counts);
            batches.push((source, SourceBatch { from: decoded.from, to: decoded.to, rows: decoded.rows }));
        }
        let outcomes = self.tables.commit(batches).await;
        let outcomes = outcomes.map_err(|error| failed("committing replayed records", error))?;
        for (outcome, counts) in outcomes.into_iter().zip(counts) {
            match outcome {
                CommitOutcome::Done => self.report.landed.merge(&counts),
                // Of two runs at once, the other one landed it.
                CommitOutcome::AlreadyDone | CommitOutcome::Rival => self.report.landed_before += 1,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hubtally_store::StoreConfig;
    use serde_json::json;

    use super::*;
    use crate::events::tests::{NOW, event};
    use crate::files::{FileOptions, ingest_files};
    use crate::progress::Silent;

    fn clusters(names: &[&str]) -> BTreeSet<ClusterId> {
        names.iter().map(|name| ClusterId::new(*name).unwrap()).collect()
    }

    fn options(files: &[&str]) -> ReplayOptions {
        let now = Instant::parse(NOW).unwrap();
        ReplayOptions { now, files: clusters(files), topics: BTreeMap::new(), reason: None }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn l10_what_is_good_now_lands_once_and_the_rest_stays_refused() {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            url: folder.path().join("store").display().to_string(),
            options: BTreeMap::new(),
            keys: folder.path().join("keys"),
        };
        let store = Store::create(&config).await.unwrap();
        let lines = [
            event("pod", &[("/source", json!("/clusters/dunes"))]),
            event("node", &[("/source", json!("/clusters/dunes"))]),
            event("pod", &[("/source", json!("/clusters/dunes")), ("/data/role", json!("robot"))]),
            "no event".to_owned(),
            "x".repeat(2_000_000),
        ];
        let file = folder.path().join("usage.ndjson");
        std::fs::write(&file, lines.join("\n")).unwrap();
        let known = FileOptions {
            clusters: Some(clusters(&["tides"])),
            ..FileOptions::new(Instant::parse(NOW).unwrap())
        };
        let read = ingest_files(&store, &[file.display().to_string()], &known, &Silent).await.unwrap();
        assert_eq!(read.total.counts.rejected(), 5);

        // nothing was mended yet
        let replayed = replay_rejects(&store, &options(&["tides"]), &Silent).await.unwrap();
        assert_eq!((replayed.landed.records, replayed.refused["wrong_cluster"]), (0, 3));
        assert_eq!(replayed.left["too_long"], 1);

        // the registry knows the cluster now
        let both = options(&["tides", "dunes"]);
        let replayed = replay_rejects(&store, &both, &Silent).await.unwrap();
        assert_eq!((replayed.landed.records, replayed.landed.rows["pod_usage"]), (2, 1));
        assert_eq!((replayed.refused["invalid_value"], replayed.refused["malformed"]), (1, 1));
        let again = replay_rejects(&store, &both, &Silent).await.unwrap();
        assert_eq!((again.landed.records, again.landed_before), (0, 2));
        let rows = |spec| {
            let store = store.clone();
            async move { store.table(spec).await.unwrap().row_count().unwrap() }
        };
        assert_eq!(rows(&hubtally_schemas::tables::POD_USAGE).await, 1);
        assert_eq!(rows(&REJECTS).await, 5, "what was refused, and when, stays known");
    }

    #[test]
    fn a_topic_may_speak_for_its_clusters_only_as_long_as_it_is_configured() {
        let source = "kafka/MkU3OEVBNTcwNTJENDM2Qg/hub-usage@9Pq3xZ1TS1uCrBDj2mXyAg/3";
        let topic = source.strip_prefix("kafka/").unwrap().split('/').nth(1).unwrap();
        assert_eq!(topic.rsplit_once('@').unwrap().0, "hub-usage");
        assert_eq!(replay_source(source, 7), format!("replay/{source}#7"));
    }
}
