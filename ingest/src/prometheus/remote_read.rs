//! Remote read: raw samples as the chunks in which the server holds them, many times fewer bytes than JSON.
//!
//! The protocol is `prompb/remote.proto` of Prometheus, its streamed answer `storage/remote/chunked.go`. What
//! the query API hides is left out here as well: staleness markers, samples beside the range, histograms. An
//! answer has no place for warnings.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crc::{CRC_32_ISCSI, Crc};
use hubtally_rules::timeline::Sample;
use prost::Message;

use super::number::{as_written, scaled_bits};
use super::range::Range;
use super::reply::{BadSample, Labels, Series};
use super::sets::{Matcher, Query};
use super::xor_chunk::{self, Truncated};

/// `Content-Type` of an answer that is a stream of chunks.
pub const STREAMED: &str = "application/x-streamed-protobuf";
/// No frame of a server is longer: it sends about 1 MiB, and one chunk at least.
const MAX_FRAME_BYTES: u64 = 64 << 20;
/// The value that marks the end of a series.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;
static CASTAGNOLI: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Why a stream of chunks cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// It ends within a frame.
    #[error("it breaks off within a frame; it ends with {text:?}")]
    BrokenOff {
        /// The last of its bytes, as text: a server writes its error there.
        text: String,
    },
    /// A length that no frame has.
    #[error("a frame claims {bytes} bytes")]
    TooLong {
        /// As it claims.
        bytes: u64,
    },
    /// Bytes that are not what was sent, or the words of an error after the stream had begun.
    #[error("the checksum of a frame is wrong; it ends with {text:?}")]
    Checksum {
        /// The last of its bytes, as text.
        text: String,
    },
    /// A kind of chunk that is not known here: its samples would be missing.
    #[error("it holds chunks of the unknown encoding {encoding}")]
    Encoding {
        /// Its number in `prompb/types.proto`.
        encoding: i32,
    },
    /// No message of the protocol.
    #[error("a frame is no message of the protocol")]
    Message(#[source] prost::DecodeError),
    /// No chunk.
    #[error(transparent)]
    Chunk(#[from] Truncated),
}

/// The body of a request: all series of a query with their samples in a range.
pub fn request(query: &Query, range: Range) -> Result<Vec<u8>, snap::Error> {
    let name =
        LabelMatcher { kind: MatchKind::Equal.into(), name: "__name__".into(), value: query.metric.into() };
    let others = query.matchers.iter().map(|matcher| {
        let (kind, name, value) = match matcher {
            Matcher::Is(name, value) => (MatchKind::Equal, name, value),
            Matcher::IsNot(name, value) => (MatchKind::NotEqual, name, value),
            Matcher::Matches(name, value) => (MatchKind::Matches, name, value),
        };
        LabelMatcher { kind: kind.into(), name: (*name).to_owned(), value: (*value).to_owned() }
    });
    let asked = ReadQuery {
        // A range does not hold its left edge; the protocol's does.
        start_ms: range.from_ms + 1,
        end_ms: range.to_ms,
        matchers: std::iter::once(name).chain(others).collect(),
    };
    let request =
        ReadRequest { queries: vec![asked], accepted: vec![ResponseType::StreamedXorChunks.into()] };
    snap::raw::Encoder::new().compress_vec(&request.encode_to_vec())
}

/// Reads an answer; values are scaled by 10^`scale`.
pub fn answer(mut bytes: &[u8], scale: u32, range: Range) -> Result<Vec<Series>, StreamError> {
    let mut series: BTreeMap<Labels, Series> = BTreeMap::new();
    let mut values = Values { scale, range, last: None, text: String::new() };
    while !bytes.is_empty() {
        let (frame, rest) = next_frame(bytes)?;
        bytes = rest;
        let message = ChunkedReadResponse::decode(frame).map_err(StreamError::Message)?;
        for told in message.series {
            let labels: Labels = told
                .labels
                .into_iter()
                .filter(|label| label.name != "__name__")
                .map(|label| (label.name.into(), label.value.into()))
                .collect();
            let one = match series.entry(labels) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let labels = free.key().clone();
                    free.insert(Series { labels, ..Series::default() })
                }
            };
            for chunk in &told.chunks {
                match Encoding::try_from(chunk.encoding) {
                    Ok(Encoding::Xor) => values.take_in(&chunk.data, one)?,
                    // The query API tells histograms apart from values, too.
                    Ok(Encoding::Histogram | Encoding::FloatHistogram) => {}
                    _ => return Err(StreamError::Encoding { encoding: chunk.encoding }),
                }
            }
        }
    }
    let mut series: Vec<Series> = series.into_values().collect();
    for one in &mut series {
        in_order(one);
    }
    series.retain(|one| !one.samples.is_empty() || !one.bad.is_empty());
    Ok(series)
}

