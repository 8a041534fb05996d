//! Money (law L8): [`Pico`] in the ledger, [`Minor`] on statements, [`Currency`] always beside it.

use std::fmt;
use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode};
use num_bigint::BigInt;
use num_traits::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::SchemaError;

/// Decimal places of a [`Pico`].
pub const PICO_SCALE: u32 = 12;
/// Units of a [`Pico`] in one currency unit.
pub const PICO: i128 = 1_000_000_000_000;
/// The largest magnitude of a stored amount: 38 decimal digits, as Decimal128(38,12) holds.
pub const MAX_PICO: i128 = 10_i128.pow(38) - 1;
/// The longest amount text that is read.
pub const MAX_AMOUNT_BYTES: usize = 64;

/// An ISO 4217 currency that an invoice can be written in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// US dollar.
    pub const USD: Self = Self(iso_currency::Currency::USD);
    /// Euro.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);

    /// Reads a code such as `USD`. Codes without minor units (XAU, XXX) and fund codes are refused.
    pub fn new(code: &str) -> Result<Self, SchemaError> {
        let refuse = |why| SchemaError::Currency { value: code.chars().take(16).collect(), why };
        let currency = iso_currency::Currency::from_code(code)
            .ok_or_else(|| refuse("not an ISO 4217 code, for example USD"))?;
        if currency.exponent().is_none() {
            return Err(refuse("it has no minor unit, so no statement can be written in it"));
        }
        if currency.is_fund() || currency.is_special() {
            return Err(refuse("a fund or special code is no currency of an invoice"));
        }
        Ok(Self(currency))
    }

    /// The three letters.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Decimal places of its minor unit: 2 for USD, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(2))
    }

    /// How many [`Pico`] units one minor unit has.
    pub fn pico_per_minor(self) -> i128 {
        10_i128.pow(PICO_SCALE - self.exponent())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

macro_rules! amount {
    ($name:ident) => {
        impl $name {
            /// Adds, refusing another currency and overflow.
            pub fn checked_add(self, other: Self) -> Result<Self, SchemaError> {
                if self.currency != other.currency {
                    return Err(SchemaError::MixedCurrencies {
                        left: self.currency.to_string(),
                        right: other.currency.to_string(),
                    });
                }
                let units = self
                    .units
                    .checked_add(other.units)
                    .ok_or(SchemaError::Overflow { what: "a sum of amounts" })?;
                Ok(Self { units, currency: self.currency })
            }

            /// Zero of a currency.
            pub fn zero(currency: Currency) -> Self {
                Self { units: 0, currency }
            }
        }
    };
}

/// An amount in 10⁻¹² of a currency unit: the ledger's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pico {
    /// 10⁻¹² currency units.
    pub units: i128,
    /// Which currency.
    pub currency: Currency,
}
amount!(Pico);

/// An amount in the currency's own minor unit: the statement's money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Minor {
    /// Minor units: cents for USD.
    pub units: i128,
    /// Which currency.
    pub currency: Currency,
}
amount!(Minor);

impl Minor {
    /// The amount as plain decimal text with the currency's own places: `3412.18`.
    pub fn to_decimal_text(self) -> String {
        decimal_text(self.units, self.currency.exponent())
    }
}

/// As documents keep it: decimal text, so that no reader's double changes it. The currency stands beside it.
impl Serialize for Minor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_decimal_text())
    }
}

impl Pico {
    /// The amount as plain decimal text with 12 places.
    pub fn to_decimal_text(self) -> String {
        pico_text(self.units)
    }
}

/// An amount read from bill text, with what the reading changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedAmount {
    /// The amount in 10⁻¹² units, rounded half to even from the text.
    pub pico: i128,
    /// Whether the text had more than 12 decimals that mattered.
    pub rounded: bool,
}

