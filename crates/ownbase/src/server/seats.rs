//! Which connections are idle, and which of them has been idle for longest: when all places are taken, that one gives way.
//!
//! A connection is busy from a request's last byte to the last byte of its answer that the client takes. It is idle
//! before its first request, between two, while a request's head or body is on its way, and while it waits for room
//! (`whole.rs`): then no component works, and nothing is lost but what the client can send again. One that has been idle for less than 50 ms stays: its first request
//! may be on its way. A connection tells its state by some atomic numbers of its own; who
//! looks for the idle ones reads them all, and only when a place is wanted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long a connection is idle before it may have to give way.
const MIN_IDLE: Duration = Duration::from_millis(50);

/// The state of one connection.
#[derive(Debug)]
pub(crate) struct Seat {
    /// What its times count from.
    zero: Instant,
    requests: AtomicUsize,
    /// Of these, those for which no component works yet.
    waiting: AtomicUsize,
    /// Something waits to be sent.
    unsent: AtomicBool,
    /// In microseconds.
    idle_since_us: AtomicU64,
    asked: Notify,
}

impl Seat {
    fn new(zero: Instant) -> Arc<Self> {
        let seat = Self {
            zero,
            requests: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            unsent: AtomicBool::new(false),
            idle_since_us: AtomicU64::new(0),
            asked: Notify::new(),
        };
        seat.is_idle_from_now();
        Arc::new(seat)
    }

    /// Waits until another connection wants the place and this one is idle. Its thread asks, so nothing changes meanwhile.
    pub(super) async fn given_way(&self) {
        loop {
            self.asked.notified().await;
            if self.idle_since().is_some() {
                return;
            }
        }
    }

    /// Says whether something waits to be sent.
    pub(super) fn set_unsent(&self, unsent: bool) {
        self.unsent.store(unsent, Ordering::Relaxed);
        if !unsent {
            self.is_idle_from_now();
        }
    }

    fn idle_since(&self) -> Option<u64> {
        let is_busy = self.requests.load(Ordering::Relaxed) > self.waiting.load(Ordering::Relaxed)
            || self.unsent.load(Ordering::Relaxed);
        (!is_busy).then(|| self.idle_since_us.load(Ordering::Relaxed))
    }

