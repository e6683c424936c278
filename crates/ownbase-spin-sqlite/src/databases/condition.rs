//! Whose databases are in trouble: what an operator is told, by the log and by whoever asks.
//!
//! A database that SQLite cannot read, a disk that fails and a disk or database that is full are the operator's business.
//! The log has one line at ERROR for each, and no second one for the same database within a minute: a guest can bring
//! about some of them as often as it likes.

use super::Databases;
use crate::errors::Error;
use rusqlite::ffi;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Between two log lines about one database.
const QUIET: Duration = Duration::from_secs(60);

/// Databases remembered; past it the count of those that fail is a lower bound.
const MAX_REMEMBERED: usize = 10_000;

/// How the databases of one state directory are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Condition {
    /// Users whose database is damaged and was set aside, and has not been put back, removed or erased.
    pub quarantined_users: u64,
    /// Users whose latest call failed since SQLite could not read their database or the disk failed; 10,000 at most.
    pub failing_users: u64,
}

/// Databases with a recent failure.
#[derive(Default)]
pub(super) struct Troubles {
    /// How many are remembered, so that most calls lock nothing.
    count: AtomicUsize,
    known: Mutex<HashMap<Arc<str>, Trouble>>,
}

struct Trouble {
    is_failing: bool,
    told: Instant,
}

impl Databases {
    /// How the databases are. Costs no access to the disk.
    pub fn condition(&self) -> Condition {
        let failing = self.0.troubles.known().values().filter(|trouble| trouble.is_failing).count();
        Condition { quarantined_users: self.0.files.set_aside() as u64, failing_users: failing as u64 }
    }

    /// Notes how a call for a database ended.
    pub(crate) fn note<T>(&self, label: &Arc<str>, result: &Result<T, Error>) {
        match result {
            Ok(_) => self.0.troubles.end(label),
            Err(error) => {
                if let Some(is_failing) = is_failing(error) {
                    self.0.troubles.begin(label, is_failing, error);
                }
            }
        }
    }
}

/// Whether an error says that the database itself is in trouble; none if the error is not the operator's business.
fn is_failing(error: &Error) -> Option<bool> {
    match error {
        Error::DatabaseFull => Some(false),
        Error::Sqlite { code: ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB | ffi::SQLITE_IOERR, .. } => Some(true),
        _ => None,
    }
}

impl Troubles {
    fn begin(&self, label: &Arc<str>, is_failing: bool, error: &Error) {
        let now = Instant::now();
        let mut known = self.known();
        if known.len() >= MAX_REMEMBERED {
            known.retain(|_, trouble| trouble.is_failing || now.duration_since(trouble.told) < QUIET);
        }
        let is_full = known.len() >= MAX_REMEMBERED;
        let is_quiet = match known.get_mut(label) {
            Some(trouble) => {
                trouble.is_failing |= is_failing;
                let is_quiet = now.duration_since(trouble.told) < QUIET;
                if !is_quiet {
                    trouble.told = now;
                }
                is_quiet
            }
            None if !is_full => {
                known.insert(label.clone(), Trouble { is_failing, told: now });
                false
            }
            None => true,
        };
        self.count.store(known.len(), Relaxed);
        drop(known);
        if !is_quiet {
            tracing::error!(label = &**label, "a database is in trouble: {}", error.shown());
        }
    }

    fn end(&self, label: &str) {
        if self.count.load(Relaxed) == 0 {
            return;
        }
        let mut known = self.known();
        if let Some(trouble) = known.get_mut(label) {
            trouble.is_failing = false;
            if trouble.told.elapsed() >= QUIET {
                known.remove(label);
            }
        }
        self.count.store(known.len(), Relaxed);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Trouble>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
