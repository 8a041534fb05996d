//! Receipts of loaded bills, so that a file that is already in `charges` is not read again.
//!
//! A receipt names the groups that the file's lines are in, each with the position that the group
//! had then. If all of them still stand there, the rows are the file's, and nothing is to do. The
//! position decides, the receipt only says where to look: without it the file is read again.

use hubtally_schemas::paths;
use hubtally_store::{Store, StoreError, Table};
use serde::{Deserialize, Serialize};

use super::group::{Group, GroupKey};
use super::input::BillFile;
use super::report::BillFileReport;

/// Changes when a reader of bills changes what it makes of the same file.
const READER: u32 = 1;

/// A file and the groups that it is in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Receipt {
    reader: u32,
    pub(crate) report: BillFileReport,
    pub(crate) groups: Vec<Place>,
}

/// A group at a position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) importer: String,
    pub(crate) account: String,
    pub(crate) period: String,
    pub(crate) position: i64,
}

impl Place {
    pub(crate) fn of(key: &GroupKey, position: i64) -> Self {
        Self {
            importer: key.format.to_string(),
            account: key.account.clone(),
            period: key.period.to_string(),
            position,
        }
    }

    /// Whether it is the same account and month, whatever the importer.
    pub(crate) fn meets(&self, group: &Group) -> bool {
        self.account == group.key.account && self.period == group.key.period.to_string()
    }

    fn source(&self) -> String {
        format!("bill/{}/{}", self.account, self.period)
    }
}

/// The source of a group in the commit protocol: the account and month, without the importer, so that
/// two importers of one account and month move the same position and the log refuses the second.
pub(crate) fn source_of(key: &GroupKey) -> String {
    Place::of(key, 0).source()
}

/// The newest receipt of a file, if all its groups still stand where it says.
pub(crate) async fn current(
    store: &Store,
    charges: &Table,
    file: &BillFile,
) -> Result<Option<Receipt>, StoreError> {
    let Some(path) = store.list(&paths::bill_receipts(&file.digest())).await?.into_iter().next_back() else {
        return Ok(None);
    };
    let Some(bytes) = store.get(&path).await? else { return Ok(None) };
    let Ok(mut receipt) = serde_json::from_slice::<Receipt>(&bytes) else { return Ok(None) };
    if receipt.reader != READER {
        return Ok(None);
    }
    for place in &receipt.groups {
        if charges.position(&place.source()).await? != Some(place.position) {
            return Ok(None);
        }
    }
    receipt.report.path.clone_from(&file.name);
    receipt.report.unchanged = true;
    Ok(Some(receipt))
}

/// Writes a receipt behind the earlier ones.
pub(crate) async fn write(
    store: &Store,
    file: &BillFile,
    report: &BillFileReport,
    groups: Vec<Place>,
) -> Result<(), StoreError> {
    let digest = file.digest();
    let earlier = store.list(&paths::bill_receipts(&digest)).await?;
    let next = earlier.last().and_then(|path| paths::sequence_of(path)).unwrap_or(0) + 1;
    let receipt = Receipt { reader: READER, report: report.clone(), groups };
    let Ok(bytes) = serde_json::to_vec(&receipt) else { return Ok(()) };
    store.put_if_absent(&paths::bill_receipt(&digest, next), bytes.into()).await.map(drop)
}
