//! This machine: room on the disk where work spills, and who may read the keys.

use std::path::Path;

use hubtally_ingest::probe::Finding;

use crate::config::Config;

/// Below this, a close of a large federation may run out of room, bytes.
const LITTLE_ROOM: u64 = 4 << 30;
/// Below this, nothing large runs at all, bytes.
const NO_ROOM: u64 = 256 << 20;

/// Looks at both.
pub fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![room(&config.limits.spill_folder)];
    #[cfg(unix)]
    findings.push(keys(&config.keys));
    findings
}

fn room(folder: &Path) -> Finding {
    let (of, what) = ("machine", "room to spill");
    // A folder that is made at need lies on the disk of the nearest one that is there.
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let free = match rustix::fs::statvfs(there) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => {
            let mend = "name a folder of a local disk as `limits.spill_folder` of hubtally.toml";
            return Finding::warn(of, what, format!("{}: {error}", folder.display()), mend);
        }
    };
    let found = format!("{} MiB are free at {}", free >> 20, folder.display());
    let mend = "make room there, or name a folder on a larger disk as `limits.spill_folder` of hubtally.toml";
    match free {
        0..NO_ROOM => Finding::fail(of, what, found, mend),
        NO_ROOM..LITTLE_ROOM => Finding::warn(of, what, found, mend),
        LITTLE_ROOM.. => Finding::ok(of, what, found),
    }
}

#[cfg(unix)]
fn keys(folder: &Path) -> Finding {
    use std::os::unix::fs::PermissionsExt as _;

    let (of, what) = ("machine", "keys");
    let mode = |path: &Path| std::fs::metadata(path).map(|meta| meta.permissions().mode() & 0o777).ok();
    let Some(of_folder) = mode(folder) else {
        let found = format!("{} cannot be looked into", folder.display());
        let mend = "name the folder of the keys in hubtally.toml; every worker needs the same one";
        return Finding::fail(of, what, found, mend);
    };
    // Whoever cannot enter the folder reads no key in it.
    let open = of_folder & 0o077 != 0;
    let found = format!("{} has mode {of_folder:o}", folder.display());
    if open {
        let mend =
            format!("whoever reads the keys can read user names: chmod -R go-rwx {}", folder.display());
        Finding::warn(of, what, format!("{found}: others may look into it"), mend)
    } else {
        Finding::ok(of, what, found)
    }
}
