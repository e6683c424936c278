//! A label's database for the host itself, without a component: for what a program does to users' databases.
//!
//! Under the same policy, limits and locks as a guest's connection, and among them: it waits its turn, and counts as one
//! of the databases that may be open. What it opened it closes again, so that a program that goes through all users
//! takes no more room than it needs, and pushes nobody out who is being served.

use super::Databases;
use crate::{
    Labels, Value,
    connection::Statement,
    database::Shared,
    errors::Error,
    gathered::Gathered,
    lease::Lease,
    scope::Scope,
    session::{Session, panicked},
};
use std::{fmt, sync::Arc, time::Instant};

/// A label's database, to run statements on. A transaction that is open when this is dropped is rolled back.
pub struct Direct {
    session: Arc<Session>,
    database: Shared,
    label: Arc<str>,
    /// Somebody else had it open before.
    was_open: bool,
}

/// Why a statement did not succeed: what a guest would see, beginning with SQLite's symbolic code and a colon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DirectError(String);

impl Databases {
    /// The database of `label`, if `labels` allow it. Opens and makes nothing yet.
    ///
    /// # Errors
    /// The label is not allowed.
    pub fn direct(&self, labels: &Labels, label: &str) -> Result<Direct, DirectError> {
        if !labels.allow(label) {
            return Err(Error::AccessDenied.into());
        }
        let (label, database) = self.entry(label);
        // Who holds it has it open, or is about to.
        let was_open = Lease::try_take(&database).is_none_or(|lease| lease.is_open());
        let session = Arc::new(Session::new(self.clone(), &label));
        Ok(Direct { session, database, label, was_open })
    }
}

impl Direct {
    /// Runs one statement and returns its rows; on disk when this returns, if it is not within a transaction that was
    /// begun before. Must be called within a tokio runtime that has time.
    ///
    /// # Errors
    /// What SQLite answers, and what the policy and the limits refuse.
    pub async fn execute(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Vec<Value>>, DirectError> {
        let statement = Statement { sql: sql.to_owned(), parameters };
        let result = self.session.execute(None, statement).await?;
        Ok(result.rows.into_iter().map(|row| row.values).collect())
    }

    /// Runs one statement that only reads, outside any transaction, and leaves the database's files as they are, byte for
    /// byte: a database that is not open is opened for reading only, and what a crash left in its WAL is read and stays
    /// there. Must be called within a tokio runtime that has time.
    ///
    /// # Errors
    /// As [`Direct::execute`]; `SQLITE_NOTADB` for an empty file, `SQLITE_READONLY` for a statement that does more than
    /// read.
    pub async fn look(&self, sql: &str, parameters: Vec<Value>) -> Result<Vec<Vec<Value>>, DirectError> {
        let statement = Statement { sql: sql.to_owned(), parameters };
        let (lease, scope) = (self.lease().await?, Scope::own());
        let (databases, waits) = (self.session.databases().clone(), scope.clone());
        let looking = tokio::task::spawn_blocking(move || {
            let limits = databases.limits();
            let mut gathered = Gathered::new(limits.max_result_rows, limits.max_result_bytes);
            let until = Instant::now() + limits.statement_timeout();
            lease.look(&waits, &databases, &statement, until, &mut gathered).map(|()| gathered.result)
        });
        let result = looking.await.map_err(panicked)??;
        scope.settle_own().await?;
        Ok(result.rows.into_iter().map(|row| row.values).collect())
    }

    /// Copies the database, as it is between two transactions of others, to the same label of `other`, which must not
    /// have one. Leaves its files as they are. Others wait for this one meanwhile. Nothing is synced.
    ///
    /// # Errors
    /// There is no database, or it cannot be read, or the copy not be written; then there is none.
    pub async fn copy_into(&self, other: &Databases) -> Result<(), DirectError> {
        let (lease, copy) = (self.lease().await?, other.0.files.locate(&self.label));
        let databases = self.session.databases().clone();
        let until = Instant::now() + databases.limits().busy_timeout();
        let copying = tokio::task::spawn_blocking(move || lease.copy_to(&databases, &copy, until));
        Ok(copying.await.map_err(panicked)??)
    }

    async fn lease(&self) -> Result<Lease, Error> {
        let patience = self.session.databases().limits().busy_timeout();
        let waiting = tokio::time::timeout(patience, Lease::wait(&self.database));
        waiting.await.map_err(|_| Error::busy("another request held the database for too long"))
    }

    /// Lets go of the database, and closes it unless others use it or had it open before.
    pub async fn finish(self) {
        if !self.was_open
            && let Some(mut lease) = Lease::try_take(&self.database)
        {
            // A join error means that the close panicked; the next use opens the database anew.
            drop(tokio::task::spawn_blocking(move || lease.close()).await);
        }
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        self.session.close();
    }
}

impl fmt::Debug for Direct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").field("label", &self.label).finish_non_exhaustive()
    }
}

impl From<Error> for DirectError {
    fn from(error: Error) -> DirectError {
        DirectError(error.shown())
    }
}
