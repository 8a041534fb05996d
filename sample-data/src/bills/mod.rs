//! Bills, consistent with the nodes that ran: lines first, then each provider's own format.

pub mod aws_lines;
pub mod console;
pub mod cost_explorer;
pub mod focus;
pub mod focus_csv;
pub mod focus_parquet;
pub mod gcp_lines;
pub mod line;
