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
    #[cfg(test)]
    looks: Looks,
}

/// For the measurement of what takes long between two looks.
#[cfg(test)]
#[derive(Default)]
struct Looks {
    latest_ns: AtomicU64,
    longest_ns: AtomicU64,
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
        self.is_over_at(Instant::now())
    }

    /// The same for who has read the time.
    pub(crate) fn is_over_at(&self, now: Instant) -> bool {
        #[cfg(test)]
        self.note();
        nanoseconds(self.start, now) > self.stop_after_ns.load(Relaxed)
    }

    #[cfg(test)]
    fn note(&self) {
        let now_ns = processor_ns();
        let before_ns = self.looks.latest_ns.swap(now_ns, Relaxed);
        self.looks.longest_ns.fetch_max(now_ns.saturating_sub(before_ns), Relaxed);
    }

    /// The most that a thread's processor works between two looks while something runs, its beginning and its end included.
    #[cfg(test)]
    pub(crate) fn longest_without_a_look(&self, run: impl FnOnce()) -> std::time::Duration {
        self.looks.latest_ns.store(processor_ns(), Relaxed);
        self.looks.longest_ns.store(0, Relaxed);
        run();
        self.note();
        std::time::Duration::from_nanos(self.looks.longest_ns.load(Relaxed))
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock {
            start: Instant::now(),
            stop_after_ns: AtomicU64::new(u64::MAX),
            #[cfg(test)]
            looks: Looks::default(),
        }
    }
}

/// Some 580 years fit.
fn nanoseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}

/// The processor time of this thread. Other work of the machine does not count in it.
#[cfg(test)]
fn processor_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    u64::try_from(i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)).unwrap_or(0)
}
