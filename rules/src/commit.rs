//! What one worker may commit, decided from a table's position of its source (law L2).
//!
//! A batch `[from, to)` holds the records from+1 to `to` of one source. A table remembers how many it has
//! taken. The worker reads that position, asks here, and obeys; the commit that makes rows visible is
//! the commit that moves the position, so whoever reads the position knows what is in.

/// What to do with a batch at one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Commit the rows whose source position is above `drop_below`, and move the position to the
    /// batch's `to`.
    Commit {
        /// Rows at or below it are in already.
        drop_below: i64,
    },
    /// The table has taken the whole batch: go on to the next table.
    AlreadyDone,
    /// Another worker owns the source, or records before this batch are missing: drop the buffer and
    /// start again from the table's position.
    Rival,
}

/// Decides before a commit. A table that never took from the source stands at 0, and may be told so: the
/// empty batch from 0 to 0 notes that the source begins there.
pub fn decide(position: Option<i64>, from: i64, to: i64) -> Decision {
    let begins = position.is_none() && from == 0;
    let position = position.unwrap_or(0);
    if position >= to && !begins {
        Decision::AlreadyDone
    } else if position >= from {
        Decision::Commit { drop_below: position }
    } else {
        Decision::Rival
    }
}

/// Decides after a conflict or a lost reply, from the position as it stands now.
///
/// Where it reaches `to`, our own commit (or the same one by another worker) is in. Anything else is a
/// rival: trying again on a newer snapshot could write rows that the rival has written.
pub fn after_conflict(position: Option<i64>, to: i64) -> Decision {
    if position.unwrap_or(0) >= to { Decision::AlreadyDone } else { Decision::Rival }
}

#[cfg(test)]
mod tests;
