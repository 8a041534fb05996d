//! What reading a cluster's Prometheus needs, looked at one by one, with what mends each.

use hubtally_schemas::Instant;

use super::ask::{ProbeError, Row, Server};
use super::finding::Finding;
use crate::prometheus::PrometheusCluster;

/// How far a server's clock may be from ours, seconds.
const CLOCK_TOLERANCE_S: i64 = 60;
/// Reading must stay this far ahead of what the server forgets, seconds.
const RETENTION_MARGIN_S: i64 = 3 * 86_400;

/// Values for the Helm chart of kube-state-metrics, as the prometheus chart takes them.
const KSM_VALUES: &str = "\
kube-state-metrics:
  metricAnnotationsAllowList:
    - pods=[hub.jupyter.org/username]
  metricLabelsAllowlist:
    - pods=[component,hub.jupyter.org/servername,app.kubernetes.io/component]
    - nodes=[*]";

/// How far a cluster was read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadSoFar {
    /// End of the last window of pods; `None` where nothing was read yet.
    pub until: Option<Instant>,
}

/// One metric that is needed or useful.
struct Metric {
    what: &'static str,
    selector: &'static str,
    /// Whether nothing can be metered without it.
    needed: bool,
    missing: &'static str,
}

const METRICS: &[Metric] = &[
    Metric {
        what: "pods",
        selector: "kube_pod_info",
        needed: true,
        missing: "scrape kube-state-metrics: install it (Helm chart prometheus-community/kube-state-metrics) and add it to scrape_configs",
    },
    Metric {
        what: "phases of pods",
        selector: "kube_pod_status_phase",
        needed: true,
        missing: "kube-state-metrics drops it: take it out of metric_relabel_configs and of --metric-denylist",
    },
    Metric {
        what: "requests of pods",
        selector: "kube_pod_container_resource_requests",
        needed: true,
        missing: "kube-state-metrics drops it, or no pod requests anything: take it out of metric_relabel_configs, and give the hub's servers cpu and memory guarantees",
    },
    Metric {
        what: "nodes",
        selector: "kube_node_status_capacity",
        needed: true,
        missing: "kube-state-metrics may not list nodes: give it the collector `nodes`, and a ClusterRole that allows list and watch on nodes",
    },
    Metric {
        what: "node ids",
        selector: "kube_node_info{provider_id!=\"\"}",
        needed: false,
        missing: "no node names its provider id, so a bill's instances cannot be joined to nodes: scrape kube_node_info of kube-state-metrics 2",
    },
    Metric {
        what: "cpu use",
        selector: "container_cpu_usage_seconds_total{container!=\"\",container!=\"POD\"}",
        needed: false,
        missing: "scrape the kubelets' /metrics/cadvisor (role: node) and keep the label `container`: until then a pod counts by what it requests",
    },
    Metric {
        what: "memory use",
        selector: "container_memory_working_set_bytes{container!=\"\",container!=\"POD\"}",
        needed: false,
        missing: "scrape the kubelets' /metrics/cadvisor (role: node) and keep the label `container`: until then a pod counts by what it requests",
    },
    Metric {
        what: "home directories",
        selector: "dirsize_total_size_bytes",
        needed: false,
        missing: "run prometheus-dirsize-exporter beside each hub's home directories, or jupyterhub-home-nfs, and scrape it: until then home storage is shared without them",
    },
    Metric {
        what: "hubs",
        selector: "jupyterhub_running_servers",
        needed: false,
        missing: "scrape the hubs at /hub/metrics (a service account with the scope read:metrics, or authenticate_prometheus = false): their own gauges are missing until then",
    },
];

/// Looks at a cluster's Prometheus. `now` is our clock.
pub async fn examine(cluster: &PrometheusCluster, read: ReadSoFar, now: Instant) -> Vec<Finding> {
    let of = format!("prometheus {}", cluster.id);
    let server = match Server::new(&cluster.access) {
        Ok(server) => server,
        Err(error) => return vec![unanswered(&of, &error)],
    };
    let mut examined = Examined { of, server, findings: Vec::new() };
    if let Err(error) = examined.all(cluster, read, now).await {
        let finding = unanswered(&examined.of, &error);
        examined.findings.push(finding);
    }
    examined.findings
}

fn unanswered(of: &str, error: &ProbeError) -> Finding {
    let mend = match error {
        ProbeError::Refused { .. } => {
            "check `user` and `password`, or `token`, of [[prometheus]]: it needs to read /api/v1/query and /api/v1/label"
        }
        ProbeError::Unreachable { .. } => {
            "check `url`, the network and its firewall; https asks for `ca` where the certificate is your own"
        }
        _ => "check `url` of [[prometheus]]: it ends before /api/v1",
    };
    let mut found = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        found.push_str(": ");
        found.push_str(&error.to_string());
        cause = error.source();
    }
    Finding::fail(of, "answer", found, mend)
}

struct Examined {
    of: String,
    server: Server,
    findings: Vec<Finding>,
}

