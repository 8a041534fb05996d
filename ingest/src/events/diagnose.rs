//! The slow path: why a line is no event. It reads the text a second time, field by field, so that
//! the message can name the field; it runs only for what is refused.

use hubtally_schemas::event::{COVERAGE_V1, HUB_V1, NODE_V1, POD_V1, STORAGE_V1};
use hubtally_schemas::reject::RejectReason;
use serde_json::{Map, Value};

use super::refusal::{Refused, shown};

/// How a field's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A whole number, as an integer or a decimal string.
    Whole,
    /// A whole number within 64 bits.
    Revision,
    /// True or false.
    Truth,
    /// Anything.
    Any,
}

use Shape::{Any, Revision, Text, Truth, Whole};

type Field = (&'static str, bool, Shape);

const ENVELOPE: &[Field] = &[
    ("specversion", true, Text),
    ("type", true, Text),
    ("source", true, Text),
    ("id", true, Text),
    ("data", true, Any),
    ("time", false, Text),
];

const POD: &[Field] = &[
    ("pod_uid", true, Text),
    ("namespace", true, Text),
    ("pod", true, Text),
    ("role", true, Text),
    ("start", true, Text),
    ("end", true, Text),
    ("node", false, Text),
    ("user", false, Text),
    ("server", false, Text),
    ("component", false, Text),
    ("image", false, Text),
    ("image_digest", false, Text),
    ("profile", false, Text),
    ("quality", false, Text),
    ("cpu_request_millicore_ms", false, Whole),
    ("cpu_usage_millicore_ms", false, Whole),
    ("memory_request_byte_ms", false, Whole),
    ("memory_usage_byte_ms", false, Whole),
    ("gpu_request_milligpu_ms", false, Whole),
    ("gpu_usage_milligpu_ms", false, Whole),
    ("revision", false, Revision),
];

const NODE: &[Field] = &[
    ("node", true, Text),
    ("start", true, Text),
    ("end", true, Text),
    ("cpu_capacity_millicore", true, Whole),
    ("memory_capacity_byte", true, Whole),
    ("node_uid", false, Text),
    ("provider_id", false, Text),
    ("instance_type", false, Text),
    ("zone", false, Text),
    ("spot", false, Truth),
    ("purpose", false, Text),
    ("hub", false, Text),
    ("gpu_capacity_milligpu", false, Whole),
    ("cpu_allocatable_millicore", false, Whole),
    ("memory_allocatable_byte", false, Whole),
    ("quality", false, Text),
    ("revision", false, Revision),
];

const STORAGE: &[Field] = &[
    ("namespace", true, Text),
    ("exporter", true, Text),
    ("kind", true, Text),
    ("path", true, Text),
    ("time", true, Text),
    ("bytes", true, Whole),
    ("user", false, Text),
    ("limit_bytes", false, Whole),
    ("provisioned_bytes", false, Whole),
    ("latest_modification", false, Text),
    ("quality", false, Text),
    ("revision", false, Revision),
];

const HUB: &[Field] = &[
    ("namespace", true, Text),
    ("action", true, Text),
    ("time", true, Text),
    ("user", false, Text),
    ("server", false, Text),
    ("status", false, Text),
    ("detail", false, Text),
    ("revision", false, Revision),
];

const COVERAGE: &[Field] = &[
    ("query", true, Text),
    ("hour", true, Text),
    ("expected", true, Whole),
    ("seen", true, Whole),
    ("revision", false, Revision),
];

/// The fields of all payloads; a name that several have is named by each.
pub fn payload_fields() -> impl Iterator<Item = &'static str> {
    [POD, NODE, STORAGE, HUB, COVERAGE].into_iter().flatten().map(|(name, ..)| *name)
}

/// How a field of any payload is written, which is the same in all that have it.
pub fn field_shape(field: &str) -> Option<Shape> {
    let mut fields = [POD, NODE, STORAGE, HUB, COVERAGE].into_iter().flatten();
    fields.find(|(name, ..)| *name == field).map(|(.., shape)| *shape)
}

