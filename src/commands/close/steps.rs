//! The steps of a close, each also a command of its own.

use std::path::Path;

use hubtally_aggregate::{Allocated, Limits};
use hubtally_ingest::bills::{self, BillLimits, BillOptions, BillReport, CeRequest};
use hubtally_ingest::events::{HubLogFormat, HubLogPlace};
use hubtally_ingest::files::{self, FileOptions, IngestReport};
use hubtally_ingest::hub_logs::{self, HubLogOptions};
use hubtally_ingest::kafka::{self, Feed, KafkaOptions, KafkaReport};
use hubtally_ingest::prometheus::{self, PrometheusCluster, PrometheusOptions, PrometheusReport};
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::policy::Policy;
use hubtally_schemas::tables::TABLES;
use hubtally_schemas::{ClusterId, Period};
use hubtally_store::{SealLimits, Store};

use crate::clock;
use crate::config::{Config, ConfigError};
use crate::context;
use crate::env;
use crate::failure::Failure;
use crate::output::progress::{Bar, Spinner};

/// Reads usage events; what was read before is skipped.
pub async fn read_usage(
    store: &Store,
    registry: &RegistryView,
    config: &Config,
    paths: &[String],
) -> Result<IngestReport, Failure> {
    let clusters = registry.registry().clusters.iter().map(|cluster| cluster.id.clone()).collect();
    let options = FileOptions {
        clusters: Some(clusters),
        object_options: config.store_options.clone(),
        threads: config.limits.threads,
        spill_folder: Some(context::limits(config)?.spill_folder),
        ..FileOptions::new(clock::now())
    };
    Ok(files::ingest_files(store, paths, &options, &Bar::default()).await?)
}

/// Reads a hub's own event logs; what was read before is skipped.
pub async fn read_hub_logs(
    store: &Store,
    config: &Config,
    place: HubLogPlace,
    format: HubLogFormat,
    paths: &[String],
) -> Result<IngestReport, Failure> {
    let mut options = HubLogOptions { format, ..HubLogOptions::new(place, clock::now()) };
    options.files.object_options = config.store_options.clone();
    Ok(hub_logs::ingest_hub_logs(store, paths, &options, &Bar::default()).await?)
}

/// Reads Prometheus servers, as far as their samples are settled; what was read before is skipped.
pub async fn read_prometheus(
    store: &Store,
    clusters: &[PrometheusCluster],
    options: &PrometheusOptions,
) -> Result<PrometheusReport, Failure> {
    Ok(prometheus::ingest_prometheus(store, clusters, options, &Bar::default()).await?)
}

/// The Prometheus servers of the configuration, or those of some clusters, with their secrets.
pub fn prometheus_clusters(
    config: &Config,
    registry: &RegistryView,
    only: &[String],
) -> Result<Vec<PrometheusCluster>, Failure> {
    let known = |id: &str| registry.registry().clusters.iter().any(|cluster| cluster.id.as_str() == id);
    let configured: Vec<&str> = config.prometheus.iter().map(|one| one.cluster.as_str()).collect();
    if let Some(missing) = only.iter().find(|id| !configured.contains(&id.as_str())) {
        return Err(Failure::Usage(format!(
            "the cluster {missing:?} has no [[prometheus]] in {}: configured are {}",
            config.file.display(),
            if configured.is_empty() { "none".to_owned() } else { configured.join(", ") }
        )));
    }
    let folder = config.file.parent().map(Path::to_owned).unwrap_or_default();
    let chosen = config
        .prometheus
        .iter()
        .filter(|one| only.is_empty() || only.iter().any(|id| id == one.cluster.as_str()));
    let mut clusters = Vec::new();
    for one in chosen {
        if !known(one.cluster.as_str()) {
            return Err(Failure::Usage(format!(
                "[[prometheus]] of {} names the cluster {:?}, which {} does not know: add it there, or mend the name",
                config.file.display(),
                one.cluster.as_str(),
                config.registry.display()
            )));
        }
        let cluster = one
            .cluster(&folder, &env::read)
            .map_err(|source| Failure::Config(ConfigError::Secret { file: config.file.clone(), source }))?;
        clusters.push(cluster);
    }
    Ok(clusters)
}

