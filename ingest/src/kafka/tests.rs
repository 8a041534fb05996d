//! The loop of a session on the client library's own imitation of a broker: quick, and with what a real broker
//! does not do on demand.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hubtally_schemas::tables::{POD_USAGE, REJECTS};
use hubtally_schemas::{ClusterId, Instant};
use hubtally_store::{OpenTables, Store, StoreConfig};
use rdkafka::ClientConfig;
use rdkafka::client::Client;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;

use super::listener::Listener;
use super::report::TopicReport;
use super::run::{Work, read};
use super::topic_id::{Description, Undescribed};
use super::{Begin, Brokers, Feed, KafkaOptions, Limits};
use crate::events::tests::{NOW, event};

/// Topic ids that differ from the usual one: the imitation gives none.
static IDS: Mutex<Option<HashMap<String, &'static str>>> = Mutex::new(None);

fn give_id(topic: &str, id: &'static str) {
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    ids.get_or_insert_default().insert(topic.to_owned(), id);
}

fn describe(client: &Client<Listener>, topic: &str, timeout: Duration) -> Result<Description, Undescribed> {
    let metadata = client
        .fetch_metadata(Some(topic), timeout)
        .map_err(|error| Undescribed::Failed(error.to_string()))?;
    let partitions = metadata.topics().iter().find(|found| found.name() == topic);
    let partitions = partitions.map_or(0, |found| found.partitions().len());
    if partitions == 0 {
        return Err(Undescribed::NoTopic);
    }
    let ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    let id = ids.as_ref().and_then(|ids| ids.get(topic)).copied().unwrap_or("first");
    Ok(Description { id: id.to_owned(), partitions: i32::try_from(partitions).unwrap() })
}

fn clock() -> Instant {
    Instant::parse(NOW).unwrap()
}

/// A store and a broker.
struct Bench {
    broker: MockCluster<'static, DefaultProducerContext>,
    store: Store,
    _folder: TempDir,
}

impl Bench {
    async fn new(topic: &str, partitions: i32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            url: folder.path().join("store").display().to_string(),
            options: BTreeMap::new(),
            keys: folder.path().join("keys"),
        };
        let store = Store::create(&config).await.unwrap();
        let broker = MockCluster::new(1).unwrap();
        broker.create_topic(topic, partitions, 1).unwrap();
        Self { broker, store, _folder: folder }
    }

    fn send(&self, topic: &str, partitions: i32, values: impl IntoIterator<Item = String>) {
        let producer: BaseProducer =
            ClientConfig::new().set("bootstrap.servers", self.broker.bootstrap_servers()).create().unwrap();
        for (turn, value) in (0..).zip(values) {
            let record: BaseRecord<'_, (), String> =
                BaseRecord::to(topic).partition(turn % partitions).payload(&value);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
    }

    async fn work(&self, topic: &str, options: &KafkaOptions, rows: u64) -> Work {
        let clusters = BTreeSet::from([ClusterId::new("tides").unwrap()]);
        let feed = Feed {
            brokers: Brokers {
                bootstrap: self.broker.bootstrap_servers(),
                group: "hubtally".to_owned(),
                ..Brokers::default()
            },
            topics: vec![topic.to_owned()],
            clusters,
            begin: Begin::Earliest,
            limits: Limits { rows, ..Limits::default() },
        };
        let tables = OpenTables::open(&self.store).await.unwrap();
        let mut work = Work::new(&self.store, &tables, &feed, topic, options);
        work.describe = describe;
        work
    }

    async fn read(&self, topic: &str, rows: u64) -> TopicReport {
        let work = self.work(topic, &KafkaOptions::until_caught_up(clock), rows).await;
        tokio::task::spawn_blocking(move || read(&work)).await.unwrap().unwrap()
    }

    async fn rows(&self, spec: &'static hubtally_schemas::tables::TableSpec) -> i64 {
        self.store.table(spec).await.unwrap().row_count().unwrap()
    }
}

