//! Statistics of a data file, as the Delta log keeps them: for [`TableSpec::stats`] columns only.

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use chrono::DateTime;
use hubtally_schemas::tables::TableSpec;
use serde_json::{Map, Value, json};

/// Collects statistics over the batches of one file.
#[derive(Debug)]
pub(crate) struct FileStats {
    rows: i64,
    columns: Vec<ColumnStats>,
}

#[derive(Debug)]
struct ColumnStats {
    name: &'static str,
    nulls: usize,
    range: Option<Range>,
}

#[derive(Debug)]
enum Range {
    Text(String, String),
    Int(i64, i64),
    Time(i64, i64),
}

impl FileStats {
    pub(crate) fn new(spec: &'static TableSpec) -> Self {
        let names = spec.stats.iter().copied().filter(|name| !spec.partition.contains(name));
        let columns = names.map(|name| ColumnStats { name, nulls: 0, range: None }).collect();
        Self { rows: 0, columns }
    }

    pub(crate) fn rows(&self) -> i64 {
        self.rows
    }

    /// Counts rows; their columns are added one by one with [`FileStats::add`].
    pub(crate) fn add_rows(&mut self, rows: usize) {
        self.rows = self.rows.saturating_add(i64::try_from(rows).unwrap_or(i64::MAX));
    }

    /// Adds the values of a column, if it has statistics.
    pub(crate) fn add(&mut self, name: &str, array: &ArrayRef) {
        if let Some(column) = self.columns.iter_mut().find(|column| column.name == name) {
            column.nulls += array.logical_null_count();
            if let Some(range) = range_of(array) {
                column.range = Some(match column.range.take() {
                    Some(known) => known.joined(range),
                    None => range,
                });
            }
        }
    }

    /// Adds the least and the greatest value of a text column, where they are known.
    pub(crate) fn add_text_range(&mut self, name: &str, nulls: usize, range: Option<(&str, &str)>) {
        if let Some(column) = self.columns.iter_mut().find(|column| column.name == name) {
            column.nulls += nulls;
            if let Some((low, high)) = range {
                let range = Range::Text(low.to_owned(), high.to_owned());
                column.range = Some(match column.range.take() {
                    Some(known) => known.joined(range),
                    None => range,
                });
            }
        }
    }

    /// The text of `add.stats`.
    pub(crate) fn json(&self) -> String {
        let (mut least, mut most, mut nulls) = (Map::new(), Map::new(), Map::new());
        for column in &self.columns {
            nulls.insert(column.name.to_owned(), json!(column.nulls));
            let (low, high): (Value, Value) = match &column.range {
                Some(Range::Text(low, high)) => (json!(low), json!(high)),
                Some(Range::Int(low, high)) => (json!(low), json!(high)),
                Some(Range::Time(low, high)) => (json!(instant(*low)), json!(instant(*high))),
                None => continue,
            };
            least.insert(column.name.to_owned(), low);
            most.insert(column.name.to_owned(), high);
        }
        json!({ "numRecords": self.rows, "minValues": least, "maxValues": most, "nullCount": nulls })
            .to_string()
    }
}

impl Range {
    fn joined(self, other: Self) -> Self {
        match (self, other) {
            (Self::Text(a, b), Self::Text(c, d)) => Self::Text(a.min(c), b.max(d)),
            (Self::Int(a, b), Self::Int(c, d)) => Self::Int(a.min(c), b.max(d)),
            (Self::Time(a, b), Self::Time(c, d)) => Self::Time(a.min(c), b.max(d)),
            (known, _) => known,
        }
    }
}

fn range_of(array: &ArrayRef) -> Option<Range> {
    match array.data_type() {
        DataType::Utf8 => {
            let text = array.as_string::<i32>();
            let low = arrow::compute::min_string(text)?;
            let high = arrow::compute::max_string(text)?;
            Some(Range::Text(low.to_owned(), high.to_owned()))
        }
        DataType::Dictionary(_, _) => {
            // Only values that rows use: a dictionary may hold more.
            let dictionary = array.as_any_dictionary();
            let used = dictionary.normalized_keys();
            let values = dictionary.values().as_string_opt::<i32>()?;
            let mut seen = vec![false; values.len()];
            for (row, key) in used.iter().enumerate() {
                if dictionary.keys().is_valid(row) {
                    seen[*key] = true;
                }
            }
            let present =
                || (0..values.len()).filter(|i| seen[*i] && values.is_valid(*i)).map(|i| values.value(i));
            Some(Range::Text(present().min()?.to_owned(), present().max()?.to_owned()))
        }
        DataType::Int64 => {
            let ints = array.as_primitive::<Int64Type>();
            Some(Range::Int(arrow::compute::min(ints)?, arrow::compute::max(ints)?))
        }
        DataType::Timestamp(_, _) => {
            let times = array.as_primitive_opt::<TimestampMicrosecondType>()?;
            Some(Range::Time(arrow::compute::min(times)?, arrow::compute::max(times)?))
        }
        _ => None,
    }
}

fn instant(micros: i64) -> Option<String> {
    let time = DateTime::from_timestamp_micros(micros)?;
    Some(time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::Int32Type;
    use hubtally_schemas::tables::POD_USAGE;

    use super::*;

    #[test]
    fn ranges_join_over_batches_and_kinds_of_text() {
        let mut stats = FileStats::new(&POD_USAGE);
        stats.add_rows(2);
        stats.add("cluster", &(Arc::new(StringArray::from(vec!["tides", "ridge"])) as ArrayRef));
        stats.add_rows(2);
        let dictionary: DictionaryArray<Int32Type> = vec![Some("alps"), None].into_iter().collect();
        stats.add("cluster", &(Arc::new(dictionary) as ArrayRef));
        stats.add(
            "start",
            &(Arc::new(TimestampMicrosecondArray::from(vec![1_780_272_000_000_001])) as ArrayRef),
        );
        let json: Value = serde_json::from_str(&stats.json()).unwrap();
        assert_eq!(json["numRecords"], 4);
        assert_eq!(json["minValues"]["cluster"], "alps");
        assert_eq!(json["maxValues"]["cluster"], "tides");
        assert_eq!(json["nullCount"]["cluster"], 1);
        assert_eq!(json["minValues"]["start"], "2026-06-01T00:00:00.000001Z");
    }
}
