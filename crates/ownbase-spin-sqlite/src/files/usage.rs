//! How many users there are, and how much room the state directory takes: counted, kept up to date, and bounded.
//!
//! A thread counts what is there after a start, folder by folder, with a pause as long as each folder took. Nothing is
//! refused before that has ended. From then on the count follows what this process does: a database's files are looked at
//! when it is opened, made, checkpointed, closed and erased, and a log is taken to be as long as its commits say. A file
//! counts as its length, rounded up to 4 KiB, as most file systems keep it; SQLite's temporary files count too.
//!
//! How exact that is: what happens in a folder in the moment in which the thread lists it may be counted twice or not at
//! all; of a transaction that was not committed nothing is counted before the database is closed; what other programs do
//! is counted at the next start. A statement that may grow a database is refused once the bound is reached, and never
//! stopped for it: the count passes the bound by what the statements do that run at that moment, each of them at most
//! `max_database_bytes`.

use super::{Location, folders, spill};
use crate::{Limits, errors::Error, state_error::StateError};
use std::{
    cell::Cell,
    fs::{self, DirEntry},
    io,
    path::Path,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// What a file's length is rounded up to.
const BLOCK_BYTES: u64 = 4_096;

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
    /// Which of the 256 folders the thread has counted.
    counted: Vec<AtomicBool>,
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
    /// Starts to count what is in a state directory that this process holds, if anything is bounded.
    pub(super) fn start(limits: &Limits, state_dir: &Path) -> Result<Arc<Usage>, StateError> {
        let usage = Arc::new(Usage::new(limits));
        if usage.is_bounded() {
            let (counted, state_dir) = (Arc::downgrade(&usage), state_dir.to_owned());
            let thread = thread::Builder::new().name("ownbase-count".to_owned());
            thread.spawn(move || count_all(&counted, &state_dir)).map_err(StateError::Thread)?;
        }
        Ok(usage)
    }

    fn new(limits: &Limits) -> Usage {
        let bound = |limit| if limit == 0 { u64::MAX } else { limit };
        Usage {
            max_users: bound(limits.max_users),
            max_bytes: bound(limits.max_state_bytes),
            page_bytes: limits.page_size_bytes.into(),
            is_known: AtomicBool::new(false),
            users: AtomicI64::new(0),
            bytes: AtomicI64::new(0),
            begun: AtomicI64::new(0),
            counted: (0..=u8::MAX).map(|_| AtomicBool::new(false)).collect(),
            start: Instant::now(),
            logged_s: AtomicU64::new(0),
        }
    }

    /// Whether anything is bounded, and so counted.
    fn is_bounded(&self) -> bool {
        (self.max_users, self.max_bytes) != (u64::MAX, u64::MAX)
    }

    /// Users and bytes, once they are known.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> Option<(i64, u64)> {
        self.is_known().then(|| (self.users.load(Relaxed), positive(self.bytes.load(Relaxed))))
    }

    /// Admits a new user, or says that there are as many as may be.
    pub(crate) fn begin_user(self: &Arc<Self>) -> Result<Begun, Error> {
        let begun = Begun(self.clone());
        let others = self.begun.fetch_add(1, Relaxed);
        if self.is_known() && positive(self.users.load(Relaxed) + others) >= self.max_users {
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

    /// In bytes.
    fn bytes(&self) -> u64 {
        positive(self.bytes.load(Relaxed)) + spill::taken_bytes()
    }

    fn is_known(&self) -> bool {
        self.is_known.load(Relaxed)
    }

    fn log_refusal(&self, limit: &str, bound: u64, what: &str) {
        let (now_s, logged_s) = (self.start.elapsed().as_secs() + QUIET_S, self.logged_s.load(Relaxed));
        if now_s - logged_s >= QUIET_S && self.logged_s.swap(now_s, Relaxed) == logged_s {
            let (users, bytes) = (self.users.load(Relaxed), self.bytes());
            tracing::warn!(limit, bound, users, bytes, "{what}: the state directory has reached a limit");
        }
    }

    fn note(&self, folder: u8, before: Size, now: Size) {
        if self.counted.get(usize::from(folder)).is_some_and(|counted| counted.load(Relaxed)) {
            self.users.fetch_add(i64::from(now.exists) - i64::from(before.exists), Relaxed);
            self.bytes.fetch_add(signed(now.bytes()) - signed(before.bytes()), Relaxed);
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.begun.fetch_sub(1, Relaxed);
    }
}

impl Size {
    fn bytes(self) -> u64 {
        self.file_bytes + self.wal_bytes
    }
}

#[cfg(test)]
impl super::Files {
    pub(crate) fn usage(&self) -> &Usage {
        &self.usage
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
            self.part.noted.set(Some(self.size()));
        }
    }

    /// To be called after something was done to the files.
    pub(crate) fn count(&self) {
        if let Some(before) = self.part.noted.get() {
            let now = self.size();
            self.part.noted.set(Some(now));
            self.part.usage.note(self.part.folder, before, now);
        }
    }

    /// To be called after commits: the log has so many pages.
    pub(crate) fn count_wal(&self, pages: i32) {
        let bytes = u64::try_from(pages).unwrap_or(0) * (self.part.usage.page_bytes + 24);
        if let Some(before) = self.part.noted.get()
            && bytes > before.wal_bytes
        {
            let now = Size { wal_bytes: bytes, ..before };
            self.part.noted.set(Some(now));
            self.part.usage.note(self.part.folder, before, now);
        }
    }

    /// The count of which this is a part.
    pub(crate) fn usage(&self) -> &Arc<Usage> {
        &self.part.usage
    }

    fn size(&self) -> Size {
        let bytes = |path: &Path| path.metadata().map(|found| on_disk(found.len())).ok();
        let file_bytes = bytes(&self.file);
        Size {
            exists: file_bytes.is_some(),
            file_bytes: file_bytes.unwrap_or(0),
            wal_bytes: bytes(&self.beside("-wal")).unwrap_or(0),
        }
    }
}

/// Counts what is in a state directory, until it is done or nobody wants it any more.
fn count_all(usage: &Weak<Usage>, state_dir: &Path) {
    let start = Instant::now();
    let counted = count_beside_users(usage, state_dir)
        .and_then(|()| (0..=u8::MAX).try_for_each(|byte| count_folder(usage, &state_dir.join("users"), byte)));
    let Some(usage) = usage.upgrade() else { return };
    match counted {
        Ok(()) => {
            usage.is_known.store(true, Relaxed);
            let (users, bytes, took_ms) = (usage.users.load(Relaxed), usage.bytes(), start.elapsed().as_millis());
            tracing::info!(users, bytes, took_ms, "the state directory is counted");
        }
        Err(error) => tracing::error!(%error, "the state directory cannot be counted, and is not bounded"),
    }
}

fn count_folder(usage: &Weak<Usage>, users: &Path, byte: u8) -> io::Result<()> {
    let start = Instant::now();
    let Some(usage) = usage.upgrade() else { return Ok(()) };
    let (mut found, mut bytes) = (0, 0);
    for entry in fs::read_dir(folders::folder(users, byte))? {
        let entry = entry?;
        bytes += bytes_of(&entry);
        found += i64::from(entry.file_name().to_string_lossy().ends_with(".db"));
    }
    usage.users.fetch_add(found, Relaxed);
    usage.bytes.fetch_add(signed(bytes), Relaxed);
    if let Some(counted) = usage.counted.get(usize::from(byte)) {
        counted.store(true, Relaxed);
    }
    drop(usage);
    thread::sleep(start.elapsed().min(Duration::from_secs(1)));
    Ok(())
}

/// What is in quarantine, compiled components, records.
fn count_beside_users(usage: &Weak<Usage>, state_dir: &Path) -> io::Result<()> {
    let mut bytes = 0;
    let mut folders = vec![state_dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            // Some of it comes and goes.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            // Copies that are tried come and go; SQLite's temporary files are counted elsewhere.
            let is_counted_elsewhere = ["users", "tmp", "dry-run"].iter().any(|name| entry.file_name() == *name);
            if entry.file_type()?.is_dir() && !(is_counted_elsewhere && folder == state_dir) {
                folders.push(entry.path());
            } else {
                bytes += bytes_of(&entry);
            }
        }
    }
    if let Some(usage) = usage.upgrade() {
        usage.bytes.fetch_add(signed(bytes), Relaxed);
    }
    Ok(())
}

/// Nothing for what is no file, or gone meanwhile.
fn bytes_of(entry: &DirEntry) -> u64 {
    entry.metadata().ok().filter(|found| found.is_file()).map_or(0, |found| on_disk(found.len()))
}

fn on_disk(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(u64::MAX)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn positive(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
