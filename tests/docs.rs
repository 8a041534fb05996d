//! `docs/ARCHITECTURE.md` names, for each law, tests that exist; so does `docs/bad-input.md` for each kind of bad input.

use std::fs;
use std::path::Path;

const ROOMS: &[&str] =
    &["aggregate", "ingest", "report", "rules", "sample-data", "schemas", "src", "store", "tests"];

#[test]
fn every_law_names_tests_that_exist() {
    let (architecture, code) = (page("docs/ARCHITECTURE.md"), code());
    let laws: Vec<&str> = architecture.lines().filter(|line| line.starts_with("| **L")).collect();
    assert_eq!(laws.len(), 10, "the page has a row for each of L1 to L10");
    for (number, law) in (1..).zip(laws) {
        assert!(law.starts_with(&format!("| **L{number} ")), "L{number} is missing or out of order: {law}");
        let guards = guards(law);
        assert!(
            !guards.is_empty() || law.contains("nothing can break it yet"),
            "L{number}: name a test that would fail if it were broken"
        );
        for guard in guards {
            assert!(
                code.contains(&format!("fn {guard}(")),
                "L{number} names the test {guard}, which is nowhere"
            );
        }
    }
}

#[test]
fn every_kind_of_bad_input_names_tests_that_exist() {
    let (bad_input, code) = (page("docs/bad-input.md"), code());
    let kinds: Vec<&str> = bad_input.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(kinds.len() > 20, "the page has a row for each kind");
    for kind in kinds {
        let guards = guards(kind);
        assert!(!guards.is_empty(), "name a test that would fail if it were otherwise: {kind}");
        for guard in guards {
            assert!(
                code.contains(&format!("fn {guard}(")),
                "the page names the test {guard}, which is nowhere"
            );
        }
    }
    assert!(page("docs/ARCHITECTURE.md").contains("(bad-input.md)"), "the page can be found");
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("the page is there")
}

/// All Rust code of all rooms.
fn code() -> String {
    let mut code = String::new();
    for room in ROOMS {
        collect(&root().join(room), &mut code);
    }
    code
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names in backticks in the last cell of a row.
fn guards(row: &str) -> Vec<&str> {
    let cell = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or_default();
    cell.split('`').skip(1).step_by(2).filter(|name| name.contains('_')).collect()
}

/// Appends every Rust file below a folder.
fn collect(folder: &Path, code: &mut String) {
    for entry in fs::read_dir(folder).expect("a room is a folder") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            collect(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(&path).expect("a Rust file is text"));
        }
    }
}