fn pods(range: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    range.map(|n| {
        event("pod", &[("/id", json!(format!("e-{n}"))), ("/data/pod_uid", json!(format!("uid-{n}")))])
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_batches_hold_every_message_once() {
    let bench = Bench::new("small", 3).await;
    bench.send("small", 3, pods(0..200).chain(["poison".to_owned()]));
    let report = bench.read("small", 16).await;
    assert_eq!(report.error, None);
    assert_eq!((report.counts.records, report.counts.rejected()), (201, 1));
    assert!(report.batches >= 5, "{} batches", report.batches);
    assert_eq!((bench.rows(&POD_USAGE).await, bench.rows(&REJECTS).await), (200, 1));
    let again = bench.read("small", 16).await;
    assert_eq!((again.counts.records, again.batches), (0, 0));
    assert_eq!(again.partitions.iter().map(|one| one.from).sum::<i64>(), 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_told_to_end_commits_what_it_has() {
    let bench = Bench::new("told", 1).await;
    bench.send("told", 1, pods(0..50));
    let (tell, stop) = watch::channel(false);
    let options = KafkaOptions { until_caught_up: false, stop, ..KafkaOptions::until_caught_up(clock) };
    let metrics = options.metrics.clone();
    let work = bench.work("told", &options, 1_000).await;
    let worker = tokio::task::spawn_blocking(move || read(&work));
    while metrics.seen().1 < 50 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(bench.rows(&POD_USAGE).await, 0, "no limit is reached");
    tell.send_replace(true);
    let report = worker.await.unwrap().unwrap();
    assert_eq!((report.counts.records, report.batches), (50, 1));
    assert_eq!(bench.rows(&POD_USAGE).await, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_after_the_topic_was_another_one_is_not_committed_under_the_old() {
    let bench = Bench::new("anew", 1).await;
    bench.send("anew", 1, pods(0..10));
    assert_eq!(bench.read("anew", 1_000).await.counts.records, 10);
    // more comes, and the id is another one when the batch shall be committed
    bench.send("anew", 1, pods(10..15));
    let (tell, stop) = watch::channel(false);
    let options = KafkaOptions { until_caught_up: false, stop, ..KafkaOptions::until_caught_up(clock) };
    let metrics = options.metrics.clone();
    let work = bench.work("anew", &options, 1_000).await;
    let worker = tokio::task::spawn_blocking(move || read(&work));
    while metrics.seen().1 < 5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    give_id("anew", "second");
    // the new source is read from its beginning: all 15 messages that the imitation holds
    while metrics.seen().1 < 20 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tell.send_replace(true);
    let report = worker.await.unwrap().unwrap();
    let sources: Vec<&str> = report.partitions.iter().map(|one| one.source.as_str()).collect();
    assert_eq!(sources.len(), 2, "{sources:?}");
    assert!(sources[0].contains("anew@first/0") && sources[1].contains("anew@second/0"), "{sources:?}");
    // 10 of the old source, 15 of the new one, and of the 5 in doubt at most those that were certain
    let rows = bench.rows(&POD_USAGE).await;
    assert!((25..=30).contains(&rows), "{rows}");
    assert_eq!(report.notes.is_empty(), rows == 30, "{:?}", report.notes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_on_one_partition_double_nothing() {
    let bench = Bench::new("both", 2).await;
    bench.send("both", 2, pods(0..300));
    let options = KafkaOptions::until_caught_up(clock);
    let (first, second) = (bench.work("both", &options, 20).await, bench.work("both", &options, 33).await);
    let first = tokio::task::spawn_blocking(move || read(&first));
    let second = tokio::task::spawn_blocking(move || read(&second));
    let reports = [first.await.unwrap().unwrap(), second.await.unwrap().unwrap()];
    assert_eq!(bench.rows(&POD_USAGE).await, 300);
    let records: u64 = reports.iter().map(|report| report.counts.records + report.already_read).sum();
    assert!(records >= 300, "{records}");
    for report in reports {
        assert_eq!(report.error, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_that_is_not_there_is_named() {
    let bench = Bench::new("there", 1).await;
    let report = bench.read("elsewhere", 10).await;
    assert!(report.error.unwrap().contains("no topic \"elsewhere\""));
}
