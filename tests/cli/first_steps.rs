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

const TUTORIAL_REGISTRY: &str = r#"
[organisation]
name = "Hubs for Science"

[[community]]
id = "ocean-lab"
name = "Ocean Lab"

[[community]]
id = "soil-net"
name = "Soil Net"

[[account]]
id = "111122223333"
name = "ocean lab"
provider = "aws"
[[account.owner]]
owner = "community:ocean-lab"

[[account]]
id = "444455556666"
name = "soil net"
provider = "aws"
[[account.owner]]
owner = "community:soil-net"
"#;

const TUTORIAL_BILL: &str = "\
Linked account,111122223333,444455556666,
Linked account name,ocean lab ($),soil net ($),Total costs($)
Linked account total,310.5,42,352.5
2026-06-01,310.5,42,352.5
";

#[test]
fn the_tutorial_closes_on_a_bill_alone() {
    let place = Place::initialised();
    place.write("registry.toml", TUTORIAL_REGISTRY).write("bills/june.csv", TUTORIAL_BILL);
    place.run(&["check"]).exits(0);
    let ended = place.run(&["close", "--period", "2026-06", "--json", "--exit-zero-if-incomplete"]).exits(0);
    let closed = ended.json();
    assert_eq!(closed["conservation"][0]["currency"], "USD");
    assert_eq!(closed["conservation"][0]["billed"], "352.500000000000");
    assert_eq!(closed["conservation"][0]["difference"], "0.000000000000");
    let total = |at: usize| closed["communities"][at]["total"].as_str().unwrap().to_owned();
    assert_eq!((total(0), total(1)), ("310.50".to_owned(), "42.00".to_owned()));
    assert!(place.path("statements").read_dir().unwrap().next().is_some());
    let shown = place.run(&["close", "--period", "2026-06", "--exit-zero-if-incomplete"]).exits(0);
    shown.prints("Ocean Lab").prints("310.50").prints("352.50").prints("difference 0");
}
