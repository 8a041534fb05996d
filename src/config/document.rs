//! Reads a TOML document against its shape. All problems are found in one go, each with its place.

use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use hubtally_schemas::CommunityId;
use hubtally_schemas::policy::Choice;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem, Problems};
use super::shape::{Key, Kind, nearest};

/// The largest document that is read.
const MAX_BYTES: u64 = 16 << 20;

/// A document that keeps its shape.
#[derive(Debug)]
pub struct Document {
    file: PathBuf,
    text: String,
    /// What it says, dates and all numbers in the forms that `schemas` reads.
    pub value: Map<String, Value>,
    entries: Vec<(String, usize, usize)>,
}

impl Document {
    /// Reads a file against a shape.
    pub fn read(file: &Path, keys: &'static [Key]) -> Result<Self, Problems> {
        let fail = |message: String| Problems {
            file: file.to_owned(),
            problems: vec![Problem { place: None, message }],
        };
        let size =
            std::fs::metadata(file).map_err(|error| fail(format!("the file cannot be read: {error}")))?;
        if size.is_dir() {
            return Err(fail("this is a folder, and a file is expected".to_owned()));
        }
        if size.len() > MAX_BYTES {
            return Err(fail(format!("the file has {} bytes: at most {MAX_BYTES} are read", size.len())));
        }
        let text = std::fs::read_to_string(file)
            .map_err(|error| fail(format!("the file cannot be read: {error}")))?;
        Self::parse(file, text, keys)
    }

    /// Reads a text against a shape; `file` is what errors name.
    pub fn parse(file: &Path, text: String, keys: &'static [Key]) -> Result<Self, Problems> {
        let mut check = Check { text: &text, problems: Vec::new(), entries: Vec::new() };
        let value = match DeTable::parse(&text) {
            Ok(root) => check.table(root.get_ref(), 0, keys, ""),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                check.say(at, format!("this is no TOML: {}", error.message()));
                Map::new()
            }
        };
        let (mut problems, entries) = (check.problems, check.entries);
        if problems.is_empty() {
            return Ok(Self { file: file.to_owned(), text, value, entries });
        }
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        Err(Problems { file: file.to_owned(), problems })
    }

    /// The place of the n-th entry of a list of tables such as `[[hub]]`.
    pub fn entry(&self, list: &str, index: usize) -> Option<Place> {
        self.entries
            .iter()
            .find(|(name, at, _)| name == list && *at == index)
            .map(|(_, _, offset)| Place::of(&self.text, *offset))
    }

    /// The place of a key of the outermost table.
    pub fn key(&self, name: &str) -> Option<Place> {
        let root = DeTable::parse(&self.text).ok()?;
        let (key, _) = root.get_ref().get_key_value(name)?;
        Some(Place::of(&self.text, key.span().start))
    }

    /// Problems of this file, found after reading it.
    pub fn problems(&self, problems: Vec<Problem>) -> Problems {
        Problems { file: self.file.clone(), problems }
    }
}

struct Check<'a> {
    text: &'a str,
    problems: Vec<Problem>,
    entries: Vec<(String, usize, usize)>,
}

