//! Looking at a database, and copying it, without a change to its files: it is not recovered, and what is not open stays
//! closed.

use super::Database;
use crate::{
    connection::{Ran, Statement},
    databases::Databases,
    errors::Error,
    files::Location,
    gate::NotDurable,
    look::Look,
    rows::Rows,
    scope::Scope,
};
use rusqlite::ffi;
use std::time::Instant;

impl Database {
    /// Runs a statement that only reads. May block.
    pub(crate) fn look(
        &self,
        scope: &Scope,
        databases: &Databases,
        statement: &Statement,
        until: Instant,
        rows: &mut impl Rows,
    ) -> Result<(), Error> {
        let ran = match &self.open {
            Some(open) if open.has_failed() => return Err(NotDurable.into()),
            Some(open) => open.read(scope, statement, until, rows),
            None if self.location.exists()? => {
                let _room = databases.take_room(until)?;
                self.open_to_look(databases)?.connection().read(statement, until, rows)
            }
            None => databases.scratch().try_read(statement, until, rows).map_or(Ran::Refused, Ran::Done),
        };
        match ran {
            Ran::Done(result) => result.map(drop),
            Ran::Stopped(error) => Err(error),
            Ran::Refused => Err(Error::new(ffi::SQLITE_READONLY, "the statement does more than read")),
        }
    }

    /// Copies the database to a place where none is. May block for long.
    pub(crate) fn copy_to(&self, databases: &Databases, copy: &Location, until: Instant) -> Result<(), Error> {
        let copied = match &self.open {
            Some(open) if open.has_failed() => return Err(NotDurable.into()),
            Some(open) => open.connection().copy_to(copy.file()),
            None if self.location.exists()? => {
                let _room = databases.take_room(until)?;
                self.open_to_look(databases)?.connection().copy_to(copy.file())
            }
            None => return Err(Error::new(ffi::SQLITE_NOTFOUND, "there is no database to copy")),
        };
        copied.inspect_err(|_| copy.discard())
    }

    fn open_to_look(&self, databases: &Databases) -> Result<Look, Error> {
        self.wait_for_others(databases);
        let look = Look::open(&self.location, databases.limits())?;
        let is_unused = look.connection().is_unused()?;
        self.has_right_label(look.connection(), is_unused)?;
        Ok(look)
    }
}
