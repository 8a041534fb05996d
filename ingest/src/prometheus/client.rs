//! One Prometheus over HTTP: instant queries or remote read, credentials, certificates, and a few tries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Certificate, Client, Identity, RequestBuilder, Url};
use tokio::sync::OnceCell;

use super::error::PrometheusError;
use super::range::Range;
use super::remote_read::{self, StreamError};
use super::reply::{self, Answer, Series};
use super::sets::{Query, all};

/// The largest answer that is taken; a query whose answer is larger is halved.
const MAX_ANSWER_BYTES: usize = 256 << 20;
/// How often a request is tried that may pass a moment later.
const TRIES: u32 = 4;
/// The wait before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(200);

/// How a Prometheus is reached. Secrets are resolved, and not shown by `Debug`.
#[derive(Clone, Default)]
pub struct Access {
    /// Its address, with any path before `/api/v1`.
    pub url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// PEM of a certificate authority that is trusted beside those of the system.
    pub ca: Option<Vec<u8>>,
    /// PEM of a client certificate, and of its key.
    pub client_certificate: Option<Vec<u8>>,
    /// How samples are asked for.
    pub transport: Transport,
    /// How long one request may take; 2 min 10 s if `None`, which is more than Prometheus gives a query.
    pub timeout: Option<Duration>,
}

/// How samples are asked for. Both ways give the same samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// By remote read where the server offers it, which is tried once; else by queries.
    #[default]
    Auto,
    /// By instant queries on range selectors.
    Query,
    /// By remote read, or not at all.
    RemoteRead,
}

/// Who we are to a Prometheus.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody in particular.
    #[default]
    None,
    /// User and password.
    Basic(String, String),
    /// A bearer token.
    Bearer(String),
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("url", &self.url).finish_non_exhaustive()
    }
}

/// A client of one Prometheus.
#[derive(Debug, Clone)]
pub struct PrometheusClient {
    client: Client,
    access: Access,
    query: Url,
    names: Url,
    read: Url,
    /// Whether samples come by remote read; empty until it was tried.
    reads: Arc<OnceCell<bool>>,
}

/// What an instant query asks for: samples of `selector` in the `span_ms` before, and at, `at_ms`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub selector: &'a str,
    pub span_ms: i64,
    pub at_ms: i64,
    /// Values are multiplied by 10 to this power.
    pub scale: u32,
}

