//! Why documents cannot be written.

use std::path::PathBuf;

use hubtally_rules::rounding::RoundingError;
use hubtally_schemas::SchemaError;
use hubtally_schemas::canonical::CanonicalError;
use hubtally_store::StoreError;

/// A statement run that failed. Nothing was published where the books do not balance.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A table cannot be read.
    #[error("reading table {table} of the store")]
    Read {
        /// Which.
        table: &'static str,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// A table holds another type than the agreement says.
    #[error(
        "table {table}, column {column}: another type than this release writes; was the table made by another program?"
    )]
    Column {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: String,
    },
    /// The ledger holds a value that it may not hold.
    #[error("the ledger's {what} cannot be used: run `hubtally aggregate` again")]
    Ledger {
        /// Which value.
        what: &'static str,
        /// Why.
        #[source]
        source: SchemaError,
    },
    /// A sum left its range.
    #[error("{what}: the sum overflows 128 bits")]
    Overflow {
        /// Sum of what.
        what: String,
    },
    /// Billed and posted differ, so nothing may be published (law L1).
    #[error(
        "{scope} {scope_id}: billed − posted = {difference} {currency} ({violating} charges): nothing is published; \
         run `hubtally aggregate` again, and report the charge if it stays"
    )]
    OutOfBalance {
        /// `account`, `cluster` or `total`.
        scope: String,
        /// Which.
        scope_id: String,
        /// The difference.
        difference: String,
        /// ISO 4217.
        currency: String,
        /// How many charges do not balance.
        violating: i64,
    },
    /// The ledger and its certificate speak of different amounts.
    #[error(
        "account {account}: the ledger sums to {ledger} {currency}, its certificate says {certificate}: \
         the tables are of different runs, so run `hubtally aggregate` again"
    )]
    CertificateApart {
        /// Account.
        account: String,
        /// ISO 4217.
        currency: String,
        /// Sum of the postings.
        ledger: String,
        /// What the certificate says; `nothing` where there is none.
        certificate: String,
    },
    /// A bill cannot be rounded to its minor unit.
    #[error("rounding the lines of account {account}")]
    Rounding {
        /// Account.
        account: String,
        /// Why.
        #[source]
        source: RoundingError,
    },
    /// A document has no canonical form.
    #[error("writing {document} as JSON")]
    Json {
        /// Which.
        document: String,
        /// Why.
        #[source]
        source: CanonicalError,
    },
    /// A document cannot be written as CSV.
    #[error("writing {document} as CSV")]
    Csv {
        /// Which.
        document: String,
        /// Why.
        #[source]
        source: csv::Error,
    },
    /// A template is broken.
    #[error("template {template}: {message}")]
    Template {
        /// Which.
        template: String,
        /// What the template engine says, with its line.
        message: String,
    },
    /// A template file cannot be read.
    #[error("reading template {path}")]
    TemplateFile {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The store does not take an output.
    #[error("keeping {document} in the store")]
    Keep {
        /// Which.
        document: String,
        /// Why.
        #[source]
        source: Box<StoreError>,
    },
    /// The store holds other bytes under the digest of ours.
    #[error(
        "the store holds other bytes than ours at {path}: the object was changed by hand or by a fault; restore or remove it"
    )]
    OutputDiffers {
        /// Where.
        path: String,
    },
    /// A file cannot be written.
    #[error("writing {path}: check that the folder exists, may be written, and has space left")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
