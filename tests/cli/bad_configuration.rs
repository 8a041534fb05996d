//! What a person reads who mistyped something: file, line, value, what was expected, what is near.

use super::run::Place;

#[test]
fn without_a_configuration_the_way_to_one_is_named() {
    let place = Place::empty();
    place.run(&["tables"]).exits(2).says("there is no hubtally.toml").says("hubtally init");
    place.run(&["tables", "--config", "elsewhere.toml"]).exits(2).says("there is no elsewhere.toml");
    place.run_with(&["tables"], &[("HUBTALLY_CONFIG", "there.toml")]).exits(2).says("there is no there.toml");
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
    let place = Place::initialised();
    let text = format!("{}\nregstry = \"x\"\n", place.read("hubtally.toml").replace("[inputs]", "#[inputs]"));
    let text = text
        .replace("[limits]", "#[limits]")
        .replace("usage = [", "#usage = [")
        .replace("bills = [", "#bills = [");
    let line = text.lines().count();
    place.write("hubtally.toml", &text);
    place
        .run(&["check"])
        .exits(2)
        .says(&format!("hubtally.toml:{line}:1: unknown key `regstry`: did you mean `registry`?"))
        .says(&format!("{line} | regstry = \"x\""));
}

#[test]
fn a_policy_choice_that_is_left_open_is_named_with_its_values_and_their_meaning() {
    let place = Place::initialised();
    let policy = place.read("policy.toml").replace("\nidle = ", "\n#idle = ");
    place.write("policy.toml", &policy);
    place
        .run(&["close", "--period", "2026-06"])
        .exits(2)
        .says("`idle` is missing: who bears what was paid and not used")
        .says("\"separate\"")
        .says("\"proportional\"")
        .says("The organisation bears idle.");
}

#[test]
fn a_registry_that_does_not_fit_together_is_named_with_its_line() {
    let place = Place::initialised();
    place.write(
        "registry.toml",
        "[organisation]\nname = \"O\"\n\n[[hub]]\nid = \"geo\"\ncluster = \"tides\"\nnamespace = \"geo\"\n",
    );
    place.run(&["check"]).exits(2).says("registry.toml:4:1").says("cluster \"tides\" is not in the registry");
}

#[test]
fn an_environment_variable_with_a_wrong_value_is_named() {
    let place = Place::initialised();
    place
        .run_with(&["check"], &[("HUBTALLY_LIMITS_THREADS", "0")])
        .exits(2)
        .says("HUBTALLY_LIMITS_THREADS is \"0\", expected a whole number from 1 to 1024");
}

#[test]
fn a_secret_in_plain_text_is_refused_and_not_repeated() {
    let place = Place::initialised();
    let text =
        format!("{}\n[store_options]\naws_secret_access_key = \"hush-hush\"\n", place.read("hubtally.toml"));
    place.write("hubtally.toml", &text);
    let ended = place.run(&["tables"]).exits(2).says("aws_secret_access_key").says("env:NAME");
    assert!(!ended.stderr.contains("hush-hush"));
}

#[test]
fn a_store_that_is_none_is_named() {
    let place = Place::initialised();
    let ended = place.run_with(&["tables"], &[("HUBTALLY_STORE", "elsewhere")]).exits(1).says("elsewhere");
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
}
