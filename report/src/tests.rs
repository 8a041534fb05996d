//! The documents of the sample month: laws first, then how they look.

use hubtally_schemas::Currency;
use hubtally_schemas::money::parse_pico;
use hubtally_schemas::policy::{Policy, UserNames};
use hubtally_schemas::registry::Registry;
use proptest::prelude::*;
use serde_json::Value;

use crate::assemble::{Documents, assemble};
use crate::draw::{self, Edges};
use crate::error::ReportError;
use crate::facts::Month;
use crate::load::Names;
use crate::page::Templates;
use crate::publish::Document;
use crate::sample_month::{self, month, month_of, names, policy, postings, registry, scope};

fn documents(registry: &Registry, policy: &Policy, month: &Month) -> Documents {
    assemble(scope(registry, policy), month).unwrap()
}

fn drawn(names: &Names) -> Vec<Document> {
    let (registry, policy) = (registry(), policy());
    let documents = documents(&registry, &policy, &month(&registry));
    let templates = Templates::load(None).unwrap();
    let edges = Edges {
        contact: registry.organisation.contact.clone(),
        versions: [("charges", 3), ("ledger", 1)].into(),
        inputs: [("USD".to_owned(), "3b".repeat(32))].into(),
    };
    draw::all(&documents, names, &templates, &edges).unwrap()
}

fn of<'a>(documents: &'a [Document], folder: &str) -> &'a Document {
    documents.iter().find(|document| document.folder == folder).unwrap()
}

fn cents(text: &Value) -> i128 {
    parse_pico(text.as_str().unwrap()).unwrap().pico / Currency::USD.pico_per_minor()
}

fn sum<'a>(values: impl IntoIterator<Item = &'a Value>) -> i128 {
    values.into_iter().map(cents).sum()
}

#[test]
fn l1_every_total_is_a_sum_of_printed_lines_to_the_cent() {
    let drawn = drawn(&Names::default());
    let mut all = 0;
    for document in drawn.iter().filter(|document| document.folder.starts_with("communities/")) {
        let json: Value = serde_json::from_slice(&document.json).unwrap();
        for costs in json["costs"].as_array().unwrap() {
            let list = |key: &str| costs[key].as_array().unwrap().clone();
            let total = cents(&costs["total"]);
            all += total;
            assert_eq!(total, sum([&costs["cloud"], &costs["idle"], &costs["unattributed"]]));
            assert_eq!(total, list("lines").iter().map(|line| cents(&line["amount"])).sum::<i128>());
            assert_eq!(total, list("days").iter().map(|day| cents(&day["total"])).sum::<i128>());
            let parts = |day: &Value| day["parts"].as_object().unwrap().values().map(cents).sum::<i128>();
            assert!(list("days").iter().all(|day| parts(day) == cents(&day["total"])));
            assert_eq!(total, list("hubs").iter().map(|hub| cents(&hub["total"])).sum::<i128>());
            let users = list("users").iter().map(|user| cents(&user["amount"])).sum::<i128>();
            assert_eq!(total, users + cents(&costs["without_user"]));
            let causes = |key: &str| list(key).iter().map(|cause| cents(&cause["amount"])).sum::<i128>();
            assert_eq!(cents(&costs["idle"]), causes("idle_by_cause"));
            assert_eq!(cents(&costs["unattributed"]), causes("unattributed_by_cause"));
            assert_eq!(total, list("accounts").iter().map(|account| cents(&account["yours"])).sum::<i128>());
        }
    }
    let finance: Value = serde_json::from_slice(&of(&drawn, "finance").json).unwrap();
    let usd = &finance["currencies"][0];
    assert_eq!(cents(&usd["total"]), all + sum([&usd["organisation"], &usd["without_payer"]]));
    let rounded: i128 = finance["accounts"].as_array().unwrap().iter().map(|a| cents(&a["rounded"])).sum();
    assert_eq!(cents(&usd["total"]), rounded);
    assert_eq!(
        cents(&usd["total"]),
        sum([&usd["recoverable"], &usd["not_recoverable"], &usd["organisation"], &usd["without_payer"]])
    );
}

