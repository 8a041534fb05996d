//! Series of kube-state-metrics and of kubelets become pods: joined here by uid, never in PromQL.

use std::collections::{BTreeMap, HashMap};

use hubtally_rules::pod_time::{ContainerKind, CpuCounters, PodSamples, Request, Resource};
use hubtally_rules::timeline::{Cadence, Sample, merged};

use super::PodNaming;
use super::coverage::Scraped;
use super::labels::{
    CONTAINER, NAMESPACE, NODE, POD, UID, exported_as, kubelet_node, own, text, uid_in_path,
};
use super::reply::{Labels, Series};

/// Before the names of the annotations that BinderHub writes, as kube-state-metrics exports them.
const BINDER_ANNOTATIONS: &str = "annotation_binder_hub_jupyter_org_";

/// One pod of a window.
#[derive(Debug)]
pub(super) struct Pod {
    /// Its uid, or a stand-in where no series tells one.
    pub uid: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What it is and whose.
    pub about: About,
    /// Its samples; nodes are numbers of [`Pods::nodes`].
    pub samples: PodSamples,
}

/// What labels and annotations tell of a pod.
#[derive(Debug, Default)]
pub(super) struct About {
    /// Raw user name, from the annotation.
    pub user: Option<String>,
    /// Component label.
    pub component: Option<String>,
    /// `app.kubernetes.io/component`.
    pub app_component: Option<String>,
    /// Server name, where a label tells it.
    pub server: Option<String>,
    /// Image of the main container.
    pub image: Option<String>,
    /// Its digest.
    pub image_digest: Option<String>,
    /// The profile that its user chose, where a label or an annotation tells it.
    pub profile: Option<String>,
    /// Whether Binder launched it.
    pub binder: bool,
}

/// The pods of a window.
#[derive(Debug, Default)]
pub(super) struct Pods {
    /// Sorted by uid.
    pub by_uid: Vec<Pod>,
    /// Node names; a pod's node number is the place here + 1.
    nodes: Vec<String>,
    /// When kube-state-metrics was scraped.
    pub scrapes_ms: Vec<i64>,
    /// By node: when its pods should have been seen by its kubelet, and when they were.
    pub kubelets: Vec<Scraped>,
}

impl Pods {
    /// The node of a number; `None` for 0.
    pub fn node(&self, number: i64) -> Option<&str> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.nodes.get(place).map(String::as_str)
    }
}

/// Joins the answers of the set's queries, in their order.
pub(super) fn join(answers: Vec<Vec<Series>>, cadence: Cadence, naming: &PodNaming) -> Pods {
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let mut join = Join { gap_ms: cadence.max_gap_ms(), ..Join::default() };
    join.phases(next());
    join.infos(next());
    join.requests(next(), false);
    join.requests(next(), true);
    join.sidecars(&next());
    join.labels(next());
    join.annotations(next());
    join.images(next());
    join.instants(next(), |pod, _| &mut pod.begun);
    join.instants(next(), |pod, _| &mut pod.ended);
    join.instants(next(), |pod, container| pod.started.entry((container, Teller::StateMetrics)).or_default());
    join.cpu(next());
    join.memory(next());
    join.used_from(next());
    join.finish(naming)
}

#[derive(Default)]
struct Join {
    gap_ms: i64,
    pods: BTreeMap<String, Building>,
    nodes: Vec<String>,
    node_numbers: HashMap<String, i64>,
    /// The pods of a name, with the times between which each was seen.
    named: HashMap<(String, String), Vec<Seen>>,
    scrapes_ms: Vec<i64>,
}

/// A uid that a name had, and when it was seen.
struct Seen {
    uid: String,
    first_ms: i64,
    last_ms: i64,
}

/// Samples by series, those with the fewest labels first: what labels a server adds to all changes no order.
type BySeries = BTreeMap<(usize, Labels), Vec<Sample>>;

/// A container of a pod, and whether it is an init container.
type Container = (String, bool);

#[derive(Default)]
struct Building {
    namespace: String,
    name: String,
    running: Vec<Sample>,
    node: Vec<Sample>,
    requests: BTreeMap<(Container, Resource), Vec<Sample>>,
    sidecars: Vec<String>,
    labels: Latest,
    annotations: Latest,
    images: BTreeMap<String, Latest>,
    cpu: BTreeMap<String, BTreeMap<String, BySeries>>,
    cpu_without_runs: BTreeMap<String, BySeries>,
    memory: BTreeMap<String, Vec<Sample>>,
    usage_node: i64,
    begun: Vec<Sample>,
    ended: Vec<Sample>,
    started: BTreeMap<(String, Teller), Vec<Sample>>,
}

