//! One open SQLite: runs a statement within its limits and turns rows into the interface's values.
//!
//! A connection serves many requests, one statement or transaction at a time. It knows SQLite only: not labels, not who
//! waits for it, not when its file comes and goes. Statements are prepared once and kept (32 a connection), but for those
//! that nothing could stop (`bulk.rs`).

mod bulk;
mod copy;
mod inserts;
mod look;
mod opening;
mod run;
mod statement;
mod undone;
mod values;

use crate::{
    Limits,
    clock::Clock,
    commits::Commits,
    durability,
    errors::Error,
    files::spill::Spill,
    functions,
    policy::{self, Exempt},
};
pub(crate) use bulk::Bulk;
#[cfg(test)]
pub(crate) use bulk::of_arguments as bulk_share;
use inserts::Inserts;
use rusqlite::{InterruptHandle, OpenFlags, wal::CheckpointMode};
pub(crate) use statement::{Admission, Changes, Kind, Ran, Statement};
use std::{cell::Cell, path::Path, sync::Arc, time::Instant};

/// Prepared statements kept for each connection.
const KEPT_STATEMENTS: usize = 32;

/// Pages of a database into which only its label was written.
const MAX_UNUSED_PAGES: i64 = 2;

pub(crate) struct Connection {
    sqlite: rusqlite::Connection,
    interrupt: InterruptHandle,
    clock: Arc<Clock>,
    spill: Spill,
    statement_timeout_ms: u64,
    commits: Commits,
    inserts: Inserts,
    has_failed: Cell<bool>,
    /// For the next checkpoint.
    has_asked: Cell<bool>,
    /// SQLite syncs nothing before the next checkpoint.
    is_unsynced: Cell<bool>,
    /// In the transaction that is open, if one is.
    may_have_written: Cell<bool>,
    exempt: Exempt,
    bulk: Bulk,
}

impl Connection {
    /// An empty database in memory, on which statements for a label without a file are tried.
    pub(crate) fn scratch(limits: &Limits) -> Result<Connection, Error> {
        Ok(Connection::ready(rusqlite::Connection::open_in_memory()?, limits)?)
    }

    fn ready(mut sqlite: rusqlite::Connection, limits: &Limits) -> rusqlite::Result<Connection> {
        let clock = Arc::new(Clock::default());
        let spill = Spill::new(limits.max_temp_bytes);
        let (asked, mut looker) = (clock.clone(), spill.looker(sqlite.path()));
        sqlite.progress_handler(
            Clock::INSTRUCTIONS,
            Some(move || {
                let now = Instant::now();
                asked.is_over_at(now) || asked.may_stop() && looker.stops(now)
            }),
        )?;
        sqlite.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
        functions::register(&sqlite, &clock)?;
        let bulk = Bulk::default();
        let exempt = policy::apply(&mut sqlite, bulk.clone())?;
        // Reads the schema now, so that the first statement does not.
        sqlite.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let statement_timeout_ms = limits.statement_timeout_ms;
        Ok(Connection {
            commits: Commits::watch(&mut sqlite, clock.clone())?,
            inserts: Inserts::watch(&mut sqlite)?,
            interrupt: sqlite.get_interrupt_handle(),
            sqlite,
            clock,
            spill,
            statement_timeout_ms,
            has_failed: Cell::default(),
            has_asked: Cell::default(),
            is_unsynced: Cell::default(),
            may_have_written: Cell::default(),
            exempt,
            bulk,
        })
    }

    /// Whether there was a commit, or an attempt at one, since this was last asked.
    pub(crate) fn take_committed(&self) -> bool {
        self.commits.take()
    }

    /// Whether the WAL has become long, and this was not said before.
    pub(crate) fn asks_for_checkpoint(&self) -> bool {
        self.wal_is_long() && !self.has_asked.replace(true)
    }

    /// Whether the WAL is to be moved into the database when there is time.
    pub(crate) fn wal_is_long(&self) -> bool {
        self.commits.wal_pages() >= durability::WAL_PAGES
    }

