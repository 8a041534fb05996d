//! Pods of a window become rows of `pod_usage`, and their users rows of `users`.

use std::borrow::Cow;

use hubtally_rules::pod_time::{PodPiece, pod_pieces};
use hubtally_rules::slug;
use hubtally_schemas::event::PodData;
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::units::{MAX_CPU_MILLICORE, MAX_GPU_MILLIGPU, MAX_POD_MEMORY_BYTE};
use hubtally_schemas::{Instant, Namespace, PodUid, Span};

use super::pods::{Pod, Pods};
use super::sink::{Sink, Window};
use crate::error::IngestError;
use crate::events::Piece;

/// Before the slug of a user whose name no annotation tells.
pub(super) const SLUG_ONLY: &str = "slug_only:";

/// Adds the rows of a window's pods.
pub(super) fn add(pods: &Pods, window: Window, sink: &mut Sink<'_>) -> Result<(), IngestError> {
    for pod in &pods.by_uid {
        let usable = Namespace::new(&pod.namespace).and(PodUid::new(&pod.uid).map(drop));
        if let Err(error) = usable {
            sink.refuse(window, RejectReason::InvalidValue, &error.to_string(), &pod.named())?;
            continue;
        }
        let pieces = match pod_pieces(&pod.samples, window.cadence, window.from_ms, window.to_ms) {
            Ok(pieces) => pieces,
            Err(error) => {
                sink.refuse(window, RejectReason::Absurd, &error.to_string(), &pod.named())?;
                continue;
            }
        };
        if pieces.is_empty() {
            continue;
        }
        let (user, server) = whose(pod);
        let user_id = match &user {
            Some(name) => Some(sink.meet(&pod.namespace, name, window)?),
            None => None,
        };
        let mut data = PodData {
            pod_uid: Cow::Borrowed(&pod.uid),
            namespace: Cow::Borrowed(&pod.namespace),
            pod: Cow::Borrowed(&pod.name),
            node: None,
            user: None,
            server: server.map(Cow::Borrowed),
            role: Cow::Borrowed(pod.about.role()),
            component: pod.about.component_label().map(Cow::Borrowed),
            image: pod.about.image.as_deref().map(Cow::Borrowed),
            image_digest: pod.about.image_digest.as_deref().map(Cow::Borrowed),
            profile: pod.about.profile.as_deref().map(Cow::Borrowed),
            start: Cow::Borrowed(""),
            end: Cow::Borrowed(""),
            cpu_request_millicore_ms: None,
            cpu_usage_millicore_ms: None,
            memory_request_byte_ms: None,
            memory_usage_byte_ms: None,
            gpu_request_milligpu_ms: None,
            gpu_usage_milligpu_ms: None,
            quality: None,
            revision: 0,
        };
        for piece in &pieces {
            if let Some(what) = absurd(piece) {
                let detail =
                    format!("{what} from {}: more than any machine has", Instant::from_ms(piece.from_ms));
                sink.refuse(window, RejectReason::Absurd, &detail, &pod.named())?;
                continue;
            }
            data.node = pods.node(piece.node).map(Cow::Borrowed);
            let span = Span { start: Instant::from_ms(piece.from_ms), end: Instant::from_ms(piece.to_ms) };
            let shares = [
                piece.cpu_request,
                piece.cpu_usage,
                piece.memory_request,
                piece.memory_usage,
                piece.gpu_request,
                None,
            ];
            sink.pod(&data, user_id.as_ref(), piece.quality.code(), &Piece { span, shares }, window);
        }
    }
    Ok(())
}

/// The user's name and the server's of a pod.
///
/// The annotation tells the name as it is. Without one a user's server is known by the slug in its pod's
/// name, which says so: two people can have slugs that look alike, and a slug may be no name at all.
fn whose(pod: &Pod) -> (Option<Cow<'_, str>>, Option<&str>) {
    if !matches!(pod.about.role(), "singleuser" | "binder") {
        return (pod.about.user.as_deref().map(Cow::Borrowed), None);
    }
    let in_name = slug::of_pod(&pod.name);
    let server = pod.about.server.as_deref().or(in_name.map(|(_, server)| server));
    let user = match (&pod.about.user, in_name) {
        (Some(name), _) => Some(Cow::Borrowed(name.as_str())),
        (None, Some((user, _))) => Some(Cow::Owned(format!("{SLUG_ONLY}{user}"))),
        (None, None) => None,
    };
    (user, server)
}

fn absurd(piece: &PodPiece) -> Option<&'static str> {
    let length = i128::from(piece.to_ms - piece.from_ms);
    let over = |amount: Option<i64>, most: i64| {
        amount.is_some_and(|amount| i128::from(amount) > i128::from(most) * length)
    };
    let limits = [
        ("the requested CPU", piece.cpu_request, MAX_CPU_MILLICORE),
        ("the used CPU", piece.cpu_usage, MAX_CPU_MILLICORE),
        ("the requested memory", piece.memory_request, MAX_POD_MEMORY_BYTE),
        ("the used memory", piece.memory_usage, MAX_POD_MEMORY_BYTE),
        ("the requested GPU", piece.gpu_request, MAX_GPU_MILLIGPU),
    ];
    limits.into_iter().find(|(_, amount, most)| over(*amount, *most)).map(|(what, _, _)| what)
}

impl Pod {
    /// As a refusal names it.
    fn named(&self) -> String {
        format!("{{\"namespace\":{:?},\"pod\":{:?},\"uid\":{:?}}}", self.namespace, self.name, self.uid)
    }
}