/// How many staleness markers an answer holds.
#[cfg(test)]
pub fn markers_in(mut bytes: &[u8]) -> usize {
    let mut markers = 0;
    while !bytes.is_empty() {
        let (frame, rest) = next_frame(bytes).unwrap();
        bytes = rest;
        let message = ChunkedReadResponse::decode(frame).unwrap();
        for chunk in message.series.iter().flat_map(|series| &series.chunks) {
            xor_chunk::read(&chunk.data, |_, bits| markers += usize::from(bits == STALE_BITS)).unwrap();
        }
    }
    markers
}

/// Chunks may overlap where samples came out of order: each instant once, as the query API has it.
fn in_order(series: &mut Series) {
    if !series.samples.is_sorted_by(|before, after| before.at_ms < after.at_ms) {
        series.samples.sort_by_key(|sample| sample.at_ms);
        series.samples.dedup_by_key(|sample| sample.at_ms);
    }
    series.bad.sort_by_key(|bad| bad.at_ms);
    series.bad.dedup_by_key(|bad| bad.at_ms);
}

/// Values on their way from bits to base units.
struct Values {
    scale: u32,
    range: Range,
    /// The last value: a gauge repeats it.
    last: Option<(u64, i64)>,
    text: String,
}

impl Values {
    fn take_in(&mut self, chunk: &[u8], into: &mut Series) -> Result<(), Truncated> {
        xor_chunk::read(chunk, |at_ms, bits| {
            if at_ms <= self.range.from_ms || self.range.to_ms < at_ms || bits == STALE_BITS {
                return;
            }
            let value = match self.last {
                Some((known, value)) if known == bits => Ok(value),
                _ => scaled_bits(bits, self.scale, &mut self.text),
            };
            match value {
                Ok(value) => {
                    self.last = Some((bits, value));
                    into.samples.push(Sample { at_ms, value });
                }
                Err(why) => into.bad.push(BadSample { at_ms, text: as_written(bits), why }),
            }
        })
    }
}

/// The next frame and what follows it. A frame is its length as a varint, its checksum, and its bytes.
fn next_frame(bytes: &[u8]) -> Result<(&[u8], &[u8]), StreamError> {
    let broken_off = || StreamError::BrokenOff { text: end_of(bytes) };
    let mut rest = bytes;
    let length = prost::encoding::decode_varint(&mut rest).map_err(|_| broken_off())?;
    if length > MAX_FRAME_BYTES {
        return Err(StreamError::TooLong { bytes: length });
    }
    let (checksum, rest) = rest.split_first_chunk::<4>().ok_or_else(broken_off)?;
    let length = usize::try_from(length).map_err(|_| broken_off())?;
    let (frame, rest) = rest.split_at_checked(length).ok_or_else(broken_off)?;
    if CASTAGNOLI.checksum(frame) != u32::from_be_bytes(*checksum) {
        return Err(StreamError::Checksum { text: end_of(bytes) });
    }
    Ok((frame, rest))
}

/// The last of some bytes, as far as they can be shown.
fn end_of(bytes: &[u8]) -> String {
    let end = bytes.get(bytes.len().saturating_sub(200)..).unwrap_or_default();
    String::from_utf8_lossy(end).chars().filter(|letter| !letter.is_control()).collect()
}

#[derive(Clone, PartialEq, Message)]
struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<ReadQuery>,
    #[prost(enumeration = "ResponseType", repeated, tag = "2")]
    accepted: Vec<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum ResponseType {
    Samples = 0,
    StreamedXorChunks = 1,
}

