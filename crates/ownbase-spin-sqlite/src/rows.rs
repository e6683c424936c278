//! A statement's answer on its way from SQLite to whoever takes it.

use crate::{
    bindings::spin::sqlite::sqlite::{RowResult, Value},
    clock::Clock,
    errors::Error,
    values::{self, Parameter},
};
use rusqlite::{InterruptHandle, ffi, params_from_iter};

/// Takes a statement's answer, row by row. An error stops the statement, and undoes what the statement changed.
pub(crate) trait Rows {
    /// Whether `end` may fail.
    const MAY_REFUSE_END: bool = false;
    /// Comes first and once: the names of the columns, none for a statement that answers nothing.
    fn columns(&mut self, names: Vec<String>) -> Result<(), Error>;
    /// Whether a row of so many bytes may come, before the row is copied.
    fn admit(&self, bytes: usize) -> Result<(), Error>;
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
    /// A row is too large for the thread that serves.
    LargeRow,
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

/// On what terms a statement runs.
pub(crate) struct Terms<'a> {
    pub(crate) clock: &'a Clock,
    /// The largest row that is handed out; a larger one stops the statement.
    pub(crate) max_row_bytes: usize,
    /// Undoes what a statement changed whose answer is refused. `None` if somebody else undoes that.
    pub(crate) undo: Option<&'a InterruptHandle>,
}

/// A row from which on the clock is looked at for each: to copy it may take longer than many of SQLite's instructions,
/// after a number of which SQLite looks itself.
const LARGE_BYTES: usize = 4 << 10;

/// Runs a statement to its end, or until the clock says that its time is over, and gives out what it answers.
pub(crate) fn answer(
    statement: &mut rusqlite::Statement<'_>,
    parameters: &[Value],
    terms: &Terms<'_>,
    out: &mut impl Rows,
) -> Result<(), Fault> {
    let only_reads = statement.readonly();
    let mut rows = statement.query(params_from_iter(parameters.iter().map(Parameter)))?;
    // Columns are asked for after the first step: SQLite may have prepared the statement anew, for a changed schema.
    let given = match rows.next()? {
        Some(first) => {
            let width = first.as_ref().column_count();
            let columns = out.columns(names(first.as_ref())).map_err(Fault::from);
            let given = columns.and_then(|()| give(first, width, terms, out));
            given.and_then(|_| give_rest(&mut rows, width, only_reads, terms, out))
        }
        None => {
            drop(rows);
            out.columns(names(statement))?;
            return Ok(out.end()?);
        }
    };
    match (&given, terms.undo) {
        // SQLite made every change before the first row, and would commit them where the statement is left. It undoes them
        // where the statement is interrupted, which it is by its next step.
        (Err(Fault::Rows(_) | Fault::LargeRow), Some(interrupt)) if !only_reads => {
            interrupt.interrupt();
            let _ = rows.next();
        }
        _ => {}
    }
    given
}

fn give_rest(
    rows: &mut rusqlite::Rows<'_>,
    width: usize,
    only_reads: bool,
    terms: &Terms<'_>,
    out: &mut impl Rows,
) -> Result<(), Fault> {
    while let Some(next) = rows.next()? {
        let bytes = give(next, width, terms, out)?;
        // What a statement has written before its first row is not stopped by the clock any more.
        if only_reads && bytes >= LARGE_BYTES && terms.clock.is_over() {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None).into());
        }
    }
    Ok(out.end()?)
}

/// Gives out one row; returns about how many bytes it takes.
fn give(row: &rusqlite::Row<'_>, width: usize, terms: &Terms<'_>, out: &mut impl Rows) -> Result<usize, Fault> {
    let admit = |bytes| match bytes > terms.max_row_bytes {
        true => Err(Fault::LargeRow),
        false => Ok(out.admit(bytes)?),
    };
    let (values, bytes) = values::row(row, width, admit)?;
    out.row(values, bytes)?;
    Ok(bytes)
}

fn names(statement: &rusqlite::Statement<'_>) -> Vec<String> {
    statement.column_names().map(str::to_owned).collect()
}
