//! Chunks of samples as Prometheus stores and streams them (`tsdb/chunkenc/xor.go`, after the Gorilla paper,
//! <https://www.vldb.org/pvldb/vol8/p1816-teller.pdf>): times as differences of differences, values as what
//! changed of their bits.

/// Why a chunk cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a chunk of samples ends too early")]
pub struct Truncated;

/// Hands each sample of a chunk to `each`: its time in ms, and its value as the bits of a double.
pub fn read(chunk: &[u8], mut each: impl FnMut(i64, u64)) -> Result<(), Truncated> {
    let (count, data) = chunk.split_first_chunk::<2>().ok_or(Truncated)?;
    let mut bits = Bits { data, at: 0 };
    let mut value = Value::default();
    let (mut at_ms, mut step_ms) = (0_i64, 0_i64);
    for number in 0..u16::from_be_bytes(*count) {
        match number {
            0 => {
                at_ms = bits.varint()?;
                value.bits = bits.take(64)?;
            }
            1 => {
                step_ms = bits.uvarint()?.cast_signed();
                at_ms = at_ms.wrapping_add(step_ms);
                value.change(&mut bits)?;
            }
            _ => {
                step_ms = step_ms.wrapping_add(bits.change_of_step()?);
                at_ms = at_ms.wrapping_add(step_ms);
                value.change(&mut bits)?;
            }
        }
        each(at_ms, value.bits);
    }
    Ok(())
}

/// The last value, and where the bits lie that changed last.
#[derive(Default)]
struct Value {
    bits: u64,
    leading: u32,
    trailing: u32,
}

impl Value {
    fn change(&mut self, from: &mut Bits<'_>) -> Result<(), Truncated> {
        if !from.one()? {
            return Ok(());
        }
        if from.one()? {
            let leading = u32::try_from(from.take(5)?).unwrap_or(0);
            let changed = match u32::try_from(from.take(6)?).unwrap_or(0) {
                // 64 does not fit into six bits, and no value is written with none.
                0 => 64,
                changed => changed,
            };
            self.leading = leading;
            self.trailing = 64_u32.checked_sub(leading + changed).ok_or(Truncated)?;
        }
        let changed = 64 - self.leading - self.trailing;
        self.bits ^= from.take(changed)? << self.trailing;
        Ok(())
    }
}

/// Bits of a chunk, the highest of each byte first.
struct Bits<'d> {
    data: &'d [u8],
    /// The next bit.
    at: usize,
}