#[derive(Clone, PartialEq, Message)]
struct ReadQuery {
    #[prost(int64, tag = "1")]
    start_ms: i64,
    #[prost(int64, tag = "2")]
    end_ms: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<LabelMatcher>,
}

#[derive(Clone, PartialEq, Message)]
struct LabelMatcher {
    #[prost(enumeration = "MatchKind", tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum MatchKind {
    Equal = 0,
    NotEqual = 1,
    Matches = 2,
}

#[derive(Clone, PartialEq, Message)]
struct ChunkedReadResponse {
    #[prost(message, repeated, tag = "1")]
    series: Vec<ChunkedSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct ChunkedSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    chunks: Vec<Chunk>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Chunk {
    #[prost(enumeration = "Encoding", tag = "3")]
    encoding: i32,
    #[prost(bytes = "vec", tag = "4")]
    data: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
enum Encoding {
    Unknown = 0,
    Xor = 1,
    Histogram = 2,
    FloatHistogram = 3,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range { from_ms: 1_000, to_ms: 5_000 };

    /// One sample: its time as a varint, its value as it is.
    fn chunk(at_ms: u64, value: f64) -> Chunk {
        let mut data = vec![0, 1];
        prost::encoding::encode_varint(at_ms << 1, &mut data);
        data.extend(value.to_bits().to_be_bytes());
        Chunk { encoding: Encoding::Xor.into(), data }
    }

    fn frame(chunks: Vec<Chunk>) -> Vec<u8> {
        let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
        let labels = vec![label("__name__", "m"), label("pod", "jupyter-ada")];
        let bytes = ChunkedReadResponse { series: vec![ChunkedSeries { labels, chunks }] }.encode_to_vec();
        let mut out = Vec::new();
        prost::encoding::encode_varint(u64::try_from(bytes.len()).unwrap(), &mut out);
        out.extend(CASTAGNOLI.checksum(&bytes).to_be_bytes());
        out.extend(bytes);
        out
    }

    #[test]
    fn markers_other_times_and_histograms_are_left_out_and_frames_of_a_series_joined() {
        let histogram = Chunk { encoding: 2, data: vec![1, 2, 3] };
        let stale = chunk(4_500, f64::from_bits(STALE_BITS));
        let mut bytes =
            frame(vec![chunk(3_000, 0.25), chunk(1_000, 9.0), chunk(5_001, 9.0), stale, histogram]);
        bytes.extend(frame(vec![chunk(2_000, 0.5), chunk(3_000, 0.25), chunk(4_000, f64::NAN)]));
        let series = answer(&bytes, 6, RANGE).unwrap();
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].labels.len(), 1, "its name is no label");
        let told: Vec<_> = series[0].samples.iter().map(|s| (s.at_ms, s.value)).collect();
        assert_eq!(told, [(2_000, 500_000), (3_000, 250_000)]);
        assert_eq!(series[0].bad.iter().map(|bad| bad.text.as_str()).collect::<Vec<_>>(), ["NaN"]);
        assert!(answer(&[], 0, RANGE).unwrap().is_empty());
    }

    #[test]
    fn a_stream_that_broke_off_or_ends_in_words_is_no_answer() {
        let whole = frame(vec![chunk(2_000, 0.5)]);
        for cut in 1..whole.len() {
            assert!(answer(&whole[..cut], 0, RANGE).is_err(), "{cut}");
        }
        let mut failed = whole.clone();
        failed.extend(b"expanding series: context deadline exceeded\n");
        let error = answer(&failed, 0, RANGE).unwrap_err();
        assert!(error.to_string().contains("deadline exceeded"), "{error}");
        let unknown = frame(vec![Chunk { encoding: 4, data: Vec::new() }]);
        assert!(matches!(answer(&unknown, 0, RANGE), Err(StreamError::Encoding { encoding: 4 })));
        let mut flipped = whole;
        *flipped.last_mut().unwrap() ^= 1;
        assert!(matches!(answer(&flipped, 0, RANGE), Err(StreamError::Checksum { .. })));
    }
}
