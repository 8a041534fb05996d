//! Why a record could not be used: the codes of `rejects.reason`, in one place.

use std::fmt;

/// A reason code. Its text is stable; `docs/format.md` explains each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// The bytes are no UTF-8.
    InvalidUtf8,
    /// The line is longer than the limit.
    TooLong,
    /// The text is no JSON, or no event.
    Malformed,
    /// The event type or its version is not known.
    UnknownType,
    /// A field is missing.
    MissingField,
    /// A field's value is not acceptable.
    InvalidValue,
    /// A quantity is negative.
    Negative,
    /// A quantity is larger than any machine.
    Absurd,
    /// The interval ends before, or at, its start.
    EmptyInterval,
    /// The interval is longer than a day.
    IntervalTooLong,
    /// The time lies in the future.
    Future,
    /// The event names a cluster that its file or topic may not speak for.
    WrongCluster,
    /// A pod uid appears in two namespaces.
    PodMoved,
    /// The same key and revision with other content.
    ConflictingDuplicate,
    /// The file ended before its stream did; what came before it was read.
    TruncatedStream,
    /// A bill row that cannot be read.
    BillRow,
    /// A line of another program in a hub's log.
    OtherLine,
    /// Records that a broker deleted before they were read.
    RetentionGap,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: &[Self] = &[
        Self::InvalidUtf8,
        Self::TooLong,
        Self::Malformed,
        Self::UnknownType,
        Self::MissingField,
        Self::InvalidValue,
        Self::Negative,
        Self::Absurd,
        Self::EmptyInterval,
        Self::IntervalTooLong,
        Self::Future,
        Self::WrongCluster,
        Self::PodMoved,
        Self::ConflictingDuplicate,
        Self::TruncatedStream,
        Self::BillRow,
        Self::OtherLine,
        Self::RetentionGap,
    ];

    /// The code that is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::UnknownType => "unknown_type",
            Self::MissingField => "missing_field",
            Self::InvalidValue => "invalid_value",
            Self::Negative => "negative",
            Self::Absurd => "absurd",
            Self::EmptyInterval => "empty_interval",
            Self::IntervalTooLong => "interval_too_long",
            Self::Future => "future",
            Self::WrongCluster => "wrong_cluster",
            Self::PodMoved => "pod_moved",
            Self::ConflictingDuplicate => "conflicting_duplicate",
            Self::TruncatedStream => "truncated_stream",
            Self::BillRow => "bill_row",
            Self::OtherLine => "other_line",
            Self::RetentionGap => "retention_gap",
        }
    }

    /// The reason of a code; `None` for one that this release does not know.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.code() == code)
    }

    /// What is wrong, in words for a reader who knows no codes.
    pub fn words(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "text that is no UTF-8",
            Self::TooLong => "a line too long for an event",
            Self::Malformed => "a line that is no event",
            Self::UnknownType => "an event type or version that is not known",
            Self::MissingField => "a missing field",
            Self::InvalidValue => "a value that is not acceptable",
            Self::Negative => "a negative quantity",
            Self::Absurd => "a quantity larger than any machine",
            Self::EmptyInterval => "an interval that ends before it starts",
            Self::IntervalTooLong => "an interval longer than a day",
            Self::Future => "a time in the future",
            Self::WrongCluster => "a cluster that it may not speak for",
            Self::PodMoved => "a pod seen in two namespaces",
            Self::ConflictingDuplicate => "two contents for one fact, of which one was kept",
            Self::TruncatedStream => "a file cut off before its end",
            Self::BillRow => "a bill row that cannot be read",
            Self::OtherLine => "a line of another program in a hub's log",
            Self::RetentionGap => "events that the broker deleted before they were read",
        }
    }

    /// One sentence for a person: what it means and what to do.
    pub fn advice(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "the line is no UTF-8: export it again as UTF-8",
            Self::TooLong => {
                "the line is longer than 1 MiB: an event has a few hundred bytes, so look at what wrote it"
            }
            Self::Malformed => "the line is no JSON object of a CloudEvent: look at what wrote it",
            Self::UnknownType => {
                "the event type or version is not known to this release: upgrade, or mend the producer's `type`"
            }
            Self::MissingField => "a required field is missing: see schemas/json for the event's fields",
            Self::InvalidValue => {
                "a field's value is not acceptable: the detail names it and what is expected"
            }
            Self::Negative => {
                "a quantity is negative: usage is never below 0, so look at the producer's counter handling"
            }
            Self::Absurd => {
                "a quantity is larger than any machine: look at the producer's units (millicore·ms, byte·ms)"
            }
            Self::EmptyInterval => "the interval ends before or at its start: look at the producer's clock",
            Self::IntervalTooLong => "the interval is longer than a day: send one event an hour",
            Self::Future => "the time lies in the future: mend the producer's clock and send the event again",
            Self::WrongCluster => {
                "the event's source is not `/clusters/<id>` of a cluster of the registry: mend `source`; or add the cluster, and run `hubtally ingest replay-rejects`"
            }
            Self::PodMoved => {
                "a pod never changes its namespace: the namespace seen first stays, look at what wrote the second"
            }
            Self::ConflictingDuplicate => {
                "the same key and revision came with other content: the highest (revision, source, position) stays; send a correction with a higher `revision`"
            }
            Self::TruncatedStream => {
                "the compressed file ends too early: what came before was read; fetch the file again and ingest it"
            }
            Self::BillRow => {
                "the bill row cannot be read, so its amount is missing: mend the column that the detail names, and load the bill again"
            }
            Self::OtherLine => {
                "the line is another program's, no event of a hub: nothing is missing; to have fewer of them, give the hub's event log a file of its own"
            }
            Self::RetentionGap => {
                "the broker deleted events before they were read: what they told is missing; lengthen the topic's retention, and read it more often"
            }
        }
    }

    /// Whether something is missing that should have been counted. A hub's log holds lines of other programs
    /// too: they are kept, and nothing is missing.
    pub fn leaves_a_gap(self) -> bool {
        self != Self::OtherLine
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How `rejects.date` is known, the codes of `rejects.dated_by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatedBy {
    /// By the record's own time.
    Record,
    /// By the nearest record of the same source whose time can be read.
    Neighbour,
    /// By the day of reading: it may speak of any day before.
    Reading,
}

impl DatedBy {
    /// The code that is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Neighbour => "neighbour",
            Self::Reading => "reading",
        }
    }

    /// The meaning of a code; `None` for one that this release does not know.
    pub fn of_code(code: &str) -> Option<Self> {
        [Self::Record, Self::Neighbour, Self::Reading].into_iter().find(|known| known.code() == code)
    }
}
