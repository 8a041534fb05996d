//! What a page is built of.

use serde::Serialize;

use crate::document::Head;
use crate::page::Provenance;
use crate::words;

/// A page.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    /// Organisation's name.
    pub organisation: String,
    /// Line under it.
    pub contact: Option<String>,
    /// Whom or what it is for.
    pub party: String,
    /// Kind of document.
    pub kind: String,
    /// Month in words.
    pub month: String,
    /// The first sentence.
    pub lead: String,
    /// Figures that matter, beside the sentence.
    pub figures: Vec<KeyFigure>,
    /// Where the data is incomplete.
    pub notes: Vec<String>,
    /// The rest.
    pub sections: Vec<Section>,
    /// SHA-256 of the JSON.
    pub digest: String,
    /// Patterns of the charts, as SVG.
    pub patterns: String,
}

/// A figure with its name.
#[derive(Debug, Clone, Serialize)]
pub struct KeyFigure {
    /// Name.
    pub name: String,
    /// Value with its unit.
    pub value: String,
}

/// A section.
#[derive(Debug, Clone, Serialize)]
pub struct Section {
    /// Anchor.
    pub id: String,
    /// Heading.
    pub title: String,
    /// Content in order.
    pub blocks: Vec<Block>,
}

/// A piece of content.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Block {
    /// Text.
    Paragraph {
        /// It.
        text: String,
    },
    /// Points.
    List {
        /// They.
        items: Vec<String>,
    },
    /// A chart.
    Figure {
        /// Title over it.
        title: String,
        /// Main finding under it.
        finding: String,
        /// Both drawings.
        svg: String,
    },
    /// A table.
    Table(Table),
    /// Words and meanings.
    Definitions {
        /// They.
        items: Vec<(&'static str, &'static str)>,
    },
    /// A command or a digest.
    Code {
        /// What it is.
        label: String,
        /// It.
        text: String,
    },
}

/// A table.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    /// Anchor.
    pub id: String,
    /// Caption.
    pub caption: String,
    /// Heads.
    pub columns: Vec<Column>,
    /// Rows; the first cell is the row's head.
    pub rows: Vec<Vec<String>>,
    /// Totals under the rows.
    pub totals: Vec<Vec<String>>,
}

/// A column's head.
#[derive(Debug, Clone, Serialize)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Unit, once.
    pub unit: String,
    /// Right-aligned.
    pub number: bool,
}

impl Page {
    /// A page with its head and nothing below.
    pub fn new(head: &Head, provenance: &Provenance, party: &str, kind: &str) -> Self {
        Self {
            organisation: head.organisation.clone(),
            contact: provenance.contact.clone(),
            party: party.to_owned(),
            kind: kind.to_owned(),
            month: head.period.words(),
            lead: head.summary.clone(),
            figures: Vec::new(),
            notes: head.notes.clone(),
            sections: Vec::new(),
            digest: provenance.digest.clone(),
            patterns: crate::chart::definitions(),
        }
    }

    /// Adds a figure that matters.
    pub fn figure(&mut self, name: &str, value: String) {
        self.figures.push(KeyFigure { name: name.to_owned(), value });
    }

    /// Adds a section, unless it has nothing to say.
    pub fn section(&mut self, id: &str, title: &str, blocks: Vec<Block>) {
        if !blocks.is_empty() {
            self.sections.push(Section { id: id.to_owned(), title: title.to_owned(), blocks });
        }
    }

    /// Adds what ends every page: the policy, the words that the page uses, and how to check it.
    pub fn ending(&mut self, head: &Head, words_used: &[&str], how_to_check: Vec<Block>) {
        let policy = vec![
            paragraph(format!("This document follows the policy {}:", head.policy.id)),
            Block::List { items: head.policy.sentences.clone() },
        ];
        self.section("policy", "Policy", policy);
        let items = words::definitions(words_used);
        self.section("definitions", "What the words mean", vec![Block::Definitions { items }]);
        self.section("check", "How to check this document yourself", how_to_check);
    }
}

impl Table {
    /// A table without rows. `columns`: name and unit; those with a leading `#` are numbers.
    pub fn new(id: &str, caption: &str, columns: &[(&str, &str)]) -> Self {
        let columns = columns
            .iter()
            .map(|(name, unit)| Column {
                name: name.trim_start_matches('#').to_owned(),
                unit: (*unit).to_owned(),
                number: name.starts_with('#'),
            })
            .collect();
        Self { id: id.to_owned(), caption: caption.to_owned(), columns, rows: Vec::new(), totals: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Adds a row that names a sum and has no other cell.
    pub fn row_of_sum(&mut self, name: &str, sum: String) {
        self.rows.push(self.padded(name, sum));
    }

    /// Adds a total.
    pub fn total(&mut self, cells: Vec<String>) {
        self.totals.push(cells);
    }

    /// Adds a total that stands in the last column only.
    pub fn total_of_sum(&mut self, name: &str, sum: String) {
        self.totals.push(self.padded(name, sum));
    }

    /// A name in the first column, a sum in the last, nothing between.
    fn padded(&self, name: &str, sum: String) -> Vec<String> {
        let between = self.columns.len().saturating_sub(2);
        std::iter::once(name.to_owned())
            .chain(std::iter::repeat_n(String::new(), between))
            .chain([sum])
            .collect()
    }
}

/// Text as a block.
pub fn paragraph(text: impl Into<String>) -> Block {
    Block::Paragraph { text: text.into() }
}
