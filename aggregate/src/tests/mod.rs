//! Whole small months, from rows to ledger.

mod laws;
mod month;
pub mod rows;

use futures::StreamExt as _;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::Period;
use hubtally_schemas::policy::{ComputePolicy, CostBasis, GapFill, IdleRule, Policy, SharedRule, UserNames};
use hubtally_schemas::registry::{PeriodBasis, Registry};
use hubtally_schemas::tables::{CHARGES, LEDGER, TableSpec};
use hubtally_store::{GroupChange, GroupRows, SealLimits, SourceBatch, SourceWriter, Store, StoreConfig};
use serde_json::Value;

use crate::{AggregateError, Allocated, Limits, allocate};
use rows::{batch, read_all};

/// A store in a temporary folder, with a registry and a policy.
pub struct House {
    pub folder: tempfile::TempDir,
    pub store: Store,
    pub registry: RegistryView,
    pub policy: Policy,
}

pub fn policy() -> Policy {
    Policy {
        id: "test-1".into(),
        period_basis: PeriodBasis::InvoiceMonth,
        cost_basis: CostBasis::Billed,
        compute: ComputePolicy::AwsScad,
        idle: IdleRule::Separate,
        shared: SharedRule::Equal,
        fixed_ppm: std::collections::BTreeMap::new(),
        user_names: UserNames::Hidden,
        gap_fill: GapFill::None,
    }
}

pub fn june() -> Period {
    "2026-06".parse().unwrap()
}

impl House {
    pub async fn new(registry: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig {
            url: folder.path().join("store").to_string_lossy().into_owned(),
            options: std::collections::BTreeMap::new(),
            keys: folder.path().join("keys"),
        };
        let store = Store::create(&config).await.unwrap();
        let registry: Registry = serde_json::from_value(registry).unwrap();
        let registry = RegistryView::new(registry).unwrap_or_else(|problems| panic!("{problems:?}"));
        Self { folder, store, registry, policy: policy() }
    }

    /// Commits rows of one fed table as one source and seals the dates.
    pub async fn feed(&self, spec: &'static TableSpec, source: &str, rows: &[Value]) {
        let mut writer = SourceWriter::open(&self.store, source).await.unwrap();
        let to = i64::try_from(rows.len()).unwrap();
        let mut all = std::collections::BTreeMap::new();
        all.insert(spec.name, vec![batch(spec, rows)]);
        writer.commit(SourceBatch { from: 0, to, rows: all }).await.unwrap();
    }

    pub async fn seal(&self, spec: &'static TableSpec) {
        let limits = SealLimits::default();
        for date in hubtally_store::unsealed_dates(&self.store, spec).await.unwrap() {
            hubtally_store::seal(&self.store, spec, date, &limits).await.unwrap();
        }
    }

    pub async fn charges(&self, rows: &[Value]) {
        let mut table = self.store.table(&CHARGES).await.unwrap();
        let change = GroupChange {
            group: "test",
            partition: &[("billing_period", "2026-06")],
            source: "bill/test",
            from: None,
            to: 1,
            metadata: std::collections::BTreeMap::new(),
            file_bytes: 1 << 20,
        };
        let rows = vec![Ok(GroupRows::Plain(vec![batch(&CHARGES, rows)]))];
        table.replace_group(&change, futures::stream::iter(rows).boxed()).await.unwrap();
    }

    pub async fn allocate(&self) -> Result<Allocated, AggregateError> {
        let limits = Limits { spill_folder: self.folder.path().to_path_buf(), ..Limits::default() };
        allocate(&self.store, &self.registry, &self.policy, june(), &limits, &|_| {}).await
    }

    /// The ledger as JSON rows, sorted.
    pub async fn ledger(&self) -> Vec<Value> {
        let mut rows = read_all(&self.store, &LEDGER).await;
        rows.sort_by_key(ToString::to_string);
        rows
    }

    /// Sum of the ledger where every given column has its value, 10⁻¹² units.
    pub async fn sum(&self, wanted: &[(&str, &str)]) -> i128 {
        self.ledger()
            .await
            .iter()
            .filter(|row| wanted.iter().all(|(column, value)| row[*column].as_str().unwrap_or("") == *value))
            .map(|row| hubtally_schemas::money::parse_pico(row["amount"].as_str().unwrap()).unwrap().pico)
            .sum()
    }
}
