//! Lines of the hubs' own event logs, as their projects emit them: server actions of JupyterHub, launches of
//! BinderHub.
//!
//! Such a line names neither a cluster nor a hub, and has no id: the one who reads says whose log it is, and the
//! line itself, with its number among identical lines of its UTC day, is the identity. Read in whatever file, it
//! makes the same row.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::VecDeque;

use hubtally_schemas::event::HubData;
use hubtally_schemas::reject::RejectReason;
use hubtally_schemas::{ClusterId, Instant, Namespace};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::check;
use super::decode::{MAX_LINE_BYTES, Record};
use super::diagnose::{kind_of, malformed};
use super::read::{Event, Fact, happened, not_utf8};
use super::refusal::{Refused, shown};

/// Schemas of JupyterHub's server actions: since version 5, and before.
const SERVER_ACTION: [&str; 2] =
    ["https://schema.jupyter.org/jupyterhub/events/server-action", "hub.jupyter.org/server-action"];
/// Schema of BinderHub's launches.
const LAUNCH: &str = "binderhub.jupyter.org/launch";
/// Versions of a server action that this release reads.
const SERVER_ACTION_VERSIONS: std::ops::RangeInclusive<i64> = 1..=1;
/// Versions of a launch that this release reads.
const LAUNCH_VERSIONS: std::ops::RangeInclusive<i64> = 1..=6;
/// Days whose lines are counted at once. A log is in the order of time, give or take what midnight mixes.
const DAYS_COUNTED: usize = 3;

/// Which events a log may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HubLogFormat {
    /// Known line by line.
    #[default]
    Auto,
    /// Server actions of JupyterHub only.
    JupyterHub,
    /// Launches of BinderHub only.
    BinderHub,
}

/// Whose log is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubLogPlace {
    /// The cluster.
    pub cluster: ClusterId,
    /// The hub's namespace.
    pub namespace: Namespace,
}

/// What one line is.
#[derive(Debug)]
pub enum HubLine {
    /// Nothing but white space.
    Blank,
    /// Something that happened, not identified yet.
    Happened {
        /// What it tells.
        data: Box<HubData<'static>>,
        /// When.
        time: Instant,
    },
    /// No event.
    Refused(Refused),
}

impl HubLogPlace {
    /// Reads one line.
    pub fn read(&self, record: Record<'_>, format: HubLogFormat, now: Instant) -> HubLine {
        if record.whole_bytes > MAX_LINE_BYTES {
            let detail =
                format!("the line has {} bytes: expected at most {MAX_LINE_BYTES}", record.whole_bytes);
            return HubLine::Refused(Refused::new(RejectReason::TooLong, detail));
        }
        let line = record.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(record.bytes);
        if line.iter().all(u8::is_ascii_whitespace) {
            return HubLine::Blank;
        }
        match self.line(line, format, now) {
            Ok((data, time)) => HubLine::Happened { data: Box::new(data), time },
            Err(refused) => HubLine::Refused(refused),
        }
    }

    /// The event of a line: `nth` is its number among the identical lines of its day, from 0.
    pub fn event(
        &self,
        line: &[u8],
        nth: u32,
        data: HubData<'static>,
        time: Instant,
    ) -> Result<Event<'static>, Refused> {
        let mut hasher = Sha256::new();
        for part in [self.cluster.as_str().as_bytes(), self.namespace.as_str().as_bytes(), line] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.update(nth.to_be_bytes());
        let mut id = hex::encode(hasher.finalize());
        id.truncate(32);
        let fact: Fact<'static> = happened(data, time)?;
        Ok(Event { id: Cow::Owned(id), source: Cow::Owned(format!("/clusters/{}", self.cluster)), fact })
    }

    fn line(
        &self,
        line: &[u8],
        format: HubLogFormat,
        now: Instant,
    ) -> Result<(HubData<'static>, Instant), Refused> {
        if !line.trim_ascii_start().starts_with(b"{") {
            return Err(other("it is no JSON object"));
        }
        let text = std::str::from_utf8(line).map_err(|error| not_utf8(line, error.valid_up_to()))?;
        let fields: Map<String, Value> =
            serde_json::from_str(text).map_err(|error| malformed(text, &error))?;
        let schema = |name: &str| fields.get(name).and_then(Value::as_str);
        match (schema("__schema__"), schema("schema")) {
            (Some(known), _) if SERVER_ACTION.contains(&known) => {
                Fields::of(&fields, "__timestamp__", now)?.server_action(format, self.namespace.as_str())
            }
            (_, Some(LAUNCH)) => {
                Fields::of(&fields, "timestamp", now)?.launch(format, self.namespace.as_str())
            }
            (Some(unknown), _) | (_, Some(unknown)) => {
                let expected = [SERVER_ACTION[0], SERVER_ACTION[1], LAUNCH].join(", ");
                let detail =
                    format!("the schema is {}: expected one of {expected}", shown("schema", unknown));
                Err(Refused::new(RejectReason::UnknownType, detail))
            }
            (None, None) => Err(other("it has no `__schema__` and no `schema`")),
        }
    }
}

