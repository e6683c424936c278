//! One label's database: open or not, and whether its file exists.
//!
//! It is used through a `Lease`, which one statement or one transaction has at a time. Opening is on demand: a read of a
//! label without a file runs on an empty database in memory, and the first statement that writes makes the file. What a
//! lease leaves behind is settled when it ends: an open transaction is rolled back, and a file that was made for nothing
//! (the statement failed, the transaction was rolled back) is removed again. A database that could not be brought onto the
//! disk is closed as it is; the next use opens it, which recovers it, or fails.

mod checkpoint;
mod look;

use crate::{
    connection::{Changes, Connection, Ran, Statement},
    databases::Databases,
    errors::Error,
    files::{FileLock, Location},
    gate::NotDurable,
    open::Open,
    rooms::{Room, Rooms},
    rows::Rows,
    scope::Scope,
};
use rusqlite::ffi;
use std::{io, sync::Arc, time::Instant};
use tokio::sync::Mutex;

/// A label's database as all who use the label share it.
pub(crate) type Shared = Arc<Mutex<Database>>;

pub(crate) struct Database {
    label: Arc<str>,
    location: Location,
    open: Option<Open>,
    used: Instant,
}

impl Database {
    pub(crate) fn new(label: Arc<str>, location: Location) -> Database {
        Database { label, location, open: None, used: Instant::now() }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether it could be forgotten.
    pub(crate) fn is_at_rest(&self) -> bool {
        !self.is_open() && !self.location.is_unsettled()
    }

    /// When the last lease ended.
    pub(crate) fn used(&self) -> Instant {
        self.used
    }

    /// Of those that may be open, if it is one.
    pub(crate) fn rooms(&self) -> Option<Arc<Rooms>> {
        self.open.as_ref().map(Open::rooms)
    }

    #[cfg(test)]
    pub(crate) fn connection(&self) -> Option<&Connection> {
        self.open.as_ref().map(Open::connection)
    }

    pub(crate) fn in_transaction(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.connection().in_transaction())
    }

    /// Runs a statement if the database is open and neither holds up the thread.
    pub(crate) fn run_here(&self, scope: &Scope, statement: &Statement, until: Instant, rows: &mut impl Rows) -> Ran {
        match &self.open {
            Some(open) if !self.location.is_unsettled() => open.run_here(scope, statement, until, rows),
            _ => Ran::Refused,
        }
    }

    /// Runs a statement, opening or making the database if need be. May block.
    pub(crate) fn run(
        &mut self,
        scope: &Scope,
        databases: &Databases,
        statement: &Statement,
        until: Instant,
        rows: &mut impl Rows,
    ) -> Result<Option<Changes>, Error> {
        self.leave_failed(scope)?;
        // Nobody is told that a database is gone that a power cut brings back.
        self.location.settle().inspect_err(|_| scope.fail())?;
        self.checkpoint_if_overdue();
        if self.open.is_none() {
            if self.location.exists()? {
                let opened = self.open_file(databases, until);
                // What cannot be recovered is not to be told of either.
                self.open = Some(opened.inspect_err(|_| {
                    if self.location.has_wal() {
                        scope.fail()
                    }
                })?);
            } else if let Some(result) = databases.scratch().try_read(statement, until, rows) {
                return result;
            } else {
                self.open = Some(self.make_file(databases, until)?);
            }
        }
        match &self.open {
            Some(open) => open.run(scope, statement, until, rows),
            None => Err(Error::new(ffi::SQLITE_INTERNAL, "the database is not open")),
        }
    }

    /// Closes the database and removes its file, durably. May block.
    pub(crate) fn erase(&mut self) -> Result<(), Error> {
        let log = self.open.take().and_then(Open::leave);
        let removed = self.location.remove();
        if let Some(log) = log {
            match &removed {
                // Whoever waits for what was erased: it was there, and its end is on disk.
                Ok(()) => log.close(),
                Err(_) => log.fail(),
            }
        }
        Ok(removed?)
    }

    /// Closes the database if it is open, and moves its WAL into its file. May block.
    pub(crate) fn close(&mut self) {
        let closed = self.open.take().map(Open::close);
        self.location.count();
        if let Some(Err(error)) = closed {
            let label = &*self.label;
            tracing::error!(
                label,
                ?error,
                "a database was not closed as it should be; it is recovered when next opened"
            );
        }
    }

