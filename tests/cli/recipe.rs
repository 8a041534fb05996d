//! `recipe aws-ce`.

use super::run::Place;

const ARGUMENTS: &[&str] =
    &["recipe", "aws-ce", "--account", "1111-2222-3333", "--start", "2026-06-01", "--end", "2026-07-01"];

#[test]
fn the_queries_name_the_account_and_an_exclusive_end() {
    let place = Place::empty();
    let shown = place.run(ARGUMENTS).exits(0).prints("aws ce get-cost-and-usage");
    assert!(shown.stdout.matches("\"111122223333\"").count() >= 2, "{}", shown.stdout);
    let mut arguments = ARGUMENTS.to_vec();
    arguments.push("--json");
    let queries = place.run(&arguments).exits(0).json();
    for query in queries.as_array().unwrap() {
        assert_eq!(query["request"]["TimePeriod"]["End"], "2026-07-01");
        assert!(query["request"]["GroupBy"].as_array().unwrap().len() <= 2);
    }
}

#[test]
fn requests_are_written_where_the_importer_looks_for_them() {
    let place = Place::empty();
    let mut arguments = ARGUMENTS.to_vec();
    arguments.extend(["--out", "bills"]);
    let shown = place.run(&arguments).exits(0).prints("cd 'bills'");
    assert!(!shown.stdout.contains("REQUEST"));
    assert!(place.path("bills").read_dir().unwrap().count() >= 3);
    place.run(&arguments).exits(0);
}

#[test]
fn a_range_that_ends_before_it_starts_is_refused() {
    let place = Place::empty();
    let wrong =
        ["recipe", "aws-ce", "--account", "111122223333", "--start", "2026-07-01", "--end", "2026-06-01"];
    place.run(&wrong).exits(2).says("the end is the first day after");
    let wrong = ["recipe", "aws-ce", "--account", "12", "--start", "2026-06-01", "--end", "2026-07-01"];
    place.run(&wrong).exits(2).says("12 digits");
}
