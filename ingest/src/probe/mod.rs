//! Looks at a Prometheus without reading it: what `doctor` says is missing, and what `init --discover` proposes.

mod ask;
mod finding;
mod found;
mod prometheus;

pub use ask::ProbeError;
pub use finding::{Finding, Level};
pub use found::{FoundCluster, FoundHub, look_around};
pub use prometheus::{ReadSoFar, examine};
