//! All databases of one state directory: which are open, which is closed to make room, which has been idle long enough.
//!
//! Every label in use has one entry in the map, which all connections to it share, so that a file is never open twice. At
//! most `max_open_databases` of them are open; to open one more, the one whose label was opened longest ago is
//! closed, but never one that a statement or a transaction holds: then the newcomer waits. An entry goes when nobody uses
//! its label and it is closed. A thread closes what has been idle.

mod checkpoints;
mod condition;
mod direct;
mod listing;

use crate::{
    Durability, Limits,
    database::{Database, Shared},
    durability,
    errors::Error,
    files::{Disk, Files, RealDisk},
    gate::Gate,
    lease::Lease,
    rooms::{Room, Rooms},
    scratch::Scratch,
    state_error::StateError,
};
use checkpoints::Checkpoints;
pub use condition::Condition;
pub use direct::{Direct, DirectError};
use hashlink::LinkedHashMap;
pub use listing::Found;
use std::{
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// All databases of one state directory. Clones are the same databases.
///
/// ```no_run
/// # async fn example() -> Result<(), ownbase_spin_sqlite::StateError> {
/// use ownbase_spin_sqlite::{Databases, Limits};
///
/// let databases = Databases::open("state".as_ref(), Limits::default())?;
/// // Hand clones to `SpinSqliteCtx::new`, serve; then:
/// databases.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Databases(Arc<Inner>);

struct Inner {
    files: Files,
    limits: Arc<Limits>,
    rooms: Arc<Rooms>,
    scratch: Scratch,
    /// What SQLite makes of a new database before anything is written into it.
    empty_file: OnceLock<Vec<u8>>,
    gate: Option<Gate>,
    /// Labels, to the thread that checkpoints.
    checkpoints: mpsc::Sender<Arc<str>>,
    /// In the order in which labels were last opened by a guest.
    entries: Mutex<LinkedHashMap<Arc<str>, Shared>>,
    /// Held while a file is opened that has no entry, to read its label.
    reading_label: Mutex<()>,
    closing: AtomicBool,
}

impl Databases {
    /// Takes a directory for this process: makes it if it is missing, with its 256 folders, and locks it.
    ///
    /// # Errors
    /// See [`StateError`]; another process that has the directory is one.
    pub fn open(state_dir: &Path, limits: Limits) -> Result<Databases, StateError> {
        Databases::open_on(Arc::new(RealDisk), state_dir, limits)
    }

    /// The same, with commits synced by `disk`.
    pub(crate) fn open_on(disk: Arc<dyn Disk>, state_dir: &Path, limits: Limits) -> Result<Databases, StateError> {
        durability::check_version()?;
        limits.check()?;
        durability::bound_memory(&limits).map_err(|_| StateError::Memory)?;
        let files = Files::open(disk, state_dir)?;
        let limits = Arc::new(limits);
        let gate = match limits.durability {
            Durability::EachCommit => None,
            Durability::Gated => Some(Gate::start(Duration::ZERO)),
            Durability::Relaxed { window_ms } => Some(Gate::start(Duration::from_millis(window_ms))),
        };
        let (checkpoints, asked) = mpsc::channel();
        let inner = Arc::new(Inner {
            files,
            rooms: Arc::new(Rooms::new(limits.max_open_databases)),
            scratch: Scratch::new(limits.clone()),
            empty_file: OnceLock::new(),
            gate: gate.transpose().map_err(StateError::Thread)?,
            checkpoints,
            limits,
            entries: Mutex::default(),
            reading_label: Mutex::default(),
            closing: AtomicBool::new(false),
        });
        let watched = Arc::downgrade(&inner);
        start("ownbase-idle", move || close_idle(&watched))?;
        let watched = Arc::downgrade(&inner);
        start("ownbase-checkpoint", move || Checkpoints::new(asked).work(&watched))?;
        Ok(Databases(inner))
    }

    /// Waits for what runs, checkpoints and closes every database, and leaves the directory to others. Calls made after
    /// this has begun fail. A database that a request holds for longer than the busy and the statement time limits
    /// together is given up on: its file is as after a crash, which loses nothing that was acknowledged.
    ///
    /// Must be called within a tokio runtime.
    pub async fn close(&self) {
        self.0.closing.store(true, SeqCst);
        let patience = self.limits().busy_timeout() + self.limits().statement_timeout();
        let until = tokio::time::Instant::now() + patience;
        let entries: Vec<Shared> = self.entries().values().cloned().collect();
        // An entry stays while something of its files is not on disk.
        let mut is_settled = true;
        for entry in entries {
            is_settled &= match tokio::time::timeout_at(until, Lease::wait(&entry)).await {
                // A join error means that the close panicked; the others are closed all the same.
                Ok(lease) => tokio::task::spawn_blocking(move || close(lease)).await.unwrap_or(false),
                Err(_) => {
                    tracing::warn!("a database was still in use and is not closed");
                    false
                }
            }
        }
        self.0.files.release(is_settled);
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn scratch(&self) -> &Scratch {
        &self.0.scratch
    }

    pub(crate) fn empty_file(&self) -> &OnceLock<Vec<u8>> {
        &self.0.empty_file
    }

    pub(crate) fn gate(&self) -> Option<&Gate> {
        self.0.gate.as_ref()
    }

    /// Ends the use of a database. If its WAL is long, a thread moves it into the file when its turn has come.
    pub(crate) fn give_back(&self, lease: Lease) {
        if let Some(label) = lease.asks_for_checkpoint() {
            drop(lease);
            self.checkpoint_later(label);
        }
    }

    /// Without the thread, statements checkpoint for themselves.
    pub(crate) fn checkpoint_later(&self, label: Arc<str>) {
        let _ = self.0.checkpoints.send(label);
    }

    /// Refuses calls once `close` has begun.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match self.0.closing.load(SeqCst) {
            false => Ok(()),
            true => Err(Error::misuse("the databases are being closed")),
        }
    }

    /// The entry of a label, which the caller has checked.
    pub(crate) fn entry(&self, label: &str) -> (Arc<str>, Shared) {
        let mut entries = self.entries();
        entries.to_back(label);
        if let Some((label, entry)) = entries.get_key_value(label) {
            return (label.clone(), entry.clone());
        }
        let label: Arc<str> = label.into();
        let database = Database::new(label.clone(), self.0.files.locate(&label));
        let entry = Arc::new(tokio::sync::Mutex::new(database));
        entries.insert(label.clone(), entry.clone());
        (label, entry)
    }

    /// To be called by whoever is about to let go of an entry: forgets the label if nobody else uses it.
    pub(crate) fn let_go(&self, label: &str, entry: &Shared) {
        self.0.let_go(label, entry);
    }

    /// Waits for the right to open one more database, at most until `until` or for the busy time limit, and closes an idle
    /// one for it if need be. May block.
    pub(crate) fn take_room(&self, until: Instant) -> Result<Room, Error> {
        // Here too, for who was let in just before: nothing is opened behind the back of `close`.
        self.check_open()?;
        let until = until.min(Instant::now() + self.limits().busy_timeout());
        self.0.rooms.take(until, || self.0.close_one(|_| true))
    }

    #[cfg(test)]
    pub(crate) fn open_now(&self) -> usize {
        self.0.rooms.taken()
    }

    #[cfg(test)]
    pub(crate) fn place(&self, label: &str) -> std::path::PathBuf {
        self.0.files.locate(label).file().to_owned()
    }

    #[cfg(test)]
    pub(crate) fn known_labels(&self) -> usize {
        self.entries().len()
    }

    fn entries(&self) -> MutexGuard<'_, LinkedHashMap<Arc<str>, Shared>> {
        self.0.entries()
    }
}

