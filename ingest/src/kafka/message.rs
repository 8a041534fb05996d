//! A message becomes one record: a structured CloudEvent as it stands, a binary one put together.
//!
//! The Kafka binding of CloudEvents has two modes. In structured mode the value is the event. In binary mode the
//! value is the event's data and headers `ce_…` hold its attributes; it is put into the structured form, value
//! verbatim, so that one reader judges both, and `rejects` keeps all that there is to read again.

use rdkafka::message::{Headers, Message};

use crate::events::{KEPT_BYTES, MAX_LINE_BYTES, Record};

const PREFIX: &str = "ce_";
const STRUCTURED: &[u8] = b"application/cloudevents";

/// The record of a message; `room` is where a binary one is put together.
pub fn record<'a>(message: &'a impl Message, room: &'a mut Vec<u8>) -> Record<'a> {
    let value = message.payload().unwrap_or_default();
    match message.headers() {
        Some(headers) if is_binary(headers) => {
            put_together(headers, value, room);
            cut(room)
        }
        _ => cut(value),
    }
}

fn cut(bytes: &[u8]) -> Record<'_> {
    let whole_bytes = bytes.len() as u64;
    let kept = if whole_bytes > MAX_LINE_BYTES { bytes.get(..KEPT_BYTES).unwrap_or(bytes) } else { bytes };
    Record { bytes: kept, whole_bytes }
}

fn is_binary(headers: &impl Headers) -> bool {
    let mut binary = false;
    for header in headers.iter() {
        if header.key.eq_ignore_ascii_case("content-type") {
            let structured = header
                .value
                .and_then(|value| value.get(..STRUCTURED.len()))
                .is_some_and(|start| start.eq_ignore_ascii_case(STRUCTURED));
            if structured {
                return false;
            }
        }
        binary |= header.key.starts_with(PREFIX);
    }
    binary
}

fn put_together(headers: &impl Headers, value: &[u8], room: &mut Vec<u8>) {
    room.clear();
    room.push(b'{');
    for header in headers.iter() {
        let Some(name) = header.key.strip_prefix(PREFIX) else { continue };
        write_text(room, name.as_bytes());
        room.push(b':');
        write_text(room, header.value.unwrap_or_default());
        room.push(b',');
    }
    room.extend_from_slice(b"\"data\":");
    room.extend_from_slice(if value.is_empty() { b"null" } else { value });
    room.push(b'}');
}

/// A JSON string. Bytes that are no UTF-8 stay as they are, so that the event is refused as what it is.
fn write_text(room: &mut Vec<u8>, text: &[u8]) {
    room.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => room.extend_from_slice(&[b'\\', *byte]),
            0..0x20 => room.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => room.push(*byte),
        }
    }
    room.push(b'"');
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::{Header, OwnedHeaders, OwnedMessage};

    use super::*;

    fn message(headers: &[(&str, &str)], value: &[u8]) -> OwnedMessage {
        let mut own = OwnedHeaders::new();
        for (key, value) in headers {
            own = own.insert(Header { key, value: Some(*value) });
        }
        let headers = (!headers.is_empty()).then_some(own);
        OwnedMessage::new(
            Some(value.to_vec()),
            None,
            "usage".to_owned(),
            Timestamp::NotAvailable,
            0,
            7,
            headers,
        )
    }

    fn text(message: &OwnedMessage) -> String {
        let mut room = b"from the message before".to_vec();
        String::from_utf8_lossy(record(message, &mut room).bytes).into_owned()
    }

    #[test]
    fn both_modes_give_the_same_event() {
        let structured =
            r#"{"specversion":"1.0","id":"a\"b","type":"t","source":"/clusters/tides","data":{"x":1}}"#;
        assert_eq!(text(&message(&[], structured.as_bytes())), structured);
        let kind = [("content-type", "Application/CloudEvents+json; charset=UTF-8"), ("ce_id", "7")];
        assert_eq!(text(&message(&kind, structured.as_bytes())), structured);
        let binary = [
            ("content-type", "application/json"),
            ("ce_specversion", "1.0"),
            ("ce_id", "a\"b"),
            ("ce_type", "t"),
            ("ce_source", "/clusters/tides"),
            ("traceparent", "00-ab"),
        ];
        assert_eq!(text(&message(&binary, br#"{"x":1}"#)), structured);
    }

    #[test]
    fn control_characters_and_missing_values_stay_json() {
        let event = text(&message(&[("ce_id", "a\nb\u{1}")], b""));
        assert_eq!(event, "{\"id\":\"a\\u000ab\\u0001\",\"data\":null}");
        assert!(serde_json::from_str::<serde_json::Value>(&event).is_ok());
    }

    #[test]
    fn a_long_message_keeps_its_beginning_and_its_length() {
        let long = vec![b'x'; 2_000_000];
        let mut room = Vec::new();
        let message = message(&[], &long);
        let record = record(&message, &mut room);
        assert_eq!((record.bytes.len(), record.whole_bytes), (KEPT_BYTES, 2_000_000));
    }
}