/// Who tells when a container started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Teller {
    /// kube-state-metrics, which tells init containers apart.
    StateMetrics,
    /// A kubelet, which does not.
    Kubelet,
}

/// The labels that were seen last.
#[derive(Default)]
struct Latest {
    at_ms: i64,
    labels: Labels,
}

impl Latest {
    fn take_in(&mut self, series: Series) {
        let Some(last) = series.samples.last() else { return };
        let order = |at_ms: i64, labels: &Labels| (at_ms, labels.len());
        let (new, old) = (order(last.at_ms, &series.labels), order(self.at_ms, &self.labels));
        if (new, &series.labels) > (old, &self.labels) {
            *self = Self { at_ms: last.at_ms, labels: series.labels };
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        text(&self.labels, name).map(str::to_owned)
    }
}

impl Join {
    /// The pod that a series of kube-state-metrics speaks of.
    fn known(&mut self, series: &Series) -> Option<&mut Building> {
        let labels = &series.labels;
        let (namespace, name) = (own(labels, NAMESPACE)?, own(labels, POD)?);
        let uid = match own(labels, UID) {
            Some(uid) => uid.to_owned(),
            None => stand_in(namespace, name, own(labels, NODE)),
        };
        let (first_ms, last_ms) = (series.samples.first()?.at_ms, series.samples.last()?.at_ms);
        let named = self.named.entry((namespace.to_owned(), name.to_owned())).or_default();
        match named.iter_mut().find(|seen| seen.uid == uid) {
            Some(seen) => {
                seen.first_ms = seen.first_ms.min(first_ms);
                seen.last_ms = seen.last_ms.max(last_ms);
            }
            None => named.push(Seen { uid: uid.clone(), first_ms, last_ms }),
        }
        Some(self.pods.entry(uid).or_insert_with(|| Building::named(namespace, name)))
    }

    fn node_number(&mut self, name: Option<&str>) -> i64 {
        let Some(name) = name else { return 0 };
        if let Some(number) = self.node_numbers.get(name) {
            return *number;
        }
        self.nodes.push(name.to_owned());
        let number = i64::try_from(self.nodes.len()).unwrap_or(0);
        self.node_numbers.insert(name.to_owned(), number);
        number
    }

    fn phases(&mut self, answer: Vec<Series>) {
        for mut series in answer {
            let Some(pod) = self.known(&series) else { continue };
            pod.running.append(&mut series.samples);
        }
    }

    fn infos(&mut self, answer: Vec<Series>) {
        for series in answer {
            self.scrapes_ms.extend(series.samples.iter().map(|sample| sample.at_ms));
            self.place(&series);
        }
    }

    /// Notes the node that a series names, at each of its samples.
    fn place(&mut self, series: &Series) {
        let number = self.node_number(own(&series.labels, NODE));
        let Some(pod) = self.known(series) else { return };
        pod.node.extend(series.samples.iter().map(|sample| Sample { at_ms: sample.at_ms, value: number }));
    }

    fn requests(&mut self, answer: Vec<Series>, init: bool) {
        for mut series in answer {
            self.scrapes_ms.extend(series.samples.iter().map(|sample| sample.at_ms));
            self.place(&series);
            let resource = match text(&series.labels, "resource") {
                Some("cpu") => Resource::Cpu,
                Some("memory") => Resource::Memory,
                Some(other) if other.ends_with("_gpu") => Resource::Gpu,
                _ => continue,
            };
            let container = own(&series.labels, CONTAINER).unwrap_or_default().to_owned();
            let Some(pod) = self.known(&series) else { continue };
            if resource == Resource::Memory {
                // All requests are read in millionths; bytes have none.
                series.samples.iter_mut().for_each(|sample| sample.value /= 1_000_000);
            }
            pod.requests.entry(((container, init), resource)).or_default().append(&mut series.samples);
        }
    }

    fn sidecars(&mut self, answer: &[Series]) {
        for series in answer {
            let Some(container) = own(&series.labels, CONTAINER).map(str::to_owned) else { continue };
            if let Some(pod) = self.known(series) {
                pod.sidecars.push(container);
            }
        }
    }

