//! One line becomes one validated event: pure, and the same whoever calls it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use hubtally_schemas::event::{
    COVERAGE_V1, CoverageData, Envelope, HUB_V1, HubData, NODE_V1, NodeData, POD_V1, PodData, QUALITIES,
    ROLES, STORAGE_V1, StorageData, TYPES, cluster_of_source,
};
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::units::{
    MAX_CPU_MILLICORE, MAX_GPU_MILLIGPU, MAX_NODE_MEMORY_BYTE, MAX_POD_MEMORY_BYTE, MAX_STORAGE_BYTE,
};
use hubtally_schemas::{ClusterId, Instant, Span};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::check;
use super::diagnose;
use super::parse::{self, Parsed, Payload};
use super::refusal::{Refused, shown};

/// Kinds of place that a storage event may speak of.
pub const STORAGE_KINDS: &[&str] = &["directory", "volume", "bucket_prefix"];
/// What may happen at a hub.
pub const HUB_ACTIONS: &[&str] = &["start", "stop", "launch"];

/// What an event is judged against.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The present: nothing may lie more than five minutes after it.
    pub now: Instant,
    /// Clusters that the source may speak for; `None` is any.
    pub clusters: Option<BTreeSet<ClusterId>>,
}

/// A validated event, borrowed from its line.
#[derive(Debug)]
pub struct Event<'a> {
    /// CloudEvents `id`.
    pub id: Cow<'a, str>,
    pub(super) source: Cow<'a, str>,
    /// What it tells.
    pub fact: Fact<'a>,
}

impl Event<'_> {
    /// The cluster that it speaks for; checked when it was read.
    pub fn cluster(&self) -> &str {
        cluster_of_source(&self.source).unwrap_or_default()
    }
}

/// What an event tells, with its quantities checked.
#[derive(Debug)]
pub enum Fact<'a> {
    /// A pod over an interval; quantities in the order of [`POD_QUANTITIES`].
    Pod {
        /// The payload.
        data: Box<PodData<'a>>,
        /// Its interval.
        span: Span,
        /// Its role, as one of the known words.
        role: &'static str,
        /// Its quality.
        quality: &'static str,
        /// What it requested and used.
        quantities: [Option<i128>; 6],
    },
    /// A node over an interval.
    Node {
        /// The payload.
        data: Box<NodeData<'a>>,
        /// Its interval.
        span: Span,
        /// Its quality.
        quality: &'static str,
        /// What it could give.
        levels: NodeLevels,
    },
    /// A directory, volume or prefix.
    Storage {
        /// The payload.
        data: Box<StorageData<'a>>,
        /// Its quality.
        quality: &'static str,
        /// When it was measured, and its sizes.
        sizes: Sizes,
    },
    /// Something that happened at a hub.
    Hub {
        /// The payload.
        data: Box<HubData<'a>>,
        /// When it happened.
        time: Instant,
    },
    /// What was expected to be seen, and what was.
    Coverage {
        /// The payload.
        data: CoverageData<'a>,
        /// The UTC hour.
        hour: Instant,
        /// Samples expected.
        expected: i64,
        /// Samples seen.
        seen: i64,
    },
}

impl Fact<'_> {
    /// The UTC day that it speaks of.
    pub fn day(&self) -> i32 {
        match self {
            Self::Pod { span, .. } | Self::Node { span, .. } => span.start.day(),
            Self::Storage { sizes, .. } => sizes.time.day(),
            Self::Hub { time, .. } => time.day(),
            Self::Coverage { hour, .. } => hour.day(),
        }
    }
}

/// Capacity of a node.
#[derive(Debug, Clone, Copy)]
pub struct NodeLevels {
    /// Millicores.
    pub cpu: i64,
    /// Bytes.
    pub memory: i64,
    /// MilliGPU.
    pub gpu: i64,
    /// Millicores that pods may request.
    pub cpu_allocatable: Option<i64>,
    /// Bytes that pods may request.
    pub memory_allocatable: Option<i64>,
}

/// Sizes of a directory, volume or prefix.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// When it was measured.
    pub time: Instant,
    /// Bytes.
    pub bytes: i64,
    /// Quota, bytes.
    pub limit: Option<i64>,
    /// Size that is paid, bytes.
    pub provisioned: Option<i64>,
    /// Latest modification inside.
    pub modified: Option<Instant>,
}

