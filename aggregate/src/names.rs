//! `users` with the names behind its ids, for whoever has the hubs' keys at hand.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::cast::as_string_array;
use datafusion::datasource::TableProvider;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Volatility, col, create_udf};
use datafusion::prelude::SessionContext;
use hubtally_schemas::{ClusterId, Namespace};
use hubtally_store::Keys;

/// The column that a query may ask for beside those that are stored.
pub const NAME: &str = "name";

/// From cluster, namespace and the encrypted name to the name, if the hub's key is there.
pub type Decrypt = Arc<dyn Fn(&str, &str, &str) -> Option<String> + Send + Sync>;

/// Decrypts with the keys of a store; NULL where a hub's key is missing or was destroyed.
pub fn decrypt_with(keys: &Keys) -> Decrypt {
    let keys = keys.clone();
    Arc::new(move |cluster, namespace, encrypted| {
        let (cluster, namespace) = (ClusterId::new(cluster).ok()?, Namespace::new(namespace).ok()?);
        keys.decrypt_name(&cluster, &namespace, encrypted)
    })
}

/// The table with the column [`NAME`]. A query that does not ask for it decrypts nothing: the optimizer
/// leaves out what nobody reads.
pub fn with_names(
    context: &SessionContext,
    users: Arc<dyn TableProvider>,
    decrypt: Decrypt,
) -> Result<Arc<dyn TableProvider>> {
    let decrypt_columns = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let text = |at: usize| as_string_array(&arrays[at]);
        let (clusters, namespaces, encrypted) = (text(0)?, text(1)?, text(2)?);
        let name = |row: usize| {
            let known = clusters.is_valid(row) && namespaces.is_valid(row) && encrypted.is_valid(row);
            known.then(|| decrypt(clusters.value(row), namespaces.value(row), encrypted.value(row))).flatten()
        };
        let names: ArrayRef = Arc::new((0..clusters.len()).map(name).collect::<StringArray>());
        Ok(ColumnarValue::Array(names))
    };
    let arguments = ["cluster", "namespace", "name_encrypted"];
    let name_of = create_udf(
        "name_of_user",
        vec![DataType::Utf8; arguments.len()],
        DataType::Utf8,
        Volatility::Stable,
        Arc::new(decrypt_columns),
    );
    let users = context.read_table(users)?.with_column(NAME, name_of.call(arguments.map(col).into()))?;
    Ok(users.into_view())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::record_batch::RecordBatch;
    use datafusion::datasource::MemTable;
    use hubtally_schemas::tables::USERS;
    use serde_json::json;

    use super::*;
    use crate::tests::rows::batch;

    async fn ask(query: &str) -> (Vec<RecordBatch>, usize) {
        let context = SessionContext::new();
        let user = |id: &str| json!({"cluster": "tides", "namespace": "prod", "user_id": id, "name_encrypted": id, "source": "s"});
        let rows = batch(&USERS, &[user("a"), user("b"), user("gone")]);
        let table = MemTable::try_new(USERS.arrow_schema(), vec![vec![rows]]).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = asked.clone();
        let decrypt: Decrypt = Arc::new(move |cluster, _, encrypted| {
            counter.fetch_add(1, Ordering::SeqCst);
            (encrypted != "gone").then(|| format!("{encrypted} of {cluster}"))
        });
        let users = with_names(&context, Arc::new(table), decrypt).unwrap();
        context.register_table("users", users).unwrap();
        let rows = context.sql(query).await.unwrap().collect().await.unwrap();
        (rows, asked.load(Ordering::SeqCst))
    }

    #[tokio::test]
    async fn names_are_shown_where_the_key_is_there() {
        let (rows, asked) = ask("SELECT name FROM users ORDER BY user_id").await;
        let names: Vec<_> = as_string_array(rows[0].column(0)).unwrap().iter().collect();
        assert_eq!(names, [Some("a of tides"), Some("b of tides"), None]);
        assert_eq!(asked, 3);
        let (rows, _) = ask("SELECT user_id FROM users WHERE name LIKE 'b%'").await;
        assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
        let (rows, _) = ask("SELECT * FROM users LIMIT 1").await;
        assert_eq!(rows[0].num_columns(), USERS.columns.len() + 1);
    }

    #[tokio::test]
    async fn nothing_is_decrypted_that_nobody_asks_for() {
        for query in [
            "SELECT count(*) FROM users",
            "SELECT user_id, name_encrypted FROM users WHERE cluster = 'tides'",
            "SELECT namespace, count(DISTINCT user_id) FROM users GROUP BY namespace",
            "SELECT a.user_id FROM users a JOIN users b USING (cluster, namespace, user_id)",
        ] {
            assert_eq!(ask(query).await.1, 0, "{query}");
        }
    }
}
