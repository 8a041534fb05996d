//! L1, L3 and L7 over random months.

use hubtally_schemas::tables::{CONSERVATION, NODE_USAGE, POD_USAGE, USAGE_HOURLY};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::House;
use super::rows::{charge, node, pod, read_all};
use hubtally_schemas::policy::{ComputePolicy, IdleRule, SharedRule};

fn registry() -> Value {
    json!({
        "organisation": {"name": "Org"},
        "community": [{"id": "alpha", "name": "Alpha"}, {"id": "beta", "name": "Beta"}],
        "account": [
            {"id": "acc", "provider": "aws", "owner": [{"owner": "shared", "among": ["alpha", "beta"]}]},
            {"id": "acc2", "provider": "aws", "owner": [{"owner": "organisation"}]},
        ],
        "cluster": [
            {"id": "one", "provider": "aws", "account": "acc"}, {"id": "two", "provider": "aws", "account": "acc2"},
        ],
        "hub": [
            {"id": "a", "cluster": "one", "namespace": "a", "community": "alpha"},
            {"id": "b", "cluster": "one", "namespace": "b", "community": "beta"},
            {"id": "c", "cluster": "two", "namespace": "a"},
        ],
    })
}

fn hour(day: u32, hour: u32) -> String {
    format!("2026-06-{:02}T{:02}:00:00Z", day + 1, hour)
}

prop_compose! {
    fn any_pod()(cluster in 0..2_usize, namespace in 0..3_usize, user in 0..4_u8, n in 0..3_u8, day in 0..3_u32, at in 0..3_u32, gib in 0..40_i64, cores in 0..9_i64, role in 0..3_usize) -> Value {
        let cluster = ["one", "two"][cluster];
        let mut row = pod(cluster, ["a", "b", "kube-system"][namespace], &format!("u{user}"), &format!("{cluster}-n{n}"), &hour(day, at), gib, cores);
        row["role"] = json!(["singleuser", "placeholder", "system"][role]);
        row
    }
}

prop_compose! {
    fn any_charge()(id in 0..1_000_000_u32, service in 0..6_usize, units in -50_000_000_000_000_i64..90_000_000_000_000, account in 0..3_usize, resource in 0..5_usize, tags in 0..6_usize, category in 0..4_usize, grade in 0..3_usize, day in 0..3_u32, hours in 1..80_u32) -> Value {
        let services = ["Amazon Elastic Compute Cloud - Compute", "EC2 - Other", "Amazon Elastic File System", "Amazon Elastic Container Service for Kubernetes", "Amazon Simple Storage Service", "AWS Support"];
        let tags = ["{}", "{\"2i2c:hub-name\":\"a\"}", "{\"2i2c:hub-name\":\"gone\"}", "{\"2i2c:node-purpose\":\"user\"}", "{\"2i2c:node-purpose\":\"core\"}", "{\"2i2c.org/cluster-name\":\"one\"}"][tags];
        let end = 24 * day + hours;
        let mut row = charge(&format!("c{id}"), services[service], &hubtally_schemas::money::pico_text(i128::from(units)), &hour(day, 0), &hour(end / 24, end % 24), &json!({"tags": tags}));
        row["account"] = json!(["acc", "acc2", "unknown"][account]);
        row["charge_category"] = json!(["Usage", "Tax", "Credit", "Purchase"][category]);
        row["grade"] = json!(["instance", "tag", "account"][grade]);
        if let Some(node) = ["i-one-n0", "i-two-n1", "i-gone"].get(resource) {
            row["resource_id"] = json!(node);
        }
        row
    }
}

fn distinct(mut rows: Vec<Value>, key: &[&str]) -> Vec<Value> {
    let mut seen = std::collections::BTreeSet::new();
    rows.retain(|row| seen.insert(key.iter().map(|column| row[*column].to_string()).collect::<Vec<_>>()));
    rows
}

