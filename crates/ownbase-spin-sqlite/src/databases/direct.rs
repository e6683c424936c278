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
    lease::Lease,
    session::{Session, panicked},
};
use rusqlite::ffi;
use std::{fmt, sync::Arc};

/// Looks for a database that is open while it is copied: each is a race lost against whoever closes it.
const ATTEMPTS: usize = 8;

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

    /// Copies the database, as it is between two transactions of others, to the same label of `other`, which must not
    /// have one. Others wait for this one meanwhile. Nothing is synced.
    ///
    /// # Errors
    /// There is no database, or it cannot be read, or the copy not be written; then there is none.
    pub async fn copy_into(&self, other: &Databases) -> Result<(), DirectError> {
        for _ in 0..ATTEMPTS {
            self.execute("SELECT count(*) FROM sqlite_schema", Vec::new()).await?;
            let (lease, copy) = (Lease::wait(&self.database).await, other.0.files.locate(&self.label));
            if lease.is_open() {
                let copying = tokio::task::spawn_blocking(move || lease.copy_to(&copy));
                return Ok(copying.await.map_err(panicked)??);
            }
        }
        Err(Error::new(ffi::SQLITE_NOTFOUND, "there is no database to copy").into())
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
        DirectError(match error {
            Error::AccessDenied => "access-denied: this label may not be opened".to_owned(),
            Error::DatabaseFull => "SQLITE_FULL: database or disk is full".to_owned(),
            Error::Io(message) => message,
            Error::Trap(error) => format!("SQLITE_INTERNAL: {error}"),
        })
    }
}
