//! Arrow builders, one group of columns per table, in the order of `schemas::tables`.
//!
//! Values go from the borrowed event straight into columns; no row exists in between.

mod columns;
mod node;
mod places;
mod pod;
mod records;

pub use node::NodeRows;
pub use places::{CoverageRows, HubRows, StorageRows};
pub use pod::PodRows;
pub use records::{RejectRow, RejectRows, UserRows};

/// `source_class` of rows that come from events.
pub const EVENT: &str = "event";

/// What every row of a usage table carries.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Cluster.
    pub cluster: &'a str,
    /// CloudEvents `id`.
    pub event_id: &'a str,
    /// Record number in the source.
    pub position: i64,
}

/// Text as an option: empty means absent.
fn given(value: Option<&str>) -> Option<&str> {
    value.filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use hubtally_schemas::tables::{
        COVERAGE, HUB_EVENTS, NODE_USAGE, POD_USAGE, REJECTS, STORAGE_USAGE, TableSpec, USERS,
    };

    use super::*;

    #[test]
    fn columns_stand_under_the_names_of_the_agreement_in_its_order() {
        let agreed = |spec: &TableSpec| spec.columns.iter().map(|column| column.name).collect::<Vec<_>>();
        for (columns, spec) in [
            (PodRows::COLUMNS, &POD_USAGE),
            (NodeRows::COLUMNS, &NODE_USAGE),
            (StorageRows::COLUMNS, &STORAGE_USAGE),
            (HubRows::COLUMNS, &HUB_EVENTS),
            (CoverageRows::COLUMNS, &COVERAGE),
            (UserRows::COLUMNS, &USERS),
            (records::RejectColumns::COLUMNS, &REJECTS),
        ] {
            assert_eq!(columns, agreed(spec), "{}", spec.name);
        }
    }
}
