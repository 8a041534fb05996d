//! Other houses' readers open our tables: Python `deltalake`, Polars and DuckDB count the same rows and sum
//! the same money.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::end_to_end::closed;

const TABLES: [&str; 6] = ["pod_usage", "node_usage", "charges", "usage_hourly", "ledger", "coverage"];

#[test]
#[expect(clippy::disallowed_methods, reason = "the environment says which Python a test may use")]
fn three_other_readers_find_the_same_rows_and_the_same_money() {
    let Ok(python) = std::env::var("HUBTALLY_TEST_PYTHON") else {
        assert!(
            std::env::var_os("CI_REQUIRE_SERVERS").is_none(),
            "CI_REQUIRE_SERVERS is set and HUBTALLY_TEST_PYTHON is not"
        );
        println!("skipped: no Python with deltalake, polars and duckdb (make test installs one)");
        return;
    };
    let (place, ended) = closed();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/python/read_back.py");
    let output =
        Command::new(python).arg(script).arg(place.path("store/tables")).args(TABLES).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours = place.run(&["tables", "--json"]).exits(0).json();
    let posted = ended.json()["conservation"][0]["posted"].clone();
    for reader in ["deltalake", "polars", "duckdb"] {
        for table in ours.as_array().unwrap() {
            let name = table["name"].as_str().unwrap();
            if TABLES.contains(&name) {
                assert_eq!(found[reader][name], table["rows"], "{reader}: {name}");
            }
        }
        assert_eq!(found[reader]["posted"], posted, "{reader}");
    }
}
