//! Bills that cannot be read, or would count money twice: nothing half is loaded, each cent stands once, and the
//! message names file, row and value and what to do.

use super::run::Place;
use super::small_month::{PERIOD, charge, charge_in, focus, number, place, rows, text, whole_bill};

fn ingest(place: &Place, files: &[&str]) -> super::run::Ended {
    place.run(&[&["ingest", "bills"], files].concat())
}

/// What the loaded bills sum to, and of how many lines.
#[track_caller]
fn billed(place: &Place) -> (String, i64) {
    let total = text(place, "SELECT CAST(coalesce(sum(billed_cost), 0) AS VARCHAR) AS total FROM charges");
    let total = total.trim_end_matches('0').trim_end_matches('.').to_owned();
    (total, number(place, "SELECT count(*) FROM charges"))
}

#[test]
fn a_row_that_cannot_be_read_is_refused_alone() {
    let place = place();
    let rows_of_bill = [charge(1, "i-1", "1"), charge(2, "i-1", "\"1.234,5\""), charge(30, "i-1", "2")];
    place.write("bills/june.csv", &focus(&rows_of_bill));
    ingest(&place, &["bills"]).exits(3).prints("bills/june.csv: row 2: BilledCost").prints("1.234,5");
    assert_eq!(billed(&place), ("3".to_owned(), 2));
    let refused = rows(&place, "SELECT origin, reason, detail FROM rejects");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0]["reason"], "bill_row");
    assert!(refused[0]["origin"].as_str().unwrap().ends_with("bills/june.csv, row 2"), "{refused:?}");
    // The file is known, and so is what is wrong with it.
    ingest(&place, &["bills"]).exits(3).prints("row 2: BilledCost");
    assert_eq!((billed(&place).1, number(&place, "SELECT count(*) FROM rejects")), (2, 1));
}

#[test]
fn a_bill_loaded_twice_counts_once() {
    let place = place();
    place.write("bills/june.csv", &whole_bill());
    ingest(&place, &["bills"]).exits(0).prints("loaded");
    ingest(&place, &["bills"]).exits(0).prints("unchanged");
    place.write("bills/june (1).csv", &whole_bill());
    ingest(&place, &["bills"]).exits(0).prints("has the same bytes as");
    assert_eq!(billed(&place), ("3".to_owned(), 2));
}

#[test]
fn bills_that_overlap_are_refused_by_name() {
    let place = place();
    place.write("bills/one.csv", &focus(&[charge(1, "i-1", "1"), charge(2, "i-1", "2")]));
    place.write("bills/two.csv", &focus(&[charge(2, "i-1", "2.01"), charge(30, "i-1", "4")]));
    ingest(&place, &["bills"])
        .exits(1)
        .says("bills/one.csv (row 2) and bills/two.csv (row 1) overlap")
        .says("Keep the newer file only");
    assert_eq!(billed(&place).1, 0, "nothing of either is loaded");
    // A part that comes later does not push out what it does not speak of.
    ingest(&place, &["bills/one.csv"]).exits(0);
    ingest(&place, &["bills/two.csv"]).exits(1).says("would replace a loaded bill").says("--replace");
    assert_eq!(billed(&place), ("3".to_owned(), 2));
    ingest(&place, &["bills/two.csv", "--replace"]).exits(0).prints("replaced");
    assert_eq!(billed(&place), ("6.01".to_owned(), 2));
}

#[test]
fn an_amount_with_20_decimals_is_kept_as_text_and_its_rounding_is_told() {
    let place = place();
    let exact = "0.12345678901234567891";
    place.write("bills/june.csv", &focus(&[charge(1, "i-1", exact), charge(30, "i-1", "2")]));
    let read = place.run(&["ingest", "bills", "bills", "--json"]).exits(0).json();
    assert_eq!(read["files"][0]["billed"]["USD"], "2.12345678901234567891");
    assert_eq!(read["files"][0]["rounding"]["USD"], "0.00000000000034567891");
    let stored = rows(
        &place,
        "SELECT billed_cost, billed_cost_text, billed_cost_rounded FROM charges ORDER BY 1 LIMIT 1",
    );
    assert_eq!(stored[0]["billed_cost"], "0.123456789012");
    assert_eq!(
        (&stored[0]["billed_cost_text"], &stored[0]["billed_cost_rounded"]),
        (&exact.into(), &true.into())
    );
    let closed = place.run(&["close", "--period", PERIOD, "--json"]).exits(3).json();
    assert_eq!(closed["conservation"][0]["difference"], "0.000000000000");
    let certificate =
        text(&place, "SELECT text_difference FROM conservation WHERE scope = 'total' AND basis = 'billed'");
    assert_eq!(certificate, "0.00000000000034567891");
}

#[test]
fn mixed_currencies_are_refused_with_both_rows() {
    let place = place();
    place.write("bills/june.csv", &focus(&[charge(1, "i-1", "1"), charge_in(30, "i-1", "2", "EUR")]));
    ingest(&place, &["bills"])
        .exits(1)
        .says("account 1111, 2026-06 mixes currencies")
        .says("june.csv row 1 is in USD")
        .says("june.csv row 2 in EUR")
        .says("export it in one billing currency");
    assert_eq!(billed(&place).1, 0);
    place.write(
        "bills/june.csv",
        &focus(&[charge_in(1, "i-1", "1", "EUR"), charge_in(30, "i-1", "2", "EUR")]),
    );
    ingest(&place, &["bills"]).exits(0).prints("EUR");
}

