//! Cost Explorer answers with their requests.

use serde_json::{Value, json};

use super::super::recipe_aws_ce;
use super::*;

fn request(filter: &Value) -> String {
    json!({
        "TimePeriod": {"Start": "2026-06-01", "End": "2026-07-01"},
        "Granularity": "DAILY",
        "Metrics": ["UnblendedCost"],
        "Filter": {"And": [{"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["111122223333"]}}, filter]},
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "2i2c:hub-name"}],
    })
    .to_string()
}

fn records(kind: &str) -> Value {
    json!({"Dimensions": {"Key": "RECORD_TYPE", "Values": [kind]}})
}

fn day(day: u32, estimated: bool, groups: &[(&str, &str, &str)]) -> Value {
    let groups: Vec<Value> = groups
        .iter()
        .map(|(service, hub, amount)| {
            json!({"Keys": [service, format!("2i2c:hub-name${hub}")], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": "USD"}}})
        })
        .collect();
    json!({
        "TimePeriod": {"Start": format!("2026-06-{day:02}"), "End": format!("2026-06-{:02}", day + 1)},
        "Total": {}, "Estimated": estimated, "Groups": groups,
    })
}

fn answer(days: &[Value]) -> Value {
    json!({
        "GroupDefinitions": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "2i2c:hub-name"}],
        "ResultsByTime": days,
    })
}

fn two_days() -> Value {
    answer(&[
        day(1, false, &[("EC2 - Other", "geo", "4.1350277"), ("EC2 - Other", "", "1")]),
        day(2, true, &[("EC2 - Other", "geo", "-0.5")]),
    ])
}

#[test]
fn a_good_answer_becomes_daily_lines() {
    let read =
        read(&[with_request("ce.json", &two_days().to_string(), &request(&records("Usage")))]).unwrap();
    assert_eq!(read.billed(), "4.635027700000");
    assert_eq!(read.words("account"), ["111122223333"; 3]);
    assert_eq!(read.words("tags"), [r#"{"2i2c:hub-name":"geo"}"#, "{}", r#"{"2i2c:hub-name":"geo"}"#]);
    assert_eq!(read.words("status"), ["final", "final", "provisional"]);
    assert_eq!(read.words("grade"), ["tag"; 3]);
    assert_eq!(read.words("service_name"), ["EC2 - Other"; 3]);
    assert!(read.words("format_version")[0].starts_with("2017-10-25 view "));
}

#[test]
fn without_its_request_an_answer_is_refused_with_what_to_write() {
    let text = refusal(&[file("ce.json", &two_days().to_string())]);
    says(&text, &["ce.json.request.json", "LINKED_ACCOUNT", "UnblendedCost", "recipe aws-ce"]);
}

#[test]
fn a_request_may_stand_in_the_configuration() {
    let request = json!({
        "account": "111122223333", "metric": "UnblendedCost", "filter": records("Usage"),
        "grouping": ["SERVICE", "2i2c:hub-name"],
    });
    let mut context = Context::default();
    let read_request = super::super::CeRequest::from_value("hubtally.toml", &request).unwrap();
    context.requests.insert("ce.json".to_owned(), read_request);
    let read = read_with(&[file("bills/ce.json", &two_days().to_string())], &context).unwrap();
    assert_eq!(read.billed(), "4.635027700000");
}

#[test]
fn a_request_must_fit_its_answer() {
    let text = two_days().to_string();
    let filter = records("Usage");
    for (change, words) in [
        (("\"UnblendedCost\"", "\"BlendedCost\""), "not what is paid"),
        (("2i2c:hub-name", "2i2c:node-purpose"), "another answer's request"),
        (("LINKED_ACCOUNT", "REGION"), "names no account"),
        (("\"Values\"", "\"Value"), "no JSON"),
    ] {
        let request = request(&filter).replace(change.0, change.1);
        says(&refusal(&[with_request("ce.json", &text, &request)]), &["ce.json.request.json", words]);
    }
}

#[test]
fn pages_are_joined_and_a_missing_page_is_refused() {
    let mut first = answer(&[day(1, false, &[("EC2 - Other", "geo", "1")])]);
    first["NextPageToken"] = json!("x");
    let last = answer(&[day(2, false, &[("EC2 - Other", "geo", "2")])]);
    let request = request(&records("Usage"));
    says(
        &refusal(&[with_request("ce.json", &first.to_string(), &request)]),
        &["NextPageToken", "not complete"],
    );
    for text in [format!("{first}\n{last}"), json!([first, last]).to_string()] {
        let read = read(&[with_request("ce.json", &text, &request)]).unwrap();
        assert_eq!(read.billed(), "3.000000000000");
    }
}

#[test]
fn a_cut_answer_is_refused() {
    let text = two_days().to_string();
    let cut = with_request("ce.json", &text[..text.len() - 30], &request(&records("Usage")));
    says(&refusal(&[cut]), &["ends too early"]);
}

#[test]
fn an_answer_that_memory_does_not_hold_is_refused_with_what_to_do() {
    let text = two_days().to_string();
    let answer = with_request("ce.json", &text, &request(&records("Usage")));
    let within = |bytes| Context { document_bytes: Some(bytes), ..Context::default() };
    assert!(read_with(std::slice::from_ref(&answer), &within(text.len())).is_ok());
    says(&refusal_with(&[answer], &within(text.len() - 1)), &["ce.json", "limits.memory_mib", "fewer days"]);
}

#[test]
fn overlapping_views_are_refused_by_name() {
    let text = two_days().to_string();
    let usage = with_request("usage.json", &text, &request(&records("Usage")));
    let all = with_request("all.json", &format!("{text}\n"), &request(&json!({"Not": records("Tax")})));
    says(
        &refusal(&[usage.clone(), all]),
        &["usage.json", "all.json", "111122223333", "2026-06-01", "overlap"],
    );
    let rest = with_request("rest.json", &format!("{text} "), &request(&json!({"Not": records("Usage")})));
    assert_eq!(read(&[usage.clone(), rest]).unwrap().billed(), "9.270055400000");
    let later = answer(&[day(3, false, &[("EC2 - Other", "geo", "1")])]).to_string();
    let other_days = with_request("later.json", &later, &request(&records("Usage")));
    assert_eq!(read(&[usage, other_days]).unwrap().billed(), "5.635027700000");
}

#[test]
fn the_recipe_reads_back_as_one_bill() {
    let date = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
    let queries = recipe_aws_ce("111122223333", date("2026-06-01"), date("2026-07-01"));
    let files: Vec<BillFile> = queries
        .iter()
        .map(|query| {
            let groups = query.request["GroupBy"].as_array().unwrap();
            let keys: Vec<String> = groups
                .iter()
                .map(|group| match group["Type"].as_str().unwrap() {
                    "TAG" => format!("{}$x", group["Key"].as_str().unwrap()),
                    _ => "Credit".to_owned(),
                })
                .collect();
            let answer = json!({
                "GroupDefinitions": groups,
                "ResultsByTime": [{
                    "TimePeriod": {"Start": "2026-06-01", "End": "2026-06-02"}, "Estimated": false,
                    "Groups": [{"Keys": keys, "Metrics": {
                        "UnblendedCost": {"Amount": "1", "Unit": "USD"},
                        "AmortizedCost": {"Amount": "2", "Unit": "USD"},
                    }}],
                }],
            });
            with_request(&query.answer_file, &answer.to_string(), &query.request.to_string())
        })
        .collect();
    let read = read(&files).unwrap();
    assert_eq!(read.billed(), "7.000000000000");
    assert_eq!(read.groups.len(), 1);
    assert!(read.words("service_name").iter().any(|service| service == "EC2 - Other"));
    assert!(read.words("charge_category").iter().any(|category| category == "Credit"));
}

#[test]
fn a_group_that_cannot_be_read_is_refused_alone() {
    let text =
        answer(&[day(1, false, &[("EC2 - Other", "geo", "many"), ("EC2 - Other", "", "1")])]).to_string();
    let read = read(&[with_request("ce.json", &text, &request(&records("Usage")))]).unwrap();
    assert_eq!(read.billed(), "1.000000000000");
    says(read.first_reject(), &["UnblendedCost.Amount", "many"]);
}
