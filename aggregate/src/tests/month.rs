//! What each kind of charge becomes.

use hubtally_schemas::money::PICO;
use hubtally_schemas::policy::{ComputePolicy, IdleRule, SharedRule};
use hubtally_schemas::tables::{COMPLETENESS, CONSERVATION, COVERAGE, NODE_USAGE, POD_USAGE, STORAGE_USAGE};
use serde_json::{Value, json};

use super::House;
use super::rows::{charge, node, pod, read_all};
use crate::{ExplainQuery, explain};

const EC2: &str = "Amazon Elastic Compute Cloud - Compute";
const NINE: &str = "2026-06-10T09:00:00Z";
const TEN: &str = "2026-06-10T10:00:00Z";

/// Two communities on one cluster, one account that they own in equal parts.
fn registry() -> Value {
    json!({
        "organisation": {"name": "Org"},
        "community": [{"id": "alpha", "name": "Alpha"}, {"id": "beta", "name": "Beta"}],
        "account": [{"id": "acc", "provider": "aws", "owner": [{"owner": "shared", "among": ["alpha", "beta"]}]}],
        "cluster": [{"id": "tides", "provider": "aws", "account": "acc"}],
        "hub": [
            {"id": "a", "cluster": "tides", "namespace": "a", "community": "alpha"},
            {"id": "b", "cluster": "tides", "namespace": "b", "community": "beta"},
        ],
    })
}

async fn observed_hour() -> House {
    let house = House::new(registry()).await;
    house.feed(&NODE_USAGE, "n", &[node("tides", "n1", NINE, 16, 4)]).await;
    let pods = [pod("tides", "a", "ada", "n1", NINE, 4, 1), pod("tides", "b", "bob", "n1", NINE, 8, 1)];
    house.feed(&POD_USAGE, "p", &pods).await;
    house.seal(&NODE_USAGE).await;
    house.seal(&POD_USAGE).await;
    house
}

fn node_hour(amount: &str) -> Value {
    charge("c1", EC2, amount, NINE, TEN, &json!({"resource_id": "i-n1"}))
}

#[tokio::test]
async fn a_node_hour_is_split_by_scad_and_idle_stands_apart() {
    let house = observed_hour().await;
    // Weights: CPU 9 × 4 vCPU = 36, memory 1 × 16 GiB = 16; a cost of 52 is 36 for CPU and 16 for memory.
    house.charges(&[node_hour("52")]).await;
    house.allocate().await.unwrap();
    let direct = |namespace: &'static str| [("kind", "direct"), ("namespace", namespace)];
    assert_eq!(house.sum(&direct("a")).await, (9 + 4) * PICO);
    assert_eq!(house.sum(&direct("b")).await, (9 + 8) * PICO);
    assert_eq!(house.sum(&[("kind", "idle"), ("reason", "unused")]).await, (18 + 4) * PICO);
    // No hub label and two communities: idle goes to the account's owners, half each.
    assert_eq!(house.sum(&[("kind", "idle"), ("payer", "community:alpha")]).await, 11 * PICO);
    assert_eq!(house.sum(&[("user_id", "ada"), ("payer", "community:alpha")]).await, 13 * PICO);
}

#[tokio::test]
async fn requests_only_spreads_idle_by_memory() {
    let mut house = observed_hour().await;
    house.policy.compute = ComputePolicy::RequestsOnlyMemory;
    house.charges(&[node_hour("12")]).await;
    house.allocate().await.unwrap();
    assert_eq!(house.sum(&[("community", "alpha")]).await, 4 * PICO);
    assert_eq!(house.sum(&[("community", "beta")]).await, 8 * PICO);
    assert_eq!(house.sum(&[("kind", "idle")]).await, 0);
}

#[tokio::test]
async fn absorbed_idle_is_the_organisations() {
    let mut house = observed_hour().await;
    house.policy.idle = IdleRule::Absorbed;
    house.charges(&[node_hour("52")]).await;
    house.allocate().await.unwrap();
    assert_eq!(house.sum(&[("kind", "idle"), ("payer", "organisation")]).await, 22 * PICO);
}

#[tokio::test]
async fn untagged_and_unmatched_cost_goes_to_the_owner_with_its_reason() {
    let house = observed_hour().await;
    house
        .charges(&[
            charge("no-tag", "AWS Config", "10", NINE, TEN, &json!({"grade": "tag"})),
            charge(
                "ghost",
                EC2,
                "6",
                NINE,
                TEN,
                &json!({"resource_id": "i-ghost", "tags": "{\"2i2c:node-purpose\":\"user\"}"}),
            ),
        ])
        .await;
    house.allocate().await.unwrap();
    assert_eq!(house.sum(&[("reason", "no_tag"), ("payer", "community:alpha")]).await, 5 * PICO);
    assert_eq!(house.sum(&[("reason", "no_node_match")]).await, 6 * PICO);
}