impl PrometheusClient {
    /// Sets a client up; nothing is asked yet.
    pub fn new(access: Access) -> Result<Self, PrometheusError> {
        let base = format!("{}/", access.url.trim_end_matches('/'));
        let bad_url = || PrometheusError::Url { url: access.url.clone() };
        let base = Url::parse(&base).map_err(|_| bad_url())?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad_url());
        }
        let query = base.join("api/v1/query").map_err(|_| bad_url())?;
        let names = base.join("api/v1/label/__name__/values").map_err(|_| bad_url())?;
        let read = base.join("api/v1/read").map_err(|_| bad_url())?;
        let reads = match access.transport {
            Transport::Auto => OnceCell::new(),
            Transport::Query => OnceCell::new_with(Some(false)),
            Transport::RemoteRead => OnceCell::new_with(Some(true)),
        };
        let mut builder = Client::builder()
            .default_headers(headers(&access.headers)?)
            .connect_timeout(Duration::from_secs(10))
            .timeout(access.timeout.unwrap_or(Duration::from_secs(130)));
        if let Some(pem) = &access.ca {
            let what = "CA certificate";
            let failed = |source| PrometheusError::Certificate { what, source };
            let certificates = Certificate::from_pem_bundle(pem).map_err(failed)?;
            if certificates.is_empty() {
                return Err(PrometheusError::NoCertificate { what });
            }
            for certificate in certificates {
                builder = builder.add_root_certificate(certificate);
            }
        }
        if let Some(pem) = &access.client_certificate {
            let what = "client certificate";
            let identity =
                Identity::from_pem(pem).map_err(|source| PrometheusError::Certificate { what, source })?;
            builder = builder.identity(identity);
        }
        let client = builder.build().map_err(|source| PrometheusError::Client { source })?;
        Ok(Self { client, access, query, names, read, reads: Arc::new(reads) })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.access.url
    }

    /// Samples of a query in a range, by whichever way the server offers; and the answer's size. At the edges
    /// of the range there may be one too many.
    pub(super) async fn samples_in(
        &self,
        query: &Query,
        range: Range,
    ) -> Result<(Vec<Series>, usize), PrometheusError> {
        if *self.reads.get_or_init(|| self.offers_remote_read()).await {
            let read = self.read_remotely(query, range).await;
            // Chunks that only a later version knows: the server tells the same by queries.
            let unknown = |error: &PrometheusError| {
                matches!(error, PrometheusError::Remote { source: StreamError::Encoding { .. }, .. })
            };
            if self.access.transport != Transport::Auto || !read.as_ref().is_err_and(unknown) {
                return read;
            }
        }
        let (selector, span_ms) = (&query.selector(), range.to_ms - range.from_ms);
        self.samples(Ask { selector, span_ms, at_ms: range.to_ms, scale: query.scale }).await
    }

    /// Tries remote read with a question that costs nothing. Whatever a server, or a proxy before it, says
    /// against it is no fault: queries are asked instead, and tell what is wrong if anything is.
    async fn offers_remote_read(&self) -> bool {
        let tried = self.read_remotely(&all("up", 0), Range { from_ms: 0, to_ms: 1 }).await;
        match &tried {
            Ok(_) => tracing::debug!(url = self.url(), "reading by remote read"),
            Err(error) => tracing::debug!(url = self.url(), %error, "no remote read here: asking by queries"),
        }
        tried.is_ok()
    }

    /// Samples by remote read, and the answer's size.
    async fn read_remotely(
        &self,
        query: &Query,
        range: Range,
    ) -> Result<(Vec<Series>, usize), PrometheusError> {
        let selector = query.selector();
        let failed =
            |source| PrometheusError::Remote { url: self.url().to_owned(), query: selector.clone(), source };
        let body = remote_read::request(query, range)
            .map_err(|source| PrometheusError::Request { query: selector.clone(), source })?;
        self.tried(async || {
            let request = self
                .client
                .post(self.read.clone())
                .header(CONTENT_TYPE, "application/x-protobuf")
                .header(CONTENT_ENCODING, "snappy")
                .header("X-Prometheus-Remote-Read-Version", "0.1.0")
                .body(body.clone());
            let (kind, bytes) = self.bytes(request, &selector, range.to_ms - range.from_ms).await?;
            if !kind.starts_with(remote_read::STREAMED) {
                return Err(PrometheusError::NotStreamed { url: self.url().to_owned(), kind });
            }
            let series = remote_read::answer(&bytes, query.scale, range).map_err(failed)?;
            Ok((series, bytes.len()))
        })
        .await
    }

    /// Samples by an instant query on a range selector, as the server gives them; and the answer's size.
    pub(super) async fn samples(&self, ask: Ask<'_>) -> Result<(Vec<Series>, usize), PrometheusError> {
        let query = format!("{}[{}ms]", ask.selector, ask.span_ms);
        let form = [("query", query.clone()), ("time", seconds(ask.at_ms))];
        self.tried(async || {
            let request = self.client.post(self.query.clone()).form(&form);
            let text = self.text(request, &query, ask.span_ms).await?;
            let url = || self.url().to_owned();
            match reply::read(&text, ask.scale) {
                Ok(Answer::Series(series)) => Ok((series, text.len())),
                Ok(Answer::Warnings(said)) => {
                    let warnings = said.join("; ");
                    Err(PrometheusError::Warnings { url: url(), query: query.clone(), warnings })
                }
                Ok(Answer::Error { kind, message }) => {
                    let message = format!("{kind}: {message}");
                    Err(PrometheusError::Status { url: url(), status: 200, query: query.clone(), message })
                }
                Err(source) => Err(PrometheusError::Answer { url: url(), query: query.clone(), source }),
            }
        })
        .await
    }

    /// Whether any of the metrics may have a sample in a span of time. It is told by whole blocks of the
    /// server's data, so that "yes" may be wrong and "no" is not.
    pub(super) async fn may_have(
        &self,
        selector: &str,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<bool, PrometheusError> {
        let asked = [("match[]", selector.to_owned()), ("start", seconds(from_ms)), ("end", seconds(to_ms))];
        self.tried(async || {
            let request = self.client.get(self.names.clone()).query(&asked);
            let text = self.text(request, selector, to_ms - from_ms).await?;
            let (names, said) = reply::read_names(&text).map_err(|source| PrometheusError::Answer {
                url: self.url().to_owned(),
                query: selector.to_owned(),
                source,
            })?;
            if names.is_empty() && !said.is_empty() {
                // What could not be asked may have it.
                let (url, query, warnings) = (self.url().to_owned(), selector.to_owned(), said.join("; "));
                return Err(PrometheusError::Warnings { url, query, warnings });
            }
            Ok(!names.is_empty())
        })
        .await
    }

    /// Tries a request again that may pass a moment later.
    async fn tried<T>(
        &self,
        request: impl AsyncFn() -> Result<T, PrometheusError>,
    ) -> Result<T, PrometheusError> {
        let mut tried = 1;
        loop {
            match request().await {
                Err(error) if tried < TRIES && error.may_pass() => {
                    tracing::debug!(url = self.url(), tried, %error, "asking again");
                    tokio::time::sleep(PAUSE * (1 << (tried - 1))).await;
                    tried += 1;
                }
                ended => return ended,
            }
        }
    }

    async fn text(
        &self,
        request: RequestBuilder,
        query: &str,
        span_ms: i64,
    ) -> Result<String, PrometheusError> {
        self.bytes(request, query, span_ms).await.map(|(_, bytes)| text_of(bytes))
    }

    /// The content type and the bytes of an answer that is a success.
    async fn bytes(
        &self,
        request: RequestBuilder,
        query: &str,
        span_ms: i64,
    ) -> Result<(String, Vec<u8>), PrometheusError> {
        let request = match &self.access.credentials {
            Credentials::None => request,
            Credentials::Basic(user, password) => request.basic_auth(user, Some(password)),
            Credentials::Bearer(token) => request.bearer_auth(token),
        };
        let url = || self.url().to_owned();
        let unreachable = |source: reqwest::Error| {
            // The address stands in our own words; theirs would repeat it with the query.
            PrometheusError::Unreachable { url: url(), source: source.without_url() }
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                let message = format!("the answer has more than {} MiB", MAX_ANSWER_BYTES >> 20);
                return Err(PrometheusError::TooMuch {
                    url: url(),
                    query: query.to_owned(),
                    span_ms,
                    message,
                });
            }
            body.extend_from_slice(&chunk);
        }
        if (200..300).contains(&status) {
            return Ok((kind, body));
        }
        let text = text_of(body);
        match status {
            401 | 403 => Err(PrometheusError::Refused { url: url(), status }),
            413 | 422 | 503 => {
                let message = said(&text);
                Err(PrometheusError::TooMuch { url: url(), query: query.to_owned(), span_ms, message })
            }
            _ => {
                let message = said(&text);
                Err(PrometheusError::Status { url: url(), status, query: query.to_owned(), message })
            }
        }
    }
}

/// An answer as text. No label is anything else than UTF-8, so where it is none, reading it as JSON will say
/// what is wrong.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned())
}

fn headers(written: &[(String, String)]) -> Result<HeaderMap, PrometheusError> {
    let mut headers = HeaderMap::new();
    for (name, value) in written {
        let bad = || PrometheusError::Header { name: name.clone() };
        let mut held = HeaderValue::from_str(value).map_err(|_| bad())?;
        held.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?, held);
    }
    Ok(headers)
}

/// What an answer says is wrong: its `error`, else the beginning of its text.
fn said(text: &str) -> String {
    match reply::read(text, 0) {
        Ok(Answer::Error { kind, message }) => format!("{kind}: {message}"),
        _ => text.trim().chars().filter(|letter| !letter.is_control()).take(200).collect(),
    }
}

/// Milliseconds as the API takes times: seconds with a fraction.
fn seconds(ms: i64) -> String {
    format!("{}.{:03}", ms.div_euclid(1_000), ms.rem_euclid(1_000))
}
