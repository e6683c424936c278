//! Opening a label's database that exists, and making one that does not.
//!
//! Nothing that holds something is removed here, however little of it can be read. A database whose log has lost what was
//! synced is set aside whole; one that SQLite cannot read is left as it is.

use super::Database;
use crate::{
    connection::Connection,
    databases::Databases,
    errors::Error,
    files::{FileLock, Location, Wal},
    open::Open,
    rooms::Room,
};
use rusqlite::ffi;
use std::{io, time::Instant};

/// The error of every call for a damaged database, until somebody acts.
pub(super) fn set_aside() -> Error {
    Error::new(
        ffi::SQLITE_CORRUPT,
        "the database is damaged and was set aside (restore it from quarantine, or erase it)",
    )
}

impl Database {
    pub(super) fn open_file(&self, databases: &Databases, until: Instant) -> Result<Open, Error> {
        let room = databases.take_room(until)?;
        self.location.begin_count();
        self.wait_for_others(databases);
        let lock = self.lock()?;
        if lock.is_blank()? && !self.location.has_wal() {
            drop(lock);
            return self.make_instead(databases, room);
        }
        let has_wal = match self.location.renew_wal()? {
            Wal::Missing => false,
            Wal::Sound => true,
            Wal::Damaged(damage) => {
                let folder = self.location.set_aside()?.display().to_string();
                let label = &*self.label;
                tracing::error!(label, %damage, folder, "a damaged database was set aside; its user gets an error until it is restored or erased");
                return Err(set_aside());
            }
        };
        let connection = Connection::open(self.location.file(), has_wal, databases.limits())?;
        if has_wal {
            self.location.forget_mark();
        }
        let is_unused = connection.is_unused()?;
        if !self.has_right_label(&connection, is_unused)? {
            drop((connection, lock));
            return self.make_instead(databases, room);
        }
        if is_unused {
            // A crash may have come before its making was synced.
            lock.sync(&self.location)?;
        }
        self.location.note_return();
        let mut open = self.opened(databases, connection, room, lock)?;
        open.may_be_unused = is_unused;
        Ok(open)
    }

    pub(super) fn wait_for_others(&self, databases: &Databases) {
        if self.location.is_hashed {
            databases.wait_for_reading_label();
        }
    }

    /// Whether the file says that it is this label's, where it has to; `false` if it has not come to say so.
    pub(super) fn has_right_label(&self, connection: &Connection, is_unused: bool) -> Result<bool, Error> {
        if !self.location.is_hashed {
            return Ok(true);
        }
        match connection.label_inside()? {
            Some(label) if label == *self.label => Ok(true),
            None if is_unused => Ok(false),
            _ => Err(Error::new(ffi::SQLITE_CORRUPT, "the file holds the database of another label")),
        }
    }

    pub(super) fn make_file(&self, databases: &Databases, until: Instant) -> Result<Open, Error> {
        if self.location.is_probe {
            return Err(Error::new(ffi::SQLITE_READONLY, "this label is for asking only and never holds a database"));
        }
        self.location.begin_count();
        let _begun = self.location.usage().begin_user()?;
        let room = databases.take_room(until)?;
        self.make(databases, room).inspect_err(|_| self.remove_unused())
    }

    /// Makes the database in place of a file into which nothing was ever written.
    fn make_instead(&self, databases: &Databases, room: Room) -> Result<Open, Error> {
        self.location.remove_unused()?;
        self.make(databases, room).inspect_err(|_| self.remove_unused())
    }

    fn make(&self, databases: &Databases, room: Room) -> Result<Open, Error> {
        self.location.clear()?;
        self.make_empty(databases)?;
        let lock = self.lock()?;
        let connection = Connection::open(self.location.file(), false, databases.limits())?;
        let mut open = self.opened(databases, connection, room, lock)?;
        open.may_be_unused = true;
        Ok(open)
    }

    /// Has SQLite make the file of an empty database, or writes what it made of an earlier one: that would be the same. The
    /// file is on disk before it has its name. The first sync of the log brings the names of both onto the disk.
    fn make_empty(&self, databases: &Databases) -> Result<(), Error> {
        let limits = databases.limits();
        self.location.make(|path| {
            if self.location.is_hashed {
                return Connection::make(path, Some(&self.label), limits);
            }
            match databases.empty_file().get() {
                Some(empty) => Location::write(path, empty)?,
                None => {
                    Connection::make(path, None, limits)?;
                    // Another may have been faster.
                    let _ = databases.empty_file().set(Location::read(path)?);
                }
            }
            Ok(())
        })
    }

    fn lock(&self) -> Result<FileLock, Error> {
        let cannot_open = |error: io::Error| Error::new(ffi::SQLITE_CANTOPEN, error.kind());
        let lock = self.location.lock().map_err(cannot_open)?;
        lock.ok_or_else(|| Error::busy("another program has the file open"))
    }

    fn opened(&self, databases: &Databases, connection: Connection, room: Room, lock: FileLock) -> Result<Open, Error> {
        let log = match databases.gate() {
            Some(gate) => Some(gate.log(self.label.clone(), self.location.wal()?)),
            None => None,
        };
        self.location.count();
        Ok(Open::new(connection, log, self.location.usage().clone(), room, lock))
    }
}
