//! FOCUS CSV.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use bigdecimal::BigDecimal;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

use super::super::report::BillFileReport;
use super::*;

#[test]
fn a_good_file_becomes_charges() {
    let text = focus(&[focus_row("1111", 1, "i-1", "1.5"), focus_row("1111", 30, "i-1", "-0.25")]);
    let read = read(&[file("june.csv", &text)]).unwrap();
    assert_eq!(read.billed(), "1.250000000000");
    assert_eq!(read.words("account"), ["1111", "1111"]);
    assert_eq!(read.words("provider"), ["unknown", "unknown"]);
    assert_eq!(read.words("grade"), ["instance", "instance"]);
    assert_eq!(read.words("billing_period"), ["2026-06", "2026-06"]);
    assert_eq!(read.words("tags"), [r#"{"hub":"geo"}"#; 2]);
    assert_eq!(read.words("billed_cost_text"), ["1.5", "-0.25"]);
    assert_eq!(read.words("status"), ["final", "final"]);
    assert_eq!(read.words("format_version"), ["1.0", "1.0"]);
    assert_eq!(read.rows()[0].schema(), hubtally_schemas::tables::CHARGES.arrow_schema());
}

#[test]
fn versions_are_told_by_their_columns() {
    for (column, version) in [("SkuMeter", "1.1"), ("InvoiceId", "1.2"), ("ServiceProviderName", "1.3")] {
        let text = format!("{FOCUS_HEADER},{column}\n{},x\n", focus_row("1111", 1, "i-1", "1"));
        assert_eq!(read(&[file("a.csv", &text)]).unwrap().words("format_version"), [version]);
    }
}

#[test]
fn a_bom_and_semicolons_and_quoted_numbers_are_read() {
    let rows = [focus_row("1111", 1, "i-1", "\"1.5\""), focus_row("1111", 2, "i-2", "35.2E-7")];
    let text = focus(&rows).replace(',', ";");
    let header = FOCUS_HEADER.split(',').map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(";");
    let text = format!("\u{feff}{header}\r\n{}", text.split_once('\n').unwrap().1);
    let read = read(&[file("june.csv", &text)]).unwrap();
    assert_eq!(read.billed(), "1.500003520000");
}

#[test]
fn twenty_decimals_are_kept_as_text_and_their_rounding_is_told() {
    let rows = [focus_row("1111", 1, "i-1", "0.12345678901234567890"), focus_row("1111", 2, "i-1", "1")];
    let read = read(&[file("june.csv", &focus(&rows))]).unwrap();
    assert_eq!(read.words("billed_cost_text")[0], "0.12345678901234567890");
    let report = BillFileReport::of(0, &read.lines, &read.groups);
    assert_eq!(report.billed["USD"], "1.1234567890123456789");
    assert_eq!(report.rounding["USD"], "0.0000000000003456789");
    assert_eq!(read.billed(), "1.123456789012");
}

#[test]
fn a_row_that_cannot_be_read_stops_no_other() {
    let rows = [
        focus_row("1111", 1, "i-1", "1"),
        focus_row("1111", 2, "i-1", "1.234,56").replace("1.234,56", "\"1.234,56\""),
        focus_row_in("1111", 3, "i-1", "1", "XAU"),
        focus_row("1111", 4, "i-1", "1").replace("2026-06-04 12", "2026-06-03 12"),
        focus_row("1111", 5, "i-1", "1").replace("Usage", "Use"),
        focus_row("1111", 6, "i-1", "NaN"),
        "1,2,3".to_owned(),
        focus_row("1111", 7, "i-1", "2"),
    ];
    let read = read(&[file("june.csv", &focus(&rows))]).unwrap();
    assert_eq!(read.billed(), "3.000000000000");
    let rejects: Vec<(u64, &str)> =
        read.file().rejects.iter().map(|reject| (reject.row, reject.detail.as_str())).collect();
    assert_eq!(rejects.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7]);
    for ((_, detail), word) in rejects.iter().zip([
        "BilledCost",
        "BillingCurrency",
        "ChargePeriodStart",
        "ChargeCategory",
        "BilledCost",
        "3 columns",
    ]) {
        says(detail, &[word]);
    }
    assert!(String::from_utf8_lossy(&read.file().rejects[0].bytes).contains("1.234,56"));
}

#[test]
fn invalid_utf8_refuses_its_row_only() {
    let text = focus(&[focus_row("1111", 1, "i-1", "1"), focus_row("1111", 2, "i-\u{1}", "1")]);
    let bytes: Vec<u8> = text.bytes().map(|byte| if byte == 1 { 0xff } else { byte }).collect();
    let read = read(&[BillFile::from_bytes("a.csv", bytes.into(), None)]).unwrap();
    assert_eq!(read.billed(), "1.000000000000");
    says(read.first_reject(), &["ResourceId", "UTF-8"]);
}

#[test]
fn a_missing_column_names_the_nearest() {
    let text = focus(&[focus_row("1111", 1, "i-1", "1")]).replace("BilledCost", "BiledCosts");
    says(
        &refusal(&[file("a.csv", &text)]),
        &["a.csv", "BilledCost (nearest found: BiledCosts)", "ServiceName"],
    );
}

#[test]
fn a_cut_file_is_refused_wherever_it_was_cut() {
    let text = focus(&[focus_row("1111", 1, "i-1", "1"), focus_row("1111", 2, "i-1", "2")]);
    for cut in [3, 10, 60] {
        says(&refusal(&[file("a.csv", &text[..text.len() - cut])]), &["ends too early", "download it again"]);
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    let packed = packed.finish().unwrap();
    let whole = BillFile::from_bytes("a.csv.gz", packed.clone().into(), None);
    assert_eq!(read(&[whole]).unwrap().billed(), "3.000000000000");
    let cut = BillFile::from_bytes("a.csv.gz", packed[..packed.len() - 20].to_vec().into(), None);
    says(&refusal(&[cut]), &["ends too early"]);
}

#[test]
fn mixed_currencies_name_both_rows() {
    let rows = [focus_row("1111", 1, "i-1", "1"), focus_row_in("1111", 2, "i-1", "1", "EUR")];
    says(&refusal(&[file("a.csv", &focus(&rows))]), &["1111", "2026-06", "row 1 is in USD", "row 2 in EUR"]);
    let apart = [focus_row("1111", 1, "i-1", "1"), focus_row_in("2222", 2, "i-1", "1", "EUR")];
    assert_eq!(read(&[file("a.csv", &focus(&apart))]).unwrap().groups.len(), 2);
}

#[test]
fn equal_rows_of_one_file_are_two_lines_with_stable_ids() {
    let row = focus_row("1111", 1, "i-1", "1");
    let text = focus(&[row.clone(), row]);
    let ids = read(&[file("a.csv", &text)]).unwrap().words("charge_id");
    assert_eq!(format!("{}-2", ids[0]), ids[1]);
    assert_eq!(read(&[file("b.csv", &text)]).unwrap().words("charge_id"), ids);
    let restated = text.replace("\n1,NULL", "\n1.01,NULL");
    assert_eq!(read(&[file("a.csv", &restated)]).unwrap().words("charge_id"), ids);
}

#[test]
fn parts_of_one_export_join_and_overlaps_are_refused() {
    let one = focus(&[focus_row("1111", 1, "i-1", "1"), focus_row("1111", 2, "i-1", "2")]);
    let two = focus(&[focus_row("1111", 3, "i-1", "4")]);
    let joined = read(&[file("1.csv", &one), file("2.csv", &two)]).unwrap();
    assert_eq!((joined.billed().as_str(), joined.groups.len()), ("7.000000000000", 1));
    let again = focus(&[focus_row("1111", 2, "i-1", "2.01"), focus_row("1111", 4, "i-1", "8")]);
    let text = refusal(&[file("1.csv", &one), file("3.csv", &again)]);
    says(&text, &["1.csv (row 2)", "3.csv (row 1)", "overlap"]);
}

#[test]
fn a_bill_that_stops_before_the_month_does_is_provisional() {
    let read = read(&[file("a.csv", &focus(&[focus_row("1111", 12, "i-1", "1")]))]).unwrap();
    assert_eq!(read.words("status"), ["provisional"]);
}

#[test]
fn nothing_readable_and_nothing_known_are_errors() {
    let text = focus(&[focus_row("1111", 1, "i-1", "abc")]);
    says(&refusal(&[file("a.csv", &text)]), &["none of its 1 rows", "BilledCost", "abc"]);
    says(&refusal(&[file("a.csv", "a,b\n1,2\n")]), &["no bill format", "--format", "a, b"]);
    says(&refusal(&[file("a.csv", "")]), &["the file is empty"]);
    let utf16: Vec<u8> = [0xff, 0xfe, b'a', 0].to_vec();
    says(&refusal(&[BillFile::from_bytes("a.csv", utf16.into(), None)]), &["UTF-16"]);
    let error = "fokus".parse::<super::super::Format>().unwrap_err();
    says(&error.to_string(), &["fokus", "did you mean focus?"]);
}

#[test]
fn a_file_without_sub_account_falls_back_to_the_billing_account() {
    let text = focus(&[focus_row("NULL", 1, "NULL", "1").replace("\"{\"\"hub\"\": \"\"geo\"\"}\"", "NULL")]);
    let read = read(&[file("a.csv", &text)]).unwrap();
    assert_eq!(read.words("account"), ["0001"]);
    assert_eq!(read.words("grade"), ["account"]);
}

fn shared_folder() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "tests find the shared folder by an environment variable")]
    let named = std::env::var_os("HUBTALLY_SHARED").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"))
}

