//! One label's database: open or not, and whether its file exists.
//!
//! It is used through a `Lease`, which one statement or one transaction has at a time. Opening is on demand: a read of a
//! label without a file runs on an empty database in memory, and the first statement that writes makes the file. What a
//! lease leaves behind is settled when it ends: an open transaction is rolled back, and a file that was made for nothing
//! (the statement failed, the transaction was rolled back) is removed again. A database that could not be brought onto the
//! disk is closed as it is; the next use opens it, which recovers it, or fails.

mod checkpoint;
mod look;
mod opening;

use crate::{
    connection::{Changes, Ran, Statement},
    databases::Databases,
    errors::Error,
    files::Location,
    gate::NotDurable,
    open::Open,
    rooms::Rooms,
    rows::Rows,
    scope::Scope,
};
use rusqlite::ffi;
use std::{sync::Arc, time::Instant};
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

    pub(crate) fn label(&self) -> &Arc<str> {
        &self.label
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
    pub(crate) fn connection(&self) -> Option<&crate::connection::Connection> {
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
        self.location.settle().inspect_err(|_| scope.fail(&self.label))?;
        self.checkpoint_if_overdue();
        if self.open.is_none() {
            if self.location.exists()? {
                let opened = self.open_file(databases, until);
                // What cannot be recovered is not to be told of either.
                self.open = Some(opened.inspect_err(|error| {
                    if !error.is_damage() && self.location.has_wal() {
                        scope.fail(&self.label)
                    }
                })?);
            } else if self.location.is_set_aside() {
                return Err(opening::set_aside());
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
        let removed = self.location.erase();
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
        let Some(open) = self.open.take() else { return };
        let closed = open.close();
        self.location.count();
        match closed {
            Ok(()) => self.location.forget_mark(),
            Err(error) => {
                let label = &*self.label;
                tracing::error!(
                    label,
                    ?error,
                    "a database was not closed as it should be; it is recovered when next opened"
                );
            }
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
                scope.fail(&self.label);
                return Err(NotDurable.into());
            }
            self.abandon();
        }
        Ok(())
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
            Some(open) if open.may_be_unused => match open.connection().is_unused() {
                Ok(true) => {
                    self.close();
                    self.remove_unused();
                }
                Ok(false) => open.may_be_unused = false,
                Err(error) => tracing::warn!(label = &*self.label, ?error, "a new database could not be read"),
            },
            _ => {}
        }
    }

    fn roll_back(&self) -> Result<(), Error> {
        self.open.as_ref().map_or(Ok(()), |open| open.connection().roll_back())
    }

    fn remove_unused(&self) {
        if let Err(error) = self.location.remove_unused() {
            tracing::warn!(label = &*self.label, %error, "an unused database was left behind");
        }
    }
}
