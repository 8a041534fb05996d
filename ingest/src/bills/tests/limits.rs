//! Bills that do not fit into memory: what is put aside on disk comes back as if it had stayed.

use proptest::prelude::*;

use super::super::limits::BillLimits;
use super::super::report::BillFileReport;
use super::*;

/// Room for some 25 lines in a row group, and for 256 keys.
const LITTLE: usize = 128 << 10;

fn options(memory_bytes: usize) -> BillOptions {
    let limits = BillLimits { memory_bytes, ..BillLimits::default() };
    BillOptions { limits, ..BillOptions::new(now()) }
}

/// All rows as one batch, and all that is said of files and groups.
fn everything(read: &Read) -> (RecordBatch, Vec<BillFileReport>, Vec<String>) {
    let rows = arrow::compute::concat_batches(&CHARGES.arrow_schema(), &read.rows()).unwrap();
    let files = (0..read.lines.files.len()).map(|at| BillFileReport::of(at, &read.lines, &read.groups));
    let group = |group: &Group| {
        let provisional = read.lines.provisional_of(group);
        format!(
            "{} {} {} {:?} {provisional} {:?}",
            group.key.name(),
            group.rows,
            group.billed,
            group.days,
            group.grade
        )
    };
    (rows, files.collect(), read.groups.iter().map(group).collect())
}

/// Reads within little memory and within much, and compares what comes of it.
fn same_in_any_memory(files: &[BillFile]) -> Result<Read, String> {
    let within = |memory| read_within(files, &Context::default(), &options(memory));
    match (within(LITTLE), within(1 << 30)) {
        (Ok(little), Ok(much)) => {
            assert_eq!(everything(&little), everything(&much));
            assert!(little.groups.iter().all(|group| group.rows < 150 || group.parts.len() > 1));
            Ok(little)
        }
        (Err(little), Err(much)) => {
            assert_eq!(little.to_string(), much.to_string());
            Err(much.to_string())
        }
        (little, much) => panic!("{little:?} {much:?}"),
    }
}

/// A line: account, day, resource, cost, and whether it can be read. Few of each, so that lines repeat.
type Drawn = (u8, u32, u16, u32, u8);

fn bill(lines: &[Drawn]) -> BillFile {
    let rows: Vec<String> = lines
        .iter()
        .map(|(account, day, resource, cost, kind)| {
            let cost = match kind {
                0 => format!("{cost} apples"),
                1..5 => format!("0.{cost}00000000000049"),
                _ => format!("{cost}.25"),
            };
            // A file has days of its own, so that most bills do not overlap.
            focus_row(&format!("acc{account}"), *day, &format!("i-{resource}"), &cost)
        })
        .collect();
    file(&format!("{}.csv", lines.len()), &focus(&rows))
}

fn lines(days: std::ops::Range<u32>, most: usize) -> impl Strategy<Value = Vec<Drawn>> {
    let kind = prop::sample::select((0_u8..40).chain(10..60).collect::<Vec<_>>());
    prop::collection::vec((0_u8..4, days, 0_u16..80, 0_u32..9999, kind), 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn l7_a_tiny_limit_gives_the_rows_and_the_report_of_a_large_one(
        first in lines(1..20, 900),
        second in lines(20..31, 300),
        third in lines(12..29, 3),
    ) {
        let files = [bill(&first), bill(&second), bill(&third)];
        let distinct = files.iter().map(|file| &file.sha256).collect::<std::collections::BTreeSet<_>>();
        prop_assume!(distinct.len() == 3);
        // The third may hold what the others hold: then both say the same of it.
        if let Ok(read) = same_in_any_memory(&files) {
            let ids: std::collections::BTreeSet<String> = read.words("charge_id").into_iter().collect();
            prop_assert_eq!(ids.len() as u64, read.groups.iter().map(|group| group.rows).sum::<u64>());
        }
    }
}

/// Many lines of one account, of which each stands there `times` times, far from each other.
fn many(lines: usize, times: usize) -> BillFile {
    let kinds = lines / times;
    let row = |at: usize| {
        let day = 1 + u32::try_from(at % kinds % 30).unwrap();
        focus_row("1111", day, &format!("i-{}", at % kinds), &format!("{at}.5"))
    };
    file("many.csv", &focus(&(0..lines).map(row).collect::<Vec<_>>()))
}

#[test]
fn lines_that_stand_three_times_in_different_parts_get_their_ordinals() {
    let read = same_in_any_memory(&[many(6_000, 3)]).unwrap();
    let ids = read.words("charge_id");
    let ordinal = |id: &String| id.rsplit_once('-').map_or(1, |(_, ordinal)| ordinal.parse().unwrap());
    let ordinals: Vec<u32> = ids.iter().map(ordinal).collect();
    assert!(ordinals[..2_000].iter().all(|ordinal| *ordinal == 1));
    assert!(ordinals[2_000..4_000].iter().all(|ordinal| *ordinal == 2));
    assert!(ordinals[4_000..].iter().all(|ordinal| *ordinal == 3));
    assert_eq!(ids[0], ids[2_000].trim_end_matches("-2"));
}

#[test]
fn an_overlap_far_away_is_named_with_both_rows() {
    let one = many(4_000, 1);
    let two =
        file("two.csv", &focus(&[focus_row("1111", 9, "i-new", "1"), focus_row("1111", 30, "i-3989", "7")]));
    let text = same_in_any_memory(&[one, two]).unwrap_err();
    says(&text, &["many.csv (row 3990)", "two.csv (row 2)", "overlap"]);
}

#[test]
fn what_memory_cannot_hold_is_an_error_that_names_the_limit() {
    let rows: Vec<String> = (0..40).map(|at| focus_row(&format!("acc{at}"), 1, "i-1", "1")).collect();
    let within = |files: &[BillFile]| {
        read_within(files, &Context::default(), &options(LITTLE)).unwrap_err().to_string()
    };
    says(&within(&[file("a.csv", &focus(&rows))]), &["a.csv", "16 accounts and months", "limits.memory_mib"]);
    let rows: Vec<String> = (0..400).map(|_| focus_row("1111", 1, &"i".repeat(99), "x")).collect();
    says(&within(&[file("b.csv", &focus(&rows))]), &["b.csv", "limits.memory_mib", "row 1", "BilledCost"]);
    let missing = BillOptions {
        limits: BillLimits { memory_bytes: LITTLE, spill_folder: "/nowhere/at/all".into() },
        ..BillOptions::new(now())
    };
    let error = read_within(&[many(2_000, 1)], &Context::default(), &missing).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    says(&cause, &["/nowhere/at/all", "spill_folder"]);
}

#[test]
fn a_quote_that_never_closes_does_not_fill_the_memory() {
    let mut text = focus(&[focus_row("1111", 1, "i-1", "1")]);
    text.push('"');
    text.push_str(&"a line of somebody's notes\n".repeat(700_000));
    says(&refusal(&[file("a.csv", &text)]), &["a.csv", "row 2", "16 MiB", "quote"]);
}