/// The sum of a column, by a reader that shares nothing with ours but the CSV library.
fn independent_sum(text: &str, column: &str) -> BigDecimal {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let place = reader.headers().unwrap().iter().position(|name| name == column).unwrap();
    reader.records().map(|row| BigDecimal::from_str(&row.unwrap()[place]).unwrap()).sum()
}

#[test]
fn the_public_sample_imports_to_the_last_digit() {
    let path = shared_folder().join("data/focus/focus-1.0-sample.csv");
    if !path.is_file() {
        println!("skipped: no shared folder at {}", path.display());
        return;
    }
    let expected = independent_sum(&std::fs::read_to_string(&path).unwrap(), "BilledCost");
    let read = read(&[BillFile::from_path(&path).unwrap()]).unwrap();
    assert!(read.file().rejects.is_empty(), "{:?}", read.file().rejects);
    assert_eq!(read.file().lines, 1000);
    assert_eq!(BigDecimal::from_str(&read.billed()).unwrap(), expected);
    let report = BillFileReport::of(0, &read.lines, &read.groups);
    assert_eq!(BigDecimal::from_str(&report.billed["USD"]).unwrap(), expected);
    assert!(report.rounding.is_empty());
    let providers: std::collections::BTreeSet<String> = read.words("provider").into_iter().collect();
    assert_eq!(providers.into_iter().collect::<Vec<_>>(), ["Oracle", "aws", "azure"]);
}
