//! A stand-in for a Prometheus without remote read: the other two addresses that are used, over a list of
//! samples, with faults.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use hubtally_schemas::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Labels = BTreeMap<String, String>;

/// Samples of many series.
#[derive(Debug, Clone)]
pub struct Samples {
    start_ms: i64,
    series: BTreeMap<(String, Labels), Vec<(i64, String)>>,
}

impl Samples {
    /// None yet; times will be told in milliseconds after `start`.
    pub fn starting(start: Instant) -> Self {
        Self { start_ms: start.ms(), series: BTreeMap::new() }
    }

    /// Adds samples to a series.
    pub fn add(
        &mut self,
        name: &str,
        labels: Vec<(String, String)>,
        samples: impl Iterator<Item = (i64, String)>,
    ) {
        let key = (name.to_owned(), labels.into_iter().collect());
        let start_ms = self.start_ms;
        self.series.entry(key).or_default().extend(samples.map(|(at, value)| (start_ms + at, value)));
    }

    /// As OpenMetrics text, for a real server.
    pub fn open_metrics(&self) -> String {
        let mut text = String::new();
        for ((name, labels), samples) in &self.series {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            let labels = labels.join(",");
            for (at_ms, value) in samples {
                let _ = writeln!(text, "{name}{{{labels}}} {value} {}.{:03}", at_ms / 1_000, at_ms % 1_000);
            }
        }
        text + "# EOF\n"
    }

    /// The same with labels renamed, and labels of a scrape's target where they stood.
    pub fn renamed(&self, names: &[&str], prefix: &str) -> Self {
        let moved = |labels: &Labels| -> Labels {
            let mut out = Labels::new();
            for (name, value) in labels {
                if names.contains(&name.as_str()) {
                    out.insert(format!("{prefix}{name}"), value.clone());
                    out.insert(name.clone(), "of-the-target".to_owned());
                } else {
                    out.insert(name.clone(), value.clone());
                }
            }
            out
        };
        let series = self
            .series
            .iter()
            .map(|((name, labels), samples)| ((name.clone(), moved(labels)), samples.clone()));
        Self { start_ms: self.start_ms, series: series.collect() }
    }

    fn matching<'s>(
        &'s self,
        selector: &Selector,
    ) -> impl Iterator<Item = (&'s Labels, &'s Vec<(i64, String)>)> {
        let matchers = selector.matchers.clone();
        let name = selector.name.clone();
        self.series
            .iter()
            .filter(move |((known, labels), _)| {
                *known == name && matchers.iter().all(|matcher| matcher.fits(labels))
            })
            .map(|((_, labels), samples)| (labels, samples))
    }
}

/// `name{label="value",…}`.
#[derive(Debug, Clone)]
struct Selector {
    name: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug, Clone)]
struct Matcher {
    label: String,
    operator: String,
    value: String,
}

impl Matcher {
    fn fits(&self, labels: &Labels) -> bool {
        let held = labels.get(&self.label).map_or("", String::as_str);
        match self.operator.as_str() {
            "=" => held == self.value,
            "!=" => held != self.value,
            "=~" => self.value.split('|').any(|one| one == held),
            other => panic!("the stand-in knows no {other}"),
        }
    }
}

impl Selector {
    fn read(text: &str) -> Self {
        let (name, rest) = text.split_once('{').unwrap_or((text, ""));
        let inner = rest.trim_end_matches('}');
        let matchers = inner.split(',').filter(|one| !one.is_empty()).map(|one| {
            let at = one.find(['=', '!']).unwrap();
            let (label, rest) = one.split_at(at);
            let quote = rest.find('"').unwrap();
            Matcher {
                label: label.to_owned(),
                operator: rest[..quote].to_owned(),
                value: rest[quote..].trim_matches('"').to_owned(),
            }
        });
        Self { name: name.to_owned(), matchers: matchers.collect() }
    }
}

/// What shall go wrong.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// A sample at the left edge is given, as Prometheus 2 does.
    pub left_edge: bool,
    /// Answer this status to queries over a longer span, ms.
    pub too_much: Option<(u16, i64)>,
    /// Say `warnings` for queries of this metric.
    pub warn: Option<String>,
    /// Break off this many answers in the middle.
    pub truncate: usize,
    /// Answer this status to everything.
    pub status: Option<u16>,
    /// Ask for this `Authorization` header.
    pub authorization: Option<String>,
}

