//! FOCUS Tags: a JSON object, the same without braces, or a list of key and value.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

/// The most texts that are remembered: bills repeat few combinations of tags many times.
const REMEMBERED: usize = 4_096;

/// Reads Tags into a JSON object of text to text with sorted keys.
#[derive(Debug, Default)]
pub(crate) struct TagReader {
    /// Where the tags of a text stand among those that were read.
    remembered: HashMap<Box<str>, usize>,
    /// Canonical text, `None` for what cannot be read.
    read: Vec<Option<String>>,
    unreadable: u64,
    first_unreadable: Option<(u64, String)>,
}

impl TagReader {
    /// The canonical text. Tags that cannot be read cost no money: the line stays, without tags, and
    /// the file gets a warning.
    pub(crate) fn read(&mut self, row: u64, text: Option<&str>) -> &str {
        let Some(text) = text else { return "{}" };
        let at = if let Some(at) = self.remembered.get(text) {
            *at
        } else {
            if self.read.len() >= REMEMBERED {
                self.remembered.clear();
                self.read.clear();
            }
            self.remembered.insert(text.into(), self.read.len());
            self.read.push(canonical(text));
            self.read.len() - 1
        };
        if let Some(tags) = &self.read[at] {
            return tags;
        }
        self.unreadable += 1;
        self.first_unreadable.get_or_insert_with(|| (row, text.chars().take(80).collect()));
        "{}"
    }

    /// What to tell about tags that could not be read.
    pub(crate) fn warning(&self) -> Option<String> {
        let (row, text) = self.first_unreadable.as_ref()?;
        Some(format!(
            "Tags of {} rows cannot be read, so those lines count as untagged; the first is row {row}: {text:?} (expected a JSON object such as {{\"key\": \"value\"}})",
            self.unreadable
        ))
    }
}

/// The canonical text of tags, or nothing if they cannot be read.
pub(crate) fn canonical(text: &str) -> Option<String> {
    let parsed: Value = serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&format!("{{{}}}", text.trim().trim_end_matches(','))))
        .ok()?;
    let mut tags = BTreeMap::new();
    match parsed {
        Value::Object(map) => {
            for (key, value) in map {
                tags.insert(key, plain(&value));
            }
        }
        Value::Array(items) => {
            for item in items {
                let part = |names: [&str; 2]| names.iter().find_map(|name| item.get(name)).map(plain);
                tags.insert(part(["key", "Key"])?, part(["value", "Value"]).unwrap_or_default());
            }
        }
        Value::Null => {}
        _ => return None,
    }
    serde_json::to_string(&tags).ok()
}

/// Canonical text of tags that are already apart.
pub(crate) fn object(tags: &BTreeMap<&str, &str>) -> String {
    serde_json::to_string(tags).unwrap_or_else(|_| "{}".to_owned())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_in_three_shapes() {
        let expected = Some(r#"{"a":"1","b":"x"}"#.to_owned());
        assert_eq!(canonical(r#"{"b": "x", "a": 1}"#), expected);
        assert_eq!(canonical(r#""b": "x", "a": "1""#), expected);
        assert_eq!(canonical(r#"[{"key":"b","value":"x"},{"key":"a","value":"1"}]"#), expected);
        assert_eq!(canonical("{}"), Some("{}".to_owned()));
        assert_eq!(canonical("b=x"), None);
    }

    #[test]
    fn unreadable_tags_are_told_once_with_their_row() {
        let mut reader = TagReader::default();
        assert_eq!(reader.read(7, Some("b=x")), "{}");
        assert_eq!(reader.read(8, None), "{}");
        assert_eq!(reader.read(9, Some("b=x")), "{}");
        let warning = reader.warning().unwrap();
        assert!(warning.contains("2 rows") && warning.contains("row 7"), "{warning}");
    }
}
