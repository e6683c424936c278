//! One write-ahead log: which commits are in it, how far it is on disk, and who waits for that.

use super::{NotDurable, Queue, waiters::Waiters};
use crate::files::{Key, Mark, WalFile};
use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::task::yield_now;

/// The write-ahead log of one open database.
pub(crate) struct Log {
    label: Arc<str>,
    queue: Arc<Queue>,
    state: Mutex<State>,
    waiters: Waiters,
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
    /// The latest statement for which somebody waits.
    wanted: u64,
    is_queued: bool,
    failed: bool,
    /// Frames in the log after the latest commit.
    frames: u64,
    /// Frames of this generation that are on disk.
    synced_frames: u64,
    /// Checkpoints so far: after each the log may start over, with other salts.
    generation: u64,
    is_listed: bool,
}

impl State {
    /// Never after a failed sync: what it was to cover stays in doubt for whoever waits for it.
    fn note_durable(&mut self, ended: u64) {
        if !self.failed {
            self.durable = ended;
        }
    }
}

/// What one sync covers.
pub(super) struct Covered {
    file: Arc<WalFile>,
    is_named: bool,
    ended: u64,
    frames: u64,
    generation: u64,
}

impl Covered {
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync()?;
        if self.is_named { Ok(()) } else { self.file.sync_name() }
    }
}

impl Log {
    pub(super) fn new(label: Arc<str>, wal: WalFile, queue: Arc<Queue>) -> Log {
        let state = State {
            file: Some(Arc::new(wal)),
            is_named: false,
            ended: 0,
            durable: 0,
            waiting_since: None,
            syncing_since: None,
            wanted: 0,
            is_queued: false,
            failed: false,
            frames: 0,
            synced_frames: 0,
            generation: 0,
            is_listed: false,
        };
        Log { label, queue, state: Mutex::new(state), waiters: Waiters::default() }
    }

    /// The number of the statement that ended last: who reads now must wait for it.
    pub(crate) fn seen(&self) -> u64 {
        self.lock().ended
    }

    /// The number of the statement that is about to run. The caller has the database, and calls `end` after it.
    pub(crate) fn next(&self) -> u64 {
        self.lock().ended + 1
    }

    /// A statement has ended, and has committed or not; so many frames are in the log then.
    pub(crate) fn end(self: &Arc<Self>, committed: bool, frames: u64) {
        let mut state = self.lock();
        state.ended += 1;
        if committed {
            state.frames = frames;
            state.waiting_since.get_or_insert_with(Instant::now);
            self.queue_if_wanted(&mut state);
        } else if state.waiting_since.is_none() && state.syncing_since.is_none() {
            let ended = state.ended;
            state.note_durable(ended);
            self.waiters.ring();
        }
        if !self.queue.window.is_zero() {
            // Its end is what they wait for.
            self.waiters.ring();
        }
    }

    /// Whether statement number `ended` and all before it are on disk.
    pub(crate) fn is_durable(&self, ended: u64) -> bool {
        self.lock().durable >= ended
    }

    /// Whether statement number `ended` may be told of; an error if it never may.
    pub(crate) fn check(&self, ended: u64) -> Result<bool, NotDurable> {
        self.may_tell(&self.lock(), ended)
    }

    fn may_tell(&self, state: &State, ended: u64) -> Result<bool, NotDurable> {
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
    pub(crate) async fn reach(self: &Arc<Self>, ended: u64) -> Result<(), NotDurable> {
        // What is ready to run on this thread may commit too, and share the sync.
        yield_now().await;
        self.waiters.wait(|| self.look(ended)).await
    }

    /// What is to be told of statement number `ended`; if nothing yet, a sync is on its way.
    fn look(self: &Arc<Self>, ended: u64) -> Option<Result<(), NotDurable>> {
        let mut state = self.lock();
        match self.may_tell(&state, ended) {
            Ok(true) => Some(Ok(())),
            Ok(false) => {
                state.wanted = state.wanted.max(ended);
                self.queue_if_wanted(&mut state);
                None
            }
            Err(error) => Some(Err(error)),
        }
    }

    /// Has a sync begun for what waits for one, unless one is under way, which comes back here.
    fn queue_if_wanted(self: &Arc<Self>, state: &mut State) {
        let Some(since) = state.waiting_since else { return };
        let is_wanted = state.wanted > state.durable || !self.queue.window.is_zero();
        if is_wanted && state.syncing_since.is_none() && !state.is_queued {
            state.is_queued = true;
            self.queue.push(since, self.clone());
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
        self.waiters.ring();
    }

    /// The database could not be brought onto the disk.
    pub(crate) fn fail(&self) {
        let mut state = self.lock();
        state.file = None;
        state.failed = true;
        self.waiters.ring();
    }

    pub(super) fn begin_sync(&self) -> Option<Covered> {
        let mut state = self.lock();
        state.is_queued = false;
        let file = state.file.clone().filter(|_| !state.failed)?;
        state.syncing_since = Some(state.waiting_since.take()?);
        let State { is_named, ended, frames, generation, .. } = *state;
        Some(Covered { file, is_named, ended, frames, generation })
    }

    pub(super) fn end_sync(self: &Arc<Self>, covered: &Covered, result: io::Result<()>) {
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
                self.queue_if_wanted(&mut state);
                if covered.generation == state.generation {
                    state.synced_frames = covered.frames;
                    if !std::mem::replace(&mut state.is_listed, true) {
                        self.queue.marker.list(self);
                    }
                }
            }
            Err(error) => {
                state.failed = true;
                let label = &*self.label;
                tracing::error!(label, %error, "a sync failed; requests that wait for it get no other answer, and the database is recovered before it is used again");
            }
        }
        self.waiters.ring();
    }

    /// A checkpoint is about to begin: what is committed from then on may stand where older frames stood.
    pub(crate) fn begin_generation(&self) {
        let mut state = self.lock();
        state.generation += 1;
        (state.frames, state.synced_frames) = (0, 0);
    }

    /// How far the log is on disk, for the marker; none if that is not to be told.
    pub(super) fn mark(&self) -> Option<(Key, Mark)> {
        let mut state = self.lock();
        state.is_listed = false;
        let (file, frames, generation) = (state.file.clone()?, state.synced_frames, state.generation);
        drop(state);
        let salts = file.salts().ok()??;
        // Read before a checkpoint began, the salts are those of the frames.
        let is_current = self.lock().generation == generation;
        (is_current && frames > 0).then_some((file.key(), Mark { salts, frames }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
