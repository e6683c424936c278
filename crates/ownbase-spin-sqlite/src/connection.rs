//! One open SQLite: runs a statement within its limits and turns rows into the interface's values.
//!
//! A connection serves many requests, one statement or transaction at a time. It knows SQLite only: not labels, not who
//! waits for it, not when its file comes and goes. Statements are prepared once and kept (32 a connection).

mod copy;
mod look;
mod opening;
mod statement;

use crate::{
    Limits,
    clock::Clock,
    commits::Commits,
    durability,
    errors::{Error, is_interrupt, is_too_large},
    policy::{self, Exempt},
    rows::{Fault, Rows, answer},
};
use rusqlite::{ErrorCode, OpenFlags, ffi, limits::Limit, wal::CheckpointMode};
pub(crate) use statement::{Admission, Changes, Kind, Ran, Statement};
use std::{cell::Cell, path::Path, sync::Arc, time::Instant};

/// Prepared statements kept for each connection.
const KEPT_STATEMENTS: usize = 32;

/// The largest value or row of a statement that was admitted as a small one, in bytes.
const SMALL_VALUE_BYTES: i32 = 16 << 10;

pub(crate) struct Connection {
    sqlite: rusqlite::Connection,
    clock: Arc<Clock>,
    statement_timeout_ms: u64,
    commits: Commits,
    has_failed: Cell<bool>,
    /// SQLite syncs nothing before the next checkpoint.
    is_unsynced: Cell<bool>,
    exempt: Exempt,
}

impl Connection {
    /// An empty database in memory, on which statements for a label without a file are tried.
    pub(crate) fn scratch(limits: &Limits) -> Result<Connection, Error> {
        Ok(Connection::ready(rusqlite::Connection::open_in_memory()?, limits)?)
    }

    fn ready(mut sqlite: rusqlite::Connection, limits: &Limits) -> rusqlite::Result<Connection> {
        let clock = Arc::new(Clock::default());
        let asked = clock.clone();
        sqlite.progress_handler(Clock::INSTRUCTIONS, Some(move || asked.is_over()))?;
        sqlite.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
        let exempt = policy::apply(&mut sqlite)?;
        // Reads the schema now, so that the first statement does not.
        sqlite.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        let statement_timeout_ms = limits.statement_timeout_ms;
        Ok(Connection {
            commits: Commits::watch(&mut sqlite, clock.clone())?,
            sqlite,
            clock,
            statement_timeout_ms,
            has_failed: Cell::default(),
            is_unsynced: Cell::default(),
            exempt,
        })
    }

    /// Whether there was a commit, or an attempt at one, since this was last asked.
    pub(crate) fn take_committed(&self) -> bool {
        self.commits.take()
    }

