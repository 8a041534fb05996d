//! `docs/format.md` says what [`TABLES`], the reject reasons and the object paths say, word for word.
//!
//! The parts between `<!-- generated: NAME -->` and `<!-- end of NAME -->` are made here. After a change of
//! the format: `UPDATE_FORMAT_MD=1 cargo test -p hubtally-schemas --test format_md`, and read the difference.

use std::fmt::Write as _;
use std::path::PathBuf;

use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::tables::{ColumnType, TABLES, TableSpec};
use hubtally_schemas::{Period, paths};

#[test]
fn the_document_says_what_the_code_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/format.md");
    let stands = std::fs::read_to_string(&path).expect("docs/format.md stands in the repository");
    let parts = [
        ("tables", tables()),
        ("types", types()),
        ("reject reasons", reasons()),
        ("object paths", object_paths()),
    ];
    let wanted = parts.iter().fold(stands.clone(), |document, (name, text)| replace(&document, name, text));
    if wanted == stands {
        return;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "whether to write the document anew is asked by the person"
    )]
    let update = std::env::var("UPDATE_FORMAT_MD").is_ok();
    assert!(update, "{}", first_difference(&stands, &wanted));
    std::fs::write(&path, wanted).expect("docs/format.md can be written");
}

/// The document with the part of that name made anew.
fn replace(document: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end of {name} -->"));
    let start =
        document.find(&begin).unwrap_or_else(|| panic!("docs/format.md has no line {begin}")) + begin.len();
    let stop =
        start + document[start..].find(&end).unwrap_or_else(|| panic!("docs/format.md has no line {end}"));
    format!("{}\n{}\n\n{}", &document[..start], text.trim(), &document[stop..])
}

fn first_difference(stands: &str, wanted: &str) -> String {
    let (line, (stands, wanted)) = stands
        .lines()
        .chain(std::iter::repeat(""))
        .zip(wanted.lines().chain(std::iter::once("")))
        .enumerate()
        .find(|(_, (a, b))| a != b)
        .unwrap_or_default();
    format!(
        "docs/format.md is behind the code, first at line {}:\n  it says   {stands}\n  should be {wanted}\n\
         run: UPDATE_FORMAT_MD=1 cargo test -p hubtally-schemas --test format_md",
        line + 1
    )
}

fn tables() -> String {
    let mut text = String::new();
    for spec in TABLES {
        table(&mut text, spec).expect("a String takes every write");
    }
    text
}

fn table(text: &mut String, spec: &TableSpec) -> std::fmt::Result {
    writeln!(text, "### `{}`\n\n{}\n", spec.name, spec.doc)?;
    writeln!(text, "- key: {}", code_list(spec.key, "none; a row is known by its position"))?;
    writeln!(text, "- order in a file: {}", code_list(spec.order, "as written"))?;
    writeln!(text, "- partition: {}", code_list(spec.partition, "none"))?;
    writeln!(text, "- file statistics: {}", code_list(spec.stats, "none"))?;
    writeln!(text, "- filled by: {}\n", filled_by(spec))?;
    writeln!(text, "| column | type | NULL | what it holds |\n|---|---|---|---|")?;
    for column in spec.columns {
        let null = if column.nullable { "yes" } else { "" };
        writeln!(text, "| `{}` | {} | {null} | {} |", column.name, column.kind.delta(), cell(column.doc))?;
    }
    writeln!(text)
}

fn filled_by(spec: &TableSpec) -> &'static str {
    match (spec.fed_by_sources, spec.sealed) {
        (true, true) => {
            "sources, each with its position; duplicates by key are removed when a date is sealed"
        }
        (true, false) => "sources, each with its position",
        (false, _) => "whole partitions or groups, replaced in one commit",
    }
}

/// A table of two or more columns from its head and its rows.
fn rows(head: &str, rows: impl Iterator<Item = String>) -> String {
    let columns = head.matches('|').count() - 1;
    let rule = format!("|{}", "---|".repeat(columns));
    [head.to_owned(), rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

fn types() -> String {
    use ColumnType::{Bool, Day, Int, Money, Quantity, Text, Time};
    let uses = [
        (Text, "text, UTF-8"),
        (Int, "counts, levels, and quantities up to one pod and hour"),
        (Bool, "truth values"),
        (Time, "instants, microseconds, UTC"),
        (Day, "UTC calendar days"),
        (Money, "amounts of money, in 10⁻¹² of a currency unit"),
        (Quantity, "quantities above one pod and hour, whole numbers"),
    ];
    rows(
        "| type in Delta | Arrow type | used for |",
        uses.iter().map(|(kind, used_for)| format!("| {} | `{}` | {used_for} |", kind.delta(), kind.arrow())),
    )
}

fn reasons() -> String {
    rows(
        "| reason | what it means, and what to do |",
        RejectReason::ALL.iter().map(|reason| format!("| `{}` | {} |", reason.code(), cell(reason.advice()))),
    )
}

fn object_paths() -> String {
    let period: Period = "2026-06".parse().expect("a month");
    let known = [
        (paths::STORE_MARK.to_owned(), "marks the folder as a store and names its format version"),
        (paths::table("<name>"), "a Delta table"),
        (paths::raw_bill("<sha256>"), "a bill as it came"),
        (
            paths::bill_receipt("<digest>", 1),
            "the first receipt of a loaded bill: a hint that saves reading it again",
        ),
        (paths::file_read("<sha256>"), "the note that a file of events was read to its end: a hint as well"),
        (
            paths::file_cut(4_096, "<sha256>"),
            "the note that a file of 4,096 bytes was cut off before its stream ended",
        ),
        (
            paths::file_whole("<sha256>"),
            "the note that it came whole since: another file begins with all its bytes",
        ),
        (
            paths::hub_log_read("<head>", 1, 35),
            "the digest of the first 35 lines of a hub's log: written before they are committed, so that the log is known again when it has grown",
        ),
        (
            paths::config_document("registry", "<sha256>"),
            "a registry (or `policy`) as canonical JSON, by content",
        ),
        (paths::config_head("registry", 1), "the first head of the registries: names the document in force"),
        (
            paths::close_record(period, 1),
            "the first close of a period: table versions and digests that it saw, and the inputs that it could not use (`unread`)",
        ),
        (paths::closed_mark(period), "the mark of a closed period"),
        (paths::document("<series>", 1), "the first numbered document of a series"),
        (paths::output("ab…"), "an output by content, under the first two characters of its digest"),
    ];
    rows("| path | what it is |", known.iter().map(|(path, what)| format!("| `{path}` | {what} |")))
}

fn code_list(names: &[&str], if_empty: &str) -> String {
    if names.is_empty() {
        return if_empty.to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
