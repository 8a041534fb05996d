//! One cluster: set by set, window by window, from the tables' position to what is settled.

use std::time::Duration;

use futures::StreamExt;
use hubtally_rules::timeline::{CELL_MS, cell_of};
use hubtally_schemas::Instant;
use hubtally_schemas::units::HOUR_MS;
use hubtally_store::{CommitOutcome, OpenTables, SourceBatch, Store};

use super::client::PrometheusClient;
use super::coverage::{self, Scraped};
use super::error::PrometheusError;
use super::range::{self, Range};
use super::reply::Series;
use super::report::{ClusterReport, SetReport};
use super::sets::QuerySet;
use super::sink::{Acquaintances, Sink, Where, Window};
use super::{
    PrometheusCluster, PrometheusOptions, SETTLE_MS, homes, hubs, nodes, people, pod_rows, pods, start,
    volumes,
};
use crate::error::IngestError;
use crate::events::Counts;
use crate::progress::Progress;

/// How often a source is tried again while another process holds it and it does not move.
const MAX_ATTEMPTS: u32 = 10;
/// The wait before the n-th attempt is n times this.
const PAUSE: Duration = Duration::from_millis(50);
/// How many queries of one cluster are on their way at once.
const QUERIES_AT_ONCE: usize = 4;

/// Why a set was not read to its end.
enum Stop {
    /// The cluster's Prometheus: the other clusters go on.
    Cluster(PrometheusError),
    /// The store or the keys: nothing can go on.
    All(IngestError),
}

impl From<PrometheusError> for Stop {
    fn from(error: PrometheusError) -> Self {
        Self::Cluster(error)
    }
}

impl From<IngestError> for Stop {
    fn from(error: IngestError) -> Self {
        Self::All(error)
    }
}

/// Reads what is new of one cluster.
pub(super) async fn read(
    store: &Store,
    tables: &OpenTables,
    cluster: &PrometheusCluster,
    options: &PrometheusOptions,
    progress: &dyn Progress,
) -> Result<ClusterReport, IngestError> {
    let mut report = ClusterReport {
        cluster: cluster.id.to_string(),
        url: cluster.access.url.clone(),
        sets: Vec::new(),
        error: None,
        warnings: Vec::new(),
    };
    let client = match PrometheusClient::new(cluster.access.clone()) {
        Ok(client) => client,
        Err(error) => {
            report.error = Some(with_causes(&error));
            return Ok(report);
        }
    };
    let mut acquaintances = people::known(store, &cluster.id).await?;
    for set in QuerySet::ALL {
        let mut reader = Reader {
            store,
            tables,
            cluster,
            client: &client,
            options,
            progress,
            set,
            source: set.source(cluster.id.as_str()),
            acquaintances: &mut acquaintances,
            report: SetReport::new(set, cluster.id.as_str()),
            warnings: &mut report.warnings,
        };
        let ended = reader.read().await;
        let set_report = reader.report;
        let begun = set_report.until.is_some() || set_report.silent_since.is_some();
        if begun {
            report.sets.push(set_report);
        }
        match ended {
            Ok(()) => {}
            Err(Stop::All(error)) => return Err(error),
            Err(Stop::Cluster(error)) => {
                tracing::warn!(cluster = %cluster.id, set = set.name(), "{}", with_causes(&error));
                report.error.get_or_insert_with(|| with_causes(&error));
                if !error.spares_other_sets() {
                    break;
                }
            }
        }
    }
    Ok(report)
}

