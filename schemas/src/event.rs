//! Wire events: CloudEvents 1.0 envelopes with our five payloads.
//!
//! Decoding borrows from the line. Quantities are JSON integers or decimal strings (they pass 2⁵³);
//! the JSON Schemas in `schemas/json/` describe the same fields for producers.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Type of pod usage events.
pub const POD_V1: &str = "hubtally.pod.v1";
/// Type of node events.
pub const NODE_V1: &str = "hubtally.node.v1";
/// Type of directory, volume and bucket events.
pub const STORAGE_V1: &str = "hubtally.storage.v1";
/// Type of hub events: server starts and stops, launches.
pub const HUB_V1: &str = "hubtally.hub.v1";
/// Type of coverage events.
pub const COVERAGE_V1: &str = "hubtally.coverage.v1";
/// All types that this release reads.
pub const TYPES: &[&str] = &[POD_V1, NODE_V1, STORAGE_V1, HUB_V1, COVERAGE_V1];

/// The CloudEvents envelope, structured mode.
#[derive(Debug, Deserialize)]
pub struct Envelope<'a> {
    /// `1.0`.
    #[serde(borrow)]
    pub specversion: Cow<'a, str>,
    /// Identity of the event in its source.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// `/clusters/<cluster id>`.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// One of [`TYPES`].
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// When it was made, RFC 3339.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub time: Option<Cow<'a, str>>,
    /// The payload, decoded after the type is known.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// A text that may be absent, borrowed from the line: serde's own `Option<Cow>` always copies.
fn borrowed<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
    Ok(Option::<Text<'a>>::deserialize(deserializer)?.map(|text| text.0))
}

/// Payload of [`POD_V1`]: one pod over one interval, containers folded.
#[derive(Debug, Deserialize)]
pub struct PodData<'a> {
    /// Pod uid.
    #[serde(borrow)]
    pub pod_uid: Cow<'a, str>,
    /// Namespace.
    #[serde(borrow)]
    pub namespace: Cow<'a, str>,
    /// Pod name.
    #[serde(borrow)]
    pub pod: Cow<'a, str>,
    /// Node name; absent while unscheduled.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub node: Option<Cow<'a, str>>,
    /// Raw user name.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub user: Option<Cow<'a, str>>,
    /// Server name.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub server: Option<Cow<'a, str>>,
    /// `singleuser`, `dask`, `binder`, `build`, `placeholder`, `system`.
    #[serde(borrow)]
    pub role: Cow<'a, str>,
    /// The pod's own component label.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub component: Option<Cow<'a, str>>,
    /// Image reference.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub image: Option<Cow<'a, str>>,
    /// Image digest.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub image_digest: Option<Cow<'a, str>>,
    /// Profile.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub profile: Option<Cow<'a, str>>,
    /// First instant.
    #[serde(borrow)]
    pub start: Cow<'a, str>,
    /// First instant after.
    #[serde(borrow)]
    pub end: Cow<'a, str>,
    /// millicore·ms.
    #[serde(default)]
    pub cpu_request_millicore_ms: Option<Quantity>,
    /// millicore·ms.
    #[serde(default)]
    pub cpu_usage_millicore_ms: Option<Quantity>,
    /// byte·ms.
    #[serde(default)]
    pub memory_request_byte_ms: Option<Quantity>,
    /// byte·ms.
    #[serde(default)]
    pub memory_usage_byte_ms: Option<Quantity>,
    /// milliGPU·ms.
    #[serde(default)]
    pub gpu_request_milligpu_ms: Option<Quantity>,
    /// milliGPU·ms.
    #[serde(default)]
    pub gpu_usage_milligpu_ms: Option<Quantity>,
    /// `observed` (default), `single_sample`, `reset`, `filled`.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub quality: Option<Cow<'a, str>>,
    /// Higher wins; 0 if absent.
    #[serde(default)]
    pub revision: i64,
}

/// Payload of [`NODE_V1`]: one node over one interval.
#[derive(Debug, Deserialize)]
pub struct NodeData<'a> {
    /// Node name.
    #[serde(borrow)]
    pub node: Cow<'a, str>,
    /// Node uid.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub node_uid: Option<Cow<'a, str>>,
    /// `spec.providerID`.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub provider_id: Option<Cow<'a, str>>,
    /// Instance type.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub instance_type: Option<Cow<'a, str>>,
    /// Zone.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub zone: Option<Cow<'a, str>>,
    /// Spot or preemptible.
    #[serde(default)]
    pub spot: Option<bool>,
    /// `core`, `user`, `dask-scheduler`, `dask-worker`.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub purpose: Option<Cow<'a, str>>,
    /// Hub label.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub hub: Option<Cow<'a, str>>,
    /// First instant.
    #[serde(borrow)]
    pub start: Cow<'a, str>,
    /// First instant after.
    #[serde(borrow)]
    pub end: Cow<'a, str>,
    /// Millicores.
    pub cpu_capacity_millicore: Quantity,
    /// Bytes.
    pub memory_capacity_byte: Quantity,
    /// MilliGPU; 0 if absent.
    #[serde(default)]
    pub gpu_capacity_milligpu: Option<Quantity>,
    /// Millicores.
    #[serde(default)]
    pub cpu_allocatable_millicore: Option<Quantity>,
    /// Bytes.
    #[serde(default)]
    pub memory_allocatable_byte: Option<Quantity>,
    /// As for pods.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub quality: Option<Cow<'a, str>>,
    /// Higher wins; 0 if absent.
    #[serde(default)]
    pub revision: i64,
}

