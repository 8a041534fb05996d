//! All positions of a table, read once and carried along with its version.
//!
//! deltalake's conflict check sees only the commits after the version that a commit is built on. So a
//! position must be as new as that version: whenever the version moves over commits of others, their
//! log entries are read here before anything is decided on it.

use std::collections::HashMap;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;
use deltalake::logstore::LogStoreRef;
use futures::{StreamExt as _, TryStreamExt as _};
use hubtally_schemas::tables::TableSpec;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;

use crate::error::StoreError;

/// Log entries that are read at the same time.
const READ_AHEAD: usize = 16;

/// The positions of every source at one version.
#[derive(Debug, Clone)]
pub(crate) struct Positions {
    spec: &'static TableSpec,
    version: u64,
    by_source: HashMap<String, i64>,
}

#[derive(Deserialize)]
struct Line {
    txn: Option<Txn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: i64,
}

impl Positions {
    /// Reads the positions at a version: from the newest checkpoint up to it, and the entries after.
    pub(crate) async fn load(
        spec: &'static TableSpec,
        log: &LogStoreRef,
        version: u64,
    ) -> Result<Self, StoreError> {
        let mut positions = Self { spec, version: 0, by_source: HashMap::new() };
        let next = match positions.newest_checkpoint(log, version).await? {
            Some((at, parts)) => {
                for part in parts {
                    positions.read_checkpoint(log, &part).await?;
                }
                at + 1
            }
            None => 0,
        };
        positions.read_entries(log, next, version).await?;
        Ok(positions)
    }

    pub(crate) fn get(&self, source: &str) -> Option<i64> {
        self.by_source.get(source).copied()
    }

    /// Goes on to a later version, reading what was committed in between.
    pub(crate) async fn advance(&mut self, log: &LogStoreRef, version: u64) -> Result<(), StoreError> {
        self.read_entries(log, self.version + 1, version).await
    }

    /// Notes our own commit, which made `version`. What others committed in between is read.
    pub(crate) async fn committed(
        &mut self,
        log: &LogStoreRef,
        version: u64,
        moved: &[(String, i64)],
    ) -> Result<(), StoreError> {
        self.read_entries(log, self.version + 1, version.saturating_sub(1)).await?;
        for (source, position) in moved {
            self.by_source.insert(source.clone(), *position);
        }
        self.version = version;
        Ok(())
    }

    async fn read_entries(&mut self, log: &LogStoreRef, from: u64, to: u64) -> Result<(), StoreError> {
        let table = self.spec.name;
        let failed = |source| StoreError::OpenTable { table, source: Box::new(source) };
        let mut entries = futures::stream::iter(from..=to)
            .map(|version| async move { (version, log.read_commit_entry(version).await) })
            .buffered(READ_AHEAD);
        while let Some((version, entry)) = entries.next().await {
            let missing = || StoreError::Log { table, why: format!("entry {version} is missing") };
            let bytes = entry.map_err(failed)?.ok_or_else(missing)?;
            for txn in transactions(&bytes).map_err(|why| StoreError::Log { table, why })? {
                self.by_source.insert(txn.app_id, txn.version);
            }
        }
        self.version = self.version.max(to);
        Ok(())
    }

    /// The newest complete checkpoint up to a version, with its parts.
    async fn newest_checkpoint(
        &self,
        log: &LogStoreRef,
        version: u64,
    ) -> Result<Option<(u64, Vec<Path>)>, StoreError> {
        let folder = Path::from("_delta_log");
        let objects = log.object_store(None);
        let listing: Vec<_> = objects
            .list(Some(&folder))
            .try_collect()
            .await
            .map_err(|source| StoreError::List { path: format!("{}/_delta_log", self.spec.name), source })?;
        let mut complete: HashMap<(u64, usize), Vec<Path>> = HashMap::new();
        for meta in listing {
            if let Some((at, parts)) = meta.location.filename().and_then(checkpoint_name)
                && at <= version
            {
                complete.entry((at, parts)).or_default().push(meta.location);
            }
        }
        complete.retain(|(_, parts), paths| paths.len() == *parts);
        Ok(complete.into_iter().max_by_key(|((at, _), _)| *at).map(|((at, _), paths)| (at, paths)))
    }

    async fn read_checkpoint(&mut self, log: &LogStoreRef, path: &Path) -> Result<(), StoreError> {
        let failed = |source| StoreError::Get { path: path.to_string(), source };
        let bytes = log.object_store(None).get(path).await.map_err(failed)?.bytes().await.map_err(failed)?;
        let unreadable = |source| StoreError::ReadFile { path: path.to_string(), source };
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).map_err(unreadable)?;
        let wanted = ["txn.appId", "txn.version"];
        let mask = ProjectionMask::columns(builder.parquet_schema(), wanted);
        let reader = builder.with_projection(mask).build().map_err(unreadable)?;
        for batch in reader {
            let batch = batch.map_err(StoreError::arrow(self.spec.name, "reading a checkpoint"))?;
            let Some(txn) = batch.column_by_name("txn").and_then(|array| array.as_struct_opt()) else {
                continue;
            };
            let ids = txn.column_by_name("appId").and_then(|array| array.as_string_opt::<i32>());
            let versions =
                txn.column_by_name("version").and_then(|array| array.as_primitive_opt::<Int64Type>());
            let (Some(ids), Some(versions)) = (ids, versions) else {
                let why = format!("checkpoint {path} keeps its positions in another way");
                return Err(StoreError::Log { table: self.spec.name, why });
            };
            for row in (0..txn.len()).filter(|row| txn.is_valid(*row) && ids.is_valid(*row)) {
                self.by_source.insert(ids.value(row).to_owned(), versions.value(row));
            }
        }
        Ok(())
    }
}

/// Version and number of parts from `<version>.checkpoint.parquet` or
/// `<version>.checkpoint.<part>.<parts>.parquet`.
pub(crate) fn checkpoint_name(name: &str) -> Option<(u64, usize)> {
    let (version, rest) = name.strip_suffix(".parquet")?.split_once(".checkpoint")?;
    let parts = match rest {
        "" => 1,
        rest => rest.strip_prefix('.')?.split_once('.')?.1.parse().ok()?,
    };
    Some((version.parse().ok()?, parts))
}

fn transactions(entry: &[u8]) -> Result<Vec<Txn>, String> {
    let text = std::str::from_utf8(entry).map_err(|e| e.to_string())?;
    let mut found = Vec::new();
    for line in text.lines().filter(|line| line.contains("\"txn\"")) {
        let line: Line = serde_json::from_str(line).map_err(|e| e.to_string())?;
        found.extend(line.txn);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_told_from_other_names() {
        assert_eq!(checkpoint_name("00000000000000000099.checkpoint.parquet"), Some((99, 1)));
        assert_eq!(
            checkpoint_name("00000000000000000099.checkpoint.0000000001.0000000003.parquet"),
            Some((99, 3))
        );
        assert_eq!(checkpoint_name("00000000000000000099.json"), None);
        assert_eq!(checkpoint_name("_last_checkpoint"), None);
    }

    #[test]
    fn positions_stand_in_a_line_of_their_own() {
        let entry =
            b"{\"commitInfo\":{\"x\":\"\\\"txn\\\"\"}}\n{\"txn\":{\"appId\":\"file/a\",\"version\":7}}\n";
        let found = transactions(entry).unwrap();
        assert_eq!((found.len(), found[0].app_id.as_str(), found[0].version), (1, "file/a", 7));
    }
}
