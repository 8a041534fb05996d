//! Batches of partitions on their way into the store, beside the reading of the next ones.

use std::time::Duration;

use hubtally_store::{CommitOutcome, OpenTables, SourceBatch, StoreError};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::IngestError;
use crate::events::{Counts, Decoded};

/// How often a failing store is tried by a run that shall end.
const TRIES: u32 = 4;
/// The longest wait between two tries.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// A batch of one partition.
pub(super) struct Part {
    pub partition: i32,
    pub source: String,
    pub decoded: Decoded,
}

/// What became of it.
pub(super) struct Settled {
    pub partition: i32,
    pub source: String,
    pub counts: Counts,
    /// Where it began and ended.
    pub from: i64,
    pub to: i64,
    pub outcome: CommitOutcome,
    /// Where the store stands now.
    pub position: i64,
}

/// A commit that goes on.
pub(super) struct InFlight {
    parts: Vec<Settled>,
    task: JoinHandle<Result<Vec<(CommitOutcome, i64)>, StoreError>>,
    pub bytes: usize,
}

impl InFlight {
    /// Starts the commit of all parts together.
    pub fn start(
        handle: &Handle,
        tables: &OpenTables,
        parts: Vec<Part>,
        tries: Option<u32>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let (mut settled, mut batches, mut bytes) = (Vec::new(), Vec::new(), 0);
        for Part { partition, source, decoded } in parts {
            let Decoded { from, to, rows, counts, bytes: more } = decoded;
            bytes += more;
            batches.push((source.clone(), SourceBatch { from, to, rows }));
            let (outcome, position) = (CommitOutcome::Rival, from);
            settled.push(Settled { partition, source, counts, from, to, outcome, position });
        }
        let task = handle.spawn(commit(tables.clone(), batches, tries, stop));
        Self { parts: settled, task, bytes }
    }

    pub fn is_done(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for its end.
    pub fn end(self, handle: &Handle) -> Result<Vec<Settled>, IngestError> {
        let Self { mut parts, task, .. } = self;
        let ended = handle.block_on(task).map_err(|_| IngestError::Worker { doing: "commits a batch" })?;
        let outcomes = ended.map_err(|source| {
            let parts: Vec<String> = parts
                .iter()
                .map(|part| format!("{} {} to {}", part.source, part.from, part.to - 1))
                .collect();
            IngestError::Store {
                doing: format!("committing the offsets of {}", parts.join(", ")),
                source: Box::new(source),
            }
        })?;
        for (part, (outcome, position)) in parts.iter_mut().zip(outcomes) {
            (part.outcome, part.position) = (outcome, position);
        }
        Ok(parts)
    }
}

/// The tries of a run that shall end, or of one that shall not.
pub(super) fn tries(until_caught_up: bool) -> Option<u32> {
    until_caught_up.then_some(TRIES)
}

/// Commits, and tries again where the store fails: the same batches may be given again (law L2).
async fn commit(
    tables: OpenTables,
    batches: Vec<(String, SourceBatch)>,
    tries: Option<u32>,
    mut stop: watch::Receiver<bool>,
) -> Result<Vec<(CommitOutcome, i64)>, StoreError> {
    let mut tried = 0;
    loop {
        tried += 1;
        let error = match try_commit(&tables, &batches).await {
            Ok(outcomes) => return Ok(outcomes),
            Err(error) => error,
        };
        let mistake = matches!(error, StoreError::Rows { .. });
        if mistake || tries.is_some_and(|tries| tried >= tries) || (*stop.borrow() && tried >= TRIES) {
            return Err(error);
        }
        let pause = Duration::from_secs(1 << tried.min(6)).min(LONGEST_PAUSE);
        tracing::warn!(tried, pause_seconds = pause.as_secs(), "the store failed, trying again: {error}");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            Ok(()) = stop.changed() => {}
        }
    }
}

async fn try_commit(
    tables: &OpenTables,
    batches: &[(String, SourceBatch)],
) -> Result<Vec<(CommitOutcome, i64)>, StoreError> {
    let outcomes = tables.commit(batches.to_vec()).await?;
    let mut settled = Vec::with_capacity(batches.len());
    for ((source, _), outcome) in batches.iter().zip(outcomes) {
        settled.push((outcome, tables.position(source).await?));
    }
    Ok(settled)
}