    fn labels(&mut self, answer: Vec<Series>) {
        for series in answer {
            let Some(pod) = self.known(&series) else { continue };
            pod.labels.take_in(series);
        }
    }

    fn annotations(&mut self, answer: Vec<Series>) {
        for series in answer {
            let Some(pod) = self.known(&series) else { continue };
            pod.annotations.take_in(series);
        }
    }

    fn images(&mut self, answer: Vec<Series>) {
        for series in answer {
            let container = own(&series.labels, CONTAINER).unwrap_or_default().to_owned();
            let Some(pod) = self.known(&series) else { continue };
            pod.images.entry(container).or_default().take_in(series);
        }
    }

    /// Instants that kube-state-metrics tells of pods, of each those that came within the longest gap before:
    /// later ones decide nothing, and a running pod repeats its start for as long as it runs.
    fn instants(
        &mut self,
        answer: Vec<Series>,
        of: impl for<'p> Fn(&'p mut Building, String) -> &'p mut Vec<Sample>,
    ) {
        for mut series in answer {
            series.samples = self.recent(&series.samples);
            let container = own(&series.labels, CONTAINER).unwrap_or_default().to_owned();
            let Some(pod) = self.known(&series) else { continue };
            of(pod, container).append(&mut series.samples);
        }
    }

    /// When kubelets say that containers started.
    fn used_from(&mut self, answer: Vec<Series>) {
        for mut series in answer {
            series.samples = self.recent(&series.samples);
            let Some(container) = own(&series.labels, CONTAINER).map(str::to_owned) else { continue };
            for (uid, samples) in self.users_of(&series) {
                let Some(pod) = self.pods.get_mut(&uid) else { continue };
                pod.started.entry((container.clone(), Teller::Kubelet)).or_default().extend(samples);
            }
        }
    }

    fn recent(&self, told: &[Sample]) -> Vec<Sample> {
        let near = |sample: &&Sample| (0..=self.gap_ms).contains(&(sample.at_ms - sample.value));
        told.iter().filter(near).copied().collect()
    }

    fn cpu(&mut self, answer: Vec<Series>) {
        for series in answer {
            let Some(container) = own(&series.labels, CONTAINER).map(str::to_owned) else { continue };
            // A run of a container has its own path; old kubelets also tell each processor apart.
            let run = text(&series.labels, "id").map(|path| {
                let processor = text(&series.labels, "cpu").filter(|cpu| *cpu != "total").unwrap_or_default();
                format!("{path}\u{0}{processor}")
            });
            for (uid, samples) in self.users_of(&series) {
                let Some(pod) = self.used(uid, &series.labels) else { continue };
                let by_labels = match &run {
                    Some(run) => {
                        pod.cpu.entry(container.clone()).or_default().entry(run.clone()).or_default()
                    }
                    None => pod.cpu_without_runs.entry(container.clone()).or_default(),
                };
                let key = (series.labels.len(), series.labels.clone());
                by_labels.entry(key).or_default().extend(samples);
            }
        }
    }

    fn memory(&mut self, answer: Vec<Series>) {
        for series in answer {
            let Some(container) = own(&series.labels, CONTAINER).map(str::to_owned) else { continue };
            for (uid, samples) in self.users_of(&series) {
                let Some(pod) = self.used(uid, &series.labels) else { continue };
                pod.memory.entry(container.clone()).or_default().extend(samples);
            }
        }
    }

