//! Rows of a query as a table, CSV or JSON. Decimals and times are text in JSON, so that no reader changes them.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use hubtally_report::data::neutral;
use serde_json::{Map, Value};

use super::table::{self, Side};
use crate::failure::Failure;

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns, for people.
    Table,
    /// Comma-separated values with a head line.
    Csv,
    /// A list of objects; decimals and times are text.
    Json,
}

/// Rows as text.
pub fn text(schema: &SchemaRef, batches: &[RecordBatch], format: Format) -> Result<String, Failure> {
    let failed = |form: &'static str| {
        move |error: ArrowError| Failure::Form { what: "rows", form, source: Box::new(error) }
    };
    match format {
        Format::Table => as_table(schema, batches).map_err(failed("a table")),
        Format::Csv => as_csv(schema, batches).map_err(failed("CSV")),
        Format::Json => as_json(schema, batches).map_err(failed("JSON")),
    }
}

fn as_table(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let heads: Vec<(&str, Side)> = schema
        .fields()
        .iter()
        .map(|field| {
            (field.name().as_str(), if is_number(field.data_type()) { Side::Right } else { Side::Left })
        })
        .collect();
    Ok(table::text(&heads, cells(batches)?))
}

fn as_csv(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let line =
        |cells: &mut dyn Iterator<Item = &str>| cells.map(csv_field).collect::<Vec<_>>().join(",") + "\n";
    let fields = schema.fields();
    let mut out = line(&mut fields.iter().map(|field| field.name().as_str()));
    for row in cells(batches)? {
        // Figures and times are ours; a text may come from outside, and begin like a formula.
        let safe = row.into_iter().zip(fields).map(|(cell, field)| {
            if field.data_type().is_string() && !is_figure(&cell) { neutral(&cell) } else { cell }
        });
        let safe: Vec<String> = safe.collect();
        out.push_str(&line(&mut safe.iter().map(String::as_str)));
    }
    Ok(out)
}

/// Whether a text is a plain figure, as decimal text is: a spreadsheet takes `-1.5` for a number.
fn is_figure(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
}

fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn as_json(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<String, ArrowError> {
    let mut lines = Vec::new();
    let mut row_at = 0;
    let rows = cells(batches)?;
    for batch in batches {
        for row in 0..batch.num_rows() {
            let mut object = Map::new();
            for (at, field) in schema.fields().iter().enumerate() {
                let text = rows.get(row_at).and_then(|cells| cells.get(at)).map_or("", String::as_str);
                let null = batch.column(at).is_null(row);
                object.insert(field.name().clone(), json_value(field.data_type(), text, null));
            }
            row_at += 1;
            lines.push(format!("  {}", Value::Object(object)));
        }
    }
    Ok(if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", lines.join(",\n")) })
}

fn json_value(kind: &DataType, text: &str, null: bool) -> Value {
    match kind {
        _ if null => Value::Null,
        DataType::Boolean => Value::Bool(text == "true"),
        kind if kind.is_integer() => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| text.parse::<u64>().map(Value::from))
            .unwrap_or_else(|_| Value::String(text.to_owned())),
        kind if kind.is_floating() => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        }
        _ => Value::String(text.to_owned()),
    }
}

fn cells(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>, ArrowError> {
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
        }
    }
    Ok(rows)
}

fn is_number(kind: &DataType) -> bool {
    kind.is_numeric()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Decimal128Array, Int64Array, StringArray};

    use super::*;

    fn batch() -> RecordBatch {
        let name: ArrayRef = Arc::new(StringArray::from(vec![Some("a,\"b\""), None]));
        let count: ArrayRef = Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None]));
        let amount = Decimal128Array::from(vec![1_500_000_000_000_i128, -1]);
        let amount: ArrayRef = Arc::new(amount.with_precision_and_scale(38, 12).unwrap());
        RecordBatch::try_from_iter_with_nullable([
            ("name", name, true),
            ("n", count, true),
            ("amount", amount, false),
        ])
        .unwrap()
    }

    fn print(format: Format) -> String {
        let batch = batch();
        text(&batch.schema(), &[batch], format).unwrap()
    }

    #[test]
    fn amounts_are_exact_in_every_form() {
        let csv = "name,n,amount\n\"a,\"\"b\"\"\",9007199254740993,1.500000000000\n,,-0.000000000001\n";
        assert_eq!(print(Format::Csv), csv);
        let json: Value = serde_json::from_str(&print(Format::Json)).unwrap();
        assert_eq!(json[0]["amount"], "1.500000000000");
        assert_eq!(json[0]["n"], 9_007_199_254_740_993_i64);
        assert!(json[1]["name"].is_null());
        assert!(print(Format::Table).contains("-0.000000000001"));
    }

    #[test]
    fn a_text_that_could_be_a_formula_is_made_none_and_a_figure_stays() {
        let texts = ["=1+1", "@SUM(A1)", "-0.000001", "-1+2", "+1", "ada"];
        let column: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        let batch = RecordBatch::try_from_iter_with_nullable([("name", column, true)]).unwrap();
        let csv = text(&batch.schema(), &[batch], Format::Csv).unwrap();
        assert_eq!(csv, "name\n'=1+1\n'@SUM(A1)\n-0.000001\n'-1+2\n'+1\nada\n");
    }

    #[test]
    fn no_rows_are_an_empty_list() {
        let batch = batch();
        assert_eq!(text(&batch.schema(), &[], Format::Json).unwrap(), "[]");
    }
}
