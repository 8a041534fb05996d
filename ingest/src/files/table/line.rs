//! From the cells of a row to the line of an event.

use crate::events::{FieldShape, field_shape};

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its place in the table.
    pub place: usize,
    /// The field's name.
    pub field: String,
    /// Whether the field stands in the envelope, not in `data`.
    pub in_envelope: bool,
    /// How its value is written in JSON.
    pub shape: FieldShape,
}

/// The columns of a table, told by their names.
#[derive(Debug, Default)]
pub struct Columns {
    /// Those that are fields of events.
    pub known: Vec<Column>,
    /// Names of the others.
    pub unused: Vec<String>,
    /// Columns without which no row is an event.
    pub missing: Vec<&'static str>,
}

/// Columns of the envelope. Its `time` is not one of them: no row keeps it, and `time` alone is that of `data`.
const ENVELOPE: [&str; 4] = ["type", "source", "id", "specversion"];
/// Those that a table of events must have.
const NEEDED: [&str; 3] = ["type", "source", "id"];

impl Columns {
    /// By the names of a header.
    pub fn of(found: &[String]) -> Self {
        let mut columns = Self::default();
        let dotted_time = found.iter().any(|name| name == "data.time");
        for (place, name) in found.iter().enumerate() {
            let in_envelope = ENVELOPE.contains(&name.as_str());
            let field = name.strip_prefix("data.").unwrap_or(name);
            let shape = if in_envelope { Some(FieldShape::Text) } else { field_shape(field) };
            let is_twice =
                columns.known.iter().any(|column| column.field == field && column.in_envelope == in_envelope);
            match shape {
                Some(shape) if !(is_twice || name == "time" && dotted_time) => {
                    columns.known.push(Column { place, field: field.to_owned(), in_envelope, shape });
                }
                _ => columns.unused.push(name.clone()),
            }
        }
        let has =
            |field: &&str| columns.known.iter().any(|column| column.in_envelope && column.field == **field);
        columns.missing = NEEDED.into_iter().filter(|field| !has(field)).collect();
        columns
    }

    /// The line of a row: `cell` gives the text of a column, `None` where it is absent.
    pub fn line<'c>(&self, cell: impl Fn(&Column) -> Option<&'c [u8]>) -> Vec<u8> {
        let mut line = Vec::with_capacity(512);
        let mut has_version = false;
        line.push(b'{');
        for column in self.known.iter().filter(|column| column.in_envelope) {
            let Some(value) = cell(column) else { continue };
            has_version |= column.field == "specversion";
            member(&mut line, column, value);
        }
        if !has_version {
            line.extend_from_slice(b"\"specversion\":\"1.0\",");
        }
        line.extend_from_slice(b"\"data\":{");
        for column in self.known.iter().filter(|column| !column.in_envelope) {
            if let Some(value) = cell(column) {
                member(&mut line, column, value);
            }
        }
        if line.last() == Some(&b',') {
            line.pop();
        }
        line.extend_from_slice(b"}}");
        line
    }
}

fn member(line: &mut Vec<u8>, column: &Column, value: &[u8]) {
    line.push(b'"');
    line.extend_from_slice(column.field.as_bytes());
    line.extend_from_slice(b"\":");
    match column.shape {
        FieldShape::Revision if is_plain_integer(value) => line.extend_from_slice(value),
        FieldShape::Truth if value.eq_ignore_ascii_case(b"true") => line.extend_from_slice(b"true"),
        FieldShape::Truth if value.eq_ignore_ascii_case(b"false") => line.extend_from_slice(b"false"),
        // Quantities are decimal strings, which pass what a double can hold.
        _ => text(line, value),
    }
    line.push(b',');
}

/// An integer as JSON writes it.
fn is_plain_integer(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let leads_with_zero = digits.len() > 1 && digits.first() == Some(&b'0');
    !digits.is_empty() && !leads_with_zero && digits.iter().all(u8::is_ascii_digit)
}

/// A JSON string. Bytes that are no UTF-8 stay what they are, so that the record is refused for them.
fn text(line: &mut Vec<u8>, value: &[u8]) {
    line.push(b'"');
    for byte in value {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', *byte]),
            0..0x20 => line.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => line.push(*byte),
        }
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str]) -> Columns {
        Columns::of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn columns_are_fields_flat_or_dotted() {
        let flat = columns(&["id", "type", "source", "time", "bytes", "colour"]);
        assert_eq!((flat.missing.len(), flat.unused), (0, vec!["colour".to_owned()]));
        let dotted = columns(&["id", "type", "source", "time", "data.time", "data.bytes", "bytes"]);
        assert_eq!(
            dotted.unused,
            ["time", "bytes"],
            "the envelope's time is not kept, and no field stands twice"
        );
        assert_eq!(columns(&["id", "BilledCost"]).missing, ["type", "source"]);
    }

    #[test]
    fn a_row_is_the_line_of_its_event() {
        let columns = columns(&["type", "source", "id", "user", "bytes", "revision", "spot"]);
        let line = |cells: [&str; 7]| {
            let line = columns.line(|column| Some(cells[column.place].as_bytes()).filter(|c| !c.is_empty()));
            String::from_utf8(line).unwrap()
        };
        assert_eq!(
            line(["t", "/clusters/x", "1", "a\"\\\n", "9007199254740993", "-2", "True"]),
            r#"{"type":"t","source":"/clusters/x","id":"1","specversion":"1.0","data":{"user":"a\"\\\u000a","bytes":"9007199254740993","revision":-2,"spot":true}}"#
        );
        assert_eq!(
            line(["", "", "1", "", "1.5", "01", "maybe"]),
            r#"{"id":"1","specversion":"1.0","data":{"bytes":"1.5","revision":"01","spot":"maybe"}}"#
        );
    }
}
