//! Runs the binary in a folder of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// What a run ended with.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The exit code must be this; shows everything if not.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Stderr must hold this.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "{words:?} is not in stderr:\n{}", self.stderr);
        self
    }

    /// Stdout must hold this.
    #[track_caller]
    pub fn prints(self, words: &str) -> Self {
        assert!(self.stdout.contains(words), "{words:?} is not in stdout:\n{}", self.stdout);
        self
    }

    /// Stdout is one JSON document and nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

/// A folder that goes when the test ends.
pub struct Place {
    folder: TempDir,
}

impl Place {
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder after `hubtally init`.
    pub fn initialised() -> Self {
        let place = Self::empty();
        place.run(&["init"]).exits(0);
        place
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    pub fn write(&self, relative: &str, text: &str) -> &Self {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub fn read(&self, relative: &str) -> String {
        fs::read_to_string(self.path(relative)).unwrap()
    }

    /// Runs `hubtally` here.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }

    /// Runs `hubtally` here with environment variables.
    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        Ended::of(self.command(arguments).envs(variables.iter().copied()))
    }

    /// Runs `hubtally` here through another program, such as one that enters a namespace.
    pub fn run_inside(&self, program: &str, options: &[&str], arguments: &[&str]) -> Ended {
        let own = self.command(arguments);
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).args(options).arg(own.get_program()).args(own.get_args());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Ended::of(command.stdin(Stdio::null()))
    }

    /// Starts `hubtally` here and does not wait. Its few words on stderr are kept for who asks.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("hubtally"));
        command.current_dir(self.folder.path()).args(arguments).stdin(Stdio::null());
        // What the person who runs the tests has set must not change them.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HUBTALLY_")) {
            command.env_remove(name);
        }
        command
    }
}

/// Says that a test was skipped, and why. In CI a skip is a failure.
#[track_caller]
pub fn skip(why: &str) {
    #[expect(clippy::disallowed_methods, reason = "whether a test may skip is said by who runs it")]
    let required = std::env::var("CI_REQUIRE_SERVERS").as_deref() == Ok("1");
    assert!(!required, "CI_REQUIRE_SERVERS=1, and {why}");
    println!("skipped: {why}");
}

/// Every file below a folder with its bytes, by relative path.
pub fn files_below(folder: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    fn walk(folder: &Path, root: &Path, out: &mut std::collections::BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, out);
            } else {
                out.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut out = std::collections::BTreeMap::new();
    walk(folder, folder, &mut out);
    out
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    for (relative, bytes) in files_below(from) {
        let path = to.join(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
