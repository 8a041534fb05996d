//! `close_vs_duckdb` and `close_memory_gib`: `hubtally close` of a month that is ingested and sealed.

use hubtally_schemas::tables::{CHARGES, NODE_USAGE, POD_USAGE, STORAGE_USAGE};
use serde_json::{Value, json};

use crate::figure::{Failed, Figure, Goal, median, runs, seconds};
use crate::metering;
use crate::peer::Peer;
use crate::place::{PERIOD, Place};
use crate::run::{gib, hubtally, measured};
use crate::seal::open;

/// Ours and the peer's in turn, each on two threads. The peer writes as many postings.
pub fn measure(place: &Place, peer: &mut Peer) -> Result<Vec<Figure>, Failed> {
    let runtime = tokio::runtime::Runtime::new()?;
    let question = runtime.block_on(question(place))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut peak_bytes, mut peer_bytes) = (0, 0);
    let (mut charges, mut postings) = (0, 0);
    for _ in 0..runs() {
        let store = place.copy_of(&place.sealed)?;
        let mut close = hubtally(&place.folder, &store, &["close", "--period", PERIOD, "--json"]);
        close.env("HUBTALLY_LIMITS_THREADS", "2");
        let ran = measured(close)?;
        ours.push(ran.seconds);
        peak_bytes = peak_bytes.max(ran.peak_bytes);
        charges = charges_of(&ran.stdout)?;
        postings = count(place, &store, "SELECT count(*) AS n FROM ledger")?;
        let answer = peer.ask("close", &question)?;
        must_be_alike(postings, &answer["rows"])?;
        theirs.push(answer["seconds"].as_f64().unwrap_or(f64::NAN));
        peer_bytes = peer_bytes.max(answer["peak_bytes"].as_u64().unwrap_or_default());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    let sizes = vec![("charges", charges.to_string()), ("postings", postings.to_string())];
    Ok(vec![
        Figure {
            name: "close_vs_duckdb",
            value: ours / theirs,
            goal: Goal::AtMost(2.5),
            ours: seconds(ours),
            peer: seconds(theirs),
            notes: sizes,
        },
        Figure {
            name: "close_memory_gib",
            value: gib(peak_bytes),
            goal: Goal::AtMost(2.0),
            ours: format!("{:.2}GiB", gib(peak_bytes)),
            peer: format!("{:.2}GiB", gib(peer_bytes)),
            notes: Vec::new(),
        },
    ])
}

/// What the peer needs to know: the files of each table's version, which account pays which cluster, and the hubs.
async fn question(place: &Place) -> Result<Value, Failed> {
    let store = open(place, &place.sealed).await?;
    let mut tables = serde_json::Map::new();
    for spec in [&POD_USAGE, &NODE_USAGE, &STORAGE_USAGE, &CHARGES] {
        let files = store.table(spec).await?.files()?;
        let paths: Vec<_> = files.iter().map(|file| place.sealed.join(&file.path)).collect();
        tables.insert(spec.name.to_owned(), json!(paths));
    }
    let registry = place.registry()?;
    let clusters: Vec<_> = registry
        .registry()
        .clusters
        .iter()
        .filter_map(|cluster| Some(json!([cluster.account.as_ref()?.as_str(), cluster.id.as_str()])))
        .collect();
    let hubs = metering::write_hubs(place, &store, &registry).await?;
    Ok(json!({"tables": tables, "clusters": clusters, "hubs": hubs, "out": place.folder.join("peer")}))
}

/// Both must write about as many postings, else the times say nothing.
fn must_be_alike(ours: u64, theirs: &Value) -> Result<(), Failed> {
    match theirs.as_u64() {
        Some(theirs) if theirs.abs_diff(ours) * 20 <= ours => Ok(()),
        _ => Err(format!("the postings differ by more than 5%: ours {ours}, the peer's {theirs}").into()),
    }
}

/// How many charges were closed, to the last unit posted.
fn charges_of(summary: &str) -> Result<u64, Failed> {
    let closed: Value = serde_json::from_str(summary)?;
    let mut charges = 0;
    for line in closed["conservation"].as_array().into_iter().flatten() {
        let difference = line["difference"].as_str().unwrap_or("missing");
        if !difference.trim_matches(['0', '.']).is_empty() {
            return Err(format!("the close is out of balance: {line}").into());
        }
        charges += line["charges"].as_u64().unwrap_or_default();
    }
    Ok(charges)
}

fn count(place: &Place, store: &std::path::Path, query: &str) -> Result<u64, Failed> {
    let ran = measured(hubtally(&place.folder, store, &["sql", "--format", "json", query]))?;
    let rows: Value = serde_json::from_str(&ran.stdout)?;
    let n = &rows[0]["n"];
    n.as_u64().or_else(|| n.as_str()?.parse().ok()).ok_or_else(|| format!("no count in {rows}").into())
}
