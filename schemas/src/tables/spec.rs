//! What a table is, as data.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// The few types that tables use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// 64-bit integer.
    Int,
    /// Truth value.
    Bool,
    /// Instant: microseconds UTC.
    Time,
    /// UTC calendar day.
    Day,
    /// Money: Decimal128(38,12).
    Money,
    /// Quantity above the hour: Decimal128(38,0).
    Quantity,
}

impl ColumnType {
    /// The Arrow type.
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Int => DataType::Int64,
            Self::Bool => DataType::Boolean,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Day => DataType::Date32,
            Self::Money => DataType::Decimal128(38, 12),
            Self::Quantity => DataType::Decimal128(38, 0),
        }
    }

    /// The name of the type in the Delta protocol.
    pub fn delta(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Int => "long",
            Self::Bool => "boolean",
            Self::Time => "timestamp",
            Self::Day => "date",
            Self::Money => "decimal(38,12)",
            Self::Quantity => "decimal(38,0)",
        }
    }
}

/// One column: its meaning stands here once and is what `docs/format.md` prints.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name in every file and query.
    pub name: &'static str,
    /// Type.
    pub kind: ColumnType,
    /// Whether NULL ("not observed") may stand here.
    pub nullable: bool,
    /// What it holds, with its unit.
    pub doc: &'static str,
}

/// A column that always has a value.
pub const fn required(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
    Column { name, kind, nullable: false, doc }
}

/// A column where NULL means "not observed".
pub const fn optional(name: &'static str, kind: ColumnType, doc: &'static str) -> Column {
    Column { name, kind, nullable: true, doc }
}

/// One table.
#[derive(Debug)]
pub struct TableSpec {
    /// Name; also the folder under `tables/`.
    pub name: &'static str,
    /// What a row is.
    pub doc: &'static str,
    /// Columns in file order; partition columns are listed too, but are not in the files.
    pub columns: &'static [Column],
    /// Natural key: what makes two rows the same fact. Empty where rows are positions.
    pub key: &'static [&'static str],
    /// Sort order inside a sealed file.
    pub order: &'static [&'static str],
    /// Partition columns.
    pub partition: &'static [&'static str],
    /// Columns with file statistics: ids and times only, never decimals.
    pub stats: &'static [&'static str],
    /// Whether sources feed it, so that it keeps their positions. Derived tables are replaced a
    /// whole partition at a time.
    pub fed_by_sources: bool,
    /// Whether duplicates by [`TableSpec::key`] are removed when a date is sealed.
    pub sealed: bool,
}

impl TableSpec {
    /// The Arrow schema with all columns, partition columns included.
    pub fn arrow_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(Column::field).collect::<Vec<_>>()))
    }

    /// The Arrow schema of its files: without partition columns.
    pub fn file_schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .filter(|column| !self.partition.contains(&column.name))
            .map(Column::field)
            .collect();
        Arc::new(Schema::new(fields))
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Column {
    fn field(&self) -> Field {
        Field::new(self.name, self.kind.arrow(), self.nullable)
    }
}