#[tokio::test]
async fn an_account_without_an_owner_is_listed_and_its_cost_stays_in_the_books() {
    let house = House::new(json!({
        "organisation": {"name": "Org"},
        "community": [{"id": "alpha", "name": "Alpha"}],
        "account": [{"id": "other", "provider": "aws", "owner": [{"owner": "organisation"}]}],
    }))
    .await;
    house.charges(&[charge("lost", "AWS Config", "7", NINE, TEN, &json!({}))]).await;
    let done = house.allocate().await.unwrap();
    assert_eq!(done.without_payer, ["lost"]);
    assert_eq!(house.sum(&[("payer", "none"), ("kind", "unattributed")]).await, 7 * PICO);
}

#[tokio::test]
async fn a_console_bill_closes_without_usage_where_one_community_owns_the_account() {
    let house = House::new(json!({
        "organisation": {"name": "Org"},
        "community": [{"id": "alpha", "name": "Alpha"}],
        "account": [{"id": "acc", "provider": "aws", "owner": [{"owner": "community:alpha"}]}],
    }))
    .await;
    let (start, end) = ("2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z");
    house.charges(&[charge("total", "AWS", "310.50", start, end, &json!({"grade": "account"}))]).await;
    let done = house.allocate().await.unwrap();
    assert!(done.without_payer.is_empty());
    assert_eq!(house.sum(&[("kind", "direct"), ("payer", "community:alpha")]).await, 310 * PICO + PICO / 2);
}

#[tokio::test]
async fn shared_cost_is_split_by_the_rule() {
    let control_plane = |amount| {
        charge(
            "eks",
            "Amazon Elastic Container Service for Kubernetes",
            amount,
            NINE,
            TEN,
            &json!({"tags": "{\"2i2c.org/cluster-name\":\"tides\"}", "grade": "tag"}),
        )
    };
    for (rule, alpha) in [
        (SharedRule::Equal, 15 * PICO),
        (SharedRule::Memory, 10 * PICO),
        (SharedRule::Direct, 13 * PICO),
        (SharedRule::Organisation, 0),
    ] {
        let mut house = observed_hour().await;
        house.policy.shared = rule;
        house.charges(&[control_plane("30"), node_hour("52")]).await;
        house.allocate().await.unwrap();
        let found = house.sum(&[("charge_id", "eks"), ("community", "alpha"), ("kind", "shared")]).await;
        assert_eq!(found, alpha, "{rule:?}");
    }
}

#[tokio::test]
async fn credits_and_taxes_follow_what_they_are_for() {
    let house = observed_hour().await;
    house
        .charges(&[
            node_hour("52"),
            charge("credit", EC2, "-5.2", NINE, TEN, &json!({"charge_category": "Credit"})),
            charge("tax", "Tax", "10.4", NINE, TEN, &json!({"charge_category": "Tax"})),
        ])
        .await;
    house.allocate().await.unwrap();
    // Alpha bears 13 direct and 11 idle of 52.
    assert_eq!(house.sum(&[("pool", "credit"), ("community", "alpha")]).await, -24 * PICO / 10);
    assert_eq!(house.sum(&[("pool", "tax"), ("community", "alpha")]).await, 48 * PICO / 10);
}

#[tokio::test]
async fn home_storage_follows_directories_with_shared_ones_and_orphans() {
    let house = House::new(registry()).await;
    let directory = |namespace: &str, path: &str, user: Option<&str>, exporter: &str, bytes: i64| {
        json!({
            "cluster": "tides", "namespace": namespace, "path": path, "kind": "directory", "exporter": exporter,
            "time": "2026-06-10T00:00:00Z", "date": "2026-06-10", "bytes": bytes, "user_id": user,
            "quality": "observed", "source": "s", "source_position": 1,
        })
    };
    let rows = [
        directory("a", "ada", Some("ada"), "dirsize", 600),
        // A second exporter of the same directory: precedence, never a sum.
        directory("a", "ada", Some("ada"), "home-nfs", 500),
        directory("a", "_shared", None, "dirsize", 100),
        directory("b", "bob", Some("bob"), "dirsize", 300),
        directory("b", "ghost", None, "dirsize", 100),
    ];
    house.feed(&STORAGE_USAGE, "s", &rows).await;
    house.seal(&STORAGE_USAGE).await;
    let tags = json!({"tags": "{\"2i2c.org/cluster-name\":\"tides\"}", "grade": "tag"});
    let (start, end) = ("2026-06-10T00:00:00Z", "2026-06-11T00:00:00Z");
    house.charges(&[charge("efs", "Amazon Elastic File System", "10", start, end, &tags)]).await;
    house.allocate().await.unwrap();
    assert_eq!(house.sum(&[("user_id", "ada")]).await, 5 * PICO);
    assert_eq!(house.sum(&[("community", "alpha")]).await, 6 * PICO);
    assert_eq!(house.sum(&[("reason", "orphan"), ("payer", "community:beta")]).await, PICO);
    assert_eq!(house.sum(&[("component", "home_storage")]).await, 10 * PICO);
}

