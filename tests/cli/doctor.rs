//! `doctor` and `init --discover` on real Prometheus servers and the sample's bills.

use std::path::Path;

use serde_json::Value;

use super::prometheus_server::{Record, Server, script};
use super::run::{Place, copy_folder};

#[expect(
    clippy::disallowed_methods,
    reason = "the server is asked about the present, so its samples lie there"
)]
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// What a cluster shows around now.
#[derive(Clone, Copy)]
struct Shown {
    annotations: bool,
    exported: bool,
    every_s: i64,
}

/// Two pods of a hub, the hub itself, and a node, as kube-state-metrics tells of them.
fn cluster(script: &Path, shown: Shown) -> Server {
    let mut record = Record::default();
    let start = now() - 40 * 60;
    let steps = 60 * 60 / shown.every_s;
    let samples = |value: &str| {
        let value = value.to_owned();
        (0..steps).map(move |step| (start + step * shown.every_s, value.clone()))
    };
    let (namespace, pod) =
        if shown.exported { ("exported_namespace", "exported_pod") } else { ("namespace", "pod") };
    let of_ksm: &[(&str, &str)] =
        if shown.exported { &[("namespace", "support"), ("pod", "ksm-0")] } else { &[] };
    for (space, name, uid) in [
        ("reef", "jupyter-ada", "6f0c6f0c-0000-0000-0000-000000000001"),
        ("reef", "jupyter-grace", "6f0c6f0c-0000-0000-0000-000000000002"),
        ("reef", "hub-5d8f7c-abcde", "6f0c6f0c-0000-0000-0000-000000000003"),
        ("reef-staging", "hub-77f7c-xyzzy", "6f0c6f0c-0000-0000-0000-000000000004"),
        ("lonely", "jupyter-alan", "6f0c6f0c-0000-0000-0000-000000000005"),
        ("kube-system", "coredns", "6f0c6f0c-0000-0000-0000-000000000006"),
    ] {
        let mut add = |metric: &str, more: &[(&str, &str)], value: &str| {
            let own = [(namespace, space), (pod, name), ("uid", uid), ("instance", "ksm:8080")];
            let labels: Vec<(&str, &str)> = own.iter().chain(of_ksm).chain(more).copied().collect();
            record.add(metric, &labels, samples(value));
        };
        add("kube_pod_info", &[("node", "ip-10-0-1-21")], "1");
        add("kube_pod_status_phase", &[("phase", "Running")], "1");
        add(
            "kube_pod_container_resource_requests",
            &[("resource", "memory"), ("container", "notebook")],
            "1073741824",
        );
        if shown.annotations && name.starts_with("jupyter-") {
            add("kube_pod_annotations", &[("annotation_hub_jupyter_org_username", name)], "1");
            add("kube_pod_labels", &[("label_component", "singleuser-server")], "1");
        }
    }
    let node = [("node", "ip-10-0-1-21"), ("instance", "ksm:8080")];
    let mut add = |metric: &str, more: &[(&str, &str)], value: &str| {
        let labels: Vec<(&str, &str)> = node.iter().chain(more).copied().collect();
        record.add(metric, &labels, samples(value));
    };
    add("kube_node_info", &[("provider_id", "aws:///us-west-2a/i-0123456789abcdef0")], "1");
    add("kube_node_status_capacity", &[("resource", "cpu")], "4");
    let labels = [
        ("label_node_kubernetes_io_instance_type", "r5.xlarge"),
        ("label_hub_jupyter_org_node_purpose", "user"),
        ("label_alpha_eksctl_io_cluster_name", "tides"),
        ("label_topology_kubernetes_io_region", "us-west-2"),
    ];
    add("kube_node_labels", &labels, "1");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("samples");
    record.write(&file);
    Server::with(script, &file, &[])
}

fn place_with(url: &str) -> Place {
    let place = Place::initialised();
    let registry =
        "[organisation]\nname = \"Hubs for Science\"\n[[cluster]]\nid = \"tides\"\nprovider = \"aws\"\n";
    place.write("registry.toml", registry);
    let section = format!("\n[[prometheus]]\ncluster = \"tides\"\nurl = \"{url}\"\nfrom = \"earliest\"\n");
    place.write("hubtally.toml", &(place.read("hubtally.toml") + &section));
    place
}

fn finding<'f>(report: &'f Value, of: &str, what: &str) -> &'f Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|one| one["of"] == of && one["what"] == what);
    found.unwrap_or_else(|| panic!("nothing about {of}, {what}: {report:#}"))
}

#[test]
fn a_server_without_annotations_is_told_with_the_helm_values_that_mend_it() {
    let Some(script) = script() else { return };
    let server = cluster(&script, Shown { annotations: false, exported: true, every_s: 30 });
    let place = place_with(&server.url);
    let report = place.run(&["doctor", "--json"]).exits(3).json();
    let users = finding(&report, "prometheus tides", "user names");
    assert_eq!(users["level"], "warn", "{users}");
    assert!(users["found"].as_str().unwrap().contains("3 users' servers"), "{users}");
    let mend = users["mend"].as_str().unwrap();
    assert!(
        mend.contains("metricAnnotationsAllowList") && mend.contains("pods=[hub.jupyter.org/username]"),
        "{mend}"
    );
    let renamed = finding(&report, "prometheus tides", "label names");
    assert!(renamed["found"].as_str().unwrap().contains("are mapped"), "{renamed}");
    let interval = finding(&report, "prometheus tides", "scrape interval");
    assert!(interval["mend"].as_str().unwrap().contains("scrape_interval_seconds = 30"), "{interval}");
    for (what, level) in [
        ("pods", "ok"),
        ("nodes", "ok"),
        ("cpu use", "warn"),
        ("home directories", "warn"),
        ("component labels", "warn"),
        ("retention", "ok"),
        ("answer and clock", "ok"),
    ] {
        assert_eq!(finding(&report, "prometheus tides", what)["level"], level, "{what}");
    }
    // For a person: a table, and below it what to do.
    place
        .run(&["doctor"])
        .exits(3)
        .prints("warn  prometheus tides")
        .prints("warn: prometheus tides, user names")
        .prints("metricAnnotationsAllowList");
}

