//! `hubtally check`.

use std::path::PathBuf;

use clap::Args;
use hubtally_rules::registry_view::RegistryView;
use serde::Serialize;

use crate::config::{self, registry::LoadedRegistry};
use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally check                            configuration, registry, policy, store and inputs
  hubtally check --registry imported.toml   only this registry, without a configuration";

/// Arguments of `hubtally check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Check only this registry file
    #[arg(long, value_name = "FILE")]
    registry: Option<PathBuf>,
    /// Print what was found as JSON
    #[arg(long)]
    json: bool,
}

/// What a check found. Errors end the command before.
#[derive(Debug, Default, Serialize)]
struct Found {
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    clusters: usize,
    hubs: usize,
    communities: usize,
    accounts: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    policy: Vec<&'static str>,
    warnings: Vec<String>,
}

/// Checks, and says what was found.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut found = Found::default();
    if let Some(file) = &arguments.registry {
        let loaded = config::registry::load(file)?;
        found.registry(&loaded, &loaded.view()?);
    } else {
        let config = context.config()?;
        context::check_statements(&config)?;
        let loaded = config::registry::load(&config.registry)?;
        let registry = loaded.view()?;
        found.registry(&loaded, &registry);
        let policy = config::policy::load(&config.policy)?;
        let warnings = config::policy::check(&config.policy, &policy, registry.registry())?;
        let named = |warning: &dyn std::fmt::Display| format!("{}: {warning}", config.policy.display());
        found.warnings.extend(warnings.iter().map(|warning| named(warning)));
        found.policy = policy.sentences();
        let local =
            config.inputs.usage.iter().chain(&config.inputs.bills).filter(|path| !path.contains("://"));
        for missing in local.filter(|path| !std::path::Path::new(path).exists()) {
            found.warnings.push(format!("{}: the input {missing} is not there", config.file.display()));
        }
        let known = |id: &str| registry.registry().clusters.iter().any(|cluster| cluster.id.as_str() == id);
        for one in config.prometheus.iter().filter(|one| !known(one.cluster.as_str())) {
            found.warnings.push(format!(
                "{}: [[prometheus]] names the cluster {:?}, which {} does not know",
                config.file.display(),
                one.cluster.as_str(),
                config.registry.display()
            ));
        }
        found.store = Some(context::open_store(&config).await?.url().to_owned());
        found.config = Some(config.file);
    }
    if arguments.json {
        json::print(&found)?;
    } else {
        output::print(&found.text())?;
    }
    Ok(Exit::Done)
}

impl Found {
    fn registry(&mut self, loaded: &LoadedRegistry, view: &RegistryView) {
        let registry = view.registry();
        self.clusters = registry.clusters.len();
        self.hubs = registry.hubs.len();
        self.communities = registry.communities.len();
        self.accounts = registry.accounts.len();
        let located = loaded.located(view.warnings());
        self.warnings.extend(located.each());
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        lines.extend(self.config.iter().map(|file| format!("config    {}", file.display())));
        lines.extend(self.store.iter().map(|store| format!("store     {store}")));
        lines.push(format!(
            "registry  {} clusters, {} hubs, {} communities, {} accounts",
            self.clusters, self.hubs, self.communities, self.accounts
        ));
        lines.extend(self.policy.iter().map(|sentence| format!("policy    {sentence}")));
        lines.extend(self.warnings.iter().map(|warning| format!("warning   {warning}")));
        lines.push(match self.warnings.len() {
            0 => "all fits together".to_owned(),
            1 => "usable, with 1 warning".to_owned(),
            n => format!("usable, with {n} warnings"),
        });
        lines.join("\n")
    }
}
