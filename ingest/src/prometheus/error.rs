//! What can go wrong between us and one Prometheus. It stops that cluster only.

use thiserror::Error;

use super::remote_read::StreamError;

/// An operation on one Prometheus that failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PrometheusError {
    /// The address is no URL.
    #[error(
        "{url:?} is no address of a Prometheus: write http://… or https://…, for example https://prometheus.example.org"
    )]
    Url {
        /// As it was written.
        url: String,
    },
    /// A header cannot be sent.
    #[error(
        "the header {name:?} cannot be sent: names have letters, digits and hyphens, values no line breaks"
    )]
    Header {
        /// Its name.
        name: String,
    },
    /// A certificate or key cannot be used.
    #[error(
        "the {what} cannot be used: give PEM text that `openssl x509 -in FILE` reads (and, for a client certificate, its key after it)"
    )]
    Certificate {
        /// `CA certificate` or `client certificate`.
        what: &'static str,
        /// Why.
        source: reqwest::Error,
    },
    /// A text that should hold certificates and holds none.
    #[error("the {what} holds no certificate: give PEM text with -----BEGIN CERTIFICATE-----")]
    NoCertificate {
        /// `CA certificate`.
        what: &'static str,
    },
    /// The client could not be set up.
    #[error("the HTTP client cannot be set up")]
    Client {
        /// Why.
        source: reqwest::Error,
    },
    /// Nobody answers, or the answer broke off.
    #[error("{url} does not answer: check the address, the network and the certificate")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The credentials are refused.
    #[error(
        "{url} refuses the credentials (HTTP {status}): check user, password, token or client certificate of this cluster in hubtally.toml"
    )]
    Refused {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// Another status than success.
    #[error("{url} answers HTTP {status} to `{query}`: {message}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
        /// The query.
        query: String,
        /// What it said.
        message: String,
    },
    /// The query asks for more than the server gives at once.
    #[error(
        "`{query}` over {span_ms} ms is too much for {url} ({message}): raise its --query.max-samples or --query.timeout"
    )]
    TooMuch {
        /// The address.
        url: String,
        /// The query.
        query: String,
        /// How long a span was asked for.
        span_ms: i64,
        /// What it said.
        message: String,
    },
    /// The answer is no answer of Prometheus.
    #[error("the answer of {url} to `{query}` cannot be read: is that the address of a Prometheus?")]
    Answer {
        /// The address.
        url: String,
        /// The query.
        query: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The answer of remote read cannot be read.
    #[error("the answer of {url} to remote read of `{query}` cannot be read")]
    Remote {
        /// The address.
        url: String,
        /// The query.
        query: String,
        /// Why.
        source: StreamError,
    },
    /// Remote read without the kind of answer that is asked for.
    #[error(
        "{url} answers remote read with {kind:?} and not with a stream of chunks: write transport = \"query\" for this cluster in hubtally.toml"
    )]
    NotStreamed {
        /// The address.
        url: String,
        /// Its content type.
        kind: String,
    },
    /// A request of remote read that cannot be written.
    #[error("the request of remote read for `{query}` cannot be compressed")]
    Request {
        /// The query.
        query: String,
        /// Why.
        source: snap::Error,
    },
    /// The result is incomplete, as the server says itself.
    #[error(
        "{url} warns that its answer to `{query}` is incomplete: {warnings}. Nothing of this window was stored"
    )]
    Warnings {
        /// The address.
        url: String,
        /// The query.
        query: String,
        /// What it said.
        warnings: String,
    },
    /// There is nothing to begin with.
    #[error(
        "{url} has no series of `{metric}`: does it scrape kube-state-metrics, and is it the Prometheus of this cluster?"
    )]
    NothingThere {
        /// The address.
        url: String,
        /// The metric that was looked for.
        metric: &'static str,
    },
}

impl PrometheusError {
    /// Whether the other query sets of the same server are worth asking.
    pub(super) fn spares_other_sets(&self) -> bool {
        matches!(
            self,
            Self::Status { .. }
                | Self::TooMuch { .. }
                | Self::Answer { .. }
                | Self::Remote { .. }
                | Self::Warnings { .. }
                | Self::NothingThere { .. }
        )
    }

    /// Whether the same request may succeed a moment later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            // A certificate or a name that does not fit will not fit later.
            Self::Unreachable { source, .. } => !source.is_builder() && !source.is_redirect(),
            Self::Status { status, .. } => matches!(status, 429 | 500 | 502 | 504),
            Self::Answer { source, .. } => source.is_eof(),
            Self::Remote { source, .. } => !matches!(source, StreamError::Encoding { .. }),
            _ => false,
        }
    }
}