impl Bits<'_> {
    fn one(&mut self) -> Result<bool, Truncated> {
        let byte = self.data.get(self.at / 8).ok_or(Truncated)?;
        let set = (byte >> (7 - self.at % 8)) & 1 == 1;
        self.at += 1;
        Ok(set)
    }

    /// The next bits, at most 64, as a number.
    fn take(&mut self, count: u32) -> Result<u64, Truncated> {
        let mut taken = 0_u64;
        let mut left = count;
        while left > 0 {
            let byte = u64::from(*self.data.get(self.at / 8).ok_or(Truncated)?);
            let used = u32::try_from(self.at % 8).unwrap_or(0);
            let here = left.min(8 - used);
            let part = (byte >> (8 - used - here)) & ((1 << here) - 1);
            taken = (taken << here) | part;
            left -= here;
            self.at += usize::try_from(here).unwrap_or(0);
        }
        Ok(taken)
    }

    /// A number of seven bits a byte, the lowest first.
    fn uvarint(&mut self) -> Result<u64, Truncated> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.take(8)?;
            number |= (byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Truncated)
    }

    fn varint(&mut self) -> Result<i64, Truncated> {
        let number = self.uvarint()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// How much longer or shorter than the last step this one is, ms.
    fn change_of_step(&mut self) -> Result<i64, Truncated> {
        let mut ones = 0;
        while ones < 4 && self.one()? {
            ones += 1;
        }
        let width = match ones {
            0 => return Ok(0),
            1 => 14,
            2 => 17,
            3 => 20,
            _ => return Ok(self.take(64)?.cast_signed()),
        };
        let bits = self.take(width)?.cast_signed();
        // The range is from -(2^(n-1) - 1) to 2^(n-1): the highest number is positive.
        Ok(if bits > 1 << (width - 1) { bits - (1 << width) } else { bits })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Writes a chunk, as Prometheus does.
    fn written(samples: &[(i64, u64)]) -> Vec<u8> {
        let mut bits: Vec<bool> = Vec::new();
        let put = |bits: &mut Vec<bool>, number: u64, count: u32| {
            bits.extend((0..count).rev().map(|at| number >> at & 1 == 1));
        };
        let uvarint = |bits: &mut Vec<bool>, mut number: u64| {
            while number >= 0x80 {
                put(bits, number & 0x7f | 0x80, 8);
                number >>= 7;
            }
            put(bits, number, 8);
        };
        let (mut step, mut window) = (0_i64, None::<(u32, u32)>);
        for (index, &(at, value)) in samples.iter().enumerate() {
            if index == 0 {
                uvarint(&mut bits, (at << 1 ^ at >> 63).cast_unsigned());
                put(&mut bits, value, 64);
                continue;
            }
            let (before_at, before) = samples[index - 1];
            let this = at - before_at;
            if index == 1 {
                uvarint(&mut bits, this.cast_unsigned());
            } else {
                let change = this - step;
                let fits = |width: u32| (-((1 << (width - 1)) - 1)..=1 << (width - 1)).contains(&change);
                match change {
                    0 => put(&mut bits, 0, 1),
                    _ if fits(14) => {
                        put(&mut bits, 0b10, 2);
                        put(&mut bits, change.cast_unsigned(), 14);
                    }
                    _ if fits(17) => {
                        put(&mut bits, 0b110, 3);
                        put(&mut bits, change.cast_unsigned(), 17);
                    }
                    _ if fits(20) => {
                        put(&mut bits, 0b1110, 4);
                        put(&mut bits, change.cast_unsigned(), 20);
                    }
                    _ => {
                        put(&mut bits, 0b1111, 4);
                        put(&mut bits, change.cast_unsigned(), 64);
                    }
                }
            }
            step = this;
            let changed = before ^ value;
            if changed == 0 {
                put(&mut bits, 0, 1);
                continue;
            }
            let (leading, trailing) = (changed.leading_zeros().min(31), changed.trailing_zeros());
            match window {
                Some((l, t)) if l <= leading && t <= trailing => {
                    put(&mut bits, 0b10, 2);
                    put(&mut bits, changed >> t, 64 - l - t);
                }
                _ => {
                    window = Some((leading, trailing));
                    let width = 64 - leading - trailing;
                    put(&mut bits, 0b11, 2);
                    put(&mut bits, u64::from(leading), 5);
                    put(&mut bits, u64::from(width), 6);
                    put(&mut bits, changed >> trailing, width);
                }
            }
        }
        let mut out = u16::try_from(samples.len()).unwrap().to_be_bytes().to_vec();
        out.extend(bits.chunks(8).map(|byte| {
            byte.iter().enumerate().fold(0_u8, |sum, (at, bit)| sum | u8::from(*bit) << (7 - at))
        }));
        out
    }

    fn back(chunk: &[u8]) -> Result<Vec<(i64, u64)>, Truncated> {
        let mut samples = Vec::new();
        read(chunk, |at, bits| samples.push((at, bits))).map(|()| samples)
    }

    #[test]
    fn edges_of_the_format_are_read() {
        // the largest and smallest change of each width, and values that change all of their bits
        let steps = [60_000, 60_000 + 8_192, 60_001, 125_537, 60_002, 524_288 + 60_002, 60_003, 9_000_000, 1];
        let mut at = 1_780_272_007_000;
        let samples: Vec<(i64, u64)> = steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                at += step;
                (at, if index % 2 == 0 { 0 } else { u64::MAX })
            })
            .collect();
        assert_eq!(back(&written(&samples)), Ok(samples));
        assert_eq!(back(&[0, 0]), Ok(Vec::new()));
        assert_eq!(back(&[0]), Err(Truncated));
        assert_eq!(back(&[0, 1, 0x80]), Err(Truncated));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_bit_for_bit(
            start in -9_000_000_000_000_i64..9_000_000_000_000,
            steps in prop::collection::vec(
                (prop_oneof![6 => Just(60_000_i64), 3 => 59_000_i64..61_000, 1 => 1_i64..900_000_000_000],
                 prop_oneof![3 => Just(1.0_f64), 3 => (0_i32..1_000).prop_map(f64::from), 2 => any::<f64>()]),
                0..200),
        ) {
            let mut at = start;
            let samples: Vec<(i64, u64)> = steps.iter().map(|(step, value)| {
                at += step;
                (at, value.to_bits())
            }).collect();
            let chunk = written(&samples);
            prop_assert_eq!(back(&chunk), Ok(samples.clone()));
            // what broke off is told, unless only padding is missing
            if samples.len() > 1 {
                prop_assert_eq!(back(&chunk[..chunk.len() / 2]), Err(Truncated));
            }
        }

        #[test]
        fn no_bytes_at_all_are_followed_astray(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = back(&bytes);
        }
    }
}
