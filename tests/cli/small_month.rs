//! A month small enough to spoil: one cluster, one hub, one account, written line by line.

use serde_json::{Value, json};

use super::run::Place;

pub const PERIOD: &str = "2026-06";

pub const REGISTRY: &str = r#"
[organisation]
name = "Hubs for Science"

[[community]]
id = "ocean-lab"
name = "Ocean Lab"

[[community]]
id = "soil-net"
name = "Soil Net"

[[account]]
id = "1111"
name = "ocean lab"
provider = "aws"
[[account.owner]]
owner = "community:ocean-lab"

[[cluster]]
id = "tides"
provider = "aws"
account = "1111"

[[hub]]
id = "tides-prod"
name = "Tides"
cluster = "tides"
namespace = "prod"
community = "ocean-lab"
"#;

/// A place after `init`, with the registry.
pub fn place() -> Place {
    let place = Place::initialised();
    place.write("registry.toml", REGISTRY);
    place
}

/// A pod of user `ada` from 9 to 10 on a day of June; `set` changes fields of the payload.
pub fn pod(id: &str, day: u32, set: &[(&str, Value)]) -> String {
    let mut event = json!({
        "specversion": "1.0", "id": id, "source": "/clusters/tides", "type": "hubtally.pod.v1",
        "data": {
            "pod_uid": format!("uid-{id}"), "namespace": "prod", "pod": "jupyter-ada", "node": "n1",
            "user": "ada@example.org", "role": "singleuser",
            "start": format!("2026-06-{day:02}T09:00:00Z"), "end": format!("2026-06-{day:02}T10:00:00Z"),
            "cpu_request_millicore_ms": 3_600_000, "memory_request_byte_ms": "3600000000",
        },
    });
    for (field, value) in set {
        // `/type` and its like are of the envelope.
        match field.strip_prefix('/') {
            Some(outer) => event[outer] = value.clone(),
            None => event["data"][field] = value.clone(),
        }
    }
    event.to_string()
}

/// A node from 9 to 10 on a day of June, on the machine that a bill names.
pub fn node(name: &str, day: u32, instance: &str) -> String {
    json!({
        "specversion": "1.0", "id": format!("node-{name}-{day}"), "source": "/clusters/tides", "type": "hubtally.node.v1",
        "data": {
            "node": name, "provider_id": format!("aws:///us-west-2a/{instance}"), "instance_type": "r5.xlarge",
            "purpose": "user", "start": format!("2026-06-{day:02}T09:00:00Z"), "end": format!("2026-06-{day:02}T10:00:00Z"),
            "cpu_capacity_millicore": 4000, "memory_capacity_byte": "34359738368",
        },
    })
    .to_string()
}

/// The coverage of an hour: 60 of 60 samples.
pub fn coverage(day: u32, hour: u32) -> String {
    json!({
        "specversion": "1.0", "id": format!("coverage-{day}-{hour}"), "source": "/clusters/tides",
        "type": "hubtally.coverage.v1",
        "data": {"query": "pods", "hour": format!("2026-06-{day:02}T{hour:02}:00:00Z"), "expected": 60, "seen": 60},
    })
    .to_string()
}

/// Coverage of the whole of June, so that nothing but what a test spoils is incomplete.
pub fn full_coverage() -> String {
    let hours = (1..=30).flat_map(|day| (0..24).map(move |hour| coverage(day, hour)));
    hours.map(|line| line + "\n").collect()
}

const FOCUS_HEAD: &str = "BilledCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,\
                          ChargePeriodEnd,BillingAccountId,SubAccountId,ChargeCategory,ServiceName,ResourceId";

/// A FOCUS bill of June from rows of [`charge`].
pub fn focus(rows: &[String]) -> String {
    format!("{FOCUS_HEAD}\n{}\n", rows.join("\n"))
}

/// A day's charge of account 1111.
pub fn charge(day: u32, resource: &str, cost: &str) -> String {
    charge_in(day, resource, cost, "USD")
}

pub fn charge_in(day: u32, resource: &str, cost: &str, currency: &str) -> String {
    let next = if day == 30 { "2026-07-01".to_owned() } else { format!("2026-06-{:02}", day + 1) };
    format!(
        "{cost},{currency},2026-06-01 00:00:00,2026-07-01 00:00:00,2026-06-{day:02} 00:00:00,{next} 00:00:00,0001,1111,\
         Usage,Amazon Elastic Compute Cloud - Compute,{resource}"
    )
}

/// A bill that reaches the month's last day: $3 in two lines.
pub fn whole_bill() -> String {
    focus(&[charge(1, "i-1", "1"), charge(30, "i-1", "2")])
}

/// The rows of a query.
#[track_caller]
pub fn rows(place: &Place, query: &str) -> Vec<Value> {
    let rows = place.run(&["sql", query, "--format", "json"]).exits(0).json();
    rows.as_array().unwrap().clone()
}

/// The one number of a query.
#[track_caller]
pub fn number(place: &Place, query: &str) -> i64 {
    let rows = rows(place, query);
    rows[0].as_object().unwrap().values().next().unwrap().as_i64().unwrap()
}

/// The one text of a query.
#[track_caller]
pub fn text(place: &Place, query: &str) -> String {
    let rows = rows(place, query);
    rows[0].as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
}
