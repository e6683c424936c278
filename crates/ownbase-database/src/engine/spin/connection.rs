//! What spin:sqlite offers, and a transaction made of it.

use crate::{Error, Row, Sql, Statement, Value};

/// An open spin:sqlite connection: one statement a call. A test double stands in for the host natively.
pub(super) trait Connection {
    fn execute(&self, sql: &str, params: &[Value]) -> Result<Vec<Row>, Error>;
}

/// Runs statements in one transaction, each in its `form`. One alone is a transaction already.
pub(super) fn batch(
    connection: &impl Connection,
    form: fn(Sql) -> &'static str,
    statements: &[Statement<'_>],
) -> Result<(), Error> {
    let run_all = || statements.iter().try_for_each(|each| connection.execute(form(each.sql), each.params).map(drop));
    if statements.len() <= 1 {
        return run_all();
    }
    transaction(connection, run_all)
}

/// Runs `work` in a transaction that takes the write lock at its start.
pub(super) fn transaction(connection: &impl Connection, work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    connection.execute("BEGIN IMMEDIATE", &[])?;
    let result = work().and_then(|()| connection.execute("COMMIT", &[]).map(drop));
    if result.is_err() {
        // Some errors have rolled back already, and then this one fails; the error to tell is the first.
        let _ = connection.execute("ROLLBACK", &[]);
    }
    result
}
