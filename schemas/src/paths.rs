//! Every object path of a store, made and parsed here and nowhere else.

use serde::{Deserialize, Serialize};

use crate::period::Period;

/// Folder of a Delta table.
pub fn table(name: &str) -> String {
    format!("tables/{name}")
}

/// A raw bill, kept as it came.
pub fn raw_bill(sha256: &str) -> String {
    format!("bills/raw/{sha256}")
}

/// The note that a file of events, named by its digest, was read to its end.
pub fn file_read(sha256: &str) -> String {
    format!("files/{sha256}.json")
}

/// Folder of the notes on files of events that were cut off.
pub const FILES_CUT: &str = "files/cut";

/// The note that a file of events, so many bytes long, was cut off before its stream ended.
pub fn file_cut(bytes: u64, sha256: &str) -> String {
    format!("{FILES_CUT}/{bytes}-{sha256}.json")
}

/// Length and digest of the file that such a note speaks of.
pub fn cut_of(path: &str) -> Option<(u64, &str)> {
    let (bytes, sha256) = path.rsplit('/').next()?.strip_suffix(".json")?.split_once('-')?;
    Some((bytes.parse().ok()?, sha256))
}

/// What the note says of a file that came whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWhole {
    /// Digest of the whole file.
    pub whole: String,
}

/// Folder of the notes on files that were cut off once and came whole later.
pub const FILES_WHOLE: &str = "files/whole";

/// The note that a file which was cut off came whole: another one begins with all its bytes.
pub fn file_whole(sha256: &str) -> String {
    format!("{FILES_WHOLE}/{sha256}.json")
}

/// Digest of the file that such a note speaks of.
pub fn whole_of(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.strip_suffix(".json")
}

/// The note of what the first lines of a hub's log are: `head` names the logs that start alike, `series` one of
/// them, and the note holds the digest of its first `lines` lines.
pub fn hub_log_read(head: &str, series: u32, lines: i64) -> String {
    format!("logs/{head}/{series:04}/{lines:012}.json")
}

/// The n-th receipt of a bill that was loaded: which groups of charges it is in, at which position.
/// A hint that saves reading it again; without it nothing is lost.
pub fn bill_receipt(digest: &str, sequence: u32) -> String {
    format!("bills/receipts/{digest}/{sequence:04}.json")
}

/// Folder of a bill's receipts.
pub fn bill_receipts(digest: &str) -> String {
    format!("bills/receipts/{digest}")
}

/// A configuration document by content; `kind` is `registry` or `policy`.
pub fn config_document(kind: &str, sha256: &str) -> String {
    format!("config/{kind}/{sha256}.json")
}

/// The n-th head of a kind of configuration document: a put-if-absent sequence.
pub fn config_head(kind: &str, sequence: u32) -> String {
    format!("config/{kind}/heads/{sequence:06}.json")
}

/// Folder of all periods.
pub const PERIODS: &str = "periods";

/// The n-th close of a period: table versions and digests that it saw.
pub fn close_record(period: Period, sequence: u32) -> String {
    format!("periods/{period}/{sequence:04}.json")
}

/// Folder of a period's closes.
pub fn period_folder(period: Period) -> String {
    format!("periods/{period}")
}

/// The mark of a closed period.
pub fn closed_mark(period: Period) -> String {
    format!("periods/{period}/closed.json")
}

/// A numbered document.
pub fn document(series: &str, number: u32) -> String {
    format!("documents/{series}/{number:06}.json")
}

/// An output by content.
pub fn output(sha256: &str) -> String {
    format!("outputs/{}/{sha256}", &sha256[..sha256.len().min(2)])
}

/// What marks a folder as a store, and names its format version.
pub const STORE_MARK: &str = "hubtally-store.json";

/// The sequence number at the end of a numbered path such as `periods/2026-06/0001.json`.
pub fn sequence_of(path: &str) -> Option<u32> {
    path.rsplit('/').next()?.strip_suffix(".json")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_are_read_back() {
        let period: Period = "2026-06".parse().unwrap();
        assert_eq!(sequence_of(&close_record(period, 12)), Some(12));
        assert_eq!(sequence_of(&closed_mark(period)), None);
        assert_eq!(sequence_of(&config_head("registry", 7)), Some(7));
        assert_eq!(cut_of(&file_cut(12, "ab")), Some((12, "ab")));
        assert_eq!(whole_of(&file_whole("ab")), Some("ab"));
    }
}
