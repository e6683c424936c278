//! An open database: its connection, its log, and the rights that it takes.

use crate::{
    connection::{Changes, Connection, Read, Statement},
    errors::Error,
    files::FileLock,
    gate::Log,
    rooms::{Room, Rooms},
    rows::Rows,
    scope::Scope,
};
use std::{sync::Arc, time::Instant};

pub(crate) struct Open {
    connection: Connection,
    /// Where commits are counted, if they do not sync.
    log: Option<Arc<Log>>,
    /// The database was empty when it was opened, and is not known to hold anything since.
    pub(crate) may_be_empty: bool,
    room: Room,
    /// Goes after the connection, whose close would end it.
    _lock: FileLock,
}

impl Open {
    pub(crate) fn new(connection: Connection, log: Option<Arc<Log>>, room: Room, lock: FileLock) -> Open {
        Open { connection, log, may_be_empty: false, room, _lock: lock }
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Of those that may be open, of which it is one.
    pub(crate) fn rooms(&self) -> Arc<Rooms> {
        self.room.rooms().clone()
    }

    /// Whether the disk failed it: then it is to be left, and recovered by being opened anew.
    pub(crate) fn has_failed(&self) -> bool {
        self.connection.has_failed() || self.log.as_ref().is_some_and(|log| log.has_failed())
    }

    /// Runs a statement if it only reads; see `Connection::read`.
    pub(crate) fn read(&self, scope: &Scope, statement: &Statement, until: Instant, rows: &mut impl Rows) -> Read {
        if self.has_failed() {
            return Read::Refused;
        }
        if let Some(log) = &self.log {
            scope.wait_for(log, log.seen());
        }
        self.connection.read(statement, until, rows)
    }

    /// Runs a statement; see `Connection::run`.
    pub(crate) fn run(
        &self,
        scope: &Scope,
        statement: &Statement,
        until: Instant,
        rows: &mut impl Rows,
    ) -> Result<Option<Changes>, Error> {
        let Some(log) = &self.log else { return self.connection.run(statement, until, rows) };
        // Before it runs: its rows may be on their way to the client before it has ended. They wait for its own end only
        // where it may commit: a read's may be held back by whoever holds the answer back meanwhile.
        let only_reads = self.connection.only_reads(statement, until);
        scope.wait_for(log, if only_reads { log.seen() } else { log.next() });
        let result = self.connection.run(statement, until, rows);
        log.end(self.connection.take_committed());
        result
    }

    /// Moves the WAL into the file, durably, and closes both; if that fails, or the disk has failed before, leaves them as
    /// they are.
    pub(crate) fn close(self) -> Result<(), Error> {
        if self.has_failed() {
            if let Some(log) = self.leave() {
                log.fail();
            }
            return Ok(());
        }
        let closed = self.connection.close();
        if let Some(log) = self.log {
            match &closed {
                Ok(()) => log.close(),
                Err(_) => log.fail(),
            }
        }
        closed
    }

    /// Closes the files and leaves them as they are. The caller tells whoever waits for the log.
    pub(crate) fn leave(self) -> Option<Arc<Log>> {
        self.log
    }
}