/// Reads an amount as bills write it: plain decimals and exponents such as `35.2E-7`.
///
/// Text beyond 12 decimals is rounded half to even, once. Thousands separators, a leading `+`, a
/// missing digit before or after the point, `NaN` and infinities are refused, as is text over
/// 64 bytes or an amount over 38 digits.
pub fn parse_pico(text: &str) -> Result<ParsedAmount, SchemaError> {
    if let Some(plain) = Plain::read(text) {
        return Ok(plain.rounded());
    }
    let refuse = |why| SchemaError::Amount { value: text.chars().take(MAX_AMOUNT_BYTES).collect(), why };
    if text.len() > MAX_AMOUNT_BYTES {
        return Err(refuse("it is longer than 64 characters"));
    }
    check_grammar(text).map_err(refuse)?;
    rounded_exactly(text).map_err(refuse)
}

/// The same for whatever [`check_grammar`] lets through.
fn rounded_exactly(text: &str) -> Result<ParsedAmount, &'static str> {
    let exact = BigDecimal::from_str(text).map_err(|_| "it cannot be read")?;
    let rounded = exact.with_scale_round(i64::from(PICO_SCALE), RoundingMode::HalfEven);
    let changed = rounded != exact;
    let (digits, _) = rounded.into_bigint_and_scale();
    let pico = digits
        .to_i128()
        .filter(|p| p.unsigned_abs() <= MAX_PICO.unsigned_abs())
        .ok_or("it has more than 38 digits")?;
    Ok(ParsedAmount { pico, rounded: changed })
}

/// What the reading of [`parse_pico`] took away, in 10⁻³⁰ units where it can be told, as text:
/// the exact difference `text − pico`.
pub fn parse_difference(text: &str, pico: i128) -> Option<BigDecimal> {
    let exact = BigDecimal::from_str(text).ok()?;
    Some(exact - BigDecimal::new(BigInt::from(pico), i64::from(PICO_SCALE)))
}

/// The same in 10⁻³⁰ units, where the text is a plain decimal of at most 30 places.
pub fn fine_difference(text: &str) -> Option<i64> {
    let plain = Plain::read(text)?;
    let places = u32::try_from(plain.dropped.len()).ok().filter(|places| *places <= FINE_PLACES)?;
    let dropped = i64::try_from(number(plain.dropped)? * 10_u64.pow(FINE_PLACES - places)).ok()?;
    let magnitude = if plain.rounds_up() { dropped - 10_i64.pow(FINE_PLACES) } else { dropped };
    Some(if plain.negative { -magnitude } else { magnitude })
}

/// Places between a [`Pico`] and the 10⁻³⁰ of [`fine_difference`].
const FINE_PLACES: u32 = 18;
/// The most digits that are sure to fit a `u64`.
const U64_DIGITS: usize = 19;

/// A plain decimal of at most 18 digits before the point: nearly every amount of a bill. Read without
/// the decimal library, since a bill has tens of millions of them.
struct Plain<'a> {
    negative: bool,
    /// Its magnitude in 10⁻¹² units, what is beyond cut off.
    cut: i128,
    /// The digits beyond.
    dropped: &'a [u8],
}

impl<'a> Plain<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() > MAX_AMOUNT_BYTES {
            return None;
        }
        let (negative, digits) = match bytes {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        let (whole, fraction) = match digits.iter().position(|byte| *byte == b'.') {
            Some(point) => (&digits[..point], Some(&digits[point + 1..])),
            None => (digits, None),
        };
        if whole.is_empty() || whole.len() >= U64_DIGITS || fraction.is_some_and(<[u8]>::is_empty) {
            return None;
        }
        let fraction = fraction.unwrap_or_default();
        let places = fraction.len().min(PICO_SCALE as usize);
        let (kept, dropped) = fraction.split_at(places);
        if !dropped.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let unit = 10_u64.pow(PICO_SCALE - u32::try_from(places).ok()?);
        let cut = i128::from(number(whole)?) * PICO + i128::from(number(kept)? * unit);
        Some(Self { negative, cut, dropped })
    }

    fn rounded(&self) -> ParsedAmount {
        let magnitude = self.cut + i128::from(self.rounds_up());
        let pico = if self.negative { -magnitude } else { magnitude };
        ParsedAmount { pico, rounded: self.dropped.iter().any(|digit| *digit != b'0') }
    }

    /// Half to even.
    fn rounds_up(&self) -> bool {
        match self.dropped.split_first() {
            Some((b'5', rest)) => self.cut % 2 == 1 || rest.iter().any(|digit| *digit != b'0'),
            Some((first, _)) => *first > b'5',
            None => false,
        }
    }
}

