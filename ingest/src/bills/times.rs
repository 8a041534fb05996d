//! Times as bills write them; without a zone they are UTC.

use chrono::{NaiveDate, NaiveDateTime};
use hubtally_schemas::period::Instant;

/// Reads `2026-06-01T00:00:00Z`, any offset, a blank instead of `T`, a fraction, no zone, or a date.
pub(crate) fn read(text: &str) -> Option<Instant> {
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
        for text in ["", "June", "2026-13-01", "01/06/2026"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
