//! How much SQLite's temporary files take, and which statement is stopped when they take too much.
//!
//! SQLite has no limit for them. So a statement that has run for some milliseconds looks at them, every few milliseconds, from
//! within SQLite's progress handler. Linux tells what the files take: they are the process's open files that never had a
//! name, or had one that SQLite gives and lost it (`/proc/self/fd`). Linux also tells how much a thread has written
//! (`/proc/thread-self/io`): less what its log has grown by, that is what a statement has spilled, and one that spills little
//! looks no further. When the files take more than they may, the statement that has spilled most is stopped, and an eighth
//! past that every statement that looks and has spilled. A statement that is stopped fails as on a full disk.
//!
//! The files may grow past the bound by that eighth, and for each statement that runs by what it writes between two looks:
//! a 32nd of the bound, or what fits into 5 ms or a hundred of SQLite's instructions. The bound is the process's. On other
//! systems than Linux nothing tells, and nothing is bounded.

use super::temporary;
use std::{
    collections::HashMap,
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// How often a statement looks. What serves threads runs shorter than that.
const EVERY: Duration = Duration::from_millis(5);

/// Who has spilled less than this, in bytes, is not stopped.
const LITTLE_BYTES: u64 = 1 << 20;

/// What all temporary files of the process took when they were last looked at, in bytes.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// What each statement that has looked at the files has spilled, in bytes.
static SPILLED: Mutex<Option<HashMap<usize, u64>>> = Mutex::new(None);

/// One connection's statements.
#[derive(Clone)]
pub(crate) struct Spill(Arc<Shared>);

struct Shared {
    max_bytes: u64,
    /// Another number for each. Only who has the connection changes it.
    statement: AtomicU64,
    has_looked: AtomicBool,
    was_stopped: AtomicBool,
}

/// A statement that runs, until this is dropped.
pub(crate) struct Running<'a>(&'a Spill);

/// What looks, from within SQLite.
pub(crate) struct Looker {
    spill: Spill,
    /// The connection's log, if it has a file.
    wal: Option<PathBuf>,
    statement: u64,
    next: Instant,
    looks: u64,
    /// What the thread had written at the statement's first look, and how long the log was.
    first: Option<(u64, u64)>,
    /// What the statement had spilled at its latest look at the files.
    seen_bytes: u64,
}

/// What all temporary files of the process took when they were last looked at, in bytes.
pub(crate) fn taken_bytes() -> u64 {
    TAKEN.load(Relaxed)
}

impl Spill {
    pub(crate) fn new(max_bytes: u64) -> Spill {
        Spill(Arc::new(Shared {
            max_bytes,
            statement: AtomicU64::new(0),
            has_looked: AtomicBool::new(false),
            was_stopped: AtomicBool::new(false),
        }))
    }

    /// To be called before a statement begins.
    pub(crate) fn begin(&self) -> Running<'_> {
        self.0.statement.store(self.0.statement.load(Relaxed) + 1, Relaxed);
        self.0.was_stopped.store(false, Relaxed);
        Running(self)
    }

    /// Whether the statement that runs was stopped for what it has spilled.
    pub(crate) fn was_stopped(&self) -> bool {
        self.0.was_stopped.load(Relaxed)
    }

    /// What is to be asked from within SQLite, about a connection to `file`.
    pub(crate) fn looker(&self, file: Option<&str>) -> Looker {
        let wal = file.filter(|file| !file.is_empty()).map(|file| format!("{file}-wal").into());
        let spill = self.clone();
        Looker { spill, wal, statement: 0, next: Instant::now(), looks: 0, first: None, seen_bytes: 0 }
    }

    fn key(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.0.0.has_looked.load(Relaxed) {
            self.0.0.has_looked.store(false, Relaxed);
            with_spilled(|spilled| {
                spilled.remove(&self.0.key());
                look();
            });
        }
    }
}

impl Looker {
    /// Whether the statement that runs is to be stopped. To be asked often, while it may be stopped.
    pub(crate) fn stops(&mut self, now: Instant) -> bool {
        let statement = self.spill.0.statement.load(Relaxed);
        if statement != self.statement {
            (self.statement, self.next, self.first) = (statement, now + EVERY, None);
        }
        if now < self.next {
            return false;
        }
        self.next = now + EVERY;
        let stops = self.stops_now();
        self.spill.0.was_stopped.fetch_or(stops, Relaxed);
        stops
    }

    fn stops_now(&mut self) -> bool {
        let (max_bytes, own_bytes) = (self.spill.0.max_bytes, self.spilled_bytes());
        let new_bytes = own_bytes.saturating_sub(self.seen_bytes);
        if own_bytes < LITTLE_BYTES || new_bytes < max_bytes / 32 && taken_bytes() <= max_bytes {
            return false;
        }
        self.seen_bytes = own_bytes;
        self.spill.0.has_looked.store(true, Relaxed);
        with_spilled(|spilled| {
            spilled.insert(self.spill.key(), own_bytes);
            let taken_bytes = look();
            let is_first = spilled.values().all(|bytes| *bytes <= own_bytes);
            let stops = taken_bytes > max_bytes && is_first || taken_bytes > max_bytes + max_bytes / 8;
            if stops {
                tracing::warn!(taken_bytes, max_bytes, "a statement was stopped at max_temp_bytes");
            }
            stops
        })
    }

    /// What the statement has written since its first look, but for what went into the log.
    fn spilled_bytes(&mut self) -> u64 {
        self.looks += 1;
        // Where nothing tells, who runs for longest counts for whom has written most.
        let pretended = || self.looks * LITTLE_BYTES.max(self.spill.0.max_bytes / 32);
        let written = written_by_this_thread().unwrap_or_else(pretended);
        let wal = self.wal.as_ref().and_then(|wal| wal.metadata().ok()).map_or(0, |found| found.len());
        let first = *self.first.get_or_insert_with(|| {
            self.seen_bytes = 0;
            (written, wal)
        });
        written.saturating_sub(first.0).saturating_sub(wal.saturating_sub(first.1))
    }
}

fn with_spilled<T>(work: impl FnOnce(&mut HashMap<usize, u64>) -> T) -> T {
    work(SPILLED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Looks at the files.
fn look() -> u64 {
    let bytes = fs::read_dir("/proc/self/fd").map_or(0, |open| {
        let files = open.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_temporary(path));
        files.filter_map(|path| Some(path.metadata().ok()?.len())).sum()
    });
    TAKEN.store(bytes, Relaxed);
    bytes
}

/// Whether a descriptor is one of SQLite's temporary files. Linux calls a file that never had a name by its number.
fn is_temporary(descriptor: &Path) -> bool {
    let Ok(file) = fs::read_link(descriptor) else { return false };
    let name = file.file_name().unwrap_or_default().as_bytes();
    (name.starts_with(b"#") || name.starts_with(temporary::PREFIX.as_bytes())) && name.ends_with(b" (deleted)")
}

/// In bytes, to files of any kind. Not every system tells.
fn written_by_this_thread() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok())
}