/// An error with what caused it, in one line.
fn with_causes(error: &PrometheusError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text.push_str(", because ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// One set of one cluster.
struct Reader<'a> {
    store: &'a Store,
    tables: &'a OpenTables,
    cluster: &'a PrometheusCluster,
    client: &'a PrometheusClient,
    options: &'a PrometheusOptions,
    progress: &'a dyn Progress,
    set: QuerySet,
    source: String,
    acquaintances: &'a mut Acquaintances,
    report: SetReport,
    warnings: &'a mut Vec<String>,
}

/// What became of a commit.
enum Committed {
    /// It is in.
    Done,
    /// Another process reads the same source.
    Rival,
}

impl Reader<'_> {
    async fn read(&mut self) -> Result<(), Stop> {
        let until = self.until();
        let (mut last, mut attempts) = (None, 0);
        while attempts < MAX_ATTEMPTS {
            let Some(position) = self.position_or_begin(until).await? else { return Ok(()) };
            // A rival that moves the position does our work; one that does not is not waited for for ever.
            attempts = if last == Some(position) { attempts + 1 } else { 0 };
            last = Some(position);
            self.report.from.get_or_insert(Instant::from_ms(position));
            self.report.until = Some(Instant::from_ms(position));
            if position >= until {
                return Ok(());
            }
            if !self.client.may_have(self.set.telling(), position, until + SETTLE_MS).await? {
                self.silent_since(position);
                return Ok(());
            }
            match self.read_from(position, until).await? {
                Committed::Done => return Ok(()),
                Committed::Rival => {
                    self.report.rivals += 1;
                    tracing::warn!(
                        source = self.source,
                        "another process reads the same source; going on from the store's position"
                    );
                    tokio::time::sleep(PAUSE * attempts).await;
                    self.refresh().await?;
                }
            }
        }
        Err(Stop::All(IngestError::Rival { path: self.source.clone(), attempts: MAX_ATTEMPTS }))
    }

    /// Up to where windows may end: what is younger may still get samples.
    fn until(&self) -> i64 {
        let settled = self.options.now.ms() - SETTLE_MS - self.cluster.cadence.max_gap_ms();
        cell_of(self.options.until.map_or(settled, |until| until.ms().min(settled)))
    }

    /// The position in the tables; a source that was never read begins where the configuration says, and
    /// that choice is committed before anything else. `None` where there is nothing to begin with.
    async fn position_or_begin(&mut self, until: i64) -> Result<Option<i64>, Stop> {
        let position = self.position().await?;
        if position > 0 {
            return Ok(Some(position));
        }
        let Some(begin) = start::begin(self.client, self.set, self.cluster.begin, until).await? else {
            if self.set.needed() {
                let (url, metric) = (self.client.url().to_owned(), self.set.telling());
                return Err(Stop::Cluster(PrometheusError::NothingThere { url, metric }));
            }
            return Ok(None);
        };
        if begin <= 0 {
            return Ok(None);
        }
        let batch = SourceBatch { from: 0, to: begin, ..SourceBatch::default() };
        // Where another process began in between, its choice stands.
        if self.commit(batch).await? == CommitOutcome::Done {
            self.report.begun_at = Some(Instant::from_ms(begin));
        } else {
            self.refresh().await?;
        }
        Ok(Some(self.position().await?).filter(|position| *position > 0))
    }

    fn silent_since(&mut self, at_ms: i64) {
        if self.set.needed() {
            self.report.silent_since = Some(Instant::from_ms(at_ms));
        }
    }

    async fn position(&self) -> Result<i64, IngestError> {
        self.tables.position(&self.source).await.map_err(|source| self.failed("reading the position", source))
    }

    async fn refresh(&self) -> Result<(), IngestError> {
        self.tables.refresh().await.map_err(|source| self.failed("reading what others committed", source))
    }

    fn failed(&self, what: &str, source: hubtally_store::StoreError) -> IngestError {
        IngestError::Store { doing: format!("{what} of {}", self.source), source: Box::new(source) }
    }

    async fn commit(&mut self, batch: SourceBatch) -> Result<CommitOutcome, IngestError> {
        let to = Instant::from_ms(batch.to);
        let outcomes = self.tables.commit(vec![(self.source.clone(), batch)]).await;
        let outcomes =
            outcomes.map_err(|source| self.failed(&format!("committing what came before {to}"), source))?;
        Ok(outcomes.first().copied().unwrap_or(CommitOutcome::AlreadyDone))
    }

    /// Reads window after window. Windows without a sample wait for one that has some: what a server
    /// does not have yet may come, and what it never had is a gap as soon as later samples say so.
    async fn read_from(&mut self, position: i64, until: i64) -> Result<Committed, Stop> {
        let mut from = position;
        let mut at = position;
        while at < until {
            let mut acquaintances = std::mem::take(self.acquaintances);
            let ended = self.collect(&mut acquaintances, at, until).await;
            *self.acquaintances = acquaintances;
            let (collected, failed) = ended?;
            let Some(collected) = collected else {
                if let Some(failed) = failed {
                    return Err(Stop::Cluster(failed));
                }
                self.silent_since(from);
                break;
            };
            at = collected.to;
            let batch = SourceBatch { from, to: collected.to, rows: collected.rows };
            if self.commit(batch).await? != CommitOutcome::Done {
                return Ok(Committed::Rival);
            }
            from = collected.to;
            for (namespace, id) in collected.met {
                self.acquaintances.stored(&namespace, id, None);
            }
            self.report.committed(collected.to, collected.windows, &collected.counts, collected.scrapes);
            self.progress.advance(0, collected.counts.all_rows());
            if let Some(failed) = failed {
                return Err(Stop::Cluster(failed));
            }
        }
        Ok(Committed::Done)
    }

    /// Rows of windows from `at` on, until there are enough for a commit, and what broke them off. `None`
    /// if nothing follows.
    async fn collect(
        &mut self,
        acquaintances: &mut Acquaintances,
        mut at: i64,
        until: i64,
    ) -> Result<(Option<Batch>, Option<PrometheusError>), IngestError> {
        let (source, store, cluster) = (self.source.clone(), self.store, self.cluster);
        let place = Where { cluster: cluster.id.as_str(), source: &source, now: self.options.now };
        let mut sink = Sink::new(place, store.keys(), acquaintances);
        let mut failed = None;
        let (mut told, mut windows, mut scrapes) = (false, 0, (0, 0));
        while at < until {
            let window =
                Window { from_ms: at, to_ms: self.window_end(at, until), cadence: self.cluster.cadence };
            let answers = match self.ask(window).await {
                Ok(answers) => answers,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            let tells = answers.iter().flatten().any(|series| tells(series, window));
            if told && !tells {
                // What is certain is committed first; the silence after it begins a batch of its own.
                break;
            }
            if !tells && !self.may_follow(window.to_ms, until, &mut failed).await {
                break;
            }
            told |= tells;
            let hours = self.rows(answers, window, &mut sink)?;
            scrapes = (scrapes.0 + hours.0, scrapes.1 + hours.1);
            windows += 1;
            at = window.to_ms;
            if told && sink.waiting() >= self.options.batch_rows {
                break;
            }
        }
        if !told {
            return Ok((None, failed));
        }
        let collected = sink.collected()?;
        let (rows, counts, met) = (collected.rows, collected.counts, collected.met);
        Ok((Some(Batch { to: at, rows, counts, met, windows, scrapes }), failed))
    }

    /// Whether anything may follow a window without a sample.
    async fn may_follow(&self, from: i64, until: i64, failed: &mut Option<PrometheusError>) -> bool {
        match self.client.may_have(self.set.telling(), from, until + SETTLE_MS).await {
            Ok(more) => more,
            Err(error) => {
                *failed = Some(error);
                false
            }
        }
    }

    /// The end of the window that begins at `at`: windows end at multiples of their length.
    fn window_end(&self, at: i64, until: i64) -> i64 {
        let length = cell_of(self.cluster.window_ms).max(CELL_MS);
        ((at.div_euclid(length) + 1) * length).min(until)
    }

    /// Raw samples for a window, with the margin that its rules need: the whole of its first hour too,
    /// whose coverage may be told again.
    async fn ask(&mut self, window: Window) -> Result<Vec<Vec<Series>>, PrometheusError> {
        let first_hour = window.from_ms.div_euclid(HOUR_MS) * HOUR_MS;
        let margin = window.cadence.margin_ms();
        let range = Range { from_ms: first_hour - margin, to_ms: window.to_ms + window.cadence.max_gap_ms() };
        let client = self.client;
        let queries = futures::stream::iter(self.set.queries())
            .map(|query| range::read(client, query, range))
            .buffered(QUERIES_AT_ONCE);
        let mut queries = std::pin::pin!(queries);
        let mut answers = Vec::new();
        while let Some(answer) = queries.next().await {
            let (series, bytes) = answer?;
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            self.report.bytes += bytes;
            self.progress.advance(bytes, 0);
            answers.push(series);
        }
        Ok(answers)
    }

    /// Turns the answers into rows; gives the scrapes expected and seen in the hours that are told of.
    fn rows(
        &mut self,
        answers: Vec<Vec<Series>>,
        window: Window,
        sink: &mut Sink<'_>,
    ) -> Result<(i64, i64), IngestError> {
        for (answer, query) in answers.iter().zip(self.set.queries()) {
            for series in answer {
                sink.refuse_samples(&query.selector(), &series.labels, &series.bad, window)?;
            }
        }
        let name = self.set.name();
        let scrapes = match self.set {
            QuerySet::Pods => {
                let pods = pods::join(answers, window.cadence, &self.cluster.naming);
                pod_rows::add(&pods, window, sink)?;
                self.check_interval(&pods.scrapes_ms);
                coverage::tell(coverage::KUBELETS, &pods.kubelets, window, sink);
                vec![Scraped::always(pods.scrapes_ms)]
            }
            QuerySet::Nodes => {
                let nodes = nodes::join(answers);
                nodes::add(&nodes, &self.cluster.hub_label, window, sink)?;
                vec![Scraped::always(nodes.scrapes_ms)]
            }
            QuerySet::Homes => {
                let homes = homes::join(answers);
                homes::add(&homes, window, sink)?;
                homes.scrapes()
            }
            QuerySet::Volumes => {
                let volumes = volumes::join(answers);
                volumes::add(&volumes, window, sink)?;
                volumes.scrapes()
            }
            QuerySet::Hubs => hubs::add(answers, window, sink),
        };
        Ok(coverage::tell(name, &scrapes, window, sink))
    }

    /// Warns, once, where samples come at another pace than the configuration says.
    fn check_interval(&mut self, scrapes_ms: &[i64]) {
        let mut steps: Vec<i64> = scrapes_ms.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if steps.len() < 10 || !self.warnings.is_empty() {
            return;
        }
        steps.sort_unstable();
        let (median, said) = (steps[steps.len() / 2], self.cluster.cadence.step_ms());
        // Two kube-state-metrics in a rollout halve the pace for a while; a median does not mind.
        if median * 4 > said * 5 || median * 4 < said * 3 {
            self.warnings.push(format!(
                "kube-state-metrics is scraped about every {} s, and the configuration says {} s: set scrape_interval_seconds of this cluster, or what ends will count too long or too short",
                (median + 500) / 1_000,
                said / 1_000
            ));
        }
    }
}

/// A sample within the window, not only in its margin.
fn tells(series: &Series, window: Window) -> bool {
    let first = series.samples.partition_point(|sample| sample.at_ms < window.from_ms);
    series.samples.get(first).is_some_and(|sample| sample.at_ms < window.to_ms)
}

/// Rows of one commit.
struct Batch {
    to: i64,
    rows: std::collections::BTreeMap<&'static str, Vec<arrow::array::RecordBatch>>,
    counts: Counts,
    met: Vec<(String, hubtally_schemas::UserId)>,
    windows: u64,
    scrapes: (i64, i64),
}

impl SetReport {
    fn new(set: QuerySet, cluster: &str) -> Self {
        Self {
            query_set: set.name(),
            source: set.source(cluster),
            begun_at: None,
            from: None,
            until: None,
            windows: 0,
            bytes: 0,
            expected: 0,
            seen: 0,
            counts: Counts::default(),
            batches: 0,
            rivals: 0,
            silent_since: None,
        }
    }

    fn committed(&mut self, to_ms: i64, windows: u64, counts: &Counts, (expected, seen): (i64, i64)) {
        self.until = Some(Instant::from_ms(to_ms));
        self.windows += windows;
        self.batches += 1;
        self.expected += expected;
        self.seen += seen;
        self.counts.merge(counts);
    }
}
