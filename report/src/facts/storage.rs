//! Home directories as the month's last scans saw them.

/// The home directories of one hub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HomeDirectories {
    /// Community of the hub; empty for none.
    pub community: String,
    /// Cluster.
    pub cluster: String,
    /// Hub; empty where the registry names none.
    pub hub: String,
    /// Namespace.
    pub namespace: String,
    /// UTC day number of the last scan.
    pub last_scan: i32,
    /// Users' directories.
    pub users: Vec<UserDirectory>,
    /// Directories of the hub and of no user, as the registry names them.
    pub shared: Group,
    /// Directories that belong to nobody.
    pub orphans: Group,
}

/// Directories that are shown as one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub directories: i64,
    /// Their size, bytes.
    pub bytes: i128,
    /// The part in directories where nothing was modified for 90 days before the scan, bytes.
    pub untouched_bytes: i128,
}

/// A user's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDirectory {
    /// User.
    pub user_id: String,
    /// Size, bytes.
    pub bytes: i128,
    /// UTC day number of the latest modification, where it was measured.
    pub modified: Option<i32>,
}

/// Days without a change after which a directory counts as untouched.
pub const UNTOUCHED_DAYS: i32 = 90;

impl HomeDirectories {
    /// All users' directories as one group.
    pub fn of_users(&self) -> Group {
        let mut group = Group::default();
        for directory in &self.users {
            group.add(directory.bytes, directory.modified, self.last_scan);
        }
        group
    }
}

impl Group {
    /// Adds a directory.
    pub fn add(&mut self, bytes: i128, modified: Option<i32>, scanned: i32) {
        self.directories += 1;
        self.bytes += bytes;
        if modified.is_some_and(|day| day.saturating_add(UNTOUCHED_DAYS) <= scanned) {
            self.untouched_bytes += bytes;
        }
    }
}
