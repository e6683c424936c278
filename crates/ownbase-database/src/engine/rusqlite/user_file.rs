//! One user's file: opened, made, closed and erased under its own lock.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::connection;
use crate::engine::file_name::{label_row, label_statements};
use crate::{Error, Label, Row, Sql, Statement, Value};

/// A user's file and the only connection to it, if one is open.
#[derive(Debug)]
pub(super) struct UserFile {
    label: Label,
    path: PathBuf,
    connection: Mutex<Option<Connection>>,
}

impl UserFile {
    /// Names the file and touches nothing.
    pub(super) fn new(label: Label, path: PathBuf) -> Self {
        Self { label, path, connection: Mutex::new(None) }
    }

    pub(super) fn label(&self) -> &Label {
        &self.label
    }

    pub(super) fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
        let mut slot = self.slot();
        if slot.is_none() && !self.exists()? {
            return Err(Error::Missing);
        }
        connection::query(self.opened(&mut slot)?, sql.plain(), params)
    }

    pub(super) fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error> {
        let mut slot = self.slot();
        if slot.is_some() || self.exists()? {
            return connection::batch(self.opened(&mut slot)?, statements);
        }
        let made = self.make(&mut slot, statements);
        if made.is_err() {
            // What cannot be made whole leaves nothing behind; the error to tell is the first one.
            let _ = self.remove(&mut slot);
        }
        made
    }

    /// Closes the connection, which brings the WAL back into the file.
    pub(super) fn close(&self) {
        *self.slot() = None;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.slot().is_none()
    }

    /// Removes the file; the next batch starts an empty one.
    pub(super) fn erase(&self) -> Result<(), Error> {
        self.remove(&mut self.slot()).map_err(|error| failed(&error))
    }

    fn make(&self, slot: &mut Option<Connection>, statements: &[Statement<'_>]) -> Result<(), Error> {
        let connection = self.opened(slot)?;
        match label_row(&self.label) {
            None => connection::batch(connection, statements),
            Some(row) => connection::batch(connection, &[&label_statements(&row), statements].concat()),
        }
    }

    fn opened<'a>(&self, slot: &'a mut Option<Connection>) -> Result<&'a Connection, Error> {
        match slot {
            Some(connection) => Ok(connection),
            none => Ok(none.insert(connection::open(&self.path)?)),
        }
    }

    /// Closed first: an open connection would go on writing to a file without a name.
    fn remove(&self, slot: &mut Option<Connection>) -> io::Result<()> {
        *slot = None;
        // The database goes first: SQLite discards a WAL without one, but would replay a database's older state.
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.path.clone().into_os_string();
            name.push(suffix);
            match fs::remove_file(name) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // A removal is durable once its folder is synced.
        self.path.parent().map_or(Ok(()), |dir| fs::File::open(dir)?.sync_all())
    }

    fn exists(&self) -> Result<bool, Error> {
        self.path.try_exists().map_err(|error| failed(&error))
    }

    // A panic amid a transaction would leave it open, and the next to begin one is told so: nothing is lost silently.
    fn slot(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error of the file system around SQLite.
pub(super) fn failed(error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::Full,
        _ => Error::Failed { code: "SQLITE_IOERR".into(), message: error.to_string() },
    }
}
