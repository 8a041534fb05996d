//! Numbers as Prometheus writes them, read without a float: `4.294967296e+09`, `0.05`, `NaN`, `+Inf`.

use std::fmt::{self, Write as _};

/// The largest exponent that is followed; anything beyond overflows or vanishes anyway.
const MAX_EXPONENT: i32 = 400;
/// The longest text that is read as a number: the shortest form of a double has at most 24 letters.
const MAX_LETTERS: usize = 400;

/// Why a text is no usable number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadNumber {
    /// `NaN` or an infinity.
    NotFinite,
    /// Below zero.
    Negative,
    /// More than 64 bits hold in the unit asked for.
    TooLarge,
    /// No number at all.
    Malformed,
}

impl fmt::Display for BadNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "it is no finite number",
            Self::Negative => "it is below 0",
            Self::TooLarge => "it is larger than any machine",
            Self::Malformed => "it is no number",
        })
    }
}

/// `text` × 10^`scale`, rounded down: what is a fraction of a base unit is left out.
pub fn scaled(text: &str, scale: u32) -> Result<i64, BadNumber> {
    if text.len() > MAX_LETTERS {
        return Err(BadNumber::Malformed);
    }
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if ["nan", "inf", "infinity"].iter().any(|word| rest.eq_ignore_ascii_case(word)) {
        return Err(BadNumber::NotFinite);
    }
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| BadNumber::Malformed)?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|digit| digit.is_ascii_digit()) {
        return Err(BadNumber::Malformed);
    }
    if digits().all(|digit| digit == b'0') {
        return Ok(0);
    }
    if negative {
        return Err(BadNumber::Negative);
    }
    // How many digits stand before the point once the number is scaled.
    let exponent = exponent.clamp(-MAX_EXPONENT, MAX_EXPONENT);
    let before = i64::try_from(whole.len()).unwrap_or(0) + i64::from(exponent) + i64::from(scale);
    let Ok(before) = usize::try_from(before) else { return Ok(0) };
    let padded = digits().chain(std::iter::repeat(b'0')).take(before);
    let mut value: i64 = 0;
    for digit in padded {
        value = value
            .checked_mul(10)
            .and_then(|value| value.checked_add(i64::from(digit - b'0')))
            .ok_or(BadNumber::TooLarge)?;
    }
    Ok(value)
}

/// The value with these bits × 10^`scale`, rounded down: what [`scaled`] gives for the shortest text that
/// means this double, as Prometheus writes it.
///
/// `text` is a buffer.
pub fn scaled_bits(bits: u64, scale: u32, text: &mut String) -> Result<i64, BadNumber> {
    if let Some(whole) = small_whole(bits) {
        return 10_i64
            .checked_pow(scale)
            .and_then(|factor| whole.checked_mul(factor))
            .ok_or(BadNumber::TooLarge);
    }
    text.clear();
    let _ = write!(text, "{}", f64::from_bits(bits));
    scaled(text, scale)
}

/// The value of bits that mean a whole number from 0 to 2^53, whose shortest text has all of its digits.
fn small_whole(bits: u64) -> Option<i64> {
    if bits == 0 {
        return Some(0);
    }
    // Sign and exponent; a double is 1.fraction × 2^(exponent - 1023).
    let exponent = u32::try_from(bits >> 52).ok()?.checked_sub(1_023).filter(|exponent| *exponent <= 52)?;
    let mantissa = (bits & ((1 << 52) - 1)) | (1 << 52);
    let fraction_bits = 52 - exponent;
    let whole = mantissa & ((1 << fraction_bits) - 1) == 0;
    whole.then(|| (mantissa >> fraction_bits).cast_signed())
}

/// The double with these bits as the API of Prometheus writes it.
pub fn as_written(bits: u64) -> String {
    let value = f64::from_bits(bits);
    let size = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else if size == 0.0 || (1e-6..1e21).contains(&size) {
        value.to_string()
    } else {
        // An exponent has a sign and at least two digits.
        let short = format!("{value:e}");
        let (mantissa, exponent) = short.split_once('e').unwrap_or((&short, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        format!("{mantissa}e{sign}{digits:0>2}")
    }
}

#[cfg(test)]
#[expect(clippy::cast_precision_loss, reason = "doubles for a test")]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_and_rounded_down() {
        for (text, scale, expected) in [
            ("4294967296", 0, 4_294_967_296),
            ("4.294967296e+09", 0, 4_294_967_296),
            ("0.05", 6, 50_000),
            ("0.19908158295999998", 6, 199_081),
            ("1.027762e-05", 6, 10),
            ("1.7953734583979478e+09", 3, 1_795_373_458_397),
            ("1795375534.114", 3, 1_795_375_534_114),
            ("1", 6, 1_000_000),
            ("0", 6, 0),
            ("-0", 0, 0),
            ("1e-300", 6, 0),
            ("0e+99", 0, 0),
            ("9223372036854775807", 0, i64::MAX),
        ] {
            assert_eq!(scaled(text, scale), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_double_is_its_shortest_text() {
        for (value, scale, expected) in [
            (0.05, 6, Ok(50_000)),
            (0.199_081_582_959_999_98, 6, Ok(199_081)),
            (4_294_967_296.0, 0, Ok(4_294_967_296)),
            (4_294_967_296.0, 6, Ok(4_294_967_296_000_000)),
            (1_795_375_534.114, 3, Ok(1_795_375_534_114)),
            (-0.0, 0, Ok(0)),
            (1e19, 0, Err(BadNumber::TooLarge)),
            (9_007_199_254_740_993.0, 3, Ok(9_007_199_254_740_992_000)),
            (5e-324, 6, Ok(0)),
            (-1.0, 0, Err(BadNumber::Negative)),
            (f64::NAN, 0, Err(BadNumber::NotFinite)),
            (f64::INFINITY, 0, Err(BadNumber::NotFinite)),
        ] {
            assert_eq!(scaled_bits(f64::to_bits(value), scale, &mut String::new()), expected, "{value}");
        }
        for (value, expected) in [
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
            (-5.0, "-5"),
            (1e21, "1e+21"),
            (-2.5e-7, "-2.5e-07"),
            (1e20, "100000000000000000000"),
        ] {
            assert_eq!(as_written(f64::to_bits(value)), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn whole_numbers_take_a_short_way_to_the_same(value in 0_i64..1 << 54, scale in 0_u32..7) {
            let short = value as f64;
            proptest::prop_assert_eq!(
                scaled_bits(short.to_bits(), scale, &mut String::new()),
                scaled(&short.to_string(), scale)
            );
        }

        #[test]
        fn every_double_is_the_quantity_of_its_text(bits in proptest::num::u64::ANY, scale in 0_u32..7) {
            proptest::prop_assert_eq!(
                scaled_bits(bits, scale, &mut String::new()),
                scaled(&as_written(bits), scale)
            );
        }
    }

    #[test]
    fn what_is_no_quantity_is_told() {
        for (text, expected) in [
            ("NaN", BadNumber::NotFinite),
            ("+Inf", BadNumber::NotFinite),
            ("-Inf", BadNumber::NotFinite),
            ("-1", BadNumber::Negative),
            ("1e19", BadNumber::TooLarge),
            ("1e999", BadNumber::TooLarge),
            ("", BadNumber::Malformed),
            (".", BadNumber::Malformed),
            ("1.2.3", BadNumber::Malformed),
            ("12 MB", BadNumber::Malformed),
            ("1e", BadNumber::Malformed),
        ] {
            assert_eq!(scaled(text, 0), Err(expected), "{text}");
        }
    }
}
