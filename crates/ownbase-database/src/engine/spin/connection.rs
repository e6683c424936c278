//! What spin:sqlite offers, and a transaction made of it.

use crate::{Error, Row, Sql, Statement, Value};

/// An open spin:sqlite connection: one statement a call. A test double stands in for the host natively.
pub trait Connection {
    /// Runs one statement and returns its rows. A transaction that it begins lasts until one ends it.
    ///
    /// # Errors
    /// What [`Database::query`](crate::Database::query) answers.
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::{Connection, batch};
    use crate::{Error, Row, Sql, Statement, Value};

    /// Keeps what it is asked, and fails one statement.
    struct Recorder {
        asked: RefCell<Vec<String>>,
        failing: &'static str,
    }

    impl Connection for Recorder {
        fn execute(&self, sql: &str, _: &[Value]) -> Result<Vec<Row>, Error> {
            self.asked.borrow_mut().push(sql.into());
            if sql == self.failing { Err(Error::Full) } else { Ok(Vec::new()) }
        }
    }

    #[track_caller]
    fn check(statements: &[&'static str], failing: &'static str, expected: &[&str]) {
        let recorder = Recorder { asked: RefCell::default(), failing };
        let statements: Vec<_> =
            statements.iter().map(|sql| Statement { sql: Sql::create("plain", sql), params: &[] }).collect();
        let result = batch(&recorder, Sql::attached, &statements);
        assert_eq!(recorder.asked.take(), expected);
        assert_eq!(result, if expected.contains(&failing) { Err(Error::Full) } else { Ok(()) });
    }

    #[test]
    fn a_batch_takes_the_write_lock_first() {
        check(&["a", "b"], "-", &["BEGIN IMMEDIATE", "a", "b", "COMMIT"]);
    }

    #[test]
    fn one_statement_needs_no_transaction() {
        check(&["a"], "-", &["a"]);
        check(&["a"], "a", &["a"]);
        check(&[], "-", &[]);
    }

    #[test]
    fn whatever_fails_is_rolled_back_once_begun() {
        check(&["a", "b", "c"], "b", &["BEGIN IMMEDIATE", "a", "b", "ROLLBACK"]);
        check(&["a", "b"], "COMMIT", &["BEGIN IMMEDIATE", "a", "b", "COMMIT", "ROLLBACK"]);
        check(&["a", "b"], "BEGIN IMMEDIATE", &["BEGIN IMMEDIATE"]);
    }
}
