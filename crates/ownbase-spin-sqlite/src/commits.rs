//! What SQLite tells of a connection's commits.

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
}

impl Commits {
    /// Listens to a connection's commits.
    pub(crate) fn watch(sqlite: &mut Connection) -> rusqlite::Result<Commits> {
        let commits = Commits::default();
        // Comes with every commit; the other hook does not where a statement is reset before its last row.
        let told = commits.clone();
        sqlite.commit_hook(Some(move || {
            told.0.happened.store(true, Relaxed);
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

    /// Pages in the WAL after the latest commit.
    pub(crate) fn wal_pages(&self) -> i32 {
        self.0.wal_pages.load(Relaxed)
    }

    /// The WAL was moved into the database.
    pub(crate) fn forget_wal(&self) {
        self.0.wal_pages.store(0, Relaxed);
    }
}
