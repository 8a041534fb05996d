//! The request of a Cost Explorer answer: account, filter, metric, grouping.
//!
//! It is the JSON that was sent (`--cli-input-json`); the account is the one that its filter names,
//! or a key `Account` beside. Keys are read in any case, with or without underscores.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use hubtally_schemas::canonical::sha256_hex;
use serde_json::Value;

use super::aws_ce_filter::FilterSet;
use super::error::BillError;
use super::text_table::plain_name;

/// What an answer is grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// `DIMENSION`, `TAG` or `COST_CATEGORY`.
    pub kind: String,
    /// `SERVICE`, `2i2c:hub-name`, …
    pub key: String,
}

/// The request of a Cost Explorer answer.
#[derive(Debug, Clone)]
pub struct CeRequest {
    /// Where it was found, for messages.
    pub origin: String,
    /// The account that it asks for; absent where the answer groups by `LINKED_ACCOUNT`.
    pub account: Option<String>,
    /// The filter as it was sent.
    pub filter: Option<Value>,
    /// The metrics asked for.
    pub metrics: Vec<String>,
    /// The grouping asked for.
    pub grouping: Vec<Grouping>,
}

/// One view of an account's money: what may not overlap another view.
#[derive(Debug, Clone)]
pub struct View {
    /// Accounts that it shows.
    pub accounts: BTreeSet<String>,
    /// UTC days that it shows.
    pub days: BTreeSet<NaiveDate>,
    /// The filter as it was sent.
    pub filter: Option<Value>,
    /// What the filter lets pass.
    pub passes: FilterSet,
}

impl CeRequest {
    /// Reads the sidecar or a configuration value.
    pub fn read(origin: &str, bytes: &[u8]) -> Result<Self, BillError> {
        let failed = |what: String| BillError::Request { file: origin.to_owned(), what };
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| failed(format!("it is no JSON ({error}); write the request that was sent")))?;
        Self::from_value(origin, &value)
    }

    /// Reads a request that is already JSON.
    pub fn from_value(origin: &str, value: &Value) -> Result<Self, BillError> {
        let failed = |what: String| BillError::Request { file: origin.to_owned(), what };
        let Some(outer) = value.as_object() else {
            return Err(failed("it must be a JSON object".to_owned()));
        };
        let field = |names: &[&str]| {
            let of = |map: &serde_json::Map<String, Value>| {
                map.iter()
                    .find(|(key, value)| names.contains(&plain_name(key).as_str()) && !value.is_null())
                    .map(|(_, value)| value.clone())
            };
            of(outer).or_else(|| {
                let inner = outer.iter().find(|(key, _)| plain_name(key) == "request")?;
                of(inner.1.as_object()?)
            })
        };
        let filter = field(&["filter"]);
        let passes = FilterSet::read(filter.as_ref()).map_err(failed)?;
        let account = field(&["account", "accountid", "linkedaccount"])
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .or_else(|| passes.only("LINKED_ACCOUNT").map(str::to_owned));
        let metrics = match field(&["metric", "metrics"]) {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            _ => {
                return Err(failed(
                    "it names no metric: add \"Metrics\": [\"UnblendedCost\"], as it was sent".to_owned(),
                ));
            }
        };
        let grouping = match field(&["groupby", "grouping", "groups"]) {
            Some(Value::Array(many)) => many.iter().map(grouping).collect::<Option<Vec<_>>>(),
            Some(one) => grouping(&one).map(|one| vec![one]),
            None => Some(Vec::new()),
        }
        .ok_or_else(|| {
            failed(
                "its grouping cannot be read: write \"GroupBy\": [{\"Type\": \"DIMENSION\", \"Key\": \"SERVICE\"}]"
                    .to_owned(),
            )
        })?;
        Ok(Self { origin: origin.to_owned(), account, filter, metrics, grouping })
    }

    /// Names the view among others of the same account, independent of dates.
    pub fn view_id(&self) -> String {
        let filter = self.filter.as_ref().map(Value::to_string).unwrap_or_default();
        let grouping: Vec<String> = self.grouping.iter().map(|g| format!("{}={}", g.kind, g.key)).collect();
        sha256_hex(format!("{filter}\n{}", grouping.join("\n")).as_bytes())[..8].to_owned()
    }
}

fn grouping(value: &Value) -> Option<Grouping> {
    if let Some(text) = value.as_str() {
        let upper = !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let (kind, key) = match text.split_once([':', '$', '=']) {
            Some((kind, key)) if ["tag", "dimension"].contains(&kind.to_ascii_lowercase().as_str()) => {
                (kind.to_ascii_uppercase(), key)
            }
            _ if upper => ("DIMENSION".to_owned(), text),
            _ => ("TAG".to_owned(), text),
        };
        return Some(Grouping { kind, key: key.to_owned() });
    }
    let part = |name: &str| {
        let map = value.as_object()?;
        map.iter().find(|(key, _)| plain_name(key) == name)?.1.as_str()
    };
    Some(Grouping { kind: part("type")?.to_ascii_uppercase(), key: part("key")?.to_owned() })
}

/// A request to copy, for the message about a missing sidecar.
pub(crate) const EXAMPLE: &str = r#"{
  "TimePeriod": {"Start": "2026-06-01", "End": "2026-07-01"},
  "Granularity": "DAILY",
  "Metrics": ["UnblendedCost"],
  "Filter": {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["111122223333"]}},
  "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "2i2c:hub-name"}]
}"#;

/// Refuses two views that may show the same money, naming both files.
pub(crate) fn check_views(views: &[(&str, &View)]) -> Result<(), BillError> {
    for (at, (first, one)) in views.iter().enumerate() {
        for (second, other) in &views[at + 1..] {
            let Some(account) = one.accounts.intersection(&other.accounts).next() else { continue };
            let Some(day) = one.days.intersection(&other.days).next() else { continue };
            if one.passes.excludes(&other.passes) {
                continue;
            }
            let words = |view: &View| {
                view.filter
                    .as_ref()
                    .map_or_else(|| "no filter".to_owned(), |filter| short(&filter.to_string()))
            };
            return Err(BillError::OverlappingViews {
                first: (*first).to_owned(),
                second: (*second).to_owned(),
                account: account.clone(),
                day: *day,
                why: format!("{} against {}", words(one), words(other)),
            });
        }
    }
    Ok(())
}

/// Accounts whose views together may leave something out, with the files that show them.
pub(crate) fn uncovered(views: &[(&str, &View)]) -> Vec<String> {
    let accounts: BTreeSet<&String> = views.iter().flat_map(|(_, view)| &view.accounts).collect();
    let mut warnings = Vec::new();
    for account in accounts {
        let of_account = || views.iter().filter(|(_, view)| view.accounts.contains(account));
        let filters: Vec<Option<&Value>> = of_account().map(|(_, view)| view.filter.as_ref()).collect();
        if !FilterSet::cover(&filters, account) {
            let files: Vec<&str> = of_account().map(|(name, _)| *name).collect();
            warnings.push(format!(
                "account {account}: the filters of {} may leave out a part of the bill (credits, tax, untagged lines); `hubtally recipe aws-ce` prints queries that together leave out nothing",
                files.join(", ")
            ));
        }
    }
    warnings
}

fn short(text: &str) -> String {
    if text.chars().count() > 160 {
        format!("{}…", text.chars().take(160).collect::<String>())
    } else {
        text.to_owned()
    }
}
