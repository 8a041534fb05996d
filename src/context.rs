//! What commands share: the configuration, the registry, the policy and the store, each loaded once, when asked for.

use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::policy::Policy;
use hubtally_store::{SealLimits, Store, StoreConfig};

use crate::arguments::Global;
use crate::config::{self, Config};
use crate::env;
use crate::failure::Failure;

/// The way from global arguments to configuration.
pub struct Context {
    global: Global,
}

impl Context {
    /// Of these arguments.
    pub fn new(global: Global) -> Self {
        Self { global }
    }

    /// Where the configuration stands, or would be written.
    pub fn config_file(&self) -> Option<&std::path::Path> {
        self.global.config.as_deref()
    }

    /// The configuration.
    pub fn config(&self) -> Result<Config, Failure> {
        Ok(Config::load(self.config_file(), &env::read)?)
    }
}

/// How the store of a configuration is reached.
pub fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        url: config.store.clone(),
        options: config.store_options.clone(),
        keys: config.keys.clone(),
    }
}

/// The store.
pub async fn open_store(config: &Config) -> Result<Store, Failure> {
    Ok(Store::open(&store_config(config)).await?)
}

/// The registry and the policy, checked alone and together.
pub fn documents(config: &Config) -> Result<(RegistryView, Policy), Failure> {
    let registry = config::registry::load(&config.registry)?.view()?;
    let policy = config::policy::load(&config.policy)?;
    let warnings = config::policy::check(&config.policy, &policy, registry.registry())?;
    for warning in registry.warnings().iter().chain(&warnings) {
        tracing::info!(place = %warning.place, "{}", warning.message);
    }
    Ok((registry, policy))
}

/// Refuses a place of the statements that is no folder.
pub fn check_statements(config: &Config) -> Result<(), Failure> {
    let path = &config.statements;
    if path.exists() && !path.is_dir() {
        return Err(Failure::Usage(format!(
            "{}: `statements` is {}, which is a file: name a folder",
            config.file.display(),
            path.display()
        )));
    }
    Ok(())
}

/// The folder of the statements, made before hours are spent on what shall stand in it.
pub fn statements(config: &Config) -> Result<&std::path::Path, Failure> {
    check_statements(config)?;
    let path = &config.statements;
    std::fs::create_dir_all(path).map_err(|source| Failure::File {
        operation: "made",
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

/// What queries may use; the folder for what does not fit into memory is made if it is not there.
pub fn limits(config: &Config) -> Result<hubtally_aggregate::Limits, Failure> {
    let limits = &config.limits;
    std::fs::create_dir_all(&limits.spill_folder).map_err(|source| Failure::File {
        operation: "made",
        path: limits.spill_folder.clone(),
        source,
    })?;
    Ok(hubtally_aggregate::Limits {
        memory_bytes: memory_bytes(config),
        threads: limits.threads,
        spill_folder: limits.spill_folder.clone(),
    })
}

/// What sealing may use.
pub fn seal_limits(config: &Config) -> Result<SealLimits, Failure> {
    let limits = limits(config)?;
    Ok(SealLimits { memory_bytes: limits.memory_bytes, spill_folder: limits.spill_folder })
}

fn memory_bytes(config: &Config) -> usize {
    usize::try_from(config.limits.memory_mib).unwrap_or(usize::MAX >> 20).saturating_mul(1 << 20)
}
