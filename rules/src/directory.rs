//! Whose directory it is: a user's, the hub's, or nobody's. Exact names, never a part of a name:
//! `sharedham` is a user.

/// Directories that belong to a hub and to no user, on every hub.
pub const SHARED_BY_DEFAULT: &[&str] = &["_shared", "shared", "shared-public", "allusers", "lost+found"];

/// How administrators mark a home that was left behind.
pub const LEFT_BEHIND: &str = " - old";

/// Whose directory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A user's home.
    User,
    /// The hub's own, shared among its users.
    Hub,
    /// Nobody's: no user is known for it, or it was left behind.
    Orphan,
}

/// Says whose directory `path` is.
///
/// `of_hub` are the hub's own names from the registry; `user_known` is whether the measurement names a
/// user. A `/` at either end of a path means nothing.
pub fn owner_of(path: &str, of_hub: &[String], user_known: bool) -> Owner {
    let name = path.trim_matches('/');
    if of_hub.iter().any(|known| known.trim_matches('/') == name) || SHARED_BY_DEFAULT.contains(&name) {
        return Owner::Hub;
    }
    let left_behind = name.strip_suffix(LEFT_BEHIND).is_some_and(|stem| !stem.is_empty());
    if left_behind || !user_known { Owner::Orphan } else { Owner::User }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_whole() {
        let own = ["course-data".to_owned()];
        for (path, user_known, expected) in [
            ("ada", true, Owner::User),
            ("sharedham", true, Owner::User),
            ("my_shared", true, Owner::User),
            ("Shared", true, Owner::User),
            ("old", true, Owner::User),
            ("ada - older", true, Owner::User),
            (" - old", true, Owner::User),
            ("_shared", false, Owner::Hub),
            ("shared", true, Owner::Hub),
            ("lost+found", false, Owner::Hub),
            ("course-data", false, Owner::Hub),
            ("/course-data/", false, Owner::Hub),
            ("course-data-2", false, Owner::Orphan),
            ("ada - old", true, Owner::Orphan),
            ("ghost", false, Owner::Orphan),
        ] {
            assert_eq!(owner_of(path, &own, user_known), expected, "{path:?}");
        }
    }
}
