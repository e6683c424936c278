//! Which requests were answered at length when they were last asked: room is taken for them before the component is called.
//!
//! Some thousand are remembered, by a hash of method and target; another that falls on the same place takes it over. To
//! forget one, or to take a short one for long, costs time and nothing else.

use http::Request;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many requests are remembered.
const PLACES: usize = 1024;

/// What is remembered of one component by one thread.
pub(crate) struct LongAnswers {
    hasher: RandomState,
    places: Box<[AtomicU64]>,
}

/// A request as it is remembered. Never 0, which stands for none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Key(u64);

impl LongAnswers {
    /// Of none yet.
    pub(super) fn new() -> Self {
        Self { hasher: RandomState::new(), places: std::iter::repeat_with(AtomicU64::default).take(PLACES).collect() }
    }

    /// What a request is remembered by.
    pub(crate) fn key<B>(&self, request: &Request<B>) -> Key {
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        Key(self.hasher.hash_one((request.method(), target)).max(1))
    }

    /// Whether the request's last answer was long.
    pub(crate) fn has(&self, key: Key) -> bool {
        self.place(key).is_some_and(|place| place.load(Ordering::Relaxed) == key.0)
    }

    /// Remembers that the request's answer is long, or that it is not any more.
    pub(crate) fn set(&self, key: Key, is_long: bool) {
        if is_long != self.has(key)
            && let Some(place) = self.place(key)
        {
            place.store(if is_long { key.0 } else { 0 }, Ordering::Relaxed);
        }
    }

    fn place(&self, key: Key) -> Option<&AtomicU64> {
        self.places.get(key.0 as usize % PLACES)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_is_method_and_target() {
        let long = LongAnswers::new();
        let key = |method: &str, target: &str| {
            let request = Request::builder().method(method).uri(format!("http://host{target}"));
            long.key(&request.body(()).unwrap())
        };
        long.set(key("GET", "/ann?limit=9"), true);
        assert!(long.has(key("GET", "/ann?limit=9")));
        assert!(!long.has(key("GET", "/ann")) && !long.has(key("PUT", "/ann?limit=9")));
        long.set(key("GET", "/ann"), false);
        assert!(long.has(key("GET", "/ann?limit=9")));
        long.set(key("GET", "/ann?limit=9"), false);
        assert!(!long.has(key("GET", "/ann?limit=9")));
    }
}
