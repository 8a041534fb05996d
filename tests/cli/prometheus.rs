//! A few hours of a cluster in a real Prometheus, with everything that goes wrong there, against what a hand
//! computes: hours of usage, and the hole on the certificate.

use serde_json::Value;

use super::prometheus_server::{Record, Server, script};
use super::run::Place;

/// 2026-06-01T00:00:00Z.
const START: i64 = 1_780_272_000;
const GIB: &str = "1.073741824e+09";

/// Whether the server was there to scrape in a minute: it was not from 01:00 to 03:00.
fn there(minute: i64) -> bool {
    !(60..180).contains(&minute)
}

/// The scrapes of some minutes, at the seventh second.
fn scrapes(minutes: impl Iterator<Item = i64>) -> impl Iterator<Item = i64> {
    minutes.filter(|minute| there(*minute)).map(|minute| START + minute * 60 + 7)
}

fn always(minutes: std::ops::Range<i64>, value: &str) -> impl Iterator<Item = (i64, String)> {
    let value = value.to_owned();
    scrapes(minutes).map(move |second| (second, value.clone()))
}

struct Pod<'a> {
    uid: &'a str,
    name: &'a str,
    user: Option<&'a str>,
    node: &'a str,
    minutes: std::ops::Range<i64>,
    /// From this minute on its phase is no more Running.
    ended: i64,
}

