//! A CSV of usage events to copy, made from the examples of the JSON Schemas.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::events::payload_fields;

const SCHEMAS: [&str; 5] = [
    include_str!("../../../../schemas/json/pod.v1.json"),
    include_str!("../../../../schemas/json/node.v1.json"),
    include_str!("../../../../schemas/json/storage.v1.json"),
    include_str!("../../../../schemas/json/hub.v1.json"),
    include_str!("../../../../schemas/json/coverage.v1.json"),
];

/// A header with every column, and an event of each type.
pub fn usage_csv_example() -> String {
    let mut seen = BTreeSet::new();
    let fields: Vec<&str> = payload_fields().filter(|field| seen.insert(*field)).collect();
    let mut text = ["type", "source", "id"].iter().chain(&fields).copied().collect::<Vec<_>>().join(",");
    text.push('\n');
    let examples = SCHEMAS.iter().filter_map(|schema| {
        let schema: Value = serde_json::from_str(schema).ok()?;
        schema.pointer("/examples/0").cloned()
    });
    for event in examples {
        let envelope = ["type", "source", "id"].iter().map(|field| cell(event.get(field)));
        let data = fields.iter().map(|field| cell(event.pointer(&format!("/data/{field}"))));
        text.push_str(&envelope.chain(data).collect::<Vec<_>>().join(","));
        text.push('\n');
    }
    text
}

fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
