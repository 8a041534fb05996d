//! The peer: DuckDB in a Python process of its own, told by a line of JSON what to run.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::figure::Failed;
use crate::place::variable;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/figures/peer.py");

/// A running peer.
pub struct Peer {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it with the Python of the tests.
    pub fn start() -> Result<Self, Failed> {
        let python = variable("HUBTALLY_TEST_PYTHON").ok_or(
            "HUBTALLY_TEST_PYTHON names no Python with DuckDB: run `make bench`, which installs one",
        )?;
        let mut child =
            Command::new(python).arg(SCRIPT).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asks = child.stdin.take().ok_or("the peer takes no questions")?;
        let answers = BufReader::new(child.stdout.take().ok_or("the peer gives no answers")?);
        Ok(Self { child, asks, answers })
    }

    /// Runs one of its functions.
    pub fn ask(&mut self, function: &str, arguments: &Value) -> Result<Value, Failed> {
        writeln!(self.asks, "{}", json!({"function": function, "arguments": arguments}))?;
        self.asks.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Value =
            serde_json::from_str(&line).map_err(|_| format!("the peer broke off while it ran {function}"))?;
        match answer["error"].as_str() {
            None => Ok(answer),
            Some(error) => Err(format!("the peer could not run {function}:\n{error}").into()),
        }
    }

    /// Runs one of its functions for its time in seconds.
    pub fn seconds(&mut self, function: &str, arguments: &Value) -> Result<f64, Failed> {
        let answer = self.ask(function, arguments)?;
        answer["seconds"].as_f64().ok_or_else(|| format!("the peer told no time for {function}").into())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
