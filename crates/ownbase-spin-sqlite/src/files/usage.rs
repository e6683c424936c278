//! How many users there are, and how much room the state directory takes: counted, kept up to date, and bounded.
//!
//! A thread counts what is there after a start (`usage/walk.rs`). Nothing is refused before that has ended. From then on the
//! count follows what this process does: a database's files are looked at when it is opened, made, checkpointed, closed and
//! erased, and a log is taken to be as long as its commits say. A file counts as its length, rounded up to 4 KiB, as most
//! file systems keep it; SQLite's temporary files count too.
//!
//! How exact that is: the number of users is exact. Of a transaction that was not committed nothing is counted before the
//! database is closed, and what other programs do is counted at the next start. A statement that may grow a database is
//! refused once the bound is reached, and never stopped for it: the count passes the bound by what the statements do that
//! run at that moment, each of them at most `max_database_bytes`.

mod walk;

use super::{Location, location::WAL, spill};
use crate::{Limits, errors::Error, state_error::StateError};
use std::{
    cell::Cell,
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed, Ordering::SeqCst},
    },
    time::Instant,
};

/// Seconds between two log lines that say that something was refused.
const QUIET_S: u64 = 60;

/// The count of one state directory.
pub(crate) struct Usage {
    /// `u64::MAX` for no bound, in both.
    max_users: u64,
    max_bytes: u64,
    page_bytes: u64,
    is_known: AtomicBool,
    users: AtomicI64,
    bytes: AtomicI64,
    /// Users that are being made.
    begun: AtomicI64,
    /// For each of the 256 folders, until it is counted, what is known of the databases in it that were used meanwhile.
    uncounted: Mutex<Vec<Option<HashMap<PathBuf, Size>>>>,
    start: Instant,
    /// When a refusal was last logged, in seconds after the start.
    logged_s: AtomicU64,
}

/// A user that is being made, until this is dropped.
pub(crate) struct Begun(Arc<Usage>);

/// One database's part of the count.
pub(super) struct Part {
    usage: Arc<Usage>,
    folder: u8,
    /// What of it is in the count; nothing is known before it is first looked at.
    noted: Cell<Option<Size>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Size {
    exists: bool,
    file_bytes: u64,
    wal_bytes: u64,
}

impl Usage {
    /// Of a state directory of which nothing is known yet.
    pub(super) fn new(limits: &Limits) -> Arc<Usage> {
        let bound = |limit| if limit == 0 { u64::MAX } else { limit };
        Arc::new(Usage {
            max_users: bound(limits.max_users),
            max_bytes: bound(limits.max_state_bytes),
            page_bytes: limits.page_size_bytes.into(),
            is_known: AtomicBool::new(false),
            users: AtomicI64::new(0),
            bytes: AtomicI64::new(0),
            begun: AtomicI64::new(0),
            uncounted: Mutex::new(vec![Some(HashMap::new()); 256]),
            start: Instant::now(),
            logged_s: AtomicU64::new(0),
        })
    }

    /// Starts to count what is in the state directory, if anything is bounded.
    pub(super) fn start(self: &Arc<Self>, state_dir: &Path) -> Result<(), StateError> {
        match self.is_bounded() {
            true => walk::start(self, state_dir).map_err(StateError::Thread),
            false => Ok(()),
        }
    }

    /// Users and bytes, once they are known.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> Option<(i64, u64)> {
        self.is_known().then(|| (self.users.load(Relaxed), positive(self.bytes.load(Relaxed))))
    }

    /// Admits a new user, or says that there are as many as may be.
    pub(crate) fn begin_user(self: &Arc<Self>) -> Result<Begun, Error> {
        let begun = Begun(self.clone());
        let others = self.begun.fetch_add(1, SeqCst);
        if self.is_known() && positive(self.users.load(SeqCst) + others) >= self.max_users {
            self.log_refusal("max_users", self.max_users, "no further user is made");
            return Err(Error::DatabaseFull);
        }
        if self.is_full() {
            return Err(self.refuse_growth());
        }
        Ok(begun)
    }

    /// Whether the state directory has reached its bound, so that nothing is to grow.
    pub(crate) fn is_full(&self) -> bool {
        self.is_known() && self.bytes() >= self.max_bytes
    }

