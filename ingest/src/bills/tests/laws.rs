//! L1 and L8 on the way in: what a file says is what charges say.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use hubtally_schemas::money;
use proptest::prelude::*;

use super::super::report::BillFileReport;
use super::*;

/// Amounts as bills write them.
fn amount() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,9}",
        "-?[0-9]{1,6}\\.[0-9]{1,12}",
        "-?[0-9]{1,3}\\.[0-9]{13,25}",
        "-?[1-9]\\.[0-9]{1,4}[eE]-?[0-9]",
    ]
}

proptest! {
    #[test]
    fn l8_the_sum_of_charges_and_rounding_is_the_sum_of_the_file(amounts in prop::collection::vec(amount(), 1..60)) {
        let rows: Vec<String> = amounts
            .iter()
            .zip(0_u32..)
            .map(|(amount, at)| focus_row(&format!("acc{}", at % 3), 1 + at % 28, &format!("i-{}", at % 5), amount))
            .collect();
        let read = read(&[file("a.csv", &focus(&rows))]).unwrap();
        let expected: BigDecimal = amounts.iter().map(|amount| BigDecimal::from_str(amount).unwrap()).sum();
        let report = BillFileReport::of(0, &read.lines, &read.groups);
        prop_assert_eq!(BigDecimal::from_str(&report.billed["USD"]).unwrap(), expected);
        let stored: i128 = amounts.iter().map(|amount| money::parse_pico(amount).unwrap().pico).sum();
        prop_assert_eq!(read.billed(), money::pico_text(stored));
        prop_assert_eq!(read.groups.iter().map(|group| group.billed).sum::<i128>(), stored);
    }

    #[test]
    fn l2_line_ids_are_unique_and_do_not_depend_on_the_file_name(days in prop::collection::vec((1_u32..28, 0_u8..3), 1..40)) {
        let rows: Vec<String> =
            days.iter().map(|(day, resource)| focus_row("1111", *day, &format!("i-{resource}"), "1")).collect();
        let ids = read(&[file("a.csv", &focus(&rows))]).unwrap().words("charge_id");
        let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
        prop_assert_eq!(unique.len(), rows.len());
        prop_assert_eq!(&read(&[file("b.csv", &focus(&rows))]).unwrap().words("charge_id"), &ids);
    }

    #[test]
    fn l10_any_bytes_are_lines_rejects_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400) {
        let text = focus(&[focus_row("1111", 1, "i-1", "1"), focus_row("1111", 2, "i-1", "1")]);
        let mut mixed = text.as_bytes()[..cut.min(text.len())].to_vec();
        mixed.extend(bytes);
        let file = BillFile::from_bytes("a.csv", mixed.into(), None);
        if let Ok(read) = read(&[file]) {
            prop_assert_eq!(read.file().reading.rows, read.file().lines + read.file().rejects.len() as u64);
        }
    }
}