#[test]
fn l9_a_document_holds_nothing_of_another_community() {
    let drawn = drawn(&names());
    let ocean = of(&drawn, "communities/ocean-lab");
    let soil = of(&drawn, "communities/soil-net");
    let soils = ["soil", "Soil", "Roots", "Sandbox", "310.5", "quiet", "Quiet"];
    let oceans = ["ocean", "Ocean", "tides", "Tides", "reef-ocean", "111122223333", "quiet", "Quiet"];
    for (document, foreign) in [(ocean, soils.to_vec()), (soil, oceans.to_vec())] {
        for bytes in [&document.json, &document.csv, &document.html.as_bytes().to_vec()] {
            let text = String::from_utf8_lossy(bytes);
            for word in &foreign {
                assert!(!text.contains(word), "{} holds {word:?}", document.folder);
            }
        }
    }
    // Users of the other community, by id; and amounts that would tell: the shared bill as a whole.
    let other_users = (0..12).map(|user| sample_month::user_id("reef-soil", user));
    let text = String::from_utf8_lossy(&ocean.json).into_owned();
    assert!(other_users.into_iter().all(|id| !text.contains(&id)));
    let json: Value = serde_json::from_slice(&ocean.json).unwrap();
    let shared = &json["costs"][0]["accounts"][1];
    assert_eq!(shared["account"], "444455556666");
    assert_eq!(shared["account_total"], Value::Null, "the rest of a bill shared by two is the other's cost");
    assert_eq!(json["costs"][0]["accounts"][0]["account_total"], json["costs"][0]["accounts"][0]["yours"]);
}

#[test]
fn l7_the_same_facts_give_the_same_bytes_in_any_order() {
    let (registry, policy) = (registry(), policy());
    let mut turned = postings();
    turned.reverse();
    turned.rotate_left(177);
    let first = documents(&registry, &policy, &month(&registry));
    let second = documents(&registry, &policy, &month_of(&registry, &turned));
    for (a, b) in first.communities.iter().zip(&second.communities) {
        assert_eq!(crate::publish::record("a", a).unwrap(), crate::publish::record("b", b).unwrap());
    }
    let bytes = |documents: &Documents| crate::publish::record("finance", &documents.finance).unwrap();
    assert_eq!(bytes(&first), bytes(&second));
    assert_eq!(first.summary, second.summary);
}

#[test]
fn l7_names_of_users_are_in_no_record() {
    let (with, without) = (drawn(&names()), drawn(&Names::default()));
    for (a, b) in with.iter().zip(&without) {
        assert_eq!(a.json, b.json);
    }
    let (with, without) = (of(&with, "communities/ocean-lab"), of(&without, "communities/ocean-lab"));
    assert!(with.html.contains("ada@lab.example") && !without.html.contains("ada@lab.example"));
    assert!(!String::from_utf8_lossy(&with.json).contains("ada@lab.example"));
}

#[test]
fn l4_a_gap_and_a_provisional_day_are_said_on_every_document_they_touch() {
    let drawn = drawn(&Names::default());
    let ocean = &of(&drawn, "communities/ocean-lab").html;
    assert!(ocean.contains("9 hours on 14\u{a0}June have no telemetry"), "{ocean}");
    assert!(ocean.contains("is provisional"));
    let soil = &of(&drawn, "communities/soil-net").html;
    assert!(!soil.contains("on 14\u{a0}June have no telemetry"));
    assert!(soil.contains("its bill is not seen by the organisation"));
    assert!(of(&drawn, "finance").html.contains("9 hours on 14\u{a0}June have no telemetry"));
    let quiet = &of(&drawn, "communities/quiet-club").html;
    assert!(quiet.contains("no bill of the month has a line that it bears"), "{quiet}");
}

#[test]
fn l1_books_that_do_not_balance_publish_nothing() {
    let (registry, policy) = (registry(), policy());
    let mut month = month(&registry);
    month.certificates[0].difference = 1;
    assert!(matches!(assemble(scope(&registry, &policy), &month), Err(ReportError::OutOfBalance { .. })));
    month.certificates[0].difference = 0;
    month.certificates[0].posted += 1;
    assert!(matches!(assemble(scope(&registry, &policy), &month), Err(ReportError::CertificateApart { .. })));
}

#[test]
fn a_charge_without_a_payer_is_listed_and_makes_the_close_incomplete() {
    let (registry, policy) = (registry(), policy());
    let mut postings = postings();
    for posting in postings.iter_mut().filter(|posting| posting.payer == "organisation") {
        posting.payer = "none";
    }
    let documents = documents(&registry, &policy, &month_of(&registry, &postings));
    assert_eq!(documents.summary.charges_without_payer, ["focus/444455556666/support"]);
    assert!(
        documents.summary.incomplete.iter().any(|note| note.starts_with("1 charge without a payer, $29.00"))
    );
    assert_eq!(documents.finance.charges_without_payer.len(), 1);
}

