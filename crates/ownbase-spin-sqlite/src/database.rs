//! One label's database: open or not, and whether its file exists.
//!
//! It is used through a `Lease`, which one statement or one transaction has at a time. Opening is on demand: a read of a
//! label without a file runs on an empty database in memory, and the first statement that writes makes the file. What a
//! lease leaves behind is settled when it ends: an open transaction is rolled back, and a file that was made for nothing
//! (the statement failed, the transaction was rolled back) is removed again.

use crate::{
    Limits,
    connection::{Changes, Connection, Read, Rows, Statement},
    databases::Databases,
    errors::Error,
    files::Location,
    rooms::{Room, Rooms},
};
use rusqlite::ffi;
use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A label's database as all who use the label share it.
pub(crate) type Shared = Arc<Mutex<Database>>;

pub(crate) struct Database {
    label: Arc<str>,
    location: Location,
    open: Option<Open>,
    used: Instant,
}

struct Open {
    connection: Connection,
    /// The database was empty when it was opened, and is not known to hold anything since.
    may_be_empty: bool,
    room: Room,
}

/// The sole use of a database, for one statement or one transaction.
pub(crate) struct Lease {
    // Dropped in this order: whoever is told that the database is free finds it free.
    database: OwnedMutexGuard<Database>,
    announcement: Announcement,
}

#[derive(Default)]
struct Announcement(Option<Arc<Rooms>>);

impl Database {
    pub(crate) fn new(label: Arc<str>, location: Location) -> Database {
        Database { label, location, open: None, used: Instant::now() }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// When the last lease ended.
    pub(crate) fn used(&self) -> Instant {
        self.used
    }

    pub(crate) fn in_transaction(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.connection.in_transaction())
    }

    /// Runs a statement if the database is open and the statement only reads; see `Connection::read`.
    pub(crate) fn read(&self, statement: &Statement, until: Instant, rows: &mut impl Rows) -> Read {
        match &self.open {
            Some(open) => open.connection.read(statement, until, rows),
            None => Read::Refused,
        }
    }

    /// Runs a statement, opening or making the database if need be. May block.
    pub(crate) fn run(
        &mut self,
        databases: &Databases,
        statement: &Statement,
        until: Instant,
        rows: &mut impl Rows,
    ) -> Result<Option<Changes>, Error> {
        if self.open.is_none() {
            if self.location.exists()? {
                self.open = Some(self.open_file(databases, until)?);
            } else if let Some(result) = databases.scratch().try_read(statement, until, rows) {
                return result.map(|()| None);
            } else {
                self.open = Some(self.make_file(databases, until)?);
            }
        }
        match &self.open {
            Some(open) => open.connection.run(statement, until, rows),
            None => Err(Error::new(ffi::SQLITE_INTERNAL, "the database is not open")),
        }
    }

    /// Closes the database and removes its file, durably. May block.
    pub(crate) fn erase(&mut self) -> Result<(), Error> {
        self.close();
        Ok(self.location.remove()?)
    }

    /// Closes the database if it is open; SQLite checkpoints it then. May block.
    pub(crate) fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.connection.close();
        }
    }

    fn open_file(&self, databases: &Databases, until: Instant) -> Result<Open, Error> {
        let room = databases.take_room(until)?;
        let mut connection = Connection::open(self.location.file(), databases.limits())?;
        if self.location.is_hashed {
            match connection.label_inside()? {
                Some(label) if label == *self.label => {}
                // A crash cut its making short.
                None if connection.is_empty()? => {
                    connection.close();
                    self.location.remove()?;
                    connection = self.make_and_open(databases.limits())?;
                }
                _ => return Err(Error::new(ffi::SQLITE_CORRUPT, "the file holds the database of another label")),
            }
        }
        Ok(Open { may_be_empty: connection.is_empty()?, connection, room })
    }

    fn make_file(&self, databases: &Databases, until: Instant) -> Result<Open, Error> {
        if self.location.is_probe {
            return Err(Error::new(ffi::SQLITE_READONLY, "this label is for asking only and never holds a database"));
        }
        let room = databases.take_room(until)?;
        match self.make_and_open(databases.limits()) {
            Ok(connection) => Ok(Open { connection, may_be_empty: true, room }),
            Err(error) => {
                self.remove_empty();
                Err(error)
            }
        }
    }

    fn make_and_open(&self, limits: &Limits) -> Result<Connection, Error> {
        // An erase that a crash cut short may have left a WAL, which SQLite would take for the new file's.
        self.location.remove_leftovers()?;
        let label_inside = self.location.is_hashed.then_some(&*self.label);
        Connection::make(self.location.file(), label_inside, limits)?;
        self.location.sync()?;
        Connection::open(self.location.file(), limits)
    }

    /// Undoes what a lease left undone.
    fn settle(&mut self) {
        if self.in_transaction() && self.roll_back().is_err() {
            // A connection that cannot roll back is of no use to the next; closing it ends the transaction too.
            self.close();
        }
        match &mut self.open {
            Some(open) if open.may_be_empty => match open.connection.is_empty() {
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
        self.open.as_ref().map_or(Ok(()), |open| open.connection.roll_back())
    }

    fn remove_empty(&self) {
        if let Err(error) = self.location.remove() {
            tracing::warn!(label = &*self.label, %error, "an empty database was left behind");
        }
    }
}

impl Lease {
    /// Waits for the database.
    pub(crate) async fn wait(database: &Shared) -> Lease {
        Lease::from(database.clone().lock_owned().await)
    }

    /// The database, if nobody has it.
    pub(crate) fn try_take(database: &Shared) -> Option<Lease> {
        Lease::try_take_if(database, |_| true)
    }

    /// The database, if nobody has it and `suits` says so.
    pub(crate) fn try_take_if(database: &Shared, suits: impl Fn(&Database) -> bool) -> Option<Lease> {
        let database = database.clone().try_lock_owned().ok()?;
        if suits(&database) { Some(Lease::from(database)) } else { None }
    }
}

impl From<OwnedMutexGuard<Database>> for Lease {
    fn from(database: OwnedMutexGuard<Database>) -> Lease {
        Lease { database, announcement: Announcement::default() }
    }
}

impl Deref for Lease {
    type Target = Database;
    fn deref(&self) -> &Database {
        &self.database
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Database {
        &mut self.database
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.settle();
        self.used = Instant::now();
        self.announcement.0 = self.open.as_ref().map(|open| open.room.rooms().clone());
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        if let Some(rooms) = &self.0 {
            rooms.announce();
        }
    }
}