impl Examined {
    async fn all(
        &mut self,
        cluster: &PrometheusCluster,
        read: ReadSoFar,
        now: Instant,
    ) -> Result<(), ProbeError> {
        self.clock(now).await?;
        let mut has_pods = false;
        for metric in METRICS {
            let series = self.server.count(&format!("count({})", metric.selector)).await?;
            has_pods |= metric.selector == "kube_pod_info" && series > 0;
            self.metric(metric, series);
        }
        if has_pods {
            self.users().await?;
            self.components().await?;
            self.node_labels(&cluster.hub_label).await?;
            self.renamed().await?;
            self.doubled().await?;
            self.interval(cluster.cadence.step_ms()).await?;
        }
        self.retention(read, now).await;
        Ok(())
    }

    fn ok(&mut self, what: &str, found: impl Into<String>) {
        self.findings.push(Finding::ok(&self.of, what, found));
    }

    fn warn(&mut self, what: &str, found: impl Into<String>, mend: impl Into<String>) {
        self.findings.push(Finding::warn(&self.of, what, found, mend));
    }

    async fn clock(&mut self, now: Instant) -> Result<(), ProbeError> {
        let rows = self.server.query("time()").await?;
        let said = rows.first().and_then(|row| row.samples.last()).map(|(_, value)| value.as_str());
        let seconds =
            said.and_then(|value| value.split('.').next()).and_then(|value| value.parse::<i64>().ok());
        let Some(seconds) = seconds else { return Ok(()) };
        let apart = seconds - now.ms() / 1_000;
        if apart.abs() <= CLOCK_TOLERANCE_S {
            self.ok("answer and clock", format!("answers; its clock is {apart} s from ours"));
        } else {
            self.warn(
                "answer and clock",
                format!("its clock is {apart} s from ours"),
                "switch on time synchronisation (chrony, systemd-timesyncd) on both machines: samples after our present are not read",
            );
        }
        Ok(())
    }

    fn metric(&mut self, metric: &Metric, series: u64) {
        if series > 0 {
            let name = metric.selector.split('{').next().unwrap_or_default();
            self.ok(metric.what, format!("{series} series of {name}"));
        } else if metric.needed {
            let finding =
                Finding::fail(&self.of, metric.what, format!("no {}", metric.selector), metric.missing);
            self.findings.push(finding);
        } else {
            self.warn(metric.what, format!("no {}", metric.selector), metric.missing);
        }
    }

    async fn users(&mut self) -> Result<(), ProbeError> {
        let named = "kube_pod_annotations{annotation_hub_jupyter_org_username!=\"\"}";
        let users = self.server.count(&format!("count({named})")).await?;
        let servers = self
            .server
            .count("count(kube_pod_info{pod=~\"jupyter-.*\"}) or count(kube_pod_info{exported_pod=~\"jupyter-.*\"})")
            .await?;
        match (users, servers) {
            (1.., _) => self.ok("user names", format!("{users} pods with the annotation hub.jupyter.org/username")),
            (0, 0) => self.warn(
                "user names",
                "no user's server runs now, so nothing can be said",
                format!("look again while one runs; kube-state-metrics exports the annotation only when it is told to:\n{KSM_VALUES}"),
            ),
            (0, _) => self.warn(
                "user names",
                format!("{servers} users' servers, and none with the annotation hub.jupyter.org/username: users are known by the slug in their pod's name only (`slug_only:`)"),
                format!("kube-state-metrics exports no annotation unless told to (--metric-annotations-allowlist). Helm values:\n{KSM_VALUES}"),
            ),
        }
        Ok(())
    }

    async fn components(&mut self) -> Result<(), ProbeError> {
        let labelled = self.server.count("count(kube_pod_labels{label_component!=\"\"})").await?;
        if labelled > 0 {
            self.ok("component labels", format!("{labelled} pods with the label component"));
        } else {
            self.warn(
                "component labels",
                "no pod with the label component: servers, builds and placeholders are told apart by their names only",
                format!("kube-state-metrics exports no label unless told to (--metric-labels-allowlist). Helm values:\n{KSM_VALUES}"),
            );
        }
        Ok(())
    }

    async fn node_labels(&mut self, hub_label: &str) -> Result<(), ProbeError> {
        let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
        let hub: String = hub_label.chars().map(letter).collect();
        let types = "label_node_kubernetes_io_instance_type";
        let typed = self.server.count(&format!("count(kube_node_labels{{{types}!=\"\"}})")).await?;
        let hubs = self.server.count(&format!("count(kube_node_labels{{label_{hub}!=\"\"}})")).await?;
        let purposes =
            self.server.count("count(kube_node_labels{label_hub_jupyter_org_node_purpose!=\"\"})").await?;
        let found = format!(
            "{typed} nodes with an instance type, {purposes} with hub.jupyter.org/node-purpose, {hubs} with {hub_label}"
        );
        if typed > 0 && purposes > 0 {
            self.ok("node labels", found);
        } else {
            self.warn(
                "node labels",
                found,
                format!("without them idle time of nodes has no purpose and no instance type. Helm values:\n{KSM_VALUES}"),
            );
        }
        Ok(())
    }

