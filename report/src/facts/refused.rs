//! Records and bill rows that were refused and that the month misses still (laws L4 and L10).
//!
//! `rejects` keeps a refusal for ever, while what it spoke of may have come since: a file that was cut
//! off was fetched again, a registry was mended and the same lines were read, a correction was sent.
//! Such a refusal is *made good* and no gap. The same record refused in two files is one record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use hubtally_schemas::Period;
use hubtally_schemas::reject::{DatedBy, RejectReason};
use hubtally_schemas::tables::Fact;

use super::symbols::{Symbol, Symbols};

/// Refusals that are compared with what was read well; more are counted as they are.
const MOST_COMPARED: usize = 1_000_000;

/// Records refused for one reason, that a month misses still.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// Reason code.
    pub reason: String,
    /// Cluster that the records name; `None` where it could not be read.
    pub cluster: Option<String>,
    /// Whether their day is known. If not, they may be of the month.
    pub dated: bool,
    /// How many.
    pub count: u64,
}

/// A refusal as its table has it.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// Reason code.
    pub reason: &'a str,
    /// Source id.
    pub source: &'a str,
    /// Position in the source.
    pub position: i64,
    /// UTC day.
    pub date: NaiveDate,
    /// How that is known; `None` in rows of an older release.
    pub dated_by: Option<DatedBy>,
    /// Cluster that it names.
    pub cluster: Option<&'a str>,
    /// Of which row it speaks, and the revision that it gives to it.
    pub fact: Option<(Fact, i64)>,
    /// When it was refused, microseconds.
    pub recorded_at: i64,
}

/// The refusals that touch one month.
#[derive(Debug)]
pub struct Refusals {
    period: Period,
    /// Digests of the files that the month's charges come from.
    bill_files: BTreeSet<String>,
    symbols: Symbols,
    kept: Vec<Kept>,
    /// Those beyond [`MOST_COMPARED`].
    uncompared: BTreeMap<Group, u64>,
}

/// Reason, cluster, and whether the day is known.
type Group = (Symbol, Symbol, bool);

#[derive(Debug)]
struct Kept {
    group: Group,
    source: Symbol,
    position: i64,
    date: NaiveDate,
    fact: Option<(Fact, i64)>,
    /// Digest of its bytes, where that is all that tells it from others.
    bytes: Option<u128>,
    recorded_at: i64,
    made_good: bool,
}

/// What makes two refusals one record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Identity {
    Fact(Fact, i64, Symbol),
    Bytes(u128),
}

impl Refusals {
    /// Of a month, none yet.
    pub fn new(period: Period, bill_files: BTreeSet<String>) -> Self {
        let (symbols, kept, uncompared) = (Symbols::default(), Vec::new(), BTreeMap::new());
        Self { period, bill_files, symbols, kept, uncompared }
    }

    /// Takes a refusal, if it touches the month.
    pub fn add(&mut self, row: &Row<'_>) {
        let Some(dated) = self.touches(row) else { return };
        let (reason, cluster) = (self.symbols.add(row.reason), self.symbols.add_option(row.cluster));
        let group = (reason, cluster, dated);
        if self.kept.len() >= MOST_COMPARED {
            *self.uncompared.entry(group).or_default() += 1;
            return;
        }
        let source = self.symbols.add(row.source);
        self.kept.push(Kept {
            group,
            source,
            position: row.position,
            date: row.date,
            fact: row.fact.clone(),
            bytes: None,
            recorded_at: row.recorded_at,
            made_good: false,
        });
    }