    /// The error of what would grow something.
    pub(crate) fn refuse_growth(&self) -> Error {
        self.log_refusal("max_state_bytes", self.max_bytes, "no user's database may grow");
        Error::DatabaseFull
    }

    fn bytes(&self) -> u64 {
        positive(self.bytes.load(Relaxed)) + spill::taken_bytes()
    }

    fn is_bounded(&self) -> bool {
        (self.max_users, self.max_bytes) != (u64::MAX, u64::MAX)
    }

    fn is_known(&self) -> bool {
        self.is_known.load(SeqCst)
    }

    fn log_refusal(&self, limit: &str, bound: u64, what: &str) {
        let (now_s, logged_s) = (self.start.elapsed().as_secs() + QUIET_S, self.logged_s.load(Relaxed));
        if now_s - logged_s >= QUIET_S && self.logged_s.swap(now_s, Relaxed) == logged_s {
            let (users, bytes) = (self.users.load(Relaxed), self.bytes());
            tracing::warn!(limit, bound, users, bytes, "{what}: the state directory has reached a limit");
        }
    }

    /// Notes what has become of a database in a folder.
    fn note(&self, folder: u8, file: &Path, before: Size, now: Size) {
        if !self.is_known()
            && let Some(Some(used)) = self.uncounted().get_mut(usize::from(folder))
        {
            used.insert(file.to_owned(), now);
            return;
        }
        self.add(i64::from(now.exists) - i64::from(before.exists), signed(now.bytes()) - signed(before.bytes()));
    }

    fn add(&self, users: i64, bytes: i64) {
        self.users.fetch_add(users, SeqCst);
        self.bytes.fetch_add(bytes, Relaxed);
    }

    fn uncounted(&self) -> MutexGuard<'_, Vec<Option<HashMap<PathBuf, Size>>>> {
        self.uncounted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.begun.fetch_sub(1, SeqCst);
    }
}

impl Size {
    fn bytes(self) -> u64 {
        self.file_bytes + self.wal_bytes
    }
}

impl Part {
    pub(super) fn new(usage: Arc<Usage>, folder: u8) -> Part {
        Part { usage, folder, noted: Cell::default() }
    }
}

impl Location {
    /// To be called before anything is done to the files: what is there now is in the count, or will be.
    pub(crate) fn begin_count(&self) {
        if self.part.noted.get().is_none() && self.part.usage.is_bounded() {
            let now = self.size();
            self.note(now, now);
        }
    }

    /// To be called after something was done to the files.
    pub(crate) fn count(&self) {
        if let Some(before) = self.part.noted.get() {
            self.note(before, self.size());
        }
    }

    /// To be called after commits: the log has so many pages.
    pub(crate) fn count_wal(&self, pages: i32) {
        let wal_bytes = u64::try_from(pages).unwrap_or(0) * (self.part.usage.page_bytes + 24);
        if let Some(before) = self.part.noted.get()
            && wal_bytes > before.wal_bytes
        {
            self.note(before, Size { wal_bytes, ..before });
        }
    }

    /// To be called once the files were moved elsewhere in the state directory: the user is gone, the bytes are not.
    pub(crate) fn count_moved(&self) {
        let moved = self.part.noted.get().map_or(0, Size::bytes);
        self.count();
        self.part.usage.add(0, signed(moved));
    }

    /// The count of which this is a part.
    pub(crate) fn usage(&self) -> &Arc<Usage> {
        &self.part.usage
    }

    fn note(&self, before: Size, now: Size) {
        self.part.noted.set(Some(now));
        self.part.usage.note(self.part.folder, &self.file, before, now);
    }

    fn size(&self) -> Size {
        let bytes = |path: &Path| path.metadata().map(|found| walk::on_disk(found.len())).ok();
        let file_bytes = bytes(&self.file);
        Size {
            exists: file_bytes.is_some(),
            file_bytes: file_bytes.unwrap_or(0),
            wal_bytes: bytes(&self.beside(WAL)).unwrap_or(0),
        }
    }
}

#[cfg(test)]
impl super::Files {
    pub(crate) fn usage(&self) -> &Usage {
        &self.shared.usage
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn positive(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
