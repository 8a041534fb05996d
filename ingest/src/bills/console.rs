//! What the consoles' CSV files share: currencies in brackets, thousands, account numbers.

use hubtally_schemas::Currency;

/// The currency in the brackets at the end: `ocean lab ($)`, `Subtotal (EUR)`.
pub(crate) fn currency_of(text: &str) -> Option<Currency> {
    let inside = text.trim_end().strip_suffix(')')?.rsplit_once('(')?.1.trim();
    match inside {
        "$" | "US$" => Some(Currency::USD),
        "€" => Some(Currency::EUR),
        "£" => Currency::new("GBP").ok(),
        "¥" => Currency::new("JPY").ok(),
        "₹" => Currency::new("INR").ok(),
        "A$" => Currency::new("AUD").ok(),
        "CA$" => Currency::new("CAD").ok(),
        code => Currency::new(code).ok(),
    }
}

/// An amount without the thousands separators that consoles and spreadsheets add: `1,234.50`. Only
/// where a point follows, since `1,234` may mean a decimal comma and is left to be refused.
pub(crate) fn money_text(cell: &str) -> String {
    let cell = cell.trim().trim_start_matches('$');
    let unsigned = cell.strip_prefix('-').unwrap_or(cell);
    let Some((whole, _)) = unsigned.split_once('.') else { return cell.to_owned() };
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    let grouped = (1..=3).contains(&first.len())
        && rest.peek().is_some()
        && rest.all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()));
    if grouped { cell.replace(',', "") } else { cell.to_owned() }
}

/// An AWS account number with the leading zeros that spreadsheets drop.
pub(crate) fn aws_account(text: &str) -> String {
    let text = text.trim();
    if !text.is_empty() && text.len() < 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        format!("{text:0>12}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_write_money_for_people() {
        assert_eq!(money_text("1,234.50"), "1234.50");
        assert_eq!(money_text("-12,345,678.9"), "-12345678.9");
        assert_eq!(money_text("1,234"), "1,234");
        assert_eq!(money_text("12,34.5"), "12,34.5");
        assert_eq!(currency_of("ocean lab ($)"), Some(Currency::USD));
        assert_eq!(currency_of("Subtotal (EUR)"), Some(Currency::EUR));
        assert_eq!(currency_of("ocean lab"), None);
        assert_eq!(aws_account("11353890204"), "011353890204");
    }
}
