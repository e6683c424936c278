//! When a statement must stop: SQLite's progress handler asks every hundred instructions (some microseconds, more where each
//! moves much).
//!
//! <https://sqlite.org/c3ref/progress_handler.html>

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// A time to stop at, set by who runs a statement and read from within SQLite.
pub(crate) struct Clock {
    start: Instant,
    stop_after_ns: AtomicU64,
}

impl Clock {
    /// SQLite's virtual-machine instructions between two looks at the clock.
    pub(crate) const INSTRUCTIONS: i32 = 100;

    /// `None`: never, for statements of our own.
    pub(crate) fn stop_at(&self, until: Option<Instant>) {
        let nanoseconds = until.map_or(u64::MAX, |until| nanoseconds(self.start, until));
        self.stop_after_ns.store(nanoseconds, Relaxed);
    }

    /// Whether there is a time to stop at.
    pub(crate) fn may_stop(&self) -> bool {
        self.stop_after_ns.load(Relaxed) != u64::MAX
    }

    pub(crate) fn is_over(&self) -> bool {
        nanoseconds(self.start, Instant::now()) > self.stop_after_ns.load(Relaxed)
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { start: Instant::now(), stop_after_ns: AtomicU64::new(u64::MAX) }
    }
}

/// Some 580 years fit.
fn nanoseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}
