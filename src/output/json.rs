//! Results for programs.

use serde::Serialize;

use crate::failure::Failure;

/// Prints a result as JSON, readable by people too.
pub fn print<T: Serialize>(value: &T) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::Form {
        what: "result",
        form: "JSON",
        source: Box::new(error),
    })?;
    super::print(&text)
}