#[test]
fn a_server_with_everything_has_users_and_its_own_interval() {
    let Some(script) = script() else { return };
    let server = cluster(&script, Shown { annotations: true, exported: false, every_s: 60 });
    let place = place_with(&server.url);
    let report = place.run(&["doctor", "--json"]).exits(3).json();
    for what in ["user names", "component labels", "label names", "scrape interval", "node labels"] {
        assert_eq!(finding(&report, "prometheus tides", what)["level"], "ok", "{what}: {report:#}");
    }
    assert_eq!(finding(&report, "store", "conditional put")["level"], "ok");
    assert_eq!(finding(&report, "store", "clock")["level"], "ok");
    assert_eq!(finding(&report, "bills", "loaded charges")["level"], "warn");
}

#[test]
fn what_does_not_work_ends_in_exit_code_1_with_what_mends_it() {
    // Nothing listens there.
    let place = place_with("http://127.0.0.1:9");
    place
        .run(&["doctor"])
        .exits(1)
        .prints("fail")
        .prints("no answer from http://127.0.0.1:9")
        .says("do not work");
    let report = place.run(&["doctor", "--json"]).exits(1).json();
    assert_eq!(report["fail"], 1, "{report:#}");
    let mend = finding(&report, "prometheus tides", "answer")["mend"].as_str().unwrap();
    assert!(mend.contains("check `url`"), "{mend}");
    let place = Place::initialised();
    std::fs::remove_dir_all(place.path("keys")).unwrap();
    place.run(&["doctor"]).exits(1).prints("fail").prints("store.key is missing");
}

#[test]
#[cfg(unix)]
fn bills_keys_and_room_are_looked_at() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::initialised();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/federation");
    copy_folder(&sample.join("bills"), &place.path("bills"));
    std::fs::copy(sample.join("registry.toml"), place.path("registry.toml")).unwrap();
    place.run(&["ingest", "bills", "bills"]);
    std::fs::set_permissions(place.path("keys"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let report = place.run(&["doctor", "--json"]).exits(3).json();
    let keys = finding(&report, "machine", "keys");
    assert_eq!(keys["level"], "warn");
    assert!(keys["mend"].as_str().unwrap().contains("chmod -R go-rwx"), "{keys}");
    finding(&report, "machine", "room to spill");
    let tags = finding(&report, "bills 111122223333", "hub tags");
    assert_eq!(tags["level"], "ok", "{tags}");
    assert!(tags["found"].as_str().unwrap().contains("% of its cost carry a hub tag"), "{tags}");
    let account = finding(&report, "bills tides-hubs", "hub tags");
    assert!(account["found"].as_str().unwrap().contains('%'), "{account}");
    std::fs::set_permissions(place.path("keys"), std::fs::Permissions::from_mode(0o700)).unwrap();
    let report = place.run(&["doctor", "--json"]).json();
    assert_eq!(finding(&report, "machine", "keys")["level"], "ok");
}

#[test]
fn a_registry_is_proposed_from_what_runs_and_what_was_billed() {
    let Some(script) = script() else { return };
    let server = cluster(&script, Shown { annotations: true, exported: false, every_s: 60 });
    let bills = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/federation/bills");
    let place = Place::empty();
    let bill = bills.display().to_string();
    place
        .run(&["init", "--discover", "--prometheus", &server.url, "--bill", &bill])
        .exits(0)
        .says("fill in who owns");
    let registry = place.read("registry.toml");
    for words in [
        "id = \"tides\"",
        "# Guess: nodes carry label_alpha_eksctl_io_cluster_name.",
        "# Guess: a node's id is aws:///us-west-2a/i-0123456789abcdef0.",
        "namespace = \"reef\"",
        "1 pods hub-… and 2 pods jupyter-…",
        "namespace = \"lonely\"",
        "is it a hub?",
        "staging = true",
        "id = \"111122223333\"",
        "id = \"444455556666\"",
        "region = \"us-west-2\"",
        "owner = \"FILL IN\"",
    ] {
        assert!(registry.contains(words), "{words} is missing:\n{registry}");
    }
    assert!(!registry.contains("kube-system"), "{registry}");
    // A person must say who owns what, and is told where.
    place.run(&["check"]).exits(2).says("registry.toml:").says("FILL IN");
    place.write("registry.toml", &registry.replace("FILL IN", "organisation"));
    place.run(&["check"]).exits(0).prints("usable");
    let report = place.run(&["doctor", "--json"]).json();
    assert_eq!(finding(&report, "prometheus tides", "user names")["level"], "ok");
    // What is there is never overwritten: the proposal is printed.
    place
        .run(&["init", "--keep", "--discover", "--prometheus", &server.url])
        .exits(0)
        .prints("namespace = \"reef\"");
    assert!(!place.read("registry.toml").contains("FILL IN"));
    place.run(&["init", "--keep", "--discover"]).exits(2).says("--prometheus URL");
}
