//! What a stranger does to it: folders that are files, files that are folders, no permissions, a store that does
//! not answer, a stop in the middle. Each is told in words that help.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use super::run::{Ended, Place, skip};
use super::small_month::{PERIOD, place, pod, whole_bill};

const CLOSE: &[&str] = &["close", "--period", PERIOD];

/// Sets the permissions of a path.
fn allow(place: &Place, path: &str, mode: u32) {
    fs::set_permissions(place.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs `hubtally` without the power to pass over permissions, which root has.
fn unprivileged(place: &Place, arguments: &[&str]) -> Option<Ended> {
    let works = std::process::Command::new("unshare").args(["-U", "true"]).status();
    if !works.is_ok_and(|status| status.success()) {
        skip("no user namespace can be made here (unshare -U), so permissions cannot be tried");
        return None;
    }
    Some(place.run_inside("unshare", &["-U"], arguments))
}

#[test]
fn a_statements_folder_that_is_a_file_is_told_before_anything_is_read() {
    let place = place();
    place.write("statements", "mine").write("usage/a.ndjson", &pod("a", 1, &[]));
    for command in [&["close", "--period", PERIOD][..], &["report", "--period", PERIOD], &["check"]] {
        place
            .run(command)
            .exits(2)
            .says("hubtally.toml: `statements` is statements, which is a file: name a folder");
    }
    assert_eq!(place.read("statements"), "mine");
    assert_eq!(super::small_month::number(&place, "SELECT count(*) FROM pod_usage"), 0);
}

#[test]
fn a_folder_where_a_file_is_expected_and_the_other_way_round_is_told() {
    let place = place();
    for (key, what) in [("registry", "registry.toml"), ("policy", "policy.toml")] {
        let text = place.read("hubtally.toml").replace(what, "usage");
        place.write("elsewhere.toml", &text);
        let ended = place.run(&["check", "--config", "elsewhere.toml"]).exits(2);
        assert!(
            ended.stderr.contains("usage") && ended.stderr.contains("a folder"),
            "{key}: {}",
            ended.stderr
        );
    }
    fs::create_dir(place.path("folder.toml")).unwrap();
    place.run(&["check", "--config", "folder.toml"]).exits(2).says("folder.toml: this is a folder");
    place
        .run_with(&["tables"], &[("HUBTALLY_STORE", "registry.toml")])
        .exits(1)
        .says("it is a file, and a store is a folder");
    let init = Place::empty();
    init.write("store", "mine");
    init.run(&["init"]).exits(1).says("it is a file, and a store is a folder");
    assert_eq!(init.read("store"), "mine");
    place
        .run_with(CLOSE, &[("HUBTALLY_LIMITS_SPILL_FOLDER", "registry.toml")])
        .exits(1)
        .says("registry.toml cannot be made");
    // A folder among the inputs is searched; a folder named as a bill is no bill.
    fs::create_dir(place.path("bills/june.csv")).unwrap();
    place.run(&["ingest", "bills", "bills/june.csv"]).exits(1).says("bills/june.csv holds no bill");
    place
        .run(&["ingest", "files", "keys"])
        .exits(0)
        .prints("no file there ends in .ndjson")
        .prints("left out: 1");
    place
        .run(&["ingest", "files", "nowhere.ndjson"])
        .exits(1)
        .says("nowhere.ndjson does not exist: check the name");
}

#[test]
fn a_keys_folder_that_may_not_be_read_is_named() {
    let place = place();
    place.write("usage/a.ndjson", &pod("a", 1, &[]));
    allow(&place, "keys", 0o000);
    let ended = unprivileged(&place, CLOSE);
    allow(&place, "keys", 0o700);
    let Some(ended) = ended else { return };
    ended
        .exits(1)
        .says("keys/store.key cannot be made or read: check `keys` of hubtally.toml")
        .says("Permission denied");
}

#[test]
fn a_store_that_may_not_be_written_is_read_and_else_named() {
    let place = place();
    place.write("usage/a.ndjson", &pod("a", 1, &[]));
    place.run(&["ingest", "files", "usage"]).exits(0);
    place.write("usage/b.ndjson", &pod("b", 2, &[]));
    let mut folders = vec![place.path("store")];
    let mut at = 0;
    while at < folders.len() {
        let inner = fs::read_dir(&folders[at]).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(inner.filter(|path| path.is_dir()).collect::<Vec<_>>());
        at += 1;
    }
    let set =
        |mode| folders.iter().for_each(|f| fs::set_permissions(f, fs::Permissions::from_mode(mode)).unwrap());
    set(0o555);
    let read = unprivileged(&place, &["sql", "SELECT count(*) AS n FROM pod_usage", "--format", "json"]);
    let written = unprivileged(&place, &["ingest", "files", "usage"]);
    set(0o755);
    let (Some(read), Some(written)) = (read, written) else { return };
    assert_eq!(read.exits(0).json()[0]["n"], 1);
    written.exits(1).says("writing failed; nothing of it is visible").says("Permission denied");
    place.run(&["ingest", "files", "usage"]).exits(0);
    assert_eq!(super::small_month::number(&place, "SELECT count(*) FROM pod_usage"), 2);
}

/// An address on which nobody answers: the port was ours, and is closed.
fn closed_port() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

#[test]
fn a_store_that_does_not_answer_is_told_within_seconds() {
    let place = place();
    let options = |endpoint: &str| {
        format!(
            "\n[store_options]\naws_endpoint = \"{endpoint}\"\naws_allow_http = \"true\"\naws_region = \"us-east-1\"\n\
             aws_access_key_id = \"a\"\naws_secret_access_key = \"env:SECRET_FOR_THE_TEST\"\n"
        )
    };
    // One port is closed; on the other somebody takes the call and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_address = format!("http://{}", silent.local_addr().unwrap());
    let plain = place.read("hubtally.toml");
    for (endpoint, most_seconds) in [(closed_port(), 15), (silent_address, 45)] {
        place.write(
            "hubtally.toml",
            &(plain.replace("store = \"store\"", "store = \"s3://bucket/store\"") + &options(&endpoint)),
        );
        let began = Instant::now();
        place
            .run_with(CLOSE, &[("SECRET_FOR_THE_TEST", "x")])
            .exits(1)
            .says("store s3://bucket/store/ cannot be reached, or does not let us in")
            .says("check `store` and [store_options]");
        assert!(began.elapsed() < Duration::from_secs(most_seconds), "{:?}", began.elapsed());
    }
    // The same of inputs: the others are read.
    place
        .write("hubtally.toml", &(plain + &options(&closed_port())))
        .write("usage/a.ndjson", &pod("a", 1, &[]));
    let began = Instant::now();
    let ended = place
        .run_with(&["ingest", "files", "s3://bucket/usage/", "usage"], &[("SECRET_FOR_THE_TEST", "x")])
        .exits(3)
        .prints("1 pod_usage")
        .prints("s3://bucket/usage/ cannot be read from its object store: check the address");
    assert_eq!(ended.stdout.matches("Error performing GET").count(), 1, "the cause is said once");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_close_that_the_system_stops_says_so_and_leaves_nothing_half() {
    let place = place();
    let lines: String = (0..20_000).map(|n| pod(&format!("event-{n}"), 1 + n % 28, &[]) + "\n").collect();
    place.write("usage/pods.ndjson", &lines).write("bills/june.csv", &whole_bill());
    for signal in ["-TERM", "-INT"] {
        let child = place.start(CLOSE);
        std::thread::sleep(Duration::from_millis(300));
        let sent =
            std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{signal}: {said}");
        assert!(said.contains("interrupted: what was committed stays"), "{said}");
    }
    place.run(&[CLOSE, &["--exit-zero-if-incomplete"]].concat()).exits(0);
    assert_eq!(super::small_month::number(&place, "SELECT count(*) FROM pod_usage"), 20_000);
}
