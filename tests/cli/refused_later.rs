//! What an earlier run refused is said by every later close of the month that it touches, on each document
//! that it touches (laws L4 and L10), until it is made good.

use serde_json::{Value, json};

use super::run::Place;
use super::small_month::{PERIOD, REGISTRY, charge, focus, full_coverage, number, place, pod, whole_bill};

/// A month of which nothing is missing.
fn complete() -> Place {
    let place = place();
    place.write("usage/coverage.ndjson", &full_coverage()).write("bills/june.csv", &whole_bill());
    place.write("usage/pods.ndjson", &pod("good", 1, &[]));
    place
}

#[track_caller]
fn close(place: &Place, code: i32) -> Value {
    place.run(&["close", "--period", PERIOD, "--json"]).exits(code).json()
}

/// The notes of a document that was written.
fn notes(place: &Place, document: &str) -> Vec<String> {
    let text = place.read(&format!("statements/{PERIOD}/{document}.json"));
    let document: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(document["notes"].clone()).unwrap()
}

#[test]
fn a_month_of_which_nothing_is_missing_closes_with_0() {
    let closed = close(&complete(), 0);
    assert_eq!((&closed["refused"], &closed["incomplete"]), (&json!([]), &json!([])));
}

#[test]
fn l10_what_an_earlier_run_refused_is_said_by_every_later_close_and_on_its_documents() {
    let place = complete();
    let negative = |id: &str, day| pod(id, day, &[("cpu_request_millicore_ms", json!(-1))]);
    let of_july = negative("july", 1).replace("2026-06-01", "2026-07-01");
    place.write("earlier/pods.ndjson", &[negative("a", 3), negative("b", 4), of_july].join("\n"));
    place.run(&["ingest", "files", "earlier"]).exits(3);
    std::fs::remove_dir_all(place.path("earlier")).unwrap();

    let wanted = "2 records could not be used (negative): a quantity is negative: usage is never below 0, so look at the \
                  producer's counter handling.";
    for _ in 0..2 {
        let closed = close(&place, 3);
        assert_eq!(closed["incomplete"], json!([wanted]));
        assert_eq!(closed["refused"][0]["count"], 2, "that of July is no part of June");
    }
    let said = place.run(&["close", "--period", PERIOD]).exits(3);
    said.prints(&format!("incomplete    {wanted}"))
        .prints("hubtally sql \"SELECT reason, origin, detail FROM rejects\"");
    place.run(&["report", "--period", PERIOD]).exits(3).prints(wanted);
    place.run(&["close", "--period", PERIOD, "--exit-zero-if-incomplete"]).exits(0).prints(wanted);

    assert_eq!(notes(&place, "finance/summary"), [wanted]);
    assert_eq!(
        notes(&place, "totals/totals"),
        ["The data of this month is incomplete; the figures may change."]
    );
    let own = "Cluster tides: 2 records of usage could not be used, so what they tell is not in this document: a negative \
               quantity (2).";
    assert_eq!(notes(&place, "communities/ocean-lab/cost-report"), [own]);
    let html = place.read(&format!("statements/{PERIOD}/communities/ocean-lab/cost-report.html"));
    assert!(html.contains("a negative quantity (2)"), "the page says it too");
    // The other community has nothing on that cluster.
    assert_eq!(notes(&place, "communities/soil-net/cost-report"), Vec::<String>::new());
}

#[test]
fn lines_that_tell_no_time_are_dated_by_their_neighbours_and_else_said_of_every_month_they_may_be_of() {
    let place = complete();
    place.write("usage/beside.ndjson", &["garbage", &pod("x", 5, &[]), "more garbage"].join("\n"));
    let closed = close(&place, 3);
    assert_eq!(closed["refused"][0]["count"], 2, "{closed}");
    assert!(!closed["incomplete"][0].as_str().unwrap().contains("may be of"), "{closed}");
    place.write("usage/only.ndjson", "nothing but garbage");
    let closed = close(&place, 3);
    assert_eq!(closed["refused"][0]["count"], 3, "{closed}");
    let unsure = "1 record could not be used, which may be of this month or of one before (malformed): ";
    assert!(closed["incomplete"][1].as_str().unwrap().starts_with(unsure), "{closed}");
    // A month after all that was read cannot miss it.
    let later = place.run(&["close", "--period", "2198-01", "--json"]).exits(3).json();
    assert_eq!(later["refused"], json!([]));
}

#[test]
fn a_registry_that_was_mended_and_a_file_packed_anew_make_it_good() {
    let place = complete();
    let lines = [pod("x", 5, &[("/source", json!("/clusters/dunes"))]), "garbage".to_owned()].join("\n");
    place.write("usage/dunes.ndjson", &lines);
    let closed = close(&place, 3);
    assert_eq!(closed["refused"][0]["reason"], "malformed");
    assert_eq!(closed["refused"][1]["reason"], "wrong_cluster");
    let dunes = "[[cluster]]\nid = \"dunes\"\nprovider = \"aws\"\naccount = \"1111\"\nfrom = 2026-06-05\nto = 2026-06-06\n";
    place.write("registry.toml", &format!("{REGISTRY}\n{dunes}"));
    // Other bytes, the same lines: it is read again, and the line that is none is still one and not two.
    place.write("usage/dunes-again.ndjson", &format!("{lines}\n"));
    let closed = close(&place, 3);
    assert_eq!(closed["refused"].as_array().unwrap().len(), 1, "{closed}");
    assert_eq!(closed["refused"][0]["reason"], "malformed");
    assert_eq!(closed["refused"][0]["count"], 1);
    assert_eq!(number(&place, "SELECT count(*) FROM rejects"), 3, "each refusal is kept");
    assert_eq!(number(&place, "SELECT count(*) FROM pod_usage WHERE cluster = 'dunes'"), 1);
}

#[test]
fn a_bad_bill_row_is_said_until_a_mended_bill_takes_its_place() {
    let place = complete();
    let bill = |cost: &str| focus(&[charge(1, "i-1", "1"), charge(9, "i-2", cost), charge(30, "i-1", "2")]);
    place.write("bills/june.csv", &bill("a lot"));
    for _ in 0..2 {
        let closed = close(&place, 3);
        assert_eq!(closed["refused"][0]["reason"], "bill_row");
        assert_eq!(closed["refused"][0]["count"], 1);
        assert!(
            closed["incomplete"][0].as_str().unwrap().starts_with("1 bill row could not be used"),
            "{closed}"
        );
        assert_eq!(closed["conservation"][0]["billed"], "3.000000000000");
    }
    assert!(notes(&place, "finance/summary")[0].contains("its amount is missing"));
    place.write("bills/june.csv", &bill("4"));
    let closed = close(&place, 0);
    assert_eq!(closed["conservation"][0]["billed"], "7.000000000000");
    assert_eq!(closed["refused"], json!([]));
}
