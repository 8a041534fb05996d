//! The policy: every choice that changes an invoice, none of them silent.
//!
//! All fields of [`Policy`] are required. A missing one is an error that names the choices
//! ([`CHOICES`]); each statement prints them in words ([`Policy::sentences`]).

use serde::{Deserialize, Serialize};

use crate::registry::PeriodBasis;

/// The whole policy, of one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Name and version, printed on statements: `default-2026`.
    pub id: String,
    /// Which month a charge belongs to.
    pub period_basis: PeriodBasis,
    /// Which cost is split.
    pub cost_basis: CostBasis,
    /// How the cost of a node is split among its pods.
    pub compute: ComputePolicy,
    /// Who bears what was paid and not used.
    pub idle: IdleRule,
    /// How core nodes, networking and other shared cost are split.
    pub shared: SharedRule,
    /// With `shared = "fixed"`: parts per million by community, summing to 1,000,000.
    #[serde(default, rename = "fixed_ppm", skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub fixed_ppm: std::collections::BTreeMap<String, u32>,
    /// Whether statements show user names.
    pub user_names: UserNames,
    /// How usage in unobserved hours is filled.
    pub gap_fill: GapFill,
}

/// Which cost is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostBasis {
    /// What the invoice says.
    Billed,
    /// Amortised: commitments spread over their use.
    Effective,
}

impl CostBasis {
    /// As stored in `ledger.basis`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Billed => "billed",
            Self::Effective => "effective",
        }
    }
}

/// How the cost of a node is split among its pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComputePolicy {
    /// Share of memory requested; idle is spread by construction.
    #[serde(rename = "requests_only(memory)")]
    RequestsOnlyMemory,
    /// AWS split cost allocation data: max(reserved, used), CPU and memory weighted 9 : 1, idle kept apart.
    #[serde(rename = "aws_scad")]
    AwsScad,
}

impl ComputePolicy {
    /// As written in the policy.
    pub fn code(self) -> &'static str {
        match self {
            Self::RequestsOnlyMemory => "requests_only(memory)",
            Self::AwsScad => "aws_scad",
        }
    }
}

/// Who bears what was paid and not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdleRule {
    /// A row of its own, borne by the node's hub, else by the account's owner.
    Separate,
    /// Spread over the pods of the same node and hour by their use.
    Proportional,
    /// Borne by the organisation; the kind stays `idle`.
    Absorbed,
}

/// How shared cost is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedRule {
    /// Equal parts for each hub of the cluster, by the days it was there.
    Equal,
    /// By each hub's own direct cost before idle.
    Direct,
    /// By each hub's requested memory.
    Memory,
    /// Parts per million by community.
    Fixed,
    /// The organisation bears it.
    Organisation,
}

impl SharedRule {
    /// As written in the policy.
    pub fn code(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Direct => "direct",
            Self::Memory => "memory",
            Self::Fixed => "fixed",
            Self::Organisation => "organisation",
        }
    }
}

/// Whether statements show user names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserNames {
    /// Names as the hub has them.
    Shown,
    /// Keyed ids only.
    Hidden,
}

/// How usage in unobserved hours is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapFill {
    /// Not at all: the cost goes to the owner as `unattributed: no_telemetry`.
    None,
}

/// A choice of the policy: key, its values with a sentence each.
#[derive(Debug, Clone, Copy)]
pub struct Choice {
    /// Key in `policy.toml`.
    pub key: &'static str,
    /// What is decided.
    pub question: &'static str,
    /// Value and what it means; the first is what `init` writes.
    pub values: &'static [(&'static str, &'static str)],
}

