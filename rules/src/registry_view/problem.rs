//! What is wrong with a registry or a policy, and what to do about it.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// It can be used; somebody should look.
    Warning,
    /// It cannot be used.
    Error,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryProblem {
    /// How bad it is.
    pub severity: Severity,
    /// Where: the entry's kind, its number from 1, and its id: `hub[3] "geo"`.
    pub place: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl RegistryProblem {
    pub(crate) fn error(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, place: place.into(), message: message.into() }
    }

    pub(crate) fn warning(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, place: place.into(), message: message.into() }
    }
}

impl fmt::Display for RegistryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// `: did you mean "tides"?` where a known value is near, else the known values in short.
pub(crate) fn nearest<'a>(value: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    known.dedup();
    let best = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&value.to_lowercase(), &name.to_lowercase()), *name))
        .min();
    match best {
        Some((distance, name)) if distance <= 1 + value.chars().count() / 3 => {
            format!("did you mean \"{name}\"?")
        }
        None => "none is in the registry yet: add it".to_owned(),
        Some(_) => {
            let more = if known.len() > 8 { ", …" } else { "" };
            format!("add it, or use one of {}{more}", known[..known.len().min(8)].join(", "))
        }
    }
}
