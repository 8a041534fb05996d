//! What can be wrong with a value of the agreement.

use thiserror::Error;

/// A value that does not keep the agreement. Each variant names the value and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// An id is empty, too long, or holds control characters.
    #[error("{kind} {value:?} is not an id: {why}")]
    Id {
        /// Which id.
        kind: &'static str,
        /// The value as it came.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Text that is no plain decimal number.
    #[error("amount {value:?} is not a decimal number: {why}")]
    Amount {
        /// The text as it came, shortened.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A currency code that no invoice can be written in.
    #[error("currency {value:?}: {why}")]
    Currency {
        /// The code as it came.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two amounts of different currencies met.
    #[error("amounts in {left} and {right} cannot be added: convert one of them first")]
    MixedCurrencies {
        /// Currency of the first amount.
        left: String,
        /// Currency of the second amount.
        right: String,
    },
    /// A sum or product left the range of its type.
    #[error("{what} overflows its range")]
    Overflow {
        /// What was computed.
        what: &'static str,
    },
    /// A month that is not `YYYY-MM`.
    #[error("period {value:?} is not a month: write it as YYYY-MM, for example 2026-06")]
    Period {
        /// The text as it came.
        value: String,
    },
    /// An instant that cannot be read.
    #[error("time {value:?} is not an RFC 3339 instant, for example 2026-06-14T09:00:00Z")]
    Instant {
        /// The text as it came.
        value: String,
    },
    /// A span that ends before, or at, its start.
    #[error("a span from {start} to {end} is empty or ends before it starts")]
    Span {
        /// Start of the span.
        start: String,
        /// End of the span.
        end: String,
    },
}
