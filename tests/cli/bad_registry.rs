//! A registry that does not fit together is refused with its line; one that is only unfinished closes, and says
//! what is missing.

use serde_json::json;

use super::run::Place;
use super::small_month::{PERIOD, REGISTRY, full_coverage, node, place, pod, rows, whole_bill};

fn month(registry: &str) -> Place {
    let place = place();
    place.write("registry.toml", registry);
    place.write("usage/coverage.ndjson", &full_coverage()).write("bills/june.csv", &whole_bill());
    place.write("usage/pods.ndjson", &[pod("a", 1, &[]), pod("b", 30, &[])].join("\n"));
    place
}

#[test]
fn a_community_with_no_hubs_is_warned_of_and_gets_a_statement() {
    let place = month(REGISTRY);
    place.run(&["check"]).exits(0).prints("community[2] \"soil-net\"").prints("no hub");
    let closed = place.run(&["close", "--period", PERIOD, "--json"]).exits(0).json();
    let communities = closed["communities"].as_array().unwrap();
    assert_eq!(communities.len(), 2, "{closed}");
    assert_eq!(communities[1]["id"], "soil-net");
    assert_eq!(communities[1]["total"], "0.00");
    assert!(place.path(&format!("statements/{PERIOD}/communities/soil-net/cost-report.html")).is_file());
}

#[test]
fn a_hub_with_no_community_leaves_its_cost_with_the_accounts_owner_and_says_so() {
    let place = month(&REGISTRY.replace("community = \"ocean-lab\"\n", ""));
    // The machine that the bill names, with a pod of that hub on it.
    place.write("usage/nodes.ndjson", &node("n1", 1, "i-1"));
    place.run(&["check"]).exits(0).prints("hub[1] \"tides-prod\"").prints("no community");
    let closed = place.run(&["close", "--period", PERIOD, "--json"]).exits(0).json();
    assert_eq!(closed["conservation"][0]["difference"], "0.000000000000");
    let ledger = rows(&place, "SELECT DISTINCT kind, reason, payer FROM ledger ORDER BY 1, 2, 3");
    assert!(ledger.iter().all(|posting| posting["payer"] == "community:ocean-lab"), "{ledger:?}");
    let unattributed = |posting: &serde_json::Value| {
        posting["kind"] == "unattributed" && posting["reason"] == "no_community"
    };
    assert!(ledger.iter().any(unattributed), "{ledger:?}");
    assert_eq!(closed["charges_without_payer"], json!([]));
}

#[test]
fn registry_dates_that_overlap_or_run_backwards_are_refused_with_their_lines() {
    let place = place();
    let hub = |id: &str, from: &str, to: &str| {
        format!(
            "\n[[hub]]\nid = \"{id}\"\ncluster = \"tides\"\nnamespace = \"x\"\ncommunity = \"ocean-lab\"\nfrom = {from}\nto = {to}\n"
        )
    };
    let line = |text: &str| REGISTRY.lines().count() + text.lines().count();
    let refuse = |more: &str| {
        place.write("registry.toml", &format!("{REGISTRY}{more}"));
        let checked = place.run(&["check"]).exits(2);
        // The close says the same, before it reads anything.
        let closed = place.run(&["close", "--period", PERIOD]).exits(2);
        assert_eq!(checked.stderr, closed.stderr);
        checked
    };
    let first = hub("a", "2026-06-01", "2026-06-20");
    let both = first.clone() + &hub("b", "2026-06-10", "2026-07-01");
    refuse(&both)
        .says(&format!("registry.toml:{}:1", line(&first) + 2))
        .says("a namespace is one hub at a time");
    // A hub that moves away and back again is no circle: each stay has its days.
    let there_and_back = first
        + &hub("b", "2026-06-20", "2026-06-25").replace("namespace = \"x\"", "namespace = \"y\"")
        + &hub("a", "2026-06-25", "2026-07-01");
    place.write("registry.toml", &format!("{REGISTRY}{there_and_back}"));
    place.run(&["check"]).exits(0);
    refuse(&hub("c", "2026-06-20", "2026-06-10"))
        .says("registry.toml:")
        .says("2026-06-20")
        .says("2026-06-10");
    refuse("\n[[hub]]\nid = \"d\"\ncluster = \"tides\"\nnamespace = \"z\"\nfrom = \"soon\"\n")
        .says("`hub[d].from` is \"soon\", expected a day");
}
