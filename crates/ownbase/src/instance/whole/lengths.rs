//! Whether a request's answer was long when it was last asked: then room is taken before the component is called.
//!
//! Some thousand requests are remembered, by a hash of method and target; another one that falls on the same place takes it
//! over. Of a request that is not remembered only two are called at once, and others of its kind wait for what becomes of
//! them: else hundreds that ask for the same long list would all begin to make it. To forget one, or to expect too much
//! of one, costs time and nothing else.

use http::Request;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// How many requests are remembered.
const PLACES: usize = 1024;
/// How many first calls of one request are made at once.
const MAX_FIRST_CALLS: usize = 2;

/// What is remembered of one component by one thread.
pub(crate) struct Lengths {
    hasher: RandomState,
    places: Box<[Place; PLACES]>,
    /// Told whenever a first call has ended.
    ended: Notify,
}

#[derive(Default)]
struct Place {
    /// The key of the request that was asked last, and in its lowest bit whether the answer was long; 0 for none.
    last: AtomicU64,
    first_calls: AtomicUsize,
}

/// A request as it is remembered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Key(u64);

/// What a request's answer is expected to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Expected {
    /// As it was the last time.
    Short,
    /// As it was the last time.
    Long,
    /// Nobody knows.
    Unknown,
}

/// A call of a request that is not remembered, until dropped.
pub(crate) struct FirstCall<'l> {
    lengths: &'l Lengths,
    key: Key,
}

impl Lengths {
    /// Of none yet.
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            places: Box::new(std::array::from_fn(|_| Place::default())),
            ended: Notify::new(),
        }
    }

    /// What a request is remembered by.
    pub(crate) fn key<B>(&self, request: &Request<B>) -> Key {
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        // Two bits are set aside: that of the length, and one by which no key is 0.
        Key((self.hasher.hash_one((request.method(), target)) & !1) | 2)
    }

    /// What is known of a request.
    pub(crate) fn expected(&self, key: Key) -> Expected {
        match self.place(key).last.load(Ordering::Relaxed) {
            last if last == key.0 => Expected::Short,
            last if last == key.0 | 1 => Expected::Long,
            _ => Expected::Unknown,
        }
    }

    /// Remembers how long a request's answer was.
    pub(crate) fn remember(&self, key: Key, is_long: bool) {
        let last = &self.place(key).last;
        let now = key.0 | u64::from(is_long);
        // Written only where it differs, which is seldom.
        if last.load(Ordering::Relaxed) != now {
            last.store(now, Ordering::Relaxed);
        }
    }

    /// A first call of a request, unless too many are under way.
    pub(crate) fn try_first_call(&self, key: Key) -> Option<FirstCall<'_>> {
        let before = self.place(key).first_calls.fetch_add(1, Ordering::Relaxed);
        let call = FirstCall { lengths: self, key };
        (before < MAX_FIRST_CALLS).then_some(call)
    }

    /// A first call of a request as soon as there are fewer, or none once it is known what to expect.
    pub(crate) async fn first_call(&self, key: Key) -> Option<FirstCall<'_>> {
        loop {
            // Made before it is looked, so that no end is missed.
            let ended = self.ended.notified();
            if self.expected(key) != Expected::Unknown {
                return None;
            }
            if self.place(key).first_calls.load(Ordering::Relaxed) < MAX_FIRST_CALLS {
                return self.try_first_call(key);
            }
            ended.await;
        }
    }

    fn place(&self, key: Key) -> &Place {
        // The lowest two bits are the same in many keys.
        let index = (key.0 >> 2) as usize % PLACES;
        &self.places[index]
    }
}

impl Drop for FirstCall<'_> {
    fn drop(&mut self) {
        let lengths = self.lengths;
        let before = lengths.place(self.key).first_calls.fetch_sub(1, Ordering::Relaxed);
        // Nobody waits for the end of others.
        if before >= MAX_FIRST_CALLS {
            lengths.ended.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use futures::FutureExt;

    fn key(lengths: &Lengths, method: &str, target: &str) -> Key {
        let request = Request::builder().method(method).uri(format!("http://host{target}"));
        lengths.key(&request.body(()).unwrap())
    }

    #[test]
    fn a_request_is_method_and_target() {
        let lengths = Lengths::new();
        let long = key(&lengths, "GET", "/ann?limit=9");
        lengths.remember(long, true);
        assert_eq!(lengths.expected(long), Expected::Long);
        for (method, target) in [("GET", "/ann"), ("PUT", "/ann?limit=9")] {
            assert_eq!(lengths.expected(key(&lengths, method, target)), Expected::Unknown);
        }
        lengths.remember(long, false);
        assert_eq!(lengths.expected(long), Expected::Short);
    }

    #[test]
    fn others_wait_for_what_becomes_of_the_first_two() {
        let lengths = Lengths::new();
        let key = key(&lengths, "GET", "/ann");
        let (first, second) = (lengths.try_first_call(key).unwrap(), lengths.try_first_call(key).unwrap());
        assert!(lengths.try_first_call(key).is_none());
        let mut third = Box::pin(lengths.first_call(key));
        let mut fourth = Box::pin(lengths.first_call(key));
        assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());
        // One that failed leaves its place to another one.
        drop(first);
        let third = third.now_or_never().unwrap();
        assert!(third.is_some() && (&mut fourth).now_or_never().is_none());
        lengths.remember(key, true);
        drop(second);
        assert!(fourth.now_or_never().unwrap().is_none());
        drop(third);
        assert_eq!(lengths.place(key).first_calls.load(Ordering::Relaxed), 0);
    }
}
