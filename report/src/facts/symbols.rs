//! Texts as small numbers, so that millions of postings are folded without copying their ids.

use ahash::AHashMap;
use arrow::array::{Array, StringArray};

/// A text; [`Symbols::NONE`] is NULL.
pub type Symbol = u32;

/// Texts that were seen, numbered in the order of their coming.
#[derive(Debug, Default)]
pub struct Symbols {
    numbers: AHashMap<Box<str>, Symbol>,
    texts: Vec<Box<str>>,
}

impl Symbols {
    /// Stands for NULL.
    pub const NONE: Symbol = 0;

    /// The number of a text.
    pub fn add(&mut self, text: &str) -> Symbol {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.into());
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.into(), number);
        number
    }

    /// The number of a text, [`Self::NONE`] for NULL.
    pub fn add_option(&mut self, text: Option<&str>) -> Symbol {
        text.map_or(Self::NONE, |text| self.add(text))
    }

    /// The text of a number; `None` for [`Self::NONE`].
    pub fn text(&self, symbol: Symbol) -> Option<&str> {
        let at = usize::try_from(symbol).ok()?.checked_sub(1)?;
        self.texts.get(at).map(AsRef::as_ref)
    }

    /// The same, owned, and empty for NULL.
    pub fn owned(&self, symbol: Symbol) -> String {
        self.text(symbol).unwrap_or_default().to_owned()
    }

    /// A whole column. Tables are sorted, so a value is first compared with the one above it.
    pub fn column(&mut self, column: &StringArray) -> Vec<Symbol> {
        let mut symbols = Vec::with_capacity(column.len());
        let mut above: Option<(&str, Symbol)> = None;
        for text in column {
            let symbol = match (text, above) {
                (None, _) => Self::NONE,
                (Some(text), Some((last, symbol))) if text == last => symbol,
                (Some(text), _) => {
                    let symbol = self.add(text);
                    above = Some((text, symbol));
                    symbol
                }
            };
            symbols.push(symbol);
        }
        symbols
    }
}
