//! What a value of an event must keep, one small judge per kind of value.

use hubtally_schemas::event::Quantity;
use hubtally_schemas::ids::MAX_ID_BYTES;
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::units::{DAY_US, US_PER_MS};
use hubtally_schemas::{Instant, Span};

use super::instant::read_instant;
use super::refusal::{Refused, shown};

/// How far a producer's clock may run ahead: 5 minutes, in microseconds.
pub const FUTURE_TOLERANCE_US: i64 = 5 * 60 * 1_000_000;
/// 2010-01-01T00:00:00Z: nothing that is metered here existed before.
const EARLIEST: Instant = Instant(1_262_304_000_000_000);
/// The longest text of a field that is no id, in bytes.
pub const MAX_TEXT_BYTES: usize = 4_096;
/// The longest raw user name, in bytes.
pub const MAX_USER_BYTES: usize = 1_024;
/// The most samples of one query in one hour that are believed.
pub const MAX_SAMPLES: i64 = 1_000_000_000;

/// A name that becomes part of a key: 1 to 512 bytes without control characters.
pub fn name(field: &str, value: &str) -> Result<(), Refused> {
    let printable =
        || value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || !value.chars().any(char::is_control);
    if !value.is_empty() && value.len() <= MAX_ID_BYTES && printable() {
        return Ok(());
    }
    Err(Refused::invalid(field, value, "1 to 512 bytes without control characters"))
}

/// A text that is kept as it is; empty means absent.
pub fn text<'v>(field: &str, value: Option<&'v str>) -> Result<Option<&'v str>, Refused> {
    longest(field, value, MAX_TEXT_BYTES).map(|kept| kept.filter(|text| !text.is_empty()))
}

/// A text where empty has a meaning of its own, as the default server's name does.
pub fn text_or_empty<'v>(field: &str, value: Option<&'v str>) -> Result<Option<&'v str>, Refused> {
    longest(field, value, MAX_TEXT_BYTES)
}

/// A raw user name; empty means that the event has no user.
pub fn user(value: Option<&str>) -> Result<Option<&str>, Refused> {
    longest("user", value, MAX_USER_BYTES).map(|kept| kept.filter(|text| !text.is_empty()))
}

fn longest<'v>(field: &str, value: Option<&'v str>, limit: usize) -> Result<Option<&'v str>, Refused> {
    match value {
        Some(text) if text.len() > limit => {
            Err(Refused::invalid(field, text, &format!("at most {limit} bytes, not {}", text.len())))
        }
        kept => Ok(kept),
    }
}

/// One of a few words.
pub fn one_of(field: &str, value: &str, words: &[&'static str]) -> Result<&'static str, Refused> {
    words
        .iter()
        .copied()
        .find(|word| *word == value)
        .ok_or_else(|| Refused::invalid(field, value, &format!("one of {}", words.join(", "))))
}

/// An instant, neither before 2010 nor in the future.
pub fn instant(field: &str, value: &str, now: Instant) -> Result<Instant, Refused> {
    let at = any_instant(field, value)?;
    not_future(field, at, now)?;
    Ok(at)
}

/// An instant, as far in the past or the future as its text says.
pub fn any_instant(field: &str, value: &str) -> Result<Instant, Refused> {
    read_instant(value)
        .map_err(|_| Refused::invalid(field, value, "an RFC 3339 instant, for example 2026-06-14T09:00:00Z"))
}

/// A text that is an instant, no older than what is metered here.
pub fn believable_instant(value: &str) -> Option<Instant> {
    read_instant(value).ok().filter(|at| *at >= EARLIEST)
}

fn not_future(field: &str, at: Instant, now: Instant) -> Result<(), Refused> {
    if at < EARLIEST {
        let expected = "an instant after 2010-01-01: look at the producer's clock and units";
        return Err(Refused::invalid(field, &at.to_string(), expected));
    }
    if at.0 > now.0.saturating_add(FUTURE_TOLERANCE_US) {
        let detail = format!("`{field}` is {at}, and it is {now}: expected at most 5 minutes ahead of that");
        return Err(Refused::new(RejectReason::Future, detail));
    }
    Ok(())
}

/// An interval: not empty, no longer than a day, not in the future.
pub fn interval(start: &str, end: &str, now: Instant) -> Result<Span, Refused> {
    let (start, end) = (any_instant("start", start)?, any_instant("end", end)?);
    not_future("start", start, now)?;
    let day = start.day();
    let Ok(span) = Span::new(start, end) else {
        let detail = format!("`start` is {start} and `end` is {end}: expected an `end` after `start`");
        return Err(Refused::new(RejectReason::EmptyInterval, detail).on(day));
    };
    if span.length_us() > DAY_US {
        let hours = span.length_us() / (DAY_US / 24);
        let detail = format!("from {start} to {end} are {hours} hours: expected at most 24");
        return Err(Refused::new(RejectReason::IntervalTooLong, detail).on(day));
    }
    not_future("end", end, now).map_err(|refused| refused.on(day))?;
    Ok(span)
}

/// A quantity over an interval: not negative, and no more than `level` for the whole of it.
pub fn over_time(
    field: &str,
    value: Option<Quantity>,
    level: i64,
    span: &Span,
    unit: &str,
) -> Result<Option<i128>, Refused> {
    let Some(Quantity(value)) = value else { return Ok(None) };
    not_negative(field, value, unit)?;
    let most = i128::from(level) * i128::from(span.length_us());
    // At the limits of i128 the product itself overflows: that is absurd too.
    match value.checked_mul(i128::from(US_PER_MS)) {
        Some(scaled) if scaled <= most => Ok(Some(value)),
        _ => {
            let ms = span.length_us() / US_PER_MS;
            let detail = format!(
                "`{field}` is {value} {unit} over {ms} ms: expected at most {level} for all of that time"
            );
            Err(Refused::new(RejectReason::Absurd, detail))
        }
    }
}

/// A level: not negative, at most `limit`.
pub fn level(field: &str, value: Quantity, limit: i64, unit: &str) -> Result<i64, Refused> {
    not_negative(field, value.0, unit)?;
    match i64::try_from(value.0) {
        Ok(fits) if fits <= limit => Ok(fits),
        _ => {
            let detail = format!("`{field}` is {} {unit}: expected at most {limit}", value.0);
            Err(Refused::new(RejectReason::Absurd, detail))
        }
    }
}

/// A level that may be absent.
pub fn level_or_none(
    field: &str,
    value: Option<Quantity>,
    limit: i64,
    unit: &str,
) -> Result<Option<i64>, Refused> {
    value.map(|value| level(field, value, limit, unit)).transpose()
}

/// A revision: 0 or more.
pub fn revision(value: i64) -> Result<i64, Refused> {
    if value < 0 {
        return Err(Refused::new(
            RejectReason::Negative,
            format!("`revision` is {value}: expected 0 for the first and more for each correction"),
        ));
    }
    Ok(value)
}

fn not_negative(field: &str, value: i128, unit: &str) -> Result<(), Refused> {
    if value < 0 {
        let detail = format!("`{field}` is {value} {unit}: expected 0 or more");
        return Err(Refused::new(RejectReason::Negative, detail));
    }
    Ok(())
}

/// A whole UTC hour.
pub fn whole_hour(field: &str, value: &str, now: Instant) -> Result<Instant, Refused> {
    let at = instant(field, value, now)?;
    if at != at.hour() {
        let detail = format!(
            "`{field}` is {}: expected a whole UTC hour, for example {}",
            shown(field, value),
            at.hour()
        );
        return Err(Refused::new(RejectReason::InvalidValue, detail).on(at.day()));
    }
    Ok(at)
}
