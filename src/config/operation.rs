//! `hubtally.toml`: operation only, never what changes an invoice.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::document::Document;
use super::kafka::{self, Kafka};
use super::problem::{Place, Problem, Problems};
use super::prometheus::{self, Prometheus};
use super::shape::{Key, Kind, optional, required};
use super::{ConfigError, FILE_NAME, location, secret};
use crate::env;

const SHAPE: &[Key] = &[
    optional("store", Kind::Text, "where tables and documents lie: a folder or an object store's URL"),
    optional("store_options", Kind::TextMap, "options of the object store"),
    optional("keys", Kind::Text, "the folder of the keys, outside the store: \"file:keys\""),
    optional("registry", Kind::Text, "the registry: who is who"),
    optional("policy", Kind::Text, "the policy: every choice that changes an invoice"),
    optional("statements", Kind::Text, "the folder where statements are written"),
    optional("templates", Kind::Text, "a folder with your own templates of statements"),
    optional("inputs", Kind::Table(INPUTS), "what `close` reads"),
    optional("prometheus", Kind::Tables(prometheus::SHAPE), "the Prometheus servers of clusters"),
    optional("kafka", Kind::Tables(kafka::SHAPE), "Kafka clusters and their topics of usage events"),
    optional("bill", Kind::NamedTables(BILL), "requests of AWS Cost Explorer answers, by file name"),
    optional("limits", Kind::Table(LIMITS), "memory, threads and where to spill"),
];

const INPUTS: &[Key] = &[
    optional("usage", Kind::Texts, "files, folders and URLs with usage events"),
    optional("bills", Kind::Texts, "files, folders and URLs with bills"),
];

const BILL: &[Key] = &[
    optional("account", Kind::Text, "the account that the request asked for"),
    required("metrics", Kind::Texts, "the metrics that the request asked for"),
    optional("group_by", Kind::Texts, "what it grouped by: dimensions in capitals, tags as they are"),
    optional("filter", Kind::Text, "its filter, as the JSON that was sent"),
];

const LIMITS: &[Key] = &[
    optional(
        "memory_mib",
        Kind::Count { least: 64, most: 16 << 20 },
        "memory for queries and for loading bills, MiB",
    ),
    optional("threads", Kind::Count { least: 1, most: 1_024 }, "threads for queries"),
    optional("spill_folder", Kind::Text, "the folder for what does not fit into memory"),
];

/// The keys without which nothing works, with what `init` writes.
const NEEDED: &[(&str, &str)] =
    &[("store", "store"), ("keys", "file:keys"), ("registry", "registry.toml"), ("policy", "policy.toml")];

/// What `hubtally.toml` says, checked, with every path absolute or relative to the current folder.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Where the store lies: a path or a URL.
    pub store: String,
    /// Options of the object store, secrets resolved.
    pub store_options: BTreeMap<String, String>,
    /// Folder of the keys.
    pub keys: PathBuf,
    /// The registry.
    pub registry: PathBuf,
    /// The policy.
    pub policy: PathBuf,
    /// Where statements go.
    pub statements: PathBuf,
    /// Own templates.
    pub templates: Option<PathBuf>,
    /// What `close` reads.
    pub inputs: Inputs,
    /// Prometheus servers of clusters.
    pub prometheus: Vec<Prometheus>,
    /// Topics of Kafka clusters.
    pub kafka: Vec<Kafka>,
    /// Requests of Cost Explorer answers, by file name, as JSON.
    pub bills: BTreeMap<String, Value>,
    /// Memory and threads.
    pub limits: Limits,
}

/// What `close` reads.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Usage events.
    pub usage: Vec<String>,
    /// Bills.
    pub bills: Vec<String>,
}

/// What queries and the loading of bills may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Threads.
    pub threads: usize,
    /// Where to spill.
    pub spill_folder: PathBuf,
}

/// Memory for queries where the configuration names none: leaves room for the rest under 2 GiB.
const DEFAULT_MEMORY_MIB: u32 = 1_024;

impl Config {
    /// Reads the configuration; `variable` looks up environment variables.
    pub fn load(file: Option<&Path>, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let file = file.map_or_else(|| PathBuf::from(FILE_NAME), Path::to_owned);
        if !file.exists() {
            return Err(ConfigError::NotFound { file });
        }
        let document = Document::read(&file, SHAPE)?;
        let mut value = document.value.clone();
        overlay(&mut value, variable)?;
        check_needed(&document, &value)?;
        let prometheus =
            Prometheus::read(&document, &value).map_err(|problems| document.problems(problems))?;
        let kafka = Kafka::read(&document, &value).map_err(|problems| document.problems(problems))?;
        Self::build(file, &value, (prometheus, kafka), variable)
    }

