//! What a refused record says of itself: the slow path, only for what is refused.
//!
//! A line that is no event may still name its cluster, its time, and the fact that it speaks of. They
//! tell which month and which cluster miss it, and whether the same fact was read well since.

use hubtally_schemas::event::cluster_of_source;
use hubtally_schemas::period::day_to_date;
use hubtally_schemas::tables::{
    COVERAGE, Fact, HUB_EVENTS, KeyValue, NODE_USAGE, POD_USAGE, STORAGE_USAGE, TableSpec, key_digest,
};
use serde_json::{Map, Value};

use super::check;
use super::rows::EVENT;

/// What could be read of a refused record; each may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The cluster that its `source` names, known or not.
    pub cluster: Option<String>,
    /// UTC day of its start, time or hour.
    pub day: Option<i32>,
    /// The first row that it would have made.
    pub fact: Option<Fact>,
    /// The revision that it gives to that fact.
    pub revision: Option<i64>,
}

/// The kinds of event whatever their version, with their table and the field that holds their time.
const KINDS: &[(&str, &TableSpec, &str)] = &[
    ("hubtally.pod.", &POD_USAGE, "start"),
    ("hubtally.node.", &NODE_USAGE, "start"),
    ("hubtally.storage.", &STORAGE_USAGE, "time"),
    ("hubtally.hub.", &HUB_EVENTS, "time"),
    ("hubtally.coverage.", &COVERAGE, "hour"),
];

impl Said {
    /// Reads a record's bytes once more, and forgives what it can.
    pub fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let Ok(Value::Object(fields)) = serde_json::from_str(text.trim_start_matches('\u{feff}')) else {
            return Self::default();
        };
        let cluster = sure(&fields, "source").and_then(cluster_of_source);
        let Some(Value::Object(data)) = fields.get("data") else {
            return Self { cluster: cluster.map(ToOwned::to_owned), ..Self::default() };
        };
        let kind =
            sure(&fields, "type").and_then(|kind| KINDS.iter().find(|(start, ..)| kind.starts_with(start)));
        let time = match kind {
            Some((_, _, field)) => sure(data, field),
            None => KINDS.iter().find_map(|(_, _, field)| sure(data, field)),
        };
        let at = time.and_then(check::believable_instant);
        let fact = || {
            let (_, spec, time) = kind?;
            let (at, cluster, id) = (at?, cluster?, sure(&fields, "id"));
            let value = |column: &str| match column {
                "cluster" => Some(KeyValue::Text(cluster)),
                "source_class" => Some(KeyValue::Text(EVENT)),
                "event_id" => id.map(KeyValue::Text),
                column if column == *time => Some(KeyValue::Int(at.0)),
                "node_uid" => Some(sure(data, column).map_or(KeyValue::Null, KeyValue::Text)),
                column => sure(data, column).map(KeyValue::Text),
            };
            let key = key_digest(spec, value)?;
            Some(Fact { table: spec.name, date: day_to_date(at.day()), key })
        };
        let fact = fact();
        let revision = fact.as_ref().map(|_| data.get("revision").and_then(Value::as_i64).unwrap_or(0));
        Self {
            cluster: cluster.map(ToOwned::to_owned),
            day: at.map(hubtally_schemas::Instant::day),
            fact,
            revision,
        }
    }
}

/// A text field that can be a name. A letter that was lost would make another name of it.
fn sure<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = fields.get(name)?.as_str()?;
    (check::name(name, text).is_ok() && !text.contains(char::REPLACEMENT_CHARACTER)).then_some(text)
}

#[cfg(test)]
mod tests {
    use hubtally_store::key_value;
    use serde_json::json;

    use super::*;
    use crate::events::tests::{decode, event};

    #[test]
    fn what_can_be_read_of_a_refused_line_is_kept() {
        let line = event("pod", &[("/data/role", json!("robot")), ("/data/revision", json!(3))]);
        let read = Said::read(line.as_bytes());
        assert_eq!(read.cluster.as_deref(), Some("tides"));
        assert_eq!((read.day, read.revision), (Some(20_605), Some(3)));
        assert_eq!(read.fact.unwrap().table, "pod_usage");
        let later = event("node", &[("/type", json!("hubtally.node.v9"))]);
        assert_eq!(Said::read(later.as_bytes()).fact.unwrap().table, "node_usage");
        let odd = r#"{"id":7,"source":"tides","data":{"hour":"1970-01-01T00:00:00Z"}}"#;
        for nothing in [odd, "hello", "[1]", &"[".repeat(100_000)] {
            assert_eq!(Said::read(nothing.as_bytes()), Said::default(), "{nothing:.40}");
        }
    }

    #[test]
    fn a_name_with_a_lost_letter_is_no_name() {
        let mut line = event("pod", &[("/data/pod_uid", json!("u?"))]).into_bytes();
        let at = line.windows(2).position(|pair| pair == b"u?").unwrap();
        line[at + 1] = 0xff;
        let read = Said::read(&line);
        assert_eq!((read.cluster.as_deref(), read.fact), (Some("tides"), None));
        assert!(read.day.is_some());
    }

    /// The fact of a refused record is the one of the row that the same record makes once it is read well.
    #[test]
    fn a_refused_record_and_its_row_speak_of_one_fact() {
        for (kind, spec) in [
            ("pod", &POD_USAGE),
            ("node", &NODE_USAGE),
            ("storage", &STORAGE_USAGE),
            ("hub", &HUB_EVENTS),
            ("coverage", &COVERAGE),
        ] {
            let said = Said::read(event(kind, &[]).as_bytes()).fact.unwrap();
            let decoded = decode(event(kind, &[]));
            let row = &decoded.rows[spec.name][0];
            let value = |name: &str| key_value(row.column_by_name(name).unwrap(), 0);
            assert_eq!(Some(said.key), key_digest(spec, value), "{kind}");
            assert_eq!(said.table, spec.name);
        }
    }
}
