//! What `explain` remembers while one charge is split again.

use serde::Serialize;

/// One step of an explanation: a line of the tree, with what it rests on below it.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct Explanation {
    /// What this step is.
    pub label: String,
    /// Its amount or quantity, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Facts: name and value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<(String, String)>,
    /// What it rests on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Explanation>,
}

impl Explanation {
    /// A step with a label.
    pub fn new(label: impl Into<String>) -> Self {
        Self { label: label.into(), ..Self::default() }
    }

    /// With its amount or quantity.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// With a fact.
    #[must_use]
    pub fn fact(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.facts.push((name.to_owned(), format!("{value}")));
        self
    }
}

/// The steps of one charge; off while a month is allocated.
#[derive(Debug, Default)]
pub struct Trace {
    steps: Option<Vec<TraceHour>>,
}

/// A split that happened, with where its usage rows are found.
#[derive(Debug)]
pub struct TraceHour {
    pub step: Explanation,
    /// Cluster and start of the hour, µs, where pods carried the weights.
    pub usage: Option<(String, i64)>,
}

impl Trace {
    /// A trace that remembers.
    pub fn on() -> Self {
        Self { steps: Some(Vec::new()) }
    }

    /// Remembers a step, which is only made when the trace is on.
    pub fn push(&mut self, step: impl FnOnce() -> TraceHour) {
        if let Some(steps) = &mut self.steps {
            steps.push(step());
        }
    }

    /// What was remembered.
    pub fn steps(self) -> Vec<TraceHour> {
        self.steps.unwrap_or_default()
    }
}
