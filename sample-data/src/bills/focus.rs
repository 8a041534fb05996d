//! The columns of FOCUS 1.0, from a bill line.

use std::collections::BTreeMap;

use hubtally_schemas::{Instant, Period};

use super::line::{BillLine, Category};
use crate::facts::amount_text;

/// A cell: text, a time, an amount in 10⁻¹², or nothing.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A time, ms.
    Time(i64),
    /// An amount or a price.
    Money(i128),
    /// Nothing.
    Null,
}

/// Type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Time.
    Time,
    /// Decimal.
    Money,
}

/// Whose bill it is.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Provider.
    pub provider: &'static str,
    /// Who sends the invoice.
    pub invoice_issuer: &'static str,
    /// Billing account that all accounts share.
    pub billing_account: &'static str,
    /// Its name.
    pub billing_account_name: &'static str,
    /// Account or project.
    pub account: String,
    /// Its name.
    pub account_name: String,
    /// Region.
    pub region: &'static str,
    /// Month.
    pub period: Period,
}

/// The columns, in the order of the specification's own sample.
pub const COLUMNS: &[(&str, Kind)] = &[
    ("AvailabilityZone", Kind::Text),
    ("BilledCost", Kind::Money),
    ("BillingAccountId", Kind::Text),
    ("BillingAccountName", Kind::Text),
    ("BillingCurrency", Kind::Text),
    ("BillingPeriodEnd", Kind::Time),
    ("BillingPeriodStart", Kind::Time),
    ("ChargeCategory", Kind::Text),
    ("ChargeClass", Kind::Text),
    ("ChargeDescription", Kind::Text),
    ("ChargeFrequency", Kind::Text),
    ("ChargePeriodEnd", Kind::Time),
    ("ChargePeriodStart", Kind::Time),
    ("ConsumedQuantity", Kind::Money),
    ("ConsumedUnit", Kind::Text),
    ("ContractedCost", Kind::Money),
    ("EffectiveCost", Kind::Money),
    ("InvoiceIssuerName", Kind::Text),
    ("ListCost", Kind::Money),
    ("PricingCategory", Kind::Text),
    ("PricingQuantity", Kind::Money),
    ("PricingUnit", Kind::Text),
    ("ProviderName", Kind::Text),
    ("PublisherName", Kind::Text),
    ("RegionId", Kind::Text),
    ("ResourceId", Kind::Text),
    ("ResourceName", Kind::Text),
    ("ResourceType", Kind::Text),
    ("ServiceCategory", Kind::Text),
    ("ServiceName", Kind::Text),
    ("SkuId", Kind::Text),
    ("SubAccountId", Kind::Text),
    ("SubAccountName", Kind::Text),
    ("Tags", Kind::Text),
    ("x_UsageType", Kind::Text),
];

/// The cells of a line, one for each column.
pub fn cells(issuer: &Issuer, line: &BillLine) -> Vec<Cell> {
    COLUMNS.iter().map(|(name, _)| cell(issuer, line, name)).collect()
}

fn cell(issuer: &Issuer, line: &BillLine, column: &str) -> Cell {
    let span = issuer.period.span();
    let usage = line.category == Category::Usage;
    match column {
        "AvailabilityZone" => optional(line.zone),
        "BilledCost" | "EffectiveCost" | "ContractedCost" => Cell::Money(line.pico),
        "ListCost" => Cell::Money(line.list_pico),
        "BillingAccountId" => text(issuer.billing_account),
        "BillingAccountName" => text(issuer.billing_account_name),
        "BillingCurrency" => text("USD"),
        "BillingPeriodEnd" => Cell::Time(span.end.ms()),
        "BillingPeriodStart" => Cell::Time(span.start.ms()),
        "ChargeCategory" => text(line.category.code()),
        "ChargeDescription" => text(&line.description),
        "ChargeFrequency" => text(if usage { "Usage-Based" } else { "One-Time" }),
        "ChargePeriodEnd" => Cell::Time(line.end_ms),
        "ChargePeriodStart" => Cell::Time(line.start_ms),
        "ConsumedQuantity" | "PricingQuantity" if usage => Cell::Money(line.quantity_micro * 1_000_000),
        "ConsumedUnit" | "PricingUnit" if usage => text(line.unit),
        "InvoiceIssuerName" | "PublisherName" => text(issuer.invoice_issuer),
        "PricingCategory" if usage => text(if line.list_pico == line.pico { "Standard" } else { "Dynamic" }),
        "ProviderName" => text(issuer.provider),
        "RegionId" if usage => text(issuer.region),
        "ResourceId" => optional(line.resource.as_ref().map(|(id, _)| id.as_str())),
        "ResourceType" => optional(line.resource.as_ref().map(|(_, kind)| *kind)),
        "ServiceCategory" => text(line.service_category),
        "ServiceName" => text(line.service),
        "SkuId" | "x_UsageType" => text(&line.usage_type),
        "SubAccountId" => text(&issuer.account),
        "SubAccountName" => text(&issuer.account_name),
        "Tags" if !line.tags.is_empty() => text(&json(&line.tags)),
        _ => Cell::Null,
    }
}

impl Cell {
    /// As a CSV field.
    pub fn csv(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Time(ms) => Instant::from_ms(*ms).to_string(),
            Self::Money(pico) => amount_text(*pico),
            Self::Null => String::new(),
        }
    }
}

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

fn optional(value: Option<&str>) -> Cell {
    value.map_or(Cell::Null, text)
}

/// A JSON object; tags hold no character that JSON escapes.
fn json(tags: &BTreeMap<&'static str, String>) -> String {
    let pairs: Vec<String> = tags.iter().map(|(key, value)| format!("\"{key}\": \"{value}\"")).collect();
    format!("{{{}}}", pairs.join(", "))
}
