//! AWS Cost Explorer answers: daily, by tag and service, a disjoint set of views with their requests.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use hubtally_schemas::{Instant, Period};
use serde_json::{Value, json};

use super::line::{BillLine, BillSums, Category};
use crate::error::SampleError;
use crate::facts::amount_text;
use crate::output::Folder;

const HUB: &str = "2i2c:hub-name";
const NODE: &str = "2i2c:node-purpose";
const VOLUME: &str = "2i2c:volume-purpose";
const CLAIM_NAMESPACE: &str = "kubernetes.io/created-for/pvc/namespace";
const CLAIM_NAME: &str = "kubernetes.io/created-for/pvc/name";
const INSTANCES: &str = "Amazon Elastic Compute Cloud - Compute";
const EC2_OTHER: &str = "EC2 - Other";
/// Record types that are no use.
const RECORDS: &[&str] = &[
    "Credit",
    "Refund",
    "Tax",
    "Support",
    "Upfront",
    "Recurring",
    "SavingsPlanUpfrontFee",
    "SavingsPlanRecurringFee",
];

/// A condition of a view.
#[derive(Debug, Clone, Copy)]
enum Condition {
    /// The record type is one of [`RECORDS`].
    Record,
    /// It is none of them.
    NotRecord,
    /// The service is one of these.
    Service(&'static [&'static str]),
    /// The service is none of these.
    OtherService(&'static [&'static str]),
    /// The tag is there.
    Tagged(&'static str),
    /// The tag is not there.
    Untagged(&'static str),
}

/// A key that a view is grouped by.
#[derive(Debug, Clone, Copy)]
enum Group {
    Tag(&'static str),
    Service,
    UsageType,
    RecordType,
}

/// A view: which charges, grouped how.
struct View {
    name: &'static str,
    conditions: &'static [Condition],
    groups: [Group; 2],
}

/// The set that `hubtally recipe aws-ce` prints: each charge is in one view.
const VIEWS: &[View] = &[
    View {
        name: "records",
        conditions: &[Condition::Record],
        groups: [Group::RecordType, Group::Service],
    },
    View {
        name: "services",
        conditions: &[Condition::NotRecord, Condition::OtherService(&[INSTANCES, EC2_OTHER])],
        groups: [Group::Service, Group::Tag(HUB)],
    },
    View {
        name: "instances",
        conditions: &[Condition::NotRecord, Condition::Service(&[INSTANCES])],
        groups: [Group::Tag(NODE), Group::Tag(HUB)],
    },
    View {
        name: "home-volumes",
        conditions: &[Condition::NotRecord, Condition::Service(&[EC2_OTHER]), Condition::Tagged(VOLUME)],
        groups: [Group::Tag(VOLUME), Group::Tag(HUB)],
    },
    View {
        name: "claims",
        conditions: &[
            Condition::NotRecord,
            Condition::Service(&[EC2_OTHER]),
            Condition::Untagged(VOLUME),
            Condition::Tagged(CLAIM_NAMESPACE),
        ],
        groups: [Group::Tag(CLAIM_NAMESPACE), Group::Tag(CLAIM_NAME)],
    },
    View {
        name: "node-disks",
        conditions: &[
            Condition::NotRecord,
            Condition::Service(&[EC2_OTHER]),
            Condition::Untagged(VOLUME),
            Condition::Untagged(CLAIM_NAMESPACE),
            Condition::Tagged(NODE),
        ],
        groups: [Group::Tag(NODE), Group::Tag(HUB)],
    },
    View {
        name: "ec2-other",
        conditions: &[
            Condition::NotRecord,
            Condition::Service(&[EC2_OTHER]),
            Condition::Untagged(VOLUME),
            Condition::Untagged(CLAIM_NAMESPACE),
            Condition::Untagged(NODE),
        ],
        groups: [Group::UsageType, Group::Tag(HUB)],
    },
];

/// Answers for one account and month. Held in memory: a day has few groups.
#[derive(Debug)]
pub struct CostExplorer {
    period: Period,
    views: Vec<BTreeMap<(NaiveDate, [String; 2]), i128>>,
    sums: BTreeMap<Category, i128>,
}

impl CostExplorer {
    /// Empty answers.
    pub fn new(period: Period) -> Self {
        Self { period, views: vec![BTreeMap::new(); VIEWS.len()], sums: BTreeMap::new() }
    }

    /// Adds lines.
    pub fn add(&mut self, lines: &[BillLine]) {
        for line in lines {
            let date = Instant::from_ms(line.start_ms).date();
            for (view, groups) in VIEWS.iter().zip(&mut self.views) {
                if view.conditions.iter().all(|condition| condition.holds(line)) {
                    *groups.entry((date, view.groups.map(|group| group.key(line)))).or_default() += line.pico;
                }
            }
            *self.sums.entry(line.category).or_default() += line.pico;
        }
    }

    /// Sum of a category.
    pub fn of(&self, category: Category) -> i128 {
        self.sums.get(&category).copied().unwrap_or(0)
    }

    /// Writes the answers, each with its request beside it. Gives the files of the answers.
    pub fn write(
        &self,
        folder: &Folder,
        below: &str,
        account: &str,
    ) -> Result<(BillSums, Vec<String>), SampleError> {
        let mut sums = BillSums::default();
        let mut files = Vec::new();
        for (view, groups) in VIEWS.iter().zip(&self.views) {
            let file = format!("{below}/{account}-{}-{}.json", self.period.first_day(), view.name);
            folder.write_json(&file, &self.answer(view, groups))?;
            folder.write_json(&format!("{file}.request.json"), &self.request(view, account))?;
            for ((_, keys), pico) in groups {
                sums.add(category(view, keys), *pico);
            }
            files.push(file);
        }
        Ok((sums, files))
    }

    /// The day that is not settled yet: the last of the month.
    pub fn estimated_day(period: Period) -> NaiveDate {
        period.days().last().unwrap_or_default()
    }

    /// The request as it was sent: the answer names none of this.
    fn request(&self, view: &View, account: &str) -> Value {
        let own = json!({ "Dimensions": { "Key": "LINKED_ACCOUNT", "Values": [account] } });
        let conditions = view.conditions.iter().map(|condition| condition.filter());
        json!({
            "TimePeriod": { "Start": self.period.first_day(), "End": self.period.next().first_day() },
            "Granularity": "DAILY",
            "Metrics": ["UnblendedCost", "AmortizedCost"],
            "Filter": { "And": std::iter::once(own).chain(conditions).collect::<Vec<_>>() },
            "GroupBy": view.groups.map(Group::definition),
        })
    }

    fn answer(&self, view: &View, groups: &BTreeMap<(NaiveDate, [String; 2]), i128>) -> Value {
        let estimated = Self::estimated_day(self.period);
        let days = self.period.days().map(|date| {
            let of_day: Vec<Value> = groups
                .range((date, [String::new(), String::new()])..)
                .take_while(|((day, _), _)| *day == date)
                .map(|((_, keys), pico)| {
                    let amount = json!({ "Amount": amount_text(*pico), "Unit": "USD" });
                    json!({
                        "Keys": keys,
                        "Metrics": { "AmortizedCost": amount, "UnblendedCost": amount },
                    })
                })
                .collect();
            json!({
                "TimePeriod": { "Start": date, "End": date.succ_opt().unwrap_or(date) },
                "Total": {},
                "Groups": of_day,
                "Estimated": date == estimated,
            })
        });
        json!({
            "GroupDefinitions": view.groups.map(Group::definition),
            "ResultsByTime": days.collect::<Vec<_>>(),
            "DimensionValueAttributes": [],
        })
    }
}

impl Condition {
    fn holds(self, line: &BillLine) -> bool {
        let record = RECORDS.contains(&line.category.code());
        match self {
            Self::Record => record,
            Self::NotRecord => !record,
            Self::Service(services) => services.contains(&line.service),
            Self::OtherService(services) => !services.contains(&line.service),
            Self::Tagged(key) => line.tags.contains_key(key),
            Self::Untagged(key) => !line.tags.contains_key(key),
        }
    }

    fn filter(self) -> Value {
        let dimension = |key: &str, values: &[&str]| json!({ "Dimensions": { "Key": key, "Values": values } });
        let absent = |key: &str| json!({ "Tags": { "Key": key, "MatchOptions": ["ABSENT"] } });
        match self {
            Self::Record => dimension("RECORD_TYPE", RECORDS),
            Self::NotRecord => json!({ "Not": dimension("RECORD_TYPE", RECORDS) }),
            Self::Service(services) => dimension("SERVICE", services),
            Self::OtherService(services) => json!({ "Not": dimension("SERVICE", services) }),
            Self::Untagged(key) => absent(key),
            Self::Tagged(key) => json!({ "Not": absent(key) }),
        }
    }
}

impl Group {
    fn key(self, line: &BillLine) -> String {
        match self {
            Self::Tag(key) => format!("{key}${}", line.tags.get(key).map_or("", String::as_str)),
            Self::Service => line.service.to_owned(),
            Self::UsageType => line.usage_type.clone(),
            Self::RecordType => line.category.code().to_owned(),
        }
    }

    fn definition(self) -> Value {
        match self {
            Self::Tag(key) => json!({ "Type": "TAG", "Key": key }),
            Self::Service => json!({ "Type": "DIMENSION", "Key": "SERVICE" }),
            Self::UsageType => json!({ "Type": "DIMENSION", "Key": "USAGE_TYPE" }),
            Self::RecordType => json!({ "Type": "DIMENSION", "Key": "RECORD_TYPE" }),
        }
    }
}

fn category(view: &View, keys: &[String; 2]) -> Category {
    match (view.groups[0], keys[0].as_str()) {
        (Group::RecordType, "Tax") => Category::Tax,
        (Group::RecordType, "Credit") => Category::Credit,
        _ => Category::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_charge_is_in_one_view() {
        let keys = [HUB, NODE, VOLUME, CLAIM_NAMESPACE];
        for service in [INSTANCES, EC2_OTHER, "Amazon Simple Storage Service"] {
            let line = BillLine::of_usage((service, "Other"), "x".into(), (0, 1), 1, "GB", 1);
            for which in 0..16_usize {
                for category in [Category::Usage, Category::Tax, Category::Credit] {
                    let tags = keys.iter().enumerate().filter(|(bit, _)| which >> bit & 1 == 1);
                    let line = BillLine {
                        category,
                        tags: tags.map(|(_, key)| (*key, "v".to_owned())).collect(),
                        ..line.clone()
                    };
                    let views = VIEWS.iter().filter(|view| view.conditions.iter().all(|c| c.holds(&line)));
                    assert_eq!(views.count(), 1, "{service} {category:?} {:?}", line.tags);
                }
            }
        }
    }
}
