//! The five minutes of `README.md` do what the page says: its own blocks are the input.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

#[test]
fn the_five_minutes_of_the_readme_end_with_statements() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(readme).expect("the page is there");
    let folder = tempfile::tempdir().expect("a folder for the month");
    let folder = folder.path();

    hubtally(folder).arg("init").assert().success();
    fs::write(folder.join("registry.toml"), block(&readme, "toml")).expect("the registry is written");
    fs::write(folder.join("bills/june.csv"), block(&readme, "csv")).expect("the bill is written");
    hubtally(folder).arg("check").assert().success();

    let closed =
        hubtally(folder).args(["close", "--period", "2026-06", "--json"]).output().expect("close runs");
    let words = String::from_utf8_lossy(&closed.stderr);
    // Without usage there is no coverage to speak of: done, or done and said to be incomplete.
    assert!(matches!(closed.status.code(), Some(0 | 3)), "{:?}: {words}", closed.status);
    let summary: Value = serde_json::from_slice(&closed.stdout).expect("close --json prints JSON");
    assert_eq!(total_of(&summary, "ocean-lab"), "310.50", "{summary}");
    assert_eq!(total_of(&summary, "soil-net"), "42.00", "{summary}");
    assert!(folder.join("statements/2026-06").is_dir(), "the statements lie where the page says");
}

/// The binary, run in a folder.
fn hubtally(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubtally"));
    command.current_dir(folder);
    command
}

/// The first fenced block of a language.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let fence = format!("```{language}\n");
    let start =
        page.find(&fence).unwrap_or_else(|| panic!("README.md has no block of {language}")) + fence.len();
    let length = page[start..].find("```").expect("the block ends");
    &page[start..start + length]
}

fn total_of<'a>(summary: &'a Value, community: &str) -> &'a str {
    let communities = summary["communities"].as_array().expect("a list of communities");
    let found = communities.iter().find(|entry| entry["id"] == community);
    found
        .and_then(|entry| entry["total"].as_str())
        .unwrap_or_else(|| panic!("{community} has a total in {summary}"))
}