/// Why a line is no CloudEvent.
pub fn envelope(text: &str, error: &serde_json::Error) -> Refused {
    let parsed: Value = match serde_json::from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => return malformed(text, &error),
    };
    let Value::Object(fields) = parsed else {
        return Refused::new(
            RejectReason::Malformed,
            format!("the line is {}: expected one JSON object, a CloudEvent, on each line", kind_of(&parsed)),
        );
    };
    if !fields.contains_key("data") && fields.contains_key("data_base64") {
        return Refused::missing("data", "`data_base64` is not read, send the payload as JSON in `data`");
    }
    first_fault("", ENVELOPE, &fields).unwrap_or_else(|| unexplained(error))
}

/// Why the payload of a known type cannot be used.
pub fn payload(kind: &'static str, text: &str, error: &serde_json::Error) -> Refused {
    let fields = fields_of(kind);
    match serde_json::from_str(text) {
        Ok(Value::Object(found)) => {
            first_fault("data.", fields, &found).unwrap_or_else(|| unexplained(error))
        }
        Ok(other) => Refused::new(
            RejectReason::InvalidValue,
            format!("`data` is {}: expected an object with the fields of {kind}", kind_of(&other)),
        ),
        Err(error) => malformed(text, &error),
    }
}

fn fields_of(kind: &str) -> &'static [Field] {
    match kind {
        POD_V1 => POD,
        NODE_V1 => NODE,
        STORAGE_V1 => STORAGE,
        HUB_V1 => HUB,
        COVERAGE_V1 => COVERAGE,
        _ => &[],
    }
}

#[cfg(test)]
pub(super) fn field_count(kind: &str) -> usize {
    fields_of(kind).len()
}

fn first_fault(prefix: &str, expected: &[Field], found: &Map<String, Value>) -> Option<Refused> {
    expected.iter().find_map(|&(name, required, shape)| {
        let field = format!("{prefix}{name}");
        match found.get(name) {
            None if required => Some(Refused::missing(&field, "the event cannot be used without it")),
            None => None,
            Some(Value::Null) if !required && shape != Revision => None,
            Some(value) => fault(&field, name, value, shape),
        }
    })
}

fn fault(field: &str, name: &str, value: &Value, shape: Shape) -> Option<Refused> {
    let whole = |value: &Value| value.is_i64() || value.is_u64();
    let (fine, expected) = match shape {
        Text => (value.is_string(), "a text"),
        Truth => (value.is_boolean(), "true or false"),
        Revision => (value.is_i64(), "a whole number within 64 bits"),
        Any => (true, "a value"),
        Whole => (
            whole(value) || value.as_str().is_some_and(|text| text.parse::<i128>().is_ok()),
            "a whole number, as a JSON integer or a decimal string",
        ),
    };
    if fine {
        return None;
    }
    let value = match value {
        Value::String(text) => shown(name, text),
        Value::Number(number) if name != "user" => number.to_string().chars().take(48).collect(),
        other => kind_of(other).to_owned(),
    };
    Some(Refused::new(RejectReason::InvalidValue, format!("`{field}` is {value}: expected {expected}")))
}

/// Why a text is no JSON.
pub fn malformed(text: &str, error: &serde_json::Error) -> Refused {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "it ends before its JSON does, as a line cut off does".to_owned(),
        // Syntax messages hold positions and expectations, never the record's content.
        _ => format!("{error}"),
    };
    let hint = if text.trim_start().starts_with('[') {
        "; it begins like a JSON array: write each event on a line of its own"
    } else {
        ""
    };
    Refused::new(RejectReason::Malformed, format!("no JSON: {what}{hint}"))
}

/// What the second reading accepts and the first does not: a field that stands twice.
fn unexplained(error: &serde_json::Error) -> Refused {
    let said = error.to_string();
    let detail = if said.starts_with("duplicate field") {
        format!("{said}: expected each field once")
    } else {
        "a field is not as schemas/json describes it".to_owned()
    };
    Refused::new(RejectReason::InvalidValue, detail)
}

/// What a value is, in words.
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