/// Reads Kafka topics; what was read before is skipped.
pub async fn read_kafka(
    store: &Store,
    feeds: &[Feed],
    options: &KafkaOptions,
) -> Result<KafkaReport, Failure> {
    Ok(kafka::ingest_kafka(store, feeds, options, &Bar::default()).await?)
}

/// The Kafka topics of the configuration, with their secrets.
pub fn kafka_feeds(config: &Config, registry: &RegistryView) -> Result<Vec<Feed>, Failure> {
    let folder = config.file.parent().map(Path::to_owned).unwrap_or_default();
    let mut feeds = Vec::new();
    for one in &config.kafka {
        let known = |id: &ClusterId| registry.registry().clusters.iter().any(|cluster| cluster.id == *id);
        if let Some(unknown) = one.clusters.iter().find(|id| !known(id)) {
            return Err(Failure::Usage(format!(
                "[[kafka]] of {} names the cluster {:?}, which {} does not know: add it there, or mend the name",
                config.file.display(),
                unknown.as_str(),
                config.registry.display()
            )));
        }
        let feed = one
            .feed(&folder, &env::read)
            .map_err(|source| Failure::Config(ConfigError::Secret { file: config.file.clone(), source }))?;
        feeds.push(feed);
    }
    Ok(feeds)
}

/// Reads bills; what was read before is skipped.
pub async fn read_bills(
    store: &Store,
    registry: &RegistryView,
    paths: &[String],
    options: &BillOptions,
) -> Result<BillReport, Failure> {
    Ok(bills::ingest_bills(store, registry, paths, options, &Bar::default()).await?)
}

/// Seals every day that is not sealed, so that duplicates are gone before anything is summed.
pub async fn seal(store: &Store, limits: &SealLimits, spinner: &Spinner) -> Result<(), Failure> {
    for spec in TABLES.iter().copied().filter(|spec| spec.sealed) {
        for date in hubtally_store::unsealed_dates(store, spec).await? {
            spinner.say(&format!("sealing {} of {date}", spec.name));
            hubtally_store::seal(store, spec, date, limits).await?;
        }
    }
    Ok(())
}

/// Allocates the month.
pub async fn allocate(
    store: &Store,
    registry: &RegistryView,
    policy: &Policy,
    period: Period,
    limits: &Limits,
    spinner: &Spinner,
) -> Result<Allocated, Failure> {
    let say = |words: &str| spinner.say(words);
    Ok(hubtally_aggregate::allocate(store, registry, policy, period, limits, &say).await?)
}

/// How bills are read: Cost Explorer requests and limits from the configuration, object stores as the
/// store's.
pub fn bill_options(config: &Config) -> Result<BillOptions, Failure> {
    let limits = context::limits(config)?;
    let mut options = BillOptions {
        object_options: config.store_options.clone(),
        limits: BillLimits { memory_bytes: limits.memory_bytes, spill_folder: limits.spill_folder },
        ..BillOptions::new(clock::now())
    };
    for (name, request) in &config.bills {
        let origin = format!("{}: bill.{name}", config.file.display());
        let read =
            CeRequest::from_value(&origin, request).map_err(|error| Failure::Usage(error.to_string()))?;
        options.requests.insert(name.clone(), read);
    }
    Ok(options)
}

/// The inputs that hold something: a folder that `init` made and nobody filled is no mistake.
pub fn filled(paths: &[String]) -> Vec<String> {
    let filled =
        |path: &&String| path.contains("://") || !Path::new(path).is_dir() || holds_a_file(Path::new(path));
    paths.iter().filter(filled).cloned().collect()
}

fn holds_a_file(folder: &Path) -> bool {
    let visible = |path: &Path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let Ok(entries) = folder.read_dir() else { return true };
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .any(|path| visible(&path) && (!path.is_dir() || holds_a_file(&path)))
}