    /// Whether a refusal touches the month, and if so, whether that is sure.
    fn touches(&self, row: &Row<'_>) -> Option<bool> {
        let (first, next) = (self.period.first_day(), self.period.next().first_day());
        if RejectReason::of_code(row.reason).is_some_and(|reason| !reason.leaves_a_gap()) {
            return None;
        }
        if row.reason == RejectReason::BillRow.code() {
            // A bill that another took the place of is no part of the month any more, nor are its bad rows.
            return self.bill_files.contains(row.source.strip_prefix("file/")?).then_some(true);
        }
        let read_on = hubtally_schemas::Instant(row.recorded_at).date();
        let dated_by =
            row.dated_by.unwrap_or(if row.date == read_on { DatedBy::Reading } else { DatedBy::Record });
        match dated_by {
            DatedBy::Record | DatedBy::Neighbour => (first <= row.date && row.date < next).then_some(true),
            // What was read before the month began cannot be of it.
            DatedBy::Reading => (first <= row.date).then_some(false),
        }
    }

    /// Digests of the files that were cut off.
    pub fn cut_off(&self) -> BTreeSet<String> {
        let truncated = RejectReason::TruncatedStream.code();
        let cut = self.kept.iter().filter(|kept| self.symbols.text(kept.group.0) == Some(truncated));
        let sources = cut.filter_map(|kept| self.symbols.text(kept.source)?.strip_prefix("file/"));
        sources.map(ToOwned::to_owned).collect()
    }

    /// Files of these digests were cut off and came whole since.
    pub fn came_whole(&mut self, digests: &BTreeSet<String>) {
        let truncated = self.symbols.add(RejectReason::TruncatedStream.code());
        for kept in self.kept.iter_mut().filter(|kept| kept.group.0 == truncated) {
            let source = self.symbols.text(kept.source).and_then(|source| source.strip_prefix("file/"));
            kept.made_good |= source.is_some_and(|digest| digests.contains(digest));
        }
    }

    /// The partitions in which the facts would stand, each with the clusters that are looked for there.
    pub fn partitions(&self) -> BTreeMap<(&'static str, NaiveDate), BTreeSet<String>> {
        let mut partitions: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
        for kept in &self.kept {
            if let Some((fact, _)) = &kept.fact {
                let clusters = partitions.entry((fact.table, fact.date)).or_default();
                clusters.insert(self.symbols.owned(kept.group.1));
            }
        }
        partitions
    }

    /// The facts that are looked for in a partition, by the digest of their key.
    pub fn wanted(&self, table: &str, date: NaiveDate) -> HashMap<u128, Vec<usize>> {
        let mut wanted: HashMap<u128, Vec<usize>> = HashMap::new();
        for (at, kept) in self.kept.iter().enumerate() {
            if let Some((fact, _)) = &kept.fact
                && fact.table == table
                && fact.date == date
            {
                wanted.entry(fact.key).or_default().push(at);
            }
        }
        wanted
    }

    /// The table holds the fact of these refusals under this revision.
    pub fn stands(&mut self, refusals: &[usize], revision: i64) {
        let contradicts: Vec<Symbol> = [RejectReason::ConflictingDuplicate, RejectReason::PodMoved]
            .map(|reason| self.symbols.add(reason.code()))
            .into();
        for at in refusals {
            let Some(kept) = self.kept.get_mut(*at) else { continue };
            let Some((_, refused)) = kept.fact else { continue };
            // Where another row was there first, only a later revision says which of the two is true.
            let needed =
                if contradicts.contains(&kept.group.0) { refused.saturating_add(1) } else { refused };
            kept.made_good |= revision >= needed;
        }
    }

    /// The days on which refusals stand that only their bytes tell apart, if they come from several sources.
    pub fn days_to_compare(&self) -> BTreeSet<NaiveDate> {
        let mut by_source: BTreeMap<Symbol, BTreeSet<NaiveDate>> = BTreeMap::new();
        for kept in self.kept.iter().filter(|kept| self.is_told_by_bytes(kept)) {
            by_source.entry(kept.source).or_default().insert(kept.date);
        }
        if by_source.len() < 2 { BTreeSet::new() } else { by_source.into_values().flatten().collect() }
    }

