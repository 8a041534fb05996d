//! A real Prometheus for a test, filled with samples: `scripts/prometheus.sh` fetches, fills and starts it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the script lies, as `make test` says; `None`, and a word about it, where no test may start servers.
#[expect(clippy::disallowed_methods, reason = "whether tests may start a Prometheus")]
pub fn script() -> Option<PathBuf> {
    if let Ok(script) = std::env::var("HUBTALLY_TEST_PROMETHEUS") {
        return Some(PathBuf::from(script));
    }
    let required = std::env::var("CI_REQUIRE_SERVERS").as_deref() == Ok("1");
    assert!(!required, "CI_REQUIRE_SERVERS=1 and HUBTALLY_TEST_PROMETHEUS is not set");
    println!("skipped: no Prometheus (make test fetches and starts one: HUBTALLY_TEST_PROMETHEUS)");
    None
}

/// A server that stops when the test ends.
pub struct Server {
    script: PathBuf,
    folder: tempfile::TempDir,
    pub url: String,
}

impl Server {
    /// A file of the server's folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Starts a server that holds the samples of an OpenMetrics file.
    pub fn with(script: &Path, file: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start(script, Some(file), environment)
    }

    /// Starts a server, with the samples of a file or with none.
    pub fn start(script: &Path, file: Option<&Path>, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let ended =
                Command::new(script).args(arguments).envs(environment.iter().copied()).output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success(), "{} {arguments:?}: {said}", script.display());
            String::from_utf8(ended.stdout).unwrap().trim().to_owned()
        };
        let data = folder.path().display().to_string();
        run(&["fetch"]);
        if let Some(file) = file {
            run(&["import", &data, &file.display().to_string()]);
        }
        let url = run(&["start", &data]);
        Self { script: script.to_owned(), folder, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new(&self.script).arg("stop").arg(self.folder.path()).status();
    }
}

/// Samples as OpenMetrics text.
#[derive(Default)]
pub struct Record(String);

impl Record {
    /// Adds a series: seconds since 1970 with a value each.
    pub fn add(&mut self, name: &str, labels: &[(&str, &str)], samples: impl Iterator<Item = (i64, String)>) {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let labels = labels.join(",");
        for (second, value) in samples {
            let _ = writeln!(self.0, "{name}{{{labels}}} {value} {second}");
        }
    }

    /// Writes it.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, format!("{}# EOF\n", self.0)).unwrap();
    }
}
