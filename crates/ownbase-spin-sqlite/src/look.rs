//! A database that is opened only to be looked at, while nobody in this process has it open: what a report or a copy needs
//! of a file that is to stay as it is, byte for byte.

use crate::{
    Limits,
    connection::Connection,
    errors::Error,
    files::{FileLock, Location, Wal},
};
use rusqlite::ffi;

pub(crate) struct Look {
    connection: Connection,
    /// Goes after the connection, whose close would end it.
    _lock: FileLock,
}

impl Look {
    /// Opens a database that exists. The caller sees to it that nobody else in this process does.
    pub(crate) fn open(location: &Location, limits: &Limits) -> Result<Look, Error> {
        let lock = location.lock()?.ok_or_else(|| Error::busy("another program has the file open"))?;
        // To SQLite it would be an empty database.
        if location.is_empty()? {
            return Err(Error::new(ffi::SQLITE_NOTADB, "the file holds no database (restore it, or remove it)"));
        }
        if let Wal::Damaged(damage) = location.look_at_wal()? {
            return Err(Error::new(ffi::SQLITE_CORRUPT, damage));
        }
        let connection = Connection::look(location.file(), location.has_wal(), limits)?;
        Ok(Look { connection, _lock: lock })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}
