//! Cost Explorer queries that together show one account's whole bill, each dollar once.
//!
//! `GetCostAndUsage` groups by two things at most, so no single answer can show service, usage type
//! and the tags that matter. The set below cuts the account by filters that are complements of each
//! other: first by record type, then by service, then by which tags are present. Each piece is
//! grouped by the two things that its lines need:
//!
//! | query | what | grouped by |
//! |---|---|---|
//! | `records` | credits, refunds, tax, fees | record type, service |
//! | `services` | all services but the two of EC2 | service, hub |
//! | `instances` | EC2 instances | node purpose, hub |
//! | `home-volumes` | EC2 - Other with a volume purpose | volume purpose, hub |
//! | `claims` | the rest with a claim's namespace | claim namespace, claim name |
//! | `node-disks` | the rest with a node purpose | node purpose, hub |
//! | `ec2-other` | the rest (NAT gateways, transfer) | usage type, hub |
//!
//! A new record type or service falls into a complement, so the sum stays the account's. A test
//! proves the pieces disjoint and complete with the rule that the importer applies to files.

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};

const RECORDS: [&str; 8] = [
    "Credit",
    "Refund",
    "Tax",
    "Support",
    "Upfront",
    "Recurring",
    "SavingsPlanUpfrontFee",
    "SavingsPlanRecurringFee",
];
const INSTANCES: &str = "Amazon Elastic Compute Cloud - Compute";
const EC2_OTHER: &str = "EC2 - Other";
const HUB: &str = "2i2c:hub-name";
const NODE_PURPOSE: &str = "2i2c:node-purpose";
const VOLUME_PURPOSE: &str = "2i2c:volume-purpose";
const CLAIM_NAMESPACE: &str = "kubernetes.io/created-for/pvc/namespace";
const CLAIM_NAME: &str = "kubernetes.io/created-for/pvc/name";

/// One query of the set.
#[derive(Debug, Clone, Serialize)]
pub struct Query {
    /// Short name, also of the files.
    pub name: &'static str,
    /// What it shows.
    pub shows: &'static str,
    /// The file that the answer goes to.
    pub answer_file: String,
    /// The file that the request goes to: the sidecar that the importer reads.
    pub request_file: String,
    /// The request, to be sent as it is.
    pub request: Value,
    /// The command that sends it.
    pub command: String,
}

/// The disjoint set of queries for an account, from `start` up to `end`, exclusive.
pub fn recipe_aws_ce(account: &str, start: NaiveDate, end: NaiveDate) -> Vec<Query> {
    let records = dimension("RECORD_TYPE", &RECORDS);
    let both = dimension("SERVICE", &[INSTANCES, EC2_OTHER]);
    let other = dimension("SERVICE", &[EC2_OTHER]);
    let usage = |more: Vec<Value>| {
        let mut all = vec![not(&records)];
        all.extend(more);
        all
    };
    let pieces: [(&str, &str, Vec<Value>, [Value; 2]); 7] = [
        (
            "records",
            "credits, refunds, tax and fees",
            vec![records.clone()],
            [by_dimension("RECORD_TYPE"), by_dimension("SERVICE")],
        ),
        (
            "services",
            "use of all services but the two of EC2",
            usage(vec![not(&both)]),
            [by_dimension("SERVICE"), by_tag(HUB)],
        ),
        (
            "instances",
            "EC2 instances",
            usage(vec![dimension("SERVICE", &[INSTANCES])]),
            [by_tag(NODE_PURPOSE), by_tag(HUB)],
        ),
        (
            "home-volumes",
            "EC2 - Other: volumes with a purpose",
            usage(vec![other.clone(), not(&absent(VOLUME_PURPOSE))]),
            [by_tag(VOLUME_PURPOSE), by_tag(HUB)],
        ),
        (
            "claims",
            "EC2 - Other: volumes of claims",
            usage(vec![other.clone(), absent(VOLUME_PURPOSE), not(&absent(CLAIM_NAMESPACE))]),
            [by_tag(CLAIM_NAMESPACE), by_tag(CLAIM_NAME)],
        ),
        (
            "node-disks",
            "EC2 - Other: disks of nodes",
            usage(vec![
                other.clone(),
                absent(VOLUME_PURPOSE),
                absent(CLAIM_NAMESPACE),
                not(&absent(NODE_PURPOSE)),
            ]),
            [by_tag(NODE_PURPOSE), by_tag(HUB)],
        ),
        (
            "ec2-other",
            "EC2 - Other: the rest, such as NAT gateways and transfer",
            usage(vec![other, absent(VOLUME_PURPOSE), absent(CLAIM_NAMESPACE), absent(NODE_PURPOSE)]),
            [by_dimension("USAGE_TYPE"), by_tag(HUB)],
        ),
    ];
    pieces
        .into_iter()
        .map(|(name, shows, conditions, grouping)| {
            let mut all = vec![dimension("LINKED_ACCOUNT", &[account])];
            all.extend(conditions);
            let answer_file = format!("{account}-{start}-{name}.json");
            let request_file = format!("{answer_file}{}", super::input::REQUEST_SUFFIX);
            Query {
                name,
                shows,
                command: format!(
                    "aws ce get-cost-and-usage --cli-input-json file://{request_file} --output json > {answer_file}"
                ),
                request: json!({
                    "TimePeriod": {"Start": start.to_string(), "End": end.to_string()},
                    "Granularity": "DAILY",
                    "Metrics": ["UnblendedCost", "AmortizedCost"],
                    "Filter": {"And": all},
                    "GroupBy": grouping,
                }),
                answer_file,
                request_file,
            }
        })
        .collect()
}

fn dimension(key: &str, values: &[&str]) -> Value {
    json!({"Dimensions": {"Key": key, "Values": values}})
}

fn absent(tag: &str) -> Value {
    json!({"Tags": {"Key": tag, "MatchOptions": ["ABSENT"]}})
}

fn not(expression: &Value) -> Value {
    json!({"Not": expression})
}

fn by_dimension(key: &str) -> Value {
    json!({"Type": "DIMENSION", "Key": key})
}

fn by_tag(key: &str) -> Value {
    json!({"Type": "TAG", "Key": key})
}

#[cfg(test)]
mod tests {
    use super::super::aws_ce_filter::FilterSet;
    use super::super::aws_ce_request::CeRequest;
    use super::*;

    #[test]
    fn the_queries_show_each_dollar_exactly_once() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let queries = recipe_aws_ce("111122223333", day("2026-06-01"), day("2026-07-01"));
        let filters: Vec<&Value> = queries.iter().map(|query| &query.request["Filter"]).collect();
        for (at, one) in filters.iter().enumerate() {
            for other in &filters[at + 1..] {
                let read = |filter| FilterSet::read(Some(filter)).unwrap();
                assert!(read(one).excludes(&read(other)), "{one} and {other}");
            }
        }
        let all: Vec<Option<&Value>> = filters.iter().map(|filter| Some(*filter)).collect();
        assert!(FilterSet::cover(&all, "111122223333"));
        for (left_out, query) in queries.iter().enumerate() {
            let mut some = all.clone();
            some.remove(left_out);
            assert!(!FilterSet::cover(&some, "111122223333"), "{} is needless", query.name);
        }
        for query in &queries {
            let request = CeRequest::from_value("recipe", &query.request).unwrap();
            assert_eq!(request.account.as_deref(), Some("111122223333"));
            assert_eq!(request.grouping.len(), 2);
        }
    }
}