/// Every choice that changes an invoice, with the sentences that `init`, errors and statements use.
pub const CHOICES: &[Choice] = &[
    Choice {
        key: "period_basis",
        question: "Which month a charge belongs to",
        values: &[
            ("invoice_month", "A charge belongs to the month of the provider's invoice."),
            ("usage_date", "A charge belongs to the month in which its own period starts (UTC)."),
        ],
    },
    Choice {
        key: "cost_basis",
        question: "Which cost is split",
        values: &[
            ("billed", "The cost split is what the provider's invoice says."),
            (
                "effective",
                "The cost split is amortised: purchases and commitments are spread over their use.",
            ),
        ],
    },
    Choice {
        key: "compute",
        question: "How the cost of a node is split among its pods",
        values: &[
            (
                "aws_scad",
                "A node's cost is split by the larger of requested and used, CPU and memory weighted 9 to 1; what nobody used is idle.",
            ),
            (
                "requests_only(memory)",
                "A node's cost is split by memory requested; idle is spread by the same shares.",
            ),
        ],
    },
    Choice {
        key: "idle",
        question: "Who bears what was paid and not used",
        values: &[
            (
                "separate",
                "Idle is a line of its own, borne by the hub of the node, else by the owner of the account.",
            ),
            ("proportional", "Idle is spread over the pods of the same node and hour, by their use."),
            ("absorbed", "The organisation bears idle."),
        ],
    },
    Choice {
        key: "shared",
        question: "How core nodes, networking and other shared cost are split",
        values: &[
            (
                "equal",
                "Shared cost is split equally among the hubs of the cluster, by the days each was there.",
            ),
            ("direct", "Shared cost is split by each hub's own direct cost."),
            ("memory", "Shared cost is split by each hub's requested memory."),
            ("fixed", "Shared cost is split by fixed parts that the policy names."),
            ("organisation", "The organisation bears shared cost."),
        ],
    },
    Choice {
        key: "user_names",
        question: "Whether statements show user names",
        values: &[
            ("hidden", "Users appear under a keyed id, not under their names."),
            ("shown", "Users appear under their names, to those who may read the community's report."),
        ],
    },
    Choice {
        key: "gap_fill",
        question: "How unobserved hours are filled",
        values: &[(
            "none",
            "Cost of hours without telemetry is not spread: it goes to the account's owner as unattributed.",
        )],
    },
];

impl Policy {
    /// The value of each choice, as written.
    pub fn chosen(&self) -> Vec<(&'static Choice, &'static str)> {
        let code = |key: &str| -> String {
            let plain = |value: serde_json::Result<serde_json::Value>| {
                value.ok().and_then(|v| v.as_str().map(ToOwned::to_owned)).unwrap_or_default()
            };
            match key {
                "period_basis" => plain(serde_json::to_value(self.period_basis)),
                "cost_basis" => plain(serde_json::to_value(self.cost_basis)),
                "compute" => plain(serde_json::to_value(self.compute)),
                "idle" => plain(serde_json::to_value(self.idle)),
                "shared" => plain(serde_json::to_value(self.shared)),
                "user_names" => plain(serde_json::to_value(self.user_names)),
                _ => plain(serde_json::to_value(self.gap_fill)),
            }
        };
        CHOICES
            .iter()
            .filter_map(|choice| {
                let chosen = code(choice.key);
                choice.values.iter().find(|(value, _)| *value == chosen).map(|(value, _)| (choice, *value))
            })
            .collect()
    }

    /// The policy in plain words, a sentence a choice: what each statement prints.
    pub fn sentences(&self) -> Vec<&'static str> {
        self.chosen()
            .into_iter()
            .filter_map(|(choice, chosen)| {
                choice.values.iter().find(|(v, _)| *v == chosen).map(|(_, words)| *words)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Policy {
        Policy {
            id: "default-2026".into(),
            period_basis: PeriodBasis::InvoiceMonth,
            cost_basis: CostBasis::Billed,
            compute: ComputePolicy::AwsScad,
            idle: IdleRule::Separate,
            shared: SharedRule::Equal,
            fixed_ppm: std::collections::BTreeMap::new(),
            user_names: UserNames::Hidden,
            gap_fill: GapFill::None,
        }
    }

    #[test]
    fn every_choice_is_said_in_words() {
        let policy = example();
        assert_eq!(policy.chosen().len(), CHOICES.len());
        assert_eq!(policy.sentences().len(), CHOICES.len());
    }

    #[test]
    fn every_value_that_is_offered_is_read() {
        for choice in CHOICES {
            for (value, _) in choice.values {
                let mut json = serde_json::to_value(example()).unwrap();
                json[choice.key] = serde_json::Value::String((*value).to_owned());
                let read: Result<Policy, _> = serde_json::from_value(json);
                assert!(read.is_ok(), "{} = {value}: {read:?}", choice.key);
            }
        }
    }
}
