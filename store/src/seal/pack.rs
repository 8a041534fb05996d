//! Several columns as one integer a row, which orders as the columns do, NULL first.
//!
//! Each column takes only the bits that its values need; the (cluster, namespace, user, pod, start,
//! uid, class) of a million rows fit into about ninety. Where 128 are not enough, what is packed so far
//! is replaced by its rank.

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use rayon::prelude::*;

use super::load::{Column, Rows};
use crate::error::StoreError;

/// Rows that one thread packs at a time.
const CHUNK: usize = 65_536;

/// One integer a row.
pub(super) struct Packed {
    pub(super) keys: Vec<u128>,
    /// Bits that the largest needs.
    pub(super) bits: u32,
}

/// Packs columns; those of the partition are left out, since one date has one value.
pub(super) fn pack(rows: &Rows, names: &[&'static str]) -> Result<Packed, StoreError> {
    let mut packed = Packed { keys: vec![0; rows.len], bits: 0 };
    for name in names.iter().filter(|name| !rows.spec.partition.contains(name)) {
        let column = rows.column(name).ok_or_else(|| refuse(rows, name))?;
        match column {
            Column::Ranked(ranked) => {
                let most = u128::try_from(ranked.values.len()).unwrap_or(u128::MAX);
                packed.add(bits_of(most), |row| u128::from(ranked.ids[row]));
            }
            Column::Plain(array) => match array.data_type() {
                DataType::Int64 => {
                    let ints = array.as_primitive::<Int64Type>();
                    packed.add_ints(ints.values(), |row| ints.is_null(row));
                }
                DataType::Timestamp(_, _) => {
                    let Some(times) = array.as_primitive_opt::<TimestampMicrosecondType>() else {
                        return Err(refuse(rows, name));
                    };
                    packed.add_ints(times.values(), |row| times.is_null(row));
                }
                DataType::Date32 => {
                    let days = array.as_primitive::<Date32Type>();
                    let values: Vec<i64> = days.values().iter().map(|day| i64::from(*day)).collect();
                    packed.add_ints(&values, |row| days.is_null(row));
                }
                DataType::Boolean => {
                    let truths = array.as_boolean();
                    packed.add(
                        2,
                        |row| if truths.is_null(row) { 0 } else { 1 + u128::from(truths.value(row)) },
                    );
                }
                _ => return Err(refuse(rows, name)),
            },
        }
    }
    Ok(packed)
}

impl Packed {
    fn add_ints(&mut self, values: &[i64], is_null: impl Fn(usize) -> bool + Sync) {
        let present =
            || values.par_iter().enumerate().filter(|(row, _)| !is_null(*row)).map(|(_, value)| *value);
        let (Some(low), Some(high)) = (present().min(), present().max()) else {
            // Nothing but NULL orders nothing.
            return;
        };
        let above = |value: i64| (i128::from(value) - i128::from(low)).unsigned_abs() + 1;
        self.add(bits_of(above(high)), |row| if is_null(row) { 0 } else { above(values[row]) });
    }

    fn add(&mut self, bits: u32, code: impl Fn(usize) -> u128 + Sync) {
        if self.bits + bits > u128::BITS {
            self.densify();
        }
        self.keys.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, keys)| {
            for (offset, key) in keys.iter_mut().enumerate() {
                *key = (*key << bits) | code(chunk * CHUNK + offset);
            }
        });
        self.bits += bits;
    }

    /// Replaces every key by its rank among the distinct keys.
    fn densify(&mut self) {
        let mut distinct = self.keys.clone();
        distinct.par_sort_unstable();
        distinct.dedup();
        self.keys.par_iter_mut().for_each(|key| {
            let (Ok(rank) | Err(rank)) = distinct.binary_search(key);
            *key = rank as u128;
        });
        self.bits = bits_of(distinct.len() as u128);
    }
}

fn bits_of(most: u128) -> u32 {
    u128::BITS - most.leading_zeros()
}

fn refuse(rows: &Rows, name: &str) -> StoreError {
    StoreError::Rows { table: rows.spec.name, why: format!("cannot sort by column {name}") }
}

/// Rows in the order of their keys. Equal keys stay in the order of their rows.
pub(super) fn sorted(packed: &Packed, rows: impl Iterator<Item = u32>) -> Vec<u32> {
    if packed.bits <= 32 {
        let mut keyed: Vec<u64> = rows
            .map(|row| {
                let key = u64::try_from(packed.keys[row as usize]).unwrap_or(u64::MAX);
                (key << 32) | u64::from(row)
            })
            .collect();
        keyed.par_sort_unstable();
        return keyed.into_iter().map(|key| low_32(u128::from(key))).collect();
    }
    if packed.bits + 32 <= u128::BITS {
        let mut keyed: Vec<u128> =
            rows.map(|row| (packed.keys[row as usize] << 32) | u128::from(row)).collect();
        keyed.par_sort_unstable();
        return keyed.into_iter().map(low_32).collect();
    }
    let mut keyed: Vec<(u128, u32)> = rows.map(|row| (packed.keys[row as usize], row)).collect();
    keyed.par_sort_unstable();
    keyed.into_iter().map(|(_, row)| row).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the row's number was put into these bits")]
fn low_32(key: u128) -> u32 {
    key as u32
}