#[tokio::test]
async fn l4_a_dark_hour_keeps_its_cost_apart() {
    let house = observed_hour().await;
    let seen = |hour: &str, seen: i64| {
        json!({"cluster": "tides", "query": "pods", "hour": hour, "expected": 60, "seen": seen, "date": "2026-06-10",
            "source": "c", "source_position": 1})
    };
    house.feed(&COVERAGE, "c", &[seen(NINE, 60), seen(TEN, 0)]).await;
    house.seal(&COVERAGE).await;
    let tags = json!({"tags": "{\"2i2c:node-purpose\":\"user\",\"2i2c.org/cluster-name\":\"tides\"}", "grade": "tag"});
    house.charges(&[charge("two-hours", EC2, "104", NINE, "2026-06-10T11:00:00Z", &tags)]).await;
    house.allocate().await.unwrap();
    assert_eq!(house.sum(&[("reason", "no_telemetry")]).await, 52 * PICO);
    assert_eq!(house.sum(&[("kind", "direct"), ("community", "alpha")]).await, 13 * PICO);
    let dark = read_all(&house.store, &COMPLETENESS).await;
    let row = dark.iter().find(|row| row["hour"] == TEN).unwrap();
    assert_eq!((row["seen"].as_i64(), row["unmatched_cost"].as_str()), (Some(0), Some("52.000000000000")));
    assert_eq!(dark.len(), 30 * 24, "every live hour is on the certificate");
}

#[tokio::test]
async fn l4_a_hole_beside_pods_is_on_the_certificate_and_darkens_no_hour() {
    let house = observed_hour().await;
    let told = |query: &str, hour: &str, expected: i64, seen: i64| {
        json!({"cluster": "tides", "query": query, "hour": hour, "expected": expected, "seen": seen, "date": "2026-06-10",
            "source": "c", "source_position": 1})
    };
    let rows = [
        told("pods", NINE, 60, 60),
        told("pods", TEN, 60, 60),
        told("homes", NINE, 60, 0),
        told("kubelets", NINE, 120, 60),
        told("kubelets", TEN, 120, 120),
    ];
    house.feed(&COVERAGE, "c", &rows).await;
    house.seal(&COVERAGE).await;
    let tags = json!({"tags": "{\"2i2c:node-purpose\":\"user\",\"2i2c.org/cluster-name\":\"tides\"}", "grade": "tag"});
    house.charges(&[charge("one-hour", EC2, "52", NINE, TEN, &tags)]).await;
    house.allocate().await.unwrap();
    assert_eq!(house.sum(&[("reason", "no_telemetry")]).await, 0);
    let certificate = read_all(&house.store, &COMPLETENESS).await;
    let of = |hour: &str| certificate.iter().find(|row| row["hour"] == hour).unwrap();
    assert_eq!((of(NINE)["expected"].as_i64(), of(NINE)["seen"].as_i64()), (Some(60), Some(60)));
    assert_eq!(of(NINE)["holes"], "homes 0/60, kubelets 60/120");
    assert_eq!(of(TEN)["holes"], "homes 0/60", "what tells of other hours was expected in this one");
}

