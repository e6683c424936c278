//! An open database: its connection, its log, and the rights that it takes.

use crate::{
    connection::{Admission, Changes, Connection, Kind, Ran, Statement},
    errors::Error,
    files::{FileLock, Usage},
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
    /// Nothing was ever written into the database when it was opened, nor, as far as is known, since.
    pub(crate) may_be_unused: bool,
    usage: Arc<Usage>,
    room: Room,
    /// Goes after the connection, whose close would end it.
    _lock: FileLock,
}

impl Open {
    pub(crate) fn new(
        connection: Connection,
        log: Option<Arc<Log>>,
        usage: Arc<Usage>,
        room: Room,
        lock: FileLock,
    ) -> Open {
        Open { connection, log, may_be_unused: false, usage, room, _lock: lock }
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

    /// Runs a statement if it only reads.
    pub(crate) fn read(&self, scope: &Scope, statement: &Statement, until: Instant, rows: &mut impl Rows) -> Ran {
        self.run_as(scope, statement, until, Admission::of_reads, rows)
    }

    /// Runs a statement if it does not hold up the thread: see `Session`. What it syncs, it leaves to the gate.
    pub(crate) fn run_here(&self, scope: &Scope, statement: &Statement, until: Instant, rows: &mut impl Rows) -> Ran {
        if self.has_failed() {
            return Ran::Refused;
        }
        let admit = |kind| match kind {
            Kind::Read if !self.connection.may_have_written() => Admission::Brief,
            Kind::Change if self.changes_here() => Admission::Small,
            Kind::Read | Kind::BulkRead | Kind::Change | Kind::Other => Admission::Refused,
        };
        self.run_as(scope, statement, until, admit, rows)
    }

    /// Runs a statement. May block.
    pub(crate) fn run(
        &self,
        scope: &Scope,
        statement: &Statement,
        until: Instant,
        rows: &mut impl Rows,
    ) -> Result<Option<Changes>, Error> {
        let may_run = |kind: Kind| kind.only_reads() || !self.usage.is_full() || !statement.may_grow();
        let admit = |kind| if may_run(kind) { Admission::Granted } else { Admission::Refused };
        match self.run_as(scope, statement, until, admit, rows) {
            Ran::Done(result) => result,
            Ran::Stopped(error) => Err(error),
            Ran::Refused => Err(self.usage.refuse_growth()),
        }
    }

    /// Whether a commit takes no sync now, nor a checkpoint, nor the look at a file that may have to go again, nor room that
    /// is not there.
    fn changes_here(&self) -> bool {
        self.log.is_some()
            && !self.usage.is_full()
            && !self.may_be_unused
            && self.connection.commits_unsynced()
            && !self.connection.wal_is_overdue()
    }

    fn run_as(
        &self,
        scope: &Scope,
        statement: &Statement,
        until: Instant,
        admit: impl Fn(Kind) -> Admission,
        rows: &mut impl Rows,
    ) -> Ran {
        let Some(log) = &self.log else { return self.connection.run(statement, until, admit, rows) };
        // What it reads may be another's commit, and so may the table be that it does not find.
        scope.wait_for(log, log.seen());
        let mut may_commit = false;
        let announced = |kind| {
            let admission = admit(kind);
            may_commit = admission != Admission::Refused && !kind.only_reads();
            if may_commit {
                // Before it runs: its rows may be on their way to the client before it has ended.
                scope.wait_for(log, log.next());
            }
            admission
        };
        let ran = self.connection.run(statement, until, announced, rows);
        if may_commit {
            let frames = u64::try_from(self.connection.wal_pages()).unwrap_or_default();
            log.end(self.connection.take_committed(), frames);
        }
        ran
    }

    /// Moves the WAL into the file, durably. May block for long.
    pub(crate) fn checkpoint(&self) -> Result<(), Error> {
        if let Some(log) = &self.log {
            log.begin_generation();
        }
        self.connection.checkpoint()
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
