//! What SQLite tells of a connection's commits.

use crate::clock::Clock;
use rusqlite::{Connection, hooks::Wal};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI32, Ordering::Relaxed},
};

/// Clones tell of the same connection.
#[derive(Clone, Default)]
pub(crate) struct Commits(Arc<Told>);

#[derive(Default)]
struct Told {
    happened: AtomicBool,
    wal_pages: AtomicI32,
    /// Which thread each commit was made on.
    #[cfg(test)]
    threads: std::sync::Mutex<Vec<std::thread::ThreadId>>,
}

#[cfg(test)]
impl Told {
    fn note_thread(&self) {
        if let Ok(mut threads) = self.threads.lock() {
            threads.push(std::thread::current().id());
        }
    }
}

impl Commits {
    /// Listens to a connection's commits. From its commit on nothing may stop a statement by `clock`: SQLite asks once more
    /// after it, and would answer that what is committed was interrupted.
    pub(crate) fn watch(sqlite: &mut Connection, clock: Arc<Clock>) -> rusqlite::Result<Commits> {
        let commits = Commits::default();
        // Comes with every commit; the other hook does not where a statement is reset before its last row.
        let told = commits.clone();
        sqlite.commit_hook(Some(move || {
            clock.stop_at(None);
            told.0.happened.store(true, Relaxed);
            #[cfg(test)]
            told.0.note_thread();
            false
        }))?;
        let told = commits.clone();
        sqlite.wal_hook(Some(move |_: &mut Wal, pages| {
            told.0.wal_pages.store(pages, Relaxed);
            Ok(())
        }))?;
        Ok(commits)
    }

    /// Whether there was a commit, or an attempt at one, since this was last asked.
    pub(crate) fn take(&self) -> bool {
        self.0.happened.swap(false, Relaxed)
    }

    /// The threads of the commits since this was last asked.
    #[cfg(test)]
    pub(crate) fn take_threads(&self) -> Vec<std::thread::ThreadId> {
        self.0.threads.lock().map(|mut threads| std::mem::take(&mut *threads)).unwrap_or_default()
    }

    /// Pages in the WAL after the latest commit.
    pub(crate) fn wal_pages(&self) -> i32 {
        self.0.wal_pages.load(Relaxed)
    }

    /// The WAL was moved into the database.
    pub(crate) fn forget_wal(&self) {
        self.0.wal_pages.store(0, Relaxed);
    }
}
