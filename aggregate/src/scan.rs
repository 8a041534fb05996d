//! A Delta snapshot's file list as an ordinary Parquet scan.
//!
//! deltalake's own scan cannot cross to other machines' plans; a plain Parquet scan can. It is exact
//! because our tables use neither deletion vectors nor column mapping.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{ScalarValue, Statistics, stats::Precision};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_expr::expressions::Column as ColumnExpr;
use datafusion::physical_plan::ExecutionPlan;
use hubtally_schemas::tables::{ColumnType, TableSpec};
use hubtally_store::DataFile;

/// The object store URL under which [`crate::session`] registers the store.
pub const STORE_URL: &str = "hubtally://store";

/// The files of one table at one version.
#[derive(Debug)]
pub struct DeltaScan {
    spec: &'static TableSpec,
    files: Vec<DataFile>,
    schema: TableSchema,
    full_schema: SchemaRef,
    ordered: bool,
}

impl DeltaScan {
    /// A scan of these files, which all belong to `spec`'s table.
    ///
    /// `ordered` declares the table's sort order: only for files that a seal wrote.
    pub fn new(spec: &'static TableSpec, files: Vec<DataFile>, ordered: bool) -> Self {
        let partition = spec
            .partition
            .iter()
            .filter_map(|name| spec.column(name))
            .map(|column| Arc::new(Field::new(column.name, column.kind.arrow(), false)))
            .collect::<Vec<_>>();
        let file_schema = nullable(&spec.file_schema());
        let schema = TableSchema::builder(file_schema).with_table_partition_cols(partition).build();
        let full_schema = Arc::clone(schema.table_schema());
        Self { spec, files, schema, full_schema, ordered }
    }

    fn ordering(&self) -> Option<LexOrdering> {
        if !self.ordered {
            return None;
        }
        let file_schema = self.schema.file_schema();
        let by = self.spec.order.iter().filter_map(|name| {
            let at = file_schema.index_of(name).ok()?;
            Some(PhysicalSortExpr {
                expr: Arc::new(ColumnExpr::new(name, at)),
                options: arrow::compute::SortOptions { descending: false, nulls_first: true },
            })
        });
        LexOrdering::new(by.collect::<Vec<_>>())
    }
}

/// Older files may lack columns that were added since, so every file column may be NULL in a scan.
fn nullable(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(
        schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect::<Vec<_>>(),
    ))
}

#[async_trait]
impl TableProvider for DeltaScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.full_schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = state.config().target_partitions().max(1);
        // One file is one group where order matters; else files are dealt out by size.
        let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new(); partitions.min(self.files.len()).max(1)];
        let mut rows = 0_usize;
        for (n, file) in self.files.iter().enumerate() {
            rows += usize::try_from(file.rows).unwrap_or(0);
            let at = n % groups.len();
            groups[at].push(partitioned_file(self.spec, file)?);
        }
        let ordering = self.ordering().filter(|_| groups.iter().all(|group| group.len() <= 1));
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let url = ObjectStoreUrl::parse(STORE_URL)?;
        let mut statistics = Statistics::new_unknown(&self.full_schema);
        statistics.num_rows = Precision::Exact(rows);
        let config = FileScanConfigBuilder::new(url, source)
            .with_file_groups(groups.into_iter().map(FileGroup::new).collect())
            .with_statistics(statistics)
            .with_limit(limit)
            .with_output_ordering(ordering.into_iter().collect())
            .with_projection_indices(projection.cloned())?
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

fn partitioned_file(spec: &TableSpec, file: &DataFile) -> Result<PartitionedFile> {
    let values = spec
        .partition
        .iter()
        .map(|name| partition_value(spec, name, file.partition.get(*name)))
        .collect::<Result<Vec<_>>>()?;
    Ok(PartitionedFile::new(file.path.clone(), file.size).with_partition_values(values))
}

fn partition_value(spec: &TableSpec, name: &str, text: Option<&String>) -> Result<ScalarValue> {
    let kind = spec.column(name).map_or(ColumnType::Text, |column| column.kind);
    match text {
        None => ScalarValue::try_from(&kind.arrow()),
        Some(text) => ScalarValue::try_from_string(text.clone(), &kind.arrow())
            .map_err(|error| DataFusionError::Context(format!("partition {name}={text}"), Box::new(error))),
    }
}
