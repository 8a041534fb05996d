//! Volumes of a window become rows of `storage_usage`: what is used of what was provisioned.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hubtally_rules::scans::{Scan, fresh_scans};
use hubtally_rules::timeline::{Sample, merged};
use hubtally_schemas::event::{Quantity, StorageData};
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::units::MAX_STORAGE_BYTE;
use hubtally_schemas::{Instant, Namespace};

use super::coverage::Scraped;
use super::labels::{NAMESPACE, own, text};
use super::reply::Series;
use super::sink::{Sink, Window};
use crate::error::IngestError;
use crate::events::Sizes;

#[derive(Default)]
struct Volume {
    used: Vec<Sample>,
    capacity: Vec<Sample>,
}

/// The volumes of a window, by namespace and claim. A claim that several nodes mount is one volume.
pub(super) struct Volumes(BTreeMap<(String, String), Volume>);

/// Joins the answers of the set's queries, in their order.
pub(super) fn join(answers: Vec<Vec<Series>>) -> Volumes {
    let mut volumes: BTreeMap<(String, String), Volume> = BTreeMap::new();
    for (query, answer) in answers.into_iter().enumerate() {
        for mut series in answer {
            let claim = text(&series.labels, "persistentvolumeclaim");
            let (Some(namespace), Some(claim)) = (own(&series.labels, NAMESPACE), claim) else { continue };
            let volume = volumes.entry((namespace.to_owned(), claim.to_owned())).or_default();
            let into = if query == 0 { &mut volume.used } else { &mut volume.capacity };
            into.append(&mut series.samples);
        }
    }
    for volume in volumes.values_mut() {
        volume.used = merged(std::mem::take(&mut volume.used));
        volume.capacity = merged(std::mem::take(&mut volume.capacity));
    }
    Volumes(volumes)
}

impl Volumes {
    /// When kubelets told of any volume.
    pub fn scrapes(&self) -> Vec<Scraped> {
        let times = self.0.values().flat_map(|volume| volume.used.iter().map(|sample| sample.at_ms));
        vec![Scraped::always(times.collect())]
    }
}

/// Adds the rows of a window's volumes: where a size changed, and once in each hour.
pub(super) fn add(volumes: &Volumes, window: Window, sink: &mut Sink<'_>) -> Result<(), IngestError> {
    for ((namespace, claim), volume) in &volumes.0 {
        if let Err(error) = Namespace::new(namespace) {
            sink.refuse(window, RejectReason::InvalidValue, &error.to_string(), claim)?;
            continue;
        }
        let data = StorageData {
            namespace: Cow::Borrowed(namespace),
            exporter: Cow::Borrowed("kubelet"),
            kind: Cow::Borrowed("volume"),
            path: Cow::Borrowed(claim),
            user: None,
            time: Cow::Borrowed(""),
            bytes: Quantity(0),
            limit_bytes: None,
            provisioned_bytes: None,
            latest_modification: None,
            quality: None,
            revision: 0,
        };
        for scan in fresh_scans(&volume.used, &[], window.cadence, window.from_ms, window.to_ms) {
            if scan.bytes > MAX_STORAGE_BYTE {
                sink.refuse(window, RejectReason::Absurd, &format!("{} bytes", scan.bytes), claim)?;
                continue;
            }
            sink.directory(&data, None, &sizes_of(volume, scan, window), window);
        }
    }
    Ok(())
}

fn sizes_of(volume: &Volume, scan: Scan, window: Window) -> Sizes {
    let until = volume.capacity.partition_point(|sample| sample.at_ms <= scan.seen_ms);
    let last = until.checked_sub(1).map(|last| volume.capacity[last]);
    let near = last.filter(|last| scan.seen_ms - last.at_ms <= window.cadence.max_gap_ms());
    Sizes {
        time: Instant::from_ms(scan.at_ms),
        bytes: scan.bytes,
        limit: None,
        provisioned: near.map(|capacity| capacity.value),
        modified: None,
    }
}
