//! The month: load, day by day, pools, certificates.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use futures::StreamExt;
use hubtally_rules::registry_view::RegistryView;
use hubtally_schemas::policy::{CostBasis, Policy};
use hubtally_schemas::tables::{
    CHARGES, COMPLETENESS, CONSERVATION, COVERAGE, LEDGER, NODE_USAGE, POD_USAGE, STORAGE_USAGE, TableSpec,
    USAGE_HOURLY,
};
use hubtally_schemas::units::{HOUR_US, US_PER_MS};
use hubtally_schemas::{Instant, Period, canonical};
use hubtally_store::{Store, StoreError, Table};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::certificates::{Conservation, HourFacts, RowContext, completeness};
use crate::charge::{Charge, Charges};
use crate::coverage::{Coverage, live_hours};
use crate::day::{Day, DayTables};
use crate::error::AggregateError;
use crate::ledger::LedgerBuilder;
use crate::pieces::{Piece, clip, days};
use crate::place::Places;
use crate::pools::{MonthTotals, resolve};
use crate::posting::Postings;
use crate::session::Limits;
use crate::split::{DaySplit, Deferred, Job};
use crate::symbols::Symbols;
use crate::usage_hourly::compute_days;

/// What an allocation did.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Allocated {
    /// Charges of the period.
    pub charges: u64,
    /// Postings written, over all bases.
    pub postings: u64,
    /// Charges that no rule gives a payer.
    pub without_payer: Vec<String>,
    /// SHA-256 over table versions, registry and policy.
    pub inputs_digest: String,
    /// Table versions that were read.
    pub table_versions: BTreeMap<String, i64>,
}

/// Opened tables that an allocation reads and writes.
struct Tables {
    charges: Table,
    pods: Table,
    nodes: Table,
    storage: Table,
    coverage: Table,
    hourly: Table,
}

/// Allocates a month: writes `usage_hourly`, `ledger`, `conservation` and `completeness`.
///
/// Usage must be sealed. The whole ledger partition is replaced in one commit, after every charge was
/// checked against its postings (law L1); if one differs, nothing is published.
pub async fn allocate(
    store: &Store,
    registry: &RegistryView,
    policy: &Policy,
    period: Period,
    limits: &Limits,
    progress: &dyn Fn(&str),
) -> Result<Allocated, AggregateError> {
    let mut tables = Tables::open(store).await?;
    let mut symbols = Symbols::default();
    let places = Places::new(registry, &mut symbols);
    progress("reading charges");
    let charges = Charges::load(&tables.charges, registry, policy, period, &mut symbols).await?;
    let all_days = days_of(&charges, period);

    progress("pod-hours");
    compute_days(store, limits, &tables.pods, &mut tables.hourly, &all_days, progress).await?;
    let versions = tables.versions();
    let inputs_digest = digest(&versions, registry, policy);
    let coverage = Coverage::load(&tables.coverage, &all_days, &mut symbols).await?;

    let mut out = Allocated {
        charges: charges.list.len() as u64,
        inputs_digest: inputs_digest.clone(),
        table_versions: versions,
        ..Allocated::default()
    };
    let bases: &[CostBasis] = match policy.cost_basis {
        CostBasis::Billed => &[CostBasis::Billed],
        CostBasis::Effective => &[CostBasis::Billed, CostBasis::Effective],
    };
    let mut month = Month {
        policy,
        places: &places,
        charges: &charges,
        coverage: &coverage,
        period,
        all_days: &all_days,
        tables: &tables,
        facts: BTreeMap::new(),
    };
    let mut certificates = Vec::new();
    let (sender, receiver) = mpsc::channel(4);
    let write = write_ledger(store, period, receiver);
    let split = async {
        let mut postings = 0_u64;
        let mut without_payer = BTreeSet::new();
        for basis in bases {
            let mut ledger = LedgerBuilder::new(period, &policy.id, basis.code());
            let mut sink = Sink {
                ledger: &mut ledger,
                sender: &sender,
                postings: 0,
                conservation: Conservation::default(),
            };
            month.run(*basis, &mut symbols, &mut sink, progress).await?;
            let rest = sink.ledger.finish()?;
            sink.send(rest).await?;
            postings += sink.postings;
            let mut conservation = sink.conservation;
            if let Some(first) = conservation.first_violation.take() {
                return Err(AggregateError::OutOfBalance { charges: conservation.violating(), first });
            }
            if *basis == CostBasis::Billed {
                conservation.text_differences(&charges, &symbols);
            }
            without_payer.append(&mut conservation.without_payer.clone());
            let context = RowContext {
                period,
                basis: basis.code(),
                policy_id: &policy.id,
                inputs_digest: &inputs_digest,
            };
            certificates.push(conservation.rows(&context, &symbols)?);
        }
        // An explicit end: a writer that only sees the channel close would publish half a ledger.
        sender.send(Message::End).await.map_err(|_| AggregateError::Worker)?;
        drop(sender);
        Ok((postings, without_payer))
    };
    progress("splitting charges");
    let (written, split) = tokio::join!(write, split);
    let (postings, without_payer) = split?;
    written?;
    out.postings = postings;
    out.without_payer = without_payer.into_iter().collect();

    let month_name = period.to_string();
    let partition = [("period", month_name.as_str())];
    month.cover(registry, &symbols);
    replace(store, &CONSERVATION, &partition, certificates).await?;
    replace(store, &COMPLETENESS, &partition, vec![completeness(&month.facts, period)?]).await?;
    Ok(out)
}

