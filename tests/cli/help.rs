//! Help texts are part of the product.

use super::run::Place;

const COMMANDS: &[&[&str]] = &[
    &["init"],
    &["check"],
    &["sample"],
    &["close"],
    &["ingest", "files"],
    &["ingest", "prometheus"],
    &["ingest", "bills"],
    &["registry", "import"],
    &["aggregate"],
    &["report"],
    &["explain"],
    &["sql"],
    &["tables"],
    &["maintain"],
    &["recipe", "aws-ce"],
    &["completions"],
];

#[test]
fn every_command_has_help_with_an_example_of_itself() {
    let place = Place::empty();
    for command in COMMANDS {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let help = place.run(&arguments).exits(0).prints("Example");
        let own = format!("hubtally {}", command.join(" "));
        assert!(help.stdout.matches(&own).count() >= 2, "{own}:\n{}", help.stdout);
        assert!(!help.stdout.contains('\u{1b}'), "colours though stdout is no terminal");
    }
}

#[test]
fn the_first_help_names_the_commands_and_the_exit_codes() {
    let help = Place::empty()
        .run(&["--help"])
        .exits(0)
        .prints("Exit codes:")
        .prints("3  done, but the data is incomplete");
    for command in COMMANDS {
        assert!(help.stdout.contains(command[0]), "{command:?}");
    }
}

#[test]
fn wrong_usage_exits_2_and_names_what_is_near() {
    let place = Place::empty();
    place.run(&["clsoe"]).exits(2).says("close");
    place.run(&["close"]).exits(2).says("--period");
    place.run(&["close", "--period", "June"]).exits(2).says("write it as YYYY-MM, for example 2026-06");
    place.run(&["sql", "--format", "xml", "SELECT 1"]).exits(2).says("table, csv, json");
}

#[test]
fn completions_are_printed_for_shells() {
    let place = Place::empty();
    place.run(&["completions", "bash"]).exits(0).prints("_hubtally");
    place.run(&["completions", "zsh"]).exits(0).prints("#compdef hubtally");
    place.run(&["completions", "fish"]).exits(0).prints("complete -c hubtally");
}

#[test]
fn the_version_is_printed() {
    Place::empty().run(&["--version"]).exits(0).prints(concat!("hubtally ", env!("CARGO_PKG_VERSION")));
}
