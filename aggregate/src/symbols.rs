//! Strings as small numbers while a month is allocated. Numbers never decide an order: wherever an
//! order matters (ties of a split), the text is compared.

use std::cmp::Ordering;
use std::sync::Arc;

use ahash::AHashMap as HashMap;

/// A string of [`Symbols`]; [`NONE`] stands for NULL.
pub type Symbol = u32;

/// No string.
pub const NONE: Symbol = u32::MAX;

/// Every string seen, once.
#[derive(Debug, Default)]
pub struct Symbols {
    numbers: HashMap<Arc<str>, Symbol>,
    texts: Vec<Arc<str>>,
}

impl Symbols {
    /// The symbol of a text.
    pub fn add(&mut self, text: &str) -> Symbol {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = Symbol::try_from(self.texts.len()).unwrap_or(NONE);
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// The symbol of a text that may be NULL.
    pub fn add_option(&mut self, text: Option<&str>) -> Symbol {
        text.map_or(NONE, |text| self.add(text))
    }

    /// The symbol of a text that was added before.
    pub fn find(&self, text: &str) -> Option<Symbol> {
        self.numbers.get(text).copied()
    }

    /// The order of two symbols' texts, NULL first. Most that are compared are the same.
    pub fn compare(&self, a: Symbol, b: Symbol) -> Ordering {
        if a == b { Ordering::Equal } else { self.text(a).cmp(&self.text(b)) }
    }

    /// The text of a symbol; `None` for [`NONE`].
    pub fn text(&self, symbol: Symbol) -> Option<&str> {
        self.texts.get(symbol as usize).map(AsRef::as_ref)
    }
}
