//! Canonical JSON (RFC 8785) and digests, for whatever is hashed, pinned or reproduced (law L7).
//!
//! Numbers in canonical documents are integers below 2⁵³; amounts and quantities are strings, so
//! the number rules of RFC 8785 reduce to plain integers. Object keys are sorted by UTF-16 code units.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The value could not be turned into JSON at all.
    #[error("the value has no JSON form")]
    Json(#[from] serde_json::Error),
    /// A number that is no integer below 2⁵³: amounts and quantities are strings.
    #[error("number {0} at {1} is not an integer below 2^53: write it as a string")]
    Number(String, String),
}

/// The canonical bytes of a value.
pub fn to_vec<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value)?;
    let mut out = Vec::new();
    write(&value, "$", &mut out)?;
    Ok(out)
}

/// SHA-256 of bytes as 64 hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn write(value: &Value, path: &str, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => serde_json::to_writer(&mut *out, value)?,
        Value::Number(number) => {
            let small = number.as_i64().is_some_and(|n| n.unsigned_abs() < (1 << 53));
            if !small {
                return Err(CanonicalError::Number(number.to_string(), path.to_owned()));
            }
            serde_json::to_writer(&mut *out, value)?;
        }
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write(item, &format!("{path}[{i}]"), out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push(b'{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, key)?;
                out.push(b':');
                write(&map[key], &format!("{path}.{key}"), out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_sorted_and_nothing_is_spaced() {
        let bytes = to_vec(&json!({"b": [1, "x"], "a": {"d": null, "c": true}})).unwrap();
        assert_eq!(bytes, br#"{"a":{"c":true,"d":null},"b":[1,"x"]}"#);
    }

    #[test]
    fn a_fraction_is_refused_with_its_place() {
        let error = to_vec(&json!({"a": [0.5]})).unwrap_err();
        assert!(error.to_string().contains("$.a[0]"), "{error}");
    }
}
