//! What stands beside the generated files, for a person.

use std::fmt::Write as _;

use crate::facts::Facts;
use crate::write::SampleOptions;

/// The text of `README.md`.
pub fn text(options: &SampleOptions, facts: &Facts) -> String {
    let mut text = format!(
        "# A sample federation, {}\n\n\
        Made by `hubtally sample --seed {} --scale {}`: the same seed gives the same bytes. Names, accounts\n\
        and amounts are invented; the shapes are those of real bills and real events.\n\n\
        - `registry.toml`, `policy.toml`: who is who, and the choices that change an invoice\n\
        - `usage/<cluster>/<day>.ndjson.gz`: events of pods, nodes, directories, hubs and coverage\n\
        - `bills/`: what the providers billed\n\
        - `facts.json`: what is true of all this, exactly\n\n\
        ## Bills\n\n\
        | account | format | lines | total |\n|---|---|---|---|\n",
        options.period.words(),
        options.seed,
        options.scale,
    );
    for bill in &facts.bills {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} {} |",
            bill.account, bill.importer, bill.lines, bill.total, bill.currency
        );
    }
    text.push_str(
        "\nInstances are billed from their order to their end, by the hour and pro rata; nodes are seen a\n\
        little later. Disks, file systems, buckets, gateways and the control plane are billed by the day.\n\n\
        ## What to look for\n\n\
        | where | what |\n|---|---|\n\
        | cluster `ocean` | a dedicated account, billed by instance and hour; GPU servers; Dask workers on spot nodes that carry no hub tag; a scrape gap on the 17th, 16:20 to 21:40 UTC; a support fee, a research credit, tax, a forgotten machine without tags |\n\
        | hub `ocean-prod` | users `Capital` and `capital`; names with spaces, `@`, commas, HTML and formula characters; a health check that is no person |\n\
        | hubs `ocean-staging`, `river-staging` | staging hubs |\n\
        | cluster `earth` | two communities share an account, billed by tag and day (Cost Explorer, with its requests); the last day is `Estimated`; one hour of the 20th was sent twice |\n\
        | hub `soil` | placeholder pods in working hours; a user `sharedham`, whose home is no shared directory |\n\
        | hub `river` | a workshop from the 9th to the 11th; homes measured by two exporters at once |\n\
        | cluster `tides` | many small hubs on shared nodes, billed by label and day (FOCUS CSV) |\n\
        | hub `coastal` | renamed on the 15th: namespace `coastal`, then `shoreline` |\n\
        | hub `tide-binder` | a user for each launch, builds that belong to nobody |\n\
        | cluster `campus` | a broker pays and shows no bill: usage only |\n\
        | homes | directories of people who left (`… - old`), `_shared`, `shared-public`, `lost+found` |\n\
        | console bills | two AWS accounts in one sheet, a GCP project whose month stands in the file's name |\n\
        | community `river-watch` | a new contract from the 16th |\n",
    );
    text
}
