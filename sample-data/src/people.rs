//! The users of a hub: their names, and how often they come.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::dice::Dice;
use crate::places::HubPlan;

/// A user of one hub.
#[derive(Debug, Clone)]
pub struct Person {
    /// Name as the hub has it.
    pub name: String,
    /// Slug that pods and directories are named by.
    pub slug: String,
    /// Of 1,000 working days, on how many a server is started.
    pub diligence: u64,
    /// Index of the profile that is chosen mostly.
    pub favourite: usize,
    /// A second, named server that is used beside the default one.
    pub named_server: Option<&'static str>,
    /// Size of the home directory at the start of the month, bytes.
    pub home_byte: i64,
    /// Growth of the home directory in half a day, bytes.
    pub growth_byte: i64,
    /// When the running server ends; a new one starts later.
    pub busy_until_ms: i64,
}

/// Names that real hubs have and that break naive programs.
const ODD_NAMES: &[(&str, &[&str])] = &[
    (
        "ocean-prod",
        &[
            "Capital",
            "capital",
            "=SUM(A1:A9)",
            "+1 555 0100",
            "-dash",
            "@handle",
            "<b>bold</b>",
            "Rosa Alvarez",
            "m.silva@coast.example",
            "O'Connor",
            "has-hyphen",
            "deployment-service-check",
        ],
    ),
    ("ocean-staging", &["deployment-service-check", "Rosa Alvarez"]),
    ("soil", &["sharedham", "Lovelace, Ada", "Zoë Ångström", "=1+1"]),
    ("river", &["tutor <script>alert(1)</script>", "\"quoted\" name", "Kim & Sons"]),
    ("coastal", &["李雷", "Capital", "sam_o"]),
    ("campus-data", &["+admin@campus.example"]),
];

const FIRST: &[&str] = &[
    "ada", "amara", "anders", "aisha", "bela", "bruno", "carmen", "chen", "daria", "diego", "elif", "emeka",
    "farah", "felix", "grace", "hana", "hugo", "ines", "ivan", "jonas", "jun", "kaya", "kofi", "lena",
    "luis", "maya", "mira", "nadia", "noor", "olga", "omar", "priya", "quentin", "rosa", "sara", "tariq",
    "uma", "vera", "wanjiru", "yuki", "zeki",
];
const LAST: &[&str] = &[
    "abebe", "bauer", "castro", "dubois", "eriksen", "farouk", "garcia", "haddad", "ito", "jensen", "kaplan",
    "lopez", "mbeki", "nguyen", "okafor", "patel", "quispe", "rossi", "sato", "tanaka", "umar", "vargas",
    "wang", "yilmaz", "zhou",
];

/// The users of a hub, the odd names first.
pub fn people(seed: u64, cluster: &str, hub: &HubPlan) -> Vec<Person> {
    let mut dice = Dice::new(seed, &["people", cluster, &hub.namespace]);
    let odd = ODD_NAMES.iter().find(|(id, _)| *id == hub.shape.id).map_or(&[][..], |(_, names)| *names);
    let mut taken = BTreeSet::new();
    let count = usize::try_from(hub.users).unwrap_or(0);
    let mut all = Vec::with_capacity(count);
    for index in 0..count {
        let name = match odd.get(index) {
            Some(name) => (*name).to_owned(),
            None => made_up_name(&mut dice, hub.shape.mail),
        };
        let name = if taken.contains(&name) { numbered(&name, index) } else { name };
        taken.insert(name.clone());
        all.push(person(&mut dice, name, hub));
    }
    all
}

fn made_up_name(dice: &mut Dice, mail: Option<&str>) -> String {
    let (first, last) = (*dice.pick(FIRST), *dice.pick(LAST));
    match (mail, dice.below(3)) {
        (Some(domain), _) => format!("{first}.{last}@{domain}"),
        (None, 0) => format!("{first}-{last}"),
        (None, 1) => format!("{}{last}", &first[..1]),
        (None, _) => format!("{first}{}", &last[..1]),
    }
}

