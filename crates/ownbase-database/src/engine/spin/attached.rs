//! A user's file attached as `u` to an empty database in memory: the way on unmodified Spin.
//!
//! Statements run in their attached form; only `CREATE` differs. The main database must be in memory, since
//! `BEGIN IMMEDIATE` locks it too, and would lock a file for all users. The file is attached by the first statement:
//! a read takes it only if it is there, a batch makes it. The folder is never made. Spin's SQLite keeps a rollback
//! journal there, left as it is: its versions before 3.51.3 can corrupt a WAL.
//!
//! Nothing but the name of the file keeps users apart here.

use std::cell::Cell;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::connection::{Connection, batch, transaction};
use crate::engine::file_name::{file_name, label_row, label_statements};
use crate::{Database, Error, Label, Row, Sql, Statement, Value};

/// A connection to which the user's file is attached when it is first needed.
#[derive(Debug)]
pub(super) struct Attached<C> {
    connection: C,
    label: Label,
    /// The file as SQLite's URI (<https://www.sqlite.org/uri.html>), without its query.
    uri: String,
    is_attached: Cell<bool>,
}

/// Whether attaching makes a missing file.
#[derive(Clone, Copy)]
enum Missing {
    Refuse,
    Make,
}

/// What stands for itself in the path of an URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

// Virtual tables go before the tables that they keep themselves; indexes and triggers go with their tables.
const NEXT_TO_DROP: &str = "SELECT type, name FROM u.sqlite_schema \
     WHERE type IN ('view', 'table') AND name NOT GLOB 'sqlite_*' \
     ORDER BY sql LIKE 'CREATE VIRTUAL %' DESC LIMIT 1";

impl<C: Connection> Attached<C> {
    /// The database of `label` in the folder `dir`, on a fresh connection to a database in memory.
    pub(super) fn new(connection: C, dir: &str, label: &Label) -> Self {
        let uri = format!("file:{}/{}", utf8_percent_encode(dir, PATH), file_name(label));
        Self { connection, label: label.clone(), uri, is_attached: Cell::new(false) }
    }

    /// Drops all that the file has and shrinks it to nothing. The empty file stays, as no statement removes one.
    ///
    /// Where it fails after the drop, the user is gone, but deleted text may still be in the file's free pages: the
    /// error asks for another try.
    pub(super) fn erase(&self) -> Result<(), Error> {
        match self.with_file(Missing::Refuse, || self.drop_everything()) {
            Err(Error::Missing) => Ok(()),
            erased => erased,
        }
    }

    fn drop_everything(&self) -> Result<(), Error> {
        // So that tables may be dropped in any order. The connection ends with the request.
        self.connection.execute("PRAGMA foreign_keys = OFF", &[])?;
        transaction(&self.connection, || {
            while let Some(row) = self.connection.execute(NEXT_TO_DROP, &[])?.pop() {
                self.connection.execute(&drop_statement(row)?, &[])?;
            }
            Ok(())
        })?;
        self.connection.execute("VACUUM u", &[]).map(drop)
    }

    /// Runs `work` on the attached file.
    ///
    /// SQLite opens a file that it may not write for reading alone, and takes one that is made the moment after it
    /// was missing for such a file. Whoever writes to it then attaches it anew.
    fn with_file<T>(&self, missing: Missing, work: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
        self.attach(missing)?;
        match work() {
            Err(Error::Failed { code, .. }) if code == "SQLITE_READONLY" => {
                self.connection.execute("DETACH u", &[])?;
                self.is_attached.set(false);
                self.attach(missing)?;
                work()
            }
            done => done,
        }
    }

    fn attach(&self, missing: Missing) -> Result<(), Error> {
        if self.is_attached.get() {
            return Ok(());
        }
        let mode = match missing {
            Missing::Refuse => "rw",
            Missing::Make => "rwc",
        };
        let uri = Value::Text(format!("{}?mode={mode}", self.uri));
        match (self.connection.execute("ATTACH ?1 AS u", &[uri]), missing) {
            (Err(Error::Failed { code, .. }), Missing::Refuse) if code == "SQLITE_CANTOPEN" => Err(Error::Missing),
            (attached, _) => {
                attached?;
                self.is_attached.set(true);
                Ok(())
            }
        }
    }
}

impl<C: Connection> Database for Attached<C> {
    fn query(&self, sql: Sql, params: &[Value]) -> Result<Vec<Row>, Error> {
        self.with_file(Missing::Refuse, || self.connection.execute(sql.attached(), params))
    }

    fn batch(&self, statements: &[Statement<'_>]) -> Result<(), Error> {
        self.with_file(Missing::Make, || match label_row(&self.label) {
            None => batch(&self.connection, Sql::attached, statements),
            Some(row) => batch(&self.connection, Sql::attached, &[&label_statements(&row), statements].concat()),
        })
    }
}

/// The only statement built at run time: its name comes from SQLite, and SQLite reads it back quoted.
fn drop_statement(mut row: Row) -> Result<String, Error> {
    let kind = if row.take::<String>(0)? == "view" { "VIEW" } else { "TABLE" };
    let name = row.take::<String>(1)?.replace('"', "\"\"");
    Ok(format!("DROP {kind} u.\"{name}\""))
}

#[cfg(test)]
mod tests;