/// Reads one line: an event, or why it is none.
pub fn read_event<'a>(line: &'a [u8], judgement: &Judgement) -> Result<Event<'a>, Refused> {
    let text = std::str::from_utf8(line).map_err(|error| not_utf8(line, error.valid_up_to()))?;
    match parse::at_once(text) {
        Some(parsed) => judged(parsed, judgement),
        None => judged(step_by_step(text)?, judgement),
    }
}

/// The envelope first, its payload later: slower, and able to say what is wrong.
fn step_by_step(text: &str) -> Result<Parsed<'_>, Refused> {
    let envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|error| diagnose::envelope(text, &error))?;
    Ok(envelope.into())
}

fn judged<'a>(parsed: Parsed<'a>, judgement: &Judgement) -> Result<Event<'a>, Refused> {
    if parsed.specversion != "1.0" {
        let detail =
            format!("`specversion` is {}: expected \"1.0\"", shown("specversion", &parsed.specversion));
        return Err(Refused::new(RejectReason::UnknownType, detail));
    }
    check::name("id", &parsed.id)?;
    speaks_for(&parsed.source, judgement.clusters.as_ref())?;
    let Parsed { id, source, kind, data, .. } = parsed;
    let now = judgement.now;
    let fact = match (data, kind.as_ref()) {
        (Payload::Pod(data), _) => pod(data, now)?,
        (Payload::Node(data), _) => node(data, now)?,
        (Payload::Storage(data), _) => storage(data, now)?,
        (Payload::Hub(data), _) => hub(data, now)?,
        (Payload::Coverage(data), _) => coverage(data, now)?,
        (Payload::Raw(data), POD_V1) => pod(payload(POD_V1, data)?, now)?,
        (Payload::Raw(data), NODE_V1) => node(payload(NODE_V1, data)?, now)?,
        (Payload::Raw(data), STORAGE_V1) => storage(payload(STORAGE_V1, data)?, now)?,
        (Payload::Raw(data), HUB_V1) => hub(payload(HUB_V1, data)?, now)?,
        (Payload::Raw(data), COVERAGE_V1) => coverage(payload(COVERAGE_V1, data)?, now)?,
        (Payload::Raw(_), other) => return Err(unknown_type(other)),
    };
    Ok(Event { id, source, fact })
}

fn payload<'a, T: Deserialize<'a>>(kind: &'static str, data: &'a RawValue) -> Result<T, Refused> {
    serde_json::from_str(data.get()).map_err(|error| diagnose::payload(kind, data.get(), &error))
}