    /// Whether the WAL is to be moved into the database before anything is added to it.
    pub(crate) fn wal_is_overdue(&self) -> bool {
        self.commits.wal_pages() >= durability::MAX_WAL_PAGES
    }

    /// Pages in the WAL after the latest commit, each in a frame.
    pub(crate) fn wal_pages(&self) -> i32 {
        self.commits.wal_pages()
    }

    #[cfg(test)]
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    #[cfg(test)]
    pub(crate) fn commits(&self) -> &Commits {
        &self.commits
    }

    /// Whether a commit leaves every sync to the gate. The first one in a WAL that starts over does not: it writes the WAL's
    /// header anew, and SQLite syncs that before it goes on.
    pub(crate) fn commits_unsynced(&self) -> bool {
        self.is_unsynced.get() || self.commits.wal_pages() > 0
    }

    /// Moves the WAL into the database, durably. May block for long.
    pub(crate) fn checkpoint(&self) -> Result<(), Error> {
        self.clock.stop_at(None);
        self.commits.forget_wal();
        self.has_asked.set(false);
        if self.is_unsynced.take() {
            self.exempt.run(|| durability::sync_from_now_on(&self.sqlite))?;
        }
        durability::checkpoint(&self.sqlite, CheckpointMode::PASSIVE)
    }

    /// The label that the database says it belongs to, or `None` if its making was cut short before it said so.
    pub(crate) fn label_inside(&self) -> Result<Option<String>, Error> {
        self.clock.stop_at(None);
        match self.sqlite.table_exists(None, "_ownbase_label")? {
            true => Ok(Some(self.sqlite.query_row("SELECT label FROM _ownbase_label", [], |row| row.get(0))?)),
            false => Ok(None),
        }
    }

    /// Whether the database holds nothing and never did, and is no larger than a new one: then it may be removed. What
    /// merely looks empty may be damaged.
    pub(crate) fn is_unused(&self) -> Result<bool, Error> {
        let pages: i64 = self.sqlite.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(pages <= MAX_UNUSED_PAGES && self.is_empty()?)
    }

    /// Whether a guest has never made anything in the database.
    pub(crate) fn is_empty(&self) -> Result<bool, Error> {
        self.clock.stop_at(None);
        let sql = "SELECT count(*) = 0 FROM sqlite_schema WHERE name <> '_ownbase_label'";
        Ok(self.sqlite.query_row(sql, [], |row| row.get(0))?)
    }

    /// Whether a transaction is open.
    pub(crate) fn in_transaction(&self) -> bool {
        !self.sqlite.is_autocommit()
    }

    /// Whether something but reads was run in the open transaction. Then a read is not to be stopped: full-text search may
    /// write first what it had put off, and where that is stopped SQLite rolls back the transaction.
    pub(crate) fn may_have_written(&self) -> bool {
        self.in_transaction() && self.may_have_written.get()
    }

    pub(crate) fn roll_back(&self) -> Result<(), Error> {
        self.clock.stop_at(None);
        Ok(self.sqlite.execute_batch("ROLLBACK")?)
    }

    /// Moves the WAL into the database, durably, and closes it; SQLite removes the WAL. Where that fails, and where it is
    /// merely dropped, a connection leaves both as they are: to be removed, or recovered by the next `open`.
    pub(crate) fn close(self) -> Result<(), Error> {
        self.checkpoint()?;
        durability::keep_wal(&self.sqlite, false)?;
        self.sqlite.close().map_err(|(_, error)| error.into())
    }

    /// Whether the disk failed SQLite: what it believes to be written may not be.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.get()
    }
}

fn open_file(file: &Path, flags: OpenFlags) -> rusqlite::Result<rusqlite::Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // rusqlite puts the path into the message.
    rusqlite::Connection::open_with_flags_and_vfs(file, flags, durability::VFS).map_err(|error| match error {
        rusqlite::Error::SqliteFailure(failure, _) => rusqlite::Error::SqliteFailure(failure, None),
        other => other,
    })
}
