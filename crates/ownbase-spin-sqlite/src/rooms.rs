//! How many databases may be open at once, and waiting until one more may.
//!
//! Blocking on purpose: a file is opened on a blocking thread anyway. Who waits is woken when a database is closed, and
//! when one falls idle, since an idle one may then be closed to make room.

use crate::errors::Error;
use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

/// A bound on open databases.
#[derive(Debug)]
pub(crate) struct Rooms {
    max: usize,
    state: Mutex<State>,
    changed: Condvar,
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    /// Counts what a waiter may be waiting for, so that none of it is missed.
    changes: u64,
}

/// The right to hold one database open; given back when dropped.
#[derive(Debug)]
pub(crate) struct Room(Arc<Rooms>);

impl Rooms {
    pub(crate) fn new(max: usize) -> Rooms {
        Rooms { max, state: Mutex::default(), changed: Condvar::new(), waiting: AtomicUsize::new(0) }
    }

    /// Waits until `until` for a room. `make_room` closes an idle database, if there is one, and says whether it did.
    pub(crate) fn take(self: &Arc<Self>, until: Instant, make_room: impl Fn() -> bool) -> Result<Room, Error> {
        loop {
            let seen = match self.try_take() {
                Ok(room) => return Ok(room),
                Err(changes) => changes,
            };
            self.waiting.fetch_add(1, SeqCst);
            if !make_room() {
                self.wait(seen, until);
            }
            self.waiting.fetch_sub(1, SeqCst);
            if Instant::now() >= until {
                return Err(Error::busy(format_args!("all {} databases that may be open are in use", self.max)));
            }
        }
    }

    /// A database has fallen idle. Costs next to nothing while nobody waits.
    pub(crate) fn announce(&self) {
        if self.waiting.load(SeqCst) > 0 {
            self.lock().changes += 1;
            self.changed.notify_all();
        }
    }

    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.lock().taken
    }

    fn try_take(self: &Arc<Self>) -> Result<Room, u64> {
        let mut state = self.lock();
        if state.taken == self.max {
            return Err(state.changes);
        }
        state.taken += 1;
        Ok(Room(self.clone()))
    }

    fn wait(&self, seen: u64, until: Instant) {
        let mut state = self.lock();
        while state.changes == seen {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    pub(crate) fn rooms(&self) -> &Arc<Rooms> {
        &self.0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.taken -= 1;
        state.changes += 1;
        drop(state);
        self.0.changed.notify_all();
    }
}
