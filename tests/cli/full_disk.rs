//! A disk that is full: the message says which folder and what to do, nothing half written is visible, and once
//! there is room the same command does the rest, once.
//!
//! The disk is a real one: a small tmpfs in a mount namespace of the test's own, which takes no privilege where
//! the system allows user namespaces.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::run::{Ended, Place, copy_folder, files_below, skip};
use super::small_month::{PERIOD, coverage, full_coverage, number, place, pod, whole_bill};

/// A folder of a place that is a small disk of its own, for whoever runs inside its namespace.
struct SmallDisk {
    holder: Child,
    with_user: bool,
    mounted: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk on a folder; `None`, said aloud, where the system does not let us.
    fn mount(folder: &Path, mib: u32) -> Option<Self> {
        fs::create_dir_all(folder).unwrap();
        for with_user in [true, false] {
            let flags = if with_user { "-Urm" } else { "-m" };
            let script = format!("mount -t tmpfs -o size={mib}m tmpfs \"$1\" && echo mounted && exec cat");
            let holder = Command::new("unshare")
                .args([flags, "sh", "-c", &script, "sh"])
                .arg(folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn();
            let Ok(mut holder) = holder else { continue };
            let mut said = String::new();
            let _ = BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said);
            if said.trim() == "mounted" {
                return Some(Self { holder, with_user, mounted: folder.to_owned() });
            }
            let _ = holder.wait();
        }
        skip("no mount namespace can be made here (unshare), so there is no small disk to fill");
        None
    }

    /// Runs `hubtally` where the disk is seen.
    fn run(&self, place: &Place, arguments: &[&str]) -> Ended {
        let mut inside = vec!["--target".to_owned(), self.holder.id().to_string(), "--mount".to_owned()];
        if self.with_user {
            inside.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        // The folder is looked up again inside: the one we stand in shows what lies under the disk.
        inside.extend(["sh", "-c", "cd \"$1\" && shift && exec \"$@\"", "sh"].map(ToOwned::to_owned));
        inside.push(place.path(".").display().to_string());
        let inside: Vec<&str> = inside.iter().map(String::as_str).collect();
        place.run_inside("nsenter", &inside, arguments)
    }

    /// The disk's folder, seen from outside.
    fn folder(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.mounted.strip_prefix("/").unwrap())
    }

    /// Fills the disk up to so many KiB; returns the file that does.
    fn fill_but(&self, free_kib: usize) -> PathBuf {
        let path = self.folder().join("filler");
        let mut filler = fs::File::create(&path).unwrap();
        while filler.write_all(&[0_u8; 4096]).is_ok() {}
        let whole = filler.metadata().unwrap().size();
        filler.set_len(whole.saturating_sub(free_kib as u64 * 1024)).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// What a full disk must be told as.
#[track_caller]
fn is_told(ended: Ended, key: &str, folder: &Path) {
    let ended = ended
        .exits(1)
        .says(&format!("no space is left on the disk of {} (`{key}` in hubtally.toml)", folder.display()))
        .says("make room there, or name a folder on a larger disk, then run the same command again")
        .says("No space left on device");
    assert!(ended.stderr.starts_with("error: ") && !ended.stderr.contains("panicked"), "{}", ended.stderr);
}

/// Staged files of an upload or a statement that nobody will finish.
fn left_over(folder: &Path) -> Vec<PathBuf> {
    let staged = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.contains('#') || path.extension().is_some_and(|ending| ending == "part")
    };
    files_below(folder).into_keys().filter(|path| staged(path)).collect()
}

/// A month whose usage is a few hundred KiB in the store.
fn month() -> Place {
    let place = place();
    let lines = (0..4_000).map(|n| {
        let user = format!("user-{n}@example.org").into();
        pod(&format!("event-{n}"), 1 + n % 28, &[("user", user)]) + "\n"
    });
    place.write("usage/pods.ndjson", &lines.collect::<String>());
    place.write("usage/coverage.ndjson", &full_coverage()).write("bills/june.csv", &whole_bill());
    place
}

#[test]
fn a_full_store_is_told_and_the_next_run_does_the_rest_once() {
    let place = month();
    let store = place.path("store");
    fs::rename(&store, place.path("empty-store")).unwrap();
    let Some(disk) = SmallDisk::mount(&store, 16) else { return };
    copy_folder(&place.path("empty-store"), &disk.folder());
    let close: &[&str] = &["close", "--period", PERIOD, "--json"];

    // Each time a little more room: it gives out at another file, commit or note.
    let mut told = 0;
    for free_kib in [0, 16, 60, 120, 200, 300, 420] {
        let filler = disk.fill_but(free_kib);
        let ended = disk.run(&place, close);
        fs::remove_file(filler).unwrap();
        if ended.code != 0 {
            is_told(ended, "store", &store);
            told += 1;
        }
        assert_eq!(left_over(&disk.folder()), Vec::<PathBuf>::new(), "with {free_kib} KiB free");
        // Whatever was committed can be read: no log entry is half there.
        disk.run(&place, &["tables", "--json"]).exits(0);
    }
    assert!(told >= 3, "the disk was full only {told} times");
    let closed = disk.run(&place, close).exits(0).json();
    assert_eq!(closed["conservation"][0]["difference"], "0.000000000000");
    let count = "SELECT count(*) AS pods, count(DISTINCT event_id) AS events FROM pod_usage";
    let counted = disk.run(&place, &["sql", count, "--format", "json"]).exits(0).json();
    assert_eq!((&counted[0]["pods"], &counted[0]["events"]), (&4_000.into(), &4_000.into()));
    let refused =
        disk.run(&place, &["sql", "SELECT count(*) AS n FROM rejects", "--format", "json"]).exits(0);
    assert_eq!(refused.json()[0]["n"], 0);

    // The books are those of a disk that was never full.
    let roomy = month();
    let wanted = roomy.run(close).exits(0).json();
    assert_eq!(closed["communities"], wanted["communities"]);
    assert_eq!(closed["completeness"], wanted["completeness"]);
}

#[test]
fn a_full_spill_folder_is_told_and_the_next_run_does_the_rest_once() {
    let place = place();
    // A day that does not fit into the least memory, so that sealing it needs the folder.
    let lines = (0..120_000).map(|n| {
        let uid = format!("uid-{n}").into();
        pod(&format!("event-{n}"), 14, &[("pod_uid", uid)]) + "\n"
    });
    place.write("usage/pods.ndjson", &lines.collect::<String>());
    let text = place
        .read("hubtally.toml")
        .replace("[limits]", "[limits]\nspill_folder = \"spill\"\nmemory_mib = 64");
    place.write("hubtally.toml", &text.replace("\n#memory_mib", "\n# memory_mib"));
    place.run(&["ingest", "files", "usage"]).exits(0);
    let Some(disk) = SmallDisk::mount(&place.path("spill"), 4) else { return };
    let filler = disk.fill_but(100);
    let table = place.path("store/tables/pod_usage");
    let before = files_below(&table);
    is_told(
        disk.run(&place, &["maintain", "--before", "2026-07-01"]),
        "limits.spill_folder",
        &place.path("spill"),
    );
    assert!(before.keys().eq(files_below(&table).keys()), "the table is as it was");
    assert_eq!(files_below(&disk.folder()).len(), 1, "only the filler is left");
    fs::remove_file(filler).unwrap();
    // There is room on the disk outside.
    place.run(&["maintain", "--before", "2026-07-01"]).exits(0).says("sealed");
    assert_eq!(number(&place, "SELECT count(*) FROM pod_usage"), 120_000);
}

#[test]
fn a_full_statements_folder_is_told_and_no_statement_is_half_there() {
    let place = month();
    let statements = place.path("statements");
    let Some(disk) = SmallDisk::mount(&statements, 4) else { return };
    let filler = disk.fill_but(24);
    let close: &[&str] = &["close", "--period", PERIOD, "--json"];
    is_told(disk.run(&place, close), "statements", &statements);
    assert_eq!(left_over(&disk.folder()), Vec::<PathBuf>::new());
    for (path, bytes) in files_below(&disk.folder().join(PERIOD)) {
        let whole = match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => serde_json::from_slice::<serde_json::Value>(&bytes).is_ok(),
            Some("html") => String::from_utf8_lossy(&bytes).trim_end().ends_with("</html>"),
            _ => bytes.ends_with(b"\n"),
        };
        assert!(whole, "{} is half there", path.display());
    }
    fs::remove_file(filler).unwrap();
    let closed = disk.run(&place, close).exits(0).json();
    assert_eq!(closed["conservation"][0]["difference"], "0.000000000000");
    assert!(disk.folder().join(PERIOD).join("finance/summary.html").is_file());
    assert_eq!(number(&place, "SELECT count(*) FROM pod_usage"), 4_000);
}

