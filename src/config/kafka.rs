//! `[[kafka]]` of `hubtally.toml`: which topics are read, for which hub clusters they may speak, and as whom.
//!
//! Secrets are fetched when topics are read, not when the configuration is: `hubtally sql` needs none.

use std::path::Path;
use std::time::Duration;

use hubtally_ingest::kafka::{Begin, Brokers, Feed, Limits, Sasl};
use hubtally_schemas::ClusterId;
use serde_json::{Map, Value};

use super::document::Document;
use super::problem::Problem;
use super::prometheus::instant;
use super::secret::{self, SecretError};
use super::shape::{Key, Kind, optional, required};

/// The keys of one `[[kafka]]`.
pub const SHAPE: &[Key] = &[
    required("brokers", Kind::Text, "the brokers, comma-separated"),
    required("topics", Kind::Ids, "the topics"),
    required("clusters", Kind::Ids, "the clusters of the registry that these topics may speak for"),
    required("from", Kind::Text, "where a topic begins the first time: \"earliest\", \"latest\" or a time"),
    optional("group", Kind::Id, "the consumer group under which positions are published"),
    optional("tls", Kind::Truth, "whether the connection is encrypted"),
    optional("user", Kind::Text, "the user"),
    optional("password", Kind::Text, "its password"),
    optional("mechanism", Kind::OneOf(MECHANISMS), "how the password is proven"),
    optional("ca", Kind::Text, "a certificate authority to trust instead of those of the system"),
    optional("client_certificate", Kind::Text, "a client certificate"),
    optional("client_key", Kind::Text, "the client certificate's key"),
    optional("batch_mib", Kind::Count { least: 1, most: 1_024 }, "a batch is committed at so many MiB"),
    optional(
        "batch_rows",
        Kind::Count { least: 1, most: 100_000_000 },
        "a batch is committed at so many rows",
    ),
    optional("batch_seconds", Kind::Count { least: 1, most: 86_400 }, "a batch is committed after so long"),
];

const MECHANISMS: &[&str] = &["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"];
const MECHANISM: &str = "SCRAM-SHA-512";
const GROUP: &str = "hubtally";

/// One `[[kafka]]`, checked, with its secrets still as references.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// The topics.
    pub topics: Vec<String>,
    /// The hub clusters that they may speak for.
    pub clusters: Vec<ClusterId>,
    begin: Begin,
    written: Map<String, Value>,
}

impl Kafka {
    /// Reads the list; what does not fit is told with its place.
    pub fn read(document: &Document, value: &Map<String, Value>) -> Result<Vec<Self>, Vec<Problem>> {
        let list = value.get("kafka").and_then(Value::as_array);
        let mut all: Vec<Self> = Vec::new();
        let mut problems = Vec::new();
        for (index, table) in list.into_iter().flatten().filter_map(Value::as_object).enumerate() {
            let twice = |one: &Self| one.repeats().or_else(|| all.iter().find_map(|known| known.shares(one)));
            let one = Self::of(table).and_then(|one| match twice(&one) {
                Some(topic) => Err(format!(
                    "the topic {topic:?} of the same brokers stands in two [[kafka]], or twice in one: keep one of them"
                )),
                None => Ok(one),
            });
            match one {
                Ok(one) => all.push(one),
                Err(message) => {
                    problems.push(Problem { place: document.entry("kafka", index), message });
                }
            }
        }
        if problems.is_empty() { Ok(all) } else { Err(problems) }
    }

    fn of(table: &Map<String, Value>) -> Result<Self, String> {
        let text = |key: &str| table.get(key).and_then(Value::as_str);
        let list = |key: &str| -> Result<Vec<&str>, String> {
            let values = table.get(key).and_then(Value::as_array);
            let values: Vec<&str> = values.into_iter().flatten().filter_map(Value::as_str).collect();
            if values.is_empty() {
                Err(format!("`kafka.{key}` is empty: name at least one"))
            } else {
                Ok(values)
            }
        };
        let topics: Vec<String> = list("topics")?.into_iter().map(ToOwned::to_owned).collect();
        let clusters: Result<Vec<ClusterId>, _> = list("clusters")?.into_iter().map(ClusterId::new).collect();
        let begin = match text("from").unwrap_or_default() {
            "earliest" => Begin::Earliest,
            "latest" => Begin::Latest,
            time => Begin::At(instant(time).ok_or_else(|| {
                format!(
                    "`kafka.from` is {time:?}, expected \"earliest\", \"latest\", or a time such as \"2026-06-01\" or \"2026-06-01T00:00:00Z\""
                )
            })?),
        };
        for (one, other, what) in
            [("user", "password", "secret"), ("client_certificate", "client_key", "key")]
        {
            if text(one).is_some() != text(other).is_some() {
                return Err(format!(
                    "`kafka.{one}` and `kafka.{other}` belong together: write both, the {what} as \"env:NAME\" or \"file:PATH\""
                ));
            }
        }
        let clusters = clusters.map_err(|error| format!("`kafka.clusters`: {error}"))?;
        Ok(Self { topics, clusters, begin, written: table.clone() })
    }

    /// A topic that is named twice.
    fn repeats(&self) -> Option<String> {
        let mut topics = self.topics.iter().enumerate();
        topics
            .find(|(at, topic)| self.topics.iter().take(*at).any(|before| before == *topic))
            .map(|(_, t)| t.clone())
    }

    /// A topic that two sections read.
    fn shares(&self, other: &Self) -> Option<String> {
        let brokers = |one: &Self| one.written.get("brokers").cloned();
        let shared = self.topics.iter().find(|topic| other.topics.contains(topic));
        shared.filter(|_| brokers(self) == brokers(other)).cloned()
    }

    /// How the topics are read, secrets fetched.
    pub fn feed(
        &self,
        folder: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Feed, SecretError> {
        let text = |key: &str| self.written.get(key).and_then(Value::as_str);
        let count = |key: &str| self.written.get(key).and_then(Value::as_u64);
        let fetch =
            |key: &str, value: &str| secret::resolve(&format!("kafka.{key}"), value, folder, variable);
        let fetched = |key: &str| text(key).map(|value| fetch(key, value)).transpose();
        let sasl = match (text("user"), fetched("password")?) {
            (Some(user), Some(password)) => Some(Sasl {
                mechanism: text("mechanism").unwrap_or(MECHANISM).to_owned(),
                user: user.to_owned(),
                password,
            }),
            _ => None,
        };
        let brokers = Brokers {
            bootstrap: text("brokers").unwrap_or_default().to_owned(),
            group: text("group").unwrap_or(GROUP).to_owned(),
            tls: self.written.get("tls").and_then(Value::as_bool).unwrap_or(false),
            ca: fetched("ca")?,
            client_certificate: fetched("client_certificate")?.zip(fetched("client_key")?),
            sasl,
        };
        let usual = Limits::default();
        let limits = Limits {
            bytes: count("batch_mib").and_then(|mib| usize::try_from(mib << 20).ok()).unwrap_or(usual.bytes),
            rows: count("batch_rows").unwrap_or(usual.rows),
            age: count("batch_seconds").map_or(usual.age, Duration::from_secs),
        };
        let clusters = self.clusters.iter().cloned().collect();
        Ok(Feed { brokers, topics: self.topics.clone(), clusters, begin: self.begin, limits })
    }
}
