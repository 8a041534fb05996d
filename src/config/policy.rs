//! `policy.toml`: every choice that changes an invoice, none assumed.

use std::path::Path;
use std::sync::LazyLock;

use hubtally_rules::registry_view::{RegistryProblem, Severity};
use hubtally_schemas::policy::{CHOICES, Policy};
use hubtally_schemas::registry::Registry;

use super::ConfigError;
use super::document::Document;
use super::problem::{Problem, Problems};
use super::shape::{Key, Kind, optional, required};

static SHAPE: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let choices = CHOICES.iter().map(|choice| required(choice.key, Kind::Choice(choice), choice.question));
    let others = [
        required("id", Kind::Text, "name and version of this policy, printed on statements"),
        optional("fixed_ppm", Kind::PpmMap, "with shared = \"fixed\": parts per million by community"),
    ];
    others.into_iter().chain(choices).collect()
});

/// Reads the policy.
pub fn load(file: &Path) -> Result<Policy, ConfigError> {
    from_document(&Document::read(file, &SHAPE)?)
}

fn from_document(document: &Document) -> Result<Policy, ConfigError> {
    let problem = |message: String| document.problems(vec![Problem { place: None, message }]);
    serde_json::from_value(document.value.clone().into())
        .map_err(|error| problem(format!("the policy cannot be read: {error}")).into())
}

/// Checks a policy against the registry whose communities it may name; gives back what to look at.
pub fn check(file: &Path, policy: &Policy, registry: &Registry) -> Result<Vec<RegistryProblem>, Problems> {
    let (errors, warnings): (Vec<_>, Vec<_>) = hubtally_rules::check_policy(policy, registry)
        .into_iter()
        .partition(|problem| problem.severity == Severity::Error);
    if errors.is_empty() {
        return Ok(warnings);
    }
    let problems = errors.iter().map(|problem| Problem { place: None, message: problem.to_string() });
    Err(Problems { file: file.to_owned(), problems: problems.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::template;

    fn read(text: &str) -> Result<Policy, String> {
        let document = Document::parse(Path::new("policy.toml"), text.to_owned(), &SHAPE);
        document
            .map_err(|error| error.to_string())
            .and_then(|document| from_document(&document).map_err(|error| error.to_string()))
    }

    #[test]
    fn what_init_writes_is_read() {
        assert_eq!(read(&template::policy()).unwrap().chosen().len(), CHOICES.len());
    }

    #[test]
    fn each_choice_left_open_is_named_with_all_its_values_and_their_sentences() {
        for choice in CHOICES {
            let line = |line: &&str| !line.starts_with(&format!("{} = ", choice.key));
            let whole = template::policy();
            let text: Vec<&str> = whole.lines().filter(line).collect();
            let error = read(&text.join("\n")).unwrap_err();
            assert!(error.contains(&format!("`{}` is missing", choice.key)), "{error}");
            for (value, words) in choice.values {
                assert!(error.contains(&format!("\"{value}\"")) && error.contains(words), "{error}");
            }
        }
    }

    #[test]
    fn a_value_that_is_none_of_the_choices_is_named_with_its_place() {
        let text = template::policy().replace("idle = \"separate\"", "idle = \"seperate\"");
        let error = read(&text).unwrap_err();
        assert!(error.contains("policy.toml:"), "{error}");
        assert!(
            error.contains("`idle` is \"seperate\", expected one of \"separate\", \"proportional\""),
            "{error}"
        );
        assert!(error.contains("did you mean \"separate\"?"), "{error}");
    }

    #[test]
    fn fixed_parts_must_stand_and_sum_up() {
        let fixed = template::policy().replace("shared = \"equal\"", "shared = \"fixed\"");
        let nothing = check(Path::new("policy.toml"), &read(&fixed).unwrap(), &Registry::default());
        assert!(nothing.unwrap_err().to_string().contains("fixed_ppm"));
        let short = format!("{fixed}\n[fixed_ppm]\na = 400000\nb = 500000\n");
        assert!(read(&short).unwrap_err().contains("sum to 900000"));
        let full = format!("{fixed}\n[fixed_ppm]\na = 500000\nb = 500000\n");
        assert!(read(&full).is_ok());
    }
}
