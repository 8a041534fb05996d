//! AWS Cost Explorer JSON: the answer of `GetCostAndUsage`, one or more pages, with its request.
//!
//! The answer names no account, filter or metric, so the request stands beside it as
//! `<file>.request.json` (or in the configuration). A line is one group of one day.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use hubtally_schemas::Currency;
use hubtally_schemas::period::{Period, Span, day_to_date};
use serde::Deserialize;
use serde_json::Value;

use super::aws_ce_filter::FilterSet;
use super::aws_ce_request::{CeRequest, EXAMPLE, Grouping, View};
use super::error::BillError;
use super::importer::{Context, Importer, Reading};
use super::input::{BillFile, request_path};
use super::line::{Amount, Category, ChargeLine, Grade, Identity, LineTexts, RejectedRow, Sink, Status};
use super::{focus_tags, times};

/// The API version whose answers are read.
const API_VERSION: &str = "2017-10-25";
/// Metrics that are what the provider bills, best first.
const BILLED: [&str; 2] = ["UnblendedCost", "NetUnblendedCost"];
/// Metrics that spread commitments over their use, best first.
const EFFECTIVE: [&str; 2] = ["AmortizedCost", "NetAmortizedCost"];

/// The Cost Explorer importer.
#[derive(Debug)]
pub(crate) struct AwsCostExplorer;

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(rename = "GroupDefinitions", default)]
    groups: Vec<Definition>,
    #[serde(rename = "ResultsByTime")]
    results: Vec<Day>,
    #[serde(rename = "NextPageToken", default)]
    next: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq, Clone)]
struct Definition {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "Key")]
    key: String,
}

#[derive(Debug, Deserialize)]
struct Day {
    #[serde(rename = "TimePeriod")]
    period: TimePeriod,
    #[serde(rename = "Total", default)]
    total: BTreeMap<String, Metric>,
    #[serde(rename = "Groups", default)]
    groups: Vec<GroupRow>,
    #[serde(rename = "Estimated", default)]
    estimated: bool,
}

#[derive(Debug, Deserialize)]
struct TimePeriod {
    #[serde(rename = "Start")]
    start: String,
    #[serde(rename = "End")]
    end: String,
}

#[derive(Debug, Deserialize)]
struct GroupRow {
    #[serde(rename = "Keys")]
    keys: Vec<String>,
    #[serde(rename = "Metrics")]
    metrics: BTreeMap<String, Metric>,
}

#[derive(Debug, Deserialize, serde::Serialize)]
struct Metric {
    #[serde(rename = "Amount")]
    amount: String,
    #[serde(rename = "Unit")]
    unit: String,
}

/// One file or a list of pages.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Document {
    Pages(Vec<Page>),
    One(Page),
}

impl Importer for AwsCostExplorer {
    fn read(&self, file: &BillFile, context: &Context, sink: &mut dyn Sink) -> Result<Reading, BillError> {
        let request = request_of(file, context)?;
        let pages = pages(file, context.document_bytes)?;
        let last = pages.last().ok_or_else(|| content(file, "it holds no answer of GetCostAndUsage"))?;
        if last.next.as_ref().is_some_and(|token| !token.is_empty()) {
            return Err(BillError::MorePages { file: file.name.clone() });
        }
        let definitions = last.groups.clone();
        check_request(file, &request, &pages, &definitions)?;
        let passes = FilterSet::read(request.filter.as_ref())
            .map_err(|what| BillError::Request { file: request.origin.clone(), what })?;
        let view_id = request.view_id();
        let mut answer = Answer {
            file,
            definitions: &definitions,
            service: passes.only("SERVICE").map(str::to_owned),
            record_type: passes.only("RECORD_TYPE").map(str::to_owned),
            request: &request,
            view_id: &view_id,
            row: 0,
            accounts: BTreeSet::new(),
            days: BTreeSet::new(),
        };
        answer.accounts.extend(request.account.clone());
        for day in pages.iter().flat_map(|page| &page.results) {
            answer.day(day, sink)?;
        }
        let Answer { row, accounts, days, .. } = answer;
        Ok(Reading {
            format_version: format!("{API_VERSION} view {view_id}"),
            rows: row,
            warnings: Vec::new(),
            view: Some(View { accounts, days, filter: request.filter.clone(), passes }),
        })
    }
}

fn content(file: &BillFile, what: impl Into<String>) -> BillError {
    BillError::Content { file: file.name.clone(), what: what.into() }
}

fn request_of(file: &BillFile, context: &Context) -> Result<CeRequest, BillError> {
    let configured =
        [file.name.as_str(), file.file_name()].into_iter().find_map(|name| context.requests.get(name));
    if let Some(request) = configured {
        return Ok(request.clone());
    }
    let sidecar: PathBuf = request_path(Path::new(&file.name));
    match &file.request {
        Some(bytes) => CeRequest::read(&sidecar.display().to_string(), bytes),
        None => Err(BillError::NoRequest { file: file.name.clone(), sidecar, example: EXAMPLE.to_owned() }),
    }
}

