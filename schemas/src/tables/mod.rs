//! Every table: columns, key, order, partition. `docs/format.md` is checked against this.
//!
//! [`TABLES`] is also the order in which one batch of one source commits: `rejects` first, so that
//! a row is never visible before what was refused beside it.

mod bills;
mod fact;
mod results;
mod spec;
mod usage;

pub use bills::CHARGES;
pub use fact::{Fact, KeyValue, key_digest};
pub use results::{COMPLETENESS, CONSERVATION, LEDGER, USAGE_HOURLY};
pub use spec::{Column, ColumnType, TableSpec};
pub use usage::{
    COVERAGE, HUB_EVENTS, HUB_GAUGES, MEMBERSHIPS, NODE_USAGE, PACKAGES, POD_USAGE, REJECTS, STORAGE_USAGE,
    USERS, VOLUME_MOUNTS,
};

/// All tables. Those of [`TableSpec::fed_by_sources`] come first, in the order a batch commits.
pub const TABLES: &[&TableSpec] = &[
    &REJECTS,
    &USERS,
    &POD_USAGE,
    &NODE_USAGE,
    &STORAGE_USAGE,
    &VOLUME_MOUNTS,
    &MEMBERSHIPS,
    &HUB_GAUGES,
    &HUB_EVENTS,
    &PACKAGES,
    &COVERAGE,
    &CHARGES,
    &USAGE_HOURLY,
    &LEDGER,
    &CONSERVATION,
    &COMPLETENESS,
];

/// The table of a name.
pub fn by_name(name: &str) -> Option<&'static TableSpec> {
    TABLES.iter().copied().find(|spec| spec.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_spec_is_consistent() {
        let mut names = BTreeSet::new();
        for spec in TABLES {
            assert!(names.insert(spec.name), "{} stands twice", spec.name);
            let columns: BTreeSet<_> = spec.columns.iter().map(|c| c.name).collect();
            assert_eq!(columns.len(), spec.columns.len(), "{}: a column stands twice", spec.name);
            let named = spec.key.iter().chain(spec.order).chain(spec.stats).chain(spec.partition);
            for column in named {
                assert!(columns.contains(column), "{}: no column {column}", spec.name);
            }
            for key in spec.key {
                assert!(!spec.partition.is_empty() || spec.order.contains(key), "{}.{key}", spec.name);
            }
        }
    }

    #[test]
    fn fed_tables_come_before_derived_ones_and_rejects_first() {
        assert_eq!(TABLES[0].name, "rejects");
        let fed: Vec<bool> = TABLES.iter().map(|t| t.fed_by_sources).collect();
        assert!(fed.windows(2).all(|w| w[0] || !w[1]));
    }
}
