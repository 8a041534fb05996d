//! The id of a topic: the one thing that tells a topic that was made anew from the one before it.
//!
//! A topic that is deleted and made again under its name is read at the old offsets without any error. The
//! client library tells topic ids, its Rust face does not yet: so this file, and no other, calls C.
#![expect(unsafe_code, reason = "the only way to a topic's id; every call is explained where it stands")]

use std::ffi::{CStr, CString};
use std::os::raw::c_char;
use std::ptr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};

/// What a broker says of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its id as Kafka's tools print it: 16 bytes, URL-safe base64 without padding.
    pub id: String,
    /// How many partitions it has.
    pub partitions: i32,
}

/// Why a topic could not be described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undescribed {
    /// There is none of that name.
    NoTopic,
    /// It has no id: the broker is too old.
    NoId,
    /// Nobody answered in time, or the answer was an error.
    Failed(String),
}

/// Something of the library that is given back by a function of its own.
struct Owned<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the pointer came from the constructor that belongs to this destructor, and is given back once.
            unsafe { (self.1)(self.0) }
        }
    }
}

/// Asks for a topic's description, and waits for it at most `timeout`.
pub fn describe<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    timeout: Duration,
) -> Result<Description, Undescribed> {
    let failed = |why: &str| Undescribed::Failed(why.to_owned());
    let name = CString::new(topic).map_err(|_| failed("its name holds a NUL byte"))?;
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let rk = client.native_ptr();
    let mut names: [*const c_char; 1] = [name.as_ptr()];
    let mut error_text = [0 as c_char; 256];
    // SAFETY: `rk` lives as long as `client`, which is borrowed for the whole function. `names` holds one valid
    // C string, which the library copies. Each object that is made here is given back by its `Owned`, in reverse
    // order, before the function returns; null is checked for before use. The pointers inside a result are read
    // while the event that owns them lives.
    unsafe {
        let topics = Owned(
            c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1),
            c::rd_kafka_TopicCollection_destroy,
        );
        let options = Owned(
            c::rd_kafka_AdminOptions_new(rk, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS),
            c::rd_kafka_AdminOptions_destroy,
        );
        c::rd_kafka_AdminOptions_set_request_timeout(
            options.0,
            timeout_ms,
            error_text.as_mut_ptr(),
            error_text.len(),
        );
        let queue = Owned(c::rd_kafka_queue_new(rk), c::rd_kafka_queue_destroy);
        c::rd_kafka_DescribeTopics(rk, topics.0, options.0, queue.0);
        let event =
            Owned(c::rd_kafka_queue_poll(queue.0, timeout_ms.saturating_add(500)), c::rd_kafka_event_destroy);
        if event.0.is_null() {
            return Err(failed("no broker answered in time"));
        }
        if c::rd_kafka_event_error(event.0) != c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(failed(&text(c::rd_kafka_event_error_string(event.0))));
        }
        let result = c::rd_kafka_event_DescribeTopics_result(event.0);
        if result.is_null() {
            return Err(failed("the library answered something else"));
        }
        let mut count = 0;
        let described = c::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        if described.is_null() || count != 1 {
            return Err(failed("the broker described another number of topics"));
        }
        let described = *described;
        let error = c::rd_kafka_TopicDescription_error(described);
        if !error.is_null() {
            match c::rd_kafka_error_code(error) {
                c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {}
                c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
                | c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC => {
                    return Err(Undescribed::NoTopic);
                }
                _ => return Err(failed(&text(c::rd_kafka_error_string(error)))),
            }
        }
        let uuid = c::rd_kafka_TopicDescription_topic_id(described);
        if uuid.is_null() {
            return Err(Undescribed::NoId);
        }
        let mut partitions = 0;
        let listed = c::rd_kafka_TopicDescription_partitions(described, &raw mut partitions);
        debug_assert!(partitions == 0 || !listed.is_null(), "a list of partitions and its length agree");
        let id = id_text(
            c::rd_kafka_Uuid_most_significant_bits(uuid),
            c::rd_kafka_Uuid_least_significant_bits(uuid),
        );
        let partitions = i32::try_from(partitions).map_err(|_| failed("it has too many partitions"))?;
        Ok(Description { id: id.ok_or(Undescribed::NoId)?, partitions })
    }
}

/// A text of the library, copied; empty where there is none.
///
/// # Safety
/// `pointer` is null or a C string that lives during the call.
unsafe fn text(pointer: *const c_char) -> String {
    if ptr::eq(pointer, ptr::null()) {
        return String::new();
    }
    // SAFETY: not null, and by the caller's promise a C string.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// An id as Kafka's tools print it; `None` for the id of nothing.
fn id_text(most: i64, least: i64) -> Option<String> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&most.to_be_bytes());
    bytes[8..].copy_from_slice(&least.to_be_bytes());
    (bytes != [0; 16]).then(|| URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_printed_as_kafka_prints_them() {
        assert_eq!(id_text(0, 0), None);
        // org.apache.kafka.common.Uuid: METADATA_TOPIC_ID is (0, 1), and '/' never stands in an id
        assert_eq!(id_text(0, 1).as_deref(), Some("AAAAAAAAAAAAAAAAAAAAAQ"));
        assert_eq!(id_text(-1, -1).as_deref(), Some("_____________________w"));
    }
}
