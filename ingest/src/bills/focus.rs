//! FOCUS 1.0–1.3, CSV and Parquet: one row as one bill line.
//!
//! Source: the FinOps Open Cost and Usage Specification, versions 1.0 to 1.3. The containers are in
//! [`super::focus_csv`] and [`super::focus_parquet`]; here is what a row means.
//!
//! FOCUS has no line id. A line is identified by the columns that say *what* was charged ([`NAMING`]),
//! never by amounts or quantities, with an ordinal among equal rows of one file: the same file gives
//! the same ids, a restated amount keeps its line, and two exports that overlap are recognised.

use hubtally_schemas::period::{Instant, Period, Span};
use hubtally_schemas::{AccountId, Currency};

use super::error::BillError;
use super::focus_tags::TagReader;
use super::importer::{Context, Format, Importer, Reading};
use super::input::BillFile;
use super::line::{Amount, Category, ChargeLine, Grade, Identity, LineTexts, RejectedRow, Sink, Status};
use super::text_table;
use super::{focus_csv, focus_parquet, times};

macro_rules! fields {
    ($($name:ident),* $(,)?) => {
        /// The FOCUS columns that are read.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are FOCUS's own")]
        pub enum Field { $($name),* }

        impl Field {
            /// All of them, in declaration order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As FOCUS writes it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }
        }
    };
}

fields!(
    BilledCost,
    EffectiveCost,
    ListCost,
    ContractedCost,
    BillingCurrency,
    BillingPeriodStart,
    BillingPeriodEnd,
    ChargePeriodStart,
    ChargePeriodEnd,
    BillingAccountId,
    SubAccountId,
    ChargeCategory,
    ChargeClass,
    ChargeDescription,
    ChargeFrequency,
    ServiceName,
    ServiceCategory,
    ProviderName,
    ServiceProviderName,
    HostProviderName,
    PublisherName,
    InvoiceIssuerName,
    ResourceId,
    ResourceName,
    ResourceType,
    RegionId,
    AvailabilityZone,
    SkuId,
    SkuPriceId,
    PricingCategory,
    ConsumedQuantity,
    ConsumedUnit,
    PricingQuantity,
    PricingUnit,
    CommitmentDiscountId,
    CommitmentDiscountStatus,
    InvoiceId,
    AllocatedMethodId,
    AllocatedResourceId,
    // AWS's own column `x_UsageType`: names are compared without underscores.
    XUsageType,
    Tags,
);

/// Columns without which nothing can be booked.
const REQUIRED: [Field; 8] = [
    Field::BilledCost,
    Field::BillingCurrency,
    Field::BillingPeriodStart,
    Field::BillingPeriodEnd,
    Field::ChargePeriodStart,
    Field::ChargePeriodEnd,
    Field::ChargeCategory,
    Field::ServiceName,
];

/// Columns that say what was charged: the identity of a line.
const NAMING: [Field; 27] = [
    Field::BillingAccountId,
    Field::SubAccountId,
    Field::BillingCurrency,
    Field::ChargeCategory,
    Field::ChargeClass,
    Field::ChargeDescription,
    Field::ChargeFrequency,
    Field::ServiceName,
    Field::ServiceCategory,
    Field::ProviderName,
    Field::ServiceProviderName,
    Field::PublisherName,
    Field::ResourceId,
    Field::ResourceName,
    Field::RegionId,
    Field::AvailabilityZone,
    Field::SkuId,
    Field::SkuPriceId,
    Field::PricingCategory,
    Field::ConsumedUnit,
    Field::PricingUnit,
    Field::CommitmentDiscountId,
    Field::CommitmentDiscountStatus,
    Field::AllocatedMethodId,
    Field::AllocatedResourceId,
    Field::XUsageType,
    Field::Tags,
];

/// Columns that came with a version and tell it apart, newest first.
const MARKS: [(&str, &[&str]); 3] = [
    (
        "1.3",
        &[
            "AllocatedMethodId",
            "AllocatedMethodDetails",
            "AllocatedResourceId",
            "AllocatedTags",
            "HostProviderName",
            "ServiceProviderName",
            "ContractApplied",
        ],
    ),
    ("1.2", &["InvoiceId", "PricingCurrency", "BillingAccountType", "SubAccountType"]),
    (
        "1.1",
        &[
            "CapacityReservationId",
            "CapacityReservationStatus",
            "CommitmentDiscountQuantity",
            "CommitmentDiscountUnit",
            "ServiceSubcategory",
            "SkuMeter",
            "SkuPriceDetails",
        ],
    ),
];

/// The FOCUS importer.
#[derive(Debug)]
pub(crate) struct Focus;