#[test]
fn a_full_keys_folder_is_told_and_no_key_is_half_there() {
    let place = place();
    place.write("usage/a.ndjson", &pod("a", 1, &[]));
    let keys = place.path("keys");
    fs::rename(&keys, place.path("keys-of-init")).unwrap();
    let Some(disk) = SmallDisk::mount(&keys, 1) else { return };
    copy_folder(&place.path("keys-of-init"), &disk.folder());
    fs::create_dir(disk.folder().join("hubs")).unwrap();
    let filler = disk.fill_but(0);
    let ingest = &["ingest", "files", "usage"];
    is_told(disk.run(&place, ingest), "keys", &keys);
    assert_eq!(files_below(&disk.folder().join("hubs")).len(), 0, "half a key would never be made whole");
    fs::remove_file(filler).unwrap();
    disk.run(&place, ingest).exits(0);
    let names = disk.run(&place, &["sql", "SELECT name FROM users", "--format", "json"]).exits(0).json();
    assert_eq!(names[0]["name"], "ada@example.org");
}

#[test]
fn init_on_a_full_disk_leaves_no_half_document() {
    let place = Place::empty();
    let Some(disk) = SmallDisk::mount(&place.path("fresh"), 2) else { return };
    let filler = disk.fill_but(0);
    let init = &["init", "--config", "fresh/hubtally.toml"];
    disk.run(&place, init)
        .exits(1)
        .says("fresh/hubtally.toml cannot be written")
        .says("No space left on device");
    fs::remove_file(filler).unwrap();
    disk.run(&place, init).exits(0);
    disk.run(&place, &["check", "--config", "fresh/hubtally.toml"]).exits(0);
}

#[test]
fn a_store_that_fails_half_way_is_caught_up_once() {
    let place = place();
    place.write("usage/mixed.ndjson", &[pod("a", 1, &[]), coverage(1, 9), "garbage".to_owned()].join("\n"));
    // The next commit of one table meets something that is no log entry; the tables before it have committed.
    let log = place.path("store/tables/coverage/_delta_log");
    let next = fs::read_dir(&log)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == "json"));
    let broken = log.join(format!("{:020}.json", next.count()));
    fs::create_dir(&broken).unwrap();
    let ended = place.run(&["ingest", "files", "usage"]).exits(1).says("table coverage").says("run again");
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    fs::remove_dir(&broken).unwrap();
    place.run(&["ingest", "files", "usage"]).exits(3);
    place.run(&["ingest", "files", "usage"]).exits(0);
    for table in ["pod_usage", "coverage", "rejects", "users"] {
        assert_eq!(number(&place, &format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
}
