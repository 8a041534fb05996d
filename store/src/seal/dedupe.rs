//! Rows of one natural key: which one stays (decided by `hubtally_rules::seal`), and which of the
//! others is refused because it says something else under the same revision.

use std::cmp::Ordering;
use std::collections::HashMap;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampMicrosecondType};
use hubtally_rules::seal::{Meeting, Rank, meet};
use rayon::prelude::*;

use super::load::{Column, Rows};

/// Where a row came from, not what its producer said.
const PROVENANCE: &[&str] = &["source", "source_position", "event_id"];

/// What stays of some rows.
#[derive(Debug, Default)]
pub(super) struct Deduped {
    /// Rows that go, sorted.
    pub(super) dropped: Vec<u32>,
    /// (row that stays, row that is refused).
    pub(super) conflicts: Vec<(u32, u32)>,
    pub(super) duplicates: i64,
    pub(super) superseded: i64,
}

/// Decides for every key that more than one row has.
pub(super) fn dedupe(rows: &Rows, keys: &[u128]) -> Deduped {
    let facts = Facts::new(rows);
    let mut result = Deduped::default();
    for group in repeated(keys) {
        facts.decide(group, &mut result);
    }
    result.dropped.sort_unstable();
    result.conflicts.sort_unstable();
    result
}

/// The groups of rows that share a key.
fn repeated(keys: &[u128]) -> Vec<Vec<u32>> {
    let hashes: Vec<u64> = keys.par_iter().map(|key| hash(*key)).collect();
    let parts = rayon::current_num_threads().max(1).next_power_of_two();
    let part_bits = parts.trailing_zeros();
    let groups: Vec<Vec<Vec<u32>>> = (0..parts)
        .into_par_iter()
        .with_max_len(1)
        .map(|part| repeated_in(keys, &hashes, part as u64, part_bits))
        .collect();
    groups.into_iter().flatten().collect()
}

/// The groups among the keys whose hash starts with `part`.
#[expect(clippy::cast_possible_truncation, reason = "a slot is the hash's low bits")]
fn repeated_in(keys: &[u128], hashes: &[u64], part: u64, part_bits: u32) -> Vec<Vec<u32>> {
    let in_part = |hash: u64| part_bits == 0 || hash >> (u64::BITS - part_bits) == part;
    let count = hashes.iter().filter(|hash| in_part(**hash)).count();
    let slots = (count * 2).next_power_of_two().max(2);
    // 0 is free, else the row's number + 1.
    let mut table = vec![0_u32; slots];
    let mut groups: HashMap<u32, Vec<u32>> = HashMap::new();
    for (row, (key, hash)) in (0_u32..).zip(keys.iter().zip(hashes)) {
        if !in_part(*hash) {
            continue;
        }
        let mut slot = (*hash as usize) & (slots - 1);
        loop {
            match table[slot] {
                0 => {
                    table[slot] = row + 1;
                    break;
                }
                taken if keys[taken as usize - 1] == *key => {
                    groups.entry(taken - 1).or_insert_with(|| vec![taken - 1]).push(row);
                    break;
                }
                _ => slot = (slot + 1) & (slots - 1),
            }
        }
    }
    groups.into_values().collect()
}

/// Spreads the bits of a key: two rounds of multiply and fold.
#[expect(clippy::cast_possible_truncation, reason = "both halves are folded in")]
fn hash(key: u128) -> u64 {
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let low = key as u64;
    let high = (key >> 64) as u64;
    fold(fold(low ^ 0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9) ^ high, 0x94d0_49bb_1331_11eb)
}

struct Facts<'a> {
    rows: &'a Rows,
    content: Vec<&'a Column>,
}

impl<'a> Facts<'a> {
    fn new(rows: &'a Rows) -> Self {
        let content = rows.columns.iter().filter(|(spec, _)| !PROVENANCE.contains(&spec.name));
        Self { rows, content: content.map(|(_, column)| column).collect() }
    }

    fn decide(&self, mut group: Vec<u32>, result: &mut Deduped) {
        // The best first; rows that came from one record are told apart by what they say.
        group.sort_unstable_by(|a, b| self.rank(*b).cmp(&self.rank(*a)).then_with(|| self.compare(*a, *b)));
        let winner = group[0];
        let mut refused: Vec<u32> = Vec::new();
        for row in group.into_iter().skip(1) {
            result.dropped.push(row);
            let same = self.compare(winner, row) == Ordering::Equal;
            match meet(self.rank(winner), self.rank(row), same) {
                Meeting::ConflictKeepFirst | Meeting::ConflictKeepSecond => {
                    if refused.iter().any(|known| self.compare(*known, row) == Ordering::Equal) {
                        result.duplicates += 1;
                    } else {
                        refused.push(row);
                        result.conflicts.push((winner, row));
                    }
                }
                Meeting::KeepFirst | Meeting::KeepSecond => {
                    if self.rank(row).revision < self.rank(winner).revision {
                        result.superseded += 1;
                    } else {
                        result.duplicates += 1;
                    }
                }
            }
        }
    }

    fn rank(&self, row: u32) -> Rank<'a> {
        Rank {
            revision: int(self.rows, "revision", row),
            source: text(self.rows, "source", row),
            source_position: int(self.rows, "source_position", row),
        }
    }

    fn compare(&self, a: u32, b: u32) -> Ordering {
        let (a, b) = (a as usize, b as usize);
        let unequal = self.content.iter().map(|column| match column {
            Column::Ranked(ranked) => ranked.ids[a].cmp(&ranked.ids[b]),
            Column::Plain(array) => compare_values(array, a, b),
        });
        unequal.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

fn compare_values(array: &ArrayRef, a: usize, b: usize) -> Ordering {
    let nulls = array.is_valid(a).cmp(&array.is_valid(b));
    if nulls.is_ne() || array.is_null(a) {
        return nulls;
    }
    match array.data_type() {
        DataType::Int64 => {
            let ints = array.as_primitive::<Int64Type>();
            ints.value(a).cmp(&ints.value(b))
        }
        DataType::Timestamp(_, _) => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            times.value(a).cmp(&times.value(b))
        }
        DataType::Boolean => array.as_boolean().value(a).cmp(&array.as_boolean().value(b)),
        DataType::Utf8 => array.as_string::<i32>().value(a).cmp(array.as_string::<i32>().value(b)),
        DataType::Decimal128(_, _) => {
            let amounts = array.as_primitive::<Decimal128Type>();
            amounts.value(a).cmp(&amounts.value(b))
        }
        DataType::Date32 => {
            let days = array.as_primitive::<arrow::datatypes::Date32Type>();
            days.value(a).cmp(&days.value(b))
        }
        // Tables have no other types (`ColumnType`).
        _ => Ordering::Equal,
    }
}

fn int(rows: &Rows, name: &str, row: u32) -> i64 {
    match rows.column(name) {
        Some(Column::Plain(array)) => {
            array.as_primitive_opt::<Int64Type>().map_or(0, |ints| ints.value(row as usize))
        }
        _ => 0,
    }
}

fn text<'a>(rows: &'a Rows, name: &str, row: u32) -> &'a str {
    match rows.column(name) {
        Some(Column::Ranked(ranked)) => ranked.text(row as usize).unwrap_or_default(),
        _ => "",
    }
}
