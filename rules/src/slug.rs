//! What a hub makes of a user's name: pods and directories carry it instead of the name.
//!
//! Two schemes stand side by side (KubeSpawner's `escape` and `safe`). The first can be read back; the
//! second keeps a valid name as it is and gives any other a stem and a hash, which only a known name
//! answers.

use std::collections::HashMap;
use std::fmt::Write as _;

/// What every pod of a user's server is called before the slug.
const POD_PREFIX: &str = "jupyter-";

/// The `escape` scheme: lower-case letters and digits stay, any other byte is `-` and two digits.
pub fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "-{byte:02x}");
        }
    }
    out
}

/// Reads the `escape` scheme back; `None` if the slug is not of it.
pub fn unescaped(slug: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(slug.len());
    let mut rest = slug.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' => bytes.push(byte),
            b'-' => bytes.push(hex(rest.next()?)? << 4 | hex(rest.next()?)?),
            _ => return None,
        }
    }
    let name = String::from_utf8(bytes).ok().filter(|name| !name.is_empty())?;
    // What the scheme would not have escaped was not made by it.
    (escaped(&name) == slug).then_some(name)
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The stem of a slug of the `safe` scheme with a hash, `stem---8hex`.
pub fn hashed_stem(slug: &str) -> Option<&str> {
    let (stem, hash) = slug.rsplit_once("---")?;
    (hash.len() == 8 && hash.bytes().all(|byte| hex(byte).is_some())).then_some(stem)
}

/// The longest slug of the `safe` scheme, and what of it stands before `---` and the hash.
const SAFE_BYTES: usize = 48;
const STEM_BYTES: usize = SAFE_BYTES - 8 - 3;

/// Whether the `safe` scheme keeps the name as it is: a letter, then letters, digits and single hyphens,
/// all lower case.
fn is_safe(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= SAFE_BYTES
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && name.bytes().all(inside)
        && !name.contains("--")
        && !name.ends_with('-')
}

/// The `safe` scheme; the SHA-256 of a text, in hexadecimal digits, comes from outside.
pub fn safe(name: &str, sha256_hex: &dyn Fn(&str) -> String) -> String {
    if is_safe(name) {
        return name.to_owned();
    }
    let digest = sha256_hex(name);
    format!("{}---{}", stem_of(name), digest.get(..8).unwrap_or(&digest))
}

/// What of a name can stand before its hash: each run of other letters becomes one hyphen.
fn stem_of(name: &str) -> String {
    let mut stem = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_lowercase() || letter.is_ascii_digit() {
            stem.push(letter);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
    }
    stem.truncate(STEM_BYTES);
    let stem = stem.trim_end_matches('-');
    match stem.bytes().next() {
        None => "x".to_owned(),
        Some(first) if first.is_ascii_lowercase() => stem.to_owned(),
        Some(_) => format!("x-{}", &stem[..stem.len().min(STEM_BYTES - 2)]),
    }
}

/// The user's slug and the server's in a pod's name; `None` if it is no user's server.
///
/// A server follows after exactly two hyphens; three belong to a hash.
pub fn of_pod(pod: &str) -> Option<(&str, &str)> {
    let slug = pod.strip_prefix(POD_PREFIX).filter(|slug| !slug.is_empty())?;
    let bytes = slug.as_bytes();
    let two = |at: usize| {
        at > 0
            && bytes[at..].starts_with(b"--")
            && bytes[at - 1] != b'-'
            && bytes.get(at + 2).is_some_and(|next| *next != b'-')
    };
    match (0..bytes.len()).find(|at| two(*at)) {
        Some(at) => Some((&slug[..at], &slug[at + 2..])),
        None => Some((slug, "")),
    }
}

/// Names that are known in one namespace, by each of their slugs.
#[derive(Debug, Clone, Default)]
pub struct KnownNames {
    by_slug: HashMap<String, String>,
}

