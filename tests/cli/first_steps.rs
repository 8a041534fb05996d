//! The first minutes of a new user: `init`, `check`, and the tutorial's first close.

use super::run::{Place, files_below};

#[test]
fn init_writes_commented_documents_and_check_accepts_them() {
    let place = Place::initialised();
    for document in ["hubtally.toml", "registry.toml", "policy.toml"] {
        let text = place.read(document);
        assert!(text.lines().filter(|line| line.starts_with("# ")).count() > 5, "{document}:\n{text}");
    }
    assert!(place.path("keys").is_dir() && place.path("usage").is_dir() && place.path("bills").is_dir());
    place.run(&["check"]).exits(0).prints("registry  0 clusters, 0 hubs");
    let found = place.run(&["check", "--json"]).exits(0).json();
    assert_eq!(found["clusters"], 0);
    assert!(!found["policy"].as_array().unwrap().is_empty());
}

#[test]
fn init_overwrites_nothing() {
    let place = Place::initialised();
    place.write("policy.toml", "mine");
    let before = files_below(&place.path("."));
    place.run(&["init"]).exits(2).says("hubtally.toml is already there").says("--keep");
    place.run(&["init", "--keep"]).exits(0).says("kept").says("policy.toml");
    assert!(before == files_below(&place.path(".")));
}

#[test]
fn the_example_of_the_registry_is_accepted_once_it_is_switched_on() {
    let place = Place::initialised();
    let example = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let text: Vec<String> = place.read("registry.toml").lines().map(example).collect();
    place.write("registry.toml", &text.join("\n"));
    place.run(&["check"]).exits(0).prints("1 clusters, 2 hubs, 2 communities, 1 accounts");
}

#[test]
fn an_empty_month_closes() {
    let place = Place::initialised();
    let closed =
        place.run(&["close", "--period", "2026-06", "--json", "--exit-zero-if-incomplete"]).exits(0).json();
    assert_eq!(closed["period"], "2026-06");
    assert_eq!(closed["communities"].as_array().unwrap().len(), 0);
}

#[test]
fn the_five_minutes_of_the_readme_close_on_a_bill_alone() {
    let readme = include_str!("../../README.md");
    let place = Place::initialised();
    place.write("registry.toml", block(readme, "toml")).write("bills/june.csv", block(readme, "csv"));
    place.run(&["check"]).exits(0);
    // Without usage there is no coverage to speak of, and that is said; no exit code calls it incomplete.
    let closed = place.run(&["close", "--period", "2026-06", "--json"]).exits(0).json();
    assert_eq!(closed["conservation"][0]["currency"], "USD");
    assert_eq!(closed["conservation"][0]["billed"], "352.500000000000");
    assert_eq!(closed["conservation"][0]["difference"], "0.000000000000");
    let total = |at: usize| (&closed["communities"][at]["id"], &closed["communities"][at]["total"]);
    assert_eq!(total(0), (&"ocean-lab".into(), &"310.50".into()));
    assert_eq!(total(1), (&"soil-net".into(), &"42.00".into()));
    assert!(place.path("statements/2026-06").is_dir(), "the statements lie where the page says");
    let shown = place.run(&["close", "--period", "2026-06"]).exits(0);
    shown.prints("Ocean Lab").prints("310.50").prints("352.50").prints("difference 0");
}

/// The first fenced block of a language.
fn block<'a>(page: &'a str, language: &str) -> &'a str {
    let fence = format!("```{language}\n");
    let (_, after) =
        page.split_once(&fence).unwrap_or_else(|| panic!("README.md has no block of {language}"));
    after.split_once("```").unwrap().0
}