/// The answer as it stands, which is held whole: it has a line a group and day, so it is small.
fn pages(file: &BillFile, most_bytes: Option<usize>) -> Result<Vec<Page>, BillError> {
    let left = most_bytes.map_or(u64::MAX, |bytes| bytes as u64);
    let reader = BufReader::new(Bounded { inner: file.open()?, left });
    let documents = serde_json::Deserializer::from_reader(reader).into_iter::<Document>();
    let mut pages = Vec::new();
    for document in documents {
        match document {
            Ok(Document::Pages(many)) => pages.extend(many),
            Ok(Document::One(one)) => pages.push(one),
            Err(error) if error.is_eof() => {
                let what = format!("its JSON has no end after line {}", error.line());
                return Err(BillError::Truncated { file: file.name.clone(), what });
            }
            Err(error) if error.is_io() => return Err(file.failed(error.into())),
            Err(error) => {
                return Err(BillError::Container {
                    file: file.name.clone(),
                    format: "Cost Explorer JSON",
                    source: error.into(),
                });
            }
        }
    }
    Ok(pages)
}

/// Stops a document that memory would not hold.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            std::io::Error::other(
                "it is larger than an eighth of limits.memory_mib: ask for fewer days or groups a file, or raise it in hubtally.toml",
            )
        })?;
        Ok(read)
    }
}

/// The answer must be the answer to this request.
fn check_request(
    file: &BillFile,
    request: &CeRequest,
    pages: &[Page],
    definitions: &[Definition],
) -> Result<(), BillError> {
    let refuse = |what: String| BillError::Request { file: request.origin.clone(), what };
    let words = |groups: &[Definition]| {
        groups.iter().map(|g| format!("{} {}", g.kind, g.key)).collect::<Vec<_>>().join(", ")
    };
    for page in pages {
        if page.groups != definitions {
            return Err(content(
                file,
                format!(
                    "its pages are grouped by {} and by {}: they answer different requests, keep one request a file",
                    words(&page.groups),
                    words(definitions)
                ),
            ));
        }
    }
    let asked: Vec<Definition> = request
        .grouping
        .iter()
        .map(|Grouping { kind, key }| Definition { kind: kind.clone(), key: key.clone() })
        .collect();
    if asked != definitions {
        return Err(refuse(format!(
            "it asks for grouping by [{}], but {} is grouped by [{}]: this is another answer's request",
            words(&asked),
            file.name,
            words(definitions)
        )));
    }
    if !BILLED.iter().any(|metric| request.metrics.iter().any(|asked| asked.eq_ignore_ascii_case(metric))) {
        return Err(refuse(format!(
            "its metric {} is not what is paid: ask for UnblendedCost (AmortizedCost may stand beside it)",
            request.metrics.join(", ")
        )));
    }
    let grouped_by_account = definitions.iter().any(|group| group.key == "LINKED_ACCOUNT");
    if request.account.is_none() && !grouped_by_account {
        return Err(refuse(
            "it names no account: add \"Account\": \"111122223333\", or filter by the dimension LINKED_ACCOUNT".to_owned(),
        ));
    }
    Ok(())
}

struct Answer<'a> {
    file: &'a BillFile,
    definitions: &'a [Definition],
    service: Option<String>,
    record_type: Option<String>,
    request: &'a CeRequest,
    view_id: &'a str,
    row: u64,
    accounts: BTreeSet<String>,
    days: BTreeSet<chrono::NaiveDate>,
}