    /// Notes the bytes of refusals of a day: (reason, source, position) to a digest.
    pub fn note_bytes(&mut self, date: NaiveDate, digests: &HashMap<(String, String, i64), u128>) {
        for at in 0..self.kept.len() {
            let kept = &self.kept[at];
            if kept.date != date || !self.is_told_by_bytes(kept) {
                continue;
            }
            let key = (self.symbols.owned(kept.group.0), self.symbols.owned(kept.source), kept.position);
            self.kept[at].bytes = digests.get(&key).copied();
        }
    }

    /// Where a line was cut, or a stream, equal bytes do not make one record.
    fn is_told_by_bytes(&self, kept: &Kept) -> bool {
        let cut = [RejectReason::TooLong, RejectReason::TruncatedStream, RejectReason::BillRow];
        let reason = self.symbols.text(kept.group.0).and_then(RejectReason::of_code);
        kept.fact.is_none() && !reason.is_some_and(|reason| cut.contains(&reason))
    }

    /// What the month misses still, each record once, sorted.
    pub fn counts(&self) -> Vec<Refused> {
        let mut counts = self.uncompared.clone();
        let mut times: HashMap<(Identity, Symbol), u32> = HashMap::new();
        let mut last: HashMap<(Identity, u32), &Kept> = HashMap::new();
        for kept in self.kept.iter().filter(|kept| !kept.made_good) {
            let conflicting =
                self.symbols.text(kept.group.0) == Some(RejectReason::ConflictingDuplicate.code());
            let identity = match (&kept.fact, kept.bytes) {
                (Some((fact, revision)), _) => Identity::Fact(
                    fact.clone(),
                    *revision,
                    if conflicting { kept.group.0 } else { Symbols::NONE },
                ),
                (None, Some(bytes)) => Identity::Bytes(bytes),
                (None, None) => {
                    *counts.entry(kept.group).or_default() += 1;
                    continue;
                }
            };
            // The n-th time in one file is the n-th time in another.
            let time = times.entry((identity.clone(), kept.source)).or_default();
            *time += 1;
            let of = last.entry((identity, *time)).or_insert(kept);
            // What was said last counts: the registry may have been mended in between.
            if (kept.recorded_at, kept.source) > (of.recorded_at, of.source) {
                *of = kept;
            }
        }
        for kept in last.values() {
            *counts.entry(kept.group).or_default() += 1;
        }
        let mut refused: Vec<Refused> = counts
            .into_iter()
            .map(|((reason, cluster, dated), count)| Refused {
                reason: self.symbols.owned(reason),
                cluster: self.symbols.text(cluster).map(ToOwned::to_owned),
                dated,
                count,
            })
            .collect();
        refused.sort_unstable();
        refused
    }
}

#[cfg(test)]
mod tests {
    use hubtally_schemas::Instant;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn row<'a>(reason: &'a str, source: &'a str, position: i64) -> Row<'a> {
        Row {
            reason,
            source,
            position,
            date: day("2026-06-14"),
            dated_by: Some(DatedBy::Record),
            cluster: Some("tides"),
            fact: None,
            recorded_at: Instant::parse("2026-07-02T08:00:00Z").unwrap().0,
        }
    }

    fn june() -> Refusals {
        Refusals::new("2026-06".parse().unwrap(), BTreeSet::from(["bill".to_owned()]))
    }

    fn fact(key: u128) -> Fact {
        Fact { table: "pod_usage", date: day("2026-06-14"), key }
    }

    fn total(refusals: &Refusals) -> u64 {
        refusals.counts().iter().map(|refused| refused.count).sum()
    }

