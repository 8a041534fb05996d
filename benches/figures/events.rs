//! `events_per_second`: usage events as NDJSON to committed Parquet, on one core, damaged ones included.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::Command;

use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};

use crate::figure::{Failed, Figure, Goal, median, runs};
use crate::peer::Peer;
use crate::place::{Place, files_below};
use crate::run::{hubtally, measured};

/// Events that are read in one run.
const EVENTS: u64 = 2_000_000;
/// One line in so many is cut in half, and must come to lie in `rejects`.
const DAMAGED_EVERY: u64 = 100;

/// Ours and the peer's in turn, each on the first core alone.
pub fn measure(place: &Place, peer: &mut Peer) -> Result<Vec<Figure>, Failed> {
    let (file, damaged) = write_events(place)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..runs() {
        ours.push(per_second(ingest(place, &file, damaged)?));
        let out = place.folder.join("peer");
        theirs.push(per_second(peer.seconds("events", &json!({"file": file, "out": out}))?));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    Ok(vec![Figure {
        name: "events_per_second",
        value: ours,
        goal: Goal::AtLeast(150_000.0),
        ours: format!("{ours:.0}/s"),
        peer: format!("{theirs:.0}/s"),
        notes: vec![("refused", damaged.to_string()), ("bytes", std::fs::metadata(&file)?.len().to_string())],
    }])
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(seconds: f64) -> f64 {
    EVENTS as f64 / seconds
}

/// The sample's events in one plain file, some of them damaged.
fn write_events(place: &Place) -> Result<(PathBuf, u64), Failed> {
    let path = place.folder.join("events.ndjson");
    let mut out = BufWriter::new(File::create(&path)?);
    let (mut written, mut damaged) = (0, 0);
    'files: for file in files_below(&place.sample.join("usage"))? {
        for line in BufReader::new(MultiGzDecoder::new(File::open(file)?)).split(b'\n') {
            let line = line?;
            if written % DAMAGED_EVERY == DAMAGED_EVERY - 1 {
                out.write_all(&line[..line.len() / 2])?;
                damaged += 1;
            } else {
                out.write_all(&line)?;
            }
            out.write_all(b"\n")?;
            written += 1;
            if written == EVENTS {
                break 'files;
            }
        }
    }
    out.flush()?;
    if written < EVENTS {
        return Err(format!("the sample has only {written} events: take a larger scale").into());
    }
    Ok((path, damaged))
}

/// Seconds of one ingest into an empty store, from the start of the process to its end.
fn ingest(place: &Place, file: &std::path::Path, damaged: u64) -> Result<f64, Failed> {
    let store = place.folder.join("copy");
    let _ = std::fs::remove_dir_all(&store);
    measured(hubtally(&place.folder, &store, &["init", "--keep"]))?;
    let whole = hubtally(&place.folder, &store, &["ingest", "files", "--json"]);
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0"]).arg(whole.get_program()).args(whole.get_args()).arg(file);
    command.current_dir(&place.folder).env("HUBTALLY_STORE", &store).env("HUBTALLY_LIMITS_THREADS", "1");
    let ran = measured(command)?;
    let read: Value = serde_json::from_str(&ran.stdout)?;
    let total = &read["total"];
    let refused: u64 = total["rejects"]
        .as_object()
        .map(|reasons| reasons.values().filter_map(|reason| reason["count"].as_u64()).sum())
        .unwrap_or_default();
    if total["records"].as_u64() != Some(EVENTS) || refused != damaged {
        return Err(
            format!("{EVENTS} records with {damaged} damaged ones went in, and this came: {total}").into()
        );
    }
    Ok(ran.seconds)
}