impl Tables {
    async fn open(store: &Store) -> Result<Self, AggregateError> {
        let open = |spec: &'static TableSpec| async move {
            store.table(spec).await.map_err(|source| AggregateError::Table {
                table: spec.name,
                operation: "read",
                source: Box::new(source),
            })
        };
        Ok(Self {
            charges: open(&CHARGES).await?,
            pods: open(&POD_USAGE).await?,
            nodes: open(&NODE_USAGE).await?,
            storage: open(&STORAGE_USAGE).await?,
            coverage: open(&COVERAGE).await?,
            hourly: open(&USAGE_HOURLY).await?,
        })
    }

    /// Versions of what the month rests on; derived tables follow from them.
    fn versions(&self) -> BTreeMap<String, i64> {
        [&self.charges, &self.pods, &self.nodes, &self.storage, &self.coverage]
            .into_iter()
            .map(|table| (table.spec().name.to_owned(), table.version()))
            .collect()
    }
}

fn digest(versions: &BTreeMap<String, i64>, registry: &RegistryView, policy: &Policy) -> String {
    let inputs = serde_json::json!({
        "tables": versions,
        "registry": registry.registry(),
        "policy": policy,
    });
    canonical::to_vec(&inputs).map(|bytes| canonical::sha256_hex(&bytes)).unwrap_or_default()
}

/// Every UTC day that a charge of the period speaks of, and every day of the period.
fn days_of(charges: &Charges, period: Period) -> Vec<NaiveDate> {
    let mut all: BTreeSet<NaiveDate> = period.days().collect();
    for charge in &charges.list {
        let span = clip(charge.span, period);
        let last = Instant(span.end.0 - 1).date();
        let mut day = span.start.date();
        while day <= last {
            if !all.insert(day)
                && period.span().contains(span.start)
                && period.span().contains(Instant(span.end.0 - 1))
            {
                break;
            }
            let Some(next) = day.succ_opt() else { break };
            day = next;
        }
    }
    all.into_iter().collect()
}

/// One basis of one month.
struct Month<'a> {
    policy: &'a Policy,
    places: &'a Places<'a>,
    charges: &'a Charges,
    coverage: &'a Coverage,
    period: Period,
    all_days: &'a [NaiveDate],
    tables: &'a Tables,
    facts: BTreeMap<(String, Instant), HourFacts>,
}

/// Where finished postings go.
struct Sink<'a> {
    ledger: &'a mut LedgerBuilder,
    sender: &'a mpsc::Sender<Message>,
    postings: u64,
    conservation: Conservation,
}

enum Message {
    Rows(arrow::array::RecordBatch),
    End,
}

impl Sink<'_> {
    async fn send(&self, batch: arrow::array::RecordBatch) -> Result<(), AggregateError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.sender.send(Message::Rows(batch)).await.map_err(|_| AggregateError::Worker)
    }
}