#[test]
fn a_missing_column_is_named_with_the_nearest() {
    let place = place();
    place.write("bills/june.csv", &whole_bill().replace("BilledCost", "BiledCosts"));
    ingest(&place, &["bills"])
        .exits(1)
        .says("june.csv: required columns are missing for focus: BilledCost (nearest found: BiledCosts)")
        .says("Export it again with these columns");
    assert_eq!(billed(&place).1, 0);
}

#[test]
fn a_bill_with_a_bom_and_semicolons_is_read_as_any_other() {
    let place = place();
    let spreadsheet = format!("\u{feff}{}", whole_bill().replace(',', ";").replace('\n', "\r\n"));
    place.write("bills/june.csv", &spreadsheet);
    ingest(&place, &["bills"]).exits(0).prints("loaded");
    assert_eq!(billed(&place), ("3".to_owned(), 2));
    let plain = super::small_month::place();
    plain.write("bills/june.csv", &whole_bill());
    ingest(&plain, &["bills"]).exits(0);
    let ids = "SELECT charge_id, billed_cost FROM charges ORDER BY 1";
    assert_eq!(rows(&place, ids), rows(&plain, ids), "the same lines under the same ids");
}

#[test]
fn a_bill_that_was_cut_off_is_refused_whole() {
    let place = place();
    let bill = whole_bill();
    place.write("bills/june.csv", &bill[..bill.len() - 40]);
    ingest(&place, &["bills"]).exits(1).says("bills/june.csv ends too early").says("download it again");
    assert_eq!(billed(&place).1, 0);
}

#[test]
fn a_bill_that_cannot_be_used_holds_up_no_close_and_every_document_says_so() {
    let place = place();
    place.write("usage/coverage.ndjson", &super::small_month::full_coverage());
    place.write("bills/june.csv", &whole_bill());
    let close = ["close", "--period", PERIOD, "--json"];
    let complete = place.run(&close).exits(0).json();
    assert_eq!(complete["unread"].as_array().unwrap().len(), 0);

    let cut = whole_bill().replace("1111", "2222");
    place.write("bills/soil-net secret.csv", &cut[..cut.len() - 40]);
    // The same line under another price: neither file can be trusted, and what stands stays.
    place.write("bills/june-again.csv", &focus(&[charge(1, "i-1", "1"), charge(30, "i-1", "2.5")]));
    place.write("bills/no-bill.csv", "a,b\n1,2\n");
    place.run(&["ingest", "bills", "bills"]).exits(1).says("3 bills were refused, nothing was loaded");
    let closed = place.run(&close).exits(3).says("bill left out").json();
    let unread: Vec<&str> =
        closed["unread"].as_array().unwrap().iter().map(|unread| unread["file"].as_str().unwrap()).collect();
    assert_eq!(unread.len(), 3, "{unread:?}");
    assert!(unread[0].ends_with("bills/june-again.csv, bills/june.csv"), "{unread:?}");
    assert!(unread[1].ends_with("bills/no-bill.csv"), "{unread:?}");
    assert!(unread[2].ends_with("bills/soil-net secret.csv"), "{unread:?}");
    assert_eq!(
        (&closed["conservation"], &closed["communities"]),
        (&complete["conservation"], &complete["communities"])
    );
    assert_eq!(closed["incomplete"].as_array().unwrap().len(), 3);

    let read = |path: &str| std::fs::read_to_string(place.path("statements/2026-06").join(path)).unwrap();
    let finance = read("finance/summary.html");
    assert!(finance.contains("soil-net secret.csv ends too early"), "finance is told which");
    let report = read("communities/ocean-lab/cost-report.html");
    assert!(report.contains("3 bills could not be used"), "each community is told that something is missing");
    assert!(!report.contains("secret"), "and no name of another's bill (law L9)");
    // The statements can be written again from the store alone, and stay the same (law L7).
    place.run(&["report", "--period", PERIOD]).exits(3).prints("soil-net secret.csv ends too early");
    assert_eq!(
        (read("finance/summary.html"), read("communities/ocean-lab/cost-report.html")),
        (finance, report)
    );

    for file in ["bills/soil-net secret.csv", "bills/june-again.csv", "bills/no-bill.csv"] {
        std::fs::remove_file(place.path(file)).unwrap();
    }
    assert_eq!(place.run(&close).exits(0).json(), complete, "made good, nothing is said any more");
}

#[test]
fn a_bill_that_may_not_be_opened_or_is_not_there_holds_up_no_close() {
    let place = place();
    place.write("usage/coverage.ndjson", &super::small_month::full_coverage());
    place.write("bills/june.csv", &whole_bill());
    std::os::unix::fs::symlink("nowhere.csv", place.path("bills/july.csv")).unwrap();
    let closed = place.run(&["close", "--period", PERIOD, "--json"]).exits(3).json();
    assert_eq!(closed["conservation"][0]["billed"], "3.000000000000");
    assert_eq!(closed["unread"][0]["kind"], "bill");
    assert!(closed["unread"][0]["file"].as_str().unwrap().ends_with("bills/july.csv"));
}