    /// The pods whose usage a kubelet's series tells, with its samples shared out.
    ///
    /// The uid in the control group's path decides. Where there is none, or one that nobody else knows
    /// (static pods have another there), the name and the time do; of two pods of one name the younger.
    fn users_of(&self, series: &Series) -> Vec<(String, Vec<Sample>)> {
        let labels = &series.labels;
        let from_path = text(labels, "id").and_then(uid_in_path);
        if let Some(uid) = from_path.as_ref().filter(|uid| self.pods.contains_key(*uid)) {
            return vec![(uid.clone(), series.samples.clone())];
        }
        let (Some(namespace), Some(name)) = (own(labels, NAMESPACE), own(labels, POD)) else {
            return Vec::new();
        };
        let candidates =
            self.named.get(&(namespace.to_owned(), name.to_owned())).map_or(&[][..], Vec::as_slice);
        let mut shared: Vec<(String, Vec<Sample>)> = Vec::new();
        for sample in &series.samples {
            let near = |seen: &&Seen| {
                let within = seen.first_ms - self.gap_ms..=seen.last_ms + self.gap_ms;
                within.contains(&sample.at_ms)
            };
            let youngest = |seen: &&Seen| (seen.first_ms <= sample.at_ms, seen.first_ms, seen.uid.clone());
            let pod = candidates
                .iter()
                .filter(near)
                .max_by_key(youngest)
                .map(|seen| seen.uid.clone())
                .or_else(|| from_path.clone())
                .unwrap_or_else(|| stand_in(namespace, name, kubelet_node(labels)));
            match shared.last_mut() {
                Some((uid, samples)) if *uid == pod => samples.push(*sample),
                _ => shared.push((pod, vec![*sample])),
            }
        }
        shared
    }

    fn used(&mut self, uid: String, labels: &Labels) -> Option<&mut Building> {
        let node = self.node_number(kubelet_node(labels));
        let (namespace, name) = (own(labels, NAMESPACE)?, own(labels, POD)?);
        let pod = self.pods.entry(uid).or_insert_with(|| Building::named(namespace, name));
        pod.usage_node = pod.usage_node.max(node);
        Some(pod)
    }

    fn finish(self, naming: &PodNaming) -> Pods {
        let mut scrapes_ms = self.scrapes_ms;
        scrapes_ms.sort_unstable();
        scrapes_ms.dedup();
        let by_uid: Vec<Pod> =
            self.pods.into_iter().map(|(uid, building)| building.finish(uid, naming)).collect();
        let mut kubelets: BTreeMap<i64, Scraped> = BTreeMap::new();
        for pod in &by_uid {
            pod.note_scrapes(&mut kubelets);
        }
        let kubelets = kubelets.into_values().map(Scraped::in_order).collect();
        Pods { by_uid, nodes: self.nodes, scrapes_ms, kubelets }
    }
}

/// The identity of a pod that no series gives a uid: it says that it is none.
fn stand_in(namespace: &str, name: &str, node: Option<&str>) -> String {
    format!("name:{namespace}/{name}@{}", node.unwrap_or_default())
}

