//! One test for every reason, as data: the line, the reason, and words of its message.

use hubtally_schemas::reject::RejectReason;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{decode, event, judgement};
use crate::events::{KEPT_BYTES, Read, Record, read_record};

/// A line must be refused for a reason, and its message must say these words.
fn check(line: impl AsRef<[u8]>, reason: RejectReason, words: &[&str]) {
    let line = line.as_ref();
    let shown = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
    let decoded = decode(line);
    let (code, refusals) =
        decoded.counts.rejects.iter().next().unwrap_or_else(|| panic!("accepted: {shown}"));
    let example = &refusals.examples[0];
    assert_eq!(*code, reason.code(), "{shown}: {}", example.detail);
    assert_eq!(example.origin, "file/abc:1");
    for word in words {
        assert!(example.detail.contains(word), "{shown}: {:?} lacks {word:?}", example.detail);
    }
    assert!(refusals.advice.len() > 20, "the advice says what to do");
    // L10: the record is in the table with its bytes, its place and its reason.
    let rows = &decoded.rows["rejects"][0];
    assert_eq!(rows.num_rows(), 1);
    assert_eq!(decoded.counts.rows["rejects"], 1);
}

#[test]
fn bytes_and_json() {
    use RejectReason::{InvalidUtf8, InvalidValue, Malformed, MissingField, TooLong};
    check(b"{\"id\":\"\xff\xfe\"}", InvalidUtf8, &["byte 8", "0xff", "expected UTF-8"]);
    check(b"\xff\xfe{\0\"\0", InvalidUtf8, &["UTF-16"]);
    check("x".repeat(2 << 20), TooLong, &["2097152 bytes", "at most 1048576"]);
    check("{\"id\":", Malformed, &["ends before its JSON does"]);
    check("hello", Malformed, &["no JSON"]);
    check("[", Malformed, &["each event on a line of its own"]);
    check("[1]", Malformed, &["an array", "one JSON object"]);
    check("\u{feff}\u{feff}{}", Malformed, &["no JSON"]);
    check("[".repeat(100_000), Malformed, &["no JSON"]);
    check("{}", MissingField, &["`specversion` is missing"]);
    check(event("pod", &[("-/data", Value::Null)]), MissingField, &["`data`"]);
    let binary = event("pod", &[("-/data", Value::Null), ("/data_base64", json!("e30="))]);
    check(binary, MissingField, &["data_base64"]);
    check(event("pod", &[("/data", json!([]))]), InvalidValue, &["`data` is an array", "hubtally.pod.v1"]);
    check(event("pod", &[("/id", json!(7))]), InvalidValue, &["`id` is 7", "a text"]);
    check(event("pod", &[("/id", json!(""))]), InvalidValue, &["`id`", "1 to 512 bytes"]);
    let twice = event("pod", &[]).replacen("{\"data\":{", "{\"data\":{\"pod\":\"twice\",", 1);
    check(twice, InvalidValue, &["duplicate field `pod`"]);
}

#[test]
fn types_and_versions() {
    use RejectReason::UnknownType;
    check(
        event("pod", &[("/type", json!("hubtally.pod.v2"))]),
        UnknownType,
        &["hubtally.pod.v2", "hubtally.pod.v1"],
    );
    check(event("pod", &[("/type", json!("com.example.x"))]), UnknownType, &["com.example.x"]);
    check(event("pod", &[("/specversion", json!("0.3"))]), UnknownType, &["0.3", "1.0"]);
}

#[test]
fn clusters() {
    use RejectReason::WrongCluster;
    check(
        event("pod", &[("/source", json!("/clusters/tide"))]),
        WrongCluster,
        &["/clusters/tide", "nearest is \"tides\""],
    );
    check(event("pod", &[("/source", json!("tides"))]), WrongCluster, &["/clusters/<id"]);
    check(event("pod", &[("/source", json!("/clusters/tides/x"))]), WrongCluster, &["/clusters/<id"]);
}

#[test]
fn fields() {
    use RejectReason::{InvalidValue, MissingField};
    check(event("pod", &[("-/data/pod_uid", Value::Null)]), MissingField, &["`data.pod_uid` is missing"]);
    check(event("pod", &[("/data/role", json!("robot"))]), InvalidValue, &["\"robot\"", "singleuser, dask"]);
    check(event("pod", &[("/data/quality", json!("good"))]), InvalidValue, &["observed, single_sample"]);
    check(
        event("pod", &[("/data/namespace", json!("a\nb"))]),
        InvalidValue,
        &["`namespace`", "control characters"],
    );
    check(event("pod", &[("/data/start", json!("yesterday"))]), InvalidValue, &["`start`", "RFC 3339"]);
    check(
        event("pod", &[("/data/cpu_usage_millicore_ms", json!(1.5))]),
        InvalidValue,
        &["1.5", "whole number"],
    );
    check(
        event("pod", &[("/data/cpu_usage_millicore_ms", json!("12k"))]),
        InvalidValue,
        &["12k", "decimal string"],
    );
    check(event("node", &[("/data/spot", json!("yes"))]), InvalidValue, &["`data.spot`", "true or false"]);
    check(event("storage", &[("/data/kind", json!("tape"))]), InvalidValue, &["tape", "directory, volume"]);
    check(event("storage", &[("/data/path", json!(""))]), InvalidValue, &["`path`"]);
    check(event("hub", &[("/data/action", json!("nap"))]), InvalidValue, &["start, stop, launch"]);
    check(
        event("coverage", &[("/data/hour", json!("2026-06-01T09:30:00Z"))]),
        InvalidValue,
        &["whole UTC hour", "09:00:00Z"],
    );
    check(event("storage", &[("/data/time", json!("1970-01-21T10:00:00Z"))]), InvalidValue, &["after 2010"]);
    check(
        event("pod", &[("/data/image", json!("x".repeat(5_000)))]),
        InvalidValue,
        &["at most 4096 bytes, not 5000"],
    );
}

