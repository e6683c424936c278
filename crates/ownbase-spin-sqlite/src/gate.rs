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
//! What this does not do: it knows no SQL, and moves nothing from the log into the database.

use crate::{errors::Error, files::WalFile};
use rusqlite::ffi;
use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

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
}

#[derive(Default)]
struct Waiting {
    logs: VecDeque<(Instant, Arc<Log>)>,
    over: bool,
}

/// The write-ahead log of one open database.
pub(crate) struct Log {
    label: Arc<str>,
    queue: Arc<Queue>,
    state: Mutex<State>,
    moved: Notify,
}

struct State {
    /// Open until the database is closed.
    file: Option<Arc<WalFile>>,
    /// The file was made when the database was opened; its name must be on disk too.
    is_named: bool,
    /// How many statements have ended, and how many of those are on disk with all they committed.
    ended: u64,
    durable: u64,
    /// Since when there are commits that no sync has begun to cover, and commits that a sync is about to cover.
    waiting_since: Option<Instant>,
    syncing_since: Option<Instant>,
    failed: bool,
}

impl State {
    /// Never after a failed sync: what it was to cover stays in doubt for whoever waits for it.
    fn note_durable(&mut self, ended: u64) {
        if !self.failed {
            self.durable = ended;
        }
    }
}

impl Gate {
    /// Starts the threads. Answers wait for the disk, or, with a `window`, only once the disk is that far behind.
    pub(crate) fn start(window: Duration) -> io::Result<Gate> {
        let queue = Queue { window, state: Mutex::default(), changed: Condvar::new() };
        let gate = Gate(Arc::new(queue));
        for number in 0..SYNCERS {
            let queue = gate.0.clone();
            thread::Builder::new().name(format!("ownbase-sync-{number}")).spawn(move || queue.work())?;
        }
        Ok(gate)
    }

    /// The log of a database that has just been opened, and in which nothing waits for the disk.
    pub(crate) fn log(&self, label: Arc<str>, wal: WalFile) -> Arc<Log> {
        let state = State {
            file: Some(Arc::new(wal)),
            is_named: false,
            ended: 0,
            durable: 0,
            waiting_since: None,
            syncing_since: None,
            failed: false,
        };
        Arc::new(Log { label, queue: self.0.clone(), state: Mutex::new(state), moved: Notify::new() })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.changed.notify_all();
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

/// What one sync covers.
struct Covered {
    file: Arc<WalFile>,
    is_named: bool,
    ended: u64,
}

impl Covered {
    fn sync(&self) -> io::Result<()> {
        self.file.sync()?;
        if self.is_named { Ok(()) } else { self.file.sync_name() }
    }
}

impl Log {
    /// The number of the statement that ended last: who reads now must wait for it.
    pub(crate) fn seen(&self) -> u64 {
        self.lock().ended
    }

    /// The number of the statement that is about to run. The caller has the database, and calls `end` after it.
    pub(crate) fn next(&self) -> u64 {
        self.lock().ended + 1
    }

    /// A statement has ended, and has committed or not.
    pub(crate) fn end(self: &Arc<Self>, committed: bool) {
        let mut state = self.lock();
        state.ended += 1;
        if committed && state.waiting_since.is_none() {
            let now = Instant::now();
            state.waiting_since = Some(now);
            if state.syncing_since.is_none() {
                self.queue.push(now, self.clone());
            }
        } else if state.waiting_since.is_none() && state.syncing_since.is_none() {
            let ended = state.ended;
            state.note_durable(ended);
            self.moved.notify_waiters();
        }
        if !self.queue.window.is_zero() {
            // Its end is what they wait for.
            self.moved.notify_waiters();
        }
    }

    /// Whether statement number `ended` and all before it are on disk.
    pub(crate) fn is_durable(&self, ended: u64) -> bool {
        self.lock().durable >= ended
    }

    /// Whether statement number `ended` may be told of; an error if it never may.
    pub(crate) fn check(&self, ended: u64) -> Result<bool, NotDurable> {
        let state = self.lock();
        if state.durable >= ended {
            return Ok(true);
        }
        if state.failed {
            return Err(NotDurable);
        }
        let oldest = state.syncing_since.or(state.waiting_since);
        Ok(state.ended >= ended && oldest.is_some_and(|oldest| oldest.elapsed() < self.queue.window))
    }

    /// Waits until statement number `ended` may be told of.
    pub(crate) async fn reach(&self, ended: u64) -> Result<(), NotDurable> {
        loop {
            // Before the look: from here on no change is missed.
            let moved = self.moved.notified();
            if self.check(ended)? {
                return Ok(());
            }
            moved.await;
        }
    }

    /// Whether the database must not be used any more, but recovered.
    pub(crate) fn has_failed(&self) -> bool {
        self.lock().failed
    }

    /// All that was committed is on disk otherwise than by a sync of the log: the database is closed, or erased.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.file = None;
        let ended = state.ended;
        state.note_durable(ended);
        self.moved.notify_waiters();
    }

    /// The database could not be brought onto the disk.
    pub(crate) fn fail(&self) {
        let mut state = self.lock();
        state.file = None;
        state.failed = true;
        self.moved.notify_waiters();
    }

    fn begin_sync(&self) -> Option<Covered> {
        let mut state = self.lock();
        let file = state.file.clone().filter(|_| !state.failed)?;
        state.syncing_since = state.waiting_since.take();
        Some(Covered { file, is_named: state.is_named, ended: state.ended })
    }

    fn end_sync(self: &Arc<Self>, covered: &Covered, result: io::Result<()>) {
        let mut state = self.lock();
        state.syncing_since = None;
        match result {
            // Closed meanwhile: the database has what the log had.
            _ if state.file.is_none() => return,
            Ok(()) => {
                state.is_named = true;
                // What has ended since and committed nothing is covered too.
                let ended = if state.waiting_since.is_none() { state.ended } else { covered.ended };
                state.note_durable(ended);
                if let Some(since) = state.waiting_since {
                    self.queue.push(since, self.clone());
                }
            }
            Err(error) => {
                state.failed = true;
                let label = &*self.label;
                tracing::error!(label, %error, "a sync failed; requests that wait for it get no other answer, and the database is recovered before it is used again");
            }
        }
        self.moved.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