impl Building {
    fn named(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    fn finish(self, uid: String, naming: &PodNaming) -> Pod {
        let about = self.about(naming);
        // A kubelet tells init containers too, which run before the pod does.
        let lasting = |container: &String| {
            let requests = |((name, init), _): &(Container, Resource)| name == container && !init;
            self.images.contains_key(container) || self.requests.keys().any(requests)
        };
        let begun = self
            .started
            .iter()
            .filter(|((container, teller), _)| *teller == Teller::StateMetrics || lasting(container));
        let containers_begun: Vec<Sample> = begun.flat_map(|(_, told)| told.iter().copied()).collect();
        let kind = |(container, init): &Container| {
            if *init && !self.sidecars.contains(container) {
                ContainerKind::Init
            } else {
                ContainerKind::Lasting
            }
        };
        let requests = self.requests.iter().map(|((container, resource), samples)| Request {
            kind: kind(container),
            resource: *resource,
            samples: merged(samples.clone()),
        });
        let requests = requests.collect();
        let mut cpu: BTreeMap<String, CpuCounters> = BTreeMap::new();
        for (container, runs) in self.cpu {
            let series = |run: BySeries| run.into_values().map(merged).collect();
            cpu.entry(container).or_default().runs = runs.into_values().map(series).collect();
        }
        for (container, others) in self.cpu_without_runs {
            cpu.entry(container).or_default().others = others.into_values().map(merged).collect();
        }
        for ((container, _), mut told) in self.started {
            if let Some(counters) = cpu.get_mut(&container) {
                counters.begun.append(&mut told);
            }
        }
        let samples = PodSamples {
            running: merged(self.running),
            node: merged(self.node),
            requests,
            cpu: cpu.into_values().collect(),
            memory: self.memory.into_values().map(merged).collect(),
            usage_node: self.usage_node,
            containers_begun,
            begun: self.begun,
            ended: self.ended,
        };
        Pod { uid, namespace: self.namespace, name: self.name, about, samples }
    }

    fn about(&self, naming: &PodNaming) -> About {
        // KubeSpawner calls the main container `notebook`; elsewhere the first by name stands for the pod.
        let image = self.images.get("notebook").or_else(|| self.images.values().next());
        let image_id = image.and_then(|image| image.text("image_id"));
        About {
            user: self.annotations.text("annotation_hub_jupyter_org_username"),
            component: self.labels.text("label_component"),
            app_component: self.labels.text("label_app_kubernetes_io_component"),
            server: self.labels.text("label_hub_jupyter_org_servername"),
            image: image.and_then(|image| image.text("image_spec").or_else(|| image.text("image"))),
            image_digest: image_id.as_deref().and_then(digest_of).map(str::to_owned),
            profile: naming.profile_label.as_deref().and_then(|name| self.profile(name)),
            binder: naming.binder_namespaces.contains(&self.namespace) || self.launched_by_binder(),
        }
    }

    /// The value of a Kubernetes label or annotation that names the profile.
    fn profile(&self, name: &str) -> Option<String> {
        let label = self.labels.text(&exported_as("label", name));
        label.or_else(|| self.annotations.text(&exported_as("annotation", name)))
    }

    /// BinderHub writes the repository into annotations of the pods that it launches.
    fn launched_by_binder(&self) -> bool {
        let names = self.annotations.labels.iter().filter(|(_, value)| !value.is_empty());
        names.map(|(name, _)| name).any(|name| name.starts_with(BINDER_ANNOTATIONS))
    }
}

impl Pod {
    /// Notes when the pod's kubelet should have told of it, and when it did.
    fn note_scrapes(&self, kubelets: &mut BTreeMap<i64, Scraped>) {
        let of = &self.samples;
        let node = of.node.iter().map(|sample| sample.value).max().filter(|node| *node != 0);
        let scraped = kubelets.entry(node.unwrap_or(of.usage_node)).or_default();
        // Within a gap of its start or its end a pod may not be told of yet, or no more.
        let runs = of.running.iter().filter(|sample| sample.value != 0).map(|sample| sample.at_ms);
        let on_a_node = of.node.iter().filter(|sample| sample.value != 0).map(|sample| sample.at_ms);
        if of.running.is_empty() {
            scraped.expected_ms.extend(on_a_node);
        } else if node.is_some() {
            scraped.expected_ms.extend(runs);
        }
        let counters =
            of.cpu.iter().flat_map(|counters| counters.runs.iter().flatten().chain(&counters.others));
        let used = counters.chain(&of.memory).flatten();
        scraped.seen_ms.extend(used.map(|sample| sample.at_ms));
    }
}

/// `sha256:…` in an image id, which may stand behind a name.
fn digest_of(image_id: &str) -> Option<&str> {
    image_id.rfind("sha256:").map(|at| &image_id[at..])
}

impl About {
    /// One of the roles that a pod may have.
    pub fn role(&self) -> &'static str {
        let said = [self.component.as_deref(), self.app_component.as_deref()];
        let is = |names: &[&str]| said.iter().flatten().any(|said| names.contains(said));
        if is(&["singleuser-server"]) {
            if self.binder { "binder" } else { "singleuser" }
        } else if is(&["dask-worker", "dask-scheduler"]) {
            "dask"
        } else if is(&["binderhub-build", "image-builder", "repo2docker-build"]) {
            "build"
        } else if is(&["user-placeholder", "node-placeholder"]) {
            "placeholder"
        } else {
            "system"
        }
    }

