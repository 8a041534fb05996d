//! Numbers and dates as a person reads them. Exact values are in the JSON and CSV.

use chrono::NaiveDate;
use hubtally_schemas::units::{GIB, HOUR_MS};
use hubtally_schemas::{Currency, Minor};

/// Minus as documents print it.
pub const MINUS: char = '\u{2212}';
/// Keeps a number and its unit on one line.
pub const NBSP: char = '\u{a0}';
/// byte·ms in a GiB-hour.
pub const BYTE_MS_PER_GIB_HOUR: i128 = GIB as i128 * HOUR_MS as i128;
/// millicore·ms in a core-hour; also milliGPU·ms in a GPU-hour.
pub const MILLI_MS_PER_HOUR: i128 = 1_000 * HOUR_MS as i128;

/// An amount without its currency, as tables print it: `3,412.18`, `−5.00`.
pub fn amount(amount: Minor) -> String {
    let exponent = amount.currency.exponent() as usize;
    let digits = format!("{:0width$}", amount.units.unsigned_abs(), width = exponent + 1);
    let (whole, fraction) = digits.split_at(digits.len() - exponent);
    let sign = if amount.units < 0 { MINUS.to_string() } else { String::new() };
    let point = if exponent == 0 { "" } else { "." };
    format!("{sign}{}{point}{fraction}", grouped(whole))
}

/// An amount in running text: `$3,412.18`, `CHF 12.00`.
pub fn money(of: Minor) -> String {
    let plain = amount(Minor { units: of.units.saturating_abs(), currency: of.currency });
    let sign = if of.units < 0 { MINUS.to_string() } else { String::new() };
    match symbol(of.currency) {
        Some(symbol) => format!("{sign}{symbol}{plain}"),
        None => format!("{}{NBSP}{sign}{plain}", of.currency),
    }
}

/// An exact amount (10⁻¹² units) for a reader: at least the currency's places, no needless zeros.
pub fn exact(decimal_text: &str, currency: Currency) -> String {
    let (sign, plain) = match decimal_text.strip_prefix('-') {
        Some(rest) => (MINUS.to_string(), rest),
        None => (String::new(), decimal_text),
    };
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    let places = currency.exponent() as usize;
    let kept = fraction.trim_end_matches('0').len().max(places).min(fraction.len());
    let point = if kept == 0 { "" } else { "." };
    format!("{sign}{}{point}{}", grouped(whole), &fraction[..kept])
}

/// A whole number with thousands separated.
pub fn count(number: i64) -> String {
    let sign = if number < 0 { MINUS.to_string() } else { String::new() };
    format!("{sign}{}", grouped(&number.unsigned_abs().to_string()))
}

