//! The JSON Schemas and the decoder say the same: what one accepts, so does the other.

use boon::{Compiler, Draft, Schemas};
use serde_json::{Value, json};

use super::{event, judgement, schema};
use crate::events::read_event;

const KINDS: &[&str] = &["pod", "node", "storage", "hub", "coverage"];

/// Whether a schema, which must be one itself, accepts a document; formats (`date-time`, `uri-reference`) count.
fn accepts(schema: &Value, document: &Value) -> bool {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler.add_resource("event.json", schema.clone()).unwrap();
    let compiled = compiler.compile("event.json", &mut schemas).unwrap();
    schemas.validate(document, compiled).is_ok()
}

/// Both accept, or both refuse.
fn check(kind: &str, text: &str, good: bool) {
    let by_schema = accepts(&schema(kind), &serde_json::from_str(text).unwrap());
    let by_decoder = read_event(text.as_bytes(), &judgement());
    assert_eq!(by_schema, good, "schema, {kind}: {text}");
    assert_eq!(by_decoder.is_ok(), good, "decoder, {kind}: {text}: {by_decoder:?}");
}

#[test]
fn the_schemas_are_schemas_and_their_examples_hold() {
    for kind in KINDS {
        check(kind, &event(kind, &[]), true);
        check(kind, &event(kind, &[("/extension", json!("x")), ("/data/unknown", json!([1]))]), true);
    }
}

#[test]
fn required_fields_are_required_by_both() {
    for kind in KINDS {
        let schema = schema(kind);
        let fields = |at: &str| -> Vec<String> {
            schema
                .pointer(at)
                .unwrap()
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f.as_str().unwrap().into())
                .collect()
        };
        let at_top = fields("/required").into_iter().map(|field| format!("-/{field}"));
        let inside = fields("/properties/data/required").into_iter().map(|field| format!("-/data/{field}"));
        for pointer in at_top.chain(inside) {
            check(kind, &event(kind, &[(&pointer, Value::Null)]), false);
        }
    }
}

#[test]
fn optional_fields_may_be_absent_and_those_that_may_be_null_are_told() {
    for kind in KINDS {
        let schema = schema(kind);
        let data = &schema["properties"]["data"];
        let required: Vec<&str> =
            data["required"].as_array().unwrap().iter().map(|field| field.as_str().unwrap()).collect();
        for (field, property) in data["properties"].as_object().unwrap() {
            if required.contains(&field.as_str()) {
                continue;
            }
            let nullable = property.to_string().contains("\"null\"");
            check(kind, &event(kind, &[(&format!("/data/{field}"), Value::Null)]), nullable);
            if event(kind, &[]).contains(&format!("\"{field}\":")) {
                check(kind, &event(kind, &[(&format!("-/data/{field}"), Value::Null)]), true);
            }
        }
    }
}

#[test]
fn values_of_the_wrong_kind_are_refused_by_both() {
    for kind in KINDS {
        let schema = schema(kind);
        for field in schema["properties"]["data"]["properties"].as_object().unwrap().keys() {
            for wrong in [json!([]), json!({}), json!(1.5), json!(-1), json!("x".repeat(5_000))] {
                check(kind, &event(kind, &[(&format!("/data/{field}"), wrong)]), false);
            }
        }
        for (field, wrong) in [
            ("/specversion", json!("0.3")),
            ("/type", json!("hubtally.pod.v9")),
            ("/source", json!("/clusters/")),
            ("/source", json!("/clusters/a/b")),
            ("/id", json!("")),
            ("/id", json!(1)),
            ("/data", json!("text")),
        ] {
            check(kind, &event(kind, &[(field, wrong)]), false);
        }
    }
}

#[test]
fn quantities_are_integers_or_decimal_strings_for_both() {
    for (value, good) in [
        (json!(0), true),
        (json!("0"), true),
        (json!("3600000"), true),
        (json!(""), false),
        (json!("1e3"), false),
        (json!("-1"), false),
        (json!(true), false),
    ] {
        check("pod", &event("pod", &[("/data/cpu_usage_millicore_ms", value.clone())]), good);
        check("storage", &event("storage", &[("/data/bytes", value)]), good);
    }
}

#[test]
fn every_field_that_is_read_stands_in_its_schema() {
    for kind in KINDS {
        let properties = schema(kind)["properties"]["data"]["properties"].as_object().unwrap().len();
        let known = crate::events::diagnose::field_count(&format!("hubtally.{kind}.v1"));
        assert_eq!(properties, known, "{kind}");
    }
}