impl Inner {
    /// Closes the first open database, in order of use, that nobody holds and that is `ripe`. May block.
    fn close_one(&self, ripe: impl Fn(&Database) -> bool) -> bool {
        let closable = |(label, entry): (&Arc<str>, &Shared)| {
            let lease = Lease::try_take_if(entry, |database| database.is_open() && ripe(database))?;
            Some((label.clone(), entry.clone(), lease))
        };
        let Some((label, entry, mut lease)) = self.entries().iter().find_map(closable) else {
            return false;
        };
        lease.close();
        drop(lease);
        self.let_go(&label, &entry);
        true
    }

    fn let_go(&self, label: &str, entry: &Shared) {
        if is_at_rest(entry) {
            let mut entries = self.entries();
            // The map's and the caller's. Nobody can join meanwhile: that needs the lock on the map.
            if Arc::strong_count(entry) == 2 && is_at_rest(entry) {
                entries.remove(label);
            }
        }
    }

    /// Forgets labels that nobody uses.
    fn forget_closed(&self) {
        self.entries().retain(|_, entry| Arc::strong_count(entry) > 1 || !is_at_rest(entry));
    }

    fn entries(&self) -> MutexGuard<'_, LinkedHashMap<Arc<str>, Shared>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Databases").field("limits", self.limits()).finish_non_exhaustive()
    }
}

/// Closes a database; whether all of its files is on disk then.
fn close(mut lease: Lease) -> bool {
    lease.close();
    lease.is_at_rest()
}

fn is_at_rest(entry: &Shared) -> bool {
    entry.try_lock().is_ok_and(|database| database.is_at_rest())
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StateError> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map(drop).map_err(StateError::Thread)
}

/// Closes databases that have been idle, until nobody has `inner` any more.
fn close_idle(inner: &Weak<Inner>) {
    // Short naps, so that the thread ends soon after the databases are gone.
    const NAP: Duration = Duration::from_millis(500);
    while let Some(databases) = inner.upgrade() {
        let idle = databases.limits.idle_close();
        while databases.close_one(|database| database.used().elapsed() >= idle) {}
        databases.forget_closed();
        drop(databases);
        thread::sleep(NAP);
    }
}