/// The fields of a line whose time is known.
struct Fields<'f> {
    all: &'f Map<String, Value>,
    time: Instant,
    time_text: String,
}

impl<'f> Fields<'f> {
    fn of(fields: &'f Map<String, Value>, name: &str, now: Instant) -> Result<Self, Refused> {
        let written = match fields.get(name) {
            None => return Err(Refused::missing(name, "the event cannot be used without it")),
            Some(Value::String(text)) => text,
            Some(other) => return Err(no_text(name, other)),
        };
        let time_text = one_offset(written).to_owned();
        let time = check::instant(name, &time_text, now)?;
        Ok(Self { all: fields, time, time_text })
    }

    fn server_action(
        self,
        format: HubLogFormat,
        namespace: &str,
    ) -> Result<(HubData<'static>, Instant), Refused> {
        let read = || {
            if format == HubLogFormat::BinderHub {
                return Err(unasked("a server action of JupyterHub", "binderhub"));
            }
            self.version("__schema_version__", SERVER_ACTION_VERSIONS)?;
            let action = self.text("action")?.ok_or_else(|| missing("action"))?;
            check::one_of("action", action, &["start", "stop"])?;
            let user = self.text("username")?.ok_or_else(|| missing("username"))?;
            if user.is_empty() {
                return Err(Refused::invalid("username", "", "the user's name"));
            }
            let server = self.text("servername")?;
            let data = self.data(namespace, action);
            Ok(HubData { user: owned(Some(user)), server: owned(server), ..data })
        };
        let data = read().map_err(|refused: Refused| refused.on(self.time.day()))?;
        Ok((data, self.time))
    }

    fn launch(self, format: HubLogFormat, namespace: &str) -> Result<(HubData<'static>, Instant), Refused> {
        let read = || {
            if format == HubLogFormat::JupyterHub {
                return Err(unasked("a launch of BinderHub", "jupyterhub"));
            }
            self.version("version", LAUNCH_VERSIONS)?;
            // No version of the schema requires a field, so each may be missing.
            let (provider, spec) = (self.text("provider")?, self.text("spec")?);
            let detail = [provider, spec].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let data = self.data(namespace, "launch");
            Ok(HubData { status: owned(self.text("status")?), detail: owned(Some(&detail)), ..data })
        };
        let data = read().map_err(|refused: Refused| refused.on(self.time.day()))?;
        Ok((data, self.time))
    }

    fn data(&self, namespace: &str, action: &str) -> HubData<'static> {
        HubData {
            namespace: Cow::Owned(namespace.to_owned()),
            action: Cow::Owned(action.to_owned()),
            time: Cow::Owned(self.time_text.clone()),
            user: None,
            server: None,
            status: None,
            detail: None,
            revision: 0,
        }
    }

    /// The version, which one emitter writes as a number and another as a text.
    fn version(&self, name: &str, known: std::ops::RangeInclusive<i64>) -> Result<(), Refused> {
        let value = self.all.get(name).ok_or_else(|| missing(name))?;
        let number = match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        match number {
            Some(number) if known.contains(&number) => Ok(()),
            _ => {
                let value: String = value.to_string().chars().take(48).collect();
                let detail = format!("`{name}` is {value}: expected {} to {}", known.start(), known.end());
                Err(Refused::new(RejectReason::UnknownType, detail))
            }
        }
    }

    fn text(&self, name: &str) -> Result<Option<&'f str>, Refused> {
        match self.all.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(no_text(name, other)),
        }
    }
}

