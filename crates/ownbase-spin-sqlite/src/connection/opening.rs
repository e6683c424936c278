//! Making a database's file, and opening it to be used.

use super::{Connection, open_file};
use crate::{Limits, durability, errors::Error};
use rusqlite::{OpenFlags, wal::CheckpointMode};
use std::path::Path;

impl Connection {
    /// Opens a database that exists. What a crash left in its WAL, if it has one, is moved into it, and is on disk when this
    /// returns.
    pub(crate) fn open(file: &Path, has_wal: bool, limits: &Limits) -> Result<Connection, Error> {
        let sqlite = open_file(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        durability::configure(&sqlite, limits)?;
        if has_wal {
            durability::checkpoint(&sqlite, CheckpointMode::TRUNCATE)?;
        }
        durability::slim_cache(&sqlite)?;
        let is_unsynced = durability::hand_over(&sqlite, has_wal, limits)?;
        let connection = Connection::ready(sqlite, limits)?;
        connection.is_unsynced.set(is_unsynced);
        Ok(connection)
    }

    /// Makes an empty database of an empty file, which is closed and not yet synced.
    pub(crate) fn make(file: &Path, label_inside: Option<&str>, limits: &Limits) -> Result<(), Error> {
        let sqlite = open_file(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        durability::format(&sqlite, limits)?;
        if let Some(label) = label_inside {
            sqlite.execute_batch("CREATE TABLE _ownbase_label (label TEXT NOT NULL)")?;
            sqlite.execute("INSERT INTO _ownbase_label VALUES (?1)", [label])?;
        }
        sqlite.close().map_err(|(_, error)| error.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        Durability,
        connection::{Ran, Statement},
        gathered::Gathered,
    };
    use std::time::{Duration, Instant};

    const OFF: i32 = 0;
    const NORMAL: i32 = 1;
    const FULL: i32 = 2;

    fn synchronous(connection: &Connection) -> i32 {
        let ask = || connection.sqlite.pragma_query_value(None, "synchronous", |row| row.get(0));
        connection.exempt.run(ask).unwrap()
    }

    fn guest(connection: &Connection, sql: &str) -> Result<(), Error> {
        let statement = Statement { sql: sql.to_owned(), parameters: vec![] };
        let until = Instant::now() + Duration::from_secs(20);
        match connection.run(&statement, until, |_| crate::connection::Admission::Granted, &mut Gathered::new(9, 999)) {
            Ran::Done(result) => result.map(drop),
            Ran::Refused | Ran::Stopped(_) => Err(Error::busy("it was not run")),
        }
    }

    #[test]
    fn what_sqlite_syncs_depends_on_what_was_in_the_wal() {
        let levels = |durability, has_wal| {
            let dir = tempfile::tempdir().unwrap();
            let (file, limits) = (dir.path().join("a.db"), Limits { durability, ..Limits::default() });
            std::fs::write(&file, []).unwrap();
            Connection::make(&file, None, &limits).unwrap();
            let connection = Connection::open(&file, has_wal, &limits).unwrap();
            let opened = (synchronous(&connection), connection.commits_unsynced());
            guest(&connection, "CREATE TABLE a (b)").unwrap();
            assert_eq!((synchronous(&connection), connection.commits_unsynced()), (opened.0, true));
            connection.checkpoint().unwrap();
            assert!(!connection.commits_unsynced(), "the next writes the header over the old one");
            let checkpointed = synchronous(&connection);
            guest(&connection, "PRAGMA synchronous = off").unwrap_err();
            connection.close().unwrap();
            (opened, checkpointed)
        };
        let relaxed = Durability::Relaxed { window_ms: 1 };
        for gated in [Durability::Gated, relaxed] {
            assert_eq!(levels(gated, false), ((OFF, true), NORMAL));
            assert_eq!(levels(gated, true), ((NORMAL, false), NORMAL), "old frames may be on the disk");
        }
        for has_wal in [false, true] {
            assert_eq!(levels(Durability::EachCommit, has_wal), ((FULL, false), FULL));
        }
    }
}
