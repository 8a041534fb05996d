//! The figures of a running command, and whether it is well, over HTTP: `/metrics` and `/healthz`.
//!
//! One answer a connection, to `GET` only, and nothing of the request is looked at but its first line. A web
//! framework would bring hyper's server half, with which everything that uses its client half compiles anew; for
//! two fixed answers that buys nothing.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hubtally_ingest::kafka::Metrics;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::failure::Failure;

/// The longest head of a request that is read.
const MAX_HEAD_BYTES: usize = 8 << 10;
/// How long one connection may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections are served at once.
const AT_ONCE: usize = 16;
const PLAIN: &str = "text/plain; charset=utf-8";

/// Listens at an address; what comes back answers until it is dropped.
pub async fn listen(
    address: SocketAddr,
    metrics: Arc<Metrics>,
) -> Result<impl Future<Output = std::convert::Infallible>, Failure> {
    let failed = |source| Failure::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    // A script that asked for port 0 reads here which it got.
    tracing::warn!("listening at http://{bound}/metrics and http://{bound}/healthz");
    let places = Arc::new(Semaphore::new(AT_ONCE));
    Ok(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // For example too many open files: others may close theirs.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
            let metrics = Arc::clone(&metrics);
            tokio::spawn(async move {
                let _ = tokio::time::timeout(TIMEOUT, answer(stream, &metrics)).await;
                drop(place);
            });
        }
    })
}

async fn answer(mut stream: TcpStream, metrics: &Metrics) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let (status, kind, body) = reply(&String::from_utf8_lossy(line), metrics);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// Status, media type and body for the first line of a request.
fn reply(line: &str, metrics: &Metrics) -> (&'static str, &'static str, String) {
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    if method != "GET" {
        return ("405 Method Not Allowed", PLAIN, "only GET is answered\n".to_owned());
    }
    match path {
        "/metrics" => ("200 OK", hubtally_ingest::kafka::MEDIA_TYPE, metrics.text()),
        "/healthz" => match metrics.ills() {
            ills if ills.is_empty() => ("200 OK", PLAIN, "ok\n".to_owned()),
            ills => ("503 Service Unavailable", PLAIN, ills.join("\n") + "\n"),
        },
        _ => ("404 Not Found", PLAIN, "there are /metrics and /healthz\n".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_paths_are_answered() {
        let metrics = Metrics::default();
        let status = |line: &str| reply(line, &metrics).0;
        assert_eq!(status("GET /healthz HTTP/1.1"), "200 OK");
        assert_eq!(status("GET /metrics?x=1 HTTP/1.1"), "200 OK");
        assert_eq!(status("GET / HTTP/1.1"), "404 Not Found");
        assert_eq!(status("POST /metrics HTTP/1.1"), "405 Method Not Allowed");
        assert_eq!(status(""), "405 Method Not Allowed");
        assert!(reply("GET /metrics HTTP/1.1", &metrics).2.ends_with("# EOF\n"));
    }
}
