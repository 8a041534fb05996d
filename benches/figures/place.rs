//! The folder in which is measured: a large sample, generated once, and a store that the measured binary fills.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use hubtally_rules::registry_view::RegistryView;
use sha2::{Digest, Sha256};

use crate::figure::Failed;
use crate::run::{hubtally, measured};

/// Where the sample was written, and the store with it.
pub struct Place {
    pub folder: PathBuf,
    pub sample: PathBuf,
    /// Everything ingested, nothing sealed.
    pub ingested: PathBuf,
    /// Everything ingested and sealed.
    pub sealed: PathBuf,
}

/// The month that is closed.
pub const PERIOD: &str = "2026-06";

impl Place {
    /// Generates what is not there yet and fills a store.
    pub fn prepare() -> Result<Self, Failed> {
        let root = root()?;
        let scale = variable("HUBTALLY_BENCH_SCALE").unwrap_or_else(|| "110".to_owned());
        let sample = sample(&root, &scale)?;
        let folder = root.join("work");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let place = Self { ingested: folder.join("ingested"), sealed: folder.join("sealed"), sample, folder };
        place.fill()?;
        Ok(place)
    }

    fn fill(&self) -> Result<(), Failed> {
        measured(hubtally(&self.folder, &self.ingested, &["init"]))?;
        for document in ["registry.toml", "policy.toml"] {
            fs::copy(self.sample.join(document), self.folder.join(document))?;
        }
        let path = |name: &str| self.sample.join(name).to_string_lossy().into_owned();
        let say = |what: &str, begun: Instant| eprintln!("{what} in {:.0} s", begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        measured(hubtally(&self.folder, &self.ingested, &["ingest", "files", &path("usage")]))?;
        say("usage read", begun);
        let begun = Instant::now();
        measured(hubtally(&self.folder, &self.ingested, &["ingest", "bills", &path("bills")]))?;
        say("bills read", begun);
        link_folder(&self.ingested, &self.sealed)?;
        let begun = Instant::now();
        measured(hubtally(&self.folder, &self.sealed, &["maintain"]))?;
        say("sealed", begun);
        Ok(())
    }

    /// Who is who in the sample.
    pub fn registry(&self) -> Result<RegistryView, Failed> {
        let text = fs::read_to_string(self.sample.join("registry.toml"))?;
        RegistryView::new(toml::from_str(&text)?).map_err(|problems| format!("{problems:?}").into())
    }

    /// A copy of a store that may be changed: data files are shared, since none is ever written twice.
    pub fn copy_of(&self, store: &Path) -> Result<PathBuf, Failed> {
        let copy = self.folder.join("copy");
        let _ = fs::remove_dir_all(&copy);
        link_folder(store, &copy)?;
        Ok(copy)
    }
}

/// The folder in which everything is measured.
pub fn root() -> Result<PathBuf, Failed> {
    let root = variable("HUBTALLY_BENCH").map_or_else(std::env::temp_dir, PathBuf::from);
    fs::create_dir_all(&root)?;
    Ok(root)
}

/// The sample at this scale, from the cache where this very generator made it.
fn sample(root: &Path, scale: &str) -> Result<PathBuf, Failed> {
    let small = root.join("small");
    let _ = fs::remove_dir_all(&small);
    generate(&small, "1")?;
    let made_by = digest(&small)?;
    fs::remove_dir_all(&small)?;
    let sample = root.join(format!("sample-{scale}-{made_by}"));
    if !sample.exists() {
        for old in fs::read_dir(root)?.filter_map(Result::ok) {
            if old.file_name().to_string_lossy().starts_with(&format!("sample-{scale}-")) {
                fs::remove_dir_all(old.path())?;
            }
        }
        eprintln!("generating the sample at scale {scale}");
        let unfinished = root.join("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        generate(&unfinished, scale)?;
        fs::rename(&unfinished, &sample)?;
    }
    Ok(sample)
}

fn generate(out: &Path, scale: &str) -> Result<(), Failed> {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hubtally"));
    command.args(["sample", "--seed", "1", "--scale", scale, "--out"]).arg(out);
    measured(command).map(drop)
}

/// The first digits of the digest of everything in a folder.
fn digest(folder: &Path) -> Result<String, Failed> {
    let mut digest = Sha256::new();
    for file in files_below(folder)? {
        digest.update(fs::read(file)?);
    }
    Ok(hex::encode(&digest.finalize()[..6]))
}

/// Every file below a folder, by path.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files.append(&mut files_below(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

fn link_folder(from: &Path, to: &Path) -> Result<(), Failed> {
    for file in files_below(from)? {
        let copy = to.join(file.strip_prefix(from)?);
        if let Some(parent) = copy.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::hard_link(&file, &copy)?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a benchmark is told by the environment where its data lies")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