impl Pod<'_> {
    /// What one kube-state-metrics tells of the pod. It says on which node it runs itself wherever a series
    /// names none.
    fn add(&self, record: &mut Record, ksm: &str, at: &dyn Fn(i64) -> i64) {
        let of = [("instance", ksm), ("namespace", "reef"), ("pod", self.name), ("uid", self.uid)];
        let own = [("node", "where-ksm-runs")];
        let with = |more: &[(&'static str, &str)]| -> Vec<(String, String)> {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            of.iter().map(owned).chain(more.iter().map(owned)).collect()
        };
        let mut series = |name: &str, more: &[(&'static str, &str)], value: &dyn Fn(i64) -> String| {
            let labels = with(more);
            let labels: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let minutes = self.minutes.clone().filter(|minute| there(*minute));
            record.add(name, &labels, minutes.map(|minute| (at(minute), value(minute))));
        };
        let one = |_: i64| "1".to_owned();
        series("kube_pod_info", &[("node", self.node)], &one);
        for (phase, here) in [("Running", true), ("Succeeded", false)] {
            let value = move |minute: i64| i64::from((minute < self.ended) == here).to_string();
            series("kube_pod_status_phase", &[own[0], ("phase", phase)], &value);
        }
        for (resource, value) in [("cpu", "0.5"), ("memory", GIB)] {
            let more = [("node", self.node), ("container", "notebook"), ("resource", resource)];
            series("kube_pod_container_resource_requests", &more, &|_| value.to_owned());
        }
        series("kube_pod_labels", &[own[0], ("label_component", "singleuser-server")], &one);
        if let Some(user) = self.user {
            series("kube_pod_annotations", &[own[0], ("annotation_hub_jupyter_org_username", user)], &one);
        }
    }
}

fn record() -> Record {
    let mut record = Record::default();
    let usual = |minute: i64| START + minute * 60 + 7;
    let pod = |uid, name, user, minutes: std::ops::Range<i64>| Pod {
        uid,
        name,
        user,
        node: "n1",
        ended: minutes.end,
        minutes,
    };
    // a pod that is deleted and comes again under its name
    let first = pod("u-ada-1", "jupyter-ada", Some("Ada"), 0..31);
    let second = pod("u-ada-2", "jupyter-ada", Some("Ada"), 40..250);
    // one that is seen once, one that ended though its series go on, one that nowhere fits
    let short = pod("u-bo", "jupyter-bo", Some("bo"), 50..51);
    let done = Pod { ended: 11, ..pod("u-cy", "jupyter-cy", Some("cy"), 0..250) };
    let never = Pod { ended: 0, node: "", ..pod("u-never", "jupyter-never", None, 0..250) };
    // one that began and ended between scrapes that saw it, and one that no scrape saw run: kube-state-metrics
    // tells both when
    let known = Pod { ended: 48, ..pod("u-dee", "jupyter-dee", Some("dee"), 45..60) };
    let unseen = Pod { ended: 53, ..pod("u-eve", "jupyter-eve", Some("eve"), 53..60) };
    for one in [&first, &second, &short, &done, &never, &known, &unseen] {
        one.add(&mut record, "10.0.0.1:8080", &usual);
    }
    for (metric, of, minutes, second) in [
        ("kube_pod_start_time", &known, 45..60, 44 * 60 + 20),
        ("kube_pod_container_state_started", &known, 45..48, 44 * 60 + 50),
        ("kube_pod_completion_time", &known, 48..60, 47 * 60 + 30),
        ("kube_pod_start_time", &unseen, 53..60, 52 * 60 + 20),
        ("kube_pod_completion_time", &unseen, 53..60, 52 * 60 + 50),
    ] {
        let labels = [("namespace", "reef"), ("pod", of.name), ("uid", of.uid), ("container", "notebook")];
        record.add(metric, &labels, always(minutes, &(START + second).to_string()));
    }
    // a second kube-state-metrics during a rollout, half a minute later
    let rollout = Pod { minutes: 20..25, ended: 25, ..pod("u-ada-1", "jupyter-ada", Some("Ada"), 0..31) };
    rollout.add(&mut record, "10.0.0.2:8080", &|minute| START + minute * 60 + 37);

    // a tenth of a core; after minute 15 the container began again
    let container = [
        ("instance", "n1"),
        ("namespace", "reef"),
        ("pod", "jupyter-ada"),
        ("container", "notebook"),
        ("id", "/kubepods/c5ab"),
    ];
    let counter = (0..31).map(|minute| {
        let counted = if minute < 15 { minute * 6 } else { (minute - 15) * 6 + 2 };
        (usual(minute), format!("{counted}.5"))
    });
    record.add("container_cpu_usage_seconds_total", &container, counter);
    // the pod's own control group has no container, and would double it
    let group = [("instance", "n1"), ("namespace", "reef"), ("pod", "jupyter-ada"), ("id", "/kubepods")];
    record.add(
        "container_cpu_usage_seconds_total",
        &group,
        (0..31).map(|minute| (usual(minute), format!("{}", minute * 6))),
    );

    record.add(
        "kube_node_info",
        &[("node", "n1"), ("provider_id", "aws:///us-west-2a/i-0abc")],
        always(0..250, "1"),
    );
    record.add(
        "kube_node_labels",
        &[("node", "n1"), ("label_hub_jupyter_org_node_purpose", "user")],
        always(0..250, "1"),
    );
    record.add("kube_node_status_capacity", &[("node", "n1"), ("resource", "cpu")], always(0..250, "4"));
    record.add(
        "kube_node_status_capacity",
        &[("node", "n1"), ("resource", "memory")],
        always(0..250, "3.4359738368e+10"),
    );

    let directory = |exporter| [("namespace", "reef"), ("directory", "-41da"), ("pod", exporter)];
    record.add("dirsize_total_size_bytes", &directory("shared-dirsize-metrics-1"), always(0..250, "4096"));
    record.add(
        "dirsize_last_updated_ns",
        &directory("shared-dirsize-metrics-1"),
        always(0..250, &(START - 3_600).to_string()),
    );
    record.add("dirsize_total_size_bytes", &directory("storage-quota-home-nfs-1"), always(0..250, "5000"));
    record.add("dirsize_hard_limit_bytes", &directory("storage-quota-home-nfs-1"), always(0..250, "1e+10"));
    record
}

const REGISTRY: &str = "
[organisation]
name = \"Hubs for Science\"
[[community]]
id = \"reef-lab\"
name = \"Reef Lab\"
[[account]]
id = \"111122223333\"
provider = \"aws\"
[[account.owner]]
owner = \"community:reef-lab\"
[[cluster]]
id = \"tides\"
provider = \"aws\"
account = \"111122223333\"
from = \"2026-06-01\"
to = \"2026-06-02\"
[[hub]]
id = \"reef\"
community = \"reef-lab\"
cluster = \"tides\"
namespace = \"reef\"
";

fn query(place: &Place, sql: &str) -> Vec<Value> {
    place.run(&["sql", sql, "--format", "json"]).exits(0).json().as_array().unwrap().clone()
}

/// Numbers are JSON numbers or decimal strings.
fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn configured(url: &str, more: &str) -> Place {
    let place = Place::initialised();
    place.write("registry.toml", REGISTRY);
    let section =
        format!("\n[[prometheus]]\ncluster = \"tides\"\nurl = \"{url}\"\nfrom = \"2026-06-01\"\n{more}");
    place.write("hubtally.toml", &(place.read("hubtally.toml") + &section));
    place
}

#[test]
fn l3_hours_from_a_prometheus_are_what_a_hand_computes_and_the_hole_is_on_the_certificate() {
    let Some(script) = script() else { return };
    let samples = tempfile::tempdir().unwrap();
    let file = samples.path().join("samples.openmetrics");
    record().write(&file);
    let server = Server::with(&script, &file, &[("PROMETHEUS_AUTH", "1")]);

    let place = configured(
        &server.url,
        "user = \"alice\"\npassword = \"env:PROMETHEUS_PASSWORD\"\nwindow_minutes = 90\n",
    );
    let secret = [("PROMETHEUS_PASSWORD", "alice-secret")];
    place.run(&["ingest", "prometheus"]).exits(2).says("PROMETHEUS_PASSWORD, which is not set");
    place
        .run_with(&["ingest", "prometheus"], &[("PROMETHEUS_PASSWORD", "wrong")])
        .exits(1)
        .says("refuses the credentials");
    let until = ["ingest", "prometheus", "--until", "2026-06-01T04:00:00Z"];
    place.run_with(&until, &secret).exits(0).prints("120 of 240 scrapes seen");
    place.run_with(&until, &secret).exits(0).prints("nothing new");

    place.write("bills/june.csv", "Linked account,111122223333,\nLinked account name,reef lab ($),Total costs($)\nLinked account total,10,10\n2026-06-01,10,10\n");
    // After 04:10 the server tells nothing more, and a close says so.
    place.run_with(&["close", "--period", "2026-06"], &secret).exits(3).says("nothing about pods since");

    // Hour 0: 31 samples of the first Ada hold a minute each; the second from 00:40:07 on. Hour 1: the
    // sample of 00:59:07 holds to 01:00:07. Hour 3: from 03:00:07 on. Bo's one sample holds one minute. Cy
    // counts to the sample that says it ended. What nowhere fits never counts. Dee's container started at
    // 00:44:50 and ended at 00:47:30, Eve's pod began at 00:52:20 and ended at 00:52:50, as is told later.
    let hours = query(
        &place,
        "SELECT pod_uid, CAST(date_part('hour', hour) AS BIGINT) AS h, observed_ms, cpu_request_millicore_ms AS cpu, cpu_usage_millicore_ms AS used, \
         memory_request_byte_ms AS memory, node, quality FROM usage_hourly WHERE hour < '2026-06-01T04:00:00Z' ORDER BY pod_uid, hour",
    );
    let told: Vec<(String, i64, i64)> = hours
        .iter()
        .map(|row| {
            (row["pod_uid"].as_str().unwrap().to_owned(), number(&row["h"]), number(&row["observed_ms"]))
        })
        .collect();
    let expected = [
        ("u-ada-1", 0, 1_860_000),
        ("u-ada-2", 0, 1_193_000),
        ("u-ada-2", 1, 7_000),
        ("u-ada-2", 3, 3_593_000),
        ("u-bo", 0, 60_000),
        ("u-cy", 0, 660_000),
        ("u-dee", 0, 160_000),
        ("u-eve", 0, 30_000),
    ];
    let expected: Vec<(String, i64, i64)> =
        expected.into_iter().map(|(uid, hour, ms)| (uid.to_owned(), hour, ms)).collect();
    assert_eq!(told, expected);
    for row in &hours {
        let observed = number(&row["observed_ms"]);
        assert_eq!(number(&row["cpu"]), observed * 500, "two kube-state-metrics double nothing: {row}");
        assert_eq!(number(&row["memory"]), observed << 30, "{row}");
        assert_eq!(row["node"], "n1", "the pod's node, not that of kube-state-metrics: {row}");
    }
    // 30 differences of 6 s; the one in which the counter began again counts its new 2.5 s
    assert_eq!(number(&hours[0]["used"]), 29 * 6_000_000 + 2_500_000);
    assert_eq!(hours[0]["quality"], "reset");
    assert_eq!(hours[4]["quality"], "single_sample");
    assert!(hours[1]["used"].is_null(), "missing is not zero: {}", hours[1]);

    let certificate = query(
        &place,
        "SELECT CAST(date_part('hour', hour) AS BIGINT) AS h, expected, seen, holes FROM completeness WHERE hour < '2026-06-01T05:00:00Z' ORDER BY hour",
    );
    let told: Vec<(i64, i64, i64)> = certificate
        .iter()
        .map(|row| (number(&row["h"]), number(&row["expected"]), number(&row["seen"])))
        .collect();
    assert_eq!(told[..4], [(0, 60, 60), (1, 60, 0), (2, 60, 0), (3, 60, 60)]);
    // In the first hour pods ran at 51 scrapes (the two Adas at 31 and 20), and the kubelet told of the first
    // one's container only. In the fourth it told of none. Both exporters of directories were whole.
    let holes: Vec<&Value> = certificate.iter().map(|row| &row["holes"]).take(4).collect();
    let dark = "homes 0/60, kubelets 0/60";
    assert_eq!(holes, ["kubelets 31/51", dark, dark, "kubelets 0/60"]);

    let homes = query(&place, "SELECT exporter, bytes, user_id FROM storage_usage ORDER BY exporter, time");
    assert_eq!(homes[0]["exporter"], "dirsize");
    assert!(homes.iter().any(|row| row["exporter"] == "home-nfs" && number(&row["bytes"]) == 5_000));
    let ada = query(&place, "SELECT DISTINCT user_id FROM pod_usage WHERE pod = 'jupyter-ada'");
    assert_eq!(
        (ada.len(), &ada[0]["user_id"]),
        (1, &homes[0]["user_id"]),
        "the slug leads to the annotation's name"
    );
    let dirsize = homes.iter().filter(|row| row["exporter"] == "dirsize").count();
    assert!(dirsize >= 1, "{homes:?}");
}

#[test]
fn a_server_behind_certificates_is_read_by_who_has_them() {
    let Some(script) = script() else { return };
    let samples = tempfile::tempdir().unwrap();
    let file = samples.path().join("samples.openmetrics");
    record().write(&file);
    let server = Server::with(&script, &file, &[("PROMETHEUS_TLS", "1")]);
    let pem = |name: &str| format!("file:{}", server.path(&format!("tls/{name}")).display());
    let until = ["ingest", "prometheus", "--until", "2026-06-01T01:00:00Z"];

    configured(&server.url, "").run(&until).exits(1).says("does not answer");
    let authority = format!("ca = \"{}\"\n", pem("ca.pem"));
    configured(&server.url, &authority).run(&until).exits(1).says("does not answer");
    let certificate =
        format!("client_certificate = \"{}\"\nclient_key = \"{}\"\n", pem("client.pem"), pem("client.key"));
    configured(&server.url, &(authority + &certificate)).run(&until).exits(0).prints("60 of 60 scrapes seen");
}

#[test]
fn a_prometheus_of_an_unknown_cluster_or_none_at_all_is_a_mistake_of_the_configuration() {
    let place = Place::initialised();
    place.run(&["ingest", "prometheus"]).exits(2).says("no Prometheus is configured");
    let place = configured("http://127.0.0.1:9", "");
    place.run(&["ingest", "prometheus", "--cluster", "dunes"]).exits(2).says("configured are tides");
    place.write("registry.toml", "[organisation]\nname = \"Hubs for Science\"\n");
    place.run(&["ingest", "prometheus"]).exits(2).says("names the cluster \"tides\"");
}
