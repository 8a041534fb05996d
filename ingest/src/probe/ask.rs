//! Small questions to a Prometheus: one instant query, or one page of its state, once.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Certificate, Client, Identity, Url};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::prometheus::{Access, Credentials};

/// A probe that takes longer tells as much as an answer does.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A question that got no answer.
#[derive(Debug, Error)]
pub enum ProbeError {
    /// No URL.
    #[error("{url:?} is no address of a Prometheus: write http://host:9090 or https://host/path")]
    Url {
        /// As written.
        url: String,
    },
    /// A certificate or header that cannot be used.
    #[error("the client cannot be set up: check `ca`, `client_certificate`, `client_key` and `headers`")]
    Client {
        /// What the library said.
        source: reqwest::Error,
    },
    /// No connection, or no answer in time.
    #[error("no answer from {url}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the library said.
        source: reqwest::Error,
    },
    /// Not allowed.
    #[error("{url} refuses us (status {status})")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// Something else than an answer of a Prometheus.
    #[error("{url} answers {path} with status {status}: {said}")]
    Answer {
        /// The address.
        url: String,
        /// What was asked.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said.
        said: String,
    },
}

/// One series of an answer.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Seconds and value of its samples.
    pub samples: Vec<(f64, String)>,
}

impl Row {
    /// The value of a label; an empty one is none.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The last value, as a count of things.
    pub fn count(&self) -> u64 {
        let value = self.samples.last().and_then(|(_, value)| value.split('.').next());
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    }
}

/// One Prometheus.
pub struct Server {
    client: Client,
    access: Access,
    base: Url,
}

#[derive(Deserialize)]
struct Reply {
    status: String,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    error: String,
}

impl Server {
    /// Sets a client up; nothing is asked yet.
    pub fn new(access: &Access) -> Result<Self, ProbeError> {
        let bad_url = || ProbeError::Url { url: access.url.clone() };
        let base = Url::parse(&format!("{}/", access.url.trim_end_matches('/'))).map_err(|_| bad_url())?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad_url());
        }
        let failed = |source| ProbeError::Client { source };
        let mut builder = Client::builder().timeout(access.timeout.unwrap_or(TIMEOUT).min(TIMEOUT));
        for certificate in access
            .ca
            .iter()
            .map(|pem| Certificate::from_pem_bundle(pem))
            .collect::<Result<Vec<_>, _>>()
            .map_err(failed)?
        {
            for certificate in certificate {
                builder = builder.add_root_certificate(certificate);
            }
        }
        if let Some(pem) = &access.client_certificate {
            builder = builder.identity(Identity::from_pem(pem).map_err(failed)?);
        }
        Ok(Self { client: builder.build().map_err(failed)?, access: access.clone(), base })
    }

    /// Series of an instant query, now; times are the server's own.
    pub async fn query(&self, query: &str) -> Result<Vec<Row>, ProbeError> {
        let data = self.get("api/v1/query", &[("query", query)]).await?;
        let samples = |value: &Value| -> Vec<(f64, String)> {
            let pair = |pair: &Value| Some((pair.get(0)?.as_f64()?, pair.get(1)?.as_str()?.to_owned()));
            match (value.get("value"), value.get("values").and_then(Value::as_array)) {
                (Some(one), _) => pair(one).into_iter().collect(),
                (None, Some(many)) => many.iter().filter_map(pair).collect(),
                (None, None) => pair(value).into_iter().collect(),
            }
        };
        let row = |value: &Value| Row {
            labels: value
                .get("metric")
                .cloned()
                .and_then(|labels| serde_json::from_value(labels).ok())
                .unwrap_or_default(),
            samples: samples(value),
        };
        let result = data.get("result").unwrap_or(&Value::Null);
        Ok(match result.as_array() {
            Some(pair) if pair.first().is_some_and(Value::is_number) => vec![row(result)],
            Some(series) => series.iter().map(row).collect(),
            None => Vec::new(),
        })
    }

    /// One number, 0 where nothing is there.
    pub async fn count(&self, query: &str) -> Result<u64, ProbeError> {
        Ok(self.query(query).await?.first().map_or(0, Row::count))
    }

    /// The `data` of an answer.
    pub async fn get(&self, path: &str, asked: &[(&str, &str)]) -> Result<Value, ProbeError> {
        let url = || self.access.url.clone();
        let target = self.base.join(path).map_err(|_| ProbeError::Url { url: url() })?;
        let mut request = self.client.get(target).query(asked);
        for (name, value) in &self.access.headers {
            request = request.header(name, value);
        }
        let request = match &self.access.credentials {
            Credentials::None => request,
            Credentials::Basic(user, password) => request.basic_auth(user, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        };
        let unreachable =
            |source: reqwest::Error| ProbeError::Unreachable { url: url(), source: source.without_url() };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(unreachable)?;
        if matches!(status, 401 | 403) {
            return Err(ProbeError::Refused { url: url(), status });
        }
        let answer = |said: String| ProbeError::Answer { url: url(), path: path.to_owned(), status, said };
        match serde_json::from_str::<Reply>(&text) {
            Ok(reply) if reply.status == "success" => Ok(reply.data),
            Ok(reply) => Err(answer(reply.error)),
            Err(_) => Err(answer(text.chars().filter(|letter| !letter.is_control()).take(120).collect())),
        }
    }
}
