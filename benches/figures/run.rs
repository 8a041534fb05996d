//! Runs the binary that is measured, and sees how long it took and how much memory it held.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::figure::Failed;

/// What one run of the binary came to.
#[derive(Debug)]
pub struct Ran {
    pub seconds: f64,
    /// Most memory that it held at any time (VmHWM), bytes.
    pub peak_bytes: u64,
    pub stdout: String,
}

/// How often the memory of a running process is looked at. VmHWM only grows, so a late look misses nothing but
/// what came after it.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// `hubtally` in a folder, on at most two threads, with a store of its own.
pub fn hubtally(folder: &Path, store: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hubtally"));
    command.current_dir(folder).env("HUBTALLY_STORE", store).args(arguments);
    command
}

/// Runs a command to its end; an exit code other than 0 and 3 (done, but the data is incomplete) is an error.
pub fn measured(mut command: Command) -> Result<Ran, Failed> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let (status, peak_bytes) = watch(&mut child)?;
    let seconds = begun.elapsed().as_secs_f64();
    let words = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    let (stdout, stderr) = (words(stdout), words(stderr));
    match status.code() {
        Some(0 | 3) => Ok(Ran { seconds, peak_bytes, stdout }),
        _ => Err(format!("{command:?} ended with {status}:\n{stderr}").into()),
    }
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            // What is no text is of no use in a message.
            let _ = pipe.read_to_string(&mut text);
        }
        text
    })
}

fn watch(child: &mut Child) -> Result<(std::process::ExitStatus, u64), Failed> {
    let mut peak_bytes = 0;
    loop {
        peak_bytes = peak_bytes.max(peak_of(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak_bytes));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// VmHWM of a process, bytes.
pub fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1_024)
}

/// Bytes as GiB.
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1_u32 << 30)
}