    fn build(
        file: PathBuf,
        value: &Map<String, Value>,
        (prometheus, kafka): (Vec<Prometheus>, Vec<Kafka>),
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let path = |key: &str| text(key).map(|written| folder.join(written));
        let mut store_options = BTreeMap::new();
        for (key, option) in value.get("store_options").and_then(Value::as_object).into_iter().flatten() {
            let written = option.as_str().unwrap_or_default();
            let resolved = secret::resolve(key, written, &folder, variable)
                .map_err(|source| ConfigError::Secret { file: file.clone(), source })?;
            store_options.insert(key.clone(), resolved);
        }
        let keys = text("keys").unwrap_or_default();
        let limits = value.get("limits");
        let count = |key: &str| limits.and_then(|l| l.get(key)).and_then(Value::as_i64);
        let spill = limits.and_then(|l| l.get("spill_folder")).and_then(Value::as_str);
        Ok(Self {
            store: location(&folder, text("store").unwrap_or_default()),
            store_options,
            keys: folder.join(keys.strip_prefix("file:").unwrap_or(keys)),
            registry: path("registry").unwrap_or_default(),
            policy: path("policy").unwrap_or_default(),
            statements: path("statements").unwrap_or_else(|| folder.join("statements")),
            templates: path("templates"),
            inputs: Inputs { usage: inputs(value, "usage", &folder), bills: inputs(value, "bills", &folder) },
            prometheus,
            kafka,
            bills: bill_requests(&file, value)?,
            limits: Limits {
                memory_mib: count("memory_mib").and_then(|n| n.try_into().ok()).unwrap_or(DEFAULT_MEMORY_MIB),
                threads: count("threads").and_then(|n| n.try_into().ok()).unwrap_or_else(processors),
                spill_folder: spill.map_or_else(env::temporary_folder, |written| folder.join(written)),
            },
            file,
        })
    }
}

fn inputs(value: &Map<String, Value>, key: &str, folder: &Path) -> Vec<String> {
    let written = value.get("inputs").and_then(|inputs| inputs.get(key)).and_then(Value::as_array);
    written.into_iter().flatten().filter_map(Value::as_str).map(|path| location(folder, path)).collect()
}

