//! Usage that cannot be read: the good lines beside it land, the bad ones are in `rejects`, the exit code says so,
//! the message names file, line, field and value and what to do, and a second run counts nothing twice.

use std::sync::OnceLock;
use std::time::SystemTime;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::run::{Ended, Place};
use super::small_month::{PERIOD, full_coverage, number, place, pod, rows, whole_bill};

/// What a bad line is, and what a person reads of it.
struct Case {
    name: &'static str,
    line: Vec<u8>,
    reason: &'static str,
    /// Field, value, what is expected.
    says: &'static [&'static str],
    /// What to do.
    advice: &'static str,
}

fn case(
    name: &'static str,
    line: impl Into<Vec<u8>>,
    reason: &'static str,
    says: &'static [&'static str],
    advice: &'static str,
) -> Case {
    Case { name, line: line.into(), reason, says, advice }
}

fn cases() -> Vec<Case> {
    let bad = |field, value: Value| pod("bad", 14, &[(field, value)]);
    let mut no_utf8 = bad("user", json!("?")).into_bytes();
    let at = no_utf8.iter().position(|byte| *byte == b'?').unwrap();
    no_utf8[at] = 0xff;
    vec![
        case("no-utf8", no_utf8, "invalid_utf8", &["0xff", "expected UTF-8"], "export it again as UTF-8"),
        case(
            "ten-megabytes",
            bad("image", json!("x".repeat(10_000_000))),
            "too_long",
            &["bytes: expected at most 1048576"],
            "look at what wrote it",
        ),
        case(
            "unknown-type",
            bad("/type", json!("com.example.pod")),
            "unknown_type",
            &["`type` is \"com.example.pod\"", "expected one of hubtally.pod.v1"],
            "upgrade, or mend the producer's `type`",
        ),
        case(
            "unknown-version",
            bad("/type", json!("hubtally.pod.v2")),
            "unknown_type",
            &["`type` is \"hubtally.pod.v2\""],
            "upgrade, or mend the producer's `type`",
        ),
        case(
            "negative",
            bad("cpu_request_millicore_ms", json!(-5)),
            "negative",
            &["`cpu_request_millicore_ms` is -5 millicore·ms: expected 0 or more"],
            "look at the producer's counter handling",
        ),
        case(
            "absurd",
            bad("memory_request_byte_ms", json!("99999999999999999999999")),
            "absurd",
            &[
                "`memory_request_byte_ms` is 99999999999999999999999 byte·ms over 3600000 ms: expected at most",
            ],
            "look at the producer's units",
        ),
        case(
            "ends-first",
            bad("end", json!("2026-06-14T08:00:00Z")),
            "empty_interval",
            &["`start` is 2026-06-14T09:00:00Z and `end` is 2026-06-14T08:00:00Z"],
            "look at the producer's clock",
        ),
        case(
            "spans-days",
            bad("end", json!("2026-06-17T09:00:00Z")),
            "interval_too_long",
            &["are 72 hours: expected at most 24"],
            "send one event an hour",
        ),
        case(
            "future",
            pod(
                "bad",
                14,
                &[("start", json!("2199-06-14T09:00:00Z")), ("end", json!("2199-06-14T10:00:00Z"))],
            ),
            "future",
            &["`start` is 2199-06-14T09:00:00Z, and it is", "at most 5 minutes ahead"],
            "mend the producer's clock",
        ),
        case(
            "moved-pod",
            pod("first", 14, &[("pod_uid", json!("uid-moved-pod-1")), ("namespace", json!("staging"))]),
            "pod_moved",
            &["pod uid-moved-pod-1 was seen in namespace \"prod\" and now in \"staging\""],
            "the namespace seen first stays",
        ),
        case(
            "wrong-cluster",
            bad("/source", json!("/clusters/tide")),
            "wrong_cluster",
            &["`source` is \"/clusters/tide\"", "the nearest is \"tides\""],
            "mend `source`; or add the cluster",
        ),
    ]
}