#[tokio::test]
async fn l5_the_same_namespace_on_two_clusters_is_two_hubs_and_a_rename_keeps_the_hub() {
    let house = House::new(json!({
        "organisation": {"name": "Org"},
        "community": [{"id": "alpha", "name": "Alpha"}, {"id": "beta", "name": "Beta"}],
        "account": [{"id": "acc", "provider": "aws", "owner": [{"owner": "organisation"}]}],
        "cluster": [
            {"id": "one", "provider": "aws", "account": "acc"}, {"id": "two", "provider": "aws", "account": "acc"},
        ],
        "hub": [
            {"id": "h1", "cluster": "one", "namespace": "prod", "community": "alpha", "to": "2026-06-11"},
            {"id": "h1", "cluster": "one", "namespace": "prod-new", "community": "alpha", "from": "2026-06-11"},
            {"id": "h2", "cluster": "two", "namespace": "prod", "community": "beta"},
        ],
    }))
    .await;
    let late = "2026-06-12T09:00:00Z";
    house
        .feed(
            &NODE_USAGE,
            "n",
            &[node("one", "n1", NINE, 16, 4), node("two", "n2", NINE, 16, 4), node("one", "n1", late, 16, 4)],
        )
        .await;
    let pods = [
        pod("one", "prod", "ada", "n1", NINE, 16, 4),
        pod("two", "prod", "ada", "n2", NINE, 16, 4),
        pod("one", "prod-new", "ada", "n1", late, 16, 4),
        // The old name after the rename belongs to nobody.
        pod("one", "prod", "eve", "n1", late, 16, 4),
    ];
    house.feed(&POD_USAGE, "p", &pods).await;
    house.seal(&NODE_USAGE).await;
    house.seal(&POD_USAGE).await;
    house
        .charges(&[
            charge("c1", EC2, "1", NINE, TEN, &json!({"resource_id": "i-n1"})),
            charge("c2", EC2, "2", NINE, TEN, &json!({"resource_id": "i-n2"})),
            charge("c3", EC2, "10.4", late, "2026-06-12T10:00:00Z", &json!({"resource_id": "i-n1"})),
        ])
        .await;
    house.allocate().await.unwrap();
    assert_eq!(house.sum(&[("hub", "h1"), ("charge_id", "c1")]).await, PICO);
    assert_eq!(house.sum(&[("hub", "h2")]).await, 2 * PICO);
    assert_eq!(house.sum(&[("hub", "h1"), ("charge_id", "c3")]).await, 52 * PICO / 10);
    assert_eq!(house.sum(&[("hub", "h2"), ("charge_id", "c2")]).await, 2 * PICO);
    assert_eq!(house.sum(&[("reason", "no_community"), ("payer", "organisation")]).await, 52 * PICO / 10);
}

#[tokio::test]
async fn explain_walks_from_the_charge_to_usage_rows() {
    let house = observed_hour().await;
    house.charges(&[node_hour("52")]).await;
    house.allocate().await.unwrap();
    let query = ExplainQuery { charge: "c1".into(), community: None, rows: 10 };
    let tree = explain(&house.store, &house.registry, &house.policy, super::june(), &query).await.unwrap();
    let text = serde_json::to_string(&tree).unwrap();
    assert_eq!(tree.value.as_deref(), Some("52.000000000000"));
    for part in
        ["postings in the ledger", "hour 2026-06-10T09:00:00Z", "a / ada", "pod jupyter-bob", "source_file"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let unknown = ExplainQuery { charge: "nope".into(), ..query };
    let error =
        explain(&house.store, &house.registry, &house.policy, super::june(), &unknown).await.unwrap_err();
    assert!(error.to_string().contains("no charge nope in period 2026-06"), "{error}");
}

#[tokio::test]
async fn overlapping_intervals_of_a_pod_stop_the_month_with_the_pods_name() {
    let house = House::new(registry()).await;
    let mut half = pod("tides", "a", "ada", "n1", NINE, 4, 1);
    half["start"] = json!("2026-06-10T09:30:00Z");
    half["end"] = json!(TEN);
    house.feed(&POD_USAGE, "p", &[pod("tides", "a", "ada", "n1", NINE, 4, 1), half]).await;
    house.seal(&POD_USAGE).await;
    let error = house.allocate().await.unwrap_err();
    assert!(error.to_string().contains("a-ada"), "{error}");
}

#[tokio::test]
async fn a_second_basis_has_its_own_postings_and_certificate() {
    let mut house = observed_hour().await;
    house.policy.cost_basis = hubtally_schemas::policy::CostBasis::Effective;
    let mut row = node_hour("52");
    row["effective_cost"] = json!("26");
    house.charges(&[row]).await;
    house.allocate().await.unwrap();
    assert_eq!(house.sum(&[("basis", "billed")]).await, 52 * PICO);
    assert_eq!(house.sum(&[("basis", "effective")]).await, 26 * PICO);
    let certificates = read_all(&house.store, &CONSERVATION).await;
    assert!(certificates.iter().all(|row| row["difference"] == "0.000000000000"));
    assert_eq!(certificates.iter().filter(|row| row["scope"] == "total").count(), 2);
}