    #[test]
    fn a_refusal_touches_the_month_that_it_speaks_of_or_may_speak_of() {
        let touches = |change: &dyn Fn(&mut Row<'static>)| {
            let mut row = row("negative", "file/a", 1);
            change(&mut row);
            june().touches(&row)
        };
        assert_eq!(touches(&|_| {}), Some(true));
        assert_eq!(touches(&|row| row.date = day("2026-07-01")), None);
        assert_eq!(touches(&|row| row.dated_by = None), Some(true), "an older release, another day");
        let read_in_july = |row: &mut Row<'static>, by| (row.date, row.dated_by) = (day("2026-07-02"), by);
        assert_eq!(touches(&|row| read_in_july(row, Some(DatedBy::Reading))), Some(false));
        assert_eq!(touches(&|row| read_in_july(row, Some(DatedBy::Neighbour))), None);
        assert_eq!(
            touches(&|row| read_in_july(row, None)),
            Some(false),
            "an older release, the day of reading"
        );
        let read_in_may = |row: &mut Row<'static>| {
            (row.date, row.dated_by) = (day("2026-05-31"), Some(DatedBy::Reading));
        };
        assert_eq!(touches(&read_in_may), None);
        assert_eq!(touches(&|row| (row.reason, row.source) = ("bill_row", "file/bill")), Some(true));
        assert_eq!(
            touches(&|row| row.reason = "bill_row"),
            None,
            "its file is in none of the month's charges"
        );
    }

    #[test]
    fn a_record_that_was_read_well_since_is_no_gap() {
        for (reason, refused, standing, made_good) in [
            ("wrong_cluster", 0, 0, true),
            ("negative", 1, 0, false),
            ("negative", 1, 1, true),
            ("conflicting_duplicate", 0, 0, false),
            ("conflicting_duplicate", 0, 1, true),
            ("pod_moved", 0, 0, false),
        ] {
            let mut refusals = june();
            refusals.add(&Row { fact: Some((fact(1), refused)), ..row(reason, "file/a", 1) });
            assert!(refusals.wanted("pod_usage", day("2026-06-15")).is_empty());
            let wanted = refusals.wanted("pod_usage", day("2026-06-14"));
            refusals.stands(&wanted[&1], standing);
            assert_eq!(total(&refusals) == 0, made_good, "{reason}: {refused} refused, {standing} stands");
        }
    }

    #[test]
    fn a_cut_file_that_came_whole_is_no_gap() {
        let mut refusals = june();
        refusals.add(&row("truncated_stream", "file/a", 9));
        refusals.add(&row("truncated_stream", "file/b", 9));
        assert_eq!(refusals.cut_off(), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        refusals.came_whole(&BTreeSet::from(["a".to_owned()]));
        assert_eq!(total(&refusals), 1);
    }

    #[test]
    fn a_record_refused_in_two_files_is_one_and_twice_in_one_file_two() {
        let mut refusals = june();
        for (source, position) in [("file/a", 1), ("file/a", 2), ("file/b", 1), ("file/b", 2), ("file/b", 3)]
        {
            refusals.add(&row("malformed", source, position));
        }
        assert_eq!(total(&refusals), 5, "nothing is known of their bytes");
        assert_eq!(refusals.days_to_compare(), BTreeSet::from([day("2026-06-14")]));
        let key = |source: &str, position| ("malformed".to_owned(), source.to_owned(), position);
        let digests =
            [("file/a", 1, 7), ("file/a", 2, 7), ("file/b", 1, 7), ("file/b", 2, 7), ("file/b", 3, 8)];
        let digests = digests.map(|(source, position, digest)| (key(source, position), digest));
        refusals.note_bytes(day("2026-06-14"), &HashMap::from(digests));
        assert_eq!(total(&refusals), 3);
    }

    #[test]
    fn of_two_refusals_of_one_record_the_later_says_why() {
        let mut refusals = june();
        let first = Row { fact: Some((fact(1), 0)), ..row("wrong_cluster", "file/a", 1) };
        refusals.add(&first);
        refusals.add(&Row {
            reason: "negative",
            source: "file/b",
            recorded_at: first.recorded_at + 1,
            ..first.clone()
        });
        let counts = refusals.counts();
        assert_eq!((counts.len(), counts[0].reason.as_str(), counts[0].count), (1, "negative", 1));
    }
}
