//! How brokers are reached: settings of the client library, each with its reason.

use std::time::Duration;

use rdkafka::ClientConfig;

/// How one Kafka cluster is reached, its secrets fetched.
#[derive(Debug, Clone, Default)]
pub struct Brokers {
    /// `host:port`, comma-separated.
    pub bootstrap: String,
    /// The consumer group under which positions are published for programs that watch the lag.
    pub group: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Certificates to trust instead of the system's, PEM.
    pub ca: Option<String>,
    /// A client certificate and its key, PEM.
    pub client_certificate: Option<(String, String)>,
    /// As whom.
    pub sasl: Option<Sasl>,
}

/// A user and how its password is proven.
#[derive(Clone)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mechanism, user, .. } = self;
        f.debug_struct("Sasl").field("mechanism", mechanism).field("user", user).finish_non_exhaustive()
    }
}

/// How often the library tells offsets for lag figures.
const STATISTICS: Duration = Duration::from_secs(1);

impl Brokers {
    /// Settings of every client.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("client.id", "hubtally")
            // A leader that hangs is left after 3 s instead of 60, and looked for anew every 2 s.
            .set("socket.timeout.ms", "3000")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("topic.metadata.refresh.interval.ms", "2000")
            .set("reconnect.backoff.max.ms", "2000")
            .set("allow.auto.create.topics", "false")
            .set("log.connection.close", "false");
        let protocol = match (self.tls, &self.sasl) {
            (false, None) => "plaintext",
            (true, None) => "ssl",
            (false, Some(_)) => "sasl_plaintext",
            (true, Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(ca) = &self.ca {
            config.set("ssl.ca.pem", ca);
        }
        if let Some((certificate, key)) = &self.client_certificate {
            config.set("ssl.certificate.pem", certificate).set("ssl.key.pem", key);
        }
        if let Some(sasl) = &self.sasl {
            config
                .set("sasl.mechanism", &sasl.mechanism)
                .set("sasl.username", &sasl.user)
                .set("sasl.password", &sasl.password);
        }
        config
    }

    /// Settings of a consumer whose positions the store keeps.
    pub fn consumer(&self, prefetch_bytes: usize) -> ClientConfig {
        let mut config = self.config();
        let prefetch_kib = (prefetch_bytes >> 10).clamp(1_024, 1 << 20).to_string();
        config
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Never to the end or the beginning by itself: a position that is gone is a gap to be declared.
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .set("check.crcs", "true")
            .set("statistics.interval.ms", STATISTICS.as_millis().to_string())
            .set("queued.max.messages.kbytes", prefetch_kib)
            .set("queued.min.messages", "10000000")
            // With a small queue the library's default pause of a second leaves 1 MB/s.
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.wait.max.ms", "200");
        config
    }
}