impl Month<'_> {
    async fn run(
        &mut self,
        basis: CostBasis,
        symbols: &mut Symbols,
        sink: &mut Sink<'_>,
        progress: &dyn Fn(&str),
    ) -> Result<(), AggregateError> {
        let mut by_day = self.pieces_by_day(basis)?;
        let mut open: HashMap<u32, (Postings, usize)> = HashMap::new();
        let mut deferred: Vec<Deferred> = Vec::new();
        let mut totals = MonthTotals::default();
        let tables = DayTables {
            hourly: &self.tables.hourly,
            nodes: &self.tables.nodes,
            storage: &self.tables.storage,
        };
        for date in self.all_days {
            progress(&format!("{} cost of {date}", basis.code()));
            let day = Day::load(&tables, *date, symbols).await?;
            let mut split = DaySplit::new(self.policy, self.places, symbols, &day, self.coverage);
            let mut batches = Vec::new();
            for (number, piece, pieces) in by_day.remove(date).unwrap_or_default() {
                let charge = &self.charges.list[number as usize];
                let line = self.charges.line(charge);
                let (postings, left) =
                    open.entry(number).or_insert_with(|| (Postings::new(line.component), pieces));
                let waiting = split.deferred.len();
                split.piece(&Job { number, charge, line, piece }, postings)?;
                // A charge that waits for the month stays open.
                *left = if split.deferred.len() > waiting { usize::MAX } else { left.saturating_sub(1) };
                if *left == 0
                    && let Some((postings, _)) = open.remove(&number)
                {
                    totals.take(self.charges, charge, &postings);
                    batches.extend(self.flush(charge, basis, &postings, symbols, sink)?);
                }
            }
            deferred.append(&mut split.deferred);
            if basis == CostBasis::Billed {
                self.note_day(&day, &split, symbols);
            }
            drop(split);
            for batch in batches {
                sink.send(batch).await?;
            }
        }
        self.finish_deferred(basis, open, &deferred, &mut totals, symbols, sink).await
    }

    /// Pieces by day: (charge, piece, how many pieces the charge has).
    #[expect(clippy::type_complexity, reason = "a local index, named by this function")]
    fn pieces_by_day(
        &self,
        basis: CostBasis,
    ) -> Result<BTreeMap<NaiveDate, Vec<(u32, Piece, usize)>>, AggregateError> {
        let mut by_day: BTreeMap<NaiveDate, Vec<(u32, Piece, usize)>> = BTreeMap::new();
        for (number, charge) in self.charges.list.iter().enumerate() {
            let pieces = days(&charge.id, charge.span, amount_of(charge, basis), self.period)?;
            let count = pieces.len();
            for piece in pieces {
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                by_day.entry(piece.window.start.date()).or_default().push((number, piece, count));
            }
        }
        Ok(by_day)
    }

    /// Pools by direct cost first; taxes and credits follow everything else.
    async fn finish_deferred(
        &self,
        basis: CostBasis,
        mut open: HashMap<u32, (Postings, usize)>,
        deferred: &[Deferred],
        totals: &mut MonthTotals,
        symbols: &Symbols,
        sink: &mut Sink<'_>,
    ) -> Result<(), AggregateError> {
        let follows = |part: &Deferred| matches!(part.rule, crate::split::DeferredRule::Follow { .. });
        for follow in [false, true] {
            let mut touched: BTreeSet<u32> = BTreeSet::new();
            for part in deferred.iter().filter(|part| follows(part) == follow) {
                let charge = &self.charges.list[part.charge as usize];
                let line = self.charges.line(charge);
                if let Some((postings, _)) = open.get_mut(&part.charge) {
                    resolve(part, charge, line.service, totals, self.places, symbols, postings)?;
                    touched.insert(part.charge);
                }
            }
            for number in touched {
                let charge = &self.charges.list[number as usize];
                if let Some((postings, _)) = open.remove(&number) {
                    totals.take(self.charges, charge, &postings);
                    if let Some(batch) = self.flush(charge, basis, &postings, symbols, sink)? {
                        sink.send(batch).await?;
                    }
                }
            }
        }
        // A charge whose days never came would vanish: it is a defect, and said so.
        if let Some(number) = open.keys().min() {
            let charge = &self.charges.list[*number as usize];
            return Err(AggregateError::Split {
                charge: charge.id.to_string(),
                why: "a part of it was never split".to_owned(),
            });
        }
        Ok(())
    }

    fn flush(
        &self,
        charge: &Charge,
        basis: CostBasis,
        postings: &Postings,
        symbols: &Symbols,
        sink: &mut Sink<'_>,
    ) -> Result<Option<arrow::array::RecordBatch>, AggregateError> {
        sink.conservation.take(charge, amount_of(charge, basis), postings)?;
        sink.postings += postings.list.len() as u64;
        sink.ledger.take(charge, postings, self.places, symbols)
    }

    fn note_day(&mut self, day: &Day, split: &DaySplit<'_>, symbols: &Symbols) {
        let hour_start = |hour: u8| Instant(day.start.0 + i64::from(hour) * HOUR_US);
        let in_period = self.period.span().contains(day.start);
        if !in_period {
            return;
        }
        for node in &day.nodes {
            for (hour, seen) in (0_u8..24).zip(&node.hours) {
                if seen.observed_ms > 0 {
                    let facts = self.facts_of(node.cluster, hour_start(hour), symbols);
                    facts.nodes += 1;
                    facts.node_observed_ms += i128::from(seen.observed_ms);
                }
            }
        }
        for ((cluster, hour), (pods, without_node)) in &day.pod_counts {
            let facts = self.facts_of(*cluster, hour_start(*hour), symbols);
            facts.pods += pods;
            facts.pods_without_node += without_node;
        }
        for ((cluster, _, hour), us) in &split.billed_us {
            self.facts_of(*cluster, hour_start(*hour), symbols).node_billed_ms += i128::from(us / US_PER_MS);
        }
        for ((cluster, hour), amount) in &split.unmatched {
            self.facts_of(*cluster, hour_start(*hour), symbols).unmatched_cost += amount;
        }
    }

    fn facts_of(
        &mut self,
        cluster: crate::symbols::Symbol,
        hour: Instant,
        symbols: &Symbols,
    ) -> &mut HourFacts {
        let cluster = symbols.text(cluster).unwrap_or("none").to_owned();
        self.facts.entry((cluster, hour)).or_default()
    }

    /// Adds expected and seen for every hour in which a cluster lived.
    fn cover(&mut self, registry: &RegistryView, symbols: &Symbols) {
        for (cluster, hour) in live_hours(registry, self.period) {
            let ((expected, seen), holes) = match symbols.find(&cluster) {
                Some(symbol) => (self.coverage.hour(symbol, hour), self.coverage.holes(symbol, hour)),
                None => ((crate::coverage::EXPECTED_AN_HOUR, 0), None),
            };
            let facts = self.facts.entry((cluster, hour)).or_default();
            facts.expected = expected;
            facts.seen = seen;
            facts.holes = holes;
        }
    }
}

