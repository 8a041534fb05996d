//! Statements: a cost report for each community, a summary for finance, totals for everybody.
//!
//! **What it is**: the ledger, its certificates and the month's usage are folded as they stream
//! ([`load`]), rounded once per bill ([`rounded`]), assembled into documents ([`assemble`]) and drawn as
//! JSON, CSV and HTML ([`draw`]). The JSON is the record: canonical, kept in the store under its digest,
//! the same bytes for the same inputs. Names of users are filled in only where a page or a CSV is drawn.
//!
//! **What it is not**: it computes no allocation again, and decides nothing that changes an amount. It
//! issues nothing: all that it writes are drafts.
//!
//! **Where to start**: [`write_statements`], then [`assemble::assemble`].

pub mod assemble;
mod chart;
pub mod data;
pub mod document;
pub mod draw;
pub mod error;
pub mod facts;
pub mod figures;
pub mod load;
pub mod page;
pub mod publish;
pub mod rounded;
pub mod words;

#[cfg(test)]
mod sample_month;
#[cfg(test)]
mod tests;

use std::path::Path;

use hubtally_rules::RegistryView;
use hubtally_schemas::Period;
use hubtally_schemas::policy::{Policy, UserNames};
use hubtally_schemas::statement::{CloseSummary, UnreadFile};
use hubtally_store::Store;

pub use error::ReportError;

/// Writes all drafts of a month into `out/<period>/`, and keeps their JSON in the store.
///
/// Reads what `aggregate` derived for the period. Refuses, before anything is written, where billed and
/// posted differ. `unread` are the inputs that the close could not use: each document says so. `templates` is a folder whose files replace ours of the same names.
pub async fn write_statements(
    store: &Store,
    registry: &RegistryView,
    policy: &Policy,
    period: Period,
    unread: &[UnreadFile],
    out: &Path,
    templates: Option<&Path>,
) -> Result<CloseSummary, ReportError> {
    let templates = page::Templates::load(templates)?;
    let loaded = load::load(store, registry, policy, period, unread).await?;
    let scope = assemble::Scope { registry: registry.registry(), policy, period };
    let documents = assemble::assemble(scope, &loaded.month)?;
    let names = match policy.user_names {
        UserNames::Shown => load::of_users(store, &documents.communities).await?,
        UserNames::Hidden => load::Names::default(),
    };
    let totals = loaded.month.certificates.iter().filter(|certificate| certificate.scope == "total");
    let edges = draw::Edges {
        contact: registry.registry().organisation.contact.clone(),
        versions: loaded.versions,
        inputs: totals.map(|known| (known.currency.clone(), known.inputs_digest.clone())).collect(),
    };
    let drawn = draw::all(&documents, &names, &templates, &edges)?;

    let folder = out.join(period.to_string());
    for document in &drawn {
        publish::keep(store, document).await?;
        publish::write(&folder, document)?;
    }
    let kept: Vec<String> =
        documents.communities.iter().map(|report| draw::folder_name(&report.community.id)).collect();
    publish::remove_others(&folder, &kept, draw::COST_REPORT)?;
    Ok(CloseSummary { statements: folder.display().to_string(), ..documents.summary })
}