/// A month with a file a case, each a good line, the bad one, and a good line; read once for all tests here.
fn spoiled() -> &'static (Place, Ended) {
    static SPOILED: OnceLock<(Place, Ended)> = OnceLock::new();
    SPOILED.get_or_init(|| {
        let place = place();
        for Case { name, line, .. } in cases() {
            let good = |n: u32| pod(&format!("{name}-{n}"), 14, &[]).into_bytes();
            let file = [good(1), line, good(2)].join(&b'\n');
            std::fs::write(place.path(&format!("usage/{name}.ndjson")), file).unwrap();
        }
        let ended = place.run(&["ingest", "files", "usage"]).exits(3);
        (place, ended)
    })
}

/// The case of a name: what was printed of it, and what stands in the store.
#[track_caller]
fn check(name: &str) {
    let (place, ended) = spoiled();
    let cases = cases();
    let Case { reason, says, advice, .. } = cases.iter().find(|case| case.name == name).unwrap();
    let line = format!("{name}.ndjson:2: ");
    let printed = ended.stdout.lines().find(|printed| printed.contains(&line));
    let printed = printed.unwrap_or_else(|| panic!("{line:?} is not in:\n{}", ended.stdout));
    for words in *says {
        assert!(printed.contains(words), "{words:?} is not in {printed:?}");
    }
    let head = ended.stdout.lines().find(|line| line.contains(&format!(" {reason}: "))).unwrap();
    assert!(head.starts_with("refused") && head.contains(advice), "{advice:?} is not in {head:?}");

    let refused = rows(place, &format!("SELECT * FROM rejects WHERE origin LIKE '%/{name}.ndjson:2'"));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["reason"], *reason);
    assert_eq!(refused[0]["source_position"], 2);
    let good = format!("SELECT count(*) FROM pod_usage WHERE event_id IN ('{name}-1', '{name}-2')");
    assert_eq!(number(place, &good), 2, "the good lines landed");
}

#[test]
fn invalid_utf8_is_refused_alone() {
    check("no-utf8");
}

#[test]
fn a_line_of_10_mb_is_refused_alone() {
    check("ten-megabytes");
    let kept =
        "SELECT max(byte_count) > 10000000 AND max(length(bytes_encrypted)) < 100000 AS kept FROM rejects";
    assert_eq!(rows(&spoiled().0, kept)[0]["kept"], true, "its length is told, its beginning kept");
}

#[test]
fn an_unknown_event_type_or_version_is_refused_alone() {
    check("unknown-type");
    check("unknown-version");
}

#[test]
fn negative_and_absurd_quantities_are_refused_alone() {
    check("negative");
    check("absurd");
}

#[test]
fn an_interval_that_ends_before_it_starts_or_spans_days_is_refused_alone() {
    check("ends-first");
    check("spans-days");
}

#[test]
fn a_time_in_the_future_is_refused_alone() {
    check("future");
}

#[test]
fn a_pod_that_changes_its_namespace_is_refused_alone() {
    check("moved-pod");
}

#[test]
fn an_unknown_cluster_is_refused_alone() {
    check("wrong-cluster");
}

#[test]
fn bad_lines_read_again_are_counted_once() {
    let (place, _) = spoiled();
    let counts = "SELECT (SELECT count(*) FROM pod_usage) * 1000 + (SELECT count(*) FROM rejects) AS n";
    let before = number(place, counts);
    let files = i64::try_from(cases().len()).unwrap();
    assert_eq!(before, 2 * 1000 * files + files);
    place.run(&["ingest", "files", "usage"]).exits(0).prints("read before");
    // Under another name, and packed, the bytes and the lines are the same.
    for case in cases() {
        let text = std::fs::read(place.path(&format!("usage/{}.ndjson", case.name))).unwrap();
        std::fs::write(place.path("elsewhere.ndjson"), text).unwrap();
        place.run(&["ingest", "files", "elsewhere.ndjson"]).exits(0);
    }
    assert_eq!(number(place, counts), before);
}