impl Importer for Focus {
    fn read(&self, file: &BillFile, _: &Context, sink: &mut dyn Sink) -> Result<Reading, BillError> {
        if file.head()?.starts_with(b"PAR1") {
            focus_parquet::read(file, sink)
        } else {
            focus_csv::read(file, sink)
        }
    }
}

/// Where each field stands in a file.
#[derive(Debug)]
pub(crate) struct Header {
    places: Vec<Option<usize>>,
    pub(crate) version: &'static str,
}

impl Header {
    /// Finds the fields by name, whatever their case, and the version by the columns it brought.
    pub(crate) fn read(file: &str, found: &[String]) -> Result<Self, BillError> {
        let plain: Vec<String> = found.iter().map(|name| text_table::plain_name(name)).collect();
        let place = |name: &str| plain.iter().position(|column| *column == text_table::plain_name(name));
        let places: Vec<Option<usize>> = Field::ALL.iter().map(|field| place(field.name())).collect();
        let has = |field: Field| places[field as usize].is_some();
        let mut missing: Vec<&str> =
            REQUIRED.into_iter().filter(|field| !has(*field)).map(Field::name).collect();
        if !has(Field::BillingAccountId) && !has(Field::SubAccountId) {
            missing.push(Field::BillingAccountId.name());
        }
        if !missing.is_empty() {
            return Err(text_table::missing_columns(file, Format::Focus, &missing, found));
        }
        let version = MARKS
            .iter()
            .find(|(_, marks)| marks.iter().any(|mark| place(mark).is_some()))
            .map_or("1.0", |(version, _)| version);
        Ok(Self { places, version })
    }

    /// The column of a field.
    pub(crate) fn place(&self, field: Field) -> Option<usize> {
        self.places[field as usize]
    }

    /// Columns that are read, by their place.
    pub(crate) fn used(&self) -> Vec<usize> {
        self.places.iter().flatten().copied().collect()
    }

    /// A row by field, from its cells by their place.
    pub(crate) fn row<'a>(&self, cell: impl Fn(usize) -> Cell<'a>) -> FocusRow<'a> {
        FocusRow(std::array::from_fn(|field| self.places[field].map_or(Cell::Empty, &cell)))
    }
}

/// What stands in a cell.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// Nothing, blanks, or the word `NULL`.
    Empty,
    /// Text without blanks around it.
    Text(&'a str),
    /// A time, from a column of times.
    Time(Instant),
}

impl<'a> Cell<'a> {
    /// Of the text in a file.
    pub(crate) fn text(text: &'a str) -> Self {
        // Blanks are rare, and looking for all that Unicode knows is not.
        let is_plain = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
        let bytes = text.as_bytes();
        let text = if is_plain(bytes.first()) && is_plain(bytes.last()) { text } else { text.trim() };
        if text.is_empty() || text.eq_ignore_ascii_case("null") { Self::Empty } else { Self::Text(text) }
    }
}

/// A row by field.
#[derive(Debug)]
pub(crate) struct FocusRow<'a>([Cell<'a>; Field::ALL.len()]);

impl<'a> FocusRow<'a> {
    pub(crate) fn cell(&self, field: Field) -> Cell<'a> {
        self.0[field as usize]
    }

    fn get(&self, field: Field) -> Option<&'a str> {
        match self.cell(field) {
            Cell::Text(text) => Some(text),
            Cell::Empty | Cell::Time(_) => None,
        }
    }
}

/// What is wrong with a row: column, value, expectation.
type RowProblem = String;

/// Reads rows into lines, keeping what is common to them.
#[derive(Debug, Default)]
pub(crate) struct RowReader {
    tags: TagReader,
    common: Common,
}

/// What was read last, since most rows say the same as the one before.
#[derive(Debug, Default)]
struct Common {
    account: String,
    currency: Option<Currency>,
    identity: Identity,
}

impl RowReader {
    /// Reads one row into the sink, as a line or a reject.
    pub(crate) fn read(
        &mut self,
        number: u64,
        row: &FocusRow<'_>,
        bytes: impl FnOnce() -> Vec<u8>,
        sink: &mut dyn Sink,
    ) -> Result<(), BillError> {
        let tags = self.tags.read(number, row.get(Field::Tags));
        match line(number, row, tags, &mut self.common) {
            Ok(line) => sink.line(&line),
            Err(detail) => sink.reject(RejectedRow { row: number, detail, bytes: bytes() }),
        }
    }

    /// What a person should know about the file.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.tags.warning().into_iter().collect()
    }
}

