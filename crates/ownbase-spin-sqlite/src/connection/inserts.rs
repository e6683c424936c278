//! Whether a run has inserted a row of its own, and so whether SQLite's latest rowid is that row's.
//!
//! SQLite keeps the latest rowid for the whole connection, which guests share, and a statement may change rows without
//! inserting one: by WITH before an UPDATE, by ON CONFLICT DO UPDATE, by a view's trigger. It tells each row's insertion, of
//! triggers and of full-text search too, but not which one counts; so the latest rowid is the run's own if it is another than
//! before, or one that was inserted meanwhile. That one may be a trigger's: then it is of this run all the same.
//!
//! <https://sqlite.org/c3ref/last_insert_rowid.html>, <https://sqlite.org/c3ref/update_hook.html>

use rusqlite::{Connection, hooks::Action};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
};

/// Clones tell of the same connection.
#[derive(Clone, Default)]
pub(super) struct Inserts(Arc<Told>);

#[derive(Default)]
struct Told {
    latest_before: AtomicI64,
    came_again: AtomicBool,
}

impl Inserts {
    /// Listens to a connection's insertions.
    pub(super) fn watch(sqlite: &mut Connection) -> rusqlite::Result<Inserts> {
        let inserts = Inserts::default();
        let told = inserts.clone();
        sqlite.update_hook(Some(move |action, _: &str, _: &str, rowid| {
            if action == Action::SQLITE_INSERT && rowid == told.0.latest_before.load(Relaxed) {
                told.0.came_again.store(true, Relaxed);
            }
        }))?;
        Ok(inserts)
    }

    /// A run begins.
    pub(super) fn begin(&self, sqlite: &Connection) {
        self.0.latest_before.store(sqlite.last_insert_rowid(), Relaxed);
        self.0.came_again.store(false, Relaxed);
    }

    /// The rowid of the row that was inserted last since `begin`, if one was.
    pub(super) fn latest(&self, sqlite: &Connection) -> Option<i64> {
        let latest = sqlite.last_insert_rowid();
        let is_own = latest != self.0.latest_before.load(Relaxed) || self.0.came_again.load(Relaxed);
        is_own.then_some(latest)
    }
}
