//! Documents in all their forms: pure, from what was assembled to bytes.

use std::collections::BTreeMap;

use crate::assemble::Documents;
use crate::data;
use crate::error::ReportError;
use crate::load::Names;
use crate::page::{self, Provenance, Templates};
use crate::publish::{Document, record};

/// Name of a community's files.
pub const COST_REPORT: &str = "cost-report";

/// What is the same on every page and in no JSON.
#[derive(Debug, Clone, Default)]
pub struct Edges {
    /// Line under the organisation's name.
    pub contact: Option<String>,
    /// Versions of the tables that were read.
    pub versions: BTreeMap<&'static str, i64>,
    /// Digest of the inputs, by currency.
    pub inputs: BTreeMap<String, String>,
}

/// Every document of a month, communities first.
pub fn all(
    documents: &Documents,
    names: &Names,
    templates: &Templates,
    edges: &Edges,
) -> Result<Vec<Document>, ReportError> {
    let provenance = |digest: String| Provenance {
        digest,
        versions: edges.versions.clone(),
        inputs: edges.inputs.clone(),
        contact: edges.contact.clone(),
    };
    let mut drawn = Vec::with_capacity(documents.communities.len() + 2);
    for report in &documents.communities {
        let folder = format!("communities/{}", folder_name(&report.community.id));
        let (json, digest) = record(&folder, report)?;
        let html = templates.draw(&page::community(report, names, &provenance(digest)))?;
        let csv = data::community(report, names)?;
        drawn.push(Document { folder, name: COST_REPORT, json, csv, html });
    }
    let (json, digest) = record("finance", &documents.finance)?;
    let html = templates.draw(&page::finance(&documents.finance, &provenance(digest)))?;
    let csv = data::finance(&documents.finance)?;
    drawn.push(Document { folder: "finance".to_owned(), name: "summary", json, csv, html });
    let (json, digest) = record("totals", &documents.totals)?;
    let html = templates.draw(&page::totals(&documents.totals, &provenance(digest)))?;
    let csv = data::totals(&documents.totals)?;
    drawn.push(Document { folder: "totals".to_owned(), name: "totals", json, csv, html });
    Ok(drawn)
}

/// A community's folder: its id. An id that is no plain file name (the registry allows any text) gets its
/// other characters replaced, and a digest so that two of them stay apart.
pub fn folder_name(id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if id.chars().all(plain) {
        return id.to_owned();
    }
    let replaced: String = id.chars().map(|c| if plain(c) { c } else { '_' }).take(64).collect();
    let digest = hubtally_schemas::canonical::sha256_hex(id.as_bytes());
    format!("{replaced}-{}", &digest[..8])
}

#[cfg(test)]
mod tests {
    use super::folder_name;

    #[test]
    fn no_id_leaves_its_folder() {
        assert_eq!(folder_name("ocean-lab"), "ocean-lab");
        for id in ["..", "../../etc", "a/b", ".", "C:\\x"] {
            let name = folder_name(id);
            assert!(!name.contains(['/', '\\', '.', ':']), "{name}");
        }
        assert_ne!(folder_name("a/b"), folder_name("a.b"));
    }
}
