//! The month of the sample federation, from `init` to statements, against what the generator knows to be true.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use super::run::{Ended, Place, copy_folder, files_below};

pub const CLOSE: &[&str] = &["close", "--period", "2026-06", "--json"];

/// The sample federation, written once for all tests.
fn sample() -> &'static Place {
    static SAMPLE: OnceLock<Place> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let place = Place::empty();
        place.run(&["sample", "--seed", "1", "--scale", "1", "--out", "sample"]).exits(0);
        place
    })
}

fn facts() -> Value {
    serde_json::from_str(&sample().read("sample/facts.json")).unwrap()
}

/// A place after `init`, with the sample's documents, usage and bills.
pub fn federation() -> Place {
    let place = Place::initialised();
    copy_folder(&sample().path("sample"), &place.path("."));
    place
}

/// A closed month, closed once for all tests that only look at it.
pub fn closed() -> &'static (Place, Ended) {
    static CLOSED: OnceLock<(Place, Ended)> = OnceLock::new();
    CLOSED.get_or_init(|| {
        let place = federation();
        // A scrape gap and a day of estimated cost are in the sample on purpose.
        let ended = place.run(CLOSE).exits(3);
        (place, ended)
    })
}

/// Decimal text without zeros at the end.
fn plain(amount: &Value) -> String {
    let text = amount.as_str().unwrap();
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

#[test]
fn every_cent_of_the_sample_has_a_home() {
    let (place, ended) = closed();
    let (facts, closed) = (facts(), ended.json());
    let conservation = &closed["conservation"];
    assert_eq!(conservation.as_array().unwrap().len(), 1, "{conservation}");
    assert_eq!(plain(&conservation[0]["difference"]), "0");
    assert_eq!(plain(&conservation[0]["billed"]), plain(&facts["billed"]["USD"]));
    assert_eq!(plain(&conservation[0]["posted"]), plain(&facts["billed"]["USD"]));
    assert_eq!(
        closed["communities"].as_array().unwrap().len() as u64,
        facts["communities"].as_u64().unwrap()
    );
    assert_eq!(closed["charges_without_payer"].as_array().unwrap().len(), 0);
    for query in ["SELECT sum(billed_cost) AS total FROM charges", "SELECT sum(amount) AS total FROM ledger"]
    {
        let total = place.run(&["sql", query, "--format", "json"]).exits(0).json();
        assert_eq!(plain(&total[0]["total"]), plain(&facts["billed"]["USD"]), "{query}");
    }
    let off = "SELECT charge_id FROM (SELECT charge_id, sum(amount) AS posted FROM ledger WHERE basis = 'billed' \
               GROUP BY charge_id) JOIN charges USING (charge_id) WHERE posted <> billed_cost";
    let off = place.run(&["sql", off, "--format", "json"]).exits(0).json();
    assert_eq!(off.as_array().unwrap().len(), 0, "{off}");
}

#[test]
fn coverage_is_what_the_generator_left_in() {
    let (_, ended) = closed();
    let (facts, closed) = (facts(), ended.json());
    let sum = |key: &str| -> u64 {
        facts["clusters"].as_object().unwrap().values().map(|cluster| cluster[key].as_u64().unwrap()).sum()
    };
    assert_eq!(closed["completeness"]["observed"].as_u64(), Some(sum("coverage_seen")));
    assert_eq!(closed["completeness"]["expected"].as_u64(), Some(sum("coverage_expected")));
    assert!(!closed["incomplete"].as_array().unwrap().is_empty());
}

#[test]
fn usage_of_the_sample_is_counted_once_though_lines_are_repeated() {
    let (place, _) = closed();
    let facts = facts();
    let clusters = facts["clusters"].as_object().unwrap();
    let namespaces =
        clusters.values().flat_map(|cluster| cluster["namespaces"].as_object().unwrap().values());
    let pod_rows: u64 = namespaces.map(|namespace| namespace["pod_rows"].as_u64().unwrap()).sum();
    let counted =
        place.run(&["sql", "SELECT count(*) AS n FROM pod_usage", "--format", "json"]).exits(0).json();
    assert_eq!(counted[0]["n"].as_u64(), Some(pod_rows));
}

#[test]
fn a_query_joins_hubs_at_the_instant_of_use() {
    let (place, _) = closed();
    let query = "SELECT u.namespace, h.hub, count(*) AS hours FROM usage_hourly u LEFT JOIN hubs h \
        ON h.cluster = u.cluster AND h.namespace = u.namespace AND u.hour >= h.since AND u.hour < h.until \
        WHERE u.cluster = 'tides' GROUP BY u.namespace, h.hub";
    let rows = place.run(&["sql", query, "--format", "json"]).exits(0).json();
    let namespaces = &facts()["clusters"]["tides"]["namespaces"];
    let mut hubs = std::collections::BTreeMap::new();
    for row in rows.as_array().unwrap() {
        let namespace = row["namespace"].as_str().unwrap();
        assert_eq!(row["hours"], namespaces[namespace]["pod_hours"], "{row}");
        hubs.insert(namespace, row["hub"].as_str().unwrap_or("none"));
    }
    assert_eq!(hubs.len(), namespaces.as_object().unwrap().len());
    // Renamed in the middle of the month: two namespaces, one hub.
    assert_eq!(hubs["coastal"], hubs["shoreline"]);
}

#[test]
fn a_second_close_changes_nothing() {
    let place = federation();
    let first = place.run(CLOSE).exits(3);
    let tables = |place: &Place| place.run(&["tables", "--json"]).exits(0).json();
    let folders = |place: &Place| (files_below(&place.path("store")), files_below(&place.path("statements")));
    let (tables_before, files_before) = (tables(&place), folders(&place));
    let second = place.run(CLOSE).exits(3);
    assert_eq!(first.json(), second.json());
    assert_eq!(tables_before, tables(&place));
    let files_after = folders(&place);
    assert!(files_before.0.keys().eq(files_after.0.keys()), "other files in the store");
    assert!(files_before == files_after, "other bytes");
}

#[test]
fn another_choice_in_the_policy_allocates_again() {
    let place = federation();
    let first = place.run(CLOSE).exits(3).json();
    let policy = place.read("policy.toml").replace("idle = \"separate\"", "idle = \"absorbed\"");
    place.write("policy.toml", &policy);
    let second = place.run(CLOSE).exits(3).json();
    assert_eq!(first["conservation"], second["conservation"]);
    assert_ne!(first["communities"], second["communities"]);
    assert_eq!(files_below(&place.path("store/periods/2026-06")).len(), 2);
}

#[test]
fn a_close_that_is_killed_is_done_by_the_next() {
    let (_, clean) = closed();
    let place = federation();
    // Killed where usage is half read, and again where more of it is.
    for files in [2, 12] {
        let mut child = place.start(CLOSE);
        let ended = loop {
            if let Some(ended) = child.try_wait().unwrap() {
                break Some(ended);
            }
            if data_files(&place.path("store/tables/pod_usage")) >= files {
                break None;
            }
            std::thread::yield_now();
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(ended.is_none(), "the close ended before {files} files were there: {ended:?}");
    }
    let after = place.run(CLOSE).exits(3);
    assert_eq!(after.json(), clean.json());
}

#[test]
fn a_close_that_is_interrupted_says_so_and_is_done_by_the_next() {
    let place = federation();
    let child = place.start(CLOSE);
    while data_files(&place.path("store/tables/pod_usage")) < 2 {
        std::thread::yield_now();
    }
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("interrupted") && said.contains("running the same command again"), "{said}");
    assert_eq!(place.run(CLOSE).exits(3).json(), closed().1.json());
}

#[test]
fn two_processes_at_once_count_each_line_once() {
    let place = federation();
    let mut both = [place.start(&["ingest", "files", "usage"]), place.start(&["ingest", "files", "usage"])];
    for child in &mut both {
        child.wait().unwrap();
    }
    // Whichever gave way to the other: a run alone finds everything read.
    let alone = place.run(&["ingest", "files", "usage", "--json"]).exits(0).json();
    assert_eq!(alone["total"]["records"].as_u64(), Some(0), "{}", alone["total"]);
    place.run(&["maintain", "--before", "2026-08-01"]).exits(0);
    let count = |place: &Place, table: &str| {
        let query = format!("SELECT count(*) AS n FROM {table}");
        place.run(&["sql", &query, "--format", "json"]).exits(0).json()[0]["n"].as_i64().unwrap()
    };
    for table in ["pod_usage", "node_usage", "storage_usage", "coverage", "users", "rejects"] {
        assert_eq!(count(&place, table), count(&closed().0, table), "{table}");
    }
}

fn data_files(folder: &std::path::Path) -> usize {
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for path in folder.read_dir().into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                count += usize::from(path.extension().is_some_and(|end| end == "parquet"));
            }
        }
    }
    count
}

