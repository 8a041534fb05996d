//! People that the store knows already: they need no second row, and their names answer slugs.

use arrow::array::{Array, AsArray, RecordBatch};
use futures::StreamExt;
use hubtally_schemas::tables::USERS;
use hubtally_schemas::{ClusterId, Namespace, UserId};
use hubtally_store::{Store, StoreError};

use super::sink::Acquaintances;
use crate::error::IngestError;

/// Reads the people of a cluster. Whose hub's key is gone stays without a name.
pub(super) async fn known(store: &Store, cluster: &ClusterId) -> Result<Acquaintances, IngestError> {
    let failed = |source: StoreError| IngestError::Store {
        doing: format!("reading who is known on {cluster}"),
        source: Box::new(source),
    };
    let columns = ["cluster", "namespace", "user_id", "name_encrypted"];
    let table = store.table(&USERS).await.map_err(failed)?;
    let mut batches = table.read(&[], Some(&columns)).await.map_err(failed)?;
    let mut people = Acquaintances::default();
    while let Some(batch) = batches.next().await {
        take_in(store, cluster, &batch.map_err(failed)?, &mut people);
    }
    Ok(people)
}

fn take_in(store: &Store, cluster: &ClusterId, batch: &RecordBatch, people: &mut Acquaintances) {
    let text = |index: usize| batch.column(index).as_string_opt::<i32>();
    let (Some(clusters), Some(namespaces), Some(ids), Some(names)) = (text(0), text(1), text(2), text(3))
    else {
        return;
    };
    for row in 0..batch.num_rows() {
        if clusters.is_null(row) || clusters.value(row) != cluster.as_str() {
            continue;
        }
        let (Ok(namespace), Ok(id)) = (Namespace::new(namespaces.value(row)), UserId::new(ids.value(row)))
        else {
            continue;
        };
        let name = store.keys().decrypt_name(cluster, &namespace, names.value(row));
        people.stored(namespace.as_str(), id, name.as_deref());
    }
}
