//! How to check a document without us.

use super::Provenance;
use super::block::{Block, Table, paragraph};
use crate::document::Head;
use crate::figures::count;

/// Digest, table versions, and the commands that lead from the document to its bill lines.
pub fn blocks(provenance: &Provenance, file: &str, head: &Head, commands: Vec<Block>) -> Vec<Block> {
    let mut blocks = vec![
        paragraph(format!(
            "The figures stand exactly in {file}.json, which is the record, and in {file}.csv beside it. This page \
             was drawn from the JSON. Its digest must be:"
        )),
        Block::Code { label: format!("sha256sum {file}.json"), text: provenance.digest.clone() },
    ];
    blocks.extend(commands);
    let mut table = Table::new("t-versions", "What was read", &[("Table", ""), ("#Version", "")]);
    for (name, version) in &provenance.versions {
        table.row(vec![(*name).to_owned(), count(*version)]);
    }
    if !table.rows.is_empty() {
        blocks.push(paragraph(
            "The tables keep their old versions. Reading them at these versions, with the same registry and policy, \
             gives the same JSON to the byte.",
        ));
        blocks.push(Block::Table(table));
    }
    for (currency, digest) in &provenance.inputs {
        blocks.push(Block::Code { label: format!("Digest of the inputs, {currency}"), text: digest.clone() });
    }
    blocks.push(Block::Code { label: "Digest of the policy".to_owned(), text: head.policy.sha256.clone() });
    blocks
        .push(Block::Code { label: "Digest of the registry".to_owned(), text: head.registry_sha256.clone() });
    blocks
}
