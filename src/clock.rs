//! The only place where the binary reads the clock; everything below takes the time as a parameter.

use chrono::Utc;
use hubtally_schemas::Instant;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
pub fn now() -> Instant {
    Instant(Utc::now().timestamp_micros())
}