fn owned(text: Option<&str>) -> Option<Cow<'static, str>> {
    text.map(|text| Cow::Owned(text.to_owned()))
}

fn missing(name: &str) -> Refused {
    Refused::missing(name, "the event cannot be used without it")
}

fn no_text(name: &str, value: &Value) -> Refused {
    let detail = format!("`{name}` is {}: expected a text", kind_of(value));
    Refused::new(RejectReason::InvalidValue, detail)
}

fn other(why: &str) -> Refused {
    Refused::new(RejectReason::OtherLine, format!("no event of a hub: {why}"))
}

fn unasked(what: &str, format: &str) -> Refused {
    Refused::new(RejectReason::UnknownType, format!("{what} in a log read with --format {format}"))
}

/// JupyterHub writes an offset and a Z after it (`+00:00Z`), which no reader of RFC 3339 takes: without the Z.
fn one_offset(text: &str) -> &str {
    let Some(body) = text.strip_suffix('Z') else { return text };
    let offset = body.len().checked_sub(6).map(|at| &body.as_bytes()[at..]);
    match offset {
        Some([b'+' | b'-', h1, h2, b':', m1, m2]) if [h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) => {
            body
        }
        _ => text,
    }
}

/// Counts identical lines, day by day.
#[derive(Debug, Default)]
pub struct Repeats {
    days: VecDeque<(i32, HashMap<[u8; 16], u32>)>,
}

