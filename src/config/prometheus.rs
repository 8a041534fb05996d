//! `[[prometheus]]` of `hubtally.toml`: which cluster's Prometheus is read, from where, and as whom.
//!
//! Secrets are fetched when a Prometheus is read, not when the configuration is: `hubtally sql` needs none.

use std::path::Path;
use std::time::Duration;

use hubtally_ingest::prometheus::{Access, Begin, Credentials, PodNaming, PrometheusCluster, Transport};
use hubtally_rules::timeline::Cadence;
use hubtally_schemas::{ClusterId, Instant};
use serde_json::{Map, Value};

use super::document::Document;
use super::problem::Problem;
use super::secret::{self, SecretError};
use super::shape::{Key, Kind, optional, required};

/// The keys of one `[[prometheus]]`.
pub const SHAPE: &[Key] = &[
    required("cluster", Kind::Id, "the cluster of the registry that it watches"),
    required("url", Kind::Text, "its address"),
    required("from", Kind::Text, "where reading begins the first time: \"earliest\", \"latest\" or a time"),
    optional("window_minutes", Kind::Count { least: 5, most: 1_440 }, "how much is read at once"),
    optional("scrape_interval_seconds", Kind::Count { least: 1, most: 300 }, "how often it scrapes"),
    optional("hub_label", Kind::Text, "the Kubernetes label of a node that names its hub"),
    optional(
        "profile_label",
        Kind::Text,
        "the Kubernetes label or annotation of a user's pod that names the chosen profile",
    ),
    optional("binder_namespaces", Kind::Texts, "the namespaces of BinderHubs"),
    optional("transport", Kind::OneOf(&["auto", "query", "remote-read"]), "how samples are asked for"),
    optional("user", Kind::Text, "the user of basic authentication"),
    optional("password", Kind::Text, "its password"),
    optional("token", Kind::Text, "a bearer token"),
    optional("headers", Kind::TextMap, "further headers"),
    optional("ca", Kind::Text, "a certificate authority to trust beside those of the system"),
    optional(
        "client_certificate",
        Kind::Text,
        "a client certificate, and its key if it stands in the same file",
    ),
    optional("client_key", Kind::Text, "the client certificate's key"),
    optional("timeout_seconds", Kind::Count { least: 1, most: 3_600 }, "how long one request may take"),
];

const WINDOW_MINUTES: i64 = 360;
const SCRAPE_INTERVAL_SECONDS: i64 = 60;
const HUB_LABEL: &str = "2i2c/hub-name";

/// One `[[prometheus]]`, checked, with its secrets still as references.
#[derive(Debug, Clone)]
pub struct Prometheus {
    /// The cluster.
    pub cluster: ClusterId,
    begin: Begin,
    written: Map<String, Value>,
}

impl Prometheus {
    /// Reads the list; what does not fit is told with its place.
    pub fn read(document: &Document, value: &Map<String, Value>) -> Result<Vec<Self>, Vec<Problem>> {
        let list = value.get("prometheus").and_then(Value::as_array);
        let mut all: Vec<Self> = Vec::new();
        let mut problems = Vec::new();
        for (index, table) in list.into_iter().flatten().filter_map(Value::as_object).enumerate() {
            let mut say = |message: String| {
                problems.push(Problem { place: document.entry("prometheus", index), message });
            };
            match Self::of(table) {
                Err(message) => say(message),
                Ok(one) if all.iter().any(|known| known.cluster == one.cluster) => {
                    say(format!(
                        "the cluster {:?} has two [[prometheus]]: keep one of them",
                        one.cluster.as_str()
                    ));
                }
                Ok(one) => all.push(one),
            }
        }
        if problems.is_empty() { Ok(all) } else { Err(problems) }
    }