/// Payload of [`STORAGE_V1`]: one directory, volume or prefix at one time.
#[derive(Debug, Deserialize)]
pub struct StorageData<'a> {
    /// Namespace.
    #[serde(borrow)]
    pub namespace: Cow<'a, str>,
    /// `dirsize`, `home-nfs`, `inventory`.
    #[serde(borrow)]
    pub exporter: Cow<'a, str>,
    /// `directory`, `volume`, `bucket_prefix`.
    #[serde(borrow)]
    pub kind: Cow<'a, str>,
    /// Path.
    #[serde(borrow)]
    pub path: Cow<'a, str>,
    /// Raw user name, where the directory is known to be a user's.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub user: Option<Cow<'a, str>>,
    /// When it was measured.
    #[serde(borrow)]
    pub time: Cow<'a, str>,
    /// Bytes.
    pub bytes: Quantity,
    /// Bytes.
    #[serde(default)]
    pub limit_bytes: Option<Quantity>,
    /// Bytes.
    #[serde(default)]
    pub provisioned_bytes: Option<Quantity>,
    /// Latest modification inside.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub latest_modification: Option<Cow<'a, str>>,
    /// As for pods.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub quality: Option<Cow<'a, str>>,
    /// Higher wins; 0 if absent.
    #[serde(default)]
    pub revision: i64,
}

/// Payload of [`HUB_V1`]: something that happened at a hub.
#[derive(Debug, Deserialize)]
pub struct HubData<'a> {
    /// Namespace.
    #[serde(borrow)]
    pub namespace: Cow<'a, str>,
    /// `start`, `stop`, `launch`.
    #[serde(borrow)]
    pub action: Cow<'a, str>,
    /// When it happened.
    #[serde(borrow)]
    pub time: Cow<'a, str>,
    /// Raw user name.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub user: Option<Cow<'a, str>>,
    /// Server name.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub server: Option<Cow<'a, str>>,
    /// `success`, `failure`.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub status: Option<Cow<'a, str>>,
    /// Launch provider and spec.
    #[serde(borrow, default, deserialize_with = "borrowed")]
    pub detail: Option<Cow<'a, str>>,
    /// Higher wins; 0 if absent.
    #[serde(default)]
    pub revision: i64,
}

/// Payload of [`COVERAGE_V1`]: samples expected and seen in one UTC hour.
#[derive(Debug, Deserialize)]
pub struct CoverageData<'a> {
    /// Which query or exporter.
    #[serde(borrow)]
    pub query: Cow<'a, str>,
    /// UTC hour.
    #[serde(borrow)]
    pub hour: Cow<'a, str>,
    /// Samples expected.
    pub expected: Quantity,
    /// Samples seen.
    pub seen: Quantity,
    /// Higher wins; 0 if absent.
    #[serde(default)]
    pub revision: i64,
}

/// A whole quantity: a JSON integer, or a decimal string for readers that hold doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity(pub i128);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Quantity;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, as a JSON integer or a decimal string")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Quantity, E> {
                Ok(Quantity(i128::from(value)))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Quantity, E> {
                Ok(Quantity(i128::from(value)))
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Quantity, E> {
                let whole = value.parse::<i128>().map_err(|_| {
                    E::invalid_value(de::Unexpected::Str(&value.chars().take(40).collect::<String>()), &self)
                })?;
                Ok(Quantity(whole))
            }
        }
        deserializer.deserialize_any(Whole)
    }
}

/// The cluster that an event's `source` names.
pub fn cluster_of_source(source: &str) -> Option<&str> {
    source.strip_prefix("/clusters/").filter(|id| !id.is_empty() && !id.contains('/'))
}

/// Roles that a pod may have.
pub const ROLES: &[&str] = &["singleuser", "dask", "binder", "build", "placeholder", "system"];
/// Queries of `coverage` that tell what is missing beside pods and nodes: what containers used, directories,
/// volumes, hubs. A hole in one of them is stated, and makes no hour one in which nothing was metered.
pub const COVERAGE_BESIDE: &[&str] = &["kubelets", "homes", "volumes", "hubs"];
/// Qualities, from best to worst.
pub const QUALITIES: &[&str] = &["observed", "single_sample", "reset", "filled"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_integers_or_strings_never_fractions() {
        let read = |text: &str| serde_json::from_str::<Quantity>(text);
        assert_eq!(read("12").unwrap(), Quantity(12));
        assert_eq!(read("\"99999999999999999999\"").unwrap(), Quantity(99_999_999_999_999_999_999));
        assert_eq!(read("-3").unwrap(), Quantity(-3));
        for bad in ["1.5", "\"1.5\"", "\"\"", "null", "1e3"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_are_borrowed_from_their_line_and_copied_only_where_they_must_be() {
        let line = r#"{"namespace":"prod","action":"start","time":"t","server":"gpu","detail":"a\"b","status":null}"#;
        let read: HubData<'_> = serde_json::from_str(line).unwrap();
        assert!(matches!(&read.server, Some(Cow::Borrowed("gpu"))));
        assert!(matches!(&read.detail, Some(Cow::Owned(text)) if text == "a\"b"));
        assert_eq!((read.status, read.user), (None, None));
        assert!(serde_json::from_str::<HubData<'_>>(&line.replace("\"gpu\"", "7")).is_err());
    }

    #[test]
    fn a_source_names_one_cluster() {
        assert_eq!(cluster_of_source("/clusters/tides"), Some("tides"));
        for bad in ["/clusters/", "tides", "/clusters/a/b", ""] {
            assert_eq!(cluster_of_source(bad), None, "{bad}");
        }
    }
}