impl Repeats {
    /// The number of a line among the identical ones of its day, from 0.
    pub fn nth(&mut self, day: i32, line: &[u8]) -> u32 {
        let at = self.days.iter().position(|(known, _)| *known == day).unwrap_or_else(|| {
            if self.days.len() >= DAYS_COUNTED {
                self.days.pop_front();
            }
            self.days.push_back((day, HashMap::new()));
            self.days.len() - 1
        });
        let Some((_, lines)) = self.days.get_mut(at) else { return 0 };
        let digest = Sha256::digest(line);
        let mut short = [0; 16];
        short.copy_from_slice(&digest[..16]);
        let count = lines.entry(short).or_default();
        let nth = *count;
        *count = count.saturating_add(1);
        nth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::tests::NOW;

    fn place() -> HubLogPlace {
        HubLogPlace { cluster: ClusterId::new("tides").unwrap(), namespace: Namespace::new("reef").unwrap() }
    }

    fn read(line: &str) -> HubLine {
        place().read(Record::whole(line.as_bytes()), HubLogFormat::Auto, Instant::parse(NOW).unwrap())
    }

    const ACTION: &str = r#"{"__timestamp__":"2026-03-02T09:14:07.482113+00:00Z","__schema__":"https://schema.jupyter.org/jupyterhub/events/server-action","__schema_version__":"1","__metadata_version__":1,"action":"start","username":"ada","servername":""}"#;
    const LAUNCHED: &str = r#"{"timestamp":"2026-03-02T09:15:00Z","schema":"binderhub.jupyter.org/launch","version":6,"provider":"GitHub","spec":"coast/tides/HEAD","status":"success"}"#;

    #[test]
    fn both_projects_lines_are_read_with_times_versions_and_schemas_as_they_were_written() {
        for (line, time) in [
            (ACTION.to_owned(), "2026-03-02T09:14:07.482113Z"),
            (ACTION.replace(".482113+00:00Z", "Z"), "2026-03-02T09:14:07Z"),
            (ACTION.replace(".482113+00:00Z", "+00:00"), "2026-03-02T09:14:07Z"),
            (ACTION.replace("\"1\"", "1"), "2026-03-02T09:14:07.482113Z"),
            (ACTION.replace(SERVER_ACTION[0], SERVER_ACTION[1]), "2026-03-02T09:14:07.482113Z"),
        ] {
            let HubLine::Happened { data, time: read } = read(&line) else {
                panic!("{line}: {:?}", read(&line))
            };
            assert_eq!(read, Instant::parse(time).unwrap(), "{line}");
            assert_eq!((data.action.as_ref(), data.user.as_deref()), ("start", Some("ada")));
            assert_eq!((data.server.as_deref(), data.namespace.as_ref()), (Some(""), "reef"));
        }
        let HubLine::Happened { data, .. } = read(LAUNCHED) else { panic!("no launch") };
        assert_eq!((data.action.as_ref(), data.status.as_deref()), ("launch", Some("success")));
        assert_eq!((data.detail.as_deref(), data.user), (Some("GitHub coast/tides/HEAD"), None));
        let bare =
            r#"{"timestamp":"2026-03-02T09:15:00Z","schema":"binderhub.jupyter.org/launch","version":"6"}"#;
        assert!(matches!(read(bare), HubLine::Happened { .. }), "{:?}", read(bare));
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_reason() {
        let reason = |line: &str| match read(line) {
            HubLine::Refused(refused) => (refused.reason, refused.day.is_some(), refused.detail),
            read => panic!("{line}: {read:?}"),
        };
        for (line, expected, dated, words) in [
            ("12:00:01 [ConfigProxy] info".to_owned(), RejectReason::OtherLine, false, "no JSON object"),
            ("{\"levelname\":\"INFO\"}".to_owned(), RejectReason::OtherLine, false, "`__schema__`"),
            (ACTION[..80].to_owned(), RejectReason::Malformed, false, "cut off"),
            (
                ACTION.replace("\"1\"", "\"2\""),
                RejectReason::UnknownType,
                true,
                "`__schema_version__` is \"2\"",
            ),
            (LAUNCHED.replace(":6,", ":7,"), RejectReason::UnknownType, true, "expected 1 to 6"),
            (LAUNCHED.replace("/launch", "/build"), RejectReason::UnknownType, false, "the schema is"),
            (ACTION.replace("start", "spawn"), RejectReason::InvalidValue, true, "one of start, stop"),
            (ACTION.replace("\"ada\"", "7"), RejectReason::InvalidValue, true, "`username` is a number"),
            (ACTION.replace("\"username\":\"ada\",", ""), RejectReason::MissingField, true, "`username`"),
            (ACTION.replace("2026-03-02T", "2026-09-02T"), RejectReason::Future, false, "at most 5 minutes"),
            (ACTION.replace("__timestamp__", "when"), RejectReason::MissingField, false, "`__timestamp__`"),
        ] {
            let (reason, has_day, detail) = reason(&line);
            assert_eq!((reason, has_day), (expected, dated), "{line}: {detail}");
            assert!(detail.contains(words), "{detail}");
            assert!(!detail.contains("ada"), "a name stands in the clear: {detail}");
        }
        let asked = |line: &str, format| {
            place().read(Record::whole(line.as_bytes()), format, Instant::parse(NOW).unwrap())
        };
        assert!(matches!(asked(ACTION, HubLogFormat::BinderHub), HubLine::Refused(_)));
        assert!(matches!(asked(LAUNCHED, HubLogFormat::JupyterHub), HubLine::Refused(_)));
        assert!(matches!(asked(LAUNCHED, HubLogFormat::BinderHub), HubLine::Happened { .. }));
    }

    #[test]
    fn a_line_has_one_identity_in_its_hub_and_identical_lines_are_counted() {
        let mut repeats = Repeats::default();
        let mut id = |place: &HubLogPlace, line: &str| {
            let HubLine::Happened { data, time } = read(line) else { panic!("{line}") };
            let nth = repeats.nth(time.day(), line.as_bytes());
            place.event(line.as_bytes(), nth, *data, time).unwrap().id.into_owned()
        };
        let (first, second) = (id(&place(), LAUNCHED), id(&place(), LAUNCHED));
        assert_ne!(first, second, "two launches of one minute are two");
        let mut again = Repeats::default();
        assert_eq!(again.nth(20_514, LAUNCHED.as_bytes()), 0);
        let other = HubLogPlace { namespace: Namespace::new("kelp").unwrap(), ..place() };
        assert_ne!(id(&other, ACTION), id(&place(), ACTION));
        assert_eq!(first.len(), 32);
    }
}
