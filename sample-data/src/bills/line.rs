//! One line of a bill, before any format.

use std::collections::BTreeMap;

use crate::facts::{BillFacts, amount_text};
use crate::places::HOUR_MS;

/// 10⁻¹² units in a micro-dollar.
pub const PICO_PER_MICRO: i128 = 1_000_000;
/// Hours that a monthly price is spread over.
pub const MONTH_HOURS: i64 = 720;

/// What kind of charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// Use.
    Usage,
    /// Tax.
    Tax,
    /// Credit.
    Credit,
}

impl Category {
    /// As FOCUS writes it, and Cost Explorer's RECORD_TYPE as well.
    pub fn code(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
        }
    }
}

/// One line of a bill.
#[derive(Debug, Clone)]
pub struct BillLine {
    /// Charge period, ms.
    pub start_ms: i64,
    /// Charge period, ms, exclusive.
    pub end_ms: i64,
    /// Category.
    pub category: Category,
    /// Service.
    pub service: &'static str,
    /// FOCUS ServiceCategory.
    pub service_category: &'static str,
    /// Provider's usage type or SKU name.
    pub usage_type: String,
    /// Words for a person.
    pub description: String,
    /// Resource id and type.
    pub resource: Option<(String, &'static str)>,
    /// Tags, by key.
    pub tags: BTreeMap<&'static str, String>,
    /// Amount in 10⁻¹², a multiple of 100: bills write ten decimals.
    pub pico: i128,
    /// Amount at list prices.
    pub list_pico: i128,
    /// Quantity in millionths.
    pub quantity_micro: i128,
    /// Unit of the quantity.
    pub unit: &'static str,
    /// Zone, where the resource has one.
    pub zone: Option<&'static str>,
}

impl BillLine {
    /// A line of use: `quantity_micro` millionths of a unit at `price_micro` micro-dollars.
    pub fn of_usage(
        service: (&'static str, &'static str),
        usage_type: String,
        (start_ms, end_ms): (i64, i64),
        quantity_micro: i128,
        unit: &'static str,
        price_micro: i64,
    ) -> Self {
        let pico = ten_decimals(quantity_micro * i128::from(price_micro));
        Self {
            start_ms,
            end_ms,
            category: Category::Usage,
            service: service.0,
            service_category: service.1,
            description: format!("${} per {unit}: {usage_type}", price_text(price_micro)),
            usage_type,
            resource: None,
            tags: BTreeMap::new(),
            pico,
            list_pico: pico,
            quantity_micro,
            unit,
            zone: None,
        }
    }

    /// The line with a resource.
    #[must_use]
    pub fn on(mut self, id: impl Into<String>, kind: &'static str) -> Self {
        self.resource = Some((id.into(), kind));
        self
    }

    /// The line with tags.
    #[must_use]
    pub fn tagged(mut self, tags: &BTreeMap<&'static str, String>) -> Self {
        self.tags.clone_from(tags);
        self
    }

    /// The line in a zone.
    #[must_use]
    pub fn at(mut self, zone: &'static str) -> Self {
        self.zone = Some(zone);
        self
    }
}

/// Millionths of an hour in a number of ms.
pub fn hours_micro(ms: i64) -> i128 {
    i128::from(ms) * 1_000_000 / i128::from(HOUR_MS)
}

/// Millionths of a GiB-month for bytes that are kept for some ms of a month of 30 days.
pub fn gib_month_micro(bytes: i64, ms: i64) -> i128 {
    let month_ms = i128::from(MONTH_HOURS * HOUR_MS);
    i128::from(bytes) * i128::from(ms) / (month_ms * (1 << 30) / 1_000_000)
}

/// Cuts to the ten decimals that bills write.
pub fn ten_decimals(pico: i128) -> i128 {
    pico / 100 * 100
}

fn price_text(micro: i64) -> String {
    amount_text(i128::from(micro) * PICO_PER_MICRO)
}

/// Sums of a bill, as it is written.
#[derive(Debug, Default)]
pub struct BillSums {
    lines: u64,
    pico: BTreeMap<Category, i128>,
}

impl BillSums {
    /// Counts a line as it was written.
    pub fn add(&mut self, category: Category, pico: i128) {
        self.lines += 1;
        *self.pico.entry(category).or_default() += pico;
    }

    /// Sum of a category so far.
    pub fn of(&self, category: Category) -> i128 {
        self.pico.get(&category).copied().unwrap_or(0)
    }

    /// The facts of the bill.
    pub fn facts(&self, account: &str, importer: &str, files: Vec<String>) -> BillFacts {
        let total_pico = self.pico.values().sum();
        BillFacts {
            account: account.to_owned(),
            importer: importer.to_owned(),
            files,
            currency: "USD".to_owned(),
            lines: self.lines,
            total: amount_text(total_pico),
            by_category: self
                .pico
                .iter()
                .map(|(category, pico)| (category.code().to_owned(), amount_text(*pico)))
                .collect(),
            total_pico,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_hour_costs_its_part() {
        let half = BillLine::of_usage(
            ("Amazon Elastic Compute Cloud - Compute", "Compute"),
            "USW2-BoxUsage:r5.xlarge".into(),
            (0, HOUR_MS / 2),
            hours_micro(HOUR_MS / 2),
            "Hrs",
            252_000,
        );
        assert_eq!(amount_text(half.pico), "0.126");
        assert_eq!(gib_month_micro(1 << 30, MONTH_HOURS * HOUR_MS), 1_000_000);
    }
}
