//! Answers of the Prometheus HTTP API: `matrix` results, read in one pass without a float.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use hubtally_rules::timeline::Sample;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::number::{BadNumber, scaled};

/// The labels of a series.
pub type Labels = BTreeMap<Box<str>, Box<str>>;

/// The samples of one series, in the unit that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series {
    /// Its labels, without `__name__`.
    pub labels: Labels,
    /// Its samples, by time.
    pub samples: Vec<Sample>,
    /// Samples that are no quantity.
    pub bad: Vec<BadSample>,
}

/// A sample that is no quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSample {
    /// When.
    pub at_ms: i64,
    /// As it was written.
    pub text: String,
    /// What is wrong.
    pub why: BadNumber,
}

/// What an answer said beside its result.
#[derive(Debug)]
pub enum Answer {
    /// The series.
    Series(Vec<Series>),
    /// It said `warnings`: something is missing from the result.
    Warnings(Vec<String>),
    /// It said `error`.
    Error {
        /// `errorType`.
        kind: String,
        /// `error`.
        message: String,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    status: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default, rename = "errorType")]
    error_type: Option<String>,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "resultType")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    result: Vec<Row<'a>>,
}

#[derive(Deserialize)]
struct Row<'a> {
    metric: Labels,
    #[serde(borrow, default)]
    values: Option<&'a RawValue>,
}

/// Reads an answer; values are scaled by 10^`scale`.
pub fn read(text: &str, scale: u32) -> Result<Answer, serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    if envelope.status != "success" {
        return Ok(Answer::Error {
            kind: envelope.error_type.unwrap_or_default(),
            message: envelope.error.unwrap_or_else(|| "no error message".to_owned()),
        });
    }
    if !envelope.warnings.is_empty() {
        return Ok(Answer::Warnings(envelope.warnings));
    }
    let data: Data<'_> = serde_json::from_str(envelope.data.map_or("null", RawValue::get))?;
    if data.kind != "matrix" {
        return Err(serde::de::Error::custom(format!("resultType is {:?}: expected \"matrix\"", data.kind)));
    }
    let series = data.result.into_iter().map(|row| {
        let mut series = Series { labels: row.metric, ..Series::default() };
        series.labels.remove("__name__");
        if let Some(values) = row.values {
            let mut json = serde_json::Deserializer::from_str(values.get());
            Values { scale, into: &mut series }.deserialize(&mut json)?;
        }
        Ok(series)
    });
    series.collect::<Result<_, serde_json::Error>>().map(Answer::Series)
}

/// `["a", "b"]` of the label API, and its warnings.
pub fn read_names(text: &str) -> Result<(Vec<String>, Vec<String>), serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_str(text)?;
    if envelope.status != "success" {
        return Err(serde::de::Error::custom(envelope.error.unwrap_or_default()));
    }
    let names = serde_json::from_str(envelope.data.map_or("[]", RawValue::get))?;
    Ok((names, envelope.warnings))
}

/// Reads `[[1795375534.114, "0.05"], …]` into a series.
struct Values<'s> {
    scale: u32,
    into: &'s mut Series,
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of [time, \"value\"]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(Pair(at, text)) = list.next_element::<Pair<'de>>()? {
            let at_ms = scaled(at, 3)
                .map_err(|why| serde::de::Error::custom(format!("the time {at} cannot be read: {why}")))?;
            match scaled(&text, self.scale) {
                Ok(value) => self.into.samples.push(Sample { at_ms, value }),
                Err(why) => {
                    self.into.bad.push(BadSample { at_ms, text: text.chars().take(64).collect(), why });
                }
            }
        }
        Ok(())
    }
}

/// One `[time, "value"]`; the time stays the text that it is.
struct Pair<'a>(&'a str, Cow<'a, str>);

impl<'de> Deserialize<'de> for Pair<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Two;
        impl<'de> Visitor<'de> for Two {
            type Value = Pair<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[time, \"value\"]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Pair<'de>, A::Error> {
                let short = || serde::de::Error::invalid_length(1, &"[time, \"value\"]");
                let at: &'de RawValue = pair.next_element()?.ok_or_else(short)?;
                let text: &'de RawValue = pair.next_element()?.ok_or_else(short)?;
                while pair.next_element::<IgnoredAny>()?.is_some() {}
                // A value is a string of digits, signs and letters: its quotes are all that is escaped.
                let text = text.get().trim_matches('"');
                Ok(Pair(at.get(), Cow::Borrowed(text)))
            }
        }
        deserializer.deserialize_seq(Two)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str, scale: u32) -> Vec<Series> {
        match read(text, scale).unwrap() {
            Answer::Series(series) => series,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn times_and_values_are_exact() {
        let text = r#"{"status":"success","data":{"resultType":"matrix","result":[
            {"metric":{"__name__":"m","pod":"jupyter-\u00fc","uid":"6f0c"},
             "values":[[1772442000.1,"0.05"],[1772442060,"NaN"],[1772442120.001,"4.294967296e+09"]]}]}}"#;
        let read = series(text, 6);
        assert_eq!(read.len(), 1);
        assert_eq!(&*read[0].labels["pod"], "jupyter-ü");
        assert!(!read[0].labels.contains_key("__name__"));
        let told: Vec<_> = read[0].samples.iter().map(|s| (s.at_ms, s.value)).collect();
        assert_eq!(told, [(1_772_442_000_100, 50_000), (1_772_442_120_001, 4_294_967_296_000_000)]);
        assert_eq!(read[0].bad.len(), 1);
        assert_eq!(series(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#, 0), []);
    }

    #[test]
    fn names_come_with_what_was_said_beside_them() {
        let text = r#"{"status":"success","warnings":["one store is down"],"data":[]}"#;
        assert_eq!(read_names(text).unwrap(), (Vec::new(), vec!["one store is down".to_owned()]));
        let text = r#"{"status":"success","data":["up"]}"#;
        assert_eq!(read_names(text).unwrap(), (vec!["up".to_owned()], Vec::new()));
        assert!(read_names(r#"{"status":"error","errorType":"bad_data","error":"no"}"#).is_err());
    }

    #[test]
    fn warnings_and_errors_are_no_result() {
        let text = r#"{"status":"success","warnings":["one store is down"],"data":{"resultType":"matrix","result":[]}}"#;
        assert!(matches!(read(text, 0).unwrap(), Answer::Warnings(said) if said == ["one store is down"]));
        let text = r#"{"status":"error","errorType":"bad_data","error":"parse error"}"#;
        assert!(matches!(read(text, 0).unwrap(), Answer::Error { kind, .. } if kind == "bad_data"));
        for cut in [10, 60, text.len() - 1] {
            assert!(read(&text[..cut], 0).is_err(), "a truncated body is no answer");
        }
        assert!(read(r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#, 0).is_err());
    }
}