/// The amount of a charge under a basis.
pub fn amount_of(charge: &Charge, basis: CostBasis) -> i128 {
    match basis {
        CostBasis::Billed => charge.billed,
        CostBasis::Effective => charge.effective,
    }
}

async fn write_ledger(
    store: &Store,
    period: Period,
    receiver: mpsc::Receiver<Message>,
) -> Result<(), AggregateError> {
    let failed =
        |source| AggregateError::Table { table: LEDGER.name, operation: "written", source: Box::new(source) };
    let mut ledger = store.table(&LEDGER).await.map_err(failed)?;
    let month = period.to_string();
    let rows = futures::stream::unfold((receiver, false), |(mut receiver, ended)| async move {
        if ended {
            return None;
        }
        match receiver.recv().await {
            Some(Message::Rows(batch)) => Some((Ok(batch), (receiver, false))),
            Some(Message::End) => None,
            None => Some((
                Err(StoreError::interrupted("the ledger's rows stopped before their end")),
                (receiver, true),
            )),
        }
    });
    ledger.replace_partition(&[("period", month.as_str())], rows.boxed()).await.map(drop).map_err(failed)
}

async fn replace(
    store: &Store,
    spec: &'static TableSpec,
    partition: &[(&str, &str)],
    batches: Vec<arrow::array::RecordBatch>,
) -> Result<(), AggregateError> {
    let failed =
        |source| AggregateError::Table { table: spec.name, operation: "written", source: Box::new(source) };
    let mut table = store.table(spec).await.map_err(failed)?;
    let rows = futures::stream::iter(batches.into_iter().map(Ok)).boxed();
    table.replace_partition(partition, rows).await.map(drop).map_err(failed)
}