    /// The component label, as it was.
    pub fn component_label(&self) -> Option<&str> {
        self.component.as_deref().or(self.app_component.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)], times: std::ops::Range<i64>, value: i64) -> Series {
        Series {
            labels: labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            samples: times.map(|minute| Sample { at_ms: minute * 60_000, value }).collect(),
            bad: Vec::new(),
        }
    }

    fn joined(requests: Vec<Series>, memory: Vec<Series>) -> Pods {
        let mut answers = vec![Vec::new(); 14];
        (answers[2], answers[12]) = (requests, memory);
        join(answers, Cadence::new(60_000), &PodNaming::default())
    }

    const ADA: [(&str, &str); 4] =
        [("namespace", "reef"), ("pod", "jupyter-ada"), ("container", "notebook"), ("resource", "memory")];

    fn request(uid: &str, node: &str, times: std::ops::Range<i64>) -> Series {
        series(&[ADA.as_slice(), &[("uid", uid), ("node", node)]].concat(), times, 5_000_000)
    }

    #[test]
    fn usage_without_a_uid_goes_by_name_and_time_to_the_younger_of_two() {
        let used = series(&[ADA.as_slice(), &[("instance", "n1")]].concat(), 0..20, 7);
        let pods = joined(vec![request("first", "n1", 0..10), request("second", "n2", 10..20)], vec![used]);
        let told: Vec<_> =
            pods.by_uid.iter().map(|pod| (pod.uid.as_str(), pod.samples.memory[0].len())).collect();
        assert_eq!(told, [("first", 10), ("second", 10)]);
        assert_eq!(pods.node(pods.by_uid[1].samples.node[0].value), Some("n2"));
        assert_eq!(pods.by_uid[0].samples.requests[0].samples[0].value, 5, "bytes are whole");
    }

    #[test]
    fn a_pod_that_nobody_gives_a_uid_stands_in_for_itself() {
        let used = series(&[ADA.as_slice(), &[("instance", "n1")]].concat(), 0..3, 7);
        let pods = joined(Vec::new(), vec![used]);
        assert_eq!(pods.by_uid[0].uid, "name:reef/jupyter-ada@n1");
    }

    #[test]
    fn an_unscheduled_pod_has_no_node() {
        let pods = joined(vec![request("never", "", 0..3)], Vec::new());
        assert!(pods.by_uid[0].samples.node.iter().all(|sample| sample.value == 0));
    }

    #[test]
    fn labels_tell_the_role() {
        let with = |component: Option<&str>, app: Option<&str>| {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            About { component: owned(component), app_component: owned(app), ..About::default() }.role()
        };
        assert_eq!(with(Some("singleuser-server"), None), "singleuser");
        assert_eq!(with(None, Some("dask-worker")), "dask");
        assert_eq!(with(Some("binderhub-build"), None), "build");
        assert_eq!(with(Some("user-placeholder"), None), "placeholder");
        assert_eq!(with(Some("hub"), None), "system");
        let binder =
            About { component: Some("singleuser-server".to_owned()), binder: true, ..About::default() };
        assert_eq!(binder.role(), "binder");
        let hub = About { component: Some("hub".to_owned()), binder: true, ..About::default() };
        assert_eq!(hub.role(), "system", "a namespace of Binder's has other pods too");
        assert_eq!(digest_of("docker-pullable://a/b@sha256:00ff"), Some("sha256:00ff"));
    }

    #[test]
    fn annotations_or_the_namespace_tell_binders_pods_and_a_label_the_profile() {
        let about = |labels: &[(&str, &str)], naming: &PodNaming| {
            let mut answers = vec![Vec::new(); 14];
            let of = [("namespace", "binder"), ("pod", "jupyter-x-k3x9z0qa"), ("uid", "u1")];
            answers[5] = vec![series(&[of.as_slice(), labels].concat(), 0..3, 1)];
            answers[6] = vec![series(&[of.as_slice(), labels].concat(), 0..3, 1)];
            let mut pods = join(answers, Cadence::new(60_000), naming);
            pods.by_uid.remove(0).about
        };
        let repo = [("annotation_binder_hub_jupyter_org_repo_url", "https://example.org/r")];
        assert!(about(&repo, &PodNaming::default()).binder);
        assert!(!about(&[], &PodNaming::default()).binder);
        let named = PodNaming {
            binder_namespaces: vec!["binder".to_owned()],
            profile_label: Some("example.org/profile".to_owned()),
        };
        assert!(about(&[], &named).binder);
        for kind in ["label", "annotation"] {
            let name = format!("{kind}_example_org_profile");
            assert_eq!(about(&[(name.as_str(), "large")], &named).profile.as_deref(), Some("large"));
        }
        assert_eq!(about(&[("label_example_org_profile", "large")], &PodNaming::default()).profile, None);
    }

    #[test]
    fn what_kubelets_should_have_told_is_known_by_node() {
        let request = request("u1", "n1", 0..60);
        let used = series(&[ADA.as_slice(), &[("instance", "n1")]].concat(), 0..30, 7);
        let pods = joined(vec![request], vec![used]);
        let told: Vec<_> = pods.kubelets.iter().map(|of| (of.expected_ms.len(), of.seen_ms.len())).collect();
        assert_eq!(told, [(60, 30)]);
    }
}