/// The tables `[bill."FILE NAME"]`, with their filters read.
fn bill_requests(file: &Path, value: &Map<String, Value>) -> Result<BTreeMap<String, Value>, ConfigError> {
    let mut requests = BTreeMap::new();
    for (name, request) in value.get("bill").and_then(Value::as_object).into_iter().flatten() {
        let mut request = request.clone();
        if let Some(filter) = request.get("filter").and_then(Value::as_str) {
            let read: Value = serde_json::from_str(filter).map_err(|error| Problems {
                file: file.to_owned(),
                problems: vec![Problem {
                    place: None,
                    message: format!(
                        "`bill.{name}.filter` is no JSON ({error}): write the filter that was sent"
                    ),
                }],
            })?;
            request["filter"] = read;
        }
        requests.insert(name.clone(), request);
    }
    Ok(requests)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Puts environment variables over what the file says.
fn overlay(
    value: &mut Map<String, Value>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<(), ConfigError> {
    for (path, name) in env::SCALAR_KEYS {
        let Some(held) = variable(name) else { continue };
        let Some((last, tables)) = path.split_last() else { continue };
        let Some(kind) = kind_of(path) else { continue };
        let read = match kind {
            Kind::Count { least, most } => {
                held.parse::<i64>().ok().filter(|n| (least..=most).contains(n)).map(Value::from)
            }
            _ => Some(Value::String(held.clone())),
        };
        let read = read.ok_or_else(|| ConfigError::Variable {
            variable: name,
            value: held,
            expected: kind.expected(),
        })?;
        let mut target = &mut *value;
        for table in tables {
            let inner = target.entry(*table).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else { return Ok(()) };
            target = inner;
        }
        target.insert((*last).to_owned(), read);
    }
    Ok(())
}

fn kind_of(path: &[&str]) -> Option<Kind> {
    let mut keys = SHAPE;
    let mut found = None;
    for name in path {
        let kind = keys.iter().find(|key| key.name == *name)?.kind;
        if let Kind::Table(inner) = kind {
            keys = inner;
        }
        found = Some(kind);
    }
    found
}

fn check_needed(document: &Document, value: &Map<String, Value>) -> Result<(), ConfigError> {
    let start = Some(Place { line: 1, column: 1, text: String::new() });
    let mut problems: Vec<Problem> = NEEDED
        .iter()
        .filter(|(key, _)| !value.contains_key(*key))
        .filter_map(|(key, example)| {
            let key = SHAPE.iter().find(|k| k.name == *key)?;
            let variable = variable_of(key.name);
            let message = format!(
                "`{}` is missing: {}. Write {} = \"{example}\", or set {variable}",
                key.name, key.words, key.name
            );
            Some(Problem { place: start.clone(), message })
        })
        .collect();
    let keys = value.get("keys").and_then(Value::as_str);
    if let Some(keys) = keys.filter(|keys| !keys.starts_with("file:")) {
        let message = format!(
            "`keys` is {keys:?}, expected a folder outside the store as \"file:PATH\", for example \"file:keys\""
        );
        problems.push(Problem { place: document.key("keys").or(start), message });
    }
    if problems.is_empty() { Ok(()) } else { Err(document.problems(problems).into()) }
}

fn variable_of(key: &str) -> &'static str {
    env::SCALAR_KEYS.iter().find(|(path, _)| *path == [key]).map_or("", |(_, variable)| *variable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::template;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE_NAME);
        std::fs::write(&file, text).unwrap();
        let variable =
            |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        Config::load(Some(&file), &variable).map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            format!("{error} {source}")
        })
    }

    #[test]
    fn what_init_writes_is_read_as_it_stands_and_uncommented() {
        let config = load(template::OPERATION, &[]).unwrap();
        assert!(config.keys.ends_with("keys"), "{config:?}");
        let all =
            load(&template::uncommented(template::OPERATION), &[("AWS_SECRET_ACCESS_KEY", "hush")]).unwrap();
        assert_eq!(all.store_options["aws_secret_access_key"], "hush");
        assert!(all.templates.is_some());
        assert!(all.bills.values().all(|request| request["filter"].is_object()));
        assert_eq!(all.bills.len(), 1);
        assert_eq!(all.prometheus.len(), 1);
        assert_eq!(all.kafka.len(), 1);
    }

    #[test]
    fn a_prometheus_is_read_with_its_secrets_fetched_when_it_is_used() {
        let with = |keys: &str| format!("{}\n[[prometheus]]\n{keys}\n", template::OPERATION);
        let plain = "cluster = \"tides\"\nurl = \"http://p\"\nfrom = \"2026-06-01\"";
        let config = load(&with(plain), &[]).unwrap();
        let nothing = |_: &str| None;
        let cluster = config.prometheus[0].cluster(Path::new("."), &nothing).unwrap();
        assert_eq!((cluster.window_ms, cluster.cadence.step_ms()), (21_600_000, 60_000));

        let config = load(&with(&format!("{plain}\nuser = \"ada\"\npassword = \"env:GONE\"")), &[]).unwrap();
        let error = config.prometheus[0].cluster(Path::new("."), &nothing).unwrap_err().to_string();
        assert!(error.contains("prometheus.password") && error.contains("GONE"), "{error}");
        let config = load(&with(&format!("{plain}\nheaders = {{ Authorization = \"hush\" }}")), &[]).unwrap();
        let error = config.prometheus[0].cluster(Path::new("."), &nothing).unwrap_err().to_string();
        assert!(error.contains("plain text") && !error.contains("hush"), "{error}");

        for (keys, words) in [
            ("cluster = \"tides\"\nurl = \"http://p\"", "`prometheus[1].from` is missing"),
            ("cluster = \"tides\"\nurl = \"http://p\"\nfrom = \"soon\"", "`prometheus.from` is \"soon\""),
            (&format!("{plain}\nwindows = 5"), "unknown key `windows`"),
            (&format!("{plain}\nuser = \"ada\""), "belong together"),
            (&format!("{plain}\n[[prometheus]]\n{plain}"), "has two [[prometheus]]"),
        ] {
            let error = load(&with(keys), &[]).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_kafka_is_read_with_its_secrets_fetched_when_it_is_used() {
        let with = |keys: &str| format!("{}\n[[kafka]]\n{keys}\n", template::OPERATION);
        let plain = "brokers = \"k:9092\"\ntopics = [\"usage\"]\nclusters = [\"tides\"]\nfrom = \"latest\"";
        let nothing = |_: &str| None;
        let feed = load(&with(plain), &[]).unwrap().kafka[0].feed(Path::new("."), &nothing).unwrap();
        assert_eq!(feed.limits, hubtally_ingest::kafka::Limits::default());
        assert_eq!((feed.brokers.group.as_str(), feed.brokers.tls), ("hubtally", false));

        let secured =
            format!("{plain}\ntls = true\nuser = \"ada\"\npassword = \"env:GONE\"\nbatch_seconds = 5");
        let config = load(&with(&secured), &[]).unwrap();
        let error = config.kafka[0].feed(Path::new("."), &nothing).unwrap_err().to_string();
        assert!(error.contains("kafka.password") && error.contains("GONE"), "{error}");
        let feed = config.kafka[0].feed(Path::new("."), &|_| Some("hush".to_owned())).unwrap();
        let sasl = feed.brokers.sasl.unwrap();
        assert_eq!((sasl.mechanism.as_str(), sasl.password.as_str()), ("SCRAM-SHA-512", "hush"));
        assert_eq!((feed.brokers.tls, feed.limits.age.as_secs()), (true, 5));

        for (keys, words) in [
            (
                "topics = [\"usage\"]\nclusters = [\"tides\"]\nfrom = \"latest\"",
                "`kafka[1].brokers` is missing",
            ),
            (&plain.replace("latest", "soon"), "`kafka.from` is \"soon\""),
            (&plain.replace("[\"usage\"]", "[]"), "`kafka.topics` is empty"),
            (&plain.replace("[\"usage\"]", "[\"usage\", \"usage\"]"), "twice in one"),
            (&plain.replace("\"tides\"", ""), "`kafka.clusters` is empty"),
            (&format!("{plain}\nuser = \"ada\""), "belong together"),
            (&format!("{plain}\nclient_key = \"env:X\""), "belong together"),
            (&format!("{plain}\n[[kafka]]\n{plain}"), "stands in two [[kafka]]"),
        ] {
            let error = load(&with(keys), &[]).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn every_key_is_explained_in_what_init_writes() {
        for key in
            SHAPE.iter().chain(INPUTS).chain(LIMITS).chain(BILL).chain(prometheus::SHAPE).chain(kafka::SHAPE)
        {
            let explained = template::OPERATION.lines().any(|line| {
                let line = line.trim_start_matches(['#', ' ']);
                line.starts_with(&format!("{} = ", key.name))
                    || line == format!("[{}]", key.name)
                    || line == format!("[[{}]]", key.name)
                    || line.starts_with(&format!("[{}.", key.name))
            });
            assert!(explained, "{} is not in the example", key.name);
        }
    }

    #[test]
    fn every_scalar_key_has_a_variable_that_overrides_it() {
        for key in SHAPE {
            let scalar = matches!(key.kind, Kind::Text | Kind::Count { .. });
            assert!(!scalar || !variable_of(key.name).is_empty(), "{}", key.name);
        }
        for key in LIMITS {
            let path: &[&str] = &["limits", key.name];
            assert!(env::SCALAR_KEYS.iter().any(|(p, _)| *p == path), "{}", key.name);
        }
        let variables = [("HUBTALLY_STORE", "s3://bucket/x"), ("HUBTALLY_LIMITS_THREADS", "3")];
        let config = load(template::OPERATION, &variables).unwrap();
        assert_eq!((config.store.as_str(), config.limits.threads), ("s3://bucket/x", 3));
    }

    #[test]
    fn a_variable_with_a_wrong_value_is_named() {
        let error = load(template::OPERATION, &[("HUBTALLY_LIMITS_THREADS", "many")]).unwrap_err();
        assert!(error.contains("HUBTALLY_LIMITS_THREADS is \"many\", expected a whole number"), "{error}");
    }

    #[test]
    fn what_is_missing_or_unknown_is_named_with_its_place() {
        let error = load("store = \"store\"\n", &[]).unwrap_err();
        assert!(error.contains("`registry` is missing") && error.contains("HUBTALLY_REGISTRY"), "{error}");
        let error = load("store = \"store\"\nregstry = \"x\"\n", &[]).unwrap_err();
        assert!(
            error.contains("hubtally.toml:2:1: unknown key `regstry`: did you mean `registry`?"),
            "{error}"
        );
        let error = load("store = \"a\n", &[]).unwrap_err();
        assert!(error.contains("hubtally.toml:1:"), "{error}");
    }

    #[test]
    fn a_secret_in_plain_text_is_refused() {
        let text = format!("{}\n[store_options]\naws_secret_access_key = \"hush\"\n", template::OPERATION);
        let error = load(&text, &[]).unwrap_err();
        assert!(error.contains("aws_secret_access_key") && error.contains("env:NAME"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }
}
