//! Empty databases in memory, on which statements for labels without a file are tried.
//!
//! What is true of any empty database needs no file: a read, and a statement that cannot even be prepared, are answered
//! here. What would write, or begin a transaction, is not run; the caller makes the file. So nothing is ever stored in
//! one of these, and requests of any user may share them.

use crate::{
    Limits,
    connection::{Changes, Connection, Ran, Statement},
    errors::Error,
    rows::Rows,
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Kept for the next; more are made while more are in use.
const MAX_KEPT: usize = 8;

pub(crate) struct Scratch {
    limits: Arc<Limits>,
    kept: Mutex<Vec<Connection>>,
}

impl Scratch {
    pub(crate) fn new(limits: Arc<Limits>) -> Scratch {
        Scratch { limits, kept: Mutex::default() }
    }

    /// Answers a statement as an empty database would, or `None` if it does more than read.
    pub(crate) fn try_read(
        &self,
        statement: &Statement,
        until: Instant,
        rows: &mut impl Rows,
    ) -> Option<Result<Option<Changes>, Error>> {
        let kept = self.kept().pop();
        let connection = match kept.map_or_else(|| Connection::scratch(&self.limits), Ok) {
            Ok(connection) => connection,
            Err(error) => return Some(Err(error)),
        };
        let ran = connection.read(statement, until, rows);
        let mut kept = self.kept();
        if kept.len() < MAX_KEPT {
            kept.push(connection);
        }
        match ran {
            Ran::Done(result) => Some(result),
            Ran::Stopped(error) => Some(Err(error)),
            Ran::Refused => None,
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
