//! Home directories and the disks below them.

use hubtally_schemas::Instant;

use crate::dice::Dice;
use crate::machines::GIB;
use crate::people::{Person, escaped_slug};
use crate::places::{Homes, HubPlan};

/// A directory of a hub.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Name below the hub's export.
    pub path: String,
    /// Raw user name, where it is known whose it is.
    pub user: Option<String>,
    /// Bytes at the start of the month.
    start_byte: i64,
    /// Growth in a day, bytes.
    growth_byte: i64,
    /// How many days before the month it was last changed; none: changed every day.
    untouched_days: Option<i64>,
}

/// The directories of a hub.
#[derive(Debug, Clone)]
pub struct HomeShelf {
    /// Sorted by path.
    pub directories: Vec<Directory>,
}

/// Used and provisioned bytes of a hub's homes on a day.
#[derive(Debug, Clone, Copy)]
pub struct HomesOnDay {
    /// What the directories hold.
    pub used_byte: i64,
    /// The size of the disk, where the hub has one of its own.
    pub provisioned_byte: i64,
}

/// Directories that belong to a hub and to no user, as the registry lists them.
pub const SHARED_DIRECTORIES: &[&str] = &["_shared", "lost+found", "shared-public"];

impl HomeShelf {
    /// The directories of a hub: its users', those of people who left, and shared ones.
    pub fn new(seed: u64, cluster: &str, hub: &HubPlan, people: &[Person]) -> Self {
        let mut dice = Dice::new(seed, &["homes", cluster, &hub.namespace]);
        if hub.shape.homes == Homes::Nothing {
            return Self { directories: Vec::new() };
        }
        // Homes made before the hub's last upgrade have the older, escaped names.
        let mut directories: Vec<Directory> = people
            .iter()
            .map(|person| Directory {
                path: if dice.chance(350) { escaped_slug(&person.name) } else { person.slug.clone() },
                user: Some(person.name.clone()),
                start_byte: person.home_byte,
                growth_byte: person.growth_byte,
                untouched_days: (person.diligence < 50).then(|| dice.between(40, 400)),
            })
            .collect();
        let departed = ["tmorris", "old-ada", "jlee", "kwame-b", "student07"];
        for name in departed.iter().take(1 + dice.index(3)) {
            let old = dice.chance(600);
            directories.push(Directory {
                path: if old { format!("{name} - old") } else { (*name).to_owned() },
                user: None,
                start_byte: dice.between(1, 30) * GIB,
                growth_byte: 0,
                untouched_days: Some(dice.between(90, 900)),
            });
        }
        for (name, gib, growth) in [("_shared", 45, 40 << 20), ("lost+found", 0, 0), ("shared-public", 4, 0)]
        {
            directories.push(Directory {
                path: name.to_owned(),
                user: None,
                start_byte: gib * GIB + 16_384,
                growth_byte: growth,
                untouched_days: (growth == 0).then_some(30),
            });
        }
        directories.sort_by(|a, b| a.path.cmp(&b.path));
        Self { directories }
    }

    /// Size of a disk of its own: a fifth stays free to the end of the month, in steps of 50 GiB.
    pub fn provisioned_byte(&self) -> i64 {
        const STEP_BYTE: i64 = 50 * GIB;
        (self.total_byte(31) / 4 * 5 / STEP_BYTE + 1) * STEP_BYTE
    }

    /// What a day bills.
    pub fn on_day(&self, day: i64) -> HomesOnDay {
        HomesOnDay { used_byte: self.total_byte(day), provisioned_byte: self.provisioned_byte() }
    }

    /// Bytes of all directories on a day of the month, from 0.
    pub fn total_byte(&self, day: i64) -> i64 {
        self.directories.iter().map(|directory| directory.bytes(day)).sum()
    }
}

impl Directory {
    /// Bytes on a day of the month, from 0.
    pub fn bytes(&self, day: i64) -> i64 {
        self.start_byte + self.growth_byte * day
    }

    /// Latest modification as it is seen at a time.
    pub fn latest_modification(&self, at: Instant, month_start: Instant) -> Instant {
        const DAY_MS: i64 = crate::places::DAY_MS;
        match self.untouched_days {
            Some(days) => Instant::from_ms(month_start.ms() - days * DAY_MS + 40_000_000),
            None => Instant::from_ms(at.ms() - DAY_MS / 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::people;
    use crate::places::{Plan, Scale};

    #[test]
    fn every_hub_with_homes_has_orphans_and_shared_directories() {
        let plan = Plan::new(Scale::new(1), "2026-06".parse().unwrap());
        for (cluster, hub) in plan.hubs() {
            let shelf = HomeShelf::new(1, &cluster.id, hub, &people(1, &cluster.id, hub));
            if hub.shape.homes == Homes::Nothing {
                assert!(shelf.directories.is_empty());
                continue;
            }
            let orphans = shelf
                .directories
                .iter()
                .filter(|d| d.user.is_none() && !SHARED_DIRECTORIES.contains(&d.path.as_str()));
            assert!(orphans.count() > 0, "{}", hub.id);
            assert!(shelf.directories.windows(2).all(|pair| pair[0].path < pair[1].path), "{}", hub.id);
            assert!(shelf.total_byte(31) < shelf.provisioned_byte(), "{}", hub.id);
        }
    }
}