#[test]
fn a_clock_that_runs_a_little_ahead_is_believed_and_one_that_runs_far_ahead_is_not() {
    let place = place();
    #[expect(clippy::disallowed_methods, reason = "the producer's clock is judged by the present")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let at = |seconds: u64| {
        let at = i64::try_from(now + seconds).unwrap();
        json!(chrono::DateTime::from_timestamp(at, 0).unwrap().to_rfc3339())
    };
    let ahead = |id: &str, seconds| pod(id, 1, &[("start", at(seconds - 60)), ("end", at(seconds))]);
    let text = [ahead("a-minute", 60), ahead("four-minutes", 240), ahead("an-hour", 3_600)].join("\n");
    place.write("usage/ahead.ndjson", &text);
    place.run(&["ingest", "files", "usage"]).exits(3).prints("refused  1 future").prints("ahead.ndjson:3");
    // An interval over a full hour makes two rows.
    let read = rows(&place, "SELECT DISTINCT event_id FROM pod_usage ORDER BY 1");
    assert_eq!(read, [json!({"event_id": "a-minute"}), json!({"event_id": "four-minutes"})]);
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    std::io::Write::write_all(&mut packed, text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

/// Everything of June but what a test spoils.
fn complete_month() -> Place {
    let place = place();
    place.write("usage/coverage.ndjson", &full_coverage()).write("bills/june.csv", &whole_bill());
    place
}

/// The closes of a month: what they say is missing, and the exit code that follows.
#[track_caller]
fn close(place: &Place, code: i32) -> Value {
    let closed = place.run(&["close", "--period", PERIOD, "--json"]).exits(code).json();
    assert_eq!(closed["conservation"][0]["difference"], "0.000000000000");
    closed
}

#[test]
fn a_truncated_gzip_is_read_as_far_as_it_goes_and_the_whole_one_makes_it_good() {
    let place = complete_month();
    let lines: Vec<String> = (0..400).map(|n| pod(&format!("event-{n}"), 1 + n % 28, &[])).collect();
    let packed = gzip(&lines.join("\n"));
    std::fs::write(place.path("usage/pods.ndjson.gz"), &packed[..packed.len() - 30]).unwrap();
    place
        .run(&["ingest", "files", "usage"])
        .exits(3)
        .prints("pods.ndjson.gz ends too early")
        .prints("refused  1 truncated_stream")
        .prints("fetch the file again and ingest it");
    let first = number(&place, "SELECT count(*) FROM pod_usage");
    assert!(first > 100, "{first}");
    for _ in 0..2 {
        let closed = close(&place, 3);
        assert_eq!(closed["refused"][0]["reason"], "truncated_stream");
        assert_eq!(closed["refused"][0]["count"], 1);
    }
    // The whole file lies beside the one that was cut off.
    std::fs::write(place.path("usage/pods-again.ndjson.gz"), &packed).unwrap();
    let closed = close(&place, 0);
    assert_eq!((&closed["refused"], &closed["incomplete"]), (&json!([]), &json!([])));
    assert_eq!(number(&place, "SELECT count(*) FROM pod_usage"), 400);
    assert_eq!(number(&place, "SELECT count(*) FROM rejects"), 1, "the refusal is kept");
}

#[test]
fn one_event_id_with_two_contents_is_kept_once_until_a_revision_says_which_is_true() {
    let place = complete_month();
    let fact = |memory: &str, revision: i64| {
        let set = [("memory_request_byte_ms", json!(memory)), ("revision", json!(revision))];
        pod("event-1", 14, &set)
    };
    place.write("usage/a.ndjson", &fact("3600000000", 0)).write("usage/b.ndjson", &fact("7200000000", 0));
    for _ in 0..2 {
        let closed = close(&place, 3);
        assert_eq!(closed["refused"][0]["reason"], "conflicting_duplicate");
        assert_eq!(closed["refused"][0]["count"], 1);
        assert!(closed["refused"][0]["advice"].as_str().unwrap().contains("higher `revision`"), "{closed}");
    }
    assert_eq!(number(&place, "SELECT count(*) FROM pod_usage"), 1);
    let refused = rows(&place, "SELECT origin, detail, reason, cluster FROM rejects");
    assert_eq!(refused.len(), 1, "{refused:?}");
    let said = |name: &str| refused[0][name].as_str().unwrap().to_owned();
    assert!(said("origin").ends_with(".ndjson:1"), "{refused:?}");
    assert!(said("detail").contains("other memory_request_byte_ms"), "{refused:?}");
    // As the advice says.
    place.write("usage/c.ndjson", &fact("3600000000", 1));
    let closed = close(&place, 0);
    assert_eq!(closed["refused"], json!([]));
    assert_eq!(number(&place, "SELECT max(memory_request_byte_ms) FROM pod_usage"), 3_600_000_000);
}
