//! What can go wrong while a month is allocated.

use datafusion::error::DataFusionError;
use hubtally_schemas::SchemaError;
use hubtally_store::StoreError;
use thiserror::Error;

/// An allocation that could not be made. Nothing is published when one of these comes back.
#[derive(Debug, Error)]
pub enum AggregateError {
    /// The query engine could not be set up within the limits.
    #[error("the query engine could not be set up (memory limit {memory_bytes} bytes)")]
    Engine {
        /// The configured limit.
        memory_bytes: usize,
        /// Why.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A query failed.
    #[error("the query for {what} failed")]
    Query {
        /// What was asked.
        what: String,
        /// Why.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A table could not be read or written.
    #[error("table {table} could not be {operation}")]
    Table {
        /// Which table.
        table: &'static str,
        /// `read` or `written`.
        operation: &'static str,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// A table's files do not have the columns that this release writes.
    #[error("table {table} has no column {column} of the expected type: was it written by another program?")]
    Column {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: String,
    },
    /// Two intervals of one pod overlap, so its usage would count twice.
    #[error(
        "pod {pod_uid} on cluster {cluster} has intervals that overlap in the hour {hour}: {observed_ms} ms were \
         observed in an hour of 3,600,000 ms. Its producer sent the same time cut in two ways; send a correction \
         with the same `start` and a higher `revision`"
    )]
    Overlap {
        /// Cluster.
        cluster: String,
        /// Pod.
        pod_uid: String,
        /// Hour.
        hour: String,
        /// What the intervals add up to.
        observed_ms: i64,
    },
    /// A value in a table is no value of the agreement.
    #[error("table {table} holds a value that cannot be used")]
    Value {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        #[source]
        source: SchemaError,
    },
    /// A split could not be computed.
    #[error("charge {charge} could not be split: {why}")]
    Split {
        /// Which charge.
        charge: String,
        /// What is wrong.
        why: String,
    },
    /// A sum left its range.
    #[error("{what} overflows: the amounts are larger than any bill")]
    Overflow {
        /// What was summed.
        what: &'static str,
    },
    /// The books do not balance: a defect of the program, never of the data.
    #[error(
        "the postings do not sum to the bill: {charges} charge(s) differ, first {first}. Nothing was published; \
         please report this with the charge's row"
    )]
    OutOfBalance {
        /// How many charges differ.
        charges: i64,
        /// The first of them.
        first: String,
    },
    /// The worker that splits charges stopped.
    #[error("the worker that splits charges stopped unexpectedly")]
    Worker,
    /// Nothing to explain.
    #[error(
        "no charge {charge} in period {period}: list them with `hubtally sql \"SELECT charge_id FROM charges\"`"
    )]
    UnknownCharge {
        /// What was asked for.
        charge: String,
        /// In which month.
        period: String,
    },
    /// Arrow refused to build a batch.
    #[error("rows of table {table} could not be built")]
    Rows {
        /// Which table.
        table: &'static str,
        /// Why.
        #[source]
        source: arrow::error::ArrowError,
    },
}
