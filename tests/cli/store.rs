//! `tables`, `sql`, `maintain` on a store.

use super::run::Place;

#[test]
fn tables_are_listed_with_url_version_and_rows() {
    let place = Place::initialised();
    let tables = place.run(&["tables", "--json"]).exits(0).json();
    let tables = tables.as_array().unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table["name"].as_str().unwrap()).collect();
    for wanted in ["pod_usage", "charges", "ledger", "conservation", "completeness", "rejects"] {
        assert!(names.contains(&wanted), "{names:?}");
    }
    for table in tables {
        assert_eq!(table["rows"], 0, "{table}");
        assert!(table["version"].as_i64().unwrap() >= 0, "{table}");
        assert!(table["url"].as_str().unwrap().ends_with(table["name"].as_str().unwrap()), "{table}");
    }
    place.run(&["tables"]).exits(0).prints("pod_usage");
}

#[test]
fn sql_answers_in_three_forms() {
    let place = Place::initialised();
    let query = "SELECT 1 AS one, 'a,b' AS text, CAST(1.5 AS DECIMAL(38,12)) AS amount";
    let rows = place.run(&["sql", query, "--format", "json"]).exits(0).json();
    assert_eq!(rows[0]["one"], 1);
    assert_eq!(rows[0]["amount"], "1.500000000000");
    place
        .run(&["sql", query, "--format", "csv"])
        .exits(0)
        .prints("one,text,amount\n1,\"a,b\",1.500000000000\n");
    place.run(&["sql", query]).exits(0).prints("1.500000000000");
    let none = place.run(&["sql", "SELECT charge_id, billed_cost FROM charges", "--format", "json"]).exits(0);
    assert_eq!(none.json().as_array().unwrap().len(), 0);
    let columns = "SELECT charge_id, amount FROM ledger";
    place.run(&["sql", columns, "--format", "csv"]).exits(0).prints("charge_id,amount\n");
    // A word of SQL that is a column of ours as well.
    let columns = "SELECT reason, cluster FROM rejects WHERE cluster = 'tides' ORDER BY cluster";
    place.run(&["sql", columns, "--format", "csv"]).exits(0).prints("reason,cluster\n");
}

#[test]
fn sql_only_reads_and_names_what_it_does_not_know() {
    let place = Place::initialised();
    place.run(&["sql", "SELECT * FROM nowhere"]).exits(1).says("nowhere");
    place.run(&["sql", "DROP TABLE ledger"]).exits(1);
    place.run(&["sql", "COPY (SELECT 1) TO 'out.csv'"]).exits(1);
    assert!(!place.path("out.csv").exists());
}

#[test]
fn maintain_on_an_empty_store_does_nothing() {
    let place = Place::initialised();
    place.run(&["maintain"]).exits(0);
    place.run(&["maintain", "--before", "2026-07-01", "--json"]).exits(0).json();
}

#[test]
fn an_explanation_of_an_unknown_charge_says_where_to_look() {
    let place = Place::initialised();
    place.run(&["explain", "--period", "2026-06", "--charge", "x"]).exits(1).says("hubtally sql");
}
