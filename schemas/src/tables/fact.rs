//! The name of a fact: of which row of which table a record speaks, whatever it says there.
//!
//! A record that was refused and one that was read well later speak of the same fact, if they have the
//! same name here. The name is a digest, since keys may hold what `rejects` must not show in the clear.

use std::fmt;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use super::spec::TableSpec;

/// One value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyValue<'a> {
    /// A text.
    Text(&'a str),
    /// An instant in microseconds, or a whole number.
    Int(i64),
    /// NULL.
    Null,
}

/// Table, partition day and digest of the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    /// Table.
    pub table: &'static str,
    /// UTC day of the partition that the row would stand in.
    pub date: NaiveDate,
    /// Digest of the key's values.
    pub key: u128,
}

/// The digest of a key; `None` where a value of it is not known.
pub fn key_digest<'a>(spec: &TableSpec, value: impl Fn(&str) -> Option<KeyValue<'a>>) -> Option<u128> {
    let mut hasher = Sha256::new();
    for column in spec.key {
        match value(column)? {
            KeyValue::Text(text) => {
                hasher.update([1]);
                hasher.update((text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            KeyValue::Int(number) => {
                hasher.update([2]);
                hasher.update(number.to_le_bytes());
            }
            KeyValue::Null => hasher.update([0]),
        }
    }
    let digest = hasher.finalize();
    Some(digest.iter().take(16).fold(0_u128, |key, byte| (key << 8) | u128::from(*byte)))
}

impl Fact {
    /// Reads the text of [`fmt::Display`].
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let table = super::by_name(parts.next()?)?.name;
        let date = parts.next()?.parse().ok()?;
        let key = u128::from_str_radix(parts.next()?, 16).ok()?;
        parts.next().is_none().then_some(Self { table, date, key })
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{:032x}", self.table, self.date, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{COVERAGE, NODE_USAGE};
    use super::*;

    fn fact(node: &str, uid: Option<&str>, start: i64) -> Fact {
        let date = NaiveDate::from_ymd_opt(2026, 6, 14).unwrap();
        let key = key_digest(&NODE_USAGE, |column| {
            Some(match column {
                "start" => KeyValue::Int(start),
                "node" => KeyValue::Text(node),
                "node_uid" => uid.map_or(KeyValue::Null, KeyValue::Text),
                _ => KeyValue::Text("x"),
            })
        });
        Fact { table: NODE_USAGE.name, date, key: key.unwrap() }
    }

    #[test]
    fn keys_that_differ_have_other_names_and_a_name_is_read_back() {
        let one = fact("n1", Some("u"), 7);
        assert_eq!(one, fact("n1", Some("u"), 7));
        for other in [fact("n1u", Some(""), 7), fact("n1", None, 7), fact("n1", Some("u"), 8)] {
            assert_ne!(one, other);
        }
        assert_eq!(Fact::parse(&one.to_string()), Some(one));
        assert_eq!(Fact::parse("nowhere/2026-06-14/00"), None);
        assert_eq!(key_digest(&COVERAGE, |_| None), None);
    }
}