/// A stand-in that runs until it is dropped.
pub struct StandIn {
    pub url: String,
    pub faults: Arc<Mutex<Faults>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl StandIn {
    pub async fn start(samples: Samples) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let faults = Arc::new(Mutex::new(Faults::default()));
        let samples = Arc::new(samples);
        let their_faults = Arc::clone(&faults);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (samples, faults) = (Arc::clone(&samples), Arc::clone(&their_faults));
                tokio::spawn(async move { answer(stream, &samples, &faults).await });
            }
        });
        Self { url, faults, task }
    }

    pub fn set(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.faults.lock().unwrap());
    }
}

/// Reads one request, answers it and closes the connection.
async fn answer(mut stream: TcpStream, samples: &Samples, faults: &Mutex<Faults>) {
    let mut bytes = Vec::new();
    let mut chunk = vec![0_u8; 65_536];
    let (head, body) = loop {
        let Ok(read) = stream.read(&mut chunk).await else { return };
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:").map(str::trim).map(str::to_owned)
            })
            .map_or(0, |length| length.parse().unwrap());
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    let (status, text, cut) = {
        let mut faults = faults.lock().unwrap();
        let (status, text) = reply(&head, &body, samples, &faults);
        let cut = faults.truncate > 0 && status == 200;
        faults.truncate -= usize::from(cut);
        (status, text, cut)
    };
    let sent = if cut { &text[..text.len() / 2] } else { &text };
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(sent.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn reply(head: &str, body: &str, samples: &Samples, faults: &Faults) -> (u16, String) {
    let error = |status: u16, kind: &str| {
        (status, format!("{{\"status\":\"error\",\"errorType\":\"{kind}\",\"error\":\"as asked\"}}"))
    };
    if let Some(status) = faults.status {
        return error(status, "internal");
    }
    if let Some(wanted) = &faults.authorization {
        let lower = head.to_ascii_lowercase();
        let held =
            lower.lines().any(|line| line == format!("authorization: {}", wanted.to_ascii_lowercase()));
        if !held {
            return error(401, "unauthorized");
        }
    }
    let address = head.split(' ').nth(1).unwrap();
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let form = if query.is_empty() { body } else { query };
    let asked: BTreeMap<String, String> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let ms = |text: &str| super::super::number::scaled(text, 3).unwrap();
    if path == "/api/v1/label/__name__/values" {
        let selector = Selector::read(&asked["match[]"]);
        let (from, to) = (ms(&asked["start"]), ms(&asked["end"]));
        let inside = |(_, samples): (&Labels, &Vec<(i64, String)>)| {
            samples.iter().any(|(at, _)| from <= *at && *at <= to)
        };
        let names: Vec<&str> =
            if samples.matching(&selector).any(inside) { vec![selector.name.as_str()] } else { Vec::new() };
        return (200, serde_json::json!({"status": "success", "data": names}).to_string());
    }
    if path == "/api/v1/read" {
        return error(404, "not_found");
    }
    assert_eq!(path, "/api/v1/query");
    let (selector, span) = asked["query"].rsplit_once('[').unwrap();
    let span: i64 = span.trim_end_matches("ms]").parse().unwrap();
    let selector = Selector::read(selector);
    if let Some((status, most)) = faults.too_much
        && span > most
    {
        return error(status, "execution");
    }
    let to = ms(&asked["time"]);
    let from = to - span;
    let inside = |at: i64| (from < at || (faults.left_edge && at == from)) && at <= to;
    let mut result = Vec::new();
    for (labels, samples) in samples.matching(&selector) {
        let values: Vec<String> = samples
            .iter()
            .filter(|(at, _)| inside(*at))
            .map(|(at, value)| format!("[{}.{:03},\"{value}\"]", at / 1_000, at % 1_000))
            .collect();
        if !values.is_empty() {
            result.push(format!(
                "{{\"metric\":{},\"values\":[{}]}}",
                serde_json::json!(labels),
                values.join(",")
            ));
        }
    }
    let warnings =
        if faults.warn.as_ref() == Some(&selector.name) { "\"warnings\":[\"half is missing\"]," } else { "" };
    let result = result.join(",");
    (
        200,
        format!(
            "{{\"status\":\"success\",{warnings}\"data\":{{\"resultType\":\"matrix\",\"result\":[{result}]}}}}"
        ),
    )
}
