//! Lines in, rows and refusals out. Examples come from the JSON Schemas.

mod refusals;
mod rows;
mod schemas;

use std::collections::BTreeSet;

use hubtally_schemas::{ClusterId, Instant, Namespace, UserId};
use serde_json::Value;

use super::{Decoded, Judgement, KeyFault, NameKeys, decode_lines};

/// Keys that hide nothing, so that tests can see what was hidden.
pub struct PlainKeys;

impl NameKeys for PlainKeys {
    fn user_id(&self, cluster: &ClusterId, namespace: &Namespace, raw: &str) -> Result<UserId, KeyFault> {
        Ok(UserId::new(format!("{cluster}/{namespace}/{raw}"))?)
    }

    fn encrypt_name(&self, _: &ClusterId, _: &Namespace, raw: &str) -> Result<String, KeyFault> {
        Ok(format!("hidden {raw}"))
    }

    fn encrypt_reject(&self, bytes: &[u8]) -> Result<String, KeyFault> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// The present of all tests.
pub const NOW: &str = "2026-06-02T12:00:00Z";

pub fn judgement() -> Judgement {
    let clusters = ["tides", "dunes"].into_iter().map(|id| ClusterId::new(id).unwrap());
    Judgement { now: Instant::parse(NOW).unwrap(), clusters: Some(clusters.collect::<BTreeSet<_>>()) }
}

pub fn schema(kind: &str) -> Value {
    let path = format!("{}/../schemas/json/{kind}.v1.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The example of a kind of event, changed by `set`: JSON pointers and their new values, `Null` at
/// a path starting with `-` removes it.
pub fn event(kind: &str, set: &[(&str, Value)]) -> String {
    let mut event = schema(kind)["examples"][0].clone();
    for (pointer, value) in set {
        let (parent, field) = pointer.trim_start_matches('-').rsplit_once('/').unwrap();
        let fields = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if pointer.starts_with('-') {
            fields.remove(field).unwrap();
        } else {
            fields.insert(field.to_owned(), value.clone());
        }
    }
    event.to_string()
}

pub fn decode(text: impl AsRef<[u8]>) -> Decoded {
    decode_lines(text.as_ref(), &PlainKeys, judgement(), "file/abc").unwrap()
}