    fn of(table: &Map<String, Value>) -> Result<Self, String> {
        let text = |key: &str| table.get(key).and_then(Value::as_str);
        let cluster =
            ClusterId::new(text("cluster").unwrap_or_default()).map_err(|error| error.to_string())?;
        let begin = match text("from").unwrap_or_default() {
            "earliest" => Begin::Earliest,
            "latest" => Begin::Latest,
            time => Begin::At(instant(time).ok_or_else(|| {
                format!(
                    "`prometheus.from` is {time:?}, expected \"earliest\", \"latest\", or a time such as \"2026-06-01\" or \"2026-06-01T00:00:00Z\""
                )
            })?),
        };
        if text("token").is_some() && text("user").is_some() {
            return Err(
                "`prometheus.user` and `prometheus.token` exclude each other: keep one of them".to_owned()
            );
        }
        if text("user").is_some() != text("password").is_some() {
            return Err("`prometheus.user` and `prometheus.password` belong together: write both, the password as \"env:NAME\" or \"file:PATH\"".to_owned());
        }
        Ok(Self { cluster, begin, written: table.clone() })
    }

    /// How the cluster is read, its secrets fetched.
    pub fn cluster(
        &self,
        folder: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<PrometheusCluster, SecretError> {
        let text = |key: &str| self.written.get(key).and_then(Value::as_str);
        let count = |key: &str| self.written.get(key).and_then(Value::as_i64);
        let fetch =
            |key: &str, value: &str| secret::resolve(&format!("prometheus.{key}"), value, folder, variable);
        let fetched = |key: &str| text(key).map(|value| fetch(key, value)).transpose();
        let mut headers = Vec::new();
        for (name, value) in self.written.get("headers").and_then(Value::as_object).into_iter().flatten() {
            headers
                .push((name.clone(), fetch(&format!("headers.{name}"), value.as_str().unwrap_or_default())?));
        }
        let credentials = match (text("user"), fetched("password")?, fetched("token")?) {
            (_, _, Some(token)) => Credentials::Bearer(token),
            (Some(user), Some(password), None) => Credentials::Basic(user.to_owned(), password),
            _ => Credentials::None,
        };
        let client_certificate = match (fetched("client_certificate")?, fetched("client_key")?) {
            (Some(certificate), Some(key)) => Some(format!("{certificate}\n{key}\n").into_bytes()),
            (certificate, key) => certificate.or(key).map(String::into_bytes),
        };
        let binder_namespaces = self.written.get("binder_namespaces").and_then(Value::as_array);
        let naming = PodNaming {
            profile_label: text("profile_label").map(str::to_owned),
            binder_namespaces: binder_namespaces
                .into_iter()
                .flatten()
                .filter_map(|namespace| namespace.as_str().map(str::to_owned))
                .collect(),
        };
        let access = Access {
            url: text("url").unwrap_or_default().to_owned(),
            credentials,
            headers,
            ca: fetched("ca")?.map(String::into_bytes),
            client_certificate,
            transport: match text("transport") {
                Some("query") => Transport::Query,
                Some("remote-read") => Transport::RemoteRead,
                _ => Transport::Auto,
            },
            timeout: count("timeout_seconds").and_then(|n| n.try_into().ok()).map(Duration::from_secs),
        };
        Ok(PrometheusCluster {
            id: self.cluster.clone(),
            access,
            begin: self.begin,
            window_ms: count("window_minutes").unwrap_or(WINDOW_MINUTES) * 60_000,
            cadence: Cadence::new(
                count("scrape_interval_seconds").unwrap_or(SCRAPE_INTERVAL_SECONDS) * 1_000,
            ),
            hub_label: text("hub_label").unwrap_or(HUB_LABEL).to_owned(),
            naming,
        })
    }
}

/// A time, or the first instant of a UTC day.
pub fn instant(text: &str) -> Option<Instant> {
    if let Ok(at) = Instant::parse(text) {
        return Some(at);
    }
    text.parse::<chrono::NaiveDate>().ok().map(Instant::at_midnight)
}
