//! Times as bills write them; without a zone they are UTC.

use chrono::{NaiveDate, NaiveDateTime};
use hubtally_schemas::period::Instant;

/// Reads `2026-06-01T00:00:00Z`, any offset, a blank instead of `T`, a fraction, no zone, or a date.
pub(crate) fn read(text: &str) -> Option<Instant> {
    in_the_usual_shape(text.as_bytes()).or_else(|| in_any_shape(text))
}

/// `2026-06-01T00:00:00` with `T` or a blank, and with `Z` or nothing behind: nearly every time of a bill,
/// of which it has four a line. `None`: another shape, or no time; [`in_any_shape`] decides.
fn in_the_usual_shape(text: &[u8]) -> Option<Instant> {
    let (text, end) = text.split_at_checked(19)?;
    let marks = [text[4], text[7], text[13], text[16]];
    if marks != *b"--::" || !matches!(text[10], b'T' | b' ') || !matches!(end, [] | [b'Z']) {
        return None;
    }
    let number = |from: usize, to: usize| {
        text[from..to].iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(*byte - b'0'))
        })
    };
    let year = i32::try_from(number(0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    let time = date.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    Some(Instant(time.and_utc().timestamp_micros()))
}

fn in_any_shape(text: &str) -> Option<Instant> {
    if let Some(date) = date(text) {
        return Some(Instant::at_midnight(date));
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let naive = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    for pattern in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(naive, pattern) {
            return Some(Instant(time.and_utc().timestamp_micros()));
        }
    }
    let spaced = text.replacen(' ', "T", 1);
    chrono::DateTime::parse_from_rfc3339(&spaced).ok().map(|time| Instant(time.timestamp_micros()))
}

/// Reads a plain date.
pub(crate) fn date(text: &str) -> Option<NaiveDate> {
    (text.len() == 10).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bills_write_times_in_many_ways() {
        let nine = read("2026-06-01T09:00:00Z").unwrap();
        for text in [
            "2026-06-01 09:00:00",
            "2026-06-01T09:00:00",
            "2026-06-01T09:00:00.000000",
            "2026-06-01 09:00:00 UTC",
            "2026-06-01T11:00:00+02:00",
            "2026-06-01 11:00:00+02:00",
            "2026-06-01T09:00Z",
        ] {
            assert_eq!(read(text), Some(nine), "{text}");
        }
        assert_eq!(read("2026-06-01"), read("2026-06-01T00:00:00Z"));
        for text in
            ["2026-06-01T09:00:00Z", "2024-02-29 23:59:59", "0001-01-01T00:00:00", "9999-12-31 00:00:00Z"]
        {
            assert_eq!(in_the_usual_shape(text.as_bytes()), in_any_shape(text), "{text}");
            assert!(read(text).is_some(), "{text}");
        }
        for text in
            ["2026-02-29T00:00:00Z", "2026-06-01T24:00:00Z", "2026-06-01T00:00:60Z", "+026-06-01T00:00:00"]
        {
            assert_eq!(in_the_usual_shape(text.as_bytes()), None, "{text}");
        }
        for text in ["", "June", "2026-13-01", "01/06/2026"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
