//! What makes a commit survive a power cut, and how much of it a database may pile up.
//!
//! Databases are in WAL mode. Without a gate (`gate.rs`) a commit is one sync of the WAL by SQLite (`synchronous=FULL`); with
//! one SQLite does not sync at a commit (`NORMAL`), but for the WAL's header in the first one after a checkpoint.
//! Moving the WAL into the database ("checkpoint") is never done inside a commit: the thread `ownbase-checkpoint` does it
//! once the WAL has 1,000 pages, a statement before it begins if it has 2,000, and whoever closes a database. SQLite syncs the
//! WAL before and the database after it. Its first sync of a WAL that it has opened syncs the folder too (`unixSync`), and does
//! not say if that failed; a gate syncs both and does. The page size is fixed when a file is made.
//!
//! <https://sqlite.org/wal.html>, <https://sqlite.org/pragma.html#pragma_synchronous>

use crate::{Durability, Limits, errors::Error, state_error::StateError};
use rusqlite::{Connection, MAIN_DB, config::DbConfig, ffi, wal::CheckpointMode};
use std::ffi::CStr;

/// SQLite before this can lose committed pages when a write meets a checkpoint (<https://sqlite.org/wal.html#walresetbug>).
const OLDEST_SAFE_SQLITE: i32 = 3_051_003;

/// Pages in the WAL from which on it is to be checkpointed.
pub(crate) const WAL_PAGES: i32 = 1_000;

/// Pages in the WAL from which on nothing is added to it before it was checkpointed. One transaction may add any number.
pub(crate) const MAX_WAL_PAGES: i32 = 2 * WAL_PAGES;

/// SQLite's VFS without locks: the others search a list of all open files at each open. Exclusion is ours: one process holds
/// the state directory, opens each file once, and locks it against others (`files.rs`).
pub(crate) const VFS: &CStr = c"unix-none";

/// Refuses a SQLite that corrupts databases.
pub(crate) fn check_version() -> Result<(), StateError> {
    match rusqlite::version_number() >= OLDEST_SAFE_SQLITE {
        true => Ok(()),
        false => Err(StateError::Sqlite { version: rusqlite::version() }),
    }
}

/// Bounds what SQLite keeps in memory of all databases of the process: beyond it they drop pages instead of taking more.
pub(crate) fn bound_memory(limits: &Limits) -> rusqlite::Result<()> {
    let bytes = i64::try_from(limits.max_cache_bytes).unwrap_or(i64::MAX);
    Connection::open_in_memory()?.pragma_update_and_check(None, "soft_heap_limit", bytes, |_| Ok(()))
}

/// Gives a file that is still empty its format. Nothing is synced: the caller does that once, for the whole file, before
/// anyone relies on it (SQLite would sync five times).
pub(crate) fn format(sqlite: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    sqlite.pragma_update(None, "synchronous", "off")?;
    sqlite.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
    sqlite.pragma_update(None, "page_size", limits.page_size_bytes)?;
    sqlite.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))
}

/// For every connection to a database, before anything else is done with it.
pub(crate) fn configure(sqlite: &Connection, limits: &Limits) -> rusqlite::Result<()> {
    // SQLite's own checkpoint at a close hides that it failed; ours comes before the close.
    keep_wal(sqlite, true)?;
    // Before the first access: then the WAL's index is in memory, not in a file.
    sqlite.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))?;
    // The first access: reads what a crash left.
    sqlite.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    sqlite.pragma_update(None, "synchronous", "full")?;
    if cfg!(target_vendor = "apple") {
        // There a plain fsync leaves the data in the drive's cache.
        sqlite.pragma_update(None, "fullfsync", true)?;
        sqlite.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    sqlite.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // SQLite overwrites deleted rows in the database. The log keeps the earlier pages until the next checkpoint.
    sqlite.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    let page_bytes: i64 = sqlite.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let max_bytes = i64::try_from(limits.max_database_bytes).unwrap_or(i64::MAX);
    sqlite.pragma_update_and_check(None, "max_page_count", (max_bytes / page_bytes.max(1)).max(1), |_| Ok(()))
}

/// Gives back the memory for 20 pages that SQLite takes with a cache's first page, and which few users fill. A cache of two
/// pages takes none such; once it holds one, it may hold up to 2,000 KiB, as by default, and takes them page by page.
pub(crate) fn slim_cache(sqlite: &Connection) -> rusqlite::Result<()> {
    sqlite.execute_batch(
        "PRAGMA cache_size = 2; PRAGMA shrink_memory; SELECT count(*) FROM sqlite_schema; PRAGMA cache_size = -2000",
    )
}

/// For a connection that leaves everything as it is: its close too, and the WAL's index is in memory.
pub(crate) fn only_read(sqlite: &Connection) -> rusqlite::Result<()> {
    keep_wal(sqlite, true)?;
    sqlite.pragma_update_and_check(None, "locking_mode", "exclusive", |_| Ok(()))
}

/// Leaves the syncs of commits to the gate, once nothing waits for one. Says whether SQLite then syncs nothing at all.
///
/// In a WAL that this open has made no order of writes matters: whatever part of it a power cut leaves is none of it or its
/// first commits, and nobody was told of one before the gate had synced them all. One that starts over has old frames after
/// the new ones. There SQLite syncs the new header first: the old one would lend old frames its trust, and the pages in them
/// would go back to what they were (<https://sqlite.org/src/info/ff5be73dee>).
pub(crate) fn hand_over(sqlite: &Connection, had_wal: bool, limits: &Limits) -> rusqlite::Result<bool> {
    match limits.durability {
        Durability::EachCommit => Ok(false),
        Durability::Gated | Durability::Relaxed { .. } if had_wal => sync_from_now_on(sqlite).map(|()| false),
        Durability::Gated | Durability::Relaxed { .. } => {
            sqlite.pragma_update(None, "synchronous", "off")?;
            Ok(true)
        }
    }
}

/// Has SQLite sync checkpoints, and the WAL's header after each. To be called before the first one.
pub(crate) fn sync_from_now_on(sqlite: &Connection) -> rusqlite::Result<()> {
    sqlite.pragma_update(None, "synchronous", "normal")
}

/// Moves all of the WAL into the database, both synced.
pub(crate) fn checkpoint(sqlite: &Connection, mode: CheckpointMode) -> Result<(), Error> {
    let (in_wal, moved) = sqlite.wal_checkpoint_v2(Some(MAIN_DB), mode)?;
    match in_wal == moved {
        true => Ok(()),
        false => Err(Error::new(ffi::SQLITE_IOERR, format_args!("{moved} of {in_wal} pages of the WAL were moved"))),
    }
}

/// Whether a close leaves the WAL as it is.
pub(crate) fn keep_wal(sqlite: &Connection, keep: bool) -> rusqlite::Result<bool> {
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)
}
