//! A real Kafka for tests: `make test` starts one for all of them (`scripts/kafka.sh`), each has topics of its own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::run::skip;

const SOON: Duration = Duration::from_secs(30);

/// A Kafka cluster.
pub struct Kafka {
    pub bootstrap: String,
    own: Option<Own>,
}

/// Brokers that a test started for itself.
struct Own {
    script: PathBuf,
    folder: tempfile::TempDir,
}

#[expect(clippy::disallowed_methods, reason = "where the tests' Kafka is")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Where the secured listener of the shared Kafka is, and what it takes to be let in.
pub struct Secured {
    pub bootstrap: String,
    pub ca: String,
    pub user: String,
    pub password: String,
}

impl Kafka {
    /// The one that all tests share; `None`, and a word about it, where there is none.
    #[track_caller]
    pub fn shared() -> Option<Self> {
        let Some(bootstrap) = told("HUBTALLY_TEST_KAFKA") else {
            skip("there is no Kafka (make test starts one: HUBTALLY_TEST_KAFKA)");
            return None;
        };
        Some(Self { bootstrap, own: None })
    }

    /// One that the test may hurt.
    #[track_caller]
    pub fn own() -> Option<Self> {
        let Some(script) = told("HUBTALLY_TEST_KAFKA_SCRIPT") else {
            skip("no test may start a Kafka (make test says how: HUBTALLY_TEST_KAFKA_SCRIPT)");
            return None;
        };
        let own = Own { script: PathBuf::from(script), folder: tempfile::tempdir().unwrap() };
        let bootstrap = own.run(&["start"], &[]);
        Some(Self { bootstrap, own: Some(own) })
    }

    pub fn secured() -> Secured {
        let told =
            |name: &str| told(name).unwrap_or_else(|| panic!("{name} stands beside HUBTALLY_TEST_KAFKA"));
        Secured {
            bootstrap: told("HUBTALLY_TEST_KAFKA_SASL"),
            ca: told("HUBTALLY_TEST_KAFKA_CA"),
            user: told("HUBTALLY_TEST_KAFKA_USER"),
            password: told("HUBTALLY_TEST_KAFKA_PASSWORD"),
        }
    }

    /// `kill`, `up`, `pause` or `cont` of the one broker of an own Kafka.
    pub fn broker(&self, command: &str) {
        self.own.as_ref().expect("only an own Kafka is hurt").run(&[command], &["1"]);
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().unwrap()
    }

    /// Makes a topic with a name of its own.
    pub fn topic(&self, partitions: i32) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("usage-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        self.make(&name, partitions, &[]);
        name
    }

    /// Makes a topic, and waits until it is there.
    pub fn make(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let begun = Instant::now();
        loop {
            let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
            for (key, value) in settings {
                topic = topic.set(key, value);
            }
            let made = wait(self.admin().create_topics(&[topic], &AdminOptions::new())).unwrap();
            // A topic that was just deleted lingers for a moment.
            if made[0].is_ok() || begun.elapsed() > SOON {
                made[0].as_ref().unwrap();
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.until(name, |count| count == usize::try_from(partitions).unwrap());
    }

    /// Deletes a topic, and waits until it is gone.
    pub fn delete(&self, name: &str) {
        let gone = wait(self.admin().delete_topics(&[name], &AdminOptions::new())).unwrap();
        gone[0].as_ref().unwrap();
        self.until(name, |count| count == 0);
    }

    /// Sets settings of a topic.
    pub fn set(&self, name: &str, settings: &[(&str, &str)]) {
        let mut change = AlterConfig::new(ResourceSpecifier::Topic(name));
        for (key, value) in settings {
            change = change.set(key, value);
        }
        let changed = wait(self.admin().alter_configs([&change], &AdminOptions::new())).unwrap();
        changed[0].as_ref().unwrap();
    }

    fn until(&self, name: &str, enough: impl Fn(usize) -> bool) {
        let begun = Instant::now();
        loop {
            let consumer: BaseConsumer = self.config().create().unwrap();
            let metadata = consumer.fetch_metadata(None, SOON).unwrap();
            let found = metadata.topics().iter().find(|topic| topic.name() == name);
            if enough(found.map_or(0, |topic| topic.partitions().len())) {
                return;
            }
            assert!(begun.elapsed() < SOON, "{name} is not there, or not gone");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The offsets that a partition has: the oldest, and the one after the last.
    pub fn offsets(&self, topic: &str, partition: i32) -> (i64, i64) {
        let consumer: BaseConsumer = self.config().create().unwrap();
        consumer.fetch_watermarks(topic, partition, SOON).unwrap()
    }

    /// Sends messages to the partitions in turn.
    pub fn send(&self, topic: &str, partitions: i32, messages: impl IntoIterator<Item = Message>) {
        let producer: BaseProducer = self.config().set("linger.ms", "5").create().unwrap();
        for (turn, message) in messages.into_iter().enumerate() {
            let partition = i32::try_from(turn).unwrap() % partitions;
            let mut record: BaseRecord<'_, (), Vec<u8>> =
                BaseRecord::to(topic).partition(partition).payload(&message.value);
            if !message.headers.is_empty() {
                let mut headers = OwnedHeaders::new();
                for (key, value) in &message.headers {
                    headers = headers.insert(Header { key, value: Some(value) });
                }
                record = record.headers(headers);
            }
            while let Err((error, again)) = producer.send(record) {
                let full = error.rdkafka_error_code() == Some(rdkafka::types::RDKafkaErrorCode::QueueFull);
                assert!(full, "{error}");
                producer.poll(Duration::from_millis(10));
                record = again;
            }
        }
        producer.flush(SOON).unwrap();
        assert_eq!(producer.in_flight_count(), 0, "every message is at the broker");
    }
}

impl Own {
    fn run(&self, before: &[&str], after: &[&str]) -> String {
        let mut command = Command::new(&self.script);
        command.args(before).arg(self.folder.path()).args(after);
        let ended = command.output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{command:?}: {said}");
        String::from_utf8(ended.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = Command::new(&self.script).arg("stop").arg(self.folder.path()).status();
    }
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Message {
    value: Vec<u8>,
    headers: Vec<(String, String)>,
}

impl Message {
    /// An event in structured mode.
    pub fn structured(event: impl Into<Vec<u8>>) -> Self {
        Self { value: event.into(), headers: Vec::new() }
    }

    /// The same event in binary mode.
    pub fn binary(event: &str) -> Self {
        let event: serde_json::Value = serde_json::from_str(event).unwrap();
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        for (name, value) in event.as_object().unwrap() {
            if let Some(text) = value.as_str() {
                headers.push((format!("ce_{name}"), text.to_owned()));
            }
        }
        Self { value: event["data"].to_string().into_bytes(), headers }
    }
}

fn wait<T>(work: impl Future<Output = Result<T, KafkaError>>) -> Result<T, KafkaError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}
