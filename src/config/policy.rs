//! `policy.toml`: every choice that changes an invoice, none assumed.

use std::path::Path;
use std::sync::LazyLock;

use hubtally_schemas::policy::{CHOICES, Policy, SharedRule};

use super::ConfigError;
use super::document::Document;
use super::problem::Problem;
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
    from_document(Document::read(file, &SHAPE)?)
}

fn from_document(document: Document) -> Result<Policy, ConfigError> {
    let problem = |message: String| document.problems(vec![Problem { place: None, message }]);
    let policy: Policy = serde_json::from_value(document.value.clone().into())
        .map_err(|error| problem(format!("the policy cannot be read: {error}")))?;
    let fixed = policy.shared == SharedRule::Fixed;
    if fixed && policy.fixed_ppm.is_empty() {
        return Err(problem(
            "shared = \"fixed\" needs the parts: add a table [fixed_ppm] with parts per million by community \
             that sum to 1000000"
                .to_owned(),
        )
        .into());
    }
    if !fixed && !policy.fixed_ppm.is_empty() {
        return Err(problem(format!(
            "[fixed_ppm] stands, but shared = \"{}\" does not use it: remove the table, or choose shared = \"fixed\"",
            policy.shared.code()
        ))
        .into());
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::template;

    fn read(text: &str) -> Result<Policy, String> {
        let document = Document::parse(Path::new("policy.toml"), text.to_owned(), &SHAPE);
        document
            .map_err(|error| error.to_string())
            .and_then(|document| from_document(document).map_err(|error| error.to_string()))
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
        assert!(error.contains("`idle` is \"seperate\", expected one of \"separate\", \"proportional\""), "{error}");
        assert!(error.contains("did you mean \"separate\"?"), "{error}");
    }

    #[test]
    fn fixed_parts_must_stand_and_sum_up() {
        let fixed = template::policy().replace("shared = \"equal\"", "shared = \"fixed\"");
        assert!(read(&fixed).unwrap_err().contains("[fixed_ppm]"));
        let short = format!("{fixed}\n[fixed_ppm]\na = 400000\nb = 500000\n");
        assert!(read(&short).unwrap_err().contains("sum to 900000"));
        let full = format!("{fixed}\n[fixed_ppm]\na = 500000\nb = 500000\n");
        assert!(read(&full).is_ok());
    }
}
