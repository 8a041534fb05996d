//! `registry.toml`: who is who, with dates.

use std::path::Path;

use hubtally_rules::registry_view::{RegistryProblem, RegistryView, Severity};
use hubtally_schemas::registry::Registry;

use super::ConfigError;
use super::document::Document;
use super::problem::{Problem, Problems};
use super::shape::{Key, Kind, optional, required};

const FROM: Key = optional("from", Kind::Date, "first day inside, UTC");
const TO: Key = optional("to", Kind::Date, "first day after, UTC");
const PROVIDERS: &str = "\"aws\", \"gcp\", \"azure\" or another name";

const SHAPE: &[Key] = &[
    required("organisation", Kind::Table(ORGANISATION), "who runs the hubs and issues statements"),
    optional("community", Kind::Tables(COMMUNITY), "who gets statements"),
    optional("account", Kind::Tables(ACCOUNT), "billing accounts and projects, with their owners"),
    optional("cluster", Kind::Tables(CLUSTER), "Kubernetes clusters"),
    optional("hub", Kind::Tables(HUB), "hubs: which namespace is whose"),
];

const ORGANISATION: &[Key] = &[
    required("name", Kind::Text, "the name on documents"),
    optional("contact", Kind::Text, "a line under the name: address or contact"),
];

const COMMUNITY: &[Key] = &[
    required("id", Kind::Slug, "the id, used in file names"),
    required("name", Kind::Text, "the name on documents"),
    optional("contract", Kind::Tables(CONTRACT), "contracts, dated"),
    optional("attributes", Kind::TextMap, "free attributes: field, region, type of institution"),
];

const CONTRACT: &[Key] = &[required("id", Kind::Text, "number of the contract or deal"), FROM, TO];

const ACCOUNT: &[Key] = &[
    required("id", Kind::Id, "account number or project id as bills write it"),
    optional("name", Kind::Text, "name in consoles; console bills may use it instead of the id"),
    required("provider", Kind::Text, PROVIDERS),
    optional(
        "period_basis",
        Kind::OneOf(&["invoice_month", "usage_date"]),
        "which month a charge belongs to; overrides the policy",
    ),
    required("owner", Kind::Tables(OWNER), "who bears what no tag and no usage explains"),
];

const OWNER: &[Key] = &[
    required("owner", Kind::Owner, "who bears it"),
    optional("among", Kind::Ids, "with owner = \"shared\": the communities, in equal parts"),
    optional(
        "paid_by",
        Kind::OneOf(&["organisation", "community", "broker"]),
        "who pays the provider's bill",
    ),
    FROM,
    TO,
];

const CLUSTER: &[Key] = &[
    required("id", Kind::Id, "what events name in their source"),
    required("provider", Kind::Text, PROVIDERS),
    optional("account", Kind::Id, "the account whose bill pays it"),
    optional("tag_name", Kind::Text, "the name that the provider's tags use"),
    optional("region", Kind::Text, "region or zone"),
    FROM,
    TO,
];

const HUB: &[Key] = &[
    required("id", Kind::Id, "the id, unique in the federation at any day"),
    optional("name", Kind::Text, "the name on documents"),
    required("cluster", Kind::Id, "the cluster it runs on"),
    required("namespace", Kind::Id, "its namespace on that cluster"),
    optional("tag_name", Kind::Text, "what the provider's hub tag says"),
    optional("community", Kind::Slug, "whose hub it is"),
    optional("staging", Kind::Truth, "whether it is a staging hub"),
    optional("shared_directories", Kind::Texts, "directories that belong to no user, exact names"),
    FROM,
    TO,
];

/// A registry, with the document that errors point into.
#[derive(Debug)]
pub struct LoadedRegistry {
    /// What the file says.
    pub registry: Registry,
    document: Document,
}

impl LoadedRegistry {
    /// The registry as the rules use it, or every problem with its place in the file.
    pub fn view(&self) -> Result<RegistryView, Problems> {
        RegistryView::new(self.registry.clone()).map_err(|problems| {
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
            self.document.problems(errors.map(|problem| self.placed(problem)).collect())
        })
    }

    /// Problems of the registry with their places in the file.
    pub fn located(&self, problems: &[RegistryProblem]) -> Problems {
        self.document.problems(problems.iter().map(|problem| self.placed(problem)).collect())
    }

    fn placed(&self, problem: &RegistryProblem) -> Problem {
        Problem { place: self.place(&problem.place), message: problem.to_string() }
    }

