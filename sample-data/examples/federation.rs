//! Writes the federation that is kept in `sample-data/federation/`, or another one:
//! `cargo run -p hubtally-sample --example federation -- [OUT [SEED [SCALE [PERIOD]]]]`.

use std::path::Path;

use hubtally_sample::{SampleOptions, write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize, default: &str| words.get(index).cloned().unwrap_or_else(|| default.to_owned());
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/federation");
    let options = SampleOptions {
        seed: word(1, "1").parse()?,
        scale: word(2, "1").parse()?,
        period: word(3, "2026-06").parse()?,
    };
    let summary = write(Path::new(&word(0, kept)), &options, &mut |what| eprintln!("{what}"))?;
    println!("{}", serde_json::to_string_pretty(&summary)?);
    Ok(())
}