    fn is_idle_from_now(&self) {
        self.idle_since_us.store(micros(self.zero.elapsed()), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A request of a connection, until its answer is taken.
#[derive(Debug)]
pub(super) struct Busy(Arc<Seat>);

impl Busy {
    /// A request whose head is there.
    pub(super) fn begin(seat: &Arc<Seat>) -> Self {
        seat.requests.fetch_add(1, Ordering::Relaxed);
        Self(seat.clone())
    }

    /// It waits for something, until the result is dropped, and its connection may have to give way meanwhile.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.0.is_idle_from_now();
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.0)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.is_idle_from_now();
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request for which no component works yet.
pub(super) struct Waiting<'b>(&'b Seat);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// All connections, as the acceptor knows them.
pub(super) struct Seats {
    zero: Instant,
    all: Vec<Weak<Seat>>,
    /// Those that were idle when they were looked for, by when they fell idle. What falls idle later comes after them.
    idle: VecDeque<(u64, Weak<Seat>)>,
}

impl Seats {
    /// None yet.
    pub(super) fn new() -> Self {
        Self { zero: Instant::now(), all: Vec::new(), idle: VecDeque::new() }
    }

    /// One for a new connection, idle until its first request.
    pub(super) fn take(&mut self) -> Arc<Seat> {
        // Each time that twice as much has come together: so little at a time.
        if self.all.len() == self.all.capacity() {
            self.all.retain(|seat| seat.strong_count() > 0);
        }
        let seat = Seat::new(self.zero);
        self.all.push(Arc::downgrade(&seat));
        seat
    }

    /// Asks the connection that has been idle for longest to end; whether there is one.
    pub(super) fn ask_longest_idle(&mut self) -> bool {
        let latest = micros(self.zero.elapsed().saturating_sub(MIN_IDLE));
        self.ask_idle_since(latest)
    }

    fn ask_idle_since(&mut self, latest: u64) -> bool {
        if self.idle.is_empty() {
            self.look_for_idle();
        }
        while let Some((since, seat)) = self.idle.pop_front_if(|(since, _)| *since <= latest) {
            // One that has served a request meanwhile is looked for again.
            if let Some(seat) = seat.upgrade()
                && seat.idle_since() == Some(since)
            {
                seat.asked.notify_one();
                return true;
            }
            if self.idle.is_empty() {
                self.look_for_idle();
            }
        }
        false
    }

    fn look_for_idle(&mut self) {
        let idle = self.all.iter().filter_map(|weak| Some((weak.upgrade()?.idle_since()?, weak.clone())));
        let mut idle: Vec<_> = idle.collect();
        idle.sort_unstable_by_key(|(since, _)| *since);
        self.idle = idle.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    /// Connections that fell idle one after the other.
    fn seats(count: u64) -> (Seats, Vec<Arc<Seat>>) {
        let mut seats = Seats::new();
        let taken: Vec<_> = (0..count).map(|_| seats.take()).collect();
        for (seat, since) in taken.iter().zip(0..) {
            seat.idle_since_us.store(since, Ordering::Relaxed);
        }
        (seats, taken)
    }

    fn is_asked(seat: &Seat) -> bool {
        seat.given_way().now_or_never().is_some()
    }

    #[test]
    fn the_longest_idle_gives_way_and_then_the_next() {
        let (mut seats, taken) = seats(3);
        for asked in 0..3 {
            assert!(seats.ask_idle_since(u64::MAX));
            let those: Vec<_> = taken.iter().map(|seat| is_asked(seat)).collect();
            assert_eq!(those, [0, 1, 2].map(|index| index == asked));
        }
    }

    #[test]
    fn who_is_busy_stays() {
        let (mut seats, mut taken) = seats(3);
        let answering = Busy::begin(&taken[0]);
        taken[1].set_unsent(true);
        assert!(seats.ask_idle_since(u64::MAX) && is_asked(&taken[2]));
        taken.truncate(2);
        let receiving = answering.wait();
        assert!(seats.ask_idle_since(u64::MAX) && is_asked(&taken[0]));
        drop(receiving);
        drop(answering);
        taken[1].set_unsent(false);
        drop(taken);
        assert!(!seats.ask_idle_since(u64::MAX), "all have gone");
    }

    #[test]
    fn a_request_makes_a_connection_the_last_to_go() {
        let (mut seats, taken) = seats(3);
        assert!(seats.ask_idle_since(u64::MAX) && is_asked(&taken[0]));
        std::thread::sleep(Duration::from_micros(10));
        drop(Busy::begin(&taken[1]));
        assert!(seats.ask_idle_since(u64::MAX) && is_asked(&taken[2]));
    }

    #[test]
    fn one_that_has_become_busy_since_it_was_asked_stays() {
        let (mut seats, taken) = seats(1);
        assert!(seats.ask_idle_since(u64::MAX));
        let busy = Busy::begin(&taken[0]);
        assert!(!is_asked(&taken[0]) && !seats.ask_idle_since(u64::MAX));
        drop(busy);
        assert!(!is_asked(&taken[0]), "it was asked too long ago");
    }

    #[test]
    fn who_has_just_come_stays() {
        let (mut seats, taken) = seats(1);
        taken[0].idle_since_us.store(10, Ordering::Relaxed);
        assert!(!seats.ask_idle_since(9));
        assert!(seats.ask_idle_since(10));
    }

    #[test]
    fn what_has_gone_is_forgotten() {
        let mut seats = Seats::new();
        for _ in 0..10_000 {
            drop(seats.take());
        }
        assert!(seats.all.len() < 100, "{}", seats.all.len());
    }
}
