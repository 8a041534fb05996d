//! Columns of one type each, and the struct that a table's columns make.
//!
//! A value goes into its builder by name of a field, so that nothing is looked up while events are read.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Date32Array, Int64Array, Int64Builder, StringArray, StringBuilder,
    TimestampMicrosecondArray,
};
use arrow::datatypes::TimestampMicrosecondType;

/// Texts; an absent one is NULL.
pub type Texts = StringBuilder;
/// Integers that are always there.
pub type Ints = Vec<i64>;
/// Integers; an absent one is NULL.
pub type OptionalInts = Int64Builder;
/// Booleans; an absent one is NULL.
pub type Flags = BooleanBuilder;

/// Instants that are always there.
#[derive(Default)]
pub struct Times(pub Vec<i64>);

/// Instants; an absent one is NULL.
#[derive(Default)]
pub struct OptionalTimes(pub Int64Builder);

/// UTC days that are always there.
pub type Days = Vec<i32>;

/// The source that all rows of a batch came from.
#[derive(Default)]
pub struct Source;

/// `source_class` of rows that come from events.
#[derive(Default)]
pub struct EventClass;

/// A column on its way into a batch of so many rows from a source.
pub trait Column {
    /// The values since the last call.
    fn finish(&mut self, rows: usize, source: &str) -> ArrayRef;
}

impl Column for Texts {
    fn finish(&mut self, _: usize, _: &str) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Column for Ints {
    fn finish(&mut self, _: usize, _: &str) -> ArrayRef {
        Arc::new(Int64Array::from(std::mem::take(self)))
    }
}

impl Column for OptionalInts {
    fn finish(&mut self, _: usize, _: &str) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Column for Flags {
    fn finish(&mut self, _: usize, _: &str) -> ArrayRef {
        Arc::new(self.finish())
    }
}

impl Column for Times {
    fn finish(&mut self, _: usize, _: &str) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(std::mem::take(&mut self.0)).with_timezone("UTC"))
    }
}

impl Column for OptionalTimes {
    fn finish(&mut self, _: usize, _: &str) -> ArrayRef {
        let micros = self.0.finish();
        Arc::new(micros.reinterpret_cast::<TimestampMicrosecondType>().with_timezone("UTC"))
    }
}

impl Column for Days {
    fn finish(&mut self, _: usize, _: &str) -> ArrayRef {
        Arc::new(Date32Array::from(std::mem::take(self)))
    }
}

impl Column for Source {
    fn finish(&mut self, rows: usize, source: &str) -> ArrayRef {
        same(source, rows)
    }
}

impl Column for EventClass {
    fn finish(&mut self, rows: usize, _: &str) -> ArrayRef {
        same(super::EVENT, rows)
    }
}

fn same(text: &str, rows: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows)))
}

/// A struct of a table's columns, under the names and in the order of `schemas::tables`, with a `take`
/// that hands them over as a batch. How an event fills them is written beside it, as its `push`.
macro_rules! rows {
    ($(#[$doc:meta])* $name:ident of $table:ident { $($column:ident: $kind:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Default)]
        pub struct $name {
            $($column: $kind,)+
        }

        impl $name {
            /// The rows since the last call, `None` if there are none.
            pub fn take(&mut self, source: &str) -> Result<Option<RecordBatch>, IngestError> {
                let rows = self.source_position.len();
                if rows == 0 {
                    return Ok(None);
                }
                let columns = vec![$(Column::finish(&mut self.$column, rows, source),)+];
                RecordBatch::try_new($table.arrow_schema(), columns)
                    .map(Some)
                    .map_err(|source| IngestError::Rows { table: $table.name, source })
            }

            #[cfg(test)]
            pub(super) const COLUMNS: &'static [&'static str] = &[$(stringify!($column),)+];
        }
    };
}

pub(super) use rows;