/// A count with its noun: `1 hour`, `2 hours`.
pub fn counted(number: i64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// `numerator / denominator` to three significant digits: `1,230`, `12.3`, `0.0123`, `< 0.001`.
pub fn three_digits(numerator: i128, denominator: i128) -> String {
    if numerator == 0 || denominator <= 0 {
        return "0".to_owned();
    }
    let sign = if numerator < 0 { MINUS.to_string() } else { String::new() };
    let (value, whole) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let nearest = |value: u128, unit: u128| value.saturating_add(unit / 2) / unit;
    // The largest number of decimals, up to 5, at which three digits or fewer remain.
    for decimals in (0..=5_u32).rev() {
        let Some(digits) = value.checked_mul(10_u128.pow(decimals)).map(|scaled| nearest(scaled, whole))
        else {
            continue;
        };
        if decimals == 5 && digits < 100 {
            return format!("{sign}<{NBSP}0.001");
        }
        if digits < 1_000 {
            return format!("{sign}{}", decimal(digits, decimals));
        }
    }
    // Four digits or more before the point: the last ones are zeros.
    let mut unit = 10_u128;
    while let Some(step) = whole.checked_mul(unit) {
        let digits = nearest(value, step);
        if digits < 1_000 {
            return format!("{sign}{}", grouped(&digits.saturating_mul(unit).to_string()));
        }
        unit = unit.saturating_mul(10);
    }
    format!("{sign}{}", grouped(&(value / whole).to_string()))
}

/// Memory over time.
pub fn gib_hours(byte_ms: i128) -> String {
    three_digits(byte_ms, BYTE_MS_PER_GIB_HOUR)
}

/// CPU over time.
pub fn core_hours(millicore_ms: i128) -> String {
    three_digits(millicore_ms, MILLI_MS_PER_HOUR)
}

/// A size.
pub fn gib(bytes: i128) -> String {
    three_digits(bytes, i128::from(GIB))
}

/// Percent seen of expected, one decimal. Never `100.0` while anything is missing, never `0.0` while
/// anything was seen; `None` where nothing was expected.
pub fn coverage_percent(seen: i64, expected: i64) -> Option<String> {
    let text = hubtally_rules::rounding::percent_text(i128::from(seen), i128::from(expected))?;
    Some(match text.as_str() {
        "100.0" if seen < expected => "99.9".to_owned(),
        "0.0" if seen > 0 => "0.1".to_owned(),
        _ => text,
    })
}

/// A share of a whole in text: `98.7 %`.
pub fn percent(text: &str) -> String {
    format!("{}{NBSP}%", text.replace('-', &MINUS.to_string()))
}

/// A day in text: `14 June`.
pub fn day_words(day: NaiveDate) -> String {
    day.format("%-d\u{a0}%B").to_string()
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn symbol(currency: Currency) -> Option<&'static str> {
    match currency.code() {
        "USD" => Some("$"),
        "EUR" => Some("€"),
        "GBP" => Some("£"),
        _ => None,
    }
}

/// `digits` over 10^decimals.
fn decimal(digits: u128, decimals: u32) -> String {
    let base = 10_u128.pow(decimals);
    if decimals == 0 {
        return digits.to_string();
    }
    format!("{}.{:0width$}", digits / base, digits % base, width = decimals as usize)
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(units: i128) -> Minor {
        Minor { units, currency: Currency::USD }
    }

    #[test]
    fn amounts_are_grouped_with_the_currencys_places() {
        assert_eq!(amount(usd(341_218)), "3,412.18");
        assert_eq!(amount(usd(-5)), "−0.05");
        assert_eq!(amount(usd(123_456_789)), "1,234,567.89");
        assert_eq!(money(usd(-341_218)), "−$3,412.18");
        let yen = Currency::new("JPY").unwrap();
        assert_eq!(money(Minor { units: 1_234, currency: yen }), "JPY\u{a0}1,234");
        assert_eq!(exact("1234.500000000001", Currency::USD), "1,234.500000000001");
        assert_eq!(exact("-1234.500000000000", Currency::USD), "−1,234.50");
        assert_eq!(exact("0.000000000000", yen), "0");
    }

    #[test]
    fn usage_has_three_significant_digits() {
        let cases = [
            (0, "0"),
            (1, "<\u{a0}0.001"),
            (1_234, "0.00123"),
            (12_340, "0.0123"),
            (1_234_000, "1.23"),
            (12_340_000, "12.3"),
            (999_600_000, "1,000"),
            (1_234_500_000, "1,230"),
            (1_999_600_000_000, "2,000,000"),
        ];
        for (millionths, shown) in cases {
            assert_eq!(three_digits(millionths, 1_000_000), shown, "{millionths}");
        }
        assert_eq!(gib_hours(BYTE_MS_PER_GIB_HOUR * 7), "7.00");
    }

    #[test]
    fn coverage_never_hides_a_gap_l4() {
        assert_eq!(coverage_percent(99_999, 100_000).as_deref(), Some("99.9"));
        assert_eq!(coverage_percent(1, 100_000).as_deref(), Some("0.1"));
        assert_eq!(coverage_percent(0, 100).as_deref(), Some("0.0"));
        assert_eq!(coverage_percent(0, 0), None);
        assert_eq!(coverage_percent(987, 1_000).as_deref(), Some("98.7"));
    }

    #[test]
    fn words() {
        assert_eq!(counted(1, "hour"), "1 hour");
        assert_eq!(counted(1_200, "hour"), "1,200 hours");
        assert_eq!(listed(&["a".into(), "b".into(), "c".into()]), "a, b and c");
        assert_eq!(day_words(NaiveDate::from_ymd_opt(2026, 6, 4).unwrap()), "4\u{a0}June");
    }
}
