//! The consoles' CSV files.

use std::collections::BTreeSet;

use super::*;

const AWS: &str = "Linked account,111122223333,444455556666,\nLinked account name,ocean lab ($),soil net ($),Total costs($)\nLinked account total,321.25,32,353.25\n2026-05-01,310.5,42,352.5\n2026-06-01,10.75,-10,0.75\n";

#[test]
fn the_aws_sheet_becomes_a_line_per_account_and_month() {
    let read = read(&[file("costs.csv", AWS)]).unwrap();
    assert_eq!(read.billed(), "353.250000000000");
    assert_eq!(read.groups.len(), 4);
    assert_eq!(read.words("grade"), ["account"; 4]);
    assert_eq!(read.words("account"), ["111122223333", "111122223333", "444455556666", "444455556666"]);
    assert_eq!(read.words("billing_period"), ["2026-05", "2026-06", "2026-05", "2026-06"]);
    assert_eq!(read.words("status"), ["final"; 4]);
}

#[test]
fn the_example_of_the_console_is_read() {
    let text = "Linked account,111122223333,444455556666,\nLinked account name,ocean lab ($),soil net ($),Total costs($)\nLinked account total,310.5,42,352.5\n2026-01-01,310.5,42,352.5\n";
    assert_eq!(read(&[file("costs.csv", text)]).unwrap().billed(), "352.500000000000");
}

#[test]
fn totals_that_do_not_hold_are_refused_with_the_difference() {
    let row = AWS.replace("352.5\n2026-06", "352.49\n2026-06");
    says(
        &refusal(&[file("costs.csv", &row)]),
        &["total of 2026-05-01", "352.49", "352.5", "difference -0.01"],
    );
    let column = AWS.replace("321.25,32,353.25", "322.25,32,354.25");
    says(&refusal(&[file("costs.csv", &column)]), &["account 111122223333", "322.25", "difference 1.00"]);
    let edited = AWS.replace("310.5,42,352.5", "300.5,42,342.5");
    says(&refusal(&[file("costs.csv", &edited)]), &["total of account 111122223333"]);
}

#[test]
fn long_decimals_may_differ_in_their_last_place() {
    let text = "Linked account,111122223333,444455556666,\nLinked account name,a ($),b ($),Total costs($)\nLinked account total,0.1111111111,0.2222222222,0.3333333334\n2026-06-01,0.1111111111,0.2222222222,0.3333333334\n";
    assert_eq!(read(&[file("costs.csv", text)]).unwrap().billed(), "0.333333333300");
}

#[test]
fn a_cut_or_mixed_sheet_is_refused() {
    says(&refusal(&[file("costs.csv", &AWS[..AWS.len() - 12])]), &["costs.csv"]);
    let no_total: String = AWS.split_inclusive('\n').filter(|line| !line.contains("account total")).collect();
    says(&refusal(&[file("costs.csv", &no_total)]), &["Linked account total"]);
    says(&refusal(&[file("costs.csv", &AWS.replace("soil net ($)", "soil net (€)"))]), &["mixes currencies"]);
    says(&refusal(&[file("costs.csv", &AWS.replace("ocean lab ($)", "ocean lab"))]), &["names no currency"]);
}

fn projects() -> Context {
    let mut context = Context::default();
    context.by_name.insert("Tides Lab".to_owned(), BTreeSet::from(["tides".to_owned()]));
    context.by_name.insert("Twin".to_owned(), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    context
}

const GCP: &str = "Project name,Month,Subtotal ($)\nTides Lab,2026-05,\"1,310.50\"\nTides Lab,2026-06,-2\nother-project,2026-06,1\n";

#[test]
fn the_gcp_sheet_finds_projects_by_name_and_keeps_pacific_days() {
    let read = read_with(&[file("gcp.csv", GCP)], &projects()).unwrap();
    assert_eq!(read.billed(), "1309.500000000000");
    assert_eq!(read.words("account"), ["other-project", "tides", "tides"]);
    assert_eq!(read.words("billing_period"), ["2026-06", "2026-05", "2026-06"]);
    let rows = read.rows();
    let starts = rows[0].column_by_name("charge_period_start").unwrap();
    let starts = starts.as_primitive::<arrow::datatypes::TimestampMicrosecondType>();
    assert_eq!(Instant(starts.value(0)).to_string(), "2026-06-01T07:00:00Z");
    assert_eq!(read.words("status"), ["final"; 3]);
}

#[test]
fn a_file_of_one_month_has_it_in_its_name() {
    let text = "Project name,Subtotal ($)\nTides Lab,5.25\nTotal,5.25\n";
    let named = |name: &str| file(name, text);
    let read = read_with(&[named("cost 2026-06-01 — 2026-06-30.csv")], &projects()).unwrap();
    assert_eq!(
        (read.billed().as_str(), read.words("billing_period")[0].as_str()),
        ("5.250000000000", "2026-06")
    );
    let part = read_with(&[named("cost 2026-06-01 — 2026-06-20.csv")], &projects()).unwrap();
    assert_eq!(part.words("status"), ["provisional"]);
    says(&refusal_with(&[named("cost.csv")], &projects()), &["Month", "2026-01-01 — 2026-01-31"]);
    let wrong = file("cost 2026-06-01 — 2026-06-30.csv", &text.replace("Total,5.25", "Total,5.20"));
    says(&refusal_with(&[wrong], &projects()), &["total", "5.20", "5.25", "-0.05"]);
}

#[test]
fn rows_without_a_sure_project_or_month_are_refused() {
    let text = format!("{GCP}Twin,2026-06,1\nTides Lab,soon,1\n,2026-06,7\n");
    let read = read_with(&[file("gcp.csv", &text)], &projects()).unwrap();
    let details: Vec<&str> = read.file().rejects.iter().map(|reject| reject.detail.as_str()).collect();
    for (detail, word) in details.iter().zip(["a and b", "no month", "empty"]) {
        says(detail, &[word]);
    }
    assert_eq!(details.len(), 3);
    says(&refusal(&[file("g.csv", "Project name;Subtotal\nx;1\n")]), &["names no currency"]);
}

#[test]
fn two_importers_of_one_account_and_month_are_refused() {
    let bill = focus(&[focus_row("111122223333", 1, "i-1", "1")]);
    let text = refusal(&[file("costs.csv", AWS), file("focus.csv", &bill)]);
    says(&text, &["111122223333", "2026-06", "aws-console", "costs.csv", "focus", "focus.csv"]);
}