impl KnownNames {
    /// Learns a name. Of two names with one slug the first in order stays, whichever came first.
    pub fn learn(&mut self, name: &str, sha256_hex: &dyn Fn(&str) -> String) {
        for slug in [escaped(name), safe(name, sha256_hex)] {
            let known = self.by_slug.entry(slug).or_insert_with(|| name.to_owned());
            if name < known.as_str() {
                name.clone_into(known);
            }
        }
    }

    /// The name behind a slug: a known one, else what the slug itself tells.
    pub fn resolve(&self, slug: &str) -> Option<String> {
        self.by_slug
            .get(slug)
            .cloned()
            .or_else(|| unescaped(slug))
            .or_else(|| is_safe(slug).then(|| slug.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Digests of the names below, as `sha256sum` gives them.
    fn digest(name: &str) -> String {
        let known = [
            ("Ada", "99a563ab"),
            ("=cmd|x", "f0a6fc9d"),
            ("bo.b", "8caffbcc"),
            ("someone@example.edu", "973faf3a"),
            ("Capital", "1a1cf792"),
        ];
        known.iter().find(|(known, _)| *known == name).map_or("00000000", |(_, digest)| digest).to_owned()
    }

    #[test]
    fn both_schemes_are_those_of_the_hubs() {
        for (name, in_escape, in_safe) in [
            ("ada", "ada", "ada"),
            ("Ada", "-41da", "ada---99a563ab"),
            ("Capital", "-43apital", "capital---1a1cf792"),
            ("has-hyphen", "has-2dhyphen", "has-hyphen"),
            ("=cmd|x", "-3dcmd-7cx", "cmd-x---f0a6fc9d"),
            ("bo.b", "bo-2eb", "bo-b---8caffbcc"),
            ("someone@example.edu", "someone-40example-2eedu", "someone-example-edu---973faf3a"),
        ] {
            assert_eq!(escaped(name), in_escape);
            assert_eq!(safe(name, &digest), in_safe);
            assert_eq!(unescaped(in_escape).as_deref(), Some(name));
        }
        assert_eq!(unescaped("has-hyphen"), None);
        assert_eq!(hashed_stem("bo-b---8caffbcc"), Some("bo-b"));
        assert_eq!(hashed_stem("has-hyphen"), None);
    }

    #[test]
    fn a_pod_name_tells_user_and_server() {
        for (pod, expected) in [
            ("jupyter-ada", Some(("ada", ""))),
            ("jupyter--41da", Some(("-41da", ""))),
            ("jupyter-has-2dhyphen--gpu", Some(("has-2dhyphen", "gpu"))),
            ("jupyter-bo-b---8caffbcc", Some(("bo-b---8caffbcc", ""))),
            ("jupyter-bo-b---8caffbcc--a-b---90827a2e", Some(("bo-b---8caffbcc", "a-b---90827a2e"))),
            ("hub-7d9c5b6f4-x2x5q", None),
            ("jupyter-", None),
        ] {
            assert_eq!(of_pod(pod), expected, "{pod}");
        }
    }

    #[test]
    fn a_slug_is_answered_by_a_known_name_first() {
        let mut known = KnownNames::default();
        known.learn("Ada", &digest);
        assert_eq!(known.resolve("ada---99a563ab").as_deref(), Some("Ada"));
        assert_eq!(known.resolve("-41da").as_deref(), Some("Ada"));
        assert_eq!(known.resolve("someone-40example-2eedu").as_deref(), Some("someone@example.edu"));
        assert_eq!(known.resolve("ada").as_deref(), Some("ada"));
        assert_eq!(known.resolve("bo-b---8caffbcc"), None, "a hash is answered by a known name only");
    }

    proptest! {
        #[test]
        fn escaping_is_read_back(name in "\\PC{1,20}") {
            prop_assert_eq!(unescaped(&escaped(&name)), Some(name));
        }
    }
}