#[test]
fn quantities() {
    use RejectReason::{Absurd, Negative};
    check(
        event("pod", &[("/data/cpu_usage_millicore_ms", json!(-1))]),
        Negative,
        &["`cpu_usage_millicore_ms` is -1"],
    );
    check(event("pod", &[("/data/memory_request_byte_ms", json!("-7"))]), Negative, &["-7"]);
    check(event("node", &[("/data/memory_capacity_byte", json!(-5))]), Negative, &["memory_capacity_byte"]);
    check(event("storage", &[("/data/bytes", json!("-1"))]), Negative, &["`bytes`"]);
    check(event("coverage", &[("/data/seen", json!(-1))]), Negative, &["`seen`"]);
    check(event("hub", &[("/data/revision", json!(-1))]), Negative, &["`revision`"]);
    // 100,001 cores for an hour.
    check(
        event("pod", &[("/data/cpu_request_millicore_ms", json!("360003600000000"))]),
        Absurd,
        &["3600000 ms", "100000000"],
    );
    let huge = i128::MAX.to_string();
    check(event("pod", &[("/data/gpu_usage_milligpu_ms", json!(huge))]), Absurd, &["milliGPU·ms"]);
    check(
        event("node", &[("/data/cpu_capacity_millicore", json!("100000001"))]),
        Absurd,
        &["at most 100000000"],
    );
    check(event("storage", &[("/data/bytes", json!("1152921504606846977"))]), Absurd, &["`bytes`"]);
}

#[test]
fn times() {
    use RejectReason::{EmptyInterval, Future, IntervalTooLong};
    check(
        event("pod", &[("/data/end", json!("2026-06-01T09:00:00Z"))]),
        EmptyInterval,
        &["`end` after `start`"],
    );
    check(event("node", &[("/data/end", json!("2026-06-01T08:00:00Z"))]), EmptyInterval, &["08:00:00Z"]);
    check(event("pod", &[("/data/end", json!("2026-06-02T09:00:01Z"))]), IntervalTooLong, &["24"]);
    check(
        event(
            "pod",
            &[("/data/start", json!("2026-06-02T12:00:00Z")), ("/data/end", json!("2026-06-02T12:05:01Z"))],
        ),
        Future,
        &["`end`", "at most 5 minutes"],
    );
    check(event("storage", &[("/data/time", json!("2026-06-02T12:06:00Z"))]), Future, &["`time`"]);
    check(event("coverage", &[("/data/hour", json!("2026-06-02T13:00:00Z"))]), Future, &["`hour`"]);
    // Within the tolerance, a clock that runs ahead is believed.
    let ahead = event("storage", &[("/data/time", json!("2026-06-02T12:05:00Z"))]);
    assert_eq!(decode(ahead).counts.rejected(), 0);
}

#[test]
fn a_pod_that_changes_its_namespace() {
    let text = [event("pod", &[]), event("pod", &[("/data/namespace", json!("staging"))]), event("pod", &[])]
        .join("\n");
    let decoded = decode(text);
    let refusals = &decoded.counts.rejects["pod_moved"];
    assert_eq!((refusals.count, decoded.counts.rows["pod_usage"]), (1, 2));
    assert!(refusals.examples[0].detail.contains("\"prod\" and now in \"staging\""));
    assert_eq!(refusals.examples[0].origin, "file/abc:2");
}

#[test]
fn a_detail_never_shows_a_name() {
    let secret = "ada.lovelace".repeat(100);
    let decoded = decode(event("pod", &[("/data/user", json!(secret))]));
    let refusals = &decoded.counts.rejects["invalid_value"];
    assert!(!refusals.examples[0].detail.contains("ada"), "{}", refusals.examples[0].detail);
    let odd = decode(event("hub", &[("/data/user", json!({"name": "ada"}))]));
    assert!(!odd.counts.rejects["invalid_value"].examples[0].detail.contains("ada"));
    let number = decode(event("hub", &[("/data/user", json!(4711))]));
    assert!(!number.counts.rejects["invalid_value"].examples[0].detail.contains("4711"));
}

#[test]
fn a_long_record_is_cut_and_counted_whole() {
    let judgement = judgement();
    let kept = vec![b'x'; KEPT_BYTES];
    let record = Record { bytes: &kept, whole_bytes: 10_000_000 };
    let Read::Refused(refused) = read_record(record, false, &judgement) else { panic!("accepted") };
    assert_eq!(refused.reason, RejectReason::TooLong);
    assert!(refused.detail.contains("10000000 bytes"));
}

proptest! {
    /// L10: whatever the bytes, each line is a row, a reject or blank, and none is lost.
    #[test]
    fn every_line_is_accounted_for(lines in prop::collection::vec(prop::collection::vec(any::<u8>().prop_filter("no line end", |b| *b != b'\n'), 0..40), 1..20)) {
        let text = lines.join(&b'\n');
        let decoded = decode(&text);
        let expected = text.strip_suffix(b"\n").unwrap_or(&text).split(|b| *b == b'\n').count() as u64;
        prop_assert_eq!(decoded.counts.records, expected);
        prop_assert_eq!(decoded.counts.blank + decoded.counts.rejected(), expected);
    }
}
