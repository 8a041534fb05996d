//! Time: [`Instant`] in microseconds UTC, half-open [`Span`], and the month as a [`Period`].

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::SchemaError;
use crate::units::{DAY_US, HOUR_US, US_PER_MS};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    /// Reads RFC 3339, also the form `…+00:00Z` that JupyterHub's event log writes.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        let trimmed = text.strip_suffix("+00:00Z").map(|head| format!("{head}Z"));
        let shown = trimmed.as_deref().unwrap_or(text);
        DateTime::parse_from_rfc3339(shown)
            .map(|time| Self(time.timestamp_micros()))
            .map_err(|_| SchemaError::Instant { value: text.chars().take(64).collect() })
    }

    /// From milliseconds since the epoch.
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.saturating_mul(US_PER_MS))
    }

    /// Whole milliseconds since the epoch.
    pub fn ms(self) -> i64 {
        self.0.div_euclid(US_PER_MS)
    }

    /// The start of its UTC hour.
    #[must_use]
    pub fn hour(self) -> Self {
        Self(self.0.div_euclid(HOUR_US) * HOUR_US)
    }

    /// Days since 1970-01-01, as Arrow's Date32 holds them.
    pub fn day(self) -> i32 {
        i32::try_from(self.0.div_euclid(DAY_US)).unwrap_or(i32::MAX)
    }

    /// The UTC date.
    pub fn date(self) -> NaiveDate {
        day_to_date(self.day())
    }

    /// The start of a UTC date.
    pub fn at_midnight(date: NaiveDate) -> Self {
        Self(i64::from(date_to_day(date)) * DAY_US)
    }

    /// As a chrono time.
    pub fn to_chrono(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

/// The UTC date of a day number.
pub fn day_to_date(day: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(day).unwrap_or_default()
}

/// The day number of a UTC date.
pub fn date_to_day(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_chrono().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A half-open span of time, `start` in and `end` out, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// First instant inside.
    pub start: Instant,
    /// First instant after it.
    pub end: Instant,
}

impl Span {
    /// A span that is not empty.
    pub fn new(start: Instant, end: Instant) -> Result<Self, SchemaError> {
        if start < end {
            Ok(Self { start, end })
        } else {
            Err(SchemaError::Span { start: start.to_string(), end: end.to_string() })
        }
    }

    /// Its length in microseconds.
    pub fn length_us(&self) -> i64 {
        self.end.0 - self.start.0
    }

    /// Whether an instant lies inside.
    pub fn contains(&self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }

    /// What two spans share.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        // Asked millions of times a close, and mostly for nothing: no error is worded here.
        let (start, end) = (self.start.max(other.start), self.end.min(other.end));
        (start < end).then_some(Self { start, end })
    }

    /// Cuts at UTC hours: pieces in order, joined end to end.
    pub fn hours(&self) -> impl Iterator<Item = Self> + use<> {
        let (mut at, end) = (self.start, self.end);
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let next = Instant(at.hour().0 + HOUR_US).min(end);
            let piece = Self { start: at, end: next };
            at = next;
            Some(piece)
        })
    }
}

/// A month in UTC, written `2026-06`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period(NaiveDate);

impl Period {
    /// The month that an instant lies in.
    pub fn of(at: Instant) -> Self {
        Self::of_date(at.date())
    }

    /// The month that a date lies in.
    pub fn of_date(date: NaiveDate) -> Self {
        Self(date - Days::new(u64::from(date.day0())))
    }

    /// First day of the month.
    pub fn first_day(self) -> NaiveDate {
        self.0
    }

    /// The month after.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + Months::new(1))
    }

    /// The month before.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0 - Months::new(1))
    }

    /// From its first instant to the first of the next month.
    pub fn span(self) -> Span {
        Span { start: Instant::at_midnight(self.0), end: Instant::at_midnight(self.next().0) }
    }

    /// Its days, in order.
    pub fn days(self) -> impl Iterator<Item = NaiveDate> + use<> {
        let end = self.next().0;
        self.0.iter_days().take_while(move |day| *day < end)
    }

    /// In words: `June 2026`.
    pub fn words(self) -> String {
        self.0.format("%B %Y").to_string()
    }
}

impl FromStr for Period {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let shape = text.len() == 7 && text.as_bytes()[4] == b'-';
        shape
            .then(|| NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| SchemaError::Period { value: text.chars().take(32).collect() })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}

impl fmt::Debug for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_half_open_and_knows_leap_days() {
        let february: Period = "2028-02".parse().unwrap();
        assert_eq!(february.days().count(), 29);
        assert_eq!(february.span().end.to_string(), "2028-03-01T00:00:00Z");
        assert_eq!(february.previous().to_string(), "2028-01");
        for bad in ["2026-6", "2026-13", "June", "2026-06-01", ""] {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }

    #[test]
    fn jupyterhub_times_are_read() {
        let odd = Instant::parse("2026-03-02T09:14:07.482113+00:00Z").unwrap();
        assert_eq!(odd, Instant::parse("2026-03-02T09:14:07.482113Z").unwrap());
    }

    #[test]
    fn hours_tile_a_span() {
        let span = Span::new(
            Instant::parse("2026-06-01T09:30:00Z").unwrap(),
            Instant::parse("2026-06-01T11:15:00Z").unwrap(),
        )
        .unwrap();
        let pieces: Vec<Span> = span.hours().collect();
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.iter().map(Span::length_us).sum::<i64>(), span.length_us());
        assert!(pieces.windows(2).all(|w| w[0].end == w[1].start));
    }
}
