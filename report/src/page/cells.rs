//! What every table writes in the same way: rests, names of accounts, and amounts made for print.

use hubtally_schemas::{Currency, Minor};

use crate::figures::{amount, count, listed};
use crate::words;

/// An amount made for print.
pub fn minor(units: i128, currency: Currency) -> Minor {
    Minor { units, currency }
}

/// Amounts of a row, each by its column, and their sum.
pub fn with_sum(parts: &[i128], currency: Currency) -> Vec<String> {
    let total = parts.iter().sum();
    parts.iter().copied().chain([total]).map(|units| amount(minor(units, currency))).collect()
}

/// Column by column.
pub fn sums<const N: usize>(rows: impl Iterator<Item = [i128; N]>) -> [i128; N] {
    rows.fold([0; N], |mut sums, row| {
        for (sum, part) in sums.iter_mut().zip(row) {
            *sum += part;
        }
        sums
    })
}

/// The label of what is summed into one row.
pub fn others(number: usize) -> String {
    format!("others ({})", count(i64::try_from(number).unwrap_or(i64::MAX)))
}

/// The first of a sorted list, and the rest, which is shown as one: [`others`].
pub fn most_and_rest<T>(items: &[T], most: usize) -> (&[T], &[T]) {
    // A rest of one is that one.
    let cut = if items.len() <= most + 1 { items.len() } else { most };
    items.split_at(cut)
}

/// An account's name with its number, once where they are the same.
pub fn account(name: &str, id: &str) -> String {
    if name == id { id.to_owned() } else { format!("{name} ({id})") }
}

/// Who pays the provider.
pub fn paid_by(codes: &[&'static str]) -> String {
    let words: Vec<String> = codes.iter().map(|code| words::paid_by(code).to_owned()).collect();
    listed(&words)
}

/// Text, or that there is none.
pub fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}

/// Anchors and titles of a currency: they name it only where the document has more than one.
pub struct Naming {
    anchor: String,
    title: String,
}

impl Naming {
    /// For one of `all` currencies.
    pub fn new(currency: &str, all: usize) -> Self {
        match all {
            1 => Self { anchor: String::new(), title: String::new() },
            _ => Self { anchor: format!("-{}", currency.to_lowercase()), title: format!(", {currency}") },
        }
    }

    /// An anchor, unique on the page.
    pub fn id(&self, name: &str) -> String {
        format!("{name}{}", self.anchor)
    }

    /// A title.
    pub fn title(&self, words: &str) -> String {
        format!("{words}{}", self.title)
    }
}