#[test]
fn names_that_look_like_formulas_are_text_in_csv_and_escaped_in_html() {
    let drawn = drawn(&names());
    let ocean = of(&drawn, "communities/ocean-lab");
    let csv = String::from_utf8(ocean.csv.clone()).unwrap();
    assert!(csv.contains("\"'=HYPERLINK(\"\"http://evil.example\"\")\""), "{csv}");
    assert!(csv.contains(",'@sum,") && csv.contains(",'-x,"));
    let mut reader = csv::Reader::from_reader(ocean.csv.as_slice());
    for record in reader.records() {
        for (at, cell) in record.unwrap().iter().enumerate() {
            let number = (15..=17).contains(&at) && cell.parse::<f64>().is_ok();
            assert!(number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
    }
    let soil = &of(&drawn, "communities/soil-net").html;
    assert!(soil.contains("Roots &lt;b&gt;") && !soil.contains("Roots <b>"));
}

#[test]
fn visitors_are_no_users_and_credits_stand_on_their_own() {
    let drawn = drawn(&Names::default());
    let soil: Value = serde_json::from_slice(&of(&drawn, "communities/soil-net").json).unwrap();
    assert_eq!((&soil["hub_use"][0]["users"], &soil["hub_use"][0]["visitors"]), (&3.into(), &1.into()));
    let ocean: Value = serde_json::from_slice(&of(&drawn, "communities/ocean-lab").json).unwrap();
    // -41.2345… within a cent, and the same by day and by line.
    let by_day = cents(&ocean["costs"][0]["days"][19]["parts"]["credit"]);
    assert!((-4_124..=-4_123).contains(&by_day), "{by_day}");
    let credits = ocean["costs"][0]["lines"].as_array().unwrap().iter().map(|line| cents(&line["credit"]));
    assert_eq!(credits.sum::<i128>(), by_day);
}

#[test]
fn hidden_names_stay_hidden() {
    let drawn = drawn(&Names::default());
    let ocean = of(&drawn, "communities/ocean-lab");
    assert!(ocean.html.contains("user "));
    assert!(!String::from_utf8_lossy(&ocean.csv).contains("HYPERLINK"));
    assert_eq!(policy().user_names, UserNames::Shown);
}

#[test]
fn a_page_is_one_small_file_without_script_or_anything_from_elsewhere() {
    for document in drawn(&names()) {
        let html = &document.html;
        assert!(html.len() < 500_000, "{}: {} bytes", document.folder, html.len());
        assert!(html.starts_with("<!DOCTYPE html>"), "{}", &html[..40]);
        for word in ["<script", "<link", "src=", "@import", "url(http", "style=\"", "<img"] {
            assert!(!html.contains(word), "{} holds {word}", document.folder);
        }
        assert!(html.contains(&hubtally_schemas::canonical::sha256_hex(&document.json)));
    }
}

#[test]
fn a_bill_of_two_currencies_is_shown_apart() {
    let (registry, policy) = (registry(), policy());
    let mut month = month(&registry);
    for leaf in month.leaves.iter_mut().filter(|leaf| leaf.key.account == "soil-own") {
        leaf.key.currency = Currency::EUR;
    }
    let mut total = month.certificates.iter().find(|c| c.scope == "total").unwrap().clone();
    for certificate in month.certificates.iter_mut().filter(|c| c.scope_id == "soil-own") {
        certificate.currency = "EUR".to_owned();
        total = crate::facts::Certificate {
            scope: "total".into(),
            scope_id: "all".into(),
            ..certificate.clone()
        };
    }
    month.certificates.push(total);
    let documents = documents(&registry, &policy, &month);
    let soil = documents.communities.iter().find(|report| report.community.id == "soil-net").unwrap();
    let shown: Vec<(&str, String)> =
        soil.costs.iter().map(|costs| (costs.currency.as_str(), costs.total.to_decimal_text())).collect();
    assert_eq!(shown.len(), 2);
    assert!(shown.contains(&("EUR", "310.50".to_owned())), "{shown:?}");
    assert_eq!(documents.summary.communities.iter().filter(|c| c.id == "soil-net").count(), 2);
    let templates = Templates::load(None).unwrap();
    draw::all(&documents, &names(), &templates, &Edges::default()).unwrap();
}

#[test]
fn a_month_without_anything_is_no_zero() {
    let (registry, policy) = (registry(), policy());
    let documents = documents(&registry, &policy, &Month::default());
    assert!(documents.summary.communities.is_empty());
    assert!(documents.communities.iter().all(|report| report.costs.is_empty()));
    let missing = "Account 111122223333: no bill for June 2026 has been read.";
    assert!(
        documents.summary.incomplete.iter().any(|note| note == missing),
        "{:?}",
        documents.summary.incomplete
    );
    let templates = Templates::load(None).unwrap();
    for document in draw::all(&documents, &names(), &templates, &Edges::default()).unwrap() {
        assert!(!document.html.contains("$0.00"), "{}", document.folder);
    }
}

#[test]
fn an_organisations_own_template_replaces_ours() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letterhead.html"), "<p>OUR {{ organisation }}</p>").unwrap();
    let (registry, policy) = (registry(), policy());
    let documents = documents(&registry, &policy, &month(&registry));
    let templates = Templates::load(Some(folder.path())).unwrap();
    let drawn = draw::all(&documents, &names(), &templates, &Edges::default()).unwrap();
    assert!(drawn[0].html.contains("<p>OUR Hub Commons</p>"));
    std::fs::write(folder.path().join("page.html"), "{{ nothing_of_that_name }}").unwrap();
    let templates = Templates::load(Some(folder.path())).unwrap();
    let error = draw::all(&documents, &names(), &templates, &Edges::default()).unwrap_err();
    assert!(matches!(&error, ReportError::Template { template, .. } if template == "page.html"), "{error}");
}

#[test]
fn the_summary_of_the_close() {
    let (registry, policy) = (registry(), policy());
    let documents = documents(&registry, &policy, &month(&registry));
    insta::assert_json_snapshot!("close_summary", documents.summary);
    let sentences: Vec<&str> =
        documents.communities.iter().map(|report| report.head.summary.as_str()).collect();
    insta::assert_json_snapshot!("sentences", (sentences, &documents.finance.head, &documents.totals));
}

#[test]
fn the_community_json_and_csv() {
    let drawn = drawn(&names());
    let soil = of(&drawn, "communities/soil-net");
    let json: Value = serde_json::from_slice(&soil.json).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    insta::assert_json_snapshot!(
        "community_json",
        serde_json::json!({
            "keys": keys(&json),
            "cost keys": keys(&json["costs"][0]),
            "lines": json["costs"][0]["lines"],
            "hubs": json["costs"][0]["hubs"],
            "first day": json["costs"][0]["days"][0],
            "first user": json["costs"][0]["users"][0],
            "accounts": json["costs"][0]["accounts"],
            "home_directories": json["home_directories"],
            "notes": json["notes"],
        })
    );
    let csv = String::from_utf8(soil.csv.clone()).unwrap();
    let first: Vec<&str> = csv.lines().take(12).collect();
    insta::assert_snapshot!("community_csv", first.join("\n"));
}

#[test]
fn a_page_in_html() {
    let drawn = drawn(&names());
    let soil = &of(&drawn, "communities/soil-net").html;
    let body = soil.split_once("<header>").unwrap().1;
    let head = body.split_once("<nav").unwrap().0;
    let hubs = soil.split_once("<caption id=\"t-hubs\">").unwrap().1.split_once("</table>").unwrap().0;
    let strip =
        soil.split_once("Observed telemetry by cluster").unwrap().1.split_once("</figcaption>").unwrap().0;
    insta::assert_snapshot!("community_html", format!("{head}\n…\n{hubs}\n…\n{strip}"));
}

proptest! {
    #[test]
    fn l8_rounded_cells_stay_within_a_cent_and_sum_to_the_rounded_bill(
        amounts in prop::collection::vec((-20_000_000_000_000_i128..20_000_000_000_000, 1_u32..=30, 0_usize..3), 1..60),
    ) {
        let registry = registry();
        let template = postings().swap_remove(0);
        let hubs = ["tides-prod", "tides-staging", "tides-x"];
        let postings: Vec<_> = amounts
            .iter()
            .map(|(exact, day, hub)| sample_month::Posting {
                exact: *exact, day: *day, hub: Some(hubs[*hub]), ..template.clone()
            })
            .collect();
        let month = month_of(&registry, &postings);
        let lines = crate::rounded::round_leaves(&month.leaves).unwrap();
        let unit = Currency::USD.pico_per_minor();
        let bill: i128 = postings.iter().map(|posting| posting.exact).sum();
        let rounded: i128 = lines.iter().map(|line| line.minor).sum();
        prop_assert!((rounded * unit - bill).abs() * 2 <= unit);
        for (line, leaf) in lines.iter().zip(&month.leaves) {
            prop_assert_eq!(line.days.values().map(|cell| cell.minor).sum::<i128>(), line.minor);
            prop_assert_eq!(line.places.values().sum::<i128>(), line.minor);
            prop_assert_eq!(line.reasons.values().sum::<i128>(), line.minor);
            for (day, cell) in &line.days {
                prop_assert!((cell.minor * unit - leaf.days[day].exact).abs() < unit);
            }
        }
    }
}
