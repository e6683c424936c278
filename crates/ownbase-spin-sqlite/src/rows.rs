//! A statement's answer on its way from SQLite to whoever takes it.

use crate::{
    bindings::spin::sqlite::sqlite::{RowResult, Value},
    clock::Clock,
    errors::Error,
    values::{Parameter, row},
};
use rusqlite::{ffi, params_from_iter};

/// Takes a statement's answer, row by row. An error stops the statement.
pub(crate) trait Rows {
    /// Comes first and once: the names of the columns, none for a statement that answers nothing.
    fn columns(&mut self, names: Vec<String>) -> Result<(), Error>;
    /// One row; `bytes` is about what it takes in memory.
    fn row(&mut self, row: RowResult, bytes: usize) -> Result<(), Error>;
    /// Comes after the last row, when the statement has done all it does.
    fn end(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

/// SQLite's fault, or that of whoever takes the rows.
pub(crate) enum Fault {
    Sqlite(rusqlite::Error),
    Rows(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Rows(error)
    }
}

/// A row from which on the clock is looked at for each: to copy it may take longer than many of SQLite's instructions,
/// after a number of which SQLite looks itself.
const LARGE_BYTES: usize = 4 << 10;

/// Runs a statement to its end, or until `clock` says that its time is over, and gives out what it answers.
pub(crate) fn answer(
    statement: &mut rusqlite::Statement<'_>,
    parameters: &[Value],
    clock: &Clock,
    out: &mut impl Rows,
) -> Result<(), Fault> {
    // What a statement has written before its first row is committed where it is left before its last one.
    let may_be_left = statement.readonly();
    let mut rows = statement.query(params_from_iter(parameters.iter().map(Parameter)))?;
    // Columns are asked for after the first step: SQLite may have prepared the statement anew, for a changed schema.
    let Some(first) = rows.next()? else {
        drop(rows);
        out.columns(names(statement))?;
        return Ok(out.end()?);
    };
    out.columns(names(first.as_ref()))?;
    let width = first.as_ref().column_count();
    let (values, bytes) = row(first, width)?;
    out.row(values, bytes)?;
    while let Some(next) = rows.next()? {
        let (values, bytes) = row(next, width)?;
        if may_be_left && bytes >= LARGE_BYTES && clock.is_over() {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None).into());
        }
        out.row(values, bytes)?;
    }
    Ok(out.end()?)
}

fn names(statement: &rusqlite::Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}
