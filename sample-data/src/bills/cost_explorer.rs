//! AWS Cost Explorer answers: daily, by tag and service, a disjoint set of views with their requests.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use hubtally_schemas::{Instant, Period};
use serde::Serialize;

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
    View { name: "records", conditions: &[Condition::Record], groups: [Group::RecordType, Group::Service] },
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
    fn request<'a>(&self, view: &View, account: &'a str) -> Request<'a> {
        let own = Filter::dimension("LINKED_ACCOUNT", vec![account]);
        let conditions = view.conditions.iter().map(|condition| condition.filter());
        Request {
            time_period: TimePeriod { start: self.period.first_day(), end: self.period.next().first_day() },
            granularity: "DAILY",
            metrics: ["UnblendedCost", "AmortizedCost"],
            filter: Filter::And(std::iter::once(own).chain(conditions).collect()),
            group_by: view.groups.map(Group::definition),
        }
    }

    fn answer<'a>(&self, view: &View, groups: &'a BTreeMap<(NaiveDate, [String; 2]), i128>) -> Answer<'a> {
        let estimated = Self::estimated_day(self.period);
        let results = self.period.days().map(|date| DayAnswer {
            time_period: TimePeriod { start: date, end: date.succ_opt().unwrap_or(date) },
            total: BTreeMap::new(),
            groups: groups
                .range((date, [String::new(), String::new()])..)
                .take_while(|((day, _), _)| *day == date)
                .map(|((_, keys), pico)| GroupAnswer { keys, metrics: Metrics::both(*pico) })
                .collect(),
            estimated: date == estimated,
        });
        Answer {
            group_definitions: view.groups.map(Group::definition),
            results_by_time: results.collect(),
            dimension_value_attributes: [],
        }
    }
}

// The order of keys is the order of fields here, whatever a JSON library's features say.

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    time_period: TimePeriod,
    granularity: &'static str,
    metrics: [&'static str; 2],
    filter: Filter<'a>,
    group_by: [Definition; 2],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TimePeriod {
    start: NaiveDate,
    end: NaiveDate,
}

#[derive(Serialize)]
enum Filter<'a> {
    And(Vec<Self>),
    Not(Box<Self>),
    #[serde(rename_all = "PascalCase")]
    Dimensions {
        key: &'static str,
        values: Vec<&'a str>,
    },
    #[serde(rename_all = "PascalCase")]
    Tags {
        key: &'static str,
        match_options: [&'static str; 1],
    },
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    r#type: &'static str,
    key: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    group_definitions: [Definition; 2],
    results_by_time: Vec<DayAnswer<'a>>,
    dimension_value_attributes: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DayAnswer<'a> {
    time_period: TimePeriod,
    total: BTreeMap<&'static str, Metric>,
    groups: Vec<GroupAnswer<'a>>,
    estimated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupAnswer<'a> {
    keys: &'a [String; 2],
    metrics: Metrics,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metrics {
    amortized_cost: Metric,
    unblended_cost: Metric,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metric {
    amount: String,
    unit: &'static str,
}

impl Metrics {
    /// Without commitments both costs are the same.
    fn both(pico: i128) -> Self {
        let metric = || Metric { amount: amount_text(pico), unit: "USD" };
        Self { amortized_cost: metric(), unblended_cost: metric() }
    }
}

impl<'a> Filter<'a> {
    fn dimension(key: &'static str, values: Vec<&'a str>) -> Self {
        Self::Dimensions { key, values }
    }

    fn absent(key: &'static str) -> Self {
        Self::Tags { key, match_options: ["ABSENT"] }
    }

    fn not(self) -> Self {
        Self::Not(Box::new(self))
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

    fn filter(self) -> Filter<'static> {
        let records = || Filter::dimension("RECORD_TYPE", RECORDS.to_vec());
        let service = |names: &[&'static str]| Filter::dimension("SERVICE", names.to_vec());
        match self {
            Self::Record => records(),
            Self::NotRecord => records().not(),
            Self::Service(names) => service(names),
            Self::OtherService(names) => service(names).not(),
            Self::Untagged(key) => Filter::absent(key),
            Self::Tagged(key) => Filter::absent(key).not(),
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

    fn definition(self) -> Definition {
        match self {
            Self::Tag(key) => Definition { r#type: "TAG", key },
            Self::Service => Definition { r#type: "DIMENSION", key: "SERVICE" },
            Self::UsageType => Definition { r#type: "DIMENSION", key: "USAGE_TYPE" },
            Self::RecordType => Definition { r#type: "DIMENSION", key: "RECORD_TYPE" },
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