fn line<'a>(
    number: u64,
    row: &FocusRow<'a>,
    tags: &'a str,
    common: &mut Common,
) -> Result<ChargeLine<'a>, RowProblem> {
    let empty = |field: Field| format!("{}: it is empty, but a charge needs it", field.name());
    let needed = |field: Field| row.get(field).ok_or_else(|| empty(field));
    let money = |field: Field, text: &'a str| {
        Amount::read(text).map_err(|error| format!("{}: {error}", field.name()))
    };
    let optional_money = |field: Field| match row.get(field) {
        Some(text) => money(field, text).map(|amount| Some(amount.pico)),
        None => Ok(None),
    };
    let time = |field: Field| match row.cell(field) {
        Cell::Time(time) => Ok(time),
        Cell::Empty => Err(empty(field)),
        Cell::Text(text) => times::read(text).ok_or_else(|| {
            format!(
                "{}: {text:?} is no time, for example 2026-06-01T00:00:00Z (no zone means UTC)",
                field.name()
            )
        }),
    };
    let span = |start: Field, end: Field| {
        let (from, to): (Instant, Instant) = (time(start)?, time(end)?);
        Span::new(from, to).map_err(|error| format!("{}, {}: {error}", start.name(), end.name()))
    };
    let account = row
        .get(Field::SubAccountId)
        .or_else(|| row.get(Field::BillingAccountId))
        .ok_or("SubAccountId, BillingAccountId: both are empty, so the line has no account")?;
    if common.account != account {
        let checked = AccountId::new(account).map_err(|error| format!("SubAccountId: {error}"))?;
        checked.as_str().clone_into(&mut common.account);
    }
    let currency = needed(Field::BillingCurrency)?;
    let currency = match common.currency.filter(|known| known.code() == currency) {
        Some(known) => known,
        None => Currency::new(currency).map_err(|error| format!("BillingCurrency: {error}"))?,
    };
    common.currency = Some(currency);
    let billing = span(Field::BillingPeriodStart, Field::BillingPeriodEnd)?;
    let charge = span(Field::ChargePeriodStart, Field::ChargePeriodEnd)?;
    let category = needed(Field::ChargeCategory)?;
    let category = Category::read(category).ok_or_else(|| {
        format!("ChargeCategory: {category:?} is none of Usage, Purchase, Tax, Credit, Adjustment")
    })?;
    let resource_id = row.get(Field::ResourceId);
    let grade = match (resource_id, tags) {
        (Some(_), _) => Grade::Instance,
        (None, "{}") => Grade::Account,
        (None, _) => Grade::Tag,
    };
    let mut identity = std::mem::take(&mut common.identity)
        .restart("focus")
        .time(billing.start)
        .time(billing.end)
        .time(charge.start)
        .time(charge.end);
    for field in NAMING {
        identity = identity.field(if field == Field::Tags { Some(tags) } else { row.get(field) });
    }
    common.identity = identity;
    Ok(ChargeLine {
        row: number,
        identity: common.identity.finish(),
        account,
        provider: provider(row),
        grade,
        status: Status::ByReach,
        currency,
        billed: money(Field::BilledCost, needed(Field::BilledCost)?)?,
        effective: optional_money(Field::EffectiveCost)?,
        list: optional_money(Field::ListCost)?,
        contracted: optional_money(Field::ContractedCost)?,
        charge,
        billing,
        period: Period::of(billing.start),
        category,
        service_name: row.get(Field::ServiceName).unwrap_or(category.code()),
        tags,
        text: LineTexts {
            billing_account_id: row.get(Field::BillingAccountId),
            sub_account_id: row.get(Field::SubAccountId),
            charge_class: row.get(Field::ChargeClass),
            charge_description: row.get(Field::ChargeDescription),
            charge_frequency: row.get(Field::ChargeFrequency),
            service_category: row.get(Field::ServiceCategory),
            usage_type: row.get(Field::XUsageType),
            resource_id,
            resource_name: row.get(Field::ResourceName),
            resource_type: row.get(Field::ResourceType),
            region_id: row.get(Field::RegionId),
            sku_id: row.get(Field::SkuId),
            consumed_quantity: row.get(Field::ConsumedQuantity),
            consumed_unit: row.get(Field::ConsumedUnit),
            pricing_quantity: row.get(Field::PricingQuantity),
            pricing_unit: row.get(Field::PricingUnit),
            commitment_discount_status: row.get(Field::CommitmentDiscountStatus),
            invoice_id: row.get(Field::InvoiceId),
        },
    })
}

/// The provider's short name as the registry writes it, or the name on the bill.
fn provider<'a>(row: &FocusRow<'a>) -> &'a str {
    let named = [
        Field::HostProviderName,
        Field::ServiceProviderName,
        Field::ProviderName,
        Field::PublisherName,
        Field::InvoiceIssuerName,
    ]
    .into_iter()
    .find_map(|field| row.get(field))
    .unwrap_or("unknown");
    let starts =
        |prefix: &str| named.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if starts("AWS") || starts("Amazon") {
        "aws"
    } else if starts("Google") || starts("GCP") {
        "gcp"
    } else if starts("Microsoft") || starts("Azure") {
        "azure"
    } else {
        named
    }
}
