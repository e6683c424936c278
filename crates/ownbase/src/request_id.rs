//! Request ids: made here for every request, whatever the client sent.
//!
//! An id is the server's start (32 random bits), the thread and a count, in hex: unique on one machine and cheap. It is
//! no secret and not unguessable.

use http::header::{HeaderName, HeaderValue};
use std::sync::atomic::{AtomicU64, Ordering};

/// The header that carries it, in requests to the component and in every answer.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// One thread's source of ids.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    /// `start` tells this run of the server from others, `thread` this thread from others.
    pub(crate) fn new(start: u32, thread: usize) -> Self {
        Self { prefix: format!("{start:08x}-{thread:x}-"), next: AtomicU64::new(1) }
    }

    /// The next id.
    pub(crate) fn next(&self) -> HeaderValue {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        // Hex digits and dashes always make a header value.
        HeaderValue::try_from(format!("{}{count:x}", self.prefix)).unwrap_or(HeaderValue::from_static("0"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_between_requests_threads_and_runs() {
        let (one, other, later) = (RequestIds::new(1, 0), RequestIds::new(1, 1), RequestIds::new(2, 0));
        let ids = [one.next(), one.next(), other.next(), later.next()];
        assert_eq!(ids, ["00000001-0-1", "00000001-0-2", "00000001-1-1", "00000002-0-1"]);
    }
}
