//! `users.name` in `hubtally sql`: shown where the hub's key is at hand, NULL where it is not.

use serde_json::{Value, json};

use super::run::{Place, files_below};
use super::small_month::{number, place, pod, rows};

const NAMES: &str = "SELECT DISTINCT namespace, name FROM users ORDER BY namespace, name";

/// Users of two hubs, one with a name that a spreadsheet would take for a formula.
fn users() -> Place {
    let place = place();
    let user = |id: &str, name: &str, namespace: &str| {
        pod(id, 1, &[("user", json!(name)), ("namespace", json!(namespace))])
    };
    let lines = [
        user("a", "=cmd|' /C calc'!A0", "prod"),
        user("b", "ada@example.org", "prod"),
        user("c", "ada@example.org", "staging"),
    ];
    place.write("usage/a.ndjson", &lines.join("\n"));
    // The same people again: a row of `users` for each run that met them.
    place.write(
        "usage/b.ndjson",
        &lines.map(|line| line.replace("09:00", "11:00").replace("10:00", "12:00")).join("\n"),
    );
    place.run(&["ingest", "files", "usage/a.ndjson"]).exits(0);
    place.run(&["ingest", "files", "usage/b.ndjson"]).exits(0);
    place
}

#[test]
fn names_are_shown_where_the_key_is_at_hand() {
    let place = users();
    let formula = "=cmd|' /C calc'!A0";
    let wanted = [("prod", formula), ("prod", "ada@example.org"), ("staging", "ada@example.org")];
    let wanted: Vec<Value> =
        wanted.map(|(namespace, name)| json!({"namespace": namespace, "name": name})).into();
    assert_eq!(rows(&place, NAMES), wanted);
    let joined =
        "SELECT DISTINCT name FROM pod_usage JOIN users USING (cluster, namespace, user_id) ORDER BY 1";
    assert_eq!(rows(&place, joined).len(), 2);
    place
        .run(&["sql", "SELECT name, count(*) AS n FROM users GROUP BY 1 ORDER BY 1", "--format", "csv"])
        .exits(0)
        .prints("name,n\n'=cmd|' /C calc'!A0,2\n");
    assert_eq!(number(&place, "SELECT count(*) FROM users"), 6, "a row for each run that met them");
}

#[test]
fn names_are_null_where_the_key_was_destroyed_and_totals_stay() {
    let place = users();
    let sum = "SELECT CAST(sum(memory_request_byte_ms) AS BIGINT) AS n FROM pod_usage";
    let before = number(&place, sum);
    let keys = files_below(&place.path("keys/hubs"));
    assert_eq!(keys.len(), 2);
    let of_prod =
        keys.iter().find(|(_, text)| String::from_utf8_lossy(text).contains("namespace prod")).unwrap();
    std::fs::remove_file(place.path("keys/hubs").join(of_prod.0)).unwrap();
    let wanted = [
        json!({"namespace": "prod", "name": null}),
        json!({"namespace": "staging", "name": "ada@example.org"}),
    ];
    assert_eq!(rows(&place, NAMES), wanted);
    assert_eq!(number(&place, sum), before);
    assert_eq!(files_below(&place.path("keys/hubs")).len(), 1, "asking makes no key");
}
