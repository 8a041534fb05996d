//! Typed columns of a record batch, with an error that names table and column.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, PrimitiveArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Int64Type, TimestampMicrosecondType};

use crate::error::AggregateError;
use crate::symbols::{NONE, Symbol, Symbols};

/// A batch of one table.
pub struct Columns<'a> {
    table: &'static str,
    batch: &'a RecordBatch,
}

impl<'a> Columns<'a> {
    pub fn new(table: &'static str, batch: &'a RecordBatch) -> Self {
        Self { table, batch }
    }

    fn column(&self, name: &str) -> Result<&'a ArrayRef, AggregateError> {
        self.batch.column_by_name(name).ok_or_else(|| self.missing(name))
    }

    fn missing(&self, name: &str) -> AggregateError {
        AggregateError::Column { table: self.table, column: name.to_owned() }
    }

    fn primitive<T: ArrowPrimitiveType>(&self, name: &str) -> Result<&'a PrimitiveArray<T>, AggregateError> {
        self.column(name)?.as_primitive_opt::<T>().ok_or_else(|| self.missing(name))
    }

    pub fn text(&self, name: &str) -> Result<TextColumn, AggregateError> {
        let column = self.column(name)?;
        let plain = match column.data_type() {
            DataType::Utf8 => column.clone(),
            _ => arrow::compute::cast(column, &DataType::Utf8)
                .map_err(|source| AggregateError::Rows { table: self.table, source })?,
        };
        Ok(TextColumn(plain.as_string_opt::<i32>().ok_or_else(|| self.missing(name))?.clone()))
    }

    pub fn int(&self, name: &str) -> Result<&'a Int64Array, AggregateError> {
        self.primitive::<Int64Type>(name)
    }

    pub fn time(&self, name: &str) -> Result<&'a TimestampMicrosecondArray, AggregateError> {
        self.primitive::<TimestampMicrosecondType>(name)
    }

    pub fn money(&self, name: &str) -> Result<&'a Decimal128Array, AggregateError> {
        self.primitive::<Decimal128Type>(name)
    }

    pub fn truth(&self, name: &str) -> Result<&'a BooleanArray, AggregateError> {
        self.column(name)?.as_boolean_opt().ok_or_else(|| self.missing(name))
    }
}

/// A text column.
pub struct TextColumn(StringArray);

impl TextColumn {
    /// The text, `None` where NULL.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }

    /// The whole column as symbols. Tables are sorted, so a text is first compared with the one above it.
    pub fn symbols(&self, symbols: &mut Symbols) -> Vec<Symbol> {
        let mut above: Option<(&str, Symbol)> = None;
        let mut out = Vec::with_capacity(self.0.len());
        for text in &self.0 {
            out.push(match (text, above) {
                (None, _) => NONE,
                (Some(text), Some((last, symbol))) if text == last => symbol,
                (Some(text), _) => {
                    let symbol = symbols.add(text);
                    above = Some((text, symbol));
                    symbol
                }
            });
        }
        out
    }

    /// The text of a column that is never NULL.
    pub fn required(&self, row: usize) -> &str {
        self.0.value(row)
    }
}

/// The value, `None` where NULL.
pub fn maybe<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}