fn pod(data: PodData<'_>, now: Instant) -> Result<Fact<'_>, Refused> {
    let span = check::interval(&data.start, &data.end, now)?;
    let judged = || {
        check::name("pod_uid", &data.pod_uid)?;
        check::name("namespace", &data.namespace)?;
        check::name("pod", &data.pod)?;
        check::user(data.user.as_deref())?;
        check::text("node", data.node.as_deref())?;
        check::text_or_empty("server", data.server.as_deref())?;
        check::text("component", data.component.as_deref())?;
        check::text("image", data.image.as_deref())?;
        check::text("image_digest", data.image_digest.as_deref())?;
        check::text("profile", data.profile.as_deref())?;
        check::revision(data.revision)?;
        let role = check::one_of("role", &data.role, ROLES)?;
        let quality = quality(data.quality.as_deref())?;
        let amount = |field, value, level, unit| check::over_time(field, value, level, &span, unit);
        let (cpu, memory, gpu) = ("millicore·ms", "byte·ms", "milliGPU·ms");
        let quantities = [
            amount("cpu_request_millicore_ms", data.cpu_request_millicore_ms, MAX_CPU_MILLICORE, cpu)?,
            amount("cpu_usage_millicore_ms", data.cpu_usage_millicore_ms, MAX_CPU_MILLICORE, cpu)?,
            amount("memory_request_byte_ms", data.memory_request_byte_ms, MAX_POD_MEMORY_BYTE, memory)?,
            amount("memory_usage_byte_ms", data.memory_usage_byte_ms, MAX_POD_MEMORY_BYTE, memory)?,
            amount("gpu_request_milligpu_ms", data.gpu_request_milligpu_ms, MAX_GPU_MILLIGPU, gpu)?,
            amount("gpu_usage_milligpu_ms", data.gpu_usage_milligpu_ms, MAX_GPU_MILLIGPU, gpu)?,
        ];
        Ok((role, quality, quantities))
    };
    let (role, quality, quantities) = judged().map_err(|refused: Refused| refused.on(span.start.day()))?;
    Ok(Fact::Pod { data: Box::new(data), span, role, quality, quantities })
}

fn node(data: NodeData<'_>, now: Instant) -> Result<Fact<'_>, Refused> {
    let span = check::interval(&data.start, &data.end, now)?;
    let judged = || {
        check::name("node", &data.node)?;
        check::text("node_uid", data.node_uid.as_deref())?;
        check::text("provider_id", data.provider_id.as_deref())?;
        check::text("instance_type", data.instance_type.as_deref())?;
        check::text("zone", data.zone.as_deref())?;
        check::text("purpose", data.purpose.as_deref())?;
        check::text("hub", data.hub.as_deref())?;
        check::revision(data.revision)?;
        let quality = quality(data.quality.as_deref())?;
        let (cpu, memory) = ("millicores", "bytes");
        let gpu = check::level_or_none(
            "gpu_capacity_milligpu",
            data.gpu_capacity_milligpu,
            MAX_GPU_MILLIGPU,
            "milliGPU",
        )?;
        let levels = NodeLevels {
            cpu: check::level("cpu_capacity_millicore", data.cpu_capacity_millicore, MAX_CPU_MILLICORE, cpu)?,
            memory: check::level(
                "memory_capacity_byte",
                data.memory_capacity_byte,
                MAX_NODE_MEMORY_BYTE,
                memory,
            )?,
            gpu: gpu.unwrap_or(0),
            cpu_allocatable: check::level_or_none(
                "cpu_allocatable_millicore",
                data.cpu_allocatable_millicore,
                MAX_CPU_MILLICORE,
                cpu,
            )?,
            memory_allocatable: check::level_or_none(
                "memory_allocatable_byte",
                data.memory_allocatable_byte,
                MAX_NODE_MEMORY_BYTE,
                memory,
            )?,
        };
        Ok((quality, levels))
    };
    let (quality, levels) = judged().map_err(|refused: Refused| refused.on(span.start.day()))?;
    Ok(Fact::Node { data: Box::new(data), span, quality, levels })
}

fn storage(data: StorageData<'_>, now: Instant) -> Result<Fact<'_>, Refused> {
    let time = check::instant("time", &data.time, now)?;
    let judged = || {
        check::name("namespace", &data.namespace)?;
        check::name("exporter", &data.exporter)?;
        check::one_of("kind", &data.kind, STORAGE_KINDS)?;
        if data.path.is_empty() {
            return Err(Refused::invalid("path", "", "the directory, volume or prefix that was measured"));
        }
        check::text("path", Some(&data.path))?;
        check::user(data.user.as_deref())?;
        check::revision(data.revision)?;
        let quality = quality(data.quality.as_deref())?;
        let bytes = check::level("bytes", data.bytes, MAX_STORAGE_BYTE, "bytes")?;
        let limit = check::level_or_none("limit_bytes", data.limit_bytes, MAX_STORAGE_BYTE, "bytes")?;
        let provisioned =
            check::level_or_none("provisioned_bytes", data.provisioned_bytes, MAX_STORAGE_BYTE, "bytes")?;
        // Users set modification times as they like, so any readable one is kept.
        let modified = data
            .latest_modification
            .as_deref()
            .map(|text| check::any_instant("latest_modification", text))
            .transpose()?;
        Ok((quality, Sizes { time, bytes, limit, provisioned, modified }))
    };
    let (quality, sizes) = judged().map_err(|refused: Refused| refused.on(time.day()))?;
    Ok(Fact::Storage { data: Box::new(data), quality, sizes })
}

fn hub(data: HubData<'_>, now: Instant) -> Result<Fact<'_>, Refused> {
    let time = check::instant("time", &data.time, now)?;
    happened(data, time)
}

/// Something that happened at a hub at a time that is known already.
pub(super) fn happened(data: HubData<'_>, time: Instant) -> Result<Fact<'_>, Refused> {
    let judged = || {
        check::name("namespace", &data.namespace)?;
        check::one_of("action", &data.action, HUB_ACTIONS)?;
        check::user(data.user.as_deref())?;
        check::text_or_empty("server", data.server.as_deref())?;
        check::text("status", data.status.as_deref())?;
        check::text("detail", data.detail.as_deref())?;
        check::revision(data.revision)
    };
    judged().map_err(|refused: Refused| refused.on(time.day()))?;
    Ok(Fact::Hub { data: Box::new(data), time })
}

fn coverage(data: CoverageData<'_>, now: Instant) -> Result<Fact<'_>, Refused> {
    let hour = check::whole_hour("hour", &data.hour, now)?;
    let judged = || {
        check::name("query", &data.query)?;
        check::revision(data.revision)?;
        let expected = check::level("expected", data.expected, check::MAX_SAMPLES, "samples")?;
        let seen = check::level("seen", data.seen, check::MAX_SAMPLES, "samples")?;
        Ok((expected, seen))
    };
    let (expected, seen) = judged().map_err(|refused: Refused| refused.on(hour.day()))?;
    Ok(Fact::Coverage { data, hour, expected, seen })
}

fn quality(value: Option<&str>) -> Result<&'static str, Refused> {
    value.map_or(Ok(QUALITIES[0]), |text| check::one_of("quality", text, QUALITIES))
}

fn speaks_for(source: &str, clusters: Option<&BTreeSet<ClusterId>>) -> Result<(), Refused> {
    let wrong = |expected: &str| {
        let detail = format!("`source` is {}: expected {expected}", shown("source", source));
        Refused::new(RejectReason::WrongCluster, detail)
    };
    let Some(cluster) = cluster_of_source(source) else {
        return Err(wrong("/clusters/<id of the cluster>"));
    };
    check::name("source", cluster)?;
    let Some(known) = clusters else { return Ok(()) };
    if known.contains(cluster) {
        return Ok(());
    }
    let nearest = known
        .iter()
        .map(|id| (strsim::damerau_levenshtein(id.as_str(), cluster), id))
        .min()
        .map_or_else(|| "no cluster is known yet".to_owned(), |(_, id)| format!("the nearest is \"{id}\""));
    Err(wrong(&format!("a cluster of the registry; {nearest}")))
}

fn unknown_type(kind: &str) -> Refused {
    let detail = format!("`type` is {}: expected one of {}", shown("type", kind), TYPES.join(", "));
    Refused::new(RejectReason::UnknownType, detail)
}

pub(super) fn not_utf8(line: &[u8], at: usize) -> Refused {
    let utf16 = line.starts_with(&[0xff, 0xfe]) || line.starts_with(&[0xfe, 0xff]);
    let detail = if utf16 {
        "the line starts with the mark of UTF-16: expected UTF-8".to_owned()
    } else {
        format!("byte {} of the line is 0x{:02x}, no UTF-8 there: expected UTF-8", at + 1, line[at])
    };
    Refused::new(RejectReason::InvalidUtf8, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::events::tests::{event, judgement};

    fn both_ways(line: &str) -> (String, String) {
        let slowly = step_by_step(line).and_then(|parsed| judged(parsed, &judgement()));
        (format!("{:?}", read_event(line.as_bytes(), &judgement())), format!("{slowly:?}"))
    }

    /// The fields of an event in the order in which producers write them, `data` last.
    fn fields(kind: &str) -> Vec<(String, String)> {
        let event: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&event(kind, &[("/extra", json!([1, {"a": "b"}]))])).unwrap();
        let text = |value: &serde_json::Value| value.to_string();
        let (last, first): (Vec<_>, Vec<_>) = event.iter().partition(|(name, _)| *name == "data");
        first.into_iter().chain(last).map(|(name, value)| (name.clone(), text(value))).collect()
    }

    fn line(fields: &[(String, String)]) -> String {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name:?}:{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    #[test]
    fn what_is_read_at_once_needs_no_second_look() {
        for kind in ["pod", "node", "storage", "hub", "coverage"] {
            let parsed = parse::at_once(&line(&fields(kind))).map(|parsed| format!("{:?}", parsed.data));
            assert!(!parsed.unwrap().starts_with("Raw"), "{kind}");
        }
    }

    proptest! {
        #[test]
        fn an_event_read_at_once_is_the_one_read_step_by_step(
            kind in prop::sample::select(vec!["pod", "node", "storage", "hub", "coverage"]),
            swaps in prop::collection::vec((0_usize..9, 0_usize..9), 0..3),
            twice in prop::option::of(0_usize..9),
            without in prop::option::of(0_usize..9),
            odd in prop::option::of((0_usize..9, prop::sample::select(vec!["null", "7", "\"\"", "\"2.0\"", "{}", "[", "\"hubtally.pod.v9\""]))),
        ) {
            let mut fields = fields(kind);
            let count = fields.len();
            for (a, b) in swaps {
                fields.swap(a % count, b % count);
            }
            if let Some((at, value)) = odd {
                fields[at % count].1 = value.to_owned();
            }
            if let Some(at) = twice {
                fields.push(fields[at % count].clone());
            }
            if let Some(at) = without {
                fields.remove(at % count);
            }
            let (at_once, slowly) = both_ways(&line(&fields));
            prop_assert_eq!(at_once, slowly);
        }
    }
}
