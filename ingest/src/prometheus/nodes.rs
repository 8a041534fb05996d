//! Nodes of a window become rows of `node_usage`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hubtally_rules::node_time::{NodePiece, NodeSamples, node_pieces};
use hubtally_rules::timeline::{Sample, merged};
use hubtally_schemas::event::{NodeData, Quantity};
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::units::{MAX_CPU_MILLICORE, MAX_GPU_MILLIGPU, MAX_NODE_MEMORY_BYTE};
use hubtally_schemas::{Instant, NodeName, Span};

use super::labels::{NODE, exported_as, first, own, text};
use super::reply::{Labels, Series};
use super::sink::{Sink, Window};
use crate::error::IngestError;
use crate::events::NodeLevels;

const INSTANCE_TYPE: &[&str] =
    &["label_node_kubernetes_io_instance_type", "label_beta_kubernetes_io_instance_type"];
const ZONE: &[&str] = &["label_topology_kubernetes_io_zone", "label_failure_domain_beta_kubernetes_io_zone"];

/// Labels by which providers and autoscalers tell how a node is paid, with the values that mean spot.
const LIFECYCLE: &[(&str, &[&str])] = &[
    ("label_eks_amazonaws_com_capacitytype", &["SPOT"]),
    ("label_eks_amazonaws_com_capacityType", &["SPOT"]),
    ("label_karpenter_sh_capacity_type", &["spot"]),
    ("label_node_lifecycle", &["spot"]),
    ("label_cloud_google_com_gke_spot", &["true"]),
    ("label_cloud_google_com_gke_preemptible", &["true"]),
    ("label_kubernetes_azure_com_scalesetpriority", &["spot"]),
];

#[derive(Default)]
struct Node {
    samples: NodeSamples,
    provider_id: Option<String>,
    labels: Labels,
    labels_ms: i64,
}

/// The nodes of a window, and when they were told of.
#[derive(Default)]
pub(super) struct Nodes {
    nodes: BTreeMap<String, Node>,
    /// When kube-state-metrics was scraped.
    pub scrapes_ms: Vec<i64>,
}

/// Joins the answers of the set's queries, in their order.
pub(super) fn join(answers: Vec<Vec<Series>>) -> Nodes {
    let mut nodes = Nodes::default();
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    for series in next() {
        let Some(node) = nodes.there(&series) else { continue };
        node.provider_id = text(&series.labels, "provider_id").map(str::to_owned).or(node.provider_id.take());
    }
    for series in next() {
        let Some(node) = nodes.there(&series) else { continue };
        let at_ms = series.samples.last().map_or(0, |sample| sample.at_ms);
        let (new, old) = ((at_ms, series.labels.len()), (node.labels_ms, node.labels.len()));
        if (new, &series.labels) > (old, &node.labels) {
            (node.labels_ms, node.labels) = (at_ms, series.labels);
        }
    }
    for allocatable in [false, true] {
        for series in next() {
            let resource = text(&series.labels, "resource").unwrap_or_default().to_owned();
            let Some(node) = nodes.there(&series) else { continue };
            let of = &mut node.samples;
            // Read in thousandths: cores and GPUs are stored so, bytes are not.
            let (into, unit) = match (resource.as_str(), allocatable) {
                ("cpu", false) => (&mut of.cpu, 1),
                ("cpu", true) => (&mut of.cpu_allocatable, 1),
                ("memory", false) => (&mut of.memory, 1_000),
                ("memory", true) => (&mut of.memory_allocatable, 1_000),
                (gpu, false) if gpu.ends_with("_gpu") => (&mut of.gpu, 1),
                _ => continue,
            };
            let level = |sample: &Sample| Sample { value: sample.value / unit, ..*sample };
            into.extend(series.samples.iter().map(level));
        }
    }
    nodes.finish()
}

impl Nodes {
    /// The node that a series speaks of, with the samples noted as signs of it.
    fn there(&mut self, series: &Series) -> Option<&mut Node> {
        let name = own(&series.labels, NODE)?;
        self.scrapes_ms.extend(series.samples.iter().map(|sample| sample.at_ms));
        let node = self.nodes.entry(name.to_owned()).or_default();
        node.samples.there.extend(series.samples.iter().map(|sample| Sample { value: 1, ..*sample }));
        Some(node)
    }

