//! A registry proposed from what Prometheus servers and bills show, for a person to correct. Every guess says why.

mod from_bills;
mod propose;

use clap::Args;
use hubtally_ingest::probe::{FoundCluster, look_around};
use hubtally_ingest::prometheus::{Access, Credentials};

use crate::config::secret;
use crate::env;
use crate::failure::Failure;

pub use from_bills::FoundAccount;

/// What is looked at.
#[derive(Debug, Args)]
pub struct Sources {
    /// Propose a registry from Prometheus servers and bills, instead of an empty one
    #[arg(long)]
    pub discover: bool,
    /// The Prometheus of a cluster; repeat it for each
    #[arg(long, value_name = "URL", requires = "discover")]
    prometheus: Vec<String>,
    /// A bill, or a folder of bills; repeat it for each
    #[arg(long, value_name = "PATH", requires = "discover")]
    bill: Vec<String>,
    /// The user of the Prometheus servers
    #[arg(long, value_name = "NAME", requires_all = ["prometheus", "password"])]
    user: Option<String>,
    /// The user's password, as env:NAME or file:PATH
    #[arg(long, value_name = "REFERENCE", requires = "user")]
    password: Option<String>,
    /// A bearer token for the Prometheus servers, as env:NAME or file:PATH
    #[arg(long, value_name = "REFERENCE", requires = "prometheus", conflicts_with = "user")]
    token: Option<String>,
}

/// What was proposed.
pub struct Proposal {
    /// `registry.toml`.
    pub registry: String,
    /// Sections for `hubtally.toml`.
    pub operation: String,
}

/// Looks at everything, and proposes.
pub async fn propose(sources: &Sources) -> Result<Proposal, Failure> {
    if sources.prometheus.is_empty() && sources.bill.is_empty() {
        let message = "--discover looks at what you name: add --prometheus URL, --bill PATH, or both";
        return Err(Failure::Usage(message.to_owned()));
    }
    let mut clusters: Vec<FoundCluster> = Vec::new();
    for url in &sources.prometheus {
        let access = Access { url: url.clone(), credentials: credentials(sources)?, ..Access::default() };
        let mut found = look_around(&access).await?;
        let taken = |name: &str| clusters.iter().any(|cluster| cluster.name.0 == name);
        if taken(&found.name.0) {
            let number = (2..=clusters.len() + 2)
                .find(|number| !taken(&format!("{}-{number}", found.name.0)))
                .unwrap_or(2);
            let why = format!("{}; another one is called {:?} too", found.name.1, found.name.0);
            found.name = (format!("{}-{number}", found.name.0), why);
        }
        clusters.push(found);
    }
    let accounts = if sources.bill.is_empty() { Vec::new() } else { from_bills::look(&sources.bill).await? };
    Ok(Proposal {
        registry: propose::registry(&clusters, &accounts),
        operation: propose::operation(&clusters, sources),
    })
}

fn credentials(sources: &Sources) -> Result<Credentials, Failure> {
    let fetch = |name: &str, reference: &str| {
        secret::resolve(name, reference, std::path::Path::new(""), &env::read)
            .map_err(|error| Failure::Usage(format!("--{name}: {error}")))
    };
    Ok(match (&sources.user, &sources.password, &sources.token) {
        (_, _, Some(token)) => Credentials::Bearer(fetch("token", token)?),
        (Some(user), Some(password), _) => Credentials::Basic(user.clone(), fetch("password", password)?),
        _ => Credentials::None,
    })
}
