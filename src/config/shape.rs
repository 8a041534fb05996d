//! What a configuration document may hold, as data: one [`Key`] a key, checked by [`super::document`].

use hubtally_schemas::policy::Choice;

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// Whether the document is refused without it.
    pub required: bool,
    /// What it decides, in a few words; errors about a missing key say it.
    pub words: &'static str,
}

/// What may stand behind a key.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text that is not empty.
    Text,
    /// An id: 1 to 512 bytes without control characters.
    Id,
    /// An id that is used in file names: lower-case letters, digits and hyphens.
    Slug,
    /// `community:<id>`, `organisation` or `shared`.
    Owner,
    /// A day: `2026-06-01`.
    Date,
    /// `true` or `false`.
    Truth,
    /// A whole number from `least` to `most`.
    Count {
        /// The smallest value that is accepted.
        least: i64,
        /// The largest value that is accepted.
        most: i64,
    },
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// A choice of the policy.
    Choice(&'static Choice),
    /// A list of texts.
    Texts,
    /// A list of ids.
    Ids,
    /// A table of texts under free names.
    TextMap,
    /// A table of parts per million under free names, which sum to 1,000,000.
    PpmMap,
    /// A table of these keys.
    Table(&'static [Key]),
    /// A list of tables, `[[name]]`, of these keys.
    Tables(&'static [Key]),
    /// Tables of these keys under free names, `[name.<free name>]`.
    NamedTables(&'static [Key]),
}

impl Kind {
    /// What is expected, as an error says it.
    pub fn expected(&self) -> String {
        match self {
            Self::Text => "text in quotes that is not empty".to_owned(),
            Self::Id => "an id in quotes: 1 to 512 bytes without control characters".to_owned(),
            Self::Slug => {
                "an id of lower-case letters, digits and hyphens, for example \"ocean-lab\"".to_owned()
            }
            Self::Owner => "\"organisation\", \"shared\" or \"community:<id>\"".to_owned(),
            Self::Date => "a day, for example \"2026-06-01\"".to_owned(),
            Self::Truth => "true or false".to_owned(),
            Self::Count { least, most } => format!("a whole number from {least} to {most}"),
            Self::OneOf(words) => format!("one of {}", quoted(words.iter().copied())),
            Self::Choice(choice) => {
                format!("one of {}", quoted(choice.values.iter().map(|(value, _)| *value)))
            }
            Self::Texts => "a list of texts, for example [\"one\", \"two\"]".to_owned(),
            Self::Ids => "a list of ids, for example [\"one\", \"two\"]".to_owned(),
            Self::TextMap => "a table of texts, for example { key = \"value\" }".to_owned(),
            Self::PpmMap => "a table of parts per million that sum to 1000000".to_owned(),
            Self::Table(_) | Self::NamedTables(_) => "a table".to_owned(),
            Self::Tables(_) => "a list of tables, each under its own [[…]] head".to_owned(),
        }
    }
}

/// A key that must stand.
pub const fn required(name: &'static str, kind: Kind, words: &'static str) -> Key {
    Key { name, kind, required: true, words }
}

/// A key that may be left out.
pub const fn optional(name: &'static str, kind: Kind, words: &'static str) -> Key {
    Key { name, kind, required: false, words }
}

/// Words in quotes, joined by commas.
pub fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// The known name that lies nearest to what was written, if any lies near enough to be meant.
pub fn nearest<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::normalized_damerau_levenshtein(written, name), name))
        .filter(|(likeness, _)| *likeness > 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_key_that_was_meant() {
        let known = ["store", "registry", "statements"];
        assert_eq!(nearest("stroe", known.into_iter()), Some("store"));
        assert_eq!(nearest("statement", known.into_iter()), Some("statements"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
