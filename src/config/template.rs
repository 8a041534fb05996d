//! The commented documents that `init` writes.

use std::fmt::Write as _;

use hubtally_schemas::policy::CHOICES;

/// `hubtally.toml`.
pub const OPERATION: &str = include_str!("templates/hubtally.toml");

/// `registry.toml`: an organisation, and everything else as a commented example.
pub const REGISTRY: &str = include_str!("templates/registry.toml");

const POLICY_HEAD: &str = "\
# policy.toml: every choice that changes an invoice. None is assumed: a missing one is an error, and each
# statement prints all of them in words. Change `id` whenever you change a choice.

# Name and version, printed on statements.
id = \"default-1\"
";

const POLICY_FOOT: &str = "
# With shared = \"fixed\": parts per million by community, which sum to 1000000.
#[fixed_ppm]
#ocean-lab = 600000
#soil-net = 400000
";

/// `policy.toml`: each choice with a sentence for each of its values, the first value chosen.
pub fn policy() -> String {
    let mut text = POLICY_HEAD.to_owned();
    for choice in CHOICES {
        let _ = write!(text, "\n# {}.\n", choice.question);
        let width = choice.values.iter().map(|(value, _)| value.len()).max().unwrap_or(0) + 2;
        for (value, words) in choice.values {
            let quoted = format!("\"{value}\"");
            let _ = writeln!(text, "#   {quoted:width$}  {words}");
        }
        let first = choice.values.first().map_or("", |(value, _)| *value);
        let _ = writeln!(text, "{} = \"{first}\"", choice.key);
    }
    text.push_str(POLICY_FOOT);
    text
}

/// A template with its examples switched on: `#key = …` becomes `key = …`, `# words` stay.
#[cfg(test)]
pub fn uncommented(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_explains_each_value_of_each_choice() {
        let text = policy();
        for choice in CHOICES {
            for (value, words) in choice.values {
                assert!(text.contains(value) && text.contains(words), "{} = {value}", choice.key);
            }
        }
    }
}
