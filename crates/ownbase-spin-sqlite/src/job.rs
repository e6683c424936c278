//! One statement on a blocking thread, and what becomes of the database afterwards.

use crate::{
    bindings::spin::sqlite::sqlite::{RowResult, Value},
    connection::Statement,
    databases::Databases,
    errors::Error,
    lease::Lease,
    rows::Rows,
    scope::{Scope, Transaction},
    session::Session,
};
use rusqlite::ffi;
use std::{sync::Arc, time::Instant};

/// Not SQL of anybody's: closes the database and deletes its file. Answers one row, as no other host does.
const ERASE: &str = "PRAGMA ownbase_erase";

/// A statement about to run on a blocking thread, with what it needs there.
pub(crate) struct Job<R> {
    pub(crate) session: Arc<Session>,
    pub(crate) scope: Scope,
    pub(crate) hold: Hold,
    pub(crate) statement: Statement,
    pub(crate) until: Instant,
    pub(crate) rows: R,
}

/// How the statement has the database: for itself, or with others of its transaction.
pub(crate) enum Hold {
    Alone(Lease),
    Within(Arc<Transaction>),
}

impl<R: Rows> Job<R> {
    /// Runs the statement. When this returns, its database is held by a transaction or free.
    pub(crate) fn run(mut self) -> Result<R, Error> {
        #[cfg(feature = "sabotage")]
        if crate::sabotage::delays_commit(&self.statement, matches!(self.hold, Hold::Within(_))) {
            return self.run_and_commit_late();
        }
        let databases = self.session.databases();
        match self.hold {
            Hold::Alone(mut lease) => {
                let result =
                    run_on(&mut lease, &self.session, &self.scope, &self.statement, self.until, &mut self.rows);
                if result.is_ok() && lease.in_transaction() {
                    self.session.note_begun(self.scope.begin(lease)?);
                } else {
                    // Before the answer goes out: settles what the statement left.
                    databases.give_back(lease);
                }
                result.map(|()| self.rows)
            }
            Hold::Within(transaction) => {
                let mut lease = transaction.lock();
                let result = match lease.in_transaction() {
                    true => run_on(&mut lease, &self.session, &self.scope, &self.statement, self.until, &mut self.rows),
                    // SQLite has rolled it back, or another call has ended it: nothing is to be done outside of it.
                    false => Err(Error::new(ffi::SQLITE_ABORT, "the transaction is over")),
                };
                let is_over = !lease.in_transaction();
                drop(lease);
                if is_over {
                    self.scope.finish(&transaction);
                }
                Hold::Within(transaction).end(databases);
                result.map(|()| self.rows)
            }
        }
    }
}

impl Hold {
    /// Ends a statement's use of the database. Whoever is the last to have a transaction ends it.
    pub(crate) fn end(self, databases: &Databases) {
        let lease = match self {
            Hold::Alone(lease) => Some(lease),
            Hold::Within(transaction) => Arc::into_inner(transaction).map(Transaction::into_lease),
        };
        if let Some(lease) = lease {
            databases.give_back(lease);
        }
    }
}

#[cfg(feature = "sabotage")]
impl<R: Rows> Job<R> {
    fn run_and_commit_late(mut self) -> Result<R, Error> {
        use crate::sabotage::{later, run};
        let databases = self.session.databases().clone();
        match self.hold {
            Hold::Alone(mut lease) => {
                run(&mut lease, &self.scope, &databases, "BEGIN IMMEDIATE");
                run_on(&mut lease, &self.session, &self.scope, &self.statement, self.until, &mut self.rows)?;
                later(move || run(&mut lease, &self.scope, &databases, "COMMIT"));
            }
            Hold::Within(transaction) => {
                self.rows.columns(vec![])?;
                self.scope.finish(&transaction);
                later(move || run(&mut transaction.lock(), &self.scope, &databases, "COMMIT"));
            }
        }
        Ok(self.rows)
    }
}

fn run_on(
    lease: &mut Lease,
    session: &Session,
    scope: &Scope,
    statement: &Statement,
    until: Instant,
    rows: &mut impl Rows,
) -> Result<(), Error> {
    #[cfg(feature = "sabotage")]
    if let Some(answer) = crate::sabotage::ignored(statement, rows) {
        return answer;
    }
    if is_erase(statement) {
        // A close may have been here already, and have left the directory to another process.
        session.databases().check_open()?;
        #[cfg(feature = "sabotage")]
        crate::sabotage::read_before_erase(lease, scope, session.databases())?;
        return erase(lease, scope, rows);
    }
    let changes = lease.run(scope, session.databases(), statement, until, rows)?;
    session.note_changes(changes);
    Ok(())
}

/// Whether a statement is for the host and not for SQLite.
pub(crate) fn is_erase(statement: &Statement) -> bool {
    statement.sql == ERASE
}

fn erase(lease: &mut Lease, scope: &Scope, rows: &mut impl Rows) -> Result<(), Error> {
    if lease.in_transaction() {
        return Err(Error::misuse("a database cannot be erased within a transaction"));
    }
    lease.erase()?;
    scope.forgive(lease.label());
    rows.columns(vec!["erased".to_owned()])?;
    rows.row(RowResult { values: vec![Value::Integer(1)] }, 0)?;
    rows.end()
}
