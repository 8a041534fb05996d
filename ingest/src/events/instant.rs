//! RFC 3339 in its usual form, read without a general parser: most of an event's time is spent on
//! its text, and two instants stand in each.

use hubtally_schemas::{Instant, SchemaError};

/// Reads an instant; what is not plainly `YYYY-MM-DDTHH:MM:SS[.fraction]Z` goes to
/// [`Instant::parse`], so both accept the same texts.
pub fn read_instant(text: &str) -> Result<Instant, SchemaError> {
    plain(text.as_bytes()).map_or_else(|| Instant::parse(text), Ok)
}

fn plain(text: &[u8]) -> Option<Instant> {
    let (&last, body) = text.split_last()?;
    if last != b'Z' || body.len() < 19 {
        return None;
    }
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if marks.iter().any(|&(at, mark)| body[at] != mark) {
        return None;
    }
    let year = digits(&body[0..4])?;
    let month = digits(&body[5..7])?;
    let day = digits(&body[8..10])?;
    let (hour, minute, second) = (digits(&body[11..13])?, digits(&body[14..16])?, digits(&body[17..19])?);
    let exists = year >= 1970
        && (1..=month_length(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !exists {
        return None;
    }
    let micros = match &body[19..] {
        [] => 0,
        [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
            let all = digits(fraction)?;
            let places = i32::try_from(fraction.len()).ok()?;
            if places <= 6 {
                all * 10_i64.pow(u32::try_from(6 - places).ok()?)
            } else {
                all / 10_i64.pow(u32::try_from(places - 6).ok()?)
            }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(Instant(seconds * 1_000_000 + micros))
}

fn month_length(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_forms_are_read_as_the_general_parser_reads_them() {
        for text in [
            "2026-06-01T00:00:00Z",
            "2028-02-29T23:59:59.999999Z",
            "2027-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-06-01T24:00:00Z",
            "2026-06-30T23:59:60Z",
            "2026-06-01T02:00:00+02:00",
            "2026-06-01T00:00:00.123456789Z",
            "2026-06-01T00:00:00.Z",
            "2026-06-01 00:00:00Z",
            "1969-12-31T23:59:59.5Z",
            "2026-03-02T09:14:07.482113+00:00Z",
            "2026-06-01T00:00:00",
            "+026-06-01T00:00:00Z",
            "",
            "Z",
            "2026-06-01T00:00:0éZ",
        ] {
            assert_eq!(read_instant(text), Instant::parse(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_instant_is_read_as_the_general_parser_reads_it(micros in 0_i64..4_102_444_800_000_000) {
            let text = Instant(micros).to_string();
            prop_assert_eq!(read_instant(&text).unwrap(), Instant(micros));
        }

        #[test]
        fn any_date_and_time_is_judged_alike(
            y in 1960_u32..2110, mo in 0_u32..14, d in 0_u32..33, h in 0_u32..26, mi in 0_u32..62, s in 0_u32..62,
        ) {
            let text = format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z");
            prop_assert_eq!(read_instant(&text), Instant::parse(&text));
        }
    }
}
