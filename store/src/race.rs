//! Whether a store really lets only one of several writers create an object: tried, not believed.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::{join_all, try_join_all};
use hubtally_schemas::Instant;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::error::StoreError;
use crate::mark::random_name;
use crate::objects::{PutOutcome, get, put_if_absent};
use crate::store::Store;

/// How a race for new objects ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Race {
    /// Objects that were raced for.
    pub keys: usize,
    /// Writers for each.
    pub writers: usize,
    /// Objects that were not created by exactly one of them, or that do not hold what their one creator wrote.
    pub lost: usize,
    /// The store's clock, as it dates a new object.
    pub stored_at: Option<Instant>,
}

impl Store {
    /// Lets some writers create the same new objects at the same time, and looks at what stands there. The
    /// objects are removed again.
    pub async fn race(&self, keys: usize, writers: usize) -> Result<Race, StoreError> {
        race(&self.object_store(), keys, writers).await
    }
}

pub(crate) async fn race(
    objects: &Arc<dyn ObjectStore>,
    keys: usize,
    writers: usize,
) -> Result<Race, StoreError> {
    let folder = format!("_probe/{}", random_name());
    let mut race = Race { keys, writers, lost: 0, stored_at: None };
    let ended = try_join_all((0..keys).map(|key| one_key(objects, format!("{folder}/{key}"), writers))).await;
    let first = Path::from(format!("{folder}/0"));
    if let Ok(meta) = objects.head(&first).await {
        race.stored_at = Some(Instant(meta.last_modified.timestamp_micros()));
    }
    // What is left over harms nobody: it lies apart, under a name that nobody takes again.
    join_all((0..keys).map(|key| {
        let path = Path::from(format!("{folder}/{key}"));
        async move { objects.delete(&path).await }
    }))
    .await;
    race.lost = ended?.into_iter().filter(|fair| !fair).count();
    Ok(race)
}

/// Whether one writer won, and its bytes stand there.
async fn one_key(objects: &Arc<dyn ObjectStore>, path: String, writers: usize) -> Result<bool, StoreError> {
    let bytes = |writer: usize| Bytes::from(format!("writer {writer}"));
    let puts = (0..writers).map(|writer| put_if_absent(objects, &path, bytes(writer)));
    let outcomes = try_join_all(puts).await?;
    // A writer whose reply was lost finds its own bytes there: it is the one that won.
    let won = |outcome: &PutOutcome| {
        matches!(outcome, PutOutcome::Created | PutOutcome::AlreadyThere { same_bytes: true })
    };
    let winners: Vec<usize> = (0..writers).filter(|writer| outcomes.get(*writer).is_some_and(won)).collect();
    let stands = get(objects, &path).await?;
    Ok(matches!(winners.as_slice(), [winner] if stands == Some(bytes(*winner))))
}
