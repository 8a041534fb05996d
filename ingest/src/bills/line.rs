//! One bill line on its way from an importer to the columns of `charges`.

use hubtally_schemas::period::{Instant, Period, Span};
use hubtally_schemas::{Currency, SchemaError, money};
use sha2::{Digest, Sha256};

use super::error::BillError;

/// How fine a bill is. The finest line decides for the whole account and month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// By account and month.
    Account,
    /// By tag.
    Tag,
    /// By instance or other resource id.
    Instance,
}

impl Grade {
    /// The code that is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Tag => "tag",
            Self::Instance => "instance",
        }
    }
}

/// Whether a line may still change at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The bill itself says that it may change.
    Provisional,
    /// The bill itself says that it is settled.
    Final,
    /// The bill does not say: provisional while its file does not reach the last day of the month,
    /// or was read before the month ended.
    ByReach,
}

/// FOCUS ChargeCategory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// Use of a service.
    Usage,
    /// Something bought: a commitment, a subscription.
    Purchase,
    /// Tax.
    Tax,
    /// Credit granted by the provider.
    Credit,
    /// Anything that corrects the above.
    Adjustment,
}

impl Category {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Usage, Self::Purchase, Self::Tax, Self::Credit, Self::Adjustment];

    /// As FOCUS writes it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::Purchase => "Purchase",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
            Self::Adjustment => "Adjustment",
        }
    }

    /// Reads FOCUS's word, in any case.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.code().eq_ignore_ascii_case(text))
    }
}

/// An amount with the text that it was read from.
#[derive(Debug, Clone, Copy)]
pub struct Amount<'a> {
    /// 10⁻¹² currency units.
    pub pico: i128,
    /// Whether the text had more decimals that mattered.
    pub rounded: bool,
    /// As the bill writes it.
    pub text: &'a str,
}

impl<'a> Amount<'a> {
    /// Reads bill text (law L8: no float).
    pub fn read(text: &'a str) -> Result<Self, SchemaError> {
        let parsed = money::parse_pico(text)?;
        Ok(Self { pico: parsed.pico, rounded: parsed.rounded, text })
    }
}

/// One bill line, borrowed from the row that it was read from. Field by field as in `charges`.
#[derive(Debug, Clone)]
pub struct ChargeLine<'a> {
    pub(crate) row: u64,
    /// What makes two rows of one bill the same line; equal ones in one file get ordinals.
    pub(crate) identity: u128,
    pub(crate) account: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) grade: Grade,
    pub(crate) status: Status,
    pub(crate) currency: Currency,
    pub(crate) billed: Amount<'a>,
    pub(crate) effective: Option<i128>,
    pub(crate) list: Option<i128>,
    pub(crate) contracted: Option<i128>,
    pub(crate) charge: Span,
    pub(crate) billing: Span,
    pub(crate) period: Period,
    pub(crate) category: Category,
    pub(crate) service_name: &'a str,
    /// A JSON object of text to text with sorted keys.
    pub(crate) tags: &'a str,
    pub(crate) text: LineTexts<'a>,
}

/// The optional texts of a line.
#[derive(Debug, Clone, Copy, Default)]
pub struct LineTexts<'a> {
    pub(crate) billing_account_id: Option<&'a str>,
    pub(crate) sub_account_id: Option<&'a str>,
    pub(crate) charge_class: Option<&'a str>,
    pub(crate) charge_description: Option<&'a str>,
    pub(crate) charge_frequency: Option<&'a str>,
    pub(crate) service_category: Option<&'a str>,
    pub(crate) usage_type: Option<&'a str>,
    pub(crate) resource_id: Option<&'a str>,
    pub(crate) resource_name: Option<&'a str>,
    pub(crate) resource_type: Option<&'a str>,
    pub(crate) region_id: Option<&'a str>,
    pub(crate) sku_id: Option<&'a str>,
    pub(crate) consumed_quantity: Option<&'a str>,
    pub(crate) consumed_unit: Option<&'a str>,
    pub(crate) pricing_quantity: Option<&'a str>,
    pub(crate) pricing_unit: Option<&'a str>,
    pub(crate) commitment_discount_status: Option<&'a str>,
    pub(crate) invoice_id: Option<&'a str>,
}

/// A row that could not be read, with its bytes (law L10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedRow {
    /// Row in the file, from 1; the header is 0.
    pub row: u64,
    /// Column, value and what was expected.
    pub detail: String,
    /// The row as it came.
    pub bytes: Vec<u8>,
}

/// Where an importer puts what it reads.
pub trait Sink {
    /// A line that was read.
    fn line(&mut self, line: &ChargeLine<'_>) -> Result<(), BillError>;
    /// A row that could not be read.
    fn reject(&mut self, row: RejectedRow) -> Result<(), BillError>;
}

/// Builds the identity of a line from its naming fields, never from amounts: a restated amount keeps
/// its line.
#[derive(Debug, Default)]
pub struct Identity(Vec<u8>);

impl Identity {
    /// Of an importer's lines.
    pub fn new(importer: &str) -> Self {
        Self::default().restart(importer)
    }

    /// Of another line of an importer, in the memory of this one.
    #[must_use]
    pub fn restart(mut self, importer: &str) -> Self {
        self.0.clear();
        self.field(Some(importer))
    }

    /// The next naming field; an absent one differs from an empty one.
    #[must_use]
    pub fn field(mut self, value: Option<&str>) -> Self {
        match value {
            Some(text) => {
                self.0.push(1);
                self.0.extend_from_slice(&(text.len() as u64).to_le_bytes());
                self.0.extend_from_slice(text.as_bytes());
            }
            None => self.0.push(0),
        }
        self
    }

    /// The next naming field, an instant.
    #[must_use]
    pub fn time(mut self, at: Instant) -> Self {
        self.0.extend_from_slice(&at.0.to_le_bytes());
        self
    }

    /// 128 bits of its digest.
    pub fn finish(&self) -> u128 {
        let digest = Sha256::digest(&self.0);
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        u128::from_be_bytes(half)
    }
}