    fn finish(mut self) -> Self {
        self.scrapes_ms.sort_unstable();
        self.scrapes_ms.dedup();
        for node in self.nodes.values_mut() {
            let of = &mut node.samples;
            let all = [
                &mut of.there,
                &mut of.cpu,
                &mut of.memory,
                &mut of.gpu,
                &mut of.cpu_allocatable,
                &mut of.memory_allocatable,
            ];
            for samples in all {
                *samples = merged(std::mem::take(samples));
            }
        }
        self
    }
}

/// Adds the rows of a window's nodes. `hub_label` is the Kubernetes label that names a node's hub.
pub(super) fn add(
    nodes: &Nodes,
    hub_label: &str,
    window: Window,
    sink: &mut Sink<'_>,
) -> Result<(), IngestError> {
    for (name, node) in &nodes.nodes {
        if let Err(error) = NodeName::new(name) {
            sink.refuse(window, RejectReason::InvalidValue, &error.to_string(), name)?;
            continue;
        }
        let hub_label = exported_as("label", hub_label);
        let data = NodeData {
            node: Cow::Borrowed(name),
            node_uid: None,
            provider_id: node.provider_id.as_deref().map(Cow::Borrowed),
            instance_type: first(&node.labels, INSTANCE_TYPE).map(Cow::Borrowed),
            zone: first(&node.labels, ZONE).map(Cow::Borrowed),
            spot: spot(&node.labels),
            purpose: purpose(&node.labels).map(Cow::Borrowed),
            hub: text(&node.labels, &hub_label).map(Cow::Borrowed),
            start: Cow::Borrowed(""),
            end: Cow::Borrowed(""),
            cpu_capacity_millicore: Quantity(0),
            memory_capacity_byte: Quantity(0),
            gpu_capacity_milligpu: None,
            cpu_allocatable_millicore: None,
            memory_allocatable_byte: None,
            quality: None,
            revision: 0,
        };
        for piece in node_pieces(&node.samples, window.cadence, window.from_ms, window.to_ms) {
            // A node whose capacity nobody told is there, but cannot be stored as if it had none.
            let (Some(cpu), Some(memory)) = (piece.levels.cpu, piece.levels.memory) else { continue };
            if let Some(what) = absurd(&piece) {
                let detail = format!("{what}: more than any machine has");
                sink.refuse(window, RejectReason::Absurd, &detail, name)?;
                continue;
            }
            let levels = NodeLevels {
                cpu,
                memory,
                gpu: piece.levels.gpu.unwrap_or(0),
                cpu_allocatable: piece.levels.cpu_allocatable,
                memory_allocatable: piece.levels.memory_allocatable,
            };
            let span = Span { start: Instant::from_ms(piece.from_ms), end: Instant::from_ms(piece.to_ms) };
            let quality = if piece.lone { "single_sample" } else { "observed" };
            sink.node(&data, quality, &levels, span, window);
        }
    }
    Ok(())
}

fn absurd(piece: &NodePiece) -> Option<&'static str> {
    let over = |level: Option<i64>, most: i64| level.is_some_and(|level| level > most);
    let limits = [
        ("the CPU capacity", piece.levels.cpu, MAX_CPU_MILLICORE),
        ("the memory capacity", piece.levels.memory, MAX_NODE_MEMORY_BYTE),
        ("the GPU capacity", piece.levels.gpu, MAX_GPU_MILLIGPU),
    ];
    limits.into_iter().find(|(_, level, most)| over(*level, *most)).map(|(what, _, _)| what)
}

/// What the node is for: the hub's word first, since nodes for users often take Dask schedulers too.
fn purpose(labels: &Labels) -> Option<&str> {
    text(labels, "label_hub_jupyter_org_node_purpose").or_else(|| {
        match text(labels, "label_k8s_dask_org_node_purpose")? {
            "worker" => Some("dask-worker"),
            "scheduler" => Some("dask-scheduler"),
            other => Some(other),
        }
    })
}

fn spot(labels: &Labels) -> Option<bool> {
    let mut told = None;
    for (label, values) in LIFECYCLE {
        if let Some(value) = text(labels, label) {
            told = Some(told.unwrap_or(false) || values.contains(&value));
        }
    }
    told
}
