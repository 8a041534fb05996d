//! The only place where the binary reads the clock; everything below takes the time as a parameter.

use chrono::Utc;
use hubtally_schemas::Instant;

/// Now.
pub fn now() -> Instant {
    Instant(Utc::now().timestamp_micros())
}
