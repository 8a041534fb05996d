//! The figures that hubtally shall reach, measured beside a named peer in one run.
//!
//! `make bench` runs all of them; `make bench FIGURES="metering seal"` some. Each prints a line
//! `NAME value=… goal=… ours=… peer=…`; at the end they stand in one table. Every time is the median of five
//! runs, ours and the peer's in turn, both on the same two threads. Results are compared before times are:
//! where they differ, the run fails.
//!
//! The data is the sample federation at a scale of 100: about 30 million pod rows and a million bill lines. It is
//! generated once and kept in the cache; the store is filled anew in each run, by the binary that is measured. A
//! Prometheus is filled with a day of its own.

mod close;
mod events;
mod figure;
mod kafka;
mod metering;
mod peer;
mod place;
mod prometheus;
mod run;
mod seal;

use std::process::ExitCode;

use figure::{Failed, Figure};
use peer::Peer;
use place::Place;

/// What can be measured, in the order of measuring.
const FIGURES: &[&str] = &["kafka", "events", "seal", "metering", "close", "prometheus"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((_, peer)) = arguments.split_first().filter(|(first, _)| *first == kafka::PEER) {
        return match kafka::be_peer(peer) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let named: Vec<String> = arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = named.iter().find(|name| !FIGURES.contains(&name.as_str())) {
        eprintln!("there is no figure {unknown}: name some of {}", FIGURES.join(", "));
        return ExitCode::from(2);
    }
    let wanted = |name: &str| named.is_empty() || named.iter().any(|one| one == name);
    match measure(&wanted) {
        Ok(figures) => {
            println!("\n{}", figure::table(&figures));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Figure>, Failed> {
    let mut figures = Vec::new();
    let mut take = |measured: Vec<Figure>| {
        for figure in measured {
            println!("{figure}");
            figures.push(figure);
        }
    };
    if wanted("kafka") {
        take(kafka::measure()?);
    }
    if wanted("prometheus") {
        take(prometheus::measure()?);
    }
    // The others share a sample that takes long to fill.
    if !FIGURES.iter().any(|name| !["kafka", "prometheus"].contains(name) && wanted(name)) {
        return Ok(figures);
    }
    let place = Place::prepare()?;
    let mut peer = Peer::start()?;
    if wanted("events") {
        take(events::measure(&place, &mut peer)?);
    }
    if wanted("seal") {
        take(seal::measure(&place, &mut peer)?);
    }
    if wanted("metering") {
        take(metering::measure(&place, &mut peer)?);
    }
    if wanted("close") {
        take(close::measure(&place, &mut peer)?);
    }
    Ok(figures)
}