#[test]
fn a_charge_is_explained_down_to_its_postings() {
    let (place, _) = closed();
    let query = "SELECT charge_id, count(*) AS n FROM ledger WHERE component = 'compute' AND kind = 'direct' \
                 GROUP BY charge_id ORDER BY n DESC, charge_id LIMIT 1";
    let charge = place.run(&["sql", query, "--format", "json"]).exits(0).json();
    let charge = charge[0]["charge_id"].as_str().unwrap();
    let arguments = ["explain", "--period", "2026-06", "--charge", charge];
    let tree = place.run(&[&arguments[..], &["--json"]].concat()).exits(0).json();
    assert!(!tree["children"].as_array().unwrap().is_empty(), "{tree}");
    place.run(&arguments).exits(0).prints("└─ ");
}

#[test]
fn parts_of_a_close_run_alone() {
    let place = federation();
    let usage = place.run(&["ingest", "files", "usage", "--json"]).exits(0).json();
    assert!(usage["total"]["records"].as_u64().unwrap() > 0, "{usage}");
    let again = place.run(&["ingest", "files", "usage", "--json"]).exits(0).json();
    assert_eq!(again["total"]["already_read"], usage["total"]["records"]);
    place.run(&["ingest", "bills", "bills"]).exits(0).prints("loaded");
    place.run(&["ingest", "bills", "bills"]).exits(0);
    place.run(&["maintain", "--before", "2026-07-01"]).exits(0).says("sealed");
    place.run(&["aggregate", "--period", "2026-06"]).exits(0);
    let reported = place.run(&["report", "--period", "2026-06", "--json"]).exits(3).json();
    assert_eq!(reported["conservation"], closed().1.json()["conservation"]);
}

#[test]
fn the_same_seed_writes_the_same_bytes() {
    let place = Place::empty();
    place.run(&["sample", "--seed", "1", "--scale", "1", "--out", "again"]).exits(0);
    assert!(files_below(&place.path("again")) == files_below(&sample().path("sample")));
}

#[test]
fn a_sample_does_not_write_over_somebodys_registry() {
    let place = Place::initialised();
    place.run(&["sample", "--out", "."]).exits(2).says("registry.toml is already there");
}