    /// The rules name an entry by kind and number from 1: `hub[3] "geo"`.
    fn place(&self, named: &str) -> Option<super::problem::Place> {
        let (kind, rest) = named.split_once('[')?;
        let number: usize = rest.split_once(']')?.0.parse().ok()?;
        self.document.entry(kind, number.checked_sub(1)?)
    }
}

/// Reads the registry file; that its entries fit together is checked by the rules.
pub fn load(file: &Path) -> Result<LoadedRegistry, ConfigError> {
    from_document(Document::read(file, SHAPE)?)
}

fn from_document(document: Document) -> Result<LoadedRegistry, ConfigError> {
    let registry: Registry = serde_json::from_value(document.value.clone().into()).map_err(|error| {
        document
            .problems(vec![Problem { place: None, message: format!("the registry cannot be read: {error}") }])
    })?;
    Ok(LoadedRegistry { registry, document })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::template;

    fn read(text: &str) -> Result<Registry, String> {
        Document::parse(Path::new("registry.toml"), text.to_owned(), SHAPE)
            .map_err(|error| error.to_string())
            .and_then(|document| from_document(document).map_err(|error| error.to_string()))
            .map(|loaded| loaded.registry)
    }

    #[test]
    fn what_init_writes_is_read_as_it_stands_and_with_its_example_uncommented() {
        let empty = read(template::REGISTRY).unwrap();
        assert!(empty.clusters.is_empty() && empty.hubs.is_empty());
        let example = read(&template::uncommented(template::REGISTRY)).unwrap();
        assert!(!example.clusters.is_empty() && !example.hubs.is_empty());
        assert!(!example.communities.is_empty() && !example.accounts.is_empty());
        assert!(example.communities.iter().any(|community| !community.contracts.is_empty()));
    }

    #[test]
    fn every_key_is_explained_in_what_init_writes() {
        fn walk(keys: &[Key], table: &str) {
            for key in keys {
                let explained = template::REGISTRY.lines().any(|line| {
                    let line = line.trim_start_matches(['#', ' ']);
                    line.starts_with(&format!("{} = ", key.name))
                        || line.contains(&format!("[{}]", key.name))
                        || line.contains(&format!("[{table}.{}]", key.name))
                });
                assert!(explained, "{table}.{} is not in the example", key.name);
                match key.kind {
                    Kind::Table(inner) | Kind::Tables(inner) => walk(inner, key.name),
                    _ => {}
                }
            }
        }
        walk(SHAPE, "");
    }

    #[test]
    fn what_does_not_fit_together_is_named_with_its_line() {
        let text = "[organisation]\nname = \"O\"\n\n[[hub]]\nid = \"geo\"\ncluster = \"tides\"\nnamespace = \"geo\"\n";
        let document = Document::parse(Path::new("registry.toml"), text.to_owned(), SHAPE).unwrap();
        let error = from_document(document).unwrap().view().unwrap_err().to_string();
        assert!(error.starts_with("registry.toml:4:"), "{error}");
        assert!(error.contains("cluster \"tides\" is not in the registry"), "{error}");
    }

    #[test]
    fn days_are_read_with_and_without_quotes() {
        let text = "organisation = { name = \"O\" }\n[[cluster]]\nid = \"tides\"\nprovider = \"aws\"\n\
                    from = 2026-06-01\nto = \"2026-07-01\"\n";
        let registry = read(text).unwrap();
        assert_eq!(registry.clusters[0].dates().words(), "from 2026-06-01 to 2026-07-01 (exclusive)");
    }

    #[test]
    fn an_error_names_line_value_and_the_nearest_key() {
        let text = "[organisation]\nname = \"O\"\n\n[[hub]]\nid = \"geo\"\nclsuter = \"tides\"\n\
                    namespace = \"geo\"\nfrom = \"June\"\nstaging = \"yes\"\n";
        let error = read(text).unwrap_err();
        assert!(
            error.contains("registry.toml:6:1: unknown key `clsuter` in `hub[geo]`: did you mean `cluster`?")
        );
        assert!(error.contains("registry.toml:8:8: `hub[geo].from` is \"June\", expected a day"), "{error}");
        assert!(error.contains("`hub[geo].staging` is \"yes\", expected true or false"), "{error}");
        assert!(error.contains("`hub[geo].cluster` is missing: the cluster it runs on"), "{error}");
    }
}
