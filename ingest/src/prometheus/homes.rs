//! Directories of a window become rows of `storage_usage`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hubtally_rules::directory::{Owner, owner_of};
use hubtally_rules::scans::{Scan, fresh_scans};
use hubtally_rules::slug;
use hubtally_rules::timeline::{Sample, merged};
use hubtally_schemas::event::{Quantity, StorageData};
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::units::MAX_STORAGE_BYTE;
use hubtally_schemas::{Instant, Namespace};

use super::coverage::Scraped;
use super::labels::{NAMESPACE, own, text};
use super::pod_rows::SLUG_ONLY;
use super::reply::{Labels, Series};
use super::sink::{Sink, Window};
use crate::error::IngestError;
use crate::events::Sizes;

/// Labels of a scrape's target that may carry the name of the exporter behind it.
const TARGET: &[&str] =
    &["job", "instance", "pod", "service", "app", "component", "container", "app_kubernetes_io_name"];

/// Which directory, as which target tells it.
type Key = (String, String, Vec<Option<String>>);

#[derive(Default)]
struct Directory {
    sizes: Vec<Sample>,
    limits: Vec<Sample>,
    updated: Vec<Sample>,
    modified: Vec<Sample>,
}

/// The directories of a window.
pub(super) struct Homes(BTreeMap<Key, Directory>);

/// Joins the answers of the set's queries, in their order.
pub(super) fn join(answers: Vec<Vec<Series>>) -> Homes {
    let mut homes: BTreeMap<Key, Directory> = BTreeMap::new();
    for (query, answer) in answers.into_iter().enumerate() {
        for mut series in answer {
            let Some(key) = key_of(&series.labels) else { continue };
            let directory = homes.entry(key).or_default();
            let into = match query {
                0 => &mut directory.sizes,
                1 => &mut directory.limits,
                2 => &mut directory.updated,
                _ => &mut directory.modified,
            };
            into.append(&mut series.samples);
        }
    }
    for directory in homes.values_mut() {
        let all =
            [&mut directory.sizes, &mut directory.limits, &mut directory.updated, &mut directory.modified];
        for samples in all {
            *samples = merged(std::mem::take(samples));
        }
    }
    Homes(homes)
}

fn key_of(labels: &Labels) -> Option<Key> {
    let target = TARGET.iter().map(|name| text(labels, name).map(str::to_owned)).collect();
    Some((own(labels, NAMESPACE)?.to_owned(), text(labels, "directory")?.to_owned(), target))
}

impl Homes {
    /// When each hub's exporters were scraped; a pod that replaces another is the same exporter.
    pub fn scrapes(&self) -> Vec<Scraped> {
        let mut by_exporter: BTreeMap<(&str, &str), Vec<i64>> = BTreeMap::new();
        for ((namespace, _, target), directory) in &self.0 {
            let times = by_exporter.entry((namespace, exporter(target, directory))).or_default();
            times.extend(directory.sizes.iter().map(|sample| sample.at_ms));
        }
        by_exporter.into_values().map(Scraped::always).collect()
    }
}

/// Adds the rows of a window's directories.
pub(super) fn add(homes: &Homes, window: Window, sink: &mut Sink<'_>) -> Result<(), IngestError> {
    for ((namespace, path, target), directory) in &homes.0 {
        if let Err(error) = Namespace::new(namespace) {
            sink.refuse(window, RejectReason::InvalidValue, &error.to_string(), path)?;
            continue;
        }
        let (sizes, updated) = (&directory.sizes, &directory.updated);
        let scans = fresh_scans(sizes, updated, window.cadence, window.from_ms, window.to_ms);
        if scans.is_empty() {
            continue;
        }
        let user_id = match user_of(namespace, path, sink) {
            Some(user) => Some(sink.meet(namespace, &user, window)?),
            None => None,
        };
        let data = StorageData {
            namespace: Cow::Borrowed(namespace),
            exporter: Cow::Borrowed(exporter(target, directory)),
            kind: Cow::Borrowed("directory"),
            path: Cow::Borrowed(path),
            user: None,
            time: Cow::Borrowed(""),
            bytes: Quantity(0),
            limit_bytes: None,
            provisioned_bytes: None,
            latest_modification: None,
            quality: None,
            revision: 0,
        };
        for scan in scans {
            if scan.bytes > MAX_STORAGE_BYTE {
                sink.refuse(window, RejectReason::Absurd, &format!("{} bytes", scan.bytes), path)?;
                continue;
            }
            sink.directory(&data, user_id.as_ref(), &sizes_of(directory, scan), window);
        }
    }
    Ok(())
}

fn sizes_of(directory: &Directory, scan: Scan) -> Sizes {
    let at = |samples: &[Sample]| {
        let found = samples.binary_search_by_key(&scan.seen_ms, |sample| sample.at_ms).ok()?;
        Some(samples[found].value)
    };
    Sizes {
        time: Instant::from_ms(scan.at_ms),
        bytes: scan.bytes,
        // A quota of 0 is none.
        limit: at(&directory.limits).filter(|limit| *limit > 0),
        provisioned: None,
        modified: at(&directory.modified).map(Instant::from_ms),
    }
}

/// Both exporters give their metrics the same names. The one that keeps quotas tells limits.
fn exporter(target: &[Option<String>], directory: &Directory) -> &'static str {
    let named = target.iter().flatten().any(|label| label.contains("home-nfs"));
    if named || !directory.limits.is_empty() { "home-nfs" } else { "dirsize" }
}

/// The user of a directory, from its name: what is shared or left behind has none.
fn user_of(namespace: &str, path: &str, sink: &Sink<'_>) -> Option<String> {
    let name = path.trim_matches('/');
    if owner_of(name, &[], true) != Owner::User {
        return None;
    }
    if let Some(user) = sink.known_name(namespace, name) {
        return Some(user);
    }
    slug::hashed_stem(name).is_some().then(|| format!("{SLUG_ONLY}{name}"))
}