/// Every charge equals its postings, whatever the months holds; a second run, and the same rows in
/// another order over other files, give the same ledger.
#[test]
fn l1_l7_random_months_balance_and_do_not_depend_on_the_order_of_rows() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 12, failure_persistence: None, ..Config::default() });
    let months = (
        proptest::collection::vec(any_pod(), 0..40),
        proptest::collection::vec(any_charge(), 1..30),
        0..2_usize,
        0..3_usize,
        0..4_usize,
    );
    runner
        .run(&months, |(pods, charges, compute, idle, shared)| {
            let charges = distinct(charges, &["charge_id"]);
            let pods = distinct(pods, &["cluster", "pod_uid", "start"]);
            let mut ledgers = Vec::new();
            for reversed in [false, true] {
                let ledger = runtime.block_on(async {
                    let mut house = House::new(registry()).await;
                    house.policy.compute =
                        [ComputePolicy::AwsScad, ComputePolicy::RequestsOnlyMemory][compute];
                    house.policy.idle =
                        [IdleRule::Separate, IdleRule::Proportional, IdleRule::Absorbed][idle];
                    house.policy.shared =
                        [SharedRule::Equal, SharedRule::Direct, SharedRule::Memory, SharedRule::Organisation]
                            [shared];
                    feed(&house, &pods, &charges, reversed).await;
                    house.allocate().await.unwrap();
                    check_l1(&house, &charges).await;
                    house.ledger().await
                });
                ledgers.push(ledger);
            }
            let differ = ledgers[0].iter().zip(&ledgers[1]).find(|(a, b)| a != b);
            prop_assert!(differ.is_none() && ledgers[0].len() == ledgers[1].len(), "{differ:?}");
            Ok(())
        })
        .unwrap();
}

async fn feed(house: &House, pods: &[Value], charges: &[Value], reversed: bool) {
    let mut nodes = Vec::new();
    for cluster in ["one", "two"] {
        for day in 0..3 {
            for at in 0..2 {
                nodes.push(node(cluster, &format!("{cluster}-n0"), &hour(day, at), 32, 8));
                nodes.push(node(cluster, &format!("{cluster}-n1"), &hour(day, at), 64, 8));
            }
        }
    }
    let (mut pods, mut charges) = (pods.to_vec(), charges.to_vec());
    if reversed {
        pods.reverse();
        charges.reverse();
        nodes.reverse();
    }
    house.feed(&NODE_USAGE, "n", &nodes).await;
    let (first, second) = pods.split_at(pods.len() / 2);
    for (source, part) in [("p1", first), ("p2", second)] {
        if !part.is_empty() {
            house.feed(&POD_USAGE, source, part).await;
        }
    }
    house.seal(&NODE_USAGE).await;
    house.seal(&POD_USAGE).await;
    house.charges(&charges).await;
}

async fn check_l1(house: &House, charges: &[Value]) {
    for charge in charges {
        let id = charge["charge_id"].as_str().unwrap();
        let billed =
            hubtally_schemas::money::parse_pico(charge["billed_cost"].as_str().unwrap()).unwrap().pico;
        assert_eq!(house.sum(&[("charge_id", id)]).await, billed, "{charge}");
    }
    for row in read_all(&house.store, &CONSERVATION).await {
        assert_eq!(row["difference"], "0.000000000000", "{row}");
        assert_eq!(row["violating_charges"], 0, "{row}");
    }
}

/// Hours sum to what the intervals say: `max(request, usage)` is taken at the hour and nowhere else.
#[tokio::test]
async fn l3_hours_sum_to_the_intervals() {
    let house = House::new(registry()).await;
    let mut rows = Vec::new();
    for (minute, request, usage) in [(0, 10, 50), (20, 10, 5), (40, 10, 5)] {
        let mut row = pod("one", "a", "ada", "n1", &hour(0, 9), 1, 1);
        row["start"] = json!(format!("2026-06-01T09:{minute:02}:00Z"));
        row["end"] = json!(if minute == 40 {
            "2026-06-01T10:00:00Z".into()
        } else {
            format!("2026-06-01T09:{:02}:00Z", minute + 20)
        });
        row["memory_request_byte_ms"] = json!(request);
        row["memory_usage_byte_ms"] = json!(usage);
        rows.push(row);
    }
    house.feed(&POD_USAGE, "p", &rows).await;
    house.seal(&POD_USAGE).await;
    house.allocate().await.unwrap();
    let hours = read_all(&house.store, &USAGE_HOURLY).await;
    assert_eq!(hours.len(), 1);
    // Requested 30, used 60: the hour's larger sum, not the sum of the larger ones (70).
    assert_eq!(
        (hours[0]["memory_byte_ms"].as_i64(), hours[0]["observed_ms"].as_i64()),
        (Some(60), Some(3_600_000))
    );
}