    /// Closes the database if it is open, and leaves its files to be recovered when it is next opened.
    fn abandon(&mut self) {
        if let Some(log) = self.open.take().and_then(Open::leave) {
            log.fail();
        }
        self.location.count();
    }

    /// Has a database whose sync failed opened anew. Not within a transaction, which has to end first.
    fn leave_failed(&mut self, scope: &Scope) -> Result<(), Error> {
        if self.open.as_ref().is_some_and(Open::has_failed) {
            if self.in_transaction() {
                scope.fail();
                return Err(NotDurable.into());
            }
            self.abandon();
        }
        Ok(())
    }

    fn open_file(&self, databases: &Databases, until: Instant) -> Result<Open, Error> {
        let room = databases.take_room(until)?;
        self.location.begin_count();
        self.wait_for_others(databases);
        let lock = self.lock()?;
        let has_wal = self.location.renew_wal()?;
        let connection = Connection::open(self.location.file(), has_wal, databases.limits())?;
        let is_empty = connection.is_empty()?;
        self.check_label(&connection, is_empty)?;
        if is_empty {
            // A crash may have cut its making short, before it was synced.
            drop((connection, lock));
            self.location.remove()?;
            return self.make(databases, room).inspect_err(|_| self.remove_empty());
        }
        self.opened(databases, connection, room, lock)
    }

    fn wait_for_others(&self, databases: &Databases) {
        if self.location.is_hashed {
            databases.wait_for_reading_label();
        }
    }

    fn check_label(&self, connection: &Connection, is_empty: bool) -> Result<(), Error> {
        if self.location.is_hashed {
            match connection.label_inside()? {
                Some(label) if label == *self.label => {}
                None if is_empty => {}
                _ => return Err(Error::new(ffi::SQLITE_CORRUPT, "the file holds the database of another label")),
            }
        }
        Ok(())
    }

    fn make_file(&self, databases: &Databases, until: Instant) -> Result<Open, Error> {
        if self.location.is_probe {
            return Err(Error::new(ffi::SQLITE_READONLY, "this label is for asking only and never holds a database"));
        }
        self.location.begin_count();
        let _begun = self.location.usage().begin_user()?;
        let room = databases.take_room(until)?;
        self.make(databases, room).inspect_err(|_| self.remove_empty())
    }

    fn make(&self, databases: &Databases, room: Room) -> Result<Open, Error> {
        // An erase that a crash cut short may have left a WAL, which SQLite would take for the new file's.
        self.location.remove_leftovers()?;
        self.make_empty(databases)?;
        let lock = self.lock()?;
        // Before the first sync of the WAL, which brings the names of both onto the disk. What a power cut leaves before
        // that, nobody was told of: a WAL without a database is removed, a database without a table is made anew.
        self.location.sync(&lock)?;
        let connection = Connection::open(self.location.file(), false, databases.limits())?;
        let mut open = self.opened(databases, connection, room, lock)?;
        open.may_be_empty = true;
        Ok(open)
    }

    /// Has SQLite make the file of an empty database, or writes what it made of an earlier one: that would be the same.
    fn make_empty(&self, databases: &Databases) -> Result<(), Error> {
        let (file, limits) = (self.location.file(), databases.limits());
        if self.location.is_hashed {
            return Connection::make(file, Some(&self.label), limits);
        }
        match databases.empty_file().get() {
            Some(empty) => self.location.write_new(empty)?,
            None => {
                Connection::make(file, None, limits)?;
                // Another may have been faster.
                let _ = databases.empty_file().set(self.location.read()?);
            }
        }
        Ok(())
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

    /// Undoes what a lease left undone.
    pub(crate) fn settle(&mut self) {
        self.used = Instant::now();
        self.count_growth();
        if self.in_transaction() && self.roll_back().is_err() {
            // A connection that cannot roll back is of no use to the next; closing it ends the transaction too.
            self.close();
        }
        match &mut self.open {
            Some(open) if open.may_be_empty => match open.connection().is_empty() {
                Ok(true) => {
                    self.close();
                    self.remove_empty();
                }
                Ok(false) => open.may_be_empty = false,
                Err(error) => tracing::warn!(label = &*self.label, ?error, "a new database could not be read"),
            },
            _ => {}
        }
    }

    fn roll_back(&self) -> Result<(), Error> {
        self.open.as_ref().map_or(Ok(()), |open| open.connection().roll_back())
    }

    fn remove_empty(&self) {
        if let Err(error) = self.location.remove() {
            tracing::warn!(label = &*self.label, %error, "an empty database was left behind");
        }
    }
}
