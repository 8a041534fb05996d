//! Names of labels, and what stands behind them.
//!
//! Where a scrape keeps the target's own labels (`honor_labels: false`), what an exporter says about
//! other things is renamed to `exported_…`, and the plain name speaks of the exporter itself.

use super::reply::Labels;

/// A label of what a series speaks of: its renamed form first, then the plain one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Label(&'static str, &'static str);

pub(super) const NAMESPACE: Label = Label("exported_namespace", "namespace");
pub(super) const POD: Label = Label("exported_pod", "pod");
pub(super) const CONTAINER: Label = Label("exported_container", "container");
pub(super) const NODE: Label = Label("exported_node", "node");
pub(super) const UID: Label = Label("exported_uid", "uid");

/// The value of a label of what the series speaks of; an empty one is none.
pub(super) fn own(labels: &Labels, Label(exported, plain): Label) -> Option<&str> {
    text(labels, exported).or_else(|| text(labels, plain))
}

/// The value of a label; an empty one is none.
pub(super) fn text<'l>(labels: &'l Labels, name: &str) -> Option<&'l str> {
    labels.get(name).map(AsRef::as_ref).filter(|value| !value.is_empty())
}

/// The first of some labels that has a value.
pub(super) fn first<'l>(labels: &'l Labels, names: &[&str]) -> Option<&'l str> {
    names.iter().find_map(|name| text(labels, name))
}

/// The label under which kube-state-metrics exports a Kubernetes label or annotation.
pub(super) fn exported_as(kind: &str, name: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    format!("{kind}_{}", name.chars().map(letter).collect::<String>())
}

/// The pod uid in a control group's path, as cAdvisor's `id` holds it.
pub(super) fn uid_in_path(path: &str) -> Option<String> {
    path.match_indices("pod").find_map(|(at, found)| {
        let uid = path.get(at + found.len()..at + found.len() + 36)?;
        let fits = |(index, byte): (usize, u8)| match index {
            8 | 13 | 18 | 23 => byte == b'-' || byte == b'_',
            _ => byte.is_ascii_hexdigit(),
        };
        uid.bytes().enumerate().all(fits).then(|| uid.replace('_', "-"))
    })
}

/// The node that a kubelet's series come from.
pub(super) fn kubelet_node(labels: &Labels) -> Option<&str> {
    let address = |name: &&str| name.contains(':');
    own(labels, NODE)
        .or_else(|| text(labels, "kubernetes_io_hostname"))
        .or_else(|| text(labels, "instance").filter(|name| !address(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn what_the_exporter_speaks_of_comes_before_the_exporter() {
        let renamed = labels(&[
            ("namespace", "support"),
            ("exported_namespace", "prod"),
            ("pod", "ksm"),
            ("exported_pod", "jupyter-ada"),
        ]);
        assert_eq!((own(&renamed, NAMESPACE), own(&renamed, POD)), (Some("prod"), Some("jupyter-ada")));
        assert_eq!(own(&labels(&[("namespace", "prod")]), NAMESPACE), Some("prod"));
        assert_eq!(own(&labels(&[("node", "")]), NODE), None);
        assert_eq!(exported_as("label", "2i2c/hub-name"), "label_2i2c_hub_name");
    }

    #[test]
    fn the_uid_is_found_in_both_forms_of_a_path() {
        let uid = "44fed66e-af82-423b-ab1e-9f595d4b7f61";
        for path in [
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod44fed66e_af82_423b_ab1e_9f595d4b7f61.slice/cri-containerd-c5ab.scope",
            "/kubepods/burstable/pod44fed66e-af82-423b-ab1e-9f595d4b7f61/c5ab",
        ] {
            assert_eq!(uid_in_path(path).as_deref(), Some(uid), "{path}");
        }
        assert_eq!(uid_in_path("/kubepods/burstable/podcafe"), None);
        assert_eq!(uid_in_path("/"), None);
    }
}
