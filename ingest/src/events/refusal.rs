//! Why one record cannot be used, in words for the person who mends it.
//!
//! A detail names the field, the value (shortened) and what is expected. It never shows a user's
//! name: details are stored in the clear, the record's bytes are not.

use hubtally_schemas::reject::RejectReason;

/// One record that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The code.
    pub reason: RejectReason,
    /// Field, value, what is expected.
    pub detail: String,
    /// UTC day that the record speaks of, where it could be read.
    pub day: Option<i32>,
}

impl Refused {
    /// A refusal whose day is not known.
    pub fn new(reason: RejectReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), day: None }
    }

    /// A field that is not there.
    pub fn missing(field: &str, hint: &str) -> Self {
        Self::new(RejectReason::MissingField, format!("`{field}` is missing: {hint}"))
    }

    /// A field whose value is not acceptable.
    pub fn invalid(field: &str, value: &str, expected: &str) -> Self {
        Self::new(
            RejectReason::InvalidValue,
            format!("`{field}` is {}: expected {expected}", shown(field, value)),
        )
    }

    /// The same refusal, with the day that the record speaks of.
    #[must_use]
    pub fn on(mut self, day: i32) -> Self {
        self.day = Some(day);
        self
    }
}

/// A value for a person: quoted, control characters escaped, cut at 48 characters; names hidden.
pub fn shown(field: &str, value: &str) -> String {
    if field == "user" {
        return format!("a text of {} bytes (hidden, it may be a name)", value.len());
    }
    let mut cut: String = value.chars().take(48).collect();
    if cut.len() < value.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}
