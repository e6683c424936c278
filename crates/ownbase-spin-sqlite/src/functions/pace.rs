//! How often a function looks at the clock: after so much work, in one call or in many.

use crate::{clock::Clock, policy};
use rusqlite::{Error, ffi};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// Bytes gone through between two looks: some ten microseconds.
const BYTES: usize = 16 << 10;

/// Counts the work of one function on one connection.
pub(super) struct Pace {
    clock: Arc<Clock>,
    done: AtomicUsize,
}

impl Pace {
    pub(super) fn new(clock: Arc<Clock>) -> Pace {
        Pace { clock, done: AtomicUsize::new(0) }
    }

    /// So many bytes were gone through. Fails when the statement's time is over, as SQLite fails then.
    pub(super) fn work(&self, bytes: usize) -> rusqlite::Result<()> {
        let done = self.done.load(Relaxed).saturating_add(bytes);
        if done < BYTES {
            self.done.store(done, Relaxed);
            return Ok(());
        }
        self.done.store(0, Relaxed);
        if self.clock.is_over() { Err(failure(ffi::SQLITE_INTERRUPT)) } else { Ok(()) }
    }
}

/// Refuses a value that is larger than any may be, before it is made.
pub(super) fn check_size(bytes: usize) -> rusqlite::Result<()> {
    if bytes > policy::MAX_VALUE_BYTES as usize { Err(failure(ffi::SQLITE_TOOBIG)) } else { Ok(()) }
}

/// Without a message of ours: rusqlite would hand over the message and drop the code.
fn failure(code: i32) -> Error {
    Error::SqliteFailure(ffi::Error::new(code), None)
}