    /// Whether the WAL is long enough to be moved into the database.
    pub(crate) fn wants_checkpoint(&self) -> bool {
        self.commits.wal_pages() >= durability::WAL_PAGES
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

    pub(crate) fn roll_back(&self) -> Result<(), Error> {
        self.clock.stop_at(None);
        Ok(self.sqlite.execute_batch("ROLLBACK")?)
    }

    /// Runs a statement as `admit` says of its kind, at most until `until`. Where it cannot even be prepared, nobody is asked.
    pub(crate) fn run(
        &self,
        statement: &Statement,
        until: Instant,
        admit: impl FnOnce(Kind) -> Admission,
        rows: &mut impl Rows,
    ) -> Ran {
        self.clock.stop_at(Some(until));
        let mut prepared = match self.prepare(&statement.sql) {
            Ok(prepared) => prepared,
            Err(fault) => return Ran::Done(Err(self.explain(fault))),
        };
        let kind = self.kind(statement, &prepared);
        let small = match admit(kind) {
            Admission::Refused => return Ran::Refused,
            Admission::Granted => None,
            Admission::Small => Some(SmallValues::of(&self.sqlite)),
        };
        let changes_before = self.sqlite.total_changes();
        match answer(&mut prepared, &statement.parameters, &self.clock, rows) {
            Ok(()) if kind == Kind::Read => Ran::Done(Ok(None)),
            Ok(()) => {
                Ran::Done(Ok(if prepared.readonly() { None } else { self.changes_since(changes_before, statement) }))
            }
            Err(Fault::Sqlite(error)) if is_interrupt(&error) || small.is_some() && is_too_large(&error) => {
                Ran::Stopped(self.explain(Fault::Sqlite(error)))
            }
            Err(fault) => Ran::Done(Err(self.explain(fault))),
        }
    }

    /// Runs a statement if it only reads, at most until `until`.
    pub(crate) fn read(&self, statement: &Statement, until: Instant, rows: &mut impl Rows) -> Ran {
        self.run(statement, until, Admission::of_reads, rows)
    }

    fn kind(&self, statement: &Statement, prepared: &rusqlite::Statement<'_>) -> Kind {
        // COMMIT is read-only to SQLite too, but has no columns.
        match prepared.readonly() {
            true if prepared.column_count() > 0 => Kind::Read,
            false if statement.changes_rows() && !self.in_transaction() => Kind::Change,
            _ => Kind::Other,
        }
    }

    /// What the statement that was just run changed. SQLite's own counters are the connection's, which others share: they
    /// tell of this statement only if they have moved, or if the count is 0.
    fn changes_since(&self, total_before: u64, statement: &Statement) -> Option<Changes> {
        let rows = self.sqlite.changes();
        let moved = self.sqlite.total_changes() != total_before;
        let last_insert_rowid = (moved && statement.may_insert()).then(|| self.sqlite.last_insert_rowid());
        (moved || rows == 0).then_some(Changes { rows, last_insert_rowid })
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

    fn prepare(&self, sql: &str) -> Result<rusqlite::CachedStatement<'_>, Fault> {
        if sql.bytes().filter(|byte| *byte == b';').count() > policy::MAX_SEMICOLONS {
            let limit = policy::MAX_SEMICOLONS;
            return Err(Error::new(ffi::SQLITE_TOOBIG, format_args!("more than {limit} semicolons")).into());
        }
        Ok(self.sqlite.prepare_cached(sql)?)
    }

    fn explain(&self, fault: Fault) -> Error {
        match fault {
            Fault::Sqlite(error) if is_interrupt(&error) => {
                let limit = self.statement_timeout_ms;
                Error::interrupted(format_args!("the statement ran past its time limit ({limit} ms) or its request's"))
            }
            Fault::Sqlite(error) => {
                if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
                    self.has_failed.set(true);
                }
                error.into()
            }
            Fault::Rows(error) => error,
        }
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

/// Keeps values small until dropped.
struct SmallValues<'a>(&'a rusqlite::Connection);

impl SmallValues<'_> {
    fn of(sqlite: &rusqlite::Connection) -> SmallValues<'_> {
        // Fails for a negative limit only.
        let _ = sqlite.set_limit(Limit::SQLITE_LIMIT_LENGTH, SMALL_VALUE_BYTES);
        SmallValues(sqlite)
    }
}

impl Drop for SmallValues<'_> {
    fn drop(&mut self) {
        let _ = self.0.set_limit(Limit::SQLITE_LIMIT_LENGTH, policy::MAX_VALUE_BYTES);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{bindings::spin::sqlite::sqlite::Value, gathered::Gathered};
    use std::time::Duration;

    #[test]
    fn other_parameters_do_not_parse_a_statement_anew() {
        let connection = Connection::scratch(&Limits::default()).unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE rootpage > ?1 ORDER BY rootpage LIMIT ?2";
        for limit in [1, 2, 1, 128] {
            let parameters = vec![Value::Integer(limit), Value::Integer(limit)];
            let statement = Statement { sql: sql.to_owned(), parameters };
            let until = Instant::now() + Duration::from_secs(9);
            let ran = connection.run(&statement, until, |_| Admission::Granted, &mut Gathered::new(1, 1));
            assert!(matches!(ran, Ran::Done(Ok(None))));
        }
        let kept = connection.sqlite.prepare_cached(sql).unwrap();
        assert_eq!(kept.get_status(rusqlite::StatementStatus::Run), 4, "the statement was kept");
        assert_eq!(kept.get_status(rusqlite::StatementStatus::RePrepare), 0);
    }

    #[test]
    fn a_read_of_few_large_rows_is_stopped_too() {
        let connection = Connection::scratch(&Limits::default()).unwrap();
        let read = |bytes: i64| {
            let sql = "SELECT CAST(zeroblob(?1) AS TEXT) FROM (VALUES (1), (2))".to_owned();
            let statement = Statement { sql, parameters: vec![Value::Integer(bytes)] };
            let rows = &mut Gathered::new(9, 1 << 20);
            matches!(connection.run(&statement, Instant::now(), |_| Admission::Granted, rows), Ran::Stopped(_))
        };
        assert!(read(100_000));
        assert!(!read(10), "that few instructions are not counted");
    }
}
