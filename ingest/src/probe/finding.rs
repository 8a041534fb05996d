//! One thing that was looked at, and what mends it.

use serde::Serialize;

/// How well it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing to do.
    Ok,
    /// It works, and something is lost.
    Warn,
    /// It does not work.
    Fail,
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of what, for example `prometheus tides` or `store`.
    pub of: String,
    /// What was looked at.
    pub what: String,
    /// How well it stands.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What mends it, with the text to copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Finding {
    /// Nothing to do.
    pub fn ok(of: &str, what: &str, found: impl Into<String>) -> Self {
        Self { of: of.to_owned(), what: what.to_owned(), level: Level::Ok, found: found.into(), mend: None }
    }

    /// It works, and something is lost.
    pub fn warn(of: &str, what: &str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Warn, mend: Some(mend.into()), ..Self::ok(of, what, found) }
    }

    /// It does not work.
    pub fn fail(of: &str, what: &str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { level: Level::Fail, mend: Some(mend.into()), ..Self::ok(of, what, found) }
    }
}
