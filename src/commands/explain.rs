//! `hubtally explain`.

use std::fmt::Write as _;

use clap::Args;
use hubtally_aggregate::Explanation;
use hubtally_schemas::Period;

use crate::context::{self, Context};
use crate::failure::{Exit, Failure};
use crate::output::table::visible;
use crate::output::{self, json};

const EXAMPLES: &str = "\
Examples:
  hubtally explain --period 2026-06 --charge CHARGE_ID
  hubtally explain --period 2026-06 --charge CHARGE_ID --community ocean-lab --json

A charge id stands in each statement's data file, and in
`hubtally sql \"SELECT charge_id, sum(amount) FROM ledger GROUP BY charge_id\"`.";

/// Arguments of `hubtally explain`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// The month
    #[arg(long, value_name = "YYYY-MM")]
    period: Period,
    /// The charge: a line of a bill
    #[arg(long, value_name = "CHARGE_ID")]
    charge: String,
    /// Only what this community bears of it
    #[arg(long, value_name = "ID")]
    community: Option<String>,
    /// At most so many postings, and usage rows an hour
    #[arg(long, value_name = "N", default_value_t = 20)]
    rows: usize,
    /// Print the tree as JSON
    #[arg(long)]
    json: bool,
}

/// Explains one charge.
pub async fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let config = context.config()?;
    let (registry, policy) = context::documents(&config)?;
    let store = context::open_store(&config).await?;
    let query = hubtally_aggregate::ExplainQuery {
        charge: arguments.charge.clone(),
        community: arguments.community.clone(),
        rows: arguments.rows,
    };
    let explanation =
        hubtally_aggregate::explain(&store, &registry, &policy, arguments.period, &query).await?;
    if arguments.json {
        json::print(&explanation)?;
    } else {
        output::print(&tree(&explanation))?;
    }
    Ok(Exit::Done)
}

fn tree(root: &Explanation) -> String {
    let mut out = line(root);
    branches(&root.children, "", &mut out);
    out
}

fn branches(children: &[Explanation], indent: &str, out: &mut String) {
    for (at, child) in children.iter().enumerate() {
        let (twig, deeper) = if at + 1 == children.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let _ = write!(out, "{indent}{twig}{}", line(child));
        branches(&child.children, &format!("{indent}{deeper}"), out);
    }
}

fn line(node: &Explanation) -> String {
    let mut out = visible(&node.label);
    if let Some(value) = &node.value {
        let _ = write!(out, ": {}", visible(value));
    }
    let facts: Vec<String> =
        node.facts.iter().map(|(name, value)| format!("{} {}", visible(name), visible(value))).collect();
    if !facts.is_empty() {
        let _ = write!(out, "  ({})", facts.join(", "));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_shows_values_facts_and_depth() {
        let leaf = Explanation::new("pod").fact("weight", 3);
        let mut middle = Explanation::new("hour").value("1.00");
        middle.children.push(leaf);
        let mut root = Explanation::new("charge").value("2.00");
        root.children = vec![middle, Explanation::new("idle").value("1.00")];
        let shown = "charge: 2.00\n├─ hour: 1.00\n│  └─ pod  (weight 3)\n└─ idle: 1.00\n";
        assert_eq!(tree(&root), shown);
    }
}
