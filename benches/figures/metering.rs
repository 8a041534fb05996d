//! `metering`: a month's pod rows to hours by community, hub and user, over sealed tables.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use hubtally_aggregate::Limits;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::tables::POD_USAGE;
use hubtally_store::Store;
use parquet::arrow::ArrowWriter;
use serde_json::json;

use crate::figure::{Failed, Figure, Goal, median, runs, seconds};
use crate::peer::Peer;
use crate::place::Place;
use crate::seal::open;

const QUERY: &str = include_str!("metering.sql");

/// The columns that the query needs and nothing done with them: what any engine must pay.
const FLOOR: &str = "SELECT count(cluster), count(namespace), count(user_id), count(pod_uid), max(start), \
    count(cpu_request_millicore_ms), count(cpu_usage_millicore_ms), count(memory_request_byte_ms), \
    count(memory_usage_byte_ms), count(gpu_request_milligpu_ms), count(gpu_usage_milligpu_ms), count(node) \
    FROM pod_usage";

/// Ours and the peer's in turn, the results compared to the last unit.
pub fn measure(place: &Place, peer: &mut Peer) -> Result<Vec<Figure>, Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (store, registry) = (runtime.block_on(open(place, &place.sealed))?, place.registry()?);
    let table = runtime.block_on(store.table(&POD_USAGE))?;
    let files: Vec<_> = table.files()?.iter().map(|file| place.sealed.join(&file.path)).collect();
    let hubs = runtime.block_on(write_hubs(place, &store, &registry))?;
    let question = json!({"files": files, "hubs": hubs, "query": QUERY});

    let (mut ours, mut theirs, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    let mut rows = 0;
    for run in 0..runs() {
        let begun = Instant::now();
        let result = runtime.block_on(ask(&store, &registry, QUERY))?;
        ours.push(begun.elapsed().as_secs_f64());
        rows = result.1.iter().map(RecordBatch::num_rows).sum();
        theirs.push(peer.seconds("metering", &question)?);
        if run == 0 {
            compare(place, peer, &result)?;
        }
        let begun = Instant::now();
        runtime.block_on(ask(&store, &registry, FLOOR))?;
        floor.push(begun.elapsed().as_secs_f64());
    }
    let (ours, theirs) = (median(ours), median(theirs));
    Ok(vec![Figure {
        name: "metering",
        value: ours / theirs,
        goal: Goal::AtMost(1.3),
        ours: seconds(ours),
        peer: seconds(theirs),
        notes: vec![
            ("bare_scan", seconds(median(floor))),
            ("rows", table.row_count()?.to_string()),
            ("rows_out", rows.to_string()),
        ],
    }])
}

type Rows = (SchemaRef, Vec<RecordBatch>);

async fn ask(store: &Store, registry: &RegistryView, query: &str) -> Result<Rows, Failed> {
    Ok(hubtally_aggregate::sql(store, registry, query, &Limits::default()).await?)
}

/// The registry's hubs as a file that the peer reads.
pub async fn write_hubs(place: &Place, store: &Store, registry: &RegistryView) -> Result<PathBuf, Failed> {
    let file = place.folder.join("hubs.parquet");
    write(&file, &ask(store, registry, "SELECT * FROM hubs").await?)?;
    Ok(file)
}

fn compare(place: &Place, peer: &mut Peer, result: &Rows) -> Result<(), Failed> {
    let file = place.folder.join("metering.parquet");
    write(&file, result)?;
    let answer = peer.ask("same", &json!({"file": file}))?;
    match answer["different"].as_u64() {
        Some(0) => Ok(()),
        _ => Err(format!("the metering results differ in {} rows", answer["different"]).into()),
    }
}

fn write(path: &Path, (schema, batches): &Rows) -> Result<(), Failed> {
    let mut writer = ArrowWriter::try_new(File::create(path)?, schema.clone(), None)?;
    for batch in batches {
        writer.write(batch)?;
    }
    writer.close()?;
    Ok(())
}
