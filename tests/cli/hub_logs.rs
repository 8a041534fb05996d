//! The hubs' own event logs, as JupyterHub and BinderHub write them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::run::{Place, skip};

fn recordings() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/recordings");
    if folder.is_dir() {
        return Some(folder);
    }
    skip(&format!("{} is not there; the recordings are not part of this repository", folder.display()));
    None
}

fn with_clusters() -> Place {
    let place = Place::initialised();
    let registry =
        "[organisation]\nname = \"Hubs for Science\"\n[[cluster]]\nid = \"tides\"\nprovider = \"aws\"\n";
    place.write("registry.toml", registry);
    place
}

impl Place {
    fn read_log(&self, namespace: &str, path: &Path) -> Value {
        let path = path.display().to_string();
        self.run(&["ingest", "files", "--json", "--cluster", "tides", "--namespace", namespace, &path])
            .exits(0)
            .json()
    }

    fn ask(&self, query: &str) -> Value {
        self.run(&["sql", query, "--format", "json"]).exits(0).json()
    }
}

/// Every line of the recordings is an event, or kept as a line of another program; each event once, in
/// whatever file it stands.
#[test]
fn every_recorded_line_is_read_or_kept_with_a_reason() {
    let Some(folder) = recordings() else { return };
    let place = with_clusters();
    let hub = folder.join("jupyterhub-events");
    let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().count() as u64;

    let log = hub.join("hub-5.5.4/events.log");
    let read = place.read_log("prod", &log);
    assert_eq!(read["total"]["rows"]["hub_events"].as_u64(), Some(lines(&log)), "{read}");
    assert!(read["total"]["rejects"].as_object().unwrap().is_empty(), "{read}");

    let log = hub.join("hub-5.5.4/stdout.log");
    let events = fs::read_to_string(&log).unwrap().lines().filter(|line| line.starts_with('{')).count();
    let read = place.read_log("prod", &log);
    assert_eq!(read["total"]["rows"]["hub_events"].as_u64(), Some(events as u64), "{read}");
    let other = lines(&log) - events as u64;
    assert_eq!(read["total"]["rejects"]["other_line"]["count"].as_u64(), Some(other), "{read}");

    place.read_log("staging", &hub.join("hub-6.1.1/events.log"));
    let log = folder.join("binderhub-events/launch-events.jsonl");
    let read = place.read_log("binder", &log);
    assert_eq!(read["total"]["rows"]["hub_events"].as_u64(), Some(lines(&log)), "{read}");

    let counted = place.ask(
        "SELECT namespace, action, count(DISTINCT event_id) AS events FROM hub_events GROUP BY namespace, action ORDER BY namespace, action",
    );
    let counted: Vec<(String, String, u64)> = counted
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("namespace"), text("action"), row["events"].as_u64().unwrap())
        })
        .collect();
    let own = |file: &str, action: &str| {
        let text = fs::read_to_string(hub.join(file)).unwrap();
        text.lines().filter(|line| line.contains(&format!("\"action\": \"{action}\""))).count() as u64
    };
    let expected = [
        ("binder", "launch", lines(&log)),
        ("prod", "start", own("hub-5.5.4/events.log", "start")),
        ("prod", "stop", own("hub-5.5.4/events.log", "stop")),
        ("staging", "start", own("hub-6.1.1/events.log", "start")),
        ("staging", "stop", own("hub-6.1.1/events.log", "stop")),
    ]
    .map(|(namespace, action, count)| (namespace.to_owned(), action.to_owned(), count));
    assert_eq!(counted, expected);

    let names = place.ask("SELECT DISTINCT name FROM users WHERE namespace = 'prod' ORDER BY name");
    let names: Vec<&str> =
        names.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    for name in ["Ada", "ada", "=cmd|x", "Ünal", "someone@example.edu", "user--dash"] {
        assert!(names.contains(&name), "{name} is missing: {names:?}");
    }
    let launches = place.ask(
        "SELECT count(*) AS n FROM hub_events WHERE action = 'launch' AND user_id IS NULL AND status IS NULL AND detail IS NULL",
    );
    assert_eq!(launches[0]["n"], 1, "the line that holds nothing but its time is a launch too");
    // A line of another program is no gap.
    place
        .run(&[
            "ingest",
            "files",
            "--cluster",
            "tides",
            "--namespace",
            "prod",
            &hub.join("hub-5.5.4/stdout.log").display().to_string(),
        ])
        .exits(0);
}

#[test]
fn a_log_that_grew_is_read_on_and_wrong_places_are_named() {
    let place = with_clusters();
    let line = |minute: u32, user: &str| {
        format!(
            "{{\"__timestamp__\": \"2026-06-01T09:{minute:02}:07.5+00:00Z\", \"__schema__\": \"hub.jupyter.org/server-action\", \"__schema_version__\": 1, \"action\": \"start\", \"username\": \"{user}\", \"servername\": \"\"}}\n"
        )
    };
    place.write("events.log", &(line(1, "ada") + &line(2, "grace") + "{\"__timestamp__\": \"2026-06"));
    let read = ["ingest", "files", "--cluster", "tides", "--namespace", "prod", "events.log"];
    place.run(&read).exits(0).prints("2 hub_events").prints("has no end yet");
    place.write("events.log", &(line(1, "ada") + &line(2, "grace") + &line(3, "alan")));
    place.run(&read).exits(0).prints("1 hub_events").prints("(2 read before)");
    place
        .run(&["ingest", "files", "--cluster", "tydes", "--namespace", "prod", "events.log"])
        .exits(2)
        .says("tides");
    place.run(&["ingest", "files", "--cluster", "tides", "events.log"]).exits(2).says("--namespace");
    place
        .run(&[
            "ingest",
            "files",
            "--cluster",
            "tides",
            "--namespace",
            "x",
            "--format",
            "binderhub",
            "events.log",
        ])
        .exits(3)
        .prints("a server action of JupyterHub in a log read with --format binderhub");
    let held = place.ask("SELECT count(*) AS n FROM hub_events");
    assert_eq!(held[0]["n"], 3);
}