/// Digits as a number; `None` for anything else, and for more of them than fit.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.len() > U64_DIGITS - 1 {
        return None;
    }
    digits
        .iter()
        .try_fold(0_u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(*byte - b'0')))
}

/// `-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?`, by hand because it runs once a bill field and
/// decides only what the decimal library may see.
fn check_grammar(text: &str) -> Result<(), &'static str> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let plain = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    if !plain {
        return Err("write digits, and a point with digits after it: 1234.50");
    }
    if let Some(exponent) = exponent {
        let size = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !digits(size) || size.len() > 2 {
            return Err("its exponent must be one or two digits");
        }
    }
    Ok(())
}

/// Plain decimal text of an integer at a scale.
pub fn decimal_text(units: i128, scale: u32) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let magnitude = units.unsigned_abs();
    if scale == 0 {
        return format!("{sign}{magnitude}");
    }
    let base = 10_u128.pow(scale);
    let width = scale as usize;
    format!("{sign}{}.{:0width$}", magnitude / base, magnitude % base)
}

/// Plain decimal text of a pico amount, always with 12 places.
pub fn pico_text(units: i128) -> String {
    decimal_text(units, PICO_SCALE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_bills_write() {
        let pico = |text: &str| parse_pico(text).unwrap().pico;
        assert_eq!(pico("4.1350277"), 4_135_027_700_000);
        assert_eq!(pico("35.2E-7"), 3_520_000);
        assert_eq!(pico("-0.000000000001"), -1);
        assert_eq!(pico("1e3"), 1_000 * PICO);
        assert!(!parse_pico("0.5").unwrap().rounded);
    }

    #[test]
    fn rounds_half_to_even_once_and_says_so() {
        let half = parse_pico("0.0000000000005").unwrap();
        assert_eq!((half.pico, half.rounded), (0, true));
        assert_eq!(parse_pico("0.0000000000015").unwrap().pico, 2);
        assert_eq!(parse_pico("0.12345678901234567890").unwrap().pico, 123_456_789_012);
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", "-", "+1", ".5", "5.", "1_000", "1,000.00", "NaN", "inf", "1e999", "0x1", " 1"] {
            assert!(parse_pico(text).is_err(), "{text:?}");
        }
        assert!(parse_pico(&"9".repeat(40)).is_err());
    }

    #[test]
    fn currencies_without_minor_units_are_refused() {
        assert!(Currency::new("USD").is_ok());
        assert_eq!(Currency::new("JPY").unwrap().exponent(), 0);
        for code in ["XAU", "XXX", "usd", "QQQ", ""] {
            assert!(Currency::new(code).is_err(), "{code}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back_is_the_same(units in -MAX_PICO..=MAX_PICO) {
            prop_assert_eq!(parse_pico(&pico_text(units)).unwrap().pico, units);
        }

        #[test]
        fn l8_the_quick_way_reads_what_the_exact_way_reads(
            text in "-?[0-9]{0,20}(\\.[0-9]{0,11}(0|5|[0-9]{0,20}))?(5|50{1,3}|[eE]1|x)?",
        ) {
            let exact = check_grammar(&text).and_then(|()| rounded_exactly(&text));
            prop_assert_eq!(parse_pico(&text).ok(), exact.ok());
            if let (Ok(amount), Some(fine)) = (exact, fine_difference(&text)) {
                let difference = parse_difference(&text, amount.pico).unwrap();
                prop_assert_eq!(difference, BigDecimal::new(fine.into(), 30));
            }
        }
    }
}