impl Check<'_> {
    fn say(&mut self, offset: usize, message: String) {
        self.problems.push(Problem { place: Some(Place::of(self.text, offset)), message });
    }

    fn table(
        &mut self,
        table: &DeTable<'_>,
        at: usize,
        keys: &'static [Key],
        path: &str,
    ) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, value) in table {
            let written = name.get_ref().as_ref();
            let Some(key) = keys.iter().find(|key| key.name == written) else {
                self.unknown(written, name.span().start, keys, path);
                continue;
            };
            let full = join(path, written);
            let read = self.value(value, key, &full);
            out.extend(read.map(|value| (written.to_owned(), value)));
        }
        for key in keys.iter().filter(|key| key.required) {
            if !table.iter().any(|(name, _)| name.get_ref() == key.name) {
                let message = match key.kind {
                    Kind::Choice(choice) => missing_choice(choice),
                    _ => format!(
                        "`{}` is missing: {}. Write {}",
                        join(path, key.name),
                        key.words,
                        key.kind.expected()
                    ),
                };
                self.say(at, message);
            }
        }
        out
    }

    fn unknown(&mut self, written: &str, at: usize, keys: &[Key], path: &str) {
        let place = if path.is_empty() { String::new() } else { format!(" in `{path}`") };
        let known = || keys.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ");
        let advice = nearest(written, keys.iter().map(|key| key.name))
            .map_or_else(|| format!("known keys are {}", known()), |name| format!("did you mean `{name}`?"));
        self.say(at, format!("unknown key `{written}`{place}: {advice}"));
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, key: &Key, path: &str) -> Option<Value> {
        let Range { start, .. } = value.span();
        match (key.kind, value.get_ref()) {
            (Kind::Table(keys), DeValue::Table(table)) => {
                Some(Value::Object(self.table(table, start, keys, path)))
            }
            (Kind::Tables(keys), DeValue::Array(items)) => self.tables(items.iter(), keys, key, path),
            (Kind::NamedTables(keys), DeValue::Table(table)) => {
                let mut out = Map::new();
                for (name, inner) in table {
                    let full = join(path, name.get_ref());
                    let as_table = Key { kind: Kind::Table(keys), ..*key };
                    let read = self.value(inner, &as_table, &full)?;
                    out.insert(name.get_ref().to_string(), read);
                }
                Some(Value::Object(out))
            }
            (Kind::TextMap, DeValue::Table(table)) => {
                self.map(table, &Key { kind: Kind::Text, ..*key }, path)
            }
            (Kind::PpmMap, DeValue::Table(table)) => self.parts(table, start, key, path),
            (Kind::Texts, DeValue::Array(items)) => {
                self.list(items.iter(), &Key { kind: Kind::Text, ..*key }, path)
            }
            (Kind::Ids, DeValue::Array(items)) => {
                self.list(items.iter(), &Key { kind: Kind::Id, ..*key }, path)
            }
            (_, leaf) => match read_leaf(key.kind, leaf) {
                Ok(read) => Some(read),
                Err(hint) => {
                    let message =
                        format!("`{path}` is {}, expected {}{hint}", shown(leaf), key.kind.expected());
                    self.say(start, message);
                    None
                }
            },
        }
    }

    fn tables<'v, 'i: 'v>(
        &mut self,
        items: impl Iterator<Item = &'v Spanned<DeValue<'i>>>,
        keys: &'static [Key],
        key: &Key,
        path: &str,
    ) -> Option<Value> {
        let mut out = Vec::new();
        for (index, item) in items.enumerate() {
            let start = item.span().start;
            let DeValue::Table(table) = item.get_ref() else {
                self.say(
                    start,
                    format!("`{path}` is {}, expected {}", shown(item.get_ref()), key.kind.expected()),
                );
                return None;
            };
            self.entries.push((path.to_owned(), index, start));
            let name = table.get("id").and_then(|id| id.get_ref().as_str()).map(ToOwned::to_owned);
            let full = format!("{path}[{}]", name.unwrap_or_else(|| (index + 1).to_string()));
            out.push(Value::Object(self.table(table, start, keys, &full)));
        }
        Some(Value::Array(out))
    }

    fn map(&mut self, table: &DeTable<'_>, key: &Key, path: &str) -> Option<Value> {
        let mut out = Map::new();
        for (name, value) in table {
            let read = self.value(value, key, &join(path, name.get_ref()))?;
            out.insert(name.get_ref().to_string(), read);
        }
        Some(Value::Object(out))
    }

    fn list<'v, 'i: 'v>(
        &mut self,
        items: impl Iterator<Item = &'v Spanned<DeValue<'i>>>,
        key: &Key,
        path: &str,
    ) -> Option<Value> {
        let read: Vec<Option<Value>> = items.map(|item| self.value(item, key, path)).collect();
        read.into_iter().collect::<Option<Vec<Value>>>().map(Value::Array)
    }

    fn parts(&mut self, table: &DeTable<'_>, at: usize, key: &Key, path: &str) -> Option<Value> {
        let part = Key { kind: Kind::Count { least: 0, most: 1_000_000 }, ..*key };
        let read = self.map(table, &part, path)?;
        let sum: i64 = read.as_object()?.values().filter_map(Value::as_i64).sum();
        if sum != 1_000_000 {
            self.say(at, format!("the parts of `{path}` sum to {sum}, expected 1000000 (parts per million)"));
            return None;
        }
        Some(read)
    }
}

/// A leaf in the form that `schemas` reads, or a hint that follows "expected …".
fn read_leaf(kind: Kind, value: &DeValue<'_>) -> Result<Value, String> {
    let no_hint = String::new;
    match (kind, value) {
        (Kind::Truth, DeValue::Boolean(truth)) => Ok(Value::Bool(*truth)),
        (Kind::Count { least, most }, DeValue::Integer(number)) => {
            i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|n| (least..=most).contains(n))
                .map(Value::from)
                .ok_or_else(no_hint)
        }
        (Kind::Date, DeValue::Datetime(time)) => read_date(&time.to_string()).ok_or_else(no_hint),
        (_, DeValue::String(text)) => read_text(kind, text),
        _ => Err(no_hint()),
    }
}

fn read_text(kind: Kind, text: &str) -> Result<Value, String> {
    let accepted = match kind {
        Kind::Text => !text.trim().is_empty(),
        Kind::Id => CommunityId::new(text).is_ok(),
        Kind::Slug => {
            let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            CommunityId::new(text).is_ok() && text.chars().all(letters)
        }
        Kind::Owner => {
            let community = text.strip_prefix("community:").is_some_and(|id| CommunityId::new(id).is_ok());
            community || ["organisation", "shared"].contains(&text)
        }
        Kind::Date => return read_date(text).ok_or_else(String::new),
        Kind::OneOf(words) => {
            return one_of(text, words.iter().copied());
        }
        Kind::Choice(choice) => {
            return one_of(text, choice.values.iter().map(|(value, _)| *value));
        }
        _ => false,
    };
    if accepted { Ok(Value::String(text.to_owned())) } else { Err(String::new()) }
}

fn one_of<'a>(text: &str, words: impl Iterator<Item = &'a str> + Clone) -> Result<Value, String> {
    if words.clone().any(|word| word == text) {
        return Ok(Value::String(text.to_owned()));
    }
    Err(nearest(text, words).map(|word| format!(": did you mean \"{word}\"?")).unwrap_or_default())
}

fn read_date(text: &str) -> Option<Value> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(Value::String(date.to_string()))
}

/// The error of a choice that was left open: the key, and each value with what it means.
fn missing_choice(choice: &Choice) -> String {
    let width = choice.values.iter().map(|(value, _)| value.len()).max().unwrap_or(0) + 2;
    let lines: Vec<String> = choice
        .values
        .iter()
        .map(|(value, words)| format!("    {} = {:width$}  # {words}", choice.key, format!("\"{value}\"")))
        .collect();
    format!(
        "`{}` is missing: {}. It changes invoices, so nothing is assumed. Write one of\n{}",
        choice.key,
        lower_first(choice.question),
        lines.join("\n")
    )
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// A value as an error shows it, shortened.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() > 40 => {
            format!("\"{}…\"", text.chars().take(40).collect::<String>())
        }
        DeValue::String(text) => format!("\"{text}\""),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Float(number) => number.as_str().to_owned(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
