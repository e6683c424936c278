//! The output gate: nothing that tells of a commit leaves before the commit is on disk.
//!
//! A connection commits into its write-ahead log without a sync, so the statement is answered at once; its commits are
//! whole and in order then, but a power cut may take back the latest. Each open database has a [`Log`], which numbers what
//! was committed and knows how far that is on disk. Threads sync a log once for all commits that wait, one after the other
//! for the same log and several logs side by side. A request keeps the number that it has to wait for (`Scope`), also where
//! it only read: what it read may be the commit of another.
//!
//! The log is synced through a second descriptor, opened before anything was written: Linux tells each descriptor once of a
//! failed write, and one that was opened later may miss it. For the same reason a log whose sync failed is never synced
//! again: who waits for it is told, and its database is recovered before anyone uses it (`Database::recover`).
//!
//! A log is synced once somebody waits for it, not at its commit: what a thread can still commit before that shares the sync.
//!
//! What this does not do: it knows no SQL, and moves nothing from the log into the database.

mod log;
mod marker;
mod waiters;

use crate::{
    errors::Error,
    files::{Files, WalFile},
};
pub(crate) use log::Log;
use marker::Marker;
use rusqlite::ffi;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Logs synced at once: the kernel and the disk serve several much faster than one after the other (docs/performance.md).
const SYNCERS: usize = 8;

/// What a request did or saw may not be on disk: the sync failed. It may be there or not after a power cut.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("the disk failed to keep what was written")]
#[non_exhaustive]
pub struct NotDurable;

impl From<NotDurable> for Error {
    fn from(error: NotDurable) -> Error {
        Error::new(ffi::SQLITE_IOERR, error)
    }
}

/// Syncs logs, until dropped.
pub(crate) struct Gate(Arc<Queue>);

struct Queue {
    /// How long a commit may stay off the disk while answers leave nevertheless; none: they wait.
    window: Duration,
    state: Mutex<Waiting>,
    changed: Condvar,
    marker: Marker,
}

#[derive(Default)]
struct Waiting {
    logs: VecDeque<(Instant, Arc<Log>)>,
    over: bool,
}

impl Gate {
    /// Starts the threads, which note in `files` how far logs are on disk. Answers wait for the disk, or, with a `window`,
    /// only once the disk is that far behind.
    pub(crate) fn start(window: Duration, files: Arc<Files>) -> io::Result<Gate> {
        let marker = Marker::default();
        let queue = Queue { window, state: Mutex::default(), changed: Condvar::new(), marker };
        let gate = Gate(Arc::new(queue));
        for number in 0..SYNCERS {
            let queue = gate.0.clone();
            thread::Builder::new().name(format!("ownbase-sync-{number}")).spawn(move || queue.work())?;
        }
        let queue = gate.0.clone();
        thread::Builder::new().name("ownbase-mark".to_owned()).spawn(move || queue.marker.work(&files))?;
        Ok(gate)
    }

    /// The log of a database that has just been opened, and in which nothing waits for the disk.
    pub(crate) fn log(&self, label: Arc<str>, wal: WalFile) -> Arc<Log> {
        Arc::new(Log::new(label, wal, self.0.clone()))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.changed.notify_all();
        self.0.marker.end();
    }
}

impl Queue {
    fn push(&self, since: Instant, log: Arc<Log>) {
        // Half of the window is for the sync itself.
        self.lock().logs.push_back((since + self.window / 2, log));
        self.changed.notify_one();
    }

    /// One thread's life.
    fn work(&self) {
        while let Some(log) = self.next() {
            if let Some(sync) = log.begin_sync() {
                let result = sync.sync();
                log.end_sync(&sync, result);
            }
        }
    }

    /// The next log, once its sync is due.
    fn next(&self) -> Option<Arc<Log>> {
        let mut state = self.lock();
        loop {
            let due = state.logs.front().map(|(due, _)| *due);
            match due.map(|due| due.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() || state.over => return state.logs.pop_front().map(|(_, log)| log),
                Some(left) => {
                    state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                }
                None if state.over => return None,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
