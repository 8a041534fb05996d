//! Documents as pages: one HTML file each, without script and without anything from elsewhere.
//!
//! A page is built as sections of blocks (paragraphs, figures, tables) with their texts already
//! written, then drawn by templates, which an organisation may replace one by one.

mod block;
mod cells;
mod charts;
mod check;
mod community;
mod completeness;
mod finance;
mod render;
mod totals;

pub use community::community;
pub use finance::finance;
pub use render::Templates;
pub use totals::totals;

use std::collections::BTreeMap;

/// What a page says of its own making. None of it is in the JSON, which depends on content alone.
#[derive(Debug, Clone, Default)]
pub struct Provenance {
    /// SHA-256 of the document's JSON.
    pub digest: String,
    /// Versions of the tables that were read.
    pub versions: BTreeMap<&'static str, i64>,
    /// Digest of the inputs, by currency.
    pub inputs: BTreeMap<String, String>,
    /// Line under the organisation's name.
    pub contact: Option<String>,
}
