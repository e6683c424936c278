//! What makes a commit survive a power cut, and how much of it a database may pile up.
//!
//! Databases are in WAL mode with `synchronous=FULL`: a commit is one sync of the WAL. SQLite moves the WAL into the
//! database ("checkpoint") inside a commit once it has 1,000 pages, and when the database is closed; both happen on
//! blocking threads. The page size is fixed when a file is made.
//!
//! <https://sqlite.org/wal.html>, <https://sqlite.org/pragma.html#pragma_synchronous>

use crate::{Limits, state_error::StateError};
use rusqlite::Connection;

/// SQLite before this can lose committed pages when a write meets a checkpoint (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_SAFE_SQLITE: i32 = 3_051_003;

/// Pages in the WAL after which a commit checkpoints.
const WAL_PAGES: i32 = 1_000;

/// What SQLite keeps in memory of an open database at most, in KiB.
const PAGE_CACHE_KIB: i64 = 512;

/// Refuses a SQLite that corrupts databases.
pub(crate) fn check_version() -> Result<(), StateError> {
    match rusqlite::version_number() >= OLDEST_SAFE_SQLITE {
        true => Ok(()),
        false => Err(StateError::Sqlite { version: rusqlite::version() }),
    }
}

/// Gives a file that is still empty its format. Nothing is synced: the caller does that once, for the whole file, before
/// anyone relies on it (SQLite would sync five times).
pub(crate) fn format(sqlite: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    sqlite.pragma_update(None, "synchronous", "off")?;
    sqlite.pragma_update(None, "page_size", limits.page_size_bytes)?;
    sqlite.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
}

/// For every connection to a database, before anything else is done with it.
pub(crate) fn configure(sqlite: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    // The first access: recovers what a crash left.
    sqlite.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    sqlite.pragma_update(None, "synchronous", "full")?;
    sqlite.pragma_update_and_check(None, "wal_autocheckpoint", WAL_PAGES, |_| Ok(()))?;
    sqlite.pragma_update(None, "cache_size", -PAGE_CACHE_KIB)?;
    let page_bytes: i64 = sqlite.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let max_bytes = i64::try_from(limits.max_database_bytes).unwrap_or(i64::MAX);
    sqlite.pragma_update_and_check(None, "max_page_count", (max_bytes / page_bytes.max(1)).max(1), |_| Ok(()))
}