fn numbered(name: &str, index: usize) -> String {
    match name.split_once('@') {
        Some((box_name, domain)) => format!("{box_name}{index}@{domain}"),
        None => format!("{name}{index}"),
    }
}

fn person(dice: &mut Dice, name: String, hub: &HubPlan) -> Person {
    let weights: Vec<u32> = hub.shape.profiles.iter().map(|(_, weight)| *weight).collect();
    let diligence = if name == "deployment-service-check" {
        1_000
    } else {
        [20, 60, 150, 300, 500, 800][dice.weighted(&[20, 20, 22, 18, 12, 8])]
    };
    let named_server = dice.chance(70).then(|| *dice.pick(&["analysis", "night-run", "gpu"]));
    // Most homes are small, few are large: a power of two and a part of it.
    let power = [22, 25, 28, 30, 32, 34][dice.weighted(&[15, 20, 25, 20, 15, 5])];
    let whole = 1_i64 << power;
    let home_byte = (whole + dice.between(0, whole)) / 4_096 * 4_096;
    let growth_byte = home_byte / 4_096 / 400 * dice.between(0, 9) * 4_096;
    Person {
        slug: safe_slug(&name),
        name,
        diligence,
        favourite: dice.weighted(&weights),
        named_server,
        home_byte,
        growth_byte,
        busy_until_ms: 0,
    }
}

/// KubeSpawner's safe slug: the name itself where it is a Kubernetes name, else a stem and eight
/// digits of its hash.
pub fn safe_slug(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let valid = name.len() <= 48
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("---")
        && name.chars().all(plain);
    if valid {
        return name.to_owned();
    }
    let lower: String = name.to_lowercase().chars().map(|c| if plain(c) { c } else { '-' }).collect();
    let mut stem = lower.trim_matches(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).to_owned();
    while stem.contains("--") {
        stem = stem.replace("--", "-");
    }
    if stem.is_empty() {
        "x".clone_into(&mut stem);
    }
    if stem.starts_with(|c: char| c.is_ascii_digit()) {
        stem.insert_str(0, "x-");
    }
    stem.truncate(36);
    let digest = hex::encode(Sha256::digest(name.as_bytes()));
    format!("{}---{}", stem.trim_end_matches('-'), &digest[..8])
}

/// KubeSpawner's escaped slug: what is no letter or digit as `-` and its bytes in hexadecimal.
pub fn escaped_slug(name: &str) -> String {
    let mut slug = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() {
            slug.push(char::from(byte));
        } else {
            let _ = write!(slug, "-{byte:02x}");
        }
    }
    slug
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::{Plan, Scale};

    #[test]
    fn slugs_are_kubespawners() {
        assert_eq!(safe_slug("capital"), "capital");
        assert_eq!(safe_slug("Capital"), "capital---1a1cf792");
        assert_eq!(safe_slug("has-hyphen"), "has-hyphen");
        assert_eq!(escaped_slug("has-hyphen"), "has-2dhyphen");
        assert_eq!(escaped_slug("Capital"), "-43apital");
    }

    #[test]
    fn names_are_unique_in_a_hub_and_the_odd_ones_are_there() {
        let plan = Plan::new(Scale::new(2), "2026-06".parse().unwrap());
        for (cluster, hub) in plan.hubs() {
            let all = people(1, &cluster.id, hub);
            let names: BTreeSet<&str> = all.iter().map(|person| person.name.as_str()).collect();
            let slugs: BTreeSet<&str> = all.iter().map(|person| person.slug.as_str()).collect();
            assert_eq!((names.len(), slugs.len()), (all.len(), all.len()), "{}", hub.id);
            if hub.id == "ocean-prod" {
                assert!(
                    ["Capital", "capital", "=SUM(A1:A9)", "<b>bold</b>"].iter().all(|n| names.contains(n))
                );
            }
        }
    }
}