    async fn renamed(&mut self) -> Result<(), ProbeError> {
        let renamed = self.server.count("count(kube_pod_info{exported_namespace!=\"\"})").await?;
        if renamed > 0 {
            self.ok(
                "label names",
                format!("{renamed} series with exported_namespace, as honor_labels: false makes them: exported_namespace and exported_pod are mapped"),
            );
        } else {
            self.ok("label names", "namespace and pod are the pods' own");
        }
        Ok(())
    }

    async fn doubled(&mut self) -> Result<(), ProbeError> {
        let sources = self.server.count("count(count by (instance, job) (kube_pod_info))").await?;
        if sources > 1 {
            self.ok(
                "kube-state-metrics",
                format!("{sources} tell of pods now: each pod is counted once, by its uid"),
            );
        } else {
            self.ok("kube-state-metrics", "one tells of pods");
        }
        Ok(())
    }

    async fn interval(&mut self, configured_ms: i64) -> Result<(), ProbeError> {
        let Some(selector) = self.server.query("topk(1, kube_pod_info)").await?.first().map(selector_of)
        else {
            return Ok(());
        };
        let samples = self.server.query(&format!("{selector}[30m]")).await?;
        let Some(found_s) = samples.first().and_then(median_step) else { return Ok(()) };
        let configured_s = configured_ms / 1_000;
        let found =
            format!("pods are scraped every {found_s} s, `scrape_interval_seconds` is {configured_s}");
        if (found_s - configured_s).abs() * 10 <= configured_s {
            self.ok("scrape interval", found);
        } else {
            self.warn(
                "scrape interval",
                found,
                format!("write scrape_interval_seconds = {found_s} in [[prometheus]]: a gap is what is longer than two and a half of it"),
            );
        }
        Ok(())
    }

    /// Retention is told by the server's own page, which proxies often hide: then nothing is said.
    async fn retention(&mut self, read: ReadSoFar, now: Instant) {
        let Ok(page) = self.server.get("api/v1/status/runtimeinfo", &[]).await else {
            self.ok("retention", "not told (the server hides /api/v1/status/runtimeinfo)");
            return;
        };
        let said = page.get("storageRetention").and_then(|text| text.as_str()).unwrap_or_default().to_owned();
        let kept_s = said.split(" or ").find_map(duration_s);
        match (kept_s, read.until) {
            (None, _) => self.ok("retention", format!("by size ({said}): keep reading often")),
            (Some(kept_s), Some(until)) => {
                let behind_s = (now.0 - until.0) / 1_000_000;
                let found = format!("keeps {}, read until {until}", days(kept_s));
                if behind_s + RETENTION_MARGIN_S < kept_s {
                    self.ok("retention", found);
                } else {
                    self.warn(
                        "retention",
                        found,
                        "run `hubtally ingest prometheus` now, and then every day: what the server forgets becomes a gap",
                    );
                }
            }
            (Some(kept_s), None) if kept_s < 35 * 86_400 => self.warn(
                "retention",
                format!("keeps {}, and nothing was read yet", days(kept_s)),
                "run `hubtally ingest prometheus` every day, or keep more: --storage.tsdb.retention.time=400d",
            ),
            (Some(kept_s), None) => self.ok("retention", format!("keeps {}, nothing was read yet", days(kept_s))),
        }
    }
}

fn days(seconds: i64) -> String {
    format!("{} days", seconds / 86_400)
}

/// The selector of exactly one series.
fn selector_of(row: &Row) -> String {
    let labels = row.labels.iter().filter(|(name, _)| *name != "__name__");
    let pairs: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("kube_pod_info{{{}}}", pairs.join(","))
}

/// The usual time between two samples, whole seconds.
fn median_step(row: &Row) -> Option<i64> {
    let mut steps: Vec<f64> = row.samples.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_by(f64::total_cmp);
    let middle = steps.get(steps.len() / 2)?;
    format!("{middle:.0}").parse().ok().filter(|step| *step > 0)
}

/// Prometheus' durations: `15d`, `1098d`, `5w`, `2y`, `1d12h`.
fn duration_s(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut number = String::new();
    let mut letters = text.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let unit = match letter {
            'y' => 365 * 86_400,
            'w' => 7 * 86_400,
            'd' => 86_400,
            'h' => 3_600,
            'm' if letters.peek() == Some(&'s') => return Some(total),
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let count: i64 = std::mem::take(&mut number).parse().ok()?;
        total = total.checked_add(count.checked_mul(unit)?)?;
    }
    (total > 0 && number.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("15d", Some(1_296_000)),
            ("1d12h", Some(129_600)),
            ("100y", Some(3_153_600_000)),
            ("5GiB", None),
            ("", None),
        ] {
            assert_eq!(duration_s(text), seconds, "{text}");
        }
    }
}
