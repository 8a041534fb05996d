//! `seal`: a month's pod rows sorted, freed of duplicates and written as Parquet, day by day.

use std::collections::BTreeMap;
use std::time::Instant;

use hubtally_schemas::tables::POD_USAGE;
use hubtally_store::{SealLimits, Store, StoreConfig, seal, unsealed_dates};
use serde_json::{Value, json};

use crate::figure::{Failed, Figure, Goal, median, runs, seconds};
use crate::peer::Peer;
use crate::place::Place;

/// Ours and the peer's in turn, on the same files.
pub fn measure(place: &Place, peer: &mut Peer) -> Result<Vec<Figure>, Failed> {
    let runtime = tokio::runtime::Runtime::new()?;
    let days = runtime.block_on(unsealed(place))?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut rows = (0, 0);
    for _ in 0..runs() {
        let (time, sealed) = runtime.block_on(seal_month(place))?;
        ours.push(time);
        rows = sealed;
        let answer = peer.ask("seal", &json!({"days": days, "out": place.folder.join("peer")}))?;
        if answer["rows"].as_i64() != Some(rows.1) {
            return Err(format!("sealed rows differ: ours {}, the peer's {}", rows.1, answer["rows"]).into());
        }
        theirs.push(answer["seconds"].as_f64().unwrap_or(f64::NAN));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    Ok(vec![Figure {
        name: "seal",
        value: ours / theirs,
        goal: Goal::AtMost(0.5),
        ours: seconds(ours),
        peer: seconds(theirs),
        notes: vec![("rows", rows.0.to_string()), ("rows_after", rows.1.to_string())],
    }])
}

async fn unsealed(place: &Place) -> Result<Value, Failed> {
    let store = open(place, &place.ingested).await?;
    let mut days: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in store.table(&POD_USAGE).await?.files()? {
        let path = place.ingested.join(&file.path).to_string_lossy().into_owned();
        days.entry(file.partition.get("date").cloned().unwrap_or_default()).or_default().push(path);
    }
    Ok(json!(days.into_values().collect::<Vec<_>>()))
}

async fn seal_month(place: &Place) -> Result<(f64, (i64, i64)), Failed> {
    let copy = place.copy_of(&place.ingested)?;
    let store = open(place, &copy).await?;
    let begun = Instant::now();
    let mut rows = (0, 0);
    for date in unsealed_dates(&store, &POD_USAGE).await? {
        let report = seal(&store, &POD_USAGE, date, &SealLimits::default()).await?;
        rows.0 += report.rows_before;
        rows.1 += report.rows_after;
    }
    Ok((begun.elapsed().as_secs_f64(), rows))
}

/// A store of the place.
pub async fn open(place: &Place, store: &std::path::Path) -> Result<Store, Failed> {
    let url = store.to_string_lossy().into_owned();
    let config = StoreConfig { url, options: BTreeMap::default(), keys: place.folder.join("keys") };
    Ok(Store::open(&config).await?)
}