impl Answer<'_> {
    fn day(&mut self, day: &Day, sink: &mut dyn Sink) -> Result<(), BillError> {
        let span = times::read(&day.period.start)
            .zip(times::read(&day.period.end))
            .and_then(|(start, end)| Span::new(start, end).ok())
            .ok_or_else(|| {
                let TimePeriod { start, end } = &day.period;
                content(
                    self.file,
                    format!("TimePeriod {start:?} to {end:?} is no span of time: download it again"),
                )
            })?;
        if Period::of(span.start) != Period::of(hubtally_schemas::period::Instant(span.end.0 - 1)) {
            return Err(content(
                self.file,
                format!("TimePeriod {} to {} spans months: ask with Granularity DAILY", span.start, span.end),
            ));
        }
        let last = hubtally_schemas::period::Instant(span.end.0 - 1).day();
        self.days.extend((span.start.day()..=last).map(day_to_date));
        if self.definitions.is_empty() {
            return self.group(span, day.estimated, &[], &day.total, sink);
        }
        for group in &day.groups {
            self.group(span, day.estimated, &group.keys, &group.metrics, sink)?;
        }
        Ok(())
    }

    fn group(
        &mut self,
        span: Span,
        estimated: bool,
        keys: &[String],
        metrics: &BTreeMap<String, Metric>,
        sink: &mut dyn Sink,
    ) -> Result<(), BillError> {
        self.row += 1;
        let row = self.row;
        let bytes = || {
            let shown = serde_json::json!({"TimePeriod": {"Start": span.start, "End": span.end}, "Keys": keys, "Metrics": metrics});
            Value::to_string(&shown).into_bytes()
        };
        let mut refuse = |detail: String| sink.reject(RejectedRow { row, detail, bytes: bytes() });
        if keys.len() != self.definitions.len() {
            return refuse(format!("Keys: {} keys for {} groupings", keys.len(), self.definitions.len()));
        }
        let metric =
            |names: &[&'static str]| names.iter().find_map(|name| Some((*name, metrics.get(*name)?)));
        let Some((billed_name, billed)) = metric(&BILLED) else {
            return refuse("Metrics: neither UnblendedCost nor NetUnblendedCost is there".to_owned());
        };
        let currency = match Currency::new(&billed.unit) {
            Ok(currency) => currency,
            Err(error) => return refuse(format!("{billed_name}.Unit: {error}")),
        };
        let amount = match Amount::read(&billed.amount) {
            Ok(amount) => amount,
            Err(error) => return refuse(format!("{billed_name}.Amount: {error}")),
        };
        let effective = match metric(&EFFECTIVE).map(|(name, metric)| (name, Amount::read(&metric.amount))) {
            None => None,
            Some((_, Ok(amount))) => Some(amount.pico),
            Some((name, Err(error))) => return refuse(format!("{name}.Amount: {error}")),
        };
        let named = Named::read(self.definitions, self.service.as_deref(), self.record_type.as_deref(), keys);
        let Some(account) = named.account.or(self.request.account.as_deref()) else {
            return refuse("Keys: LINKED_ACCOUNT is empty, so the line has no account".to_owned());
        };
        let mut identity = Identity::new("aws-ce").field(Some(self.view_id)).time(span.start).time(span.end);
        for key in keys {
            identity = identity.field(Some(key));
        }
        let period = Period::of(span.start);
        let tags = focus_tags::object(&named.tags);
        let grade = match (named.resource, self.definitions.iter().any(|group| group.kind == "TAG")) {
            (Some(_), _) => Grade::Instance,
            (None, true) => Grade::Tag,
            (None, false) => Grade::Account,
        };
        let line = ChargeLine {
            row,
            identity: identity.finish(),
            account,
            provider: "aws",
            grade,
            status: if estimated { Status::Provisional } else { Status::Final },
            currency,
            billed: amount,
            effective,
            list: None,
            contracted: None,
            charge: span,
            billing: period.span(),
            period,
            category: named.record_type.map_or(Category::Usage, category),
            service_name: named.service.unwrap_or("unspecified service"),
            tags: &tags,
            text: LineTexts {
                sub_account_id: Some(account),
                charge_description: named.record_type,
                usage_type: named.usage_type,
                resource_id: named.resource,
                region_id: named.region,
                ..LineTexts::default()
            },
        };
        self.accounts.insert(account.to_owned());
        sink.line(&line)
    }
}

/// What the keys of a group, and the filter where it leaves one value, say.
#[derive(Debug, Default)]
struct Named<'a> {
    account: Option<&'a str>,
    service: Option<&'a str>,
    record_type: Option<&'a str>,
    usage_type: Option<&'a str>,
    region: Option<&'a str>,
    resource: Option<&'a str>,
    tags: BTreeMap<&'a str, &'a str>,
}

impl<'a> Named<'a> {
    fn read(
        definitions: &'a [Definition],
        service: Option<&'a str>,
        record_type: Option<&'a str>,
        keys: &'a [String],
    ) -> Self {
        let mut named = Self { service, record_type, ..Self::default() };
        for (group, key) in definitions.iter().zip(keys) {
            if group.kind == "TAG" || group.kind == "COST_CATEGORY" {
                // `<key>$<value>`; nothing after the `$` is untagged, which is no tag at all.
                let value = key.strip_prefix(group.key.as_str()).and_then(|rest| rest.strip_prefix('$'));
                let value = value.or_else(|| key.split_once('$').map(|(_, value)| value)).unwrap_or(key);
                if !value.is_empty() {
                    named.tags.insert(&group.key, value);
                }
                continue;
            }
            let value = Some(key.as_str()).filter(|key| !key.is_empty() && !key.starts_with("No "));
            match group.key.as_str() {
                "LINKED_ACCOUNT" => named.account = value,
                "SERVICE" => named.service = value,
                "RECORD_TYPE" => named.record_type = value,
                "USAGE_TYPE" => named.usage_type = value,
                "REGION" => named.region = value,
                "RESOURCE_ID" => named.resource = value.filter(|id| *id != "NoResourceId"),
                _ => {}
            }
        }
        named
    }
}

/// FOCUS's category of a Cost Explorer record type.
fn category(record_type: &str) -> Category {
    match record_type {
        "Tax" => Category::Tax,
        "Credit" => Category::Credit,
        "Refund" => Category::Adjustment,
        other if other.contains("Negation") || other.contains("Discount") && !other.contains("Usage") => {
            Category::Adjustment
        }
        other if ["Upfront", "Recurring", "Support", "Fee"].iter().any(|word| other.contains(word)) => {
            Category::Purchase
        }
        _ => Category::Usage,
    }
}
