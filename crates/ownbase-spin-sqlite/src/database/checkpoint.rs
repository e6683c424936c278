//! When a database's WAL is moved into its file, other than by a close: by the thread that does that for all databases, soon
//! after the WAL has become long, or by a statement that finds it twice as long.

use super::Database;
use std::sync::Arc;

impl Database {
    /// The label, if the WAL has become long and this was not said before.
    pub(crate) fn asks_for_checkpoint(&self) -> Option<Arc<str>> {
        let open = self.open.as_ref().filter(|open| !open.has_failed())?;
        open.connection().asks_for_checkpoint().then(|| self.label.clone())
    }

    /// Moves the WAL into the database's file if it is long. May block for long.
    pub(crate) fn checkpoint_if_long(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.connection().wal_is_long()) {
            self.checkpoint();
        }
    }

    /// The same if it is so long that nothing more is to be added. Never within a transaction: what begins one comes by here,
    /// and the WAL is measured at commits. Before a read too, which nothing tells from a change before it is prepared; and what
    /// it takes, it takes of the statement's time.
    pub(super) fn checkpoint_if_overdue(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.connection().wal_is_overdue()) {
            self.checkpoint();
        }
    }

    /// Moves the WAL into the database's file. May block for long.
    pub(crate) fn checkpoint(&mut self) {
        let Some(open) = self.open.as_ref().filter(|open| !open.has_failed()) else { return };
        if let Err(error) = open.checkpoint() {
            let label = &*self.label;
            tracing::error!(label, ?error, "a checkpoint failed; the database is recovered before it is used again");
            self.abandon();
        }
        self.location.count();
    }

    /// Counts what commits have added to the WAL.
    pub(super) fn count_growth(&self) {
        if let Some(open) = &self.open {
            self.location.count_wal(open.connection().wal_pages());
        }
    }
}
