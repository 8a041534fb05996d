//! From text to an envelope with its payload, in one reading where the payload's type comes before it.
//!
//! Producers write `data` last, so what it is made of is known when it is met, and its text need not be
//! looked through twice. Whatever is not plainly an event is read again in the two steps that can say
//! what is wrong with it: [`at_once`] only ever answers what they would.

use std::borrow::Cow;
use std::fmt;

use hubtally_schemas::event::{
    COVERAGE_V1, CoverageData, Envelope, HUB_V1, HubData, NODE_V1, NodeData, POD_V1, PodData, STORAGE_V1,
    StorageData,
};
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An event before anything of it is judged.
#[derive(Debug)]
pub struct Parsed<'a> {
    /// CloudEvents version.
    pub specversion: Cow<'a, str>,
    /// Identity in its source.
    pub id: Cow<'a, str>,
    /// `/clusters/<cluster id>`.
    pub source: Cow<'a, str>,
    /// Its type.
    pub kind: Cow<'a, str>,
    /// Its payload.
    pub data: Payload<'a>,
}

/// A payload, as far as it was understood.
#[derive(Debug)]
pub enum Payload<'a> {
    /// Of a pod.
    Pod(PodData<'a>),
    /// Of a node.
    Node(NodeData<'a>),
    /// Of a directory, volume or prefix.
    Storage(StorageData<'a>),
    /// Of a hub.
    Hub(HubData<'a>),
    /// Of coverage.
    Coverage(CoverageData<'a>),
    /// Its text.
    Raw(&'a RawValue),
}

impl<'a> From<Envelope<'a>> for Parsed<'a> {
    fn from(envelope: Envelope<'a>) -> Self {
        let Envelope { specversion, id, source, kind, data, .. } = envelope;
        Self { specversion, id, source, kind, data: Payload::Raw(data) }
    }
}

/// An event in one reading; `None` where it needs a closer look.
pub fn at_once(text: &str) -> Option<Parsed<'_>> {
    serde_json::from_str(text).ok()
}

/// A text of the envelope, borrowed where it can be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Parsed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfEnvelope).map(|parsed: Parsed<'de>| parsed)
    }
}

struct OfEnvelope;

impl<'de> Visitor<'de> for OfEnvelope {
    type Value = Parsed<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let (mut specversion, mut id, mut source, mut kind) = (None, None, None, None);
        let (mut time, mut data) = (None, None);
        while let Some(Text(field)) = map.next_key()? {
            match &*field {
                "specversion" => once(&mut specversion, &mut map)?,
                "id" => once(&mut id, &mut map)?,
                "source" => once(&mut source, &mut map)?,
                "type" => once(&mut kind, &mut map)?,
                "time" => fill(&mut time, map.next_value::<Option<Text<'de>>>()?)?,
                "data" => {
                    let payload = payload(kind.as_deref(), &mut map)?;
                    fill(&mut data, payload)?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let missing = || de::Error::custom("a field is missing");
        Ok(Parsed {
            specversion: specversion.ok_or_else(missing)?,
            id: id.ok_or_else(missing)?,
            source: source.ok_or_else(missing)?,
            kind: kind.ok_or_else(missing)?,
            data: data.ok_or_else(missing)?,
        })
    }
}

fn once<'de, M: MapAccess<'de>>(place: &mut Option<Cow<'de, str>>, map: &mut M) -> Result<(), M::Error> {
    fill(place, map.next_value::<Text<'de>>()?.0)
}

fn fill<T, E: de::Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("a field stands twice")),
    }
}

fn payload<'de, M: MapAccess<'de>>(kind: Option<&str>, map: &mut M) -> Result<Payload<'de>, M::Error> {
    match kind {
        Some(POD_V1) => map.next_value().map(Payload::Pod),
        Some(NODE_V1) => map.next_value().map(Payload::Node),
        Some(STORAGE_V1) => map.next_value().map(Payload::Storage),
        Some(HUB_V1) => map.next_value().map(Payload::Hub),
        Some(COVERAGE_V1) => map.next_value().map(Payload::Coverage),
        _ => map.next_value().map(Payload::Raw),
    }
}
