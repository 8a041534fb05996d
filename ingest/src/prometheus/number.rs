//! Numbers as Prometheus writes them, read without a float: `4.294967296e+09`, `0.05`, `NaN`, `+Inf`.

use std::fmt;

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

#[cfg(test)]
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
